"""From an error to the response that answers it: the tables of the business first, then the facade's own answer."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from hagworm.facade.answers import answer
from hagworm.facade.connection import Connection
from hagworm.facade.exchange import ClientDisconnected
from hagworm.facade.failure import HTTPError
from hagworm.facade.request import Request
from hagworm.facade.response import BODILESS, Rendered, Response

__all__ = ("ExceptionHandlers", "answer_any", "answer_error", "answer_known", "find_handler", "only_leaf")

logger = logging.getLogger("hagworm")

ExceptionHandlers = dict[type[BaseException] | int, Callable[..., Any]]
"""What answers an error, by its class or by the status of an `HTTPError`."""


async def answer_known(request: Request, error: Exception, tables: tuple[ExceptionHandlers, ...]) -> Response:
    """Answer an error that a table of the route or the facade itself knows; raise it where none does."""
    error = only_leaf(error)

    if (handler := find_handler(error, tables)) is not None:
        try:
            response = handler(request, error)
            response = await response if asyncio.iscoroutine(response) else response
        except HTTPError as exc:
            # It is answered here, inside the middleware, like the response of any other handler.
            return answer_error(request, exc)

        if not isinstance(response, Response):
            raise TypeError(f"the exception handler {handler!r} returned {type(response).__name__}, not a Response")

        return response

    if isinstance(error, HTTPError):
        return answer_error(request, error)

    raise error


async def answer_any(request: Request, error: Exception) -> Response:
    """Answer an error that came through all middleware, or from one."""
    if isinstance(error, ClientDisconnected):
        raise error

    runtime = request.runtime

    try:
        return await answer_known(request, error, (runtime.app.exception_handlers,))
    except Exception as exc:
        where = request.plan.location if request.plan is not None else "no route"
        logger.error("%s %s failed in %s (request %s)", request.method, request.path, where, request.id, exc_info=exc)
        runtime.metrics.errors += 1
        failure = HTTPError(500, "the service failed to answer; the request id says which log record tells why")
        failure.__cause__ = only_leaf(exc)
        runtime.app.last_error = exc if runtime.app.keep_errors else None
        return answer_error(request, failure)


def answer_error(request: Connection, error: HTTPError) -> Response:
    """Return the facade's own answer to `error`."""
    if error.status in BODILESS:
        return Rendered(b"", error.status, [])

    return answer(request, error)


def only_leaf(error: Exception) -> Exception:
    """Return what a group holds, where it holds one thing."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]

    return error


def find_handler(error: Exception, tables: tuple[ExceptionHandlers, ...]) -> Callable[..., Any] | None:
    """Return the handler of the most particular class, or status, in the innermost table that has one."""
    for table in tables:
        if isinstance(error, HTTPError) and (handler := table.get(error.status)) is not None:
            return handler

        for kind in type(error).__mro__:
            if (handler := table.get(kind)) is not None:
                return handler

    return None
