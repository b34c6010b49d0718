"""Waiting with a bound, at no cost where nothing has to be waited for."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

__all__ = ("finish_within", "patiently")

T = TypeVar("T")


class Resumed(Generic[T]):
    """A coroutine that has been started by hand, awaitable for the rest of its way."""

    __slots__ = ("coroutine", "waiting")

    def __init__(self, coroutine: Coroutine[Any, Any, T], waiting: Any) -> None:
        self.coroutine = coroutine
        self.waiting = waiting

    def __await__(self) -> Generator[Any, Any, T]:
        waiting = self.waiting

        while True:
            try:
                try:
                    sent = yield waiting
                except BaseException as exc:  # whatever the loop throws in belongs to the coroutine
                    waiting = self.coroutine.throw(exc)
                else:
                    waiting = self.coroutine.send(sent)
            except StopIteration as done:
                result: T = done.value
                return result


async def finish_within(coroutine: Coroutine[Any, Any, T], waiting: Any, seconds: float | None) -> T:
    """Return the result of a coroutine that was started with `send(None)` and answered `waiting`.

    It has `seconds` from now (None: no bound). Raises TimeoutError; a cancellation goes into the coroutine. This must
    be awaited at once: what the coroutine waits for is nobody's until then.
    """
    if seconds is None:
        return await Resumed(coroutine, waiting)

    async with asyncio.timeout(seconds):
        return await Resumed(coroutine, waiting)


async def patiently(coroutine: Coroutine[Any, Any, T], seconds: float | None) -> T:
    """Return the result of `coroutine`, giving it at most `seconds` (None: no bound) once it has begun to wait.

    A coroutine that never suspends costs no timer. Raises TimeoutError; a cancellation goes into the coroutine.
    """
    try:
        waiting = coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result

    return await finish_within(coroutine, waiting, seconds)
