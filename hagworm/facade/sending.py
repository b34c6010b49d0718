"""A response on its way out: whole or in pieces, and what is closed and begun after its last byte."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from hagworm.facade.background import BackgroundTasks
from hagworm.facade.connection import Connection
from hagworm.facade.exchange import ClientDisconnected, reply_whole
from hagworm.facade.failing import answer_any
from hagworm.facade.request import Request
from hagworm.facade.response import BODILESS, Response, StreamedResponse
from hagworm.facade.streaming import LeaveWithClient, closing

__all__ = ("after", "close_request", "close_stack", "prepared", "send", "send_stream")

logger = logging.getLogger("hagworm")

CLOSE = (b"connection", b"close")


def send(request: Request, response: Response) -> Awaitable[None] | None:
    """Put a whole response on the wire."""
    status, body = response.status, response.body

    if status in BODILESS:
        headers = bodiless_headers(request, response)
        body = b""
    else:
        headers = [*response.raw_headers, (b"content-length", b"%d" % len(body))]

    headers.append((b"x-request-id", request.id_bytes))

    if response.close or request.runtime.draining:
        headers.append(CLOSE)

    if request.method == "HEAD":
        body = b""

    request.sent = len(body)
    sending: Awaitable[None] | None = request.exchange.reply(status, headers, body)
    return sending


async def prepared(request: Request, response: Response) -> Response:
    """Return the response when its head is known: itself, or what answers the error of its own `prepare`."""
    if not isinstance(response, StreamedResponse):
        return response

    try:
        await response.prepare(request)
    except Exception as exc:
        return await prepared(request, await answer_any(request, exc))

    return response


async def send_stream(request: Request, response: StreamedResponse) -> None:
    """Put a response on the wire piece by piece. What fails on the way aborts the connection."""
    exchange = request.exchange
    headers = [*response.raw_headers, (b"x-request-id", request.id_bytes)]

    if response.close or request.runtime.draining:
        headers.append(CLOSE)

    if request.method == "HEAD" or response.status in BODILESS:
        # The pieces are never asked for: making them may cost much and have effects.
        await reply_whole(exchange, response.status, headers, b"")
        return

    announced = next((int(value) for name, value in headers if name == b"content-length"), None)
    await exchange.start(response.status, headers)

    try:
        with LeaveWithClient(exchange.gone):
            async with closing(response.chunks()) as chunks:
                async for chunk in chunks:
                    if announced is not None and request.sent + len(chunk) > announced:
                        raise ValueError(f"the stream is longer than the {announced} bytes that it announced")

                    if chunk:
                        await exchange.write(chunk)
                        request.sent += len(chunk)

        if announced is not None and request.sent < announced:
            raise ValueError(f"the stream ended after {request.sent} of the {announced} bytes that it announced")

        await exchange.finish()
    except BaseException as exc:
        # A truncated body must never look complete.
        exchange.abort()

        if request.stack is not None:
            await close_stack(request, exc)

        if isinstance(exc, Exception) and not isinstance(exc, ClientDisconnected):
            logger.exception("%s %s: the stream failed (request %s)", request.method, request.path, request.id)
            return

        raise


async def after(request: Request, response: Response) -> None:
    """Close what the response needed, then start what comes after it, in this order."""
    if request.stack is not None:
        await close_stack(request)

    own = None if request.extras is None else request.extras.background

    if own is not None or response.background is not None:
        start_background(request, own, response.background)


async def close_stack(request: Connection, error: BaseException | None = None) -> None:
    """Let the dependencies that have yielded end, innermost first; they see `error`, if there is one."""
    stack: AsyncExitStack | None
    stack, request.stack = request.stack, None

    if stack is None:
        return

    try:
        await stack.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)
    except Exception as exc:
        if exc is not error:
            logger.exception(
                "%s %s: a dependency failed while closing (request %s)", request.method, request.path, request.id
            )


async def close_request(request: Request) -> None:
    """Close whatever the request has opened and left open."""
    await close_stack(request)

    if request.extras is not None and request.extras.form is not None:
        await request.extras.form.close()


def start_background(request: Request, *sources: Any) -> None:
    calls: list[Callable[[], Any]] = []

    for source in sources:
        if isinstance(source, BackgroundTasks):
            calls += source.calls
        elif source is not None:
            calls.append(source)

    if calls:
        request.runtime.crew.start(calls, f"{request.method} {request.path} (request {request.id})")


def bodiless_headers(request: Request, response: Response) -> list[tuple[bytes, bytes]]:
    if response.body:
        size = len(response.body)
        logger.warning("%s %s: dropped %d bytes; %d has no body", request.method, request.path, size, response.status)

    return [pair for pair in response.raw_headers if pair[0] != b"content-type"]
