"""Where one message ends and the next one begins in a stream of bytes."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hagworm.extend.error import FrameError

__all__ = ("Cut", "Decoder", "Delimited", "Framing", "LengthPrefixed", "MagicLength", "VarintPrefixed")

LARGE = 16 << 20


class Cut(NamedTuple):
    """A frame in a buffer: where its payload begins and ends, and where the next one begins."""

    begin: int
    end: int
    following: int
    is_noise: bool = False
    """Whether it is no frame, and is to be skipped."""


class Framing(Protocol):
    """How frames are told apart; at most `max_size` bytes are in one."""

    @property
    def max_size(self) -> int: ...

    def encode(self, payload: bytes) -> bytes:
        """Return the frame of `payload`. Raises `FrameError` where it is too long, or would be read as another."""

    def cut(self, buffer: bytearray, start: int, scanned: int) -> Cut | None:
        """Return the frame that begins at `start`, or None where it is not all there.

        Up to `scanned` the buffer has been looked at before, in vain. Raises `FrameError` for what can be no frame.
        """


class Decoder:
    """Takes bytes as they come, and gives the frames that are complete."""

    __slots__ = ("buffer", "framing", "scanned", "skipped")

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        self.buffer = bytearray()
        self.scanned = 0
        self.skipped = 0
        """How many bytes belonged to no frame."""

    def __repr__(self) -> str:
        return f"<Decoder of {self.framing!r}, {len(self.buffer)} bytes pending>"

    @property
    def pending(self) -> int:
        """How many bytes of the next frame are there."""
        return len(self.buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes, in order. Raises `FrameError`; nothing can be read after that."""
        buffer, framing = self.buffer, self.framing
        buffer += data
        frames = []
        start = 0

        while (cut := framing.cut(buffer, start, self.scanned)) is not None:
            if cut.is_noise:
                self.skipped += cut.following - start
            else:
                frames.append(bytes(buffer[cut.begin : cut.end]))

            start = self.scanned = cut.following

        if start:
            del buffer[:start]

        self.scanned = len(buffer)
        return frames


@dataclass(frozen=True, slots=True)
class LengthPrefixed:
    """The length of the payload in `width` bytes (1, 2, 4 or 8), the most significant first, then the payload."""

    width: int = 4
    max_size: int = LARGE

    def __post_init__(self) -> None:
        check_width(self.width, self.max_size)

    def encode(self, payload: bytes) -> bytes:
        """Return the frame of `payload`."""
        return check_size(len(payload), self.max_size).to_bytes(self.width, "big") + payload

    def cut(self, buffer: bytearray, start: int, scanned: int) -> Cut | None:
        """Return the frame that begins at `start`."""
        begin = start + self.width

        if len(buffer) < begin:
            return None

        end = begin + check_size(int.from_bytes(buffer[start:begin], "big"), self.max_size)
        return Cut(begin, end, end) if end <= len(buffer) else None


@dataclass(frozen=True, slots=True)
class Delimited:
    """The payload, then `delimiter`, which no payload may hold: lines, for example."""

    delimiter: bytes = b"\n"
    max_size: int = 1 << 16

    def __post_init__(self) -> None:
        if not self.delimiter or self.max_size < 1:
            raise ValueError(f"Delimited: neither {self.delimiter!r} nor {self.max_size!r} may be empty")

    def encode(self, payload: bytes) -> bytes:
        """Return the frame of `payload`."""
        check_size(len(payload), self.max_size)
        frame = payload + self.delimiter

        # Also where its end and the beginning of the delimiter look like one.
        if frame.find(self.delimiter) != len(payload):
            raise FrameError(f"a payload must not hold the delimiter {self.delimiter!r}")

        return frame

    def cut(self, buffer: bytearray, start: int, scanned: int) -> Cut | None:
        """Return the frame that begins at `start`."""
        end = buffer.find(self.delimiter, max(start, scanned - len(self.delimiter) + 1))
        check_size((len(buffer) - len(self.delimiter) if end < 0 else end) - start, self.max_size)
        return None if end < 0 else Cut(start, end, end + len(self.delimiter))


@dataclass(frozen=True, slots=True)
class MagicLength:
    """`magic`, the length of the payload in `width` bytes, then the payload.

    With `resync` what is not where a frame should be is skipped up to the next `magic`, and a length above `max_size`
    is taken for noise: for lines that drop bytes. Without, both are errors.
    """

    magic: bytes
    width: int = 4
    max_size: int = LARGE
    resync: bool = False

    def __post_init__(self) -> None:
        check_width(self.width, self.max_size)

        if not self.magic:
            raise ValueError("MagicLength: there is no magic in nothing")

    def encode(self, payload: bytes) -> bytes:
        """Return the frame of `payload`."""
        return self.magic + check_size(len(payload), self.max_size).to_bytes(self.width, "big") + payload

    def cut(self, buffer: bytearray, start: int, scanned: int) -> Cut | None:
        """Return the frame that begins at `start`, or what has to be skipped before one."""
        head = bytes(buffer[start : start + len(self.magic)])

        if head != self.magic[: len(head)]:
            return self.skip(buffer, start)

        begin = start + len(self.magic) + self.width

        if len(buffer) < begin:
            return None

        size = int.from_bytes(buffer[begin - self.width : begin], "big")

        if size > self.max_size and self.resync:
            return self.skip(buffer, start)

        end = begin + check_size(size, self.max_size)
        return Cut(begin, end, end) if end <= len(buffer) else None

    def skip(self, buffer: bytearray, start: int) -> Cut:
        if not self.resync:
            raise FrameError(f"a frame does not begin with {self.magic!r}")

        found = buffer.find(self.magic, start + 1)

        # The end of what is there may be the beginning of one.
        following = max(start + 1, len(buffer) - len(self.magic) + 1) if found < 0 else found
        return Cut(start, start, following, is_noise=True)


@dataclass(frozen=True, slots=True)
class VarintPrefixed:
    """The length of the payload as a variable-length number, seven bits to a byte (as Protocol Buffers delimit)."""

    max_size: int = LARGE

    def encode(self, payload: bytes) -> bytes:
        """Return the frame of `payload`."""
        left = check_size(len(payload), self.max_size)
        head = bytearray()

        while left > 0x7F:
            head.append(left & 0x7F | 0x80)
            left >>= 7

        head.append(left)
        return bytes(head) + payload

    def cut(self, buffer: bytearray, start: int, scanned: int) -> Cut | None:
        """Return the frame that begins at `start`."""
        size = 0

        for place, byte in enumerate(buffer[start : start + 10]):
            size |= (byte & 0x7F) << 7 * place

            if byte < 0x80:
                # One number has one form: what could also be said shorter is not said by an honest peer.
                if byte == 0 and place:
                    raise FrameError("a length is written with more bytes than it needs")

                begin = start + place + 1
                end = begin + check_size(size, self.max_size)
                return Cut(begin, end, end) if end <= len(buffer) else None

        if len(buffer) - start >= 10:
            raise FrameError("a length has more than 10 bytes")

        return None


def check_size(size: int, max_size: int) -> int:
    if size > max_size:
        raise FrameError(f"a frame of at least {size} bytes is longer than {max_size}")

    return size


def check_width(width: int, max_size: int) -> None:
    if width not in (1, 2, 4, 8) or not 0 < max_size:
        raise ValueError(f"a length has 1, 2, 4 or 8 bytes and is above 0, not {width!r} and {max_size!r}")

    if max_size >= 256**width:
        raise ValueError(f"max_size: {max_size} does not fit into {width} bytes")
