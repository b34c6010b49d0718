"""The body of an HTTP/1 request, decoded piece by piece as its bytes arrive (RFC 9112, 6.3 and 7.1)."""

import re
from typing import Protocol

from hagworm.facade.exchange import BodyError

__all__ = ("Body", "BrokenBody", "ChunkedBody", "FixedBody")

_LINE_LIMIT = 4096
_TRAILER_LIMIT = 16 * 1024

_size = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?").fullmatch


class Body(Protocol):
    """What is still to come of one body."""

    done: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the content in `data`, perhaps empty, and what lies behind the end of the body.

        Raises `BodyError`. The second is empty as long as the body is not done.
        """

    def remaining(self) -> int | None:
        """Return how many bytes of the connection are still to come, None where nobody knows."""


class FixedBody:
    """A body whose length the head told; never of length 0."""

    __slots__ = ("done", "left")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        left = self.left - len(data)

        if left > 0:
            self.left = left
            return data, b""

        self.done = True
        content = data[: self.left] if left else data
        rest = data[self.left :]
        self.left = 0
        return content, rest

    def remaining(self) -> int | None:
        return self.left


class ChunkedBody:
    """A body in chunks. Extensions are ignored (RFC 9112, 7.1.1) and trailers dropped (RFC 9110, 6.5.1)."""

    __slots__ = ("_expect", "_held", "_left", "_trailer", "done")

    def __init__(self) -> None:
        self.done = False
        self._expect = "size"
        self._held = b""
        self._left = 0
        self._trailer = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        if self._held:
            data = self._held + data
            self._held = b""

        pieces: list[bytes] = []
        position = 0

        while not self.done:
            if self._left:
                piece = data[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)

                if piece:
                    pieces.append(piece)

                if self._left:
                    break

                self._expect = "end"

            end = data.find(b"\n", position)

            if end < 0:
                self._hold(data[position:])
                break

            self._accept(data[position : end + 1])
            position = end + 1

        content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return content, data[position:] if self.done else b""

    def remaining(self) -> int | None:
        return None

    def _hold(self, line: bytes) -> None:
        """Keep a line that has not ended yet, unless it can no longer become a good one."""
        if len(line) > _LINE_LIMIT or (self._expect == "end" and line not in (b"", b"\r")):
            raise BodyError(400, f"malformed {_NAMES[self._expect]}")

        self._held = line

    def _accept(self, line: bytes) -> None:
        content = line[:-2]

        if line[-2:] != b"\r\n" or len(line) > _LINE_LIMIT:
            raise BodyError(400, f"malformed {_NAMES[self._expect]}")

        if self._expect == "size":
            match = _size(content)

            if match is None:
                raise BodyError(400, "malformed chunk size")

            self._left = int(match[1], 16)
            self._expect = "size" if self._left else "trailer"
        elif self._expect == "end":
            if content:
                raise BodyError(400, "malformed end of a chunk")

            self._expect = "size"
        elif content:
            self._trailer += len(line)

            if self._trailer > _TRAILER_LIMIT:
                raise BodyError(400, "trailers too large")
        else:
            self.done = True


_NAMES = {"size": "chunk size", "end": "end of a chunk", "trailer": "trailer"}


class BrokenBody:
    """A body whose framing cannot be trusted: nothing of it is read."""

    __slots__ = ("_error", "done")

    def __init__(self, error: BodyError) -> None:
        self._error = error
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        raise self._error

    def remaining(self) -> int | None:
        return None
