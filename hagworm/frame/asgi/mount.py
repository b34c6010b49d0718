"""Any ASGI or WSGI application below a prefix, behind any engine."""

from hagworm.facade.exchange import HttpExchange, WsExchange
from hagworm.frame.asgi.guest import http_scope, serve_http, serve_socket, socket_scope
from hagworm.frame.asgi.protocol import AsgiApp
from hagworm.frame.asgi.tenancy import Tenancy
from hagworm.frame.asgi.wsgi import WsgiMount, mount_wsgi

__all__ = ("AsgiMount", "WsgiMount", "mount", "mount_wsgi")


def mount(app: AsgiApp, prefix: str) -> "AsgiMount":
    """Return what serves `app` below `prefix`, over exchanges of any engine."""
    return AsgiMount(app, prefix)


class AsgiMount:
    """An ASGI 3 application below a prefix."""

    __slots__ = ("app", "prefix", "tenancy")

    def __init__(self, app: AsgiApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix.rstrip("/")
        self.tenancy = Tenancy(app)

    def __repr__(self) -> str:
        return f"<AsgiMount of {self.app!r} at {self.prefix or '/'}>"

    async def startup(self) -> None:
        """Run the start of its lifespan, if it has one. Raises `StartupFailed`."""
        await self.tenancy.startup()

    async def shutdown(self) -> None:
        """Run the end of its lifespan, if it has one. Raises RuntimeError where that failed."""
        await self.tenancy.shutdown()

    async def http(self, exchange: HttpExchange) -> None:
        """Let the application answer. Raises as `serve_http`."""
        await serve_http(self.app, http_scope(exchange, self.prefix, self.tenancy.state), exchange)

    async def websocket(self, exchange: WsExchange) -> None:
        """Let the application serve a WebSocket."""
        await serve_socket(self.app, socket_scope(exchange, self.prefix, self.tenancy.state), exchange)
