"""The application of a framework that takes what no facade handler answers."""

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from hagworm.facade.exchange import HeaderPairs, HttpExchange, WsExchange
from hagworm.facade.proxies import Stamped
from hagworm.frame.asgi.guest import NESTED, serve_http, serve_socket
from hagworm.frame.asgi.protocol import AsgiApp, Scope

if TYPE_CHECKING:
    from hagworm.facade.runtime import Runtime

__all__ = ("Native",)

CLOSE = (b"connection", b"close")


class LeavingStamp(Stamped):
    """An exchange whose response also closes the connection when the service is stopping by then."""

    __slots__ = ("runtime",)

    def __init__(self, exchange: HttpExchange, stamp: HeaderPairs, runtime: "Runtime") -> None:
        super().__init__(exchange, stamp)
        self.runtime = runtime

    def reply(self, status: int, headers: HeaderPairs, body: bytes) -> Awaitable[None] | None:
        """Send a whole response."""
        return super().reply(status, [*headers, CLOSE] if self.runtime.draining else headers, body)

    async def start(self, status: int, headers: HeaderPairs) -> None:
        """Send the head of a response."""
        await super().start(status, [*headers, CLOSE] if self.runtime.draining else headers)


class Native:
    """The application, and the state that its lifespan has made for its requests."""

    __slots__ = ("app", "state")

    def __init__(self, app: AsgiApp, state: Mapping[str, Any]) -> None:
        self.app = app
        self.state = state

    def scope(self, scope: Scope, extensions: dict[str, Any]) -> Scope:
        return {**scope, "state": {**(scope.get("state") or {}), **self.state}, "extensions": extensions, NESTED: True}

    async def http(self, exchange: HttpExchange, headers: HeaderPairs, runtime: "Runtime") -> int:
        """Answer `exchange` with `headers` added to the response; return its status. Raises as `serve_http`."""
        stamped = LeavingStamp(exchange, headers, runtime)
        await serve_http(self.app, self.scope(exchange.native, {}), stamped)
        return stamped.status

    async def websocket(self, socket: WsExchange, headers: HeaderPairs) -> int:
        """Serve `socket` with `headers` added to the answer to its handshake; return the status of that."""
        stamped = Stamped(socket, headers)
        await serve_socket(self.app, self.scope(socket.native, {"websocket.http.response": {}}), stamped)
        return stamped.status
