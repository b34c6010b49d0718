"""Several awaitables of which the first is wanted."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from hagworm.extend.asyncio.base.group import Crew

__all__ = ("Selected", "Winner", "race", "select")

T = TypeVar("T")


class Winner(NamedTuple, Generic[T]):
    """Which one has won a race, counted from 0, and what it brought."""

    place: int
    result: T


async def race(
    *jobs: Awaitable[T], until: Literal["finished", "succeeded"] = "finished", timeout: float | None = None
) -> Winner[T]:
    """Run `jobs` at the same time and return the place and the result of the one that is done first.

    If that fails its error is raised; with `until="succeeded"` the others go on, and only when all have failed an
    ExceptionGroup of their errors is raised. Those that are not wanted any more are cancelled and awaited; should one
    fail over that, the exception handler of the loop is told. The same happens when `timeout` seconds are over, which
    raises TimeoutError (None: never), and when the race is cancelled. Where the results of all that have finished
    matter, items taken from queues for example, use `select`.
    """
    if not jobs:
        raise ValueError("there is nothing to race")

    crew = Crew(jobs, None)
    errors: list[Exception] = []

    try:
        async with asyncio.timeout(timeout):
            while await crew.wait():
                number, future = crew.finished.popleft()

                if future.cancelled() or (error := future.exception()) is None:
                    return Winner(number, future.result())

                if until == "finished" or not isinstance(error, Exception):
                    raise error

                errors.append(error)
    finally:
        await crew.close()
        tell_losses(crew)

    raise ExceptionGroup("nobody has reached the end of the race", errors)


class Selected(Generic[T]):
    """What `select` found: one entry per awaitable, None for those that had not finished, or have failed."""

    __slots__ = ("errors", "index", "results")

    def __init__(self, index: int, results: list[T | None], errors: dict[int, BaseException]) -> None:
        self.index = index
        self.results = results
        self.errors = errors

    def __repr__(self) -> str:
        return f"<Selected {self.index} of {len(self.results)}, {len(self.errors)} failed>"

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[T | None]:
        return iter(self.results)

    def __getitem__(self, index: int) -> T | None:
        return self.results[index]

    def result(self) -> T | None:
        """Return the result of the first one, or raise its error."""
        if (error := self.errors.get(self.index)) is not None:
            raise error

        return self.results[self.index]


async def select(
    *jobs: Awaitable[T], timeout: float | None = None, cancel: bool = True, return_exceptions: bool = False
) -> Selected[T]:
    """Run `jobs` at the same time until the first one is done, and return what all of them have brought then.

    The others are cancelled and awaited; what one of them brings all the same is an entry of the result. With
    `cancel=False` tasks and futures among them go on; coroutines cannot, as nobody would own them. An error is raised,
    with a note of others that came with it; with `return_exceptions` errors are entries of the result. Raises
    TimeoutError when `timeout` seconds are over (None: never); then, and when it is cancelled, everything is ended.
    """
    if not jobs:
        raise ValueError("there is nothing to select from")

    given = {job for job in jobs if asyncio.isfuture(job)}
    crew = Crew(jobs, None)

    try:
        async with asyncio.timeout(timeout):
            await crew.wait()

        if not cancel:
            crew.running -= given
    finally:
        await crew.close()

    first = crew.finished[0][0]
    results: list[Any] = [None] * len(jobs)
    errors: dict[int, BaseException] = {}

    for number, future in crew.finished:
        if not future.cancelled():
            if (error := future.exception()) is None:
                results[number] = future.result()
            else:
                errors[number] = results[number] = error
        elif number == first:
            errors[number] = results[number] = asyncio.CancelledError()

    if errors and not return_exceptions:
        error = errors.get(first) or next(iter(errors.values()))
        crew.note_others(error)
        raise error

    return Selected(first, results, errors)


def tell_losses(crew: Crew[Any]) -> None:
    """Tell the loop of those that failed when nobody wanted them any more."""
    for _, future in crew.finished:
        if not future.cancelled() and (error := future.exception()) is not None:
            text = "one that had lost a race failed"
            crew.loop.call_exception_handler({"message": text, "exception": error, "future": future})
