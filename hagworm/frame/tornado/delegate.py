"""The facade as a connection delegate of Tornado's own HTTP server, for services that bring theirs."""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from hagworm.facade.exchange import ClientDisconnected, reply_whole
from hagworm.frame.tornado.behind import Behind
from hagworm.frame.tornado.exchange import Exchange
from hagworm.frame.tornado.head import Refused, parse_framing
from hagworm.frame.tornado.lent import Delivered, Lent
from hagworm.frame.tornado.socket import PING_INTERVAL, Socket, check_handshake
from hagworm.frame.tornado.tail import Tail

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("Delegate",)

_NO_LIMIT = 2**62


class Delegate(HTTPServerConnectionDelegate):
    """`HTTPServer(Delegate(app))`: Tornado reads the requests, with or without TLS, and the facade answers them.

    The application is started and stopped by whoever runs the server. What `listen` gives beyond this (431 for heads
    beyond any measure, trailers, chunk extensions, unread bodies that are skipped, less work) is its parser's.
    """

    def __init__(self, app: "App") -> None:
        self.behind = Behind(app)
        self.runtime = app.freeze()
        self.ping_interval = PING_INTERVAL
        self.closing = False
        self.tail = Tail(app.settings.server.server_header)
        # HTTPServer does not pass on that a connection has ended, so nothing here keeps one.
        self._messages: WeakKeyDictionary[object, Message] = WeakKeyDictionary()
        self._sockets: set[Lent] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Delegate of {self.runtime!r}: {len(self._messages)} connections>"

    @property
    def connections(self) -> int:
        """How many connections are open, those included that have become WebSockets."""
        return len(self._messages) + len(self._sockets)

    def close_idle(self) -> None:
        """Close what waits for a request; the others close after their response."""
        self.closing = True

        for message in list(self._messages.values()):
            if message.lent.exchange is None:
                message.lent.stream.close()

    async def close(self) -> None:
        """Close every connection at once, cancel what is still running, and return when it has ended."""
        self.closing = True
        tasks = list(self._tasks)

        for task in tasks:
            task.cancel()

        for lent in [*(message.lent for message in self._messages.values()), *self._sockets]:
            lent.stream.close()

        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in a task of its own."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def adopt(self, lent: Lent) -> None:
        """Count a connection that Tornado has let go of."""
        self._sockets.add(lent)

    def release(self, lent: Lent) -> None:
        """Count it no longer."""
        self._sockets.discard(lent)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> "Message":
        assert isinstance(request_conn, HTTP1Connection), "the connection of a tornado.httpserver.HTTPServer"
        message = self._messages[server_conn] = Message(self, request_conn)
        return message

    def on_close(self, server_conn: object) -> None:
        self._messages.pop(server_conn, None)


class Message(HTTPMessageDelegate):
    """One request that Tornado reads."""

    def __init__(self, delegate: Delegate, connection: HTTP1Connection) -> None:
        self._connection = connection
        self.lent = Lent(delegate, connection)

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> asyncio.Future[None] | None:
        assert isinstance(start_line, RequestStartLine)
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.get_all()]
        version = start_line.version.removeprefix("HTTP/")

        try:
            framing = parse_framing(version, pairs)
        except Refused as exc:
            raise HTTPInputError(exc.detail) from exc

        if framing.error is not None:
            # Tornado refuses it too, but not before it has called back, and then there would be two answers.
            raise HTTPInputError(framing.error.detail)

        if framing.expects:
            # Tornado looks at this very object, after this call, for whether to send its 100 before anybody reads.
            del headers["Expect"]

        self._connection.set_max_body_size(_NO_LIMIT)
        lent = self.lent
        exchange = Exchange(lent, start_line.method, start_line.path.encode("latin-1"), version, pairs, framing)
        exchange.body = lent.body = None if framing.length == 0 else Delivered(framing.length)
        lent.exchange = exchange

        if framing.upgrades and start_line.method == "GET":
            lent.server.begin(self._upgrade(exchange))
            return lent.decided

        lent.server.begin(self._answer(exchange))
        return None

    def data_received(self, chunk: bytes) -> asyncio.Future[None] | None:
        return self.lent.deliver(chunk)

    def finish(self) -> None:
        self.lent.end_body()

    def on_connection_close(self) -> None:
        self.lent.lose()

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self.lent.server.runtime.http(exchange)
        finally:
            self.lent.settle()

    async def _upgrade(self, exchange: Exchange) -> None:
        lent = self.lent
        socket = Socket(exchange)
        refusal = check_handshake(exchange.headers)

        try:
            if refusal is None:
                await lent.server.runtime.websocket(socket)
            elif exchange.has_native:
                await lent.server.runtime.http(exchange)
            else:
                await reply_whole(exchange, *refusal, b"")
        except ClientDisconnected:
            lent.lose()
        finally:
            if not socket.accepted:
                lent.settle()
            elif not socket.is_closing():
                lent.stream.close()

            lent.decide()
