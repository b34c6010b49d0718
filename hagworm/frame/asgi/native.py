"""The application of a framework that takes what no facade handler answers."""

from collections.abc import Mapping
from typing import Any

from hagworm.facade.exchange import HeaderPairs, HttpExchange, WsExchange
from hagworm.facade.proxies import Stamped
from hagworm.frame.asgi.guest import NESTED, serve_http, serve_socket
from hagworm.frame.asgi.protocol import AsgiApp, Scope

__all__ = ("Native",)

CLOSE = (b"connection", b"close")


class Native:
    """The application, and the state that its lifespan has made for its requests."""

    __slots__ = ("app", "state")

    def __init__(self, app: AsgiApp, state: Mapping[str, Any]) -> None:
        self.app = app
        self.state = state

    def scope(self, scope: Scope, extensions: dict[str, Any]) -> Scope:
        return {**scope, "state": {**(scope.get("state") or {}), **self.state}, "extensions": extensions, NESTED: True}

    async def http(self, exchange: HttpExchange, headers: HeaderPairs, *, draining: bool) -> int:
        """Answer `exchange` with `headers` added to the response; return its status. Raises as `serve_http`."""
        stamp = [*headers, CLOSE] if draining else headers
        stamped = Stamped(exchange, stamp)
        await serve_http(self.app, self.scope(exchange.native, {}), stamped)
        return stamped.status

    async def websocket(self, socket: WsExchange, headers: HeaderPairs) -> int:
        """Serve `socket` with `headers` added to the answer to its handshake; return the status of that."""
        stamped = Stamped(socket, headers)
        await serve_socket(self.app, self.scope(socket.native, {"websocket.http.response": {}}), stamped)
        return stamped.status
