"""One HTTP request on a connection of this server, and the way to answer it."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from hagworm.facade.exchange import Address, BodyError, Capabilities, ClientDisconnected, HeaderPairs
from hagworm.facade.failure import phrase
from hagworm.frame.tornado.stream import flushed

if TYPE_CHECKING:
    from hagworm.frame.tornado.body import Body
    from hagworm.frame.tornado.carrier import Carrier, Way
    from hagworm.frame.tornado.head import Framing

__all__ = ("CAPABILITIES", "Exchange", "Request", "status_line")

CAPABILITIES: Capabilities = frozenset({"header_limits", "raw_path", "ws_ping", "ws_reject_body"})

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = (b"connection", b"close")
_LINES = {status.value: f"HTTP/1.1 {status.value} {phrase(status.value)}".encode("ascii") for status in HTTPStatus}


def status_line(status: int) -> bytes:
    """Return the first line of a response, with the standard phrase or none."""
    return _LINES.get(status) or b"HTTP/1.1 %d " % status


class Request:
    """The head of a request, as the facade reads it."""

    __slots__ = ("connection", "headers", "keep", "method", "native", "path", "query", "version")

    caps = CAPABILITIES
    connection: "Carrier"
    headers: HeaderPairs
    keep: bool
    method: str
    native: Any
    path: bytes
    query: bytes
    version: str

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.path.decode('latin-1')}>"

    @property
    def scheme(self) -> str:
        return self.connection.scheme

    @property
    def peer(self) -> Address | None:
        return self.connection.peer

    @property
    def local(self) -> Address | None:
        return self.connection.local

    def render(self, line: bytes, headers: HeaderPairs) -> bytes:
        """Return the head of a response up to its last header line, and settle whether the connection lives on."""
        head = b"\r\n".join((line, *map(b": ".join, headers)))

        if _CLOSE in headers:
            self.keep = False
        elif not self.keep or self.connection.server.closing:
            self.keep = False
            head += b"\r\nconnection: close"
        elif self.version == "1.0":
            head += b"\r\nconnection: keep-alive"

        return head


class Exchange(Request):
    """Implements `hagworm.facade.exchange.HttpExchange`."""

    __slots__ = ("_bare", "_chunked", "_expects", "_gone", "_lines", "_way", "body", "ended", "started")

    def __init__(
        self,
        connection: "Carrier",
        method: str,
        target: bytes,
        version: str,
        headers: HeaderPairs,
        framing: "Framing",
    ) -> None:
        self.connection = self.native = connection
        self.method = method
        self.path, _, self.query = target.partition(b"?")
        self.version = version
        self.headers = headers
        self.keep = framing.keep
        self.body = None if framing.length == 0 else framing.open_body()
        self._expects = framing.expects
        self.started = False
        self.ended = False
        self._bare = False
        self._chunked = False
        self._lines = _LINES
        self._gone: asyncio.Future[None] | None = None
        self._way: Way | None = None

    async def read(self) -> bytes:
        body = self.body

        if body is None:
            return b""

        connection = self.connection

        if self._expects:
            self._expects = False

            if not self.started:
                connection.stream.send(_CONTINUE)

        while True:
            data = connection.take()

            try:
                content, connection.buffer = body.feed(data)
            except BodyError:
                self.keep = False
                raise

            if body.done:
                self.body = None
                return content

            if content:
                return content

            await connection.wait()

    def reply(self, status: int, headers: HeaderPairs, body: bytes) -> Awaitable[None] | None:
        if self.body is not None:
            self._settle_unread(self.body)

        self.started = self.ended = True
        head = self.render(self._lines.get(status) or status_line(status), headers)
        connection = self.connection
        waiting = connection.stream.send(b"".join((head, connection.server.tail(head), body)))
        return None if waiting is None else flushed(waiting)

    async def start(self, status: int, headers: HeaderPairs) -> None:
        if self.body is not None and self._expects:
            self._settle_unread(self.body)

        self._bare = self.method == "HEAD" or status in (204, 304)

        if not self._bare and not any(name == b"content-length" for name, _ in headers):
            if self.version == "1.0":
                self.keep = False
            else:
                self._chunked = True
                headers = [*headers, (b"transfer-encoding", b"chunked")]

        self.started = True
        head = self.render(self._lines.get(status) or status_line(status), headers)
        await self._send(head + self.connection.server.tail(head))

    async def write(self, chunk: bytes) -> None:
        if chunk and not self._bare:
            await self._send(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk)

    async def finish(self) -> None:
        self.ended = True

        if self._chunked:
            await self._send(b"0\r\n\r\n")
        elif self.connection.stream.closed():
            raise ClientDisconnected("the connection is closed")

    def abort(self) -> None:
        self.keep = False

        # What only the end of the connection delimits looks complete after an orderly close.
        if self.version == "1.0":
            self.connection.stream.reset()
        else:
            self.connection.stream.close()

    @property
    def gone(self) -> asyncio.Future[None]:
        if self._gone is None:
            self._gone = self.connection.loop.create_future()

            if self.connection.stream.closed():
                self._gone.set_result(None)

        return self._gone

    @property
    def has_native(self) -> bool:
        self._way = self.connection.server.behind.find_handler(self)
        return self._way is not None

    async def pass_on(self, headers: HeaderPairs) -> int:
        if self._way is None and not self.has_native:
            raise RuntimeError("there is no native application that takes this request")

        assert self._way is not None
        draining = self.connection.server.runtime.draining
        return await self._way.run([*headers, _CLOSE] if draining else headers)

    def say(self, status: int, phrase: str) -> None:
        """Use `phrase` if the response has `status`. Raises ValueError for what would break the line."""
        if not phrase.isprintable():
            raise ValueError(f"a reason phrase is one line of text, not {phrase!r}")

        self._lines = {status: f"HTTP/1.1 {status} {phrase}".encode("latin-1")}

    def lose(self) -> None:
        """Tell whoever asked that the client is gone."""
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def _settle_unread(self, body: "Body") -> None:
        """Announce that the connection closes where the rest of the body is not worth reading."""
        if self._expects or not self.connection.can_discard(body):
            self.keep = False

    async def _send(self, data: bytes) -> None:
        waiting = self.connection.stream.send(data)

        if waiting is not None:
            await flushed(waiting)
