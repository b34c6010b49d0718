"""How long a call may take."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from hagworm.extend.asyncio.base.deadline import call_by, sooner
from hagworm.extend.asyncio.resilience.strategy import Strategy, own_arguments

__all__ = ("Timeout",)

R = TypeVar("R")


class Timeout(Strategy):
    """Cancel a call that is not done in so many seconds, and raise `DeadlineExceeded`, a TimeoutError.

        @Timeout(1.5)                                               # coroutine functions
        @Timeout(lambda size: size / 1e6)                           # seconds from the arguments; None: no bound
        await Timeout(1.5).call(fetch, url)

    Where the caller has less time left, that counts: a call that has none left is not made. What is called sees the
    time that it has by `remaining()`. A block is bounded by `within`.
    """

    def __init__(self, seconds: float | Callable[..., float | None]) -> None:
        if not callable(seconds) and not seconds > 0:
            raise ValueError(f"Timeout: {seconds!r} is not a number of seconds above zero")

        self.seconds = seconds

    def __repr__(self) -> str:
        return f"<Timeout {self.seconds if callable(self.seconds) else format(self.seconds, 'g')} s>"

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        given = self.seconds
        own = own_arguments(function)

        async def call(*args: Any, **kwargs: Any) -> R:
            seconds = given(*args[own], **kwargs) if callable(given) else given
            end = sooner(seconds)

            if end is None:
                return await function(*args, **kwargs)

            return await call_by(function(*args, **kwargs), asyncio.get_running_loop(), end, seconds)

        return call
