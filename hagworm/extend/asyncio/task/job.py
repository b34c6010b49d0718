"""One job of a limiter, from the moment it is taken until it has ended."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Protocol, TypeVar

__all__ = ("Job", "JobKeeper")

T = TypeVar("T")


class JobKeeper(Protocol):
    """Who knows the jobs that wait."""

    def forget(self, job: "Job[Any]") -> None:
        """Take a job that waits out of the queue."""
        ...


class Job(asyncio.Future[T]):
    """A job that waits or runs: awaiting it returns what its function returns, or raises its error.

    Cancelling takes it out of the queue, or cancels its function; it is done when that has really ended. As with tasks,
    who awaits a job and is cancelled cancels it: use `asyncio.shield` where that is not wanted.
    """

    __slots__ = (
        "args",
        "context",
        "formers",
        "function",
        "has_begun",
        "holders",
        "is_leaving",
        "keeper",
        "name",
        "priority",
        "task",
        "timer",
    )

    def __init__(
        self,
        keeper: JobKeeper,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        priority: int,
        name: str | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(loop=loop)
        self.keeper = keeper
        self.function = function
        self.args = args
        self.priority = priority
        self.name = name
        self.context = copy_context()
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        """What ends the wait in the queue."""
        self.formers: tuple[Job[Any], ...] = ()
        """The jobs of the same name that must have ended before this one begins."""
        self.has_begun = False
        self.is_leaving = False
        """Whether it was cancelled when it had a task, and is going to end."""
        self.holders = 0
        """How many wait for it, or may do so."""

    def __repr__(self) -> str:
        return f"<Job {self.name or getattr(self.function, '__qualname__', self.function)}, {self.state}>"

    @property
    def state(self) -> str:
        """`waiting`, `running`, `done` or `cancelled`."""
        if self.done():
            return "cancelled" if self.cancelled() else "done"

        return "waiting" if self.task is None else "running"

    def cancel(self, msg: Any | None = None) -> bool:
        """Take it out of the queue, or cancel its function; return whether it had not ended."""
        if self.done():
            return False

        if self.task is None:
            self.keeper.forget(self)
            return super().cancel(msg)

        self.is_leaving = True

        # A task that is cancelled before its first step takes none, not even to clean up: it will see for itself.
        return self.task.cancel(msg) if self.has_begun else True

    def was_cancelled(self) -> None:
        """Its function has ended by a cancellation."""
        super().cancel()
