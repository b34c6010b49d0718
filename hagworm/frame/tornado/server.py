"""Tornado's HTTP server, serving one application on the running loop."""

import asyncio
import contextvars
import logging
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from hagworm.frame.tornado.behind import Behind
from hagworm.frame.tornado.connection import Connection
from hagworm.frame.tornado.delegate import Delegate
from hagworm.frame.tornado.head import Heads
from hagworm.frame.tornado.socket import PING_INTERVAL
from hagworm.frame.tornado.stream import is_supported
from hagworm.frame.tornado.tail import Tail

if TYPE_CHECKING:
    from hagworm.facade.application import App
    from hagworm.facade.runtime import Runtime

__all__ = ("Server",)

logger = logging.getLogger(__name__)

_AT_ONCE = 128
_PAUSE = 1.0
_SWEEP = 0.5
"""How often deadlines are looked at, in seconds: one timer for all connections, none per request."""


class Server(HTTPServer):
    """Accepts connections, keeps the list of those that are open and closes them. Bound to the running loop."""

    def initialize(self, app: "App", options: Any) -> None:  # type: ignore[override]  # what Configurable calls __init__
        self._delegate = Delegate(app)
        super().initialize(self._delegate, idle_connection_timeout=options.keep_alive)
        self.behind = Behind(app)
        self.runtime: Runtime = app.freeze()
        self.loop = asyncio.get_running_loop()
        self.context = contextvars.copy_context()
        self.closing = False
        self.plain = options.http == "tornado" or not is_supported()
        self.keep_alive: float = options.keep_alive
        self.header_timeout: float = options.header_timeout
        self.ping_interval = PING_INTERVAL
        limits = self.runtime.limits
        # The application answers what passes its own limits; only what passes this one is refused without it.
        self.head_limit = 64 * 1024 + 2 * (limits.target + limits.header_bytes)
        self._listening: set[socket.socket] = set()
        self._open: set[Connection] = set()
        self._alone: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.tail = Tail(options.server_header)
        self.heads = Heads()

    def __repr__(self) -> str:
        return f"<Server {len(self._open)} connections{', closing' if self.closing else ''}>"

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Begin to accept on `sockets`, which are listening."""
        for sock in sockets:
            self._listening.add(sock)
            self.loop.add_reader(sock, self._accept, sock)

    def stop(self) -> None:
        """Close the listening sockets; connections that are open live on."""
        while self._listening:
            sock = self._listening.pop()
            self.loop.remove_reader(sock)
            sock.close()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as exc:
                # Out of descriptors: asking again at once would only burn what is left of the processor.
                logger.error("no connection can be accepted for %g seconds: %s", _PAUSE, exc)
                self.loop.remove_reader(listening)
                self.loop.call_later(_PAUSE, self._accept_again, listening)
                return

            self.serve(sock, address)

    def _accept_again(self, listening: socket.socket) -> None:
        if listening in self._listening:
            self.loop.add_reader(listening, self._accept, listening)

    def serve(self, sock: socket.socket, address: Any) -> None:
        """Serve one connection: over our own stream where this Tornado is known to bear it, else over Tornado's."""
        if self.plain:
            self.handle_stream(IOStream(sock), address)
            return

        self._open.add(Connection(self, sock, address))

        if self._timer is None:
            self._timer = self.loop.call_later(_SWEEP, self._sweep)

    def forget(self, connection: Connection, task: asyncio.Task[None] | None) -> None:
        """Drop a connection that has ended, but not the task that its client has left alone."""
        self._open.discard(connection)

        if task is not None and not task.done():
            self._alone.add(task)
            task.add_done_callback(self._alone.discard)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open) + self._delegate.connections

    def close_idle(self) -> None:
        """Close what waits for a request; the others close after their response."""
        self.closing = True

        for connection in list(self._open):
            if connection.is_idle():
                connection.close()

        self._delegate.close_idle()

    # What HTTPServer does for its connections.

    def on_close(self, server_conn: object) -> None:
        super().on_close(server_conn)
        self._delegate.on_close(server_conn)

    async def close_all_connections(self) -> None:
        """Close every connection at once, cancel what is still running, and return when it has ended."""
        self.closing = True
        ended = [connection.close() for connection in list(self._open)]
        tasks = {*self._alone, *filter(None, ended)}

        for task in tasks:
            task.cancel()

        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

        await asyncio.gather(*tasks, self._delegate.close(), return_exceptions=True)

    def _sweep(self) -> None:
        now = self.loop.time()

        for connection in [connection for connection in self._open if connection.deadline <= now]:
            connection.expire(now)

        self._timer = self.loop.call_later(_SWEEP, self._sweep) if self._open else None
