"""The frames of a WebSocket, server side: bytes in, whole messages and control frames out (RFC 6455)."""

import codecs
import struct
from collections.abc import Callable
from typing import NamedTuple

import tornado.util

from hagworm.facade.exchange import Closed

__all__ = (
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "TEXT",
    "FrameError",
    "Frames",
    "Ping",
    "Pong",
    "close_frame",
    "data_frame",
    "masked_frame",
    "ping_frame",
    "pong_frame",
)


def unmask_plainly(mask: bytes, data: bytes) -> bytes:
    """Return `data` with `mask` taken off (RFC 6455, 5.3)."""
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


# A name of Tornado's own: its compiled form halves the time of a large message.
unmask: Callable[[bytes, bytes], bytes] = getattr(tornado.util, "_websocket_mask", unmask_plainly)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

_CODES = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))
_decoder = codecs.getincrementaldecoder("utf-8")
_short = struct.Struct("!BBH").pack
_long = struct.Struct("!BBQ").pack


class FrameError(Exception):
    """The client broke the protocol; `code` is what it is told in the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Ping(NamedTuple):
    """A ping frame; its payload belongs into the pong."""

    payload: bytes


class Pong(NamedTuple):
    """A pong frame, asked for or not."""

    payload: bytes


class Frames:
    """What a client sends, decoded. No message is longer than `limit` bytes; control frames count for nothing."""

    __slots__ = ("_at", "_binary", "_buffer", "_later", "_limit", "_need", "_size", "_text", "_words")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = b""
        self._at = 0
        self._later: list[bytes] = []
        self._need = 2
        self._size = 0
        self._binary: list[bytes] | None = None
        self._text: codecs.IncrementalDecoder | None = None
        self._words: list[str] = []

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        if self._buffer:
            self._need -= len(data)
            self._later.append(data)
        else:
            self._buffer = data
            self._need = 2 - len(data)

    def next(self) -> "str | bytes | Ping | Pong | Closed | None":
        """Return the next message or control frame, None until more has been fed. Raises `FrameError`.

        `Closed` is a close frame, 1005 if it was empty.
        """
        while True:
            if self._need > 0:
                return None

            if self._later:
                self._buffer = b"".join((self._buffer[self._at :], *self._later))
                self._at = 0
                self._later.clear()

            buffer = self._buffer
            at = self._at
            available = len(buffer) - at

            if available < 2:
                self._need = 2 - available
                return None

            opcode = buffer[at]
            length = buffer[at + 1] - 128

            if length < 0:
                raise FrameError(1002, "unmasked frame")

            if length < 126:
                start = at + 6
            elif opcode & 0x08:
                raise FrameError(1002, "control frame too long")
            else:
                size = 2 if length == 126 else 8
                start = at + 6 + size

                if available < 6 + size:
                    self._need = 6 + size - available
                    return None

                length = int.from_bytes(buffer[at + 2 : at + 2 + size], "big")

            if opcode & 0x70:
                raise FrameError(1002, "reserved bit set")

            if opcode & 0x08 == 0 and length + self._size > self._limit:
                raise FrameError(1009, "message too big")

            end = start + length

            if len(buffer) < end:
                self._need = end - len(buffer)
                return None

            payload = unmask(buffer[start - 4 : start], buffer[start:end])

            if end == len(buffer):
                self._buffer = b""
                self._at = 0
                self._need = 2
            else:
                self._at = end

            event = self._accept(opcode & 0x0F, opcode & 0x80 != 0, payload)

            if event is not None:
                return event

    def _accept(self, opcode: int, final: bool, payload: bytes) -> "str | bytes | Ping | Pong | Closed | None":
        if opcode & 0x08:
            return _control(opcode, final, payload)

        if opcode == CONTINUATION:
            if self._binary is None and self._text is None:
                raise FrameError(1002, "continuation of nothing")
        elif self._binary is not None or self._text is not None:
            raise FrameError(1002, "a message inside a message")
        elif opcode == TEXT:
            if final:
                return _decode(payload)

            self._text = _decoder()
        elif opcode == BINARY:
            if final:
                return payload

            self._binary = []
        else:
            raise FrameError(1002, "unknown opcode")

        return self._collect(final, payload)

    def _collect(self, final: bool, payload: bytes) -> str | bytes | None:
        """Keep a piece of a message; return the message with its last piece."""
        self._size += len(payload)

        if self._text is not None:
            try:
                self._words.append(self._text.decode(payload, final))
            except UnicodeDecodeError:
                raise FrameError(1007, "invalid UTF-8") from None
        else:
            assert self._binary is not None
            self._binary.append(payload)

        if not final:
            return None

        message: str | bytes = b"".join(self._binary) if self._binary is not None else "".join(self._words)
        self._size = 0
        self._binary = self._text = None
        self._words = []
        return message


def _decode(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise FrameError(1007, "invalid UTF-8") from None


def _control(opcode: int, final: bool, payload: bytes) -> Ping | Pong | Closed:
    if not final:
        raise FrameError(1002, "fragmented control frame")

    if opcode == PING:
        return Ping(payload)

    if opcode == PONG:
        return Pong(payload)

    if opcode != CLOSE:
        raise FrameError(1002, "unknown opcode")

    if not payload:
        return Closed(1005)

    code = int.from_bytes(payload[:2], "big")

    if len(payload) == 1 or not (code in _CODES or 3000 <= code <= 4999):
        raise FrameError(1002, "malformed close frame")

    return Closed(code, _decode(payload[2:]))


def data_frame(data: str | bytes) -> bytes:
    """Return one message as one frame: text for str, binary for bytes."""
    if isinstance(data, str):
        return _frame(0x80 | TEXT, data.encode("utf-8"))

    return _frame(0x80 | BINARY, data)


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame, empty for 1005; a reason that is too long is cut at a character (RFC 6455, 5.5)."""
    if code == 1005:
        return _frame(0x80 | CLOSE, b"")

    text = reason.encode("utf-8")[:123].decode("utf-8", "ignore").encode("utf-8")
    return _frame(0x80 | CLOSE, code.to_bytes(2, "big") + text)


def ping_frame(payload: bytes) -> bytes:
    """Return a ping; at most 125 bytes fit."""
    return _frame(0x80 | PING, payload)


def pong_frame(payload: bytes) -> bytes:
    """Return the answer to a ping."""
    return _frame(0x80 | PONG, payload)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)

    if size < 126:
        return bytes((first, size)) + payload

    return (_short(first, 126, size) if size < 65536 else _long(first, 127, size)) + payload


def masked_frame(opcode: int, payload: bytes) -> bytes:
    """Return a frame as a client would send it, under a mask that changes nothing."""
    frame = bytearray(_frame(0x80 | opcode, payload))
    frame[1] |= 0x80
    at = len(frame) - len(payload)
    frame[at:at] = bytes(4)
    return bytes(frame)
