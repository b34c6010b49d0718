"""A pool of threads: awaited from event loops, an `Executor` for everybody else."""

import asyncio
import os
import threading
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar
from weakref import finalize

from hagworm.extend.asyncio.future.call import HERE, Call, PatientCall, Submission
from hagworm.extend.asyncio.future.crew import Crew, PoolStatistics, WhenFull
from hagworm.extend.asyncio.future.inbox import INBOXES, Inbox, inbox

__all__ = ("Ended", "ThreadPool", "shared_pool")

P = ParamSpec("P")
T = TypeVar("T")


# The base is for `loop.set_default_executor`, which takes no other one; nothing of it is used but `map` and `with`.
class ThreadPool(ThreadPoolExecutor):
    """At most `size` threads that make calls, for coroutines of any loop and for other threads.

    `await pool.run(function, ...)` costs a fraction of what `loop.run_in_executor` does; `submit` and `map` are those
    of `concurrent.futures.Executor`, so that a pool can be a loop's default executor. Functions see the context
    variables of their caller, in a copy.

    At most `queue` calls wait for a thread. What becomes of the next one says `when_full`: it waits for room (`wait`,
    the default; a coroutine stands in line, `submit` blocks its thread, except in that of a running loop and in those
    of the pool itself, where it raises `Overloaded`), it is refused with `Overloaded` (`raise`), or the one that has
    waited longest ends with `Overloaded` (`drop_oldest`).

    Threads, called `name-1` and so on, are started when they are needed and end when there has been nothing to do for
    `keep` seconds (None: never). With `reuse=False` every call has a thread of its own, which ends with it.

    A pool is closed by `async with`, `aclose`, `with`, `shutdown` or `abort`. One that is forgotten ends its threads
    when the calls that it has taken are made. The end of the interpreter waits for them at most five seconds.
    """

    def __init__(
        self,
        size: int | None = None,
        *,
        name: str = "hagworm-pool",
        queue: int = 10_000,
        when_full: WhenFull = "wait",
        keep: float | None = 60.0,
        reuse: bool = True,
    ) -> None:
        if size is None:
            size = min(32, (os.cpu_count() or 1) + 4)

        if size < 1 or queue < 1:
            raise ValueError(f"a pool has at least one thread and room for one call, not {size} and {queue}")

        if when_full not in ("wait", "raise", "drop_oldest"):
            raise ValueError(f"a full pool can 'wait', 'raise' or 'drop_oldest', not {when_full!r}")

        if keep is not None and not 0.0 <= keep <= threading.TIMEOUT_MAX:
            raise ValueError(f"idle threads are kept for some seconds, or for ever (None), not for {keep!r}")

        self.crew = crew = Crew(
            size, name=name, queue=queue, when_full=when_full, keep=keep if reuse else 0.0, reuse=reuse
        )
        # What looks into executors from outside looks for this.
        self._max_workers = size
        finalize(self, crew.close).atexit = False

    def __repr__(self) -> str:
        return f"<ThreadPool {self.crew.describe()}>"

    @property
    def name(self) -> str:
        """How the names of its threads begin."""
        return self.crew.name

    def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Call[T]:
        """Call `function` in a thread and return the future of that, for the running loop.

        To cancel it before a thread has begun means that the function is not called. Later it goes on to its end: what
        it returns is lost, what it raises is logged; `run_patiently` is for callers who must not leave then. Raises
        `ExecutorClosed`, `Overloaded` as `when_full` says, and RuntimeError where no loop runs.
        """
        # What `send` does, without the call.
        loop = get_running_loop()
        call: Call[T] = Call(loop=loop)
        context = copy_context()
        call.crew = crew = self.crew
        call.inbox = INBOXES.get(loop) or inbox()
        call.function = function
        call.args = args
        call.kwargs = kwargs or None
        call.context = context if context else None
        call.error = None
        call.inner = None
        call.since = perf_counter()
        crew.take(call)
        return call

    def run_patiently(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Call[T]:
        """Call `function` as `run` does, for a caller who must not go on before the function has ended.

        A cancellation is delivered when that is so; what the function has returned is lost, what it has raised is
        logged.
        """
        call: PatientCall[T] = PatientCall(loop=get_running_loop())
        call.asked = False
        return self.send(call, function, args, kwargs)

    def send(self, call: Call[T], function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call[T]:
        context = copy_context()
        call.crew = crew = self.crew
        call.inbox = INBOXES.get(call.get_loop()) or inbox()
        call.function = function
        call.args = args
        call.kwargs = kwargs or None
        # An empty one is made when it is needed: to keep many alive is what keeps the garbage collector busy.
        call.context = context if context else None
        call.error = None
        call.inner = None
        call.since = perf_counter()
        crew.take(call)
        return call

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Submission[T]:
        """Call `function` in a thread and return the `concurrent.futures.Future` of that. Safe in any thread.

        Raises `ExecutorClosed`, a RuntimeError, and `Overloaded` as `when_full` says.
        """
        loop = asyncio._get_running_loop()
        box: Inbox | None = None if loop is None else inbox()
        crew = self.crew
        job = Submission(crew, function, args, kwargs, copy_context(), box, perf_counter())
        worker = HERE.worker
        may_block = loop is None and (worker is None or worker.crew is not crew)
        crew.take(job, full="block" if may_block else "raise")
        return job

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no calls any more; those that have been taken are made, unless `cancel_futures`.

        `wait` blocks until that is done, without end: coroutines use `aclose`.
        """
        self.crew.close()

        if cancel_futures:
            self.crew.cancel_queued()

        if wait:
            self.crew.join()

    async def aclose(self, *, timeout: float | None = None) -> list[str]:
        """Take no calls any more, and wait until those that have been taken are made and the threads have ended.

        After `timeout` seconds (None: never) `abort`. Returns the names of the functions that still run then. After a
        cancellation the pool is closed all the same, and this can be called again.
        """
        crew = self.crew
        crew.close()
        ended = Ended(inbox())
        crew.when_ended(ended.tell)

        try:
            async with asyncio.timeout(timeout):
                await ended.future
        except TimeoutError:
            return self.abort()

        crew.join()
        return []

    def abort(self) -> list[str]:
        """Take no calls any more, and let every call end with `ExecutorClosed` at once.

        Nothing can stop a function that runs: its thread ends with it, and what comes of it is lost. Returns the names
        of those functions.
        """
        return self.crew.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def statistics(self) -> PoolStatistics:
        """Return what is going on, and what has."""
        return self.crew.statistics()


class Ended:
    """Tells a coroutine that a crew has ended."""

    __slots__ = ("box", "future")

    def __init__(self, box: Inbox) -> None:
        self.box = box
        self.future: asyncio.Future[None] = box.loop.create_future()

    def tell(self) -> None:
        self.box.post(self)

    def land(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def strand(self) -> None:
        """Nobody waits any more."""


def shared_pool() -> ThreadPool:
    """Return the pool that everybody shares on the running loop; it is made when it is first asked for.

    It is closed when the loop is shut down, as asyncio's runner does. Raises RuntimeError where no loop runs.
    """
    box = inbox()

    if box.pool is None:
        # After the end of the loop nobody closes it, so that its threads end as soon as there is nothing to do.
        box.pool = ThreadPool(name="hagworm-shared", keep=0.0 if box.ended else 60.0)

    pool: ThreadPool = box.pool
    return pool
