"""The engine `tornado`: Tornado's HTTP server and loop below the facade."""

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hagworm.facade.engine import Listener
from hagworm.facade.exchange import Capabilities
from hagworm.frame.tornado.delegate import Delegate
from hagworm.frame.tornado.exchange import CAPABILITIES
from hagworm.frame.tornado.server import Server

if TYPE_CHECKING:
    from tornado.web import Application

    from hagworm.facade.application import App

__all__ = ("ENGINE", "TornadoEngine", "TornadoListener")


class TornadoListener:
    """Implements `hagworm.facade.engine.Listener`."""

    def __init__(self, server: Server, sockets: Sequence[socket.socket]) -> None:
        self._server = server
        names = [sock.getsockname() for sock in sockets]
        self.ports: Sequence[int] = [name[1] for name in names if isinstance(name, tuple)]

    def __repr__(self) -> str:
        return f"<TornadoListener on {', '.join(map(str, self.ports)) or 'a Unix socket'}: {self._server!r}>"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._server.connections

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections that are open live on."""
        self._server.stop()

    def close_idle(self) -> None:
        """Close what waits for a request; the others close after their response."""
        self._server.close_idle()

    async def kill(self) -> None:
        """Close whatever is left and cancel what is still running."""
        await self._server.close_all_connections()


class TornadoEngine:
    """Serves an application on Tornado."""

    name = "tornado"
    caps: Capabilities = CAPABILITIES

    def declare(self) -> dict[str, str]:
        """Return nothing: the parser behind `listen` decides every row as the matrix wants it."""
        return {}

    def native(self, app: "App") -> "Application":
        """Return a `tornado.web.Application` without handlers; what no facade handler matches is looked for there."""
        from tornado.web import Application

        # One access line per request, and the facade writes it.
        return Application(log_function=_log_nothing)

    def build(self, app: "App") -> Delegate:
        """Return a connection delegate for any `tornado.httpserver.HTTPServer`; the application is frozen by it."""
        return Delegate(app)

    async def listen(self, app: "App", sockets: Sequence[socket.socket], options: Any) -> Listener:
        """Serve `app` in the running loop, asyncio's or uvloop's."""
        server = Server(app, options)

        for sock in sockets:
            sock.setblocking(False)

        listener = TornadoListener(server, sockets)
        server.add_sockets(sockets)
        return listener


def _log_nothing(handler: object) -> None: ...


ENGINE = TornadoEngine()
