"""Calls and tasks that go on after their caller: who owns them, and in which context they run."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.context import Policy, context_for
from hagworm.extend.error import Closed

__all__ = (
    "Background",
    "BackgroundStatistics",
    "ErrorHandler",
    "add_done_callback",
    "call_at",
    "call_later",
    "call_soon",
    "default_background",
    "spawn",
)

T = TypeVar("T")
ErrorHandler = Callable[["asyncio.Task[Any]", BaseException], object]


@dataclass(frozen=True, slots=True)
class BackgroundStatistics:
    """What runs in the background, and has run."""

    running: int
    started: int
    failed: int
    """How many ended with an error."""
    cancelled: int


class Background:
    """Owns tasks: holds them so that none is lost, tells their errors, and ends them with itself.

    `async with Background() as background:` ends what is left at the end of the block; `aclose` does so by hand. Tasks
    run in the context that `policy` names, see `hagworm.extend.asyncio.base.context`; detached ones start from `root`.
    Errors go to `on_error(task, error)`, by default to the exception handler of the loop.
    """

    __slots__ = ("__weakref__", "cancelled", "failed", "is_closed", "on_error", "policy", "root", "started", "tasks")

    def __init__(
        self,
        *,
        policy: Policy = "detached",
        root: Context | None = None,
        on_error: ErrorHandler | None = None,
    ) -> None:
        self.policy: Policy = policy
        self.root = root
        self.on_error = on_error
        self.tasks: set[asyncio.Task[Any]] = set()
        self.is_closed = False
        self.started = 0
        self.failed = 0
        self.cancelled = 0

    def __repr__(self) -> str:
        state = "closed, " if self.is_closed else ""
        names = ", ".join(sorted(task.get_name() for task in self.tasks)[:5])
        return f"<Background {state}{len(self.tasks)} running{': ' * bool(names)}{names}>"

    def spawn(self, work: Awaitable[T], *, name: str | None = None, policy: Policy | None = None) -> "asyncio.Task[T]":
        """Start `work` in a task of its own, and return that.

        Raises `Closed` after `aclose` and RuntimeError where no loop runs; a coroutine that cannot start is closed.
        """
        try:
            if self.is_closed:
                raise Closed(f"{self!r}: nothing can be started in it any more")

            if not inspect.isawaitable(work):
                raise TypeError(f"a coroutine or another awaitable is wanted, not {work!r}")

            loop = asyncio.get_running_loop()
            context = context_for(self.policy if policy is None else policy, self.root)
            coroutine = work if isinstance(work, Coroutine) else finish(work)
            task: asyncio.Task[T] = loop.create_task(coroutine, name=name, context=context)
        except BaseException:
            if isinstance(work, Coroutine):
                work.close()

            raise

        self.started += 1
        self.tasks.add(task)
        task.add_done_callback(self.ended, context=Context())
        return task

    async def wait_idle(self, *, timeout: float | None = None) -> None:
        """Wait until nothing runs, at most `timeout` seconds (None: without end). Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while self.tasks:
                await asyncio.wait(self.tasks)

    async def aclose(self, *, grace: float = 0.0, timeout: float | None = None) -> "set[asyncio.Task[Any]]":
        """Start nothing any more, wait `grace` seconds for what runs, then cancel it and await its end.

        Returns the tasks that ignore their cancellation `timeout` seconds later (None: they are waited for). When this
        is cancelled itself, the tasks are cancelled at once.
        """
        self.is_closed = True

        try:
            if grace > 0 and self.tasks:
                await asyncio.wait(self.tasks, timeout=grace)
        finally:
            left = await cancel_tasks(self.tasks, timeout=timeout)

        return left

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def statistics(self) -> BackgroundStatistics:
        """Return what runs, and has run."""
        return BackgroundStatistics(len(self.tasks), self.started, self.failed, self.cancelled)

    def ended(self, task: "asyncio.Task[Any]") -> None:
        self.tasks.discard(task)

        if task.cancelled():
            self.cancelled += 1
        elif (error := task.exception()) is not None:
            self.failed += 1

            if self.on_error is not None:
                self.on_error(task, error)
            else:
                text = f"background task {task.get_name()!r} failed"
                task.get_loop().call_exception_handler({"message": text, "exception": error, "task": task})


DEFAULTS: "WeakKeyDictionary[asyncio.AbstractEventLoop, Background]" = WeakKeyDictionary()


def default_background() -> Background:
    """Return the background of the running loop, for work whose owner is the loop itself.

    Raises RuntimeError where no loop runs.
    """
    loop = asyncio.get_running_loop()

    if (background := DEFAULTS.get(loop)) is None:
        background = DEFAULTS[loop] = Background()

    return background


def spawn(work: Awaitable[T], *, name: str | None = None, policy: Policy = "detached") -> "asyncio.Task[T]":
    """Start `work` in a task that the running loop's background owns, and return that; see `Background.spawn`."""
    try:
        background = default_background()
    except RuntimeError:
        if isinstance(work, Coroutine):
            work.close()

        raise

    return background.spawn(work, name=name, policy=policy)


def call_soon(
    callback: Callable[..., object], *args: Any, policy: Policy = "detached", **kwargs: Any
) -> asyncio.Handle:
    """Call `callback` in the next turn of the running loop, in a context of its own.

    If what it returns can be awaited, it is awaited in a task that the loop's background owns. Returns what can cancel
    the call. Raises RuntimeError where no loop runs; other threads use a `Portal`.
    """
    loop = asyncio.get_running_loop()
    return loop.call_soon(call, callback, args, kwargs, context=context_for(policy))


def call_later(
    delay: float, callback: Callable[..., object], *args: Any, policy: Policy = "detached", **kwargs: Any
) -> asyncio.TimerHandle:
    """Call `callback` after `delay` seconds, as `call_soon` does."""
    loop = asyncio.get_running_loop()
    return loop.call_later(delay, call, callback, args, kwargs, context=context_for(policy))


def call_at(
    when: float, callback: Callable[..., object], *args: Any, policy: Policy = "detached", **kwargs: Any
) -> asyncio.TimerHandle:
    """Call `callback` when the time of the running loop, `loop.time()`, is `when`, as `call_soon` does."""
    loop = asyncio.get_running_loop()
    return loop.call_at(when, call, callback, args, kwargs, context=context_for(policy))


def add_done_callback(
    future: "asyncio.Future[T]", callback: Callable[["asyncio.Future[T]"], object], *, policy: Policy = "detached"
) -> None:
    """Call `callback(future)` when `future` is done, in a context of its own, as `call_soon` does."""
    future.add_done_callback(lambda done: call(callback, (done,), {}), context=context_for(policy))


def call(callback: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    result = callback(*args, **kwargs)

    # A future is owned by whoever made it.
    if inspect.isawaitable(result) and not asyncio.isfuture(result):
        spawn(result, policy="inherit")


async def finish(work: Awaitable[T]) -> T:
    return await work
