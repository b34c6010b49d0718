"""The way back: coroutines that a thread calls and waits for."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from inspect import isawaitable
from typing import Any, ParamSpec, TypeVar

from hagworm.extend.asyncio.future.call import HERE, Job, name_of
from hagworm.extend.asyncio.future.inbox import Inbox, inbox_of
from hagworm.extend.error import PortalClosed

__all__ = (
    "Ticket",
    "check_cancelled",
    "loop_of_caller",
    "refuse_in_loop",
    "sync_await",
    "sync_wait_coroutine",
    "wait_coroutine",
)

P = ParamSpec("P")
T = TypeVar("T")


class Ticket:
    """A coroutine that runs on a loop while a thread waits for its end.

    However that comes, by itself, by a cancellation, or as the loop is closed: the thread is told, once.
    """

    __slots__ = ("__weakref__", "args", "box", "context", "error", "function", "gate", "kwargs", "left", "once", "task")

    def __init__(self, box: Inbox, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.box = box
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.context = copy_context()
        self.gate = threading.Lock()
        self.gate.acquire()
        self.once = threading.Lock()
        self.left = False
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Ticket for {name_of(self.function)}>"

    def land(self) -> None:
        """Start the coroutine, or cancel it where it has been."""
        if self.task is not None:
            self.task.cancel()
        elif self.left:
            self.finish(left())
        else:
            self.box.held.add(self)
            self.task = self.box.loop.create_task(self.carry(), context=self.context)

    def strand(self) -> None:
        self.finish(PortalClosed("the event loop was closed"))

    def end(self) -> None:
        """Cancel the coroutine; where its loop does not run any more, do without its end."""
        self.left = True
        loop = self.box.loop

        if not loop.is_running():
            self.finish(PortalClosed("the event loop does not run any more"))
        elif self.task is not None:
            # In the loop's own thread as in any other: after what this one is doing.
            self.box.post(self)

    async def carry(self) -> None:
        error: BaseException | None = None

        try:
            await self.make()
        except GeneratorExit:
            # Nobody runs this any more: the loop was closed, and has forgotten it.
            self.finish(PortalClosed("the event loop was closed before the coroutine had ended"))
            raise
        except BaseException as exc:
            error = exc

        self.finish(error)

    async def make(self) -> None:
        """Do what the thread waits for."""
        raise NotImplementedError

    def finish(self, error: BaseException | None) -> None:
        """Tell the thread how it has ended."""
        if self.once.acquire(blocking=False):
            self.error = error
            self.box.held.discard(self)
            self.gate.release()

    def wait(self) -> None:
        """Wait, in a thread without a loop, until it has ended. Raises what it has raised."""
        with self.awaited():
            self.box.post(self)
            self.gate.acquire()

        self.raise_error()

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Let it be cancelled while the block waits, if the caller of this thread's call is.

        Raises CancelledError if that has left already.
        """
        worker = HERE.worker
        job = None if worker is None else worker.job
        outer = None

        if job is not None:
            outer, job.inner = job.inner, self

            # Whoever leaves says so first and looks for this then.
            if job.is_left():
                job.inner = outer
                raise left()

        try:
            yield
        except BaseException:
            # Only the main thread can be interrupted.
            self.end()
            raise
        finally:
            if job is not None:
                job.inner = outer

    def raise_error(self) -> None:
        """Raise what it has raised, if it has."""
        if (error := self.error) is not None:
            try:
                raise error
            finally:
                # The error holds this frame.
                self.error = error = None


class Awaited(Ticket):
    """A call whose result a thread waits for."""

    __slots__ = ("value",)

    async def make(self) -> None:
        result = self.function(*self.args, **self.kwargs)
        self.value = await result if isawaitable(result) else result


def left() -> asyncio.CancelledError:
    return asyncio.CancelledError("nobody waits for the result of this call any more")


def loop_of_caller() -> Inbox:
    """Return the inbox of the loop for which the current thread is working. Raises RuntimeError where there is none."""
    worker = HERE.worker

    if worker is None or worker.job is None:
        raise RuntimeError("this thread works for no event loop; say which one: `sync_wait_coroutine(loop, ...)`")

    if (box := worker.job.inbox) is None:
        raise RuntimeError("this call was not asked for on an event loop; say which: `sync_wait_coroutine(loop, ...)`")

    return box


def refuse_in_loop() -> None:
    """Raise RuntimeError in the thread of a running loop: nothing may block there."""
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("an event loop runs in this thread, and would stand still; use `await` here")


def sync_await(function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a coroutine function on the loop that asked for the call which this thread is making, and wait for its end.

    For functions that run in a thread by `threaded`, `ThreadPool.run` and the like. The coroutine sees the context
    variables of the function. When the function's caller is cancelled, the coroutine is, too, and this raises
    CancelledError, at once if that has happened before. Raises what the coroutine raises, `PortalClosed` when the loop
    is closed, and RuntimeError in other threads.
    """
    refuse_in_loop()
    result: T = run_on(loop_of_caller(), function, args, kwargs)
    return result


def sync_wait_coroutine(
    loop: asyncio.AbstractEventLoop, function: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a coroutine function on `loop`, from any thread that runs no loop itself, and wait for its end.

    As `sync_await` otherwise. A loop that does not run yet is waited for.
    """
    refuse_in_loop()

    if loop.is_closed():
        raise PortalClosed("the event loop is closed")

    result: T = run_on(inbox_of(loop), function, args, kwargs)
    return result


def wait_coroutine(coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop | None = None) -> T:
    """Run `coroutine` on `loop`, by default that of the caller of this thread's call, and wait for its end.

    As `sync_await` otherwise; a coroutine that cannot be started is closed.
    """

    def get() -> Coroutine[Any, Any, T]:
        return coroutine

    try:
        return sync_await(get) if loop is None else sync_wait_coroutine(loop, get)
    finally:
        # Of one that has run this takes no notice.
        coroutine.close()


def run_on(box: Inbox, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    ticket = Awaited(box, function, args, kwargs)
    ticket.wait()
    return ticket.value


def check_cancelled() -> None:
    """Raise CancelledError if nobody waits any more for the call that this thread is making.

    For functions that take long: what they have opened is closed by their own `finally`, and nobody is told an error.
    In threads of others this does nothing.
    """
    worker = HERE.worker
    job: Job | None = None if worker is None else worker.job

    if job is not None and job.is_left():
        raise left()
