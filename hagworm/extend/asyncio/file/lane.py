"""Jobs that block, done in threads, one after the other in the order in which they were asked for."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar, cast

__all__ = ("Lane",)

T = TypeVar("T")


class Job(NamedTuple):
    """Something to do, who waits for it, and who gets its result if nobody waits any longer."""

    function: Callable[[], Any]
    future: "asyncio.Future[Any]"
    salvage: Callable[[Any], None] | None


class Lane(Generic[T]):
    """A queue of jobs for one thing that only one thread may touch at a time.

    A job that is cancelled before its turn is not done at all; one that has begun is finished, and the next one waits
    for that. `executor` is where they run (None: the loop's default one).
    """

    __slots__ = ("executor", "jobs", "running")

    def __init__(self, executor: Executor | None = None) -> None:
        self.executor = executor
        self.jobs: deque[Job] = deque()
        self.running = False

    def submit(self, function: Callable[[], T], salvage: Callable[[T], None] | None = None) -> "asyncio.Future[T]":
        """Return the future of `function()`. `salvage(result)` is called when the future was cancelled meanwhile."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.jobs.append(Job(function, future, cast(Callable[[Any], None] | None, salvage)))

        if not self.running:
            self.start()

        return future

    async def run(self, function: Callable[[], T], salvage: Callable[[T], None] | None = None) -> T:
        """Return `function()`; where its result comes and the caller is cancelled all the same, `salvage` gets it."""
        future = self.submit(function, salvage)

        try:
            return await future
        except BaseException:
            # It had come in that very turn of the loop.
            if salvage is not None and future.done() and not future.cancelled() and future.exception() is None:
                salvage(future.result())

            raise

    def start(self) -> None:
        """Begin the next job that somebody waits for."""
        while self.jobs:
            job = self.jobs.popleft()

            if job.future.cancelled():
                continue

            self.running = True
            work = asyncio.get_running_loop().run_in_executor(self.executor, job.function)
            work.add_done_callback(partial(self.end, job), context=Context())
            return

    def end(self, job: Job, work: "asyncio.Future[Any]") -> None:
        self.running = False
        error = None if work.cancelled() else work.exception()

        if job.future.done():
            if error is None and not work.cancelled() and job.salvage is not None:
                job.salvage(work.result())
        elif work.cancelled():
            job.future.cancel()
        elif error is not None:
            job.future.set_exception(error)
        else:
            job.future.set_result(work.result())

        self.start()
