"""The application: what is opened and closed with it, what surrounds its routes, what its errors become."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from sqlalchemy.exc import OperationalError, TimeoutError

from hagworm import App, HTTPError, Request, Response
from orders.api import router
from orders.database import open_database
from orders.feed import open_feed
from orders.settings import Settings
from orders.store import IllegalMove, OrderChanged, OrderNotFound

__all__ = ("app", "build")

logger = logging.getLogger("orders")


async def lifespan(app: App) -> AsyncIterator[None]:
    """Hold the database and the feed open while the application runs."""
    settings = app.settings

    async with (
        open_database(settings.database.url) as app.state.database,
        open_feed(app.state.database, interval=settings.orders.look_interval) as app.state.feed,
    ):
        yield


async def never_keep(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Tell browsers and proxies that an answer about orders is true only now."""
    response = await call_next(request)
    response.headers.setdefault("cache-control", "no-store")
    return response


async def not_found(request: Request, error: OrderNotFound) -> Response:
    raise HTTPError(404, str(error))


async def refused(request: Request, error: IllegalMove) -> Response:
    raise HTTPError(409, str(error), extra={"status_now": error.current, "allowed": error.allowed})


async def changed(request: Request, error: OrderChanged) -> Response:
    raise HTTPError(409, str(error))


async def unavailable(request: Request, error: Exception) -> Response:
    logger.warning("%s %s: the database did not answer: %s", request.method, request.path, error)
    raise HTTPError(503, "The database cannot answer now.", headers={"retry-after": "1"})


def build() -> App:
    """Return a new application."""
    app = App(
        title="Orders",
        version="1.0.0",
        description="The orders of a shop. Writes need the header X-Token.",
        settings=Settings,
    )
    app.lifespan(lifespan)
    app.exception_handler(OrderNotFound)(not_found)
    app.exception_handler(IllegalMove)(refused)
    app.exception_handler(OrderChanged)(changed)
    # Unreachable, locked for too long, a deadlock; or no connection was free for too long.
    app.exception_handler(OperationalError, TimeoutError)(unavailable)
    app.middleware(never_keep)
    app.include(router)
    return app


app = build()
