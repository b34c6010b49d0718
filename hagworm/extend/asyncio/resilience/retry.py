"""Trying again: as often as it helps, as late as it should, and no longer than the caller waits."""

import asyncio
import random as chance
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from threading import Lock
from typing import Any, TypeVar

from hagworm.extend.asyncio.base.deadline import DEADLINE, call_by, moment
from hagworm.extend.asyncio.resilience.attempts import AsyncAttempts, Attempts
from hagworm.extend.asyncio.resilience.course import Course, Retried, Surrenders, ask_outcome
from hagworm.extend.asyncio.resilience.generators import Begun, carry_on
from hagworm.extend.asyncio.resilience.outcomes import Errors, read_errors
from hagworm.extend.asyncio.resilience.strategy import Kind, Strategy, name_of
from hagworm.extend.error import DeadlineExceeded, Refused
from hagworm.extend.resilience.backoff import Backoff, RetrySchedule
from hagworm.extend.resilience.budget import RetryBudget

__all__ = ("Retry",)

R = TypeVar("R")

FOREVER = float("inf")


class Retry(Strategy):
    """Call again what has failed, after pauses that grow and are spread by chance.

        @Retry(attempts=5, on=ConnectionError, timeout=10)          # any kind of function, plain or asynchronous
        await retry.call(fetch, url)                                # retry.call_sync(…)
        async for attempt in retry:                                 # for attempt in retry:
            with attempt:
                …

    `attempts` counts the first one (None: no limit, then `timeout` is needed). `on` says which errors are tried again:
    a class, classes or a function of the error; a cancellation never is, nor an error whose attribute `retryable` is
    False, nor a `Refused` (an open circuit, a full bulkhead) unless that is named. `reject` makes a failure of a
    result. `backoff` gives the pauses (a number: always so many seconds); where the error or the result has an
    attribute `retry_after` (seconds or timedelta), or the function `retry_after` answers a number for it, the pause is
    at least that, and what asks to wait longer than `longest_retry_after` is given up.

    `timeout` bounds all attempts and pauses together, `attempt_timeout` each attempt; the deadline of the caller
    (`within`) bounds both. What is called sees the time that it has by `remaining()`. A pause that would use up what is
    left is not begun. `budget` bounds the retries of all calls that share it. The last outcome is the caller's as it
    is: the error itself, with a note that says how often was tried, or the rejected result; where the time ends during
    an attempt that is `DeadlineExceeded`.

    Where a call is retried inside another that is, the outer one does not multiply the attempts: an error that an inner
    `Retry` has given up on is final, unless `nested` is true.

    Plain functions cannot be interrupted, so that `attempt_timeout` is a `DefinitionError` for them. A generator is
    begun again as long as it has yielded nothing; the times are those to its first item. `on_retry` is called with
    `Retried` before each pause. Cancelling a call leaves nothing behind.
    """

    def __init__(
        self,
        attempts: int | None = 3,
        *,
        on: Errors = Exception,
        reject: Callable[[Any], bool] | None = None,
        timeout: float | None = None,
        attempt_timeout: float | None = None,
        backoff: Backoff | float = Backoff(),
        retry_after: Callable[[Any], float | None] | None = None,
        longest_retry_after: float = 60.0,
        budget: RetryBudget | None = None,
        nested: bool = False,
        on_retry: Callable[[Retried], object] | None = None,
        name: str = "",
        random: Callable[[], float] = chance.random,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        block: Callable[[float], object] = time.sleep,
    ) -> None:
        if not isinstance(backoff, Backoff):
            backoff = Backoff(first=backoff, factor=1.0, longest=backoff, jitter=0.0)

        for label, seconds in (("timeout", timeout), ("attempt_timeout", attempt_timeout)):
            if seconds is not None and not seconds > 0:
                raise ValueError(f"{label}: {seconds!r} is not a number of seconds above zero")

        if attempts is None and (timeout is None or backoff.first == 0):
            raise ValueError("attempts without limit need a timeout, and pauses in between")

        self.schedule = RetrySchedule(attempts, backoff, longest_retry_after)
        self.errors = read_errors(on)
        self.wants_refusals = self.errors.matches is not None or any(
            issubclass(cls, Refused) for cls in self.errors.classes
        )
        self.reject = reject
        self.timeout = timeout
        self.attempt_timeout = attempt_timeout
        self.ask = retry_after or ask_outcome
        self.budget = budget
        self.nested = nested
        self.listeners = () if on_retry is None else (on_retry,)
        self.name = name
        self.random = random
        self.sleep = sleep
        self.block = block
        self.lock = Lock()
        self.retried = self.recovered = self.gave_up = self.over_budget = 0

    def __repr__(self) -> str:
        attempts = "unlimited" if self.schedule.attempts is None else self.schedule.attempts
        name = f"{self.name}, " if self.name else ""
        return f"<Retry {name}{attempts} attempts, {self.retried} retried, {self.gave_up} given up>"

    def statistics(self) -> dict[str, int]:
        """Return how many attempts were repeated; how many calls succeeded after that, gave up, or had no budget."""
        with self.lock:
            return {
                "retried": self.retried,
                "recovered": self.recovered,
                "gave_up": self.gave_up,
                "over_budget": self.over_budget,
            }

    def __aiter__(self) -> AsyncAttempts:
        return AsyncAttempts(self)

    def __iter__(self) -> Attempts:
        return Attempts(self)

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        if self.timeout is not None or self.attempt_timeout is not None:
            return self.wrap_timed(function)

        name = self.name or name_of(function)
        classes, reject, budget = self.errors.classes, self.reject, self.budget
        surrenders = Surrenders

        # The first attempt stands apart from the others: success is what has to be quick.
        async def call(*args: Any, **kwargs: Any) -> R:
            seen = surrenders.count

            if budget is not None:
                budget.call(time.monotonic())

            try:
                result = await function(*args, **kwargs)
            except classes as error:
                course = Course(self, name or name_of(args[0]), seen)

                if (pause := course.failed(error)) is None:
                    raise
            else:
                if reject is None or not reject(result):
                    return result

                course = Course(self, name or name_of(args[0]), seen)

                if (pause := course.rejected(result)) is None:
                    return result

            while True:
                await self.sleep(pause)

                try:
                    result = await function(*args, **kwargs)
                except classes as error:
                    if (pause := course.failed(error)) is None:
                        raise
                else:
                    if reject is None or not reject(result):
                        course.recovered()
                        return result

                    if (pause := course.rejected(result)) is None:
                        return result

        return call

    def wrap_timed(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        name = self.name or name_of(function)
        classes, reject, budget = self.errors.classes, self.reject, self.budget
        total = self.timeout or FOREVER
        each = self.attempt_timeout or FOREVER
        surrenders = Surrenders

        async def call(*args: Any, **kwargs: Any) -> R:
            loop = asyncio.get_running_loop()
            now = loop.time()
            end, seconds = now + total, self.timeout

            if (outer := DEADLINE.get()) is not None and outer < end:
                end, seconds = outer, None

            course: Course | None = None
            seen = surrenders.count

            if budget is not None:
                budget.call(time.monotonic())

            while True:
                bound = now + each if now + each < end else end

                if bound <= now:
                    raise DeadlineExceeded(seconds)

                try:
                    result = await call_by(function(*args, **kwargs), loop, bound, seconds if bound is end else each)
                except Exception as error:
                    late = isinstance(error, DeadlineExceeded) and error.end == bound

                    if not late and not isinstance(error, classes):
                        raise

                    course = course or Course(self, name or name_of(args[0]), seen, end)

                    if (pause := course.failed(error, again=late)) is None:
                        raise
                else:
                    if reject is None or not reject(result):
                        if course is not None:
                            course.recovered()

                        return result

                    course = course or Course(self, name or name_of(args[0]), seen, end)

                    if (pause := course.rejected(result)) is None:
                        return result

                await self.sleep(pause)
                now = loop.time()

        return call

    def wrap_sync(self, function: Callable[..., R]) -> Callable[..., R]:
        self.refuse_attempt_timeout(function, Kind.SYNC)
        name = self.name or name_of(function)
        classes, reject = self.errors.classes, self.reject

        def call(*args: Any, **kwargs: Any) -> R:
            course = self.begin(name or name_of(args[0]))

            while True:
                try:
                    result = function(*args, **kwargs)
                except classes as error:
                    if (pause := course.failed(error)) is None:
                        raise
                else:
                    if reject is None or not reject(result):
                        if course.attempts:
                            course.recovered()

                        return result

                    if (pause := course.rejected(result)) is None:
                        return result

                self.block(pause)

        return call

    def wrap_generator(self, function: Callable[..., Iterator[R]]) -> Callable[..., Iterator[R]]:
        self.refuse_attempt_timeout(function, Kind.GENERATOR)
        name = self.name or name_of(function)
        classes = self.errors.classes

        def call(*args: Any, **kwargs: Any) -> Generator[R, Any, Any]:
            course = self.begin(name or name_of(args[0]))

            while True:
                generator: Any = function(*args, **kwargs)

                try:
                    first = next(generator)
                except StopIteration as done:
                    return done.value
                except classes as error:
                    if (pause := course.failed(error)) is None:
                        raise
                else:
                    if course.attempts:
                        course.recovered()

                    return (yield from Begun(generator, first))

                self.block(pause)

        return call

    def wrap_async_generator(self, function: Callable[..., AsyncIterator[R]]) -> Callable[..., AsyncIterator[R]]:
        async def begin(*args: Any, **kwargs: Any) -> tuple[Any, list[R]]:
            generator: Any = function(*args, **kwargs)

            try:
                return generator, [await anext(generator)]
            except StopAsyncIteration:
                return generator, []

        begin.__qualname__ = name_of(function)
        return carry_on(self.wrap_async(begin))

    def begin(self, name: str) -> Course:
        if self.budget is not None:
            self.budget.call(time.monotonic())

        return Course(self, name, Surrenders.count, FOREVER if self.timeout is None else moment() + self.timeout)

    def refuse_attempt_timeout(self, function: Callable[..., Any], kind: Kind) -> None:
        if self.attempt_timeout is not None:
            raise self.cannot_wrap(function, kind)
