"""A call that a thread makes: for a coroutine that awaits it, or for whoever holds its `concurrent.futures.Future`."""

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from hagworm.extend.asyncio.future.inbox import Ending, Inbox
from hagworm.extend.error import ExecutorClosed, Overloaded

if TYPE_CHECKING:
    from hagworm.extend.asyncio.future.crew import Crew, Worker

__all__ = ("HERE", "Call", "Job", "PatientCall", "Submission", "name_of", "report")

T = TypeVar("T")

logger = logging.getLogger("hagworm")


class Here(threading.local):
    """What the current thread is: `worker` is the one of ours that it runs, None in every other thread."""

    worker: "Worker | None" = None


HERE = Here()


class Job(Protocol):
    """What a worker makes of a call. Whoever takes it out of the queue owns it."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    context: Context | None
    inner: Ending | None
    since: float

    must_begin: ClassVar[bool]
    """Whether `begin` has to be asked: others are wanted as long as they are in the queue."""

    @property
    def inbox(self) -> Inbox | None:
        """How to reach the loop on which the call was asked for; None: there was none."""

    def begin(self) -> bool:
        """Return whether the call is still wanted. Runs in the thread that will make it."""

    def finish(self, value: Any) -> None:
        """Take the result. Runs in the thread that made the call."""

    def fail(self, error: BaseException) -> None:
        """Take the error. Runs in any thread, also for a call that is never made."""

    def give_up(self, error: ExecutorClosed) -> None:
        """Take an error while a thread makes the call; what comes of that is lost. Runs in any thread."""

    def is_left(self) -> bool:
        """Whether the caller does not wait for it any more. May be asked in any thread."""


class Call(asyncio.Future[T]):
    """The future of a call that is made in a thread, awaited on the loop where it was asked for.

    To cancel it before a thread has begun with it means that it is never made. Later the function goes on to its end,
    as nothing can stop it there, and what it returns is lost; what it raises is logged. A coroutine that it waits for
    by `sync_await` is cancelled, and `check_cancelled` raises.
    """

    __slots__ = ("args", "context", "crew", "error", "function", "inbox", "inner", "kwargs", "since", "value")

    must_begin: ClassVar[bool] = False
    function: Callable[..., T]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    context: Context | None
    """What variables the function sees; None: no variable has a value."""
    crew: "Crew"
    inbox: Inbox
    since: float
    value: T
    error: BaseException | None
    inner: Ending | None
    """What the function waits for on the loop."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {name_of(self.function)}: {self.crew.state_of(self)}>"

    def begin(self) -> bool:
        return True

    def finish(self, value: T) -> None:
        self.value = value
        self.args, self.kwargs, self.context = (), None, None
        # What `post` does, without the call.
        inbox = self.inbox
        inbox.items.append(self)

        if not inbox.rung:
            inbox.ring()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.args, self.kwargs, self.context = (), None, None
        self.inbox.post(self)

    def land(self) -> None:
        error = self.error

        if error is None:
            try:
                self.set_result(self.value)
            except asyncio.InvalidStateError:  # the caller has left meanwhile
                return
        elif self.done():
            self.report_late(error)
        else:
            self.set_exception(error if not isinstance(error, AWKWARD) else translated(error, self.function, self.crew))

        if error is not None:
            # Else the error, its traceback and this would hold on to each other.
            self.error = None

    def strand(self) -> None:
        if self.error is not None:
            report(self.error, f"{name_of(self.function)} failed when its event loop had been closed")

    def report_late(self, error: BaseException) -> None:
        # A function that ends as it should when nobody wants it, and one that was never called.
        if not isinstance(error, asyncio.CancelledError | ExecutorClosed | Overloaded):
            report(error, f"{name_of(self.function)} failed after its caller had left")

    def give_up(self, error: ExecutorClosed) -> None:
        self.inbox.post(GivenUp(self, error))

        if (inner := self.inner) is not None:
            inner.end()

    def is_left(self) -> bool:
        return self.crew.aborted or self.cancelled()

    def cancel(self, msg: Any | None = None) -> bool:
        """Do without the result; return whether that was possible, that is whether there was none yet."""
        if self.done():
            return False

        began = not self.crew.withdraw(self)
        cancelled = super().cancel(msg)

        # Not before: a function that is about to wait says for what, and then asks whether its caller has left.
        if began and (inner := self.inner) is not None:
            inner.end()

        return cancelled


