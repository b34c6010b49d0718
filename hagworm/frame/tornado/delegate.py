"""The facade as a connection delegate of Tornado's own HTTP server, for services that bring theirs."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

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

from hagworm.facade.exchange import ClientDisconnected
from hagworm.frame.tornado.body import BrokenBody
from hagworm.frame.tornado.exchange import Exchange
from hagworm.frame.tornado.head import Framing, Refused, parse_framing
from hagworm.frame.tornado.lent import Lent
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
        self.app = app
        self.runtime = app.freeze()
        self.ping_interval = PING_INTERVAL
        self.closing = False
        self.tail = Tail(app.settings.server.server_header)
        self._messages: dict[object, Message] = {}

    def __repr__(self) -> str:
        return f"<Delegate of {self.app!r}: {len(self._messages)} connections>"

    @property
    def connections(self) -> int:
        """How many connections are open; one that speaks WebSocket counts as long as somebody serves it."""
        return len(self._messages)

    def close_idle(self) -> None:
        """Close what waits for a request; the others close after their response."""
        self.closing = True

        for message in list(self._messages.values()):
            if message.is_idle():
                message.close()

    async def close(self) -> None:
        """Close every connection at once, cancel what is still running, and return when it has ended."""
        self.closing = True
        tasks = [task for message in list(self._messages.values()) if (task := message.close()) is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> "Message":
        assert isinstance(request_conn, HTTP1Connection), "the connection of a tornado.httpserver.HTTPServer"
        message = self._messages[server_conn] = Message(self, request_conn)
        return message

    def on_close(self, server_conn: object) -> None:
        # Tornado calls this for a connection that has been detached too; its message stays until its task has ended.
        message = self._messages.get(server_conn)

        if message is not None and message.is_detached():
            message.when_done(lambda: self._messages.pop(server_conn, None))
        else:
            self._messages.pop(server_conn, None)


class Message(HTTPMessageDelegate):
    """One request that Tornado reads."""

    def __init__(self, delegate: Delegate, connection: HTTP1Connection) -> None:
        self._connection = connection
        self._lent = Lent(delegate, connection)
        self._task: asyncio.Task[None] | None = None

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

        if isinstance(framing.body, BrokenBody):
            # Tornado refuses it too, but not before it has called back, and then there would be two answers.
            raise HTTPInputError("the framing of the body cannot be trusted")

        if framing.expects:
            # Tornado looks at this very object, after this call, for whether to send its 100 before anybody reads.
            del headers["Expect"]

        self._connection.set_max_body_size(_NO_LIMIT)
        lent = self._lent
        body = lent.body if framing.body is not None else None
        framing = Framing(body, framing.keep, framing.expects, framing.upgrades)
        exchange = Exchange(lent, start_line.method, start_line.path.encode("latin-1"), version, pairs, framing)
        lent.exchange = exchange

        if framing.upgrades and start_line.method == "GET" and body is None:
            self._task = asyncio.get_running_loop().create_task(self._upgrade(exchange))
            return lent.decided

        self._task = asyncio.get_running_loop().create_task(self._answer(exchange))
        return None

    def data_received(self, chunk: bytes) -> asyncio.Future[None] | None:
        return self._lent.deliver(chunk)

    def finish(self) -> None:
        self._lent.end_body()

    def on_connection_close(self) -> None:
        self._lent.lose()

    def is_idle(self) -> bool:
        """Return whether no request has arrived yet."""
        return self._task is None

    def is_detached(self) -> bool:
        """Return whether it has become a WebSocket that is still being served."""
        return self._lent.socket is not None and self._task is not None and not self._task.done()

    def when_done(self, callback: Callable[[], object]) -> None:
        """Call `callback` when its task has ended."""
        assert self._task is not None
        self._task.add_done_callback(lambda _: callback())

    def close(self) -> "asyncio.Task[None] | None":
        """End the connection; return the task that is still to end, if there is one."""
        if self._task is not None:
            self._task.cancel()

        self._lent.stream.close()
        return self._task

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._lent.server.runtime.http(exchange)
        finally:
            self._lent.settle()

    async def _upgrade(self, exchange: Exchange) -> None:
        lent = self._lent
        socket = Socket(exchange)
        refusal = check_handshake(exchange.headers)

        try:
            if refusal is None:
                await lent.server.runtime.websocket(socket)
            else:
                await exchange.reply(*refusal, b"")
        except ClientDisconnected:
            lent.lose()
        finally:
            if not socket.accepted:
                lent.settle()
            elif not socket.is_closing():
                lent.stream.close()

            lent.decide()
