"""Plain functions that are called in threads: as coroutine functions, and as threads that can be told to stop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from time import perf_counter
from typing import Any, Literal, ParamSpec, TypeVar, overload

from hagworm.extend.asyncio.future.call import name_of, report
from hagworm.extend.asyncio.future.farewell import watch_over
from hagworm.extend.asyncio.future.inbox import inbox
from hagworm.extend.asyncio.future.pool import Ended, ThreadPool, shared_pool

__all__ = ("OnCancel", "Thread", "ThreadWorker", "threaded", "threaded_separate")

P = ParamSpec("P")
T = TypeVar("T")

OnCancel = Literal["abandon", "wait"]
"""Whether a caller that is cancelled leaves a function which runs to itself, or waits for its end."""


@overload
def threaded(function: Callable[P, T], /) -> Callable[P, Coroutine[Any, Any, T]]: ...


@overload
def threaded(
    *, pool: ThreadPool | None = None, on_cancel: OnCancel = "abandon", timeout: float | None = None
) -> Callable[[Callable[P, T]], Callable[P, Coroutine[Any, Any, T]]]: ...


def threaded(
    function: Any = None,
    /,
    *,
    pool: ThreadPool | None = None,
    on_cancel: OnCancel = "abandon",
    timeout: float | None = None,
) -> Any:
    """Make a coroutine function of a plain one: it is called in a thread of `pool`, by default the shared one.

    Also as `@threaded(pool=, on_cancel=, timeout=)`, on methods, and on either side of `staticmethod` and
    `classmethod`; the plain function is `__wrapped__`. A caller that is cancelled before a thread has begun takes its
    call back. Later the function goes on to its end, as nothing can stop it there: what it returns is lost, what it
    raises is logged (`abandon`), or the cancellation waits for that end (`wait`), for functions that use what the
    caller is about to close. `check_cancelled` and `sync_await` let a function end sooner.

    `timeout` is how many seconds a call may take, waiting for a thread included; then TimeoutError is raised as a
    cancellation would be. Raises what the function raises and what `ThreadPool.run` raises. Raises TypeError for what
    is no plain function; `threaded_iterable` is for generator functions.
    """
    if on_cancel not in ("abandon", "wait"):
        raise ValueError(f"a caller that is cancelled can 'abandon' its call or 'wait' for it, not {on_cancel!r}")

    if function is None:
        return partial(threaded, pool=pool, on_cancel=on_cancel, timeout=timeout)

    if isinstance(function, staticmethod | classmethod):
        return type(function)(threaded(pool=pool, on_cancel=on_cancel, timeout=timeout)(function.__func__))

    require_plain(function)

    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        chosen = pool or shared_pool()
        run = chosen.run if on_cancel == "abandon" else chosen.run_patiently

        if timeout is None:
            return await run(function, *args, **kwargs)

        async with asyncio.timeout(timeout):
            return await run(function, *args, **kwargs)

    if not hasattr(function, "__qualname__"):
        call.__name__ = call.__qualname__ = name_of(function)

    return call


@overload
def threaded_separate(function: Callable[P, T], /) -> Callable[P, Coroutine[Any, Any, T]]: ...


@overload
def threaded_separate(
    *, limit: int = 64, on_cancel: OnCancel = "abandon", timeout: float | None = None
) -> Callable[[Callable[P, T]], Callable[P, Coroutine[Any, Any, T]]]: ...


def threaded_separate(
    function: Any = None, /, *, limit: int = 64, on_cancel: OnCancel = "abandon", timeout: float | None = None
) -> Any:
    """Make a coroutine function of a plain one, each call of which has a thread of its own, named after the function.

    For functions that run for long, and would keep a thread from others. At most `limit` calls of one function run at a
    time; further ones wait. All else is as with `threaded`.
    """
    if function is None:
        return partial(threaded_separate, limit=limit, on_cancel=on_cancel, timeout=timeout)

    if isinstance(function, staticmethod | classmethod):
        make = threaded_separate(limit=limit, on_cancel=on_cancel, timeout=timeout)
        return type(function)(make(function.__func__))

    require_plain(function)
    pool = ThreadPool(limit, name=f"hagworm-{name_of(function)}", reuse=False)
    return threaded(pool=pool, on_cancel=on_cancel, timeout=timeout)(function)


class ThreadWorker:
    """A decorator like `threaded`, for functions that share a pool of `size` threads which is nobody else's.

    The threads end when there has been nothing to do for a minute, or with `aclose`; after that a call raises
    `ExecutorClosed`.
    """

    __slots__ = ("pool",)

    def __init__(self, size: int | None = None, *, name: str = "hagworm-worker") -> None:
        self.pool = ThreadPool(size, name=name)

    def __repr__(self) -> str:
        return f"<ThreadWorker {self.pool.crew.describe()}>"

    def __call__(self, function: Callable[P, T], /) -> Callable[P, Coroutine[Any, Any, T]]:
        return threaded(pool=self.pool)(function)

    async def aclose(self, *, timeout: float | None = None) -> list[str]:
        """Close the pool, as `ThreadPool.aclose` does."""
        return await self.pool.aclose(timeout=timeout)


class Thread(threading.Thread):
    """A thread that calls `function(stopping, *args, **kwargs)` once, in a copy of the context in which this was made.

    `stopping` is a `threading.Event`: the function looks at it, or sleeps by `stopping.wait(seconds)`, and returns when
    it is set, which `stop` does, and the end of the interpreter; that waits at most five seconds. An error is kept in
    `error` and raised by `aclose`; it is logged unless somebody waits there already.
    """

    def __init__(self, function: Callable[..., object], *args: Any, name: str | None = None, **kwargs: Any) -> None:
        require_plain(function)
        super().__init__(name=name or f"hagworm-{name_of(function)}", daemon=True)
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.context = copy_context()
        self.stopping = threading.Event()
        self.error: BaseException | None = None
        self.lock = threading.Lock()
        self.has_ended = False
        self.watchers: list[Callable[[], None]] = []
        self.parting = Parting(self)

    def __repr__(self) -> str:
        started = self.ident is not None
        state = (
            "ended" if self.has_ended else "new" if not started else "stopping" if self.stopping.is_set() else "runs"
        )
        return f"<Thread {self.name!r} {state}>"

    def start(self) -> None:
        """Begin. Raises RuntimeError a second time."""
        super().start()
        watch_over(self.parting)

    def run(self) -> None:
        """Call the function; `start` does this in the thread."""
        try:
            self.context.run(self.function, self.stopping, *self.args, **self.kwargs)
        except BaseException as exc:
            self.error = exc.with_traceback(exc.__traceback__ and exc.__traceback__.tb_next)

        with self.lock:
            self.has_ended = True
            watchers, self.watchers = self.watchers, []

        if self.error is not None and not watchers:
            report(self.error, f"the thread {self.name!r} failed")

        for watcher in watchers:
            watcher()

    def stop(self) -> None:
        """Ask the function to return; wait for nothing."""
        self.stopping.set()

    async def aclose(self, *, timeout: float | None = None) -> bool:
        """Ask the function to return and wait for that, at most `timeout` seconds; return whether it has.

        Raises what it has raised, once. A cancellation ends the waiting only.
        """
        self.stop()

        if self.ident is None:
            return True

        ended = Ended(inbox())

        with self.lock:
            if not self.has_ended:
                self.watchers.append(ended.tell)
            else:
                ended.land()

        try:
            async with asyncio.timeout(timeout):
                await ended.future
        except TimeoutError:
            return False
        finally:
            with self.lock:
                if ended.tell in self.watchers:
                    self.watchers.remove(ended.tell)

        self.join()

        if (error := self.error) is not None:
            self.error = None

            try:
                raise error
            finally:
                del error

        return True


class Parting:
    """How a thread ends with its process."""

    __slots__ = ("__weakref__", "thread")

    def __init__(self, thread: Thread) -> None:
        self.thread = thread

    def close(self) -> None:
        self.thread.stop()

    def has_ended_by(self, deadline: float) -> bool:
        self.thread.join(max(0.0, deadline - perf_counter()))
        return not self.thread.is_alive()

    def busy(self) -> list[str]:
        return [name_of(self.thread.function)]

    def start_afresh(self) -> None:
        """A thread does not come along into a fork, and cannot be started again."""


def require_plain(function: Any) -> None:
    """Raise TypeError unless `function` is one that does its work when it is called."""
    inner = function

    while isinstance(inner, partial):
        inner = inner.func

    if not callable(inner):
        raise TypeError(f"a function is wanted, not {function!r}")

    # An instance is called by way of its class.
    for candidate in (inner, type(inner).__call__):
        if iscoroutinefunction(candidate) or isasyncgenfunction(candidate):
            raise TypeError(f"{name_of(inner)} is asynchronous already: it needs no thread")

        if isgeneratorfunction(candidate):
            raise TypeError(f"{name_of(inner)} is a generator function: use `threaded_iterable`")
