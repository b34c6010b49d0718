"""Parts of a representation: the header `Range`, and how several parts are sent (RFC 9110 14)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ("ByteRange", "byteranges", "content_range", "parse_ranges", "unsatisfied_range")

UNIT = re.compile(rb"bytes=", re.IGNORECASE)
SPEC = re.compile(rb"[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))?[ \t]*(?:,|\Z)")
# A client that wants more separate parts than this is served best, or attacks least, with the whole.
MOST_RANGES = 16
# Beyond any file; Python refuses to read numbers of thousands of digits.
BEYOND = 10**18


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """Bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


def parse_ranges(value: bytes, size: int, *, most: int = MOST_RANGES) -> tuple[ByteRange, ...] | None:
    """Return the parts of `size` bytes that a `Range` value asks for, in ascending order, neighbours merged.

    An empty tuple means that none of them exists (416). None means that the field is to be ignored (200): another unit,
    malformed, reversed, or more than `most` parts after merging.
    """
    if (unit := UNIT.match(value)) is None:
        return None

    place, count = unit.end(), 0
    wanted: list[ByteRange] = []

    while place < len(value):
        if (match := SPEC.match(value, place)) is None:
            return None

        place = match.end()
        first, last, suffix = match.groups()

        if first is None and suffix is None:
            continue

        count += 1

        if suffix is not None:
            # Of nothing, even the last bytes are nothing, and Content-Range cannot say that.
            if size == 0:
                return None

            start, stop = max(0, size - number(suffix)), size
        else:
            start = number(first)
            stop = number(last) + 1 if last else size

            if last and stop <= start:
                return None

        if start < min(stop, size):
            wanted.append(ByteRange(start, min(stop, size)))

    if not count:
        return None

    merged = merge(wanted)
    return tuple(merged) if len(merged) <= most else None


def number(digits: bytes) -> int:
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= 18 else BEYOND


def merge(ranges: list[ByteRange]) -> list[ByteRange]:
    merged: list[ByteRange] = []

    for found in sorted(ranges):
        if merged and found.start <= merged[-1].stop:
            merged[-1] = ByteRange(merged[-1].start, max(merged[-1].stop, found.stop))
        else:
            merged.append(found)

    return merged


def content_range(part: ByteRange, size: int) -> str:
    """Return the value of `Content-Range` for a part of `size` bytes."""
    return f"bytes {part.start}-{part.stop - 1}/{size}"


def unsatisfied_range(size: int) -> str:
    """Return the value of `Content-Range` that goes with 416."""
    return f"bytes */{size}"


def byteranges(
    parts: Sequence[ByteRange], size: int, content_type: str, boundary: str
) -> tuple[list[bytes | ByteRange], int]:
    """Return what a `multipart/byteranges` body is made of, in order, and its length in bytes."""
    pieces: list[bytes | ByteRange] = []
    mark = "--"

    for part in parts:
        head = f"{mark}{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {content_range(part, size)}\r\n\r\n"
        pieces += (head.encode("latin-1"), part)
        mark = "\r\n--"

    pieces.append(f"{mark}{boundary}--\r\n".encode("latin-1"))
    return pieces, sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces)
