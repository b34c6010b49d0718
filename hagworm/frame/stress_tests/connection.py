"""One connection of the generator: a request out, an answer in, on a protocol of its own."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from hagworm.frame.stress_tests.answer import CHUNKED, UNTIL_CLOSE, BadAnswer, Chunks, Head, parse_head

if TYPE_CHECKING:
    from hagworm.frame.stress_tests.tally import Row

__all__ = ("LONGEST_HEAD", "Connection", "describe_loss")

LONGEST_HEAD = 64 * 1024
clock = time.monotonic
NO_HEAD = Head(0, 0, False)


class Connection(asyncio.Protocol):
    """Sends one request after the other, never two at once, and tells how each came out.

    `answered(connection)` is called when an answer is complete: `head` says what it is, `block` are the bytes of its
    head, `body` those of its body where `keeps_body`. `broken(connection, reason)` is called instead where there will
    be no answer; then the connection is gone. `gone(connection)` follows the end of every connection.
    """

    __slots__ = (
        "alive",
        "answered",
        "block",
        "body",
        "bodiless",
        "broken",
        "buffer",
        "busy",
        "chunks",
        "deadline",
        "gone",
        "head",
        "intended",
        "keeps_body",
        "left",
        "memo",
        "owner",
        "reading",
        "row",
        "started",
        "transport",
        "used",
    )

    def __init__(
        self,
        answered: Callable[["Connection"], None],
        broken: Callable[["Connection", str], None],
        gone: Callable[["Connection"], None],
        memo: dict[bytes, Head],
        *,
        keeps_body: bool,
    ) -> None:
        self.answered = answered
        self.broken = broken
        self.gone = gone
        self.memo = memo
        self.keeps_body = keeps_body
        self.transport = cast(asyncio.Transport, None)
        self.alive = True
        """It can carry another request."""
        self.busy = False
        """A request is out."""
        self.used = False
        """It has carried an answer before."""
        self.started = self.deadline = 0.0
        self.intended = 0.0
        """When the request should have been sent."""
        self.row = cast("Row", None)
        self.owner: object = None
        """Whatever the one who sends wants to find again."""
        self.reading = False
        self.bodiless = False
        self.head = NO_HEAD
        self.block = b""
        self.body: bytes | bytearray = b""
        self.buffer = b""
        self.chunks: Chunks | None = None
        self.left = 0

    def __repr__(self) -> str:
        return f"<Connection {'busy' if self.busy else 'idle'}, {'reused' if self.used else 'fresh'}>"

    def send(self, request: bytes, row: "Row", deadline: float, *, bodiless: bool = False) -> None:
        """Send a request whose bytes count on `row`; it has until `deadline` (`time.monotonic()`)."""
        self.busy = True
        self.bodiless = bodiless
        self.row = row
        self.deadline = deadline
        row.sent += len(request)
        self.started = clock()
        self.transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.busy:
            # Nothing was asked: an answer to nobody would be taken for the next one.
            self.alive = False
            self.transport.abort()
            return

        self.row.received += len(data)

        try:
            if self.reading:
                self.read_body(data)
            else:
                self.read_head(self.buffer + data if self.buffer else data)
        except BadAnswer as exc:
            self.fail(str(exc))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False

        if self.busy:
            if self.reading and self.head.length == UNTIL_CLOSE and exc is None:
                self.finish()
            else:
                self.fail(describe_loss(exc, began=self.reading or bool(self.buffer), used=self.used))

        self.gone(self)

    def read_head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")

        if end < 0:
            if len(data) > LONGEST_HEAD:
                raise BadAnswer("not HTTP/1.1: a head without an end")

            self.buffer = data
            return

        block = data[:end]
        head = self.memo.get(block)

        if head is None or self.bodiless:
            head = parse_head(block, bodiless=self.bodiless)

            if not self.bodiless:
                self.memo.clear()
                self.memo[block] = head

        end += 4

        if len(data) == end + head.length:
            # Nearly every answer comes in one piece.
            self.head = head
            self.block = block
            self.buffer = b""

            if self.keeps_body:
                self.body = data[end:]

            if head.status >= 200:
                self.finish()

            return

        self.buffer = b""

        if head.status < 200:
            # 100 and 103 go before the answer.
            self.read_head(data[end:])
            return

        self.head = head
        self.block = block
        self.reading = True
        self.left = head.length
        self.body = bytearray()

        if head.length == CHUNKED:
            self.chunks = Chunks(keeps=self.keeps_body)

        self.read_body(data[end:])

    def read_body(self, data: bytes) -> None:
        if self.chunks is not None:
            rest = self.chunks.feed(data)

            if self.chunks.complete:
                self.body = self.chunks.body
                self.finish(rest)

            return

        if self.head.length == UNTIL_CLOSE:
            rest = b""
        else:
            data, rest = data[: self.left], data[self.left :]
            self.left -= len(data)

        if self.keeps_body:
            self.body += data

        if not self.left:
            self.finish(rest)

    def finish(self, rest: bytes = b"") -> None:
        self.busy = self.reading = False
        self.chunks = None
        self.used = True

        if rest or not self.head.keep_alive:
            self.alive = False
            self.transport.close()

        self.answered(self)

    def fail(self, reason: str) -> None:
        """End it: there will be no answer."""
        if self.busy:
            self.busy = self.alive = False
            self.transport.abort()
            self.broken(self, reason)

    def drop(self) -> None:
        """End it without a word to anybody."""
        self.busy = self.alive = False
        self.transport.abort()


def describe_loss(exc: Exception | None, *, began: bool, used: bool) -> str:
    """Return the reason that a connection's end counts under."""
    how = "reset" if isinstance(exc, ConnectionResetError | BrokenPipeError) else "closed" if exc is None else "failed"
    where = "in the middle of the answer" if began else "before the answer"
    more = "" if exc is None or how == "reset" else f": {exc}"
    return f"{'reused ' * (used and not began)}connection {how} {where}{more}"
