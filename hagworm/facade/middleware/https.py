"""Away from plain HTTP: a permanent redirection for requests, a refusal for WebSockets."""

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hagworm.facade.failure import BadRequest
from hagworm.facade.response import Redirect, Response

if TYPE_CHECKING:
    from hagworm.facade.connection import Connection
    from hagworm.facade.request import Request
    from hagworm.facade.websocket import WebSocket

__all__ = ("HTTPSRedirect",)


class HTTPSRedirect:
    """Middleware that answers plain HTTP with 308 to the same URL under `https`; method and body stay what they were.

    Behind a proxy that ends TLS, name it in `server.trusted_proxies`: the scheme it reports is the one that counts.
    `host` replaces the one that the client named, which otherwise should be limited by `server.allowed_hosts`. `port`
    is where HTTPS is served, if not at 443. Paths under `exempt` are answered as they are: probes know no TLS.
    """

    def __init__(self, *, host: str | None = None, port: int = 443, exempt: Collection[str] = ("/-/",)) -> None:
        self.host = host
        self.port = port
        self.exempt = tuple(exempt)

    def __repr__(self) -> str:
        return f"<HTTPSRedirect to {self.host or 'the same host'}, port {self.port}>"

    async def __call__(self, request: "Request", call_next: "Callable[[Request], Awaitable[Response]]") -> Response:
        if self.is_safe(request):
            return await call_next(request)

        return Redirect(self.target(request), 308)

    async def websocket(self, socket: "WebSocket", call_next: "Callable[[WebSocket], Awaitable[None]]") -> None:
        """Refuse the handshake with 403: browsers do not follow a redirection there."""
        if self.is_safe(socket):
            await call_next(socket)
        else:
            await socket.reject(403)

    def is_safe(self, connection: "Connection") -> bool:
        """Whether this may be answered as it came."""
        return connection.scheme == "https" or (bool(self.exempt) and connection.path.startswith(self.exempt))

    def target(self, connection: "Connection") -> str:
        """Return the URL to go to. Raises `HTTPError` 400 where the client has not said which host it means."""
        asked = urlsplit(connection.url)
        host = self.host or asked.netloc.rpartition("@")[2]

        if not host:
            raise BadRequest("this service answers over HTTPS only, and the request has no Host header")

        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        port = "" if self.port == 443 else f":{self.port}"
        query = f"?{asked.query}" if asked.query else ""
        return f"https://{name}{port}{asked.path}{query}"
