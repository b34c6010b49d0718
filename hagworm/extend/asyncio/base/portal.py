"""The way into an event loop from other threads."""

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass
from inspect import isawaitable
from types import TracebackType
from typing import Any, Self, TypeVar

from hagworm.extend.asyncio.base.background import Background
from hagworm.extend.asyncio.base.context import Policy, context_for
from hagworm.extend.asyncio.base.loop import run
from hagworm.extend.error import PortalClosed

__all__ = ("Portal", "PortalStatistics", "open_portal")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PortalStatistics:
    """What goes through a portal, and has gone."""

    running: int
    """How many coroutines run that came this way."""
    calls: int
    """How many calls have been taken."""


class Reply(Future[T]):
    """What the caller of a call waits for."""

    is_settled = False

    def settle(self, result: Any = None, error: BaseException | None = None, *, cancel: bool = False) -> None:
        """Tell how the call has ended, once; a caller who has cancelled it waits for nothing any more."""
        if self.is_settled:
            return

        self.is_settled = True

        if cancel:
            self.cancel()

        if self.set_running_or_notify_cancel():
            if error is None:
                self.set_result(result)
            else:
                self.set_exception(error)


class Ticket:
    """One call on its way; when the loop forgets it, because it was closed meanwhile, its caller is told."""

    __slots__ = ("__weakref__", "args", "context", "function", "reply")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], reply: Reply[Any], context: Context
    ) -> None:
        self.function = function
        self.args = args
        self.reply = reply
        self.context = context
        weakref.finalize(self, forget, reply).atexit = False


def forget(reply: Reply[Any]) -> None:
    """Tell the caller of a call that nobody will make any more; the garbage collector calls this in any thread."""
    reply.settle(error=PortalClosed("the event loop was closed before the call had ended"))


