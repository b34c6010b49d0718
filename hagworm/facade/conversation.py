"""Serving one WebSocket: its handshake, its handler, and how it ends when something goes wrong."""

import asyncio
import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hagworm.facade.context import current
from hagworm.facade.exchange import ClientDisconnected, Closed
from hagworm.facade.failing import answer_error, find_handler, only_leaf
from hagworm.facade.failure import HTTPError, NotFound, ServiceUnavailable
from hagworm.facade.locating import adopt_id, read_path
from hagworm.facade.proxies import Stamped
from hagworm.facade.response import Response
from hagworm.facade.sending import close_stack
from hagworm.facade.websocket import WebSocket, WebSocketClosed

if TYPE_CHECKING:
    from hagworm.facade.assembly import SocketEntry
    from hagworm.facade.runtime import Runtime

__all__ = ("serve_socket",)

logger = logging.getLogger("hagworm")

CLOSED_ELSEWHERE = Closed(1005)


async def serve_socket(runtime: "Runtime", exchange: Any, id_bytes: bytes) -> None:
    """Serve one WebSocket, to its end. Raises nothing but CancelledError."""
    socket = WebSocket(runtime, exchange, id_bytes)
    current.set(socket)
    began = perf_counter()
    runtime.sockets.add(socket)

    try:
        try:
            await converse(socket)
        except (ClientDisconnected, WebSocketClosed):
            logger.debug("%s: the client has left", socket.path)
        except Exception as exc:
            await fail_socket(socket, exc)
        else:
            if socket.answered and socket.closed is None:
                await socket.close(1000)
    except (ClientDisconnected, WebSocketClosed):
        logger.debug("%s: the client has left", socket.path)
    except Exception:
        logger.exception("WebSocket %s failed while closing (request %s)", socket.path, socket.id)
    finally:
        runtime.sockets.discard(socket)

        if runtime.quiet is not None:
            runtime.look_quiet()

        await close_stack(socket)

        if socket.extras is not None and socket.extras.background is not None:
            runtime.crew.start(socket.extras.background.calls, f"WebSocket {socket.path}")

        if runtime.access is not None:
            runtime.write_access(runtime.access, socket, 101 if socket.accepted else 403, 0, perf_counter() - began)


async def converse(socket: WebSocket) -> None:
    runtime = socket.runtime
    socket.index = runtime.admission.admit(socket.exchange)
    target = read_path(socket)

    if runtime.proxies and b"x-request-id" in socket.index:
        adopt_id(socket)

    if runtime.draining:
        raise ServiceUnavailable("the service is stopping", retry_after=1)

    found = runtime.assembly.sockets.find("WEBSOCKET", target.text, target.segments)

    if found is None:
        await unmatched_socket(socket, target.text)
        return

    entry: SocketEntry
    entry, socket.values = found
    socket.plan, socket.names, socket.limits = entry.plan, entry.names, entry.limits
    check_origin(socket)

    try:
        await entry.endpoint(socket)
    except Exception as exc:
        if (handler := find_handler(exc, entry.exception_handlers[::-1])) is None or socket.answered:
            raise

        response = handler(socket, exc)
        response = await response if asyncio.iscoroutine(response) else response
        await refuse_socket(socket, response)

    if not socket.answered:
        await socket.reject(403)


async def unmatched_socket(socket: WebSocket, path: str) -> None:
    if (mount := socket.runtime.mount_at(path)) is not None:
        socket.answered = True
        await mount.websocket(Stamped(socket.exchange, mount.stamp(socket.id_bytes)), socket.id_bytes)
        socket.closed = socket.closed or CLOSED_ELSEWHERE
    elif socket.exchange.has_native:
        socket.answered = True
        await socket.exchange.pass_on([(b"x-request-id", socket.id_bytes)])
        socket.closed = socket.closed or CLOSED_ELSEWHERE
    else:
        raise NotFound(f"there is nothing at {path}")


def check_origin(socket: WebSocket) -> None:
    """Browsers send cookies to any host and do not stop pages of others from it, so the server must look."""
    origin = socket.index.get(b"origin")

    if origin is None:
        return

    text = origin.decode("latin-1")
    allowed = socket.runtime.app.websocket_origins
    authority = text.partition("://")[2]

    if authority and authority.lower() == (socket.host or "").lower():
        return

    if "*" in allowed or text in allowed:
        return

    raise HTTPError(403, f"WebSockets from the origin {text!r} are not served; see App(websocket_origins=…)")


async def fail_socket(socket: WebSocket, error: Exception) -> None:
    error = only_leaf(error)

    if not isinstance(error, HTTPError):
        logger.error("WebSocket %s failed (request %s)", socket.path, socket.id, exc_info=error)

    if socket.answered:
        if isinstance(error, HTTPError):
            # RFC 6455 7.4.1: 1007 is for data that is not what the type of its message promises.
            await socket.close(1007 if error.status == 400 else 1008, str(error)[:100])
        else:
            await socket.close(1011, "internal error")

        return

    failure = error if isinstance(error, HTTPError) else HTTPError(500, "the service failed to answer")
    await refuse_socket(socket, answer_error(socket, failure))


async def refuse_socket(socket: WebSocket, response: Response) -> None:
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
    await socket.reject(response.status, pairs, response.body)
