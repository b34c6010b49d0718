"""Retrying a block of code: `async for attempt in retry: with attempt: …`, and the same without async."""

import time
from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING

from hagworm.extend.asyncio.base.deadline import DEADLINE, Alarm, moment, running_loop
from hagworm.extend.asyncio.resilience.course import Course, Surrenders
from hagworm.extend.error import DeadlineExceeded, DefinitionError

if TYPE_CHECKING:
    from hagworm.extend.asyncio.resilience.retry import Retry

__all__ = ("AsyncAttempts", "Attempt", "Attempts")


class Attempt:
    """One attempt, as a block; an error that is to be tried again ends in it.

    `number` counts from 1. `again()` inside the block asks for another attempt although nothing has failed.
    """

    __slots__ = ("alarm", "attempts", "bound", "number", "token", "wanted")

    def __init__(self, attempts: "BaseAttempts", number: int) -> None:
        self.attempts = attempts
        self.number = number
        self.wanted = False
        self.alarm: Alarm | None = None
        self.token: Token[float | None] | None = None
        self.bound = float("inf")

    def __repr__(self) -> str:
        return f"<Attempt {self.number} of {self.attempts.course.name}>"

    def again(self) -> None:
        """Ask for another attempt; where there is none any more, the loop ends as if the block had been content."""
        self.wanted = True

    def __enter__(self) -> "Attempt":
        retry, end = self.attempts.retry, self.attempts.course.end
        each = retry.attempt_timeout

        if each is not None or end != float("inf"):
            now = moment()
            outer = DEADLINE.get()
            self.bound = min(end, float("inf") if each is None else now + each)
            bound = self.bound if outer is None else min(self.bound, outer)

            if bound <= now:
                raise DeadlineExceeded(retry.timeout)

            if (loop := running_loop()) is not None:
                self.alarm = Alarm(loop, bound, each if self.bound < end else retry.timeout).__enter__()

            self.token = DEADLINE.set(bound)

        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if self.token is not None:
            DEADLINE.reset(self.token)

        try:
            if self.alarm is not None:
                self.alarm.__exit__(kind, error, traceback)
        except DeadlineExceeded as exc:
            if self.attempts.settle(self, exc, late=exc.end == self.bound):
                return True

            raise

        return self.attempts.settle(self, error, late=False)

    async def __aenter__(self) -> "Attempt":
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return self.__exit__(kind, error, traceback)


class BaseAttempts:
    """The attempts at one block, and the pause before the next one: None where there is none."""

    def __init__(self, retry: "Retry") -> None:
        now = moment()
        outer = DEADLINE.get()
        end = float("inf") if retry.timeout is None else now + retry.timeout
        self.retry = retry
        self.course = Course(
            retry, retry.name or "a block", Surrenders.count, end if outer is None else min(end, outer)
        )
        self.pause: float | None = 0.0

        if retry.budget is not None:
            retry.budget.call(time.monotonic())

    def next_attempt(self) -> Attempt:
        # A block that is left without a word about its outcome was content.
        self.pause = None
        return Attempt(self, self.course.attempts + 1)

    def settle(self, attempt: Attempt, error: BaseException | None, *, late: bool) -> bool:
        """Take in how an attempt has ended, and return whether its error ends here."""
        course = self.course

        if error is None:
            if attempt.wanted:
                self.pause = course.rejected(None)
            elif course.attempts:
                course.recovered()

            return False

        if not isinstance(error, Exception) or not (late or isinstance(error, self.retry.errors.classes)):
            return False

        self.pause = course.failed(error, again=late)
        return self.pause is not None


class Attempts(BaseAttempts):
    """The attempts of a plain `for`; the pauses block the thread."""

    def __init__(self, retry: "Retry") -> None:
        if retry.attempt_timeout is not None:
            raise DefinitionError("attempt_timeout needs `async for`: nothing can interrupt a plain block")

        super().__init__(retry)

    def __iter__(self) -> "Attempts":
        return self

    def __next__(self) -> Attempt:
        if self.pause is None:
            raise StopIteration

        if self.pause:
            self.retry.block(self.pause)

        return self.next_attempt()


class AsyncAttempts(BaseAttempts):
    """The attempts of an `async for`."""

    def __aiter__(self) -> "AsyncAttempts":
        return self

    async def __anext__(self) -> Attempt:
        if self.pause is None:
            raise StopAsyncIteration

        if self.course.attempts:
            await self.retry.sleep(self.pause)

        return self.next_attempt()