class Portal:
    """Calls functions and coroutine functions in the loop in which it was made, from any thread.

    `async with Portal() as portal:` ends what has come through it at the end of the block. What is called runs in a
    copy of its caller's context (`policy="inherit"`; `hagworm.extend.asyncio.base.context` has others). Nobody waits in
    vain: when the portal is closed, every call that has not ended raises `PortalClosed`, and so it does when the loop
    is closed after its tasks have been cancelled, which is what `run` and asyncio's runner do.
    """

    __slots__ = ("background", "calls", "is_closed", "loop", "policy", "thread")

    def __init__(self, *, policy: Policy = "inherit") -> None:
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.policy: Policy = policy
        self.background = Background(policy="inherit", on_error=ignore)
        self.is_closed = False
        self.calls = 0

    def __repr__(self) -> str:
        state = "closed" if self.is_closed or self.loop.is_closed() else "open"
        return f"<Portal {state}, {len(self.background.tasks)} running, {self.calls} calls>"

    def submit(self, function: "Callable[..., Awaitable[T] | T]", *args: Any) -> "Future[T]":
        """Call `function(*args)` in the loop, without waiting for it.

        Returns a `concurrent.futures.Future`. Cancelling that cancels the coroutine; waiting for it in the loop's own
        thread blocks the loop for ever. Raises `PortalClosed`.
        """
        reply: Reply[T] = Reply()
        self.send(self.begin, Ticket(function, args, reply, context_for(self.policy)))
        self.calls += 1
        return reply

    def call(self, function: "Callable[..., Awaitable[T] | T]", *args: Any, timeout: float | None = None) -> T:
        """Call `function(*args)` in the loop and return what it returns, waiting at most `timeout` seconds.

        Raises what it raises; TimeoutError when the time is over (None: never), and then the coroutine is cancelled;
        `PortalClosed`; and RuntimeError in the loop's own thread, which would wait for itself. An interrupted call
        cancels the coroutine, too.
        """
        if threading.get_ident() == self.thread:
            raise RuntimeError("the thread of the loop would wait for itself; use `await` there")

        reply = self.submit(function, *args)

        try:
            return reply.result(timeout)
        except TimeoutError:
            if reply.cancel():
                raise

            # It has ended after all, or the error is its own.
            return reply.result()
        except BaseException:
            reply.cancel()
            raise

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Have the loop call `callback(*args)` soon. Its errors go to the loop's exception handler.

        Raises `PortalClosed`.
        """
        self.send(callback, *args)
        self.calls += 1

    async def aclose(self, *, grace: float = 0.0, timeout: float | None = None) -> None:
        """Take no calls any more, wait `grace` seconds for those that run, then cancel them and await their end.

        Callers of what had not ended get `PortalClosed`. A coroutine that ignores its cancellation for `timeout`
        seconds (None: it is waited for) is left behind. To be called in the loop of the portal.
        """
        self.is_closed = True
        await self.background.aclose(grace=grace, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def statistics(self) -> PortalStatistics:
        """Return what goes through, and has gone."""
        return PortalStatistics(len(self.background.tasks), self.calls)

    def send(self, callback: Callable[..., object], *args: Any) -> None:
        if self.is_closed:
            raise PortalClosed(f"{self!r} takes no calls any more")

        try:
            self.loop.call_soon_threadsafe(callback, *args, context=context_for(self.policy))
        except RuntimeError as exc:
            if not self.loop.is_closed():
                raise

            raise PortalClosed("the event loop is closed") from exc

    def begin(self, ticket: Ticket) -> None:
        """Make a call; this runs in the loop."""
        reply = ticket.reply

        if self.is_closed or reply.cancelled():
            return reply.settle(error=PortalClosed(f"{self!r} takes no calls any more"))

        try:
            result = ticket.context.run(ticket.function, *ticket.args)

            if not isawaitable(result):
                return reply.settle(result)

            task = ticket.context.run(self.background.spawn, result)
        except BaseException as exc:
            reply.settle(error=exc)

            if not isinstance(exc, Exception):
                raise

            return None

        task.add_done_callback(lambda task: self.end(ticket, task), context=Context())
        reply.add_done_callback(lambda reply: self.withdraw(reply, task))
        return None

    def end(self, ticket: Ticket, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled():
            if (error := task.exception()) is None:
                ticket.reply.settle(task.result())
            else:
                ticket.reply.settle(error=error)
        elif task.cancelling():
            # Not by its caller, who waits for nothing any more: the portal is being closed, or the loop.
            ticket.reply.settle(error=PortalClosed("the portal or its loop was closed before the call had ended"))
        else:
            ticket.reply.settle(cancel=True)

    def withdraw(self, reply: "Future[Any]", task: "asyncio.Task[Any]") -> None:
        if reply.cancelled() and not task.done():
            with suppress(RuntimeError):  # the loop is closed: the task does not run any more
                self.loop.call_soon_threadsafe(task.cancel, context=Context())


def ignore(task: "asyncio.Task[Any]", error: BaseException) -> None:
    """Errors of calls belong to their callers."""


@contextmanager
def open_portal(*, loop: str = "auto", name: str = "hagworm portal") -> "Iterator[Portal]":
    """Run an event loop in a thread of its own, and give the way into it; the loop ends with the block.

    `loop` names the kind of loop, see `hagworm.extend.asyncio.base.loop`. What still runs at the end is cancelled.
    """
    started: Reply[tuple[Portal, asyncio.Event]] = Reply()

    async def live() -> None:
        async with Portal() as portal:
            ended = asyncio.Event()
            started.settle((portal, ended))
            await ended.wait()

    def work() -> None:
        try:
            run(live(), loop=loop)
        except BaseException as exc:
            started.settle(error=exc)

            if not isinstance(exc, Exception):
                raise

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()

    try:
        portal, ended = started.result()
    except BaseException:
        thread.join()
        raise

    try:
        yield portal
    finally:
        with suppress(PortalClosed):
            portal.call_soon(ended.set)

        thread.join()
