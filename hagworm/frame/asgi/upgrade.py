"""From our HTTP/1.1 protocol to uvicorn's WebSocket protocol, on the same connection."""

from typing import TYPE_CHECKING, Any

from hagworm.frame.asgi.direct import DirectExchange

if TYPE_CHECKING:
    from hagworm.frame.asgi.http1 import Http1Protocol

__all__ = ("become_websocket", "wants_websocket")


def wants_websocket(exchange: DirectExchange) -> bool:
    """Whether a request that asks for an upgrade asks for this one."""
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in exchange.headers)


def become_websocket(connection: "Http1Protocol", exchange: DirectExchange) -> None:
    """Hand the connection over, with the head of `exchange` as uvicorn's protocol wants to read it."""
    query = b"?" + exchange.query if exchange.query else b""
    lines = [b"%b %b%b HTTP/1.1" % (exchange.method.encode(), exchange.path, query)]
    lines += [b"%b: %b" % pair for pair in exchange.headers]
    make: Any = connection.config.ws_protocol_class
    protocol = make(config=connection.config, server_state=connection.server_state, app_state={}, _loop=connection.loop)
    connection.transport.set_protocol(protocol)
    protocol.connection_made(connection.transport)
    protocol.data_received(b"\r\n".join([*lines, b"", b""]))
