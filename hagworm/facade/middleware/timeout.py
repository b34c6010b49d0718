"""A limit on how long any answer may take; a route's own `timeout=` is for one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from hagworm.facade.failure import HTTPError
from hagworm.facade.response import Response

if TYPE_CHECKING:
    from hagworm.facade.request import Request

__all__ = ("Timeout",)


class Timeout:
    """Middleware that cancels what is inside it after `seconds` and answers 504.

    The time ends with the head of the response: the pieces of a stream may take as long as they like. A `def` handler
    goes on in its thread, as nothing can stop it there, but its client is answered. Raises ValueError for a time that
    is none.
    """

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise ValueError(f"Timeout: {seconds!r} is not a number of seconds above zero")

        self.seconds = seconds

    def __repr__(self) -> str:
        return f"<Timeout {self.seconds:g} s>"

    async def __call__(self, request: "Request", call_next: "Callable[[Request], Awaitable[Response]]") -> Response:
        scope = asyncio.timeout(self.seconds)

        try:
            async with scope:
                return await call_next(request)
        except TimeoutError as exc:
            if not scope.expired():
                # Somebody else's time was up; what that means is for them to say.
                raise

            raise HTTPError(504, f"no answer within {self.seconds:g} seconds") from exc
