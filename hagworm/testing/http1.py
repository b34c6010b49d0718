"""The parts of HTTP/1.1 that both ends read, strictly, so that the other end's mistakes are seen."""

import re
from dataclasses import dataclass

from hagworm.facade.exchange import HeaderPairs
from hagworm.testing.stream import Stream, StreamEnded

__all__ = ("BadMessage", "BodyReader", "ResponseHead", "read_response_head", "response_body", "split_fields")

STATUS_LINE = re.compile(rb"HTTP/(\d\.\d) (\d{3})(?: ([\t\x20-\x7e\x80-\xff]*))?")
# What else is a control character the facade refuses; these three would end a line for somebody.
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00\r\n]*?)[ \t]*")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")


class BadMessage(Exception):
    """What the peer sent is not valid HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """Status line and header fields; names in lower case, order and duplicates kept."""

    version: str
    status: int
    reason: str
    headers: HeaderPairs

    def values(self, name: bytes) -> list[bytes]:
        """Every value of the field `name`, given in lower case."""
        return [value for key, value in self.headers if key == name]


class BodyReader:
    """Reads one body: `length` bytes of it, chunks where that is "chunked", or all until the end where it is None."""

    def __init__(self, stream: Stream, length: int | str | None) -> None:
        self.stream = stream
        self.length = length
        self.remaining = length if isinstance(length, int) else 0
        self.complete = length == 0
        self.first_chunk = True

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end and ever after.

        Raises `StreamEnded` where the body is cut, `BadMessage` where a chunk is malformed.
        """
        if self.complete:
            return b""

        if self.length is None:
            if piece := await self.stream.read_some():
                return piece

            if self.stream.reset_by_peer:
                raise StreamEnded(reset=True)

            self.complete = True
            return b""

        if self.length == "chunked" and not self.remaining:
            if not await self.next_chunk():
                return b""

        if not (piece := await self.stream.read_some(self.remaining)):
            raise StreamEnded(reset=self.stream.reset_by_peer)

        self.remaining -= len(piece)
        self.complete = not self.remaining and self.length != "chunked"
        return piece

    async def next_chunk(self) -> bool:
        if not self.first_chunk and await self.stream.read_exactly(2) != b"\r\n":
            raise BadMessage("a chunk is longer than it says")

        self.first_chunk = False
        line = await self.stream.read_until(b"\r\n")

        if (match := CHUNK.fullmatch(line)) is None:
            raise BadMessage(f"not a chunk size: {line!r}")

        self.remaining = int(match[1], 16)

        if self.remaining:
            return True

        while await self.stream.read_until(b"\r\n") != b"\r\n":
            continue

        self.complete = True
        return False


def split_fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Parse header lines. Raises `BadMessage` naming the first that is none."""
    fields = []

    for line in lines:
        if (match := FIELD.fullmatch(line)) is None:
            raise BadMessage(f"not a header field: {line!r}")

        fields.append((match[1].lower(), match[2]))

    return fields


async def read_response_head(stream: Stream) -> ResponseHead:
    """Read up to the empty line. Raises `StreamEnded`, or `BadMessage`."""
    block = await stream.read_until(b"\r\n\r\n")
    status_line, *lines = block[:-4].split(b"\r\n")

    if (match := STATUS_LINE.fullmatch(status_line)) is None:
        raise BadMessage(f"not a status line: {status_line!r}")

    return ResponseHead(match[1].decode(), int(match[2]), (match[3] or b"").decode("latin-1"), split_fields(lines))


def response_body(stream: Stream, head: ResponseHead, method: str) -> BodyReader:
    """Return the reader of the body behind `head` (RFC 9112 6.3). Raises `BadMessage`."""
    if method == "HEAD" or head.status in (204, 304) or head.status < 200:
        return BodyReader(stream, 0)

    if codings := head.values(b"transfer-encoding"):
        if b", ".join(codings).lower() != b"chunked":
            raise BadMessage(f"transfer-encoding {codings!r}")

        return BodyReader(stream, "chunked")

    if lengths := head.values(b"content-length"):
        if len(lengths) > 1 or not lengths[0].isdigit():
            raise BadMessage(f"content-length {lengths!r}")

        return BodyReader(stream, int(lengths[0]))

    return BodyReader(stream, None)
