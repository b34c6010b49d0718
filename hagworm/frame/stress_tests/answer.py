"""The framing of HTTP/1.1 answers, read from bytes: how long they are, and whether the connection goes on.

Only what a client must know to find the end of an answer (RFC 9112, 6 and 7); fields are read when somebody asks.
"""

from dataclasses import dataclass

__all__ = ("CHUNKED", "UNTIL_CLOSE", "BadAnswer", "Chunks", "Head", "fields_of", "parse_head")

CHUNKED = -1
UNTIL_CLOSE = -2

LONGEST_LINE = 4096


class BadAnswer(Exception):
    """What came is not an answer of HTTP/1.1; the text is the reason it counts under."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of an answer says: `length` bytes of body, or `CHUNKED`, or `UNTIL_CLOSE`."""

    status: int
    length: int
    keep_alive: bool


def parse_head(head: bytes, *, bodiless: bool = False) -> Head:
    """Read a head, without the empty line at its end; `bodiless` for the answer to HEAD. Raises `BadAnswer`."""
    if not head.startswith(b"HTTP/1.") or not head[9:12].isdigit() or head[8:9] != b" ":
        raise BadAnswer("not HTTP/1.1")

    status = int(head[9:12])
    lower = head.lower()
    keep_alive = head[7:8] != b"0"

    if options := field_of(lower, b"\r\nconnection:"):
        keep_alive = b"keep-alive" in options or (keep_alive and b"close" not in options)

    if bodiless or status < 200 or status in (204, 304):
        return Head(status, 0, keep_alive)

    if coding := field_of(lower, b"\r\ntransfer-encoding:"):
        if coding.rpartition(b",")[2].strip() != b"chunked":
            return Head(status, UNTIL_CLOSE, False)

        return Head(status, CHUNKED, keep_alive)

    if length := field_of(lower, b"\r\ncontent-length:"):
        if not length.isdigit():
            raise BadAnswer("not HTTP/1.1: a Content-Length that is no number")

        return Head(status, int(length), keep_alive)

    return Head(status, UNTIL_CLOSE, False)


def field_of(lower: bytes, start: bytes) -> bytes:
    """Return the value of a field in a head of lower case, empty where there is none."""
    at = lower.find(start)

    if at < 0:
        return b""

    at += len(start)
    end = lower.find(b"\r\n", at)
    return lower[at : end if end >= 0 else len(lower)].strip()


def fields_of(head: bytes) -> list[tuple[str, str]]:
    """Return the fields of a head, names in lower case."""
    pairs = (line.decode("latin-1").partition(":") for line in head.split(b"\r\n")[1:])
    return [(name.strip().lower(), value.strip()) for name, _, value in pairs]


class Chunks:
    """Reads a chunked body, piece by piece as it comes; `body` is what there is of it where that is kept."""

    __slots__ = ("body", "buffer", "complete", "keeps", "left", "state")

    def __init__(self, *, keeps: bool) -> None:
        self.keeps = keeps
        self.body = bytearray()
        self.buffer = bytearray()
        self.left = 0
        self.state = self.size
        self.complete = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return those behind the end, once `complete`. Raises `BadAnswer`."""
        self.buffer += data

        while not self.complete and self.state():
            pass

        return bytes(self.buffer) if self.complete else b""

    def size(self) -> bool:
        if (line := self.line()) is None:
            return False

        digits = line.partition(b";")[0].strip()

        try:
            self.left = int(digits, 16) if digits.isalnum() else -1
        except ValueError:
            self.left = -1

        if self.left < 0:
            raise BadAnswer("not HTTP/1.1: a chunk without a size")

        self.state = self.data if self.left else self.trailer
        return True

    def data(self) -> bool:
        piece = self.buffer[: self.left]
        del self.buffer[: self.left]
        self.left -= len(piece)

        if self.keeps:
            self.body += piece

        if self.left:
            return False

        self.state = self.end
        return True

    def end(self) -> bool:
        if len(self.buffer) < 2:
            return False

        if self.buffer[:2] != b"\r\n":
            raise BadAnswer("not HTTP/1.1: a chunk longer than its size")

        del self.buffer[:2]
        self.state = self.size
        return True

    def trailer(self) -> bool:
        if (line := self.line()) is None:
            return False

        self.complete = not line
        return True

    def line(self) -> bytes | None:
        end = self.buffer.find(b"\r\n")

        if end < 0:
            if len(self.buffer) > LONGEST_LINE:
                raise BadAnswer("not HTTP/1.1: a chunk's line without an end")

            return None

        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line