class PatientCall(Call[T]):
    """A call whose caller does not leave before the function has ended, also where it is cancelled meanwhile.

    The cancellation is delivered then; what the function has returned is lost, what it has raised is logged.
    """

    __slots__ = ("asked",)

    asked: bool

    def is_left(self) -> bool:
        return self.asked or self.crew.aborted

    def cancel(self, msg: Any | None = None) -> bool:
        """Do without the call if that has not begun; otherwise only let it know that nobody wants its result."""
        if self.done():
            return False

        if self.crew.withdraw(self):
            # Not by way of the parent, who would look for it a second time.
            return asyncio.Future.cancel(self, msg)

        self.asked = True

        if (inner := self.inner) is not None:
            inner.end()

        # A task that hears this keeps the cancellation in mind until the future is done.
        return False

    def land(self) -> None:
        if self.asked and self.error is not None and not self.done():
            self.report_late(self.error)

        super().land()


class Submission(concurrent.futures.Future[T]):
    """What `submit` returns: a future for any thread, of a call that another one makes."""

    must_begin: ClassVar[bool] = True

    def __init__(
        self,
        crew: "Crew",
        function: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: Context,
        inbox: Inbox | None,
        since: float,
    ) -> None:
        super().__init__()
        self.crew = crew
        self.function = function
        self.args = args
        self.kwargs: dict[str, Any] | None = kwargs
        self.context: Context | None = context
        self.inbox = inbox
        self.inner: Ending | None = None
        self.since = since

    def __repr__(self) -> str:
        return f"<Submission of {name_of(self.function)}: {self.crew.state_of(self)}>"

    def begin(self) -> bool:
        return self.set_running_or_notify_cancel()

    def finish(self, value: T) -> None:
        self.args, self.kwargs, self.context = (), None, None

        with suppress(concurrent.futures.InvalidStateError):  # it was given up
            self.set_result(value)

    def fail(self, error: BaseException) -> None:
        self.args, self.kwargs, self.context = (), None, None

        if self.crew.aborted and isinstance(error, asyncio.CancelledError):
            error = translated(error, self.function, self.crew)

        try:
            self.set_exception(error)
        except concurrent.futures.InvalidStateError:
            if not isinstance(error, ExecutorClosed):
                report(error, f"{name_of(self.function)} failed after it had been given up")

    def give_up(self, error: ExecutorClosed) -> None:
        with suppress(concurrent.futures.InvalidStateError):  # it has just ended
            self.set_exception(error)

        if (inner := self.inner) is not None:
            inner.end()

    def is_left(self) -> bool:
        return self.crew.aborted

    def cancel(self) -> bool:
        """Do without the call; return whether that was possible, that is whether it had not begun."""
        if not super().cancel():
            return False

        if self.crew.withdraw(self):
            # Nobody else will tell those who wait for it.
            self.set_running_or_notify_cancel()

        return True


class GivenUp:
    """Tells on the loop that a call, which a thread may still be making, has been given up."""

    __slots__ = ("call", "error")

    def __init__(self, call: Call[Any], error: ExecutorClosed) -> None:
        self.call = call
        self.error = error

    def land(self) -> None:
        if not self.call.done():
            self.call.set_exception(self.error)

    def strand(self) -> None:
        """Nobody waits any more."""


AWKWARD = (StopIteration, asyncio.CancelledError)
"""What a future cannot hold, and what would look as if the one who awaits it had been cancelled."""


def translated(error: BaseException, function: Callable[..., Any], crew: "Crew") -> RuntimeError:
    """Return what stands for an `AWKWARD` error that a function has raised."""
    if crew.aborted and isinstance(error, asyncio.CancelledError):
        # It has heard of that sooner than its caller.
        made: RuntimeError = crew.abortion()
    else:
        made = RuntimeError(f"{name_of(function)} raised {type(error).__name__}")

    made.__cause__ = error
    return made


def name_of(function: Callable[..., Any]) -> str:
    """Return what to call a function in a log: its qualified name, or that of what a partial or an instance calls."""
    inner = getattr(function, "func", function)
    name = getattr(inner, "__qualname__", None)
    return name if isinstance(name, str) else type(inner).__qualname__


def report(error: BaseException, what: str) -> None:
    """Log an error that nobody waits for any more, with its traceback."""
    logger.error("%s: %r", what, error, exc_info=error)
