"""Results that are to come, which any number of tasks can wait for without hurting each other."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context
from typing import Any, Generic, TypeVar

from hagworm.extend.asyncio.base.background import Background
from hagworm.extend.asyncio.base.flight import apart
from hagworm.extend.asyncio.base.latch import ValueEvent

__all__ = ("FutureWithTask", "FutureWithTimeout")

T = TypeVar("T")


class FutureWithTimeout(Generic[T]):
    """A result that somebody sets within `delay` seconds, or else is `default`: `await result`.

    A task that is cancelled while it waits changes nothing for the others.
    """

    __slots__ = ("default", "event", "timer")

    def __init__(self, delay: float, default: Any = None) -> None:
        self.default = default
        self.event: ValueEvent[tuple[T | None, Exception | None]] = ValueEvent()
        self.timer = asyncio.get_running_loop().call_later(delay, self.expire, context=Context())

    def __repr__(self) -> str:
        state = "done" if self.done() else f"{len(self.event.waiters)} waiting"
        return f"<FutureWithTimeout {state}>"

    def done(self) -> bool:
        """Whether there is a result."""
        return self.event.is_set

    def set_result(self, result: T) -> bool:
        """Give the result. Returns False if it came too late."""
        return self.settle(result, None)

    def set_exception(self, error: Exception) -> bool:
        """Raise `error` in those who wait, a copy for each. Returns False if it came too late."""
        return self.settle(None, error)

    def cancel(self) -> bool:
        """Wait no longer: the result is `default`. Returns False if there was one."""
        return self.settle(self.default, None)

    def __await__(self) -> Generator[Any, Any, T]:
        result, error = yield from self.event.wait().__await__()

        if error is not None:
            raise apart(error)

        return result  # type: ignore[return-value]  # without an error there is a result

    def settle(self, result: T | None, error: Exception | None) -> bool:
        if self.event.is_set:
            return False

        self.timer.cancel()
        self.event.set((result, error))
        return True

    def expire(self) -> None:
        self.settle(self.default, None)


class FutureWithTask(Generic[T]):
    """A call that `run` starts in a task of its own, and whose result any number of tasks wait for: `await job`.

    `cancel` cancels the task, and so those who wait; a task that is cancelled while it waits changes nothing for the
    others. An error that nobody waits for goes to the exception handler of the loop.
    """

    __slots__ = ("background", "build_time", "function", "name", "task", "waiting")

    def __init__(self, function: Callable[[], Awaitable[T]], name: str | None = None) -> None:
        self.function = function
        self.name = name
        self.build_time = time.time()
        self.background = Background(policy="inherit", on_error=self.tell)
        self.task: asyncio.Task[T] | None = None
        self.waiting = 0

    def __repr__(self) -> str:
        state = "not started" if self.task is None else "done" if self.task.done() else "running"
        return f"<FutureWithTask {self.name!r} {state}, {self.waiting} waiting>"

    def run(self) -> "asyncio.Task[T]":
        """Start the call, and return its task. Raises RuntimeError the second time."""
        if self.task is not None:
            raise RuntimeError(f"{self!r} has been started already")

        self.task = self.background.spawn(self.function(), name=self.name)
        return self.task

    def done(self) -> bool:
        """Whether the call has ended."""
        return self.task is not None and self.task.done()

    def cancel(self) -> bool:
        """Cancel the call. Returns False if it was not running."""
        return self.task is not None and self.task.cancel()

    def __await__(self) -> Generator[Any, Any, T]:
        task = self.run() if self.task is None else self.task
        self.waiting += 1

        try:
            return (yield from asyncio.shield(task).__await__())
        finally:
            self.waiting -= 1

    def tell(self, task: "asyncio.Task[Any]", error: BaseException) -> None:
        if not self.waiting:
            text = f"nobody waits for {self!r}, which failed"
            task.get_loop().call_exception_handler({"message": text, "exception": error, "task": task})
