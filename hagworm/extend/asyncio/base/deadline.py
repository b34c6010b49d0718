"""Waiting with a bound that everything called inside can see, at no cost where nothing has to be waited for."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import ContextVar, Token
from time import monotonic
from types import CoroutineType, TracebackType
from typing import Any, Generic, TypeVar

from hagworm.extend.error import DeadlineExceeded

__all__ = (
    "DEADLINE",
    "Alarm",
    "Within",
    "call_by",
    "deadline",
    "finish_within",
    "moment",
    "patiently",
    "remaining",
    "running_loop",
    "sooner",
    "unbounded",
    "within",
)

T = TypeVar("T")

DEADLINE: ContextVar[float | None] = ContextVar("hagworm_deadline", default=None)
"""The moment by which the caller wants the answer."""


def moment() -> float:
    """Return what time it is on the clock that deadlines are told by: the running loop's, else the monotonic one."""
    loop = running_loop()
    return monotonic() if loop is None else loop.time()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def deadline() -> float | None:
    """Return the moment by which the caller wants the answer, or None where it has set none."""
    return DEADLINE.get()


def remaining() -> float | None:
    """Return how many seconds are left, never below 0, or None where the caller has set no deadline.

    It is what a client gives the other side, and what it bounds its own waiting by.
    """
    end = DEADLINE.get()
    return None if end is None else max(0.0, end - moment())


class Alarm:
    """Cancel the block at `end`, a moment of the loop, and make `DeadlineExceeded` of that cancellation, of no other.

    What `asyncio.timeout_at` does, without its two coroutines.
    """

    __slots__ = ("end", "handle", "loop", "outer", "rang", "seconds", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop, end: float, seconds: float | None) -> None:
        task = asyncio.current_task(loop)

        if task is None:
            raise RuntimeError("only a task can be given a deadline")

        self.loop = loop
        self.end = end
        self.seconds = seconds
        self.task: asyncio.Task[Any] = task
        self.rang = False

    def __repr__(self) -> str:
        return f"<Alarm {'rang' if self.rang else 'set'} for {self.task.get_name()}>"

    def __enter__(self) -> "Alarm":
        self.outer = self.task.cancelling()
        self.handle = self.loop.call_at(self.end, self.ring)
        return self

    def ring(self) -> None:
        self.rang = True
        self.task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.handle.cancel()

        if self.rang and self.task.uncancel() <= self.outer and kind is asyncio.CancelledError:
            raise DeadlineExceeded(self.seconds, end=self.end) from error


class Within:
    """The block that `within` gives a deadline; `end` is the moment when it is over."""

    __slots__ = ("alarm", "end", "seconds", "token")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.end: float | None = None
        self.alarm: Alarm | None = None

    def __repr__(self) -> str:
        return f"<Within {self.seconds} s>"

    def __enter__(self) -> "Within":
        self.end = sooner(self.seconds)

        if self.end is not None and (loop := running_loop()) is not None:
            self.alarm = Alarm(loop, self.end, self.seconds).__enter__()

        self.token: Token[float | None] = DEADLINE.set(self.end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        DEADLINE.reset(self.token)

        if (alarm := self.alarm) is not None:
            self.alarm = None
            alarm.__exit__(kind, error, traceback)

    async def __aenter__(self) -> "Within":
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def within(seconds: float | None) -> Within:
    """Give the block so many seconds, or what the caller has left where that is less: `async with within(2): …`.

    Inside, `remaining()` tells how long; a block inside can only shorten it. When the time is over, the block is
    cancelled at its await and `DeadlineExceeded`, a TimeoutError, is raised in its place; where no time is left the
    block is not entered. A cancellation from elsewhere passes through. None adds no bound. In a thread without a loop
    nothing is interrupted.
    """
    return Within(seconds)


class Unbounded:
    """The block that `unbounded` frees of its deadline."""

    __slots__ = ("token",)

    def __enter__(self) -> None:
        self.token: Token[float | None] = DEADLINE.set(None)

    def __exit__(self, *_: object) -> None:
        DEADLINE.reset(self.token)


def unbounded() -> Unbounded:
    """Free the block of the caller's deadline: for cleaning up, and for work that outlives the call.

    It hides the deadline from `remaining()`; a `within` around it still interrupts its own task.
    """
    return Unbounded()


def sooner(seconds: float | None) -> float | None:
    """Return the moment in so many seconds or the caller's deadline, what comes first; None where there is neither.

    Raises `DeadlineExceeded` if that is past.
    """
    end = DEADLINE.get()

    if seconds is None and end is None:
        return None

    now = moment()

    if seconds is not None and (end is None or now + seconds < end):
        end = now + seconds

    if end is not None and end <= now:
        raise DeadlineExceeded(seconds, end=end)

    return end


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


async def call_by(awaitable: Awaitable[T], loop: asyncio.AbstractEventLoop, end: float, seconds: float | None) -> T:
    """Return the result of `awaitable`, which is given until `end`, a moment of the running `loop`, and sees that.

    What never suspends costs no timer. Raises `DeadlineExceeded(seconds)`; a cancellation goes into the awaitable.
    """
    coroutine: Any = awaitable if type(awaitable) is CoroutineType else follow(awaitable)
    token = DEADLINE.set(end)

    try:
        try:
            waiting = coroutine.send(None)
        except StopIteration as done:
            result: T = done.value
            return result

        with Alarm(loop, end, seconds):
            result = await Resumed(coroutine, waiting)
            return result
    finally:
        DEADLINE.reset(token)


async def follow(awaitable: Awaitable[T]) -> T:
    return await awaitable
