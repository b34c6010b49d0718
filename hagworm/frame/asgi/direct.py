"""One request of our own HTTP/1.1 protocol for uvicorn: the verbs of the waist, straight onto the transport."""

import asyncio
from typing import TYPE_CHECKING

from hagworm.facade.exchange import Address, BodyError, Capabilities, ClientDisconnected, HeaderPairs
from hagworm.frame.asgi.guest import http_scope
from hagworm.frame.asgi.protocol import Scope

if TYPE_CHECKING:
    from hagworm.frame.asgi.http1 import Http1Protocol

__all__ = ("DirectExchange", "Inbox")

CAPS: Capabilities = frozenset({"raw_path"})
CLOSE = (b"connection", b"close")
UNKNOWN = -1
UNTIL_CLOSE = -2
WRITES_PER_TURN = 4
COPY_LIMIT = 64 * 1024
"""Up to here a body is cheaper to copy behind its head than to hand over by itself."""


class Inbox:
    """What has arrived of a body and was not taken yet."""

    __slots__ = ("failure", "pieces", "size", "waiter", "wanted")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0
        self.waiter: asyncio.Future[None] | None = None
        self.failure: BodyError | None = None
        self.wanted = False

    def put(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.size += len(piece)
        self.wake()

    def take(self) -> bytes:
        """Return everything that waits."""
        piece = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces.clear()
        self.size = 0
        return piece

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def change(self) -> None:
        """Wait until something arrives."""
        self.waiter = asyncio.get_running_loop().create_future()
        await self.waiter


class DirectExchange:
    """One request. One is made for each, so it keeps what is at hand and computes nothing."""

    __slots__ = (
        "complete",
        "departure",
        "headers",
        "inbox",
        "keep_alive",
        "method",
        "path",
        "protocol",
        "query",
        "received",
        "remaining",
        "scope",
        "started",
        "task",
        "version",
        "writes",
    )

    caps = CAPS

    def __init__(
        self, protocol: "Http1Protocol", method: str, target: bytes, version: str, headers: list[tuple[bytes, bytes]]
    ) -> None:
        self.protocol = protocol
        self.method = method
        self.path, _, self.query = target.partition(b"?")
        self.version = version
        self.headers: HeaderPairs = headers
        self.keep_alive = True
        # Whether the request has arrived to its end, and whether the response has begun and has ended.
        self.received = False
        self.started = False
        self.complete = False
        self.inbox: Inbox | None = None
        self.departure: asyncio.Future[None] | None = None
        self.scope: Scope | None = None
        self.task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<DirectExchange {self.method} {self.path.decode('latin-1')}>"

    # The head.

    @property
    def native(self) -> Scope:
        """The scope that ASGI would have for this request."""
        if self.scope is None:
            self.scope = http_scope(self, "", {})

        return self.scope

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return self.protocol.scheme

    @property
    def peer(self) -> Address | None:
        """The other end of the socket, None on a Unix socket."""
        return self.protocol.peer

    @property
    def local(self) -> Address | None:
        """This end of the socket, None on a Unix socket."""
        return self.protocol.local

    # The body.

    async def read(self) -> bytes:
        """Return the next piece of the body, `b""` at its end. Raises `ClientDisconnected` or `BodyError`."""
        if (inbox := self.inbox) is None:
            if self.received:
                return b""

            inbox = self.inbox = Inbox()

        while not inbox.pieces:
            if inbox.failure is not None:
                raise inbox.failure

            if self.received:
                return b""

            if self.protocol.is_lost:
                raise ClientDisconnected("the client went away before the request body was complete")

            self.protocol.want_body(self, inbox)
            await inbox.change()

        piece = inbox.take()
        self.protocol.resume_reading()
        return piece

    # The response.

    def begin(self, status: int, headers: HeaderPairs) -> list[bytes]:
        """Return the parts of the head, all but its end."""
        protocol = self.protocol

        if protocol.is_lost:
            raise ClientDisconnected("the client went away before the response")

        self.started = True
        parts = [protocol.preamble(status)]

        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")

        if CLOSE in headers:
            self.keep_alive = False
        elif not self.keep_alive or protocol.closing or not (self.received or protocol.can_skip(self)):
            self.keep_alive = False
            parts.append(b"connection: close\r\n")

        return parts

    def reply(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        """Send a whole response; there is nothing to wait for. Raises `ClientDisconnected`."""
        parts = self.begin(status, headers)
        protocol = self.protocol
        self.complete = True

        if len(body) <= COPY_LIMIT:
            parts += (b"\r\n", body)
            protocol.transport.write(b"".join(parts))
        else:
            parts.append(b"\r\n")
            protocol.transport.writelines((b"".join(parts), body))

        protocol.answered(self)

    async def start(self, status: int, headers: HeaderPairs) -> None:
        """Send the head of a response whose body follows: without a `content-length` chunked, to HTTP/1.0 until close.

        Raises `ClientDisconnected`.
        """
        self.writes = 0
        self.remaining = next((int(value) for name, value in headers if name == b"content-length"), UNKNOWN)

        if self.remaining == UNKNOWN and self.version == "1.0":
            self.remaining = UNTIL_CLOSE
            self.keep_alive = False

        parts = self.begin(status, headers)

        if self.remaining == UNKNOWN:
            parts.append(b"transfer-encoding: chunked\r\n")

        parts.append(b"\r\n")
        self.protocol.transport.write(b"".join(parts))

    async def write(self, chunk: bytes) -> None:
        """Send one piece and wait until the transport takes more. Raises `ClientDisconnected`."""
        protocol = self.protocol

        if protocol.is_lost:
            raise ClientDisconnected("the client went away during the response")

        if self.remaining == UNKNOWN:
            if len(chunk) <= COPY_LIMIT:
                # An empty chunk would be the end.
                chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunk else b""
                protocol.transport.write(chunk)
            else:
                protocol.transport.writelines((b"%x\r\n" % len(chunk), chunk, b"\r\n"))
        elif self.remaining == UNTIL_CLOSE:
            protocol.transport.write(chunk)
        elif len(chunk) > self.remaining:
            raise RuntimeError("the response is longer than its content-length")
        else:
            self.remaining -= len(chunk)
            protocol.transport.write(chunk)

        self.writes += 1

        if protocol.full:
            await protocol.drain()
        elif not self.writes % WRITES_PER_TURN:
            # The loss of a connection is heard of in the loop only, and a transport that is lost never is full.
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """End the response cleanly. Raises `ClientDisconnected`, RuntimeError where content-length promised more."""
        protocol = self.protocol

        if protocol.is_lost:
            raise ClientDisconnected("the client went away during the response")

        if self.remaining == UNKNOWN:
            protocol.transport.write(b"0\r\n\r\n")
        elif self.remaining > 0:
            raise RuntimeError("the response is shorter than its content-length")

        self.complete = True
        protocol.answered(self)

    def abort(self) -> None:
        """Drop the connection."""
        if not self.complete:
            self.protocol.transport.abort()

    @property
    def gone(self) -> "asyncio.Future[None]":
        """Resolved when the client goes away before the response is complete."""
        if self.departure is None:
            self.departure = asyncio.get_running_loop().create_future()

            if self.protocol.is_lost:
                self.departure.set_result(None)

        return self.departure

    def lose(self) -> None:
        """Tell whoever waits that the connection is lost."""
        if self.inbox is not None:
            self.inbox.wake()

        if self.departure is not None and not self.departure.done() and not self.complete:
            self.departure.set_result(None)

    # What stands behind.

    @property
    def has_native(self) -> bool:
        """Whether an application of the framework stands behind."""
        return self.protocol.entrance.native() is not None

    async def pass_on(self, headers: HeaderPairs) -> int:
        """Let the native application answer, with `headers` added to its response; return the status it sent.

        Raises, before anything is sent, what that application raises, and `HTTPError` for a body that is too large.
        """
        native = self.protocol.entrance.native()
        assert native is not None, "pass_on is for has_native"
        return await native.http(self, headers, self.protocol.entrance.runtime)
