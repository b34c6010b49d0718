"""An ASGI application served over an exchange of any engine."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from hagworm.facade.context import current
from hagworm.facade.exchange import Head, HttpExchange, WsExchange
from hagworm.facade.target import strip_origin
from hagworm.frame.asgi.conversation import REJECTION, HttpConversation, SocketConversation, check_length
from hagworm.frame.asgi.protocol import AsgiApp, Scope

__all__ = ("NESTED", "http_scope", "origin_form", "serve_http", "serve_socket", "socket_scope")

# In a scope that the facade has handed on: an application of hagworm further inside finds a request being served,
# and must not take it for one that its server has leaked.
NESTED = "hagworm.nested"


def http_scope(exchange: HttpExchange, root_path: str, state: Mapping[str, Any]) -> Scope:
    """Return the scope of a request: by ASGI 2.4 its paths are whole, and `root_path` is what the mount takes off."""
    return {**head_scope(exchange, root_path, state), "type": "http", "method": exchange.method}


def socket_scope(exchange: WsExchange, root_path: str, state: Mapping[str, Any]) -> Scope:
    """Return the scope of a WebSocket."""
    return {
        **head_scope(exchange, root_path, state),
        "type": "websocket",
        "scheme": "wss" if exchange.scheme == "https" else "ws",
        "subprotocols": list(exchange.subprotocols),
        "extensions": {REJECTION: {}},
    }


# From 2.4 on, Starlette leaves a stream alone whose client has left until it next sends something.
ASGI = {"version": "3.0", "spec_version": "2.3"}


def head_scope(head: Head, root_path: str, state: Mapping[str, Any]) -> dict[str, Any]:
    path = origin_form(head.path)
    return {
        "asgi": dict(ASGI),
        "http_version": head.version,
        "scheme": head.scheme,
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": head.query,
        "root_path": root_path,
        "headers": list(head.headers),
        "client": head.peer,
        "server": head.local,
        "state": dict(state),
        "extensions": {},
        NESTED: True,
    }


def origin_form(target: bytes) -> bytes:
    """Return the path of a target that may be `http://host/path` (RFC 9112 3.2.2)."""
    return target if target[:1] == b"/" or b"://" not in target else strip_origin(target)[0]


async def serve_http(app: AsgiApp, scope: Scope, exchange: HttpExchange) -> None:
    """Let `app` answer `exchange`.

    Raises what it raises before it has begun to, and `HTTPError` for a body that cannot be read or is larger than the
    limits of the request being served allow. A later exception is logged; it drops the connection where the response
    is not complete.
    """
    serving = current.get()
    limit = serving.limits.body if serving is not None else None
    check_length(exchange.headers, limit)
    conversation = HttpConversation(exchange, limit)

    try:
        await app(scope, conversation.receive, conversation.send)
    except asyncio.CancelledError:
        conversation.abandon()
        raise
    except Exception as exc:
        conversation.settle(exc)
    else:
        conversation.settle()
    finally:
        # An application of hagworm inside has put itself there.
        current.set(serving)


async def serve_socket(app: AsgiApp, scope: Scope, exchange: WsExchange) -> None:
    """Let `app` serve a WebSocket; an exception is logged, and closes it with 1011."""
    serving = current.get()
    conversation = SocketConversation(exchange)

    try:
        await app(scope, conversation.receive, conversation.send)
    except Exception as exc:
        await conversation.settle(exc)
    else:
        await conversation.settle()
    finally:
        current.set(serving)
