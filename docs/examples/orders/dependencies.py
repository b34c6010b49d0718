"""What handlers ask for."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Annotated

from hagworm import App, Depends, Header, Unauthorized
from orders.store import Store, utc_now

__all__ = ("Clock", "Reading", "Writing", "clock", "require_token")


async def clock() -> Callable[[], datetime]:
    """The source of time; tests put another in its place."""
    return utc_now


Clock = Annotated[Callable[[], datetime], Depends(clock)]


async def reading(app: App, now: Clock) -> AsyncIterator[Store]:
    """The orders, to be read."""
    async with app.state.database.read() as session:
        yield Store(session, now)


async def writing(app: App, now: Clock) -> AsyncIterator[Store]:
    """The orders, to be changed: committed when the handler has returned, before the client hears of it."""
    async with app.state.database.write() as session:
        yield Store(session, now)

    app.state.feed.wake()


# Both end with the handler, not with the response: a slow client keeps no connection to the database.
Reading = Annotated[Store, Depends(reading, scope="call")]
Writing = Annotated[Store, Depends(writing, scope="call")]


async def require_token(app: App, token: Annotated[str | None, Header("X-Token")] = None) -> None:
    """Let pass whoever knows the token. Raises 401."""
    # A Secret compares in constant time.
    if token is None or app.settings.orders.token != token:
        raise Unauthorized('X-Token realm="orders"', "The header X-Token is missing or wrong.")
