"""WebSocket frames and messages as bytes (RFC 6455): written loosely, read strictly."""

import struct
from dataclasses import dataclass

from hagworm.facade.exchange import Closed

__all__ = (
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "FrameError",
    "FrameParser",
    "MessageParser",
    "encode_close",
    "encode_frame",
)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class FrameError(Exception):
    """What arrived breaks RFC 6455; `code` is what the close frame should say."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, its payload unmasked."""

    opcode: int
    payload: bytes = b""
    final: bool = True
    reserved: int = 0


def apply_mask(payload: bytes, key: bytes) -> bytes:
    if not payload:
        return b""

    stretched = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")).to_bytes(len(payload), "big")


def encode_frame(
    opcode: int, payload: bytes = b"", *, final: bool = True, mask: bytes | None = None, reserved: int = 0
) -> bytes:
    """Return the bytes of one frame, whether RFC 6455 allows it or not; `mask` is the key of a client's frame."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    masked = 0 if mask is None else 0x80
    size = len(payload)

    if size < 126:
        head = bytes((first, masked | size))
    elif size < 65536:
        head = bytes((first, masked | 126)) + struct.pack("!H", size)
    else:
        head = bytes((first, masked | 127)) + struct.pack("!Q", size)

    return head + payload if mask is None else head + mask + apply_mask(payload, mask)


def encode_close(code: int | None = None, reason: str = "") -> bytes:
    """Return the payload of a close frame, empty without a code."""
    return b"" if code is None else struct.pack("!H", code) + reason.encode()


class FrameParser:
    """Turns bytes into frames; `masked` says whether the peer must mask (a client must, a server must not)."""

    def __init__(self, *, masked: bool, limit: int | None = None) -> None:
        self.masked = masked
        self.limit = limit
        self.buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        self.buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next whole frame, None where more bytes are needed. Raises `FrameError`."""
        buffer = self.buffer

        if len(buffer) < 2:
            return None

        opcode, size, at = buffer[0] & 0x0F, buffer[1] & 0x7F, 2

        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise FrameError(1002, f"unknown opcode {opcode}")

        if reserved := buffer[0] >> 4 & 0x07:
            raise FrameError(1002, f"reserved bits {reserved:03b} without an extension")

        if bool(buffer[1] & 0x80) != self.masked:
            raise FrameError(1002, "a client must mask its frames" if self.masked else "a server must not mask")

        if opcode >= CLOSE and (size > 125 or not buffer[0] & 0x80):
            raise FrameError(1002, "a control frame is fragmented or longer than 125 bytes")

        if size >= 126:
            width = 2 if size == 126 else 8

            if len(buffer) < at + width:
                return None

            size = int.from_bytes(buffer[at : at + width], "big")
            at += width

        if self.limit is not None and size > self.limit:
            raise FrameError(1009, f"a frame of {size} bytes where {self.limit} are allowed")

        end = at + (4 if self.masked else 0) + size

        if len(buffer) < end:
            return None

        payload = bytes(buffer[end - size : end])

        if self.masked:
            payload = apply_mask(payload, bytes(buffer[at : at + 4]))

        frame = Frame(opcode, payload, bool(buffer[0] & 0x80))
        del buffer[:end]
        return frame


class MessageParser:
    """Turns frames into messages, pings and the close."""

    def __init__(self, *, limit: int | None = None) -> None:
        self.limit = limit
        self.opcode = 0
        self.parts: list[bytes] = []
        self.size = 0

    def accept(self, frame: Frame) -> str | bytes | Closed | None:
        """Return the message that `frame` completes, or the close it asks for; None for a fragment, ping or pong.

        Raises `FrameError`.
        """
        if frame.opcode == CLOSE:
            return read_close(frame.payload)

        if frame.opcode in (PING, PONG):
            return None

        if bool(self.opcode) != (frame.opcode == CONTINUATION):
            raise FrameError(1002, "a continuation without a beginning, or a message within a message")

        self.opcode = frame.opcode or self.opcode
        self.parts.append(frame.payload)
        self.size += len(frame.payload)

        if self.limit is not None and self.size > self.limit:
            raise FrameError(1009, f"a message of more than {self.limit} bytes")

        if not frame.final:
            return None

        opcode, payload = self.opcode, b"".join(self.parts)
        self.opcode, self.size = 0, 0
        self.parts.clear()

        if opcode == BINARY:
            return payload

        try:
            return payload.decode()
        except UnicodeDecodeError as exc:
            raise FrameError(1007, "a text message is not UTF-8") from exc


def read_close(payload: bytes) -> Closed:
    """Return what a close frame says, 1005 where it has no code. Raises `FrameError`."""
    if not payload:
        return Closed(1005)

    if len(payload) == 1:
        raise FrameError(1002, "a close frame with half a code")

    code = int.from_bytes(payload[:2], "big")

    # RFC 6455 7.4: what may stand in a close frame; 1004 to 1006 and 1015 are for local use only.
    if not (3000 <= code <= 4999 or 1000 <= code <= 1003 or 1007 <= code <= 1014):
        raise FrameError(1002, f"close code {code} may not be sent")

    try:
        return Closed(code, payload[2:].decode())
    except UnicodeDecodeError as exc:
        raise FrameError(1007, "the reason of a close frame is not UTF-8") from exc
