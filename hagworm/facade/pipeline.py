"""The onion: middleware around a handler, composed once."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hagworm.extend.error import DefinitionError
from hagworm.facade.binding import location_of
from hagworm.facade.request import Request
from hagworm.facade.response import Response
from hagworm.facade.websocket import WebSocket

__all__ = ("Endpoint", "Middleware", "SocketEndpoint", "check", "compose", "compose_sockets")

Endpoint = Callable[[Request], Awaitable[Response]]
SocketEndpoint = Callable[[WebSocket], Awaitable[None]]
Middleware = Callable[[Request, Endpoint], Awaitable[Response]]


def check(middleware: Any) -> None:
    """Raise `DefinitionError` unless it is `async def middleware(request, call_next)`."""
    function = middleware if inspect.isroutine(middleware) else getattr(middleware, "__call__", None)  # noqa: B004

    if function is None or not inspect.iscoroutinefunction(function):
        raise DefinitionError(
            f"{location_of(middleware)}: a middleware is `async def name(request, call_next)`, got {middleware!r}"
        )

    if len(inspect.signature(middleware).parameters) != 2:
        raise DefinitionError(f"{location_of(middleware)}: a middleware takes (request, call_next), two arguments")


def wrap(middleware: Middleware, inner: Endpoint) -> Endpoint:
    def layer(request: Request) -> Awaitable[Response]:
        return middleware(request, inner)

    return layer


def compose(middlewares: Sequence[Middleware], endpoint: Endpoint) -> Endpoint:
    """Return `endpoint` inside `middlewares`, the first outermost. None of them, and it is `endpoint` itself."""
    for middleware in reversed(middlewares):
        endpoint = wrap(middleware, endpoint)

    return endpoint


def wrap_socket(layer: Callable[[WebSocket, SocketEndpoint], Awaitable[None]], inner: SocketEndpoint) -> SocketEndpoint:
    def wrapped(socket: WebSocket) -> Awaitable[None]:
        return layer(socket, inner)

    return wrapped


def compose_sockets(middlewares: Sequence[Middleware], endpoint: SocketEndpoint) -> SocketEndpoint:
    """As `compose`, for those that have a method `websocket(ws, call_next)` too."""
    for middleware in reversed(middlewares):
        if (layer := getattr(middleware, "websocket", None)) is not None:
            endpoint = wrap_socket(layer, endpoint)

    return endpoint
