"""The engine `asgi`: the facade as one bare ASGI 3 callable."""

import socket
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hagworm.extend.error import ConfigError, nearest
from hagworm.facade.engine import Listener
from hagworm.facade.exchange import Capabilities
from hagworm.frame.asgi.entrance import Entrance
from hagworm.frame.asgi.outcomes import OUTCOMES

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("ENGINE", "SERVERS", "AsgiEngine")

SERVERS = ("uvicorn", "granian", "hypercorn")


class AsgiEngine:
    """Serves an application through any ASGI server."""

    name = "asgi"
    caps: Capabilities = frozenset({"raw_path", "ws_reject_body"})

    def declare(self, server: str = "uvicorn-httptools") -> dict[str, str]:
        """Return what the parser of `server` decides, by row; the servers are the keys of `OUTCOMES`."""
        return dict(OUTCOMES[server])

    def native(self, app: "App") -> Any:
        """Return the application itself: an `App` is an ASGI application, and nothing stands behind it."""
        return app

    def build(self, app: "App") -> Entrance:
        """Return the ASGI callable; the application is frozen by it."""
        return Entrance(app.freeze())

    async def listen(self, app: "App", sockets: Sequence[socket.socket], options: Any) -> Listener:
        """Serve `app` in the running loop with the server that `options.asgi_server` names.

        Raises `ConfigError` for a name that is none of `SERVERS`, `MissingExtra` for one that is not installed.
        """
        if (name := options.asgi_server) not in SERVERS:
            raise ConfigError(f"server.asgi_server: {name!r} is none of {', '.join(SERVERS)}{nearest(name, SERVERS)}")

        module = import_module(f"hagworm.frame.asgi.{name}")
        listener: Listener = await module.listen(self.build(app), sockets, options)
        return listener


ENGINE = AsgiEngine()
