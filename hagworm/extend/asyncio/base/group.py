"""Many awaitables at the same time, within bounds, and none of them left behind."""

import asyncio
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.limiter import CapacityLimiter

__all__ = (
    "Completed",
    "Crew",
    "Jobs",
    "MultiTasks",
    "QueueTasks",
    "SliceTasks",
    "TaskGroup",
    "TaskStatus",
    "amap",
    "as_completed",
    "chunks",
    "gather_limited",
)

T = TypeVar("T")
S = TypeVar("S")

Jobs = Iterable[Awaitable[T]] | AsyncIterable[Awaitable[T]]
"""Awaitables in a list, from a generator or from an async generator; generators are read only as fast as needed."""

SHOWN_ERRORS = 3


class Crew(Generic[T]):
    """Awaitables that run at the same time, each in a task and in a copy of the context in which the crew was made.

    What the functions of this module are built from. Whoever makes a crew closes it, however things end.
    """

    __slots__ = (
        "context",
        "error",
        "finished",
        "is_closed",
        "jobs",
        "limit",
        "loop",
        "pull",
        "quiet",
        "running",
        "source",
        "started",
        "stream",
        "waiter",
    )

    def __init__(self, jobs: Jobs[T], limit: int | None) -> None:
        if limit is not None and limit < 1:
            raise ValueError(f"at least one runs at a time, not {limit}")

        self.loop = asyncio.get_running_loop()
        self.context = copy_context()
        self.quiet = Context()
        self.jobs = jobs
        self.limit = limit
        self.source: Iterator[Awaitable[T]] | None = None
        self.stream: AsyncIterator[Awaitable[T]] | None = None
        self.pull: asyncio.Task[Awaitable[T]] | None = None
        self.error: BaseException | None = None
        self.is_closed = False
        self.started = 0
        self.running: set[asyncio.Future[T]] = set()
        self.finished: deque[tuple[int, asyncio.Future[T]]] = deque()
        self.waiter: asyncio.Future[None] | None = None

        if isinstance(jobs, AsyncIterable):
            self.stream = aiter(jobs)
        else:
            self.source = iter(jobs)

    def __repr__(self) -> str:
        return f"<Crew {len(self.running)} running, {len(self.finished)} finished, {self.started} started>"

    def start(self, job: Awaitable[T]) -> None:
        """Run `job`; a task or a future is taken over."""
        if asyncio.isfuture(job):
            future = job
        else:
            work = job if isinstance(job, Coroutine) else finish(job)
            future = self.loop.create_task(work, context=self.context.copy())

        self.running.add(future)
        future.add_done_callback(partial(self.end, self.started), context=self.quiet)
        self.started += 1

    def end(self, number: int, future: "asyncio.Future[T]") -> None:
        self.running.discard(future)
        self.finished.append((number, future))
        self.wake()

    def fill(self) -> None:
        """Start as many as there is room for; what has finished and was not taken counts."""
        room = None if self.limit is None else max(0, self.limit - len(self.running) - len(self.finished))

        if self.source is not None:
            try:
                for job in islice(self.source, room):
                    self.start(job)
            except Exception as exc:
                self.error = exc
                self.source = None
        elif self.stream is not None and self.pull is None and room != 0:
            # One context for all steps, so that a generator sees the values that it has set.
            self.pull = self.loop.create_task(finish(anext(self.stream)), context=self.context)
            self.pull.add_done_callback(self.pulled, context=self.quiet)

    def pulled(self, pull: "asyncio.Task[Awaitable[T]]") -> None:
        self.pull = None

        if pull.cancelled():
            self.error = asyncio.CancelledError()
        elif (error := pull.exception()) is None:
            if self.is_closed:
                close_all([pull.result()])
            else:
                self.start(pull.result())
        elif isinstance(error, StopAsyncIteration):
            self.stream = None
        else:
            self.error = error

        self.wake()

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def wait(self) -> bool:
        """Wait until something has finished; returns False when nothing is left to finish."""
        while not self.finished:
            if self.error is not None:
                raise self.error

            self.fill()

            if not self.running and self.pull is None:
                return False

            self.waiter = self.loop.create_future()

            try:
                await self.waiter
            finally:
                self.waiter = None

        return True

    async def close(self) -> None:
        """Cancel what runs and wait for its end; close what has not begun."""
        self.is_closed = True
        left: set[asyncio.Future[Any]] = {*self.running}

        if self.pull is not None:
            left.add(self.pull)

        try:
            await cancel_tasks(left)
        finally:
            source, self.source = self.source, None

            if isinstance(self.jobs, Collection) and source is not None:
                close_all(source)
            elif isinstance(source, Generator):
                source.close()

            stream, self.stream = self.stream, None

            if (aclose := getattr(stream, "aclose", None)) is not None:
                await aclose()

    def note_others(self, error: BaseException) -> None:
        """Tell, in a note of `error`, what else has failed."""
        others: list[BaseException] = []

        for _, future in self.finished:
            if not future.cancelled() and (other := future.exception()) is not None and other is not error:
                others.append(other)

        if others:
            shown = ", ".join(map(repr, others[:SHOWN_ERRORS]))
            more = ", …" if len(others) > SHOWN_ERRORS else ""
            error.add_note(f"{len(others)} more failed: {shown}{more}")


async def gather_limited(jobs: Jobs[T], limit: int | None = None, *, return_exceptions: bool = False) -> list[T]:
    """Return the results of `jobs` in their order, running at most `limit` of them at the same time (None: all).

    The first error ends all: what runs is cancelled and awaited, what has not begun is closed, then it is raised, with
    a note of those that came after it. With `return_exceptions` errors are among the results. A cancellation ends all
    in the same way.
    """
    results: dict[int, Any] = {}
    crew = Crew(jobs, limit)
    finished = crew.finished

    try:
        while await crew.wait():
            while finished:
                number, future = finished.popleft()

                if not return_exceptions:
                    results[number] = future.result()
                elif future.cancelled():
                    results[number] = asyncio.CancelledError()
                else:
                    results[number] = future.exception() or future.result()
    except BaseException as exc:
        await crew.close()
        crew.note_others(exc)
        raise

    return [results[number] for number in range(crew.started)]


async def amap(
    function: Callable[[S], Awaitable[T]],
    items: Iterable[S] | AsyncIterable[S],
    limit: int | None = None,
    *,
    return_exceptions: bool = False,
) -> list[T]:
    """Return the results of `function` for each of `items`, in their order; see `gather_limited`."""
    if isinstance(items, AsyncIterable):
        return await gather_limited(
            (function(item) async for item in items), limit, return_exceptions=return_exceptions
        )

    return await gather_limited(map(function, items), limit, return_exceptions=return_exceptions)


def as_completed(jobs: Jobs[T], limit: int | None = None) -> "Completed[T]":
    """Give `jobs` as they finish, running at most `limit` of them at the same time (None: all).

    ```python
    async with as_completed(jobs, limit=10) as finished:
        async for task in finished:
            use(task.result())
    ```

    At the end of the block what still runs is cancelled and awaited, and what has not begun is closed. The next one is
    started when a finished one is taken.
    """
    return Completed(jobs, limit)


class Completed(Generic[T]):
    """Awaitables as they finish; see `as_completed`."""

    __slots__ = ("crew", "jobs", "limit")

    def __init__(self, jobs: Jobs[T], limit: int | None) -> None:
        self.jobs = jobs
        self.limit = limit
        self.crew: Crew[T] | None = None

    def __repr__(self) -> str:
        return f"<Completed {'not entered' if self.crew is None else repr(self.crew)}>"

    async def __aenter__(self) -> Self:
        self.crew = Crew(self.jobs, self.limit)
        self.crew.fill()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self.crew is not None
        await self.crew.close()

        if error is not None:
            self.crew.note_others(error)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "asyncio.Future[T]":
        if self.crew is None:
            raise RuntimeError("use it as `async with as_completed(…) as finished:`, so that it ends what it started")

        if not await self.crew.wait():
            raise StopAsyncIteration

        _, future = self.crew.finished.popleft()
        self.crew.fill()
        return future


class MultiTasks(Generic[T]):
    """Awaitables that are collected first and then run at the same time: `results = await tasks`.

    `limit` is how many run at a time (None: all); see `gather_limited` for errors and cancellations. Afterwards the
    object is a list of the results: it has a length, an order, items. More can be added and awaited then.
    """

    __slots__ = ("jobs", "limit", "results", "return_exceptions")

    def __init__(self, *jobs: Awaitable[T], limit: int | None = None, return_exceptions: bool = False) -> None:
        self.jobs: list[Awaitable[T]] = list(jobs)
        self.limit = limit
        self.return_exceptions = return_exceptions
        self.results: list[T] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self.jobs)} to run, {len(self.results)} results>"

    def __len__(self) -> int:
        return len(self.jobs) + len(self.results)

    def __iter__(self) -> Iterator[T]:
        return iter(self.results)

    def __getitem__(self, index: int) -> T:
        return self.results[index]

    def __await__(self) -> Generator[Any, Any, list[T]]:
        return self.run().__await__()

    def append(self, job: Awaitable[T]) -> None:
        """Add one more."""
        self.jobs.append(job)

    def extend(self, jobs: Iterable[Awaitable[T]]) -> None:
        """Add some more."""
        self.jobs.extend(jobs)

    def close(self) -> None:
        """Close what has been added and is not going to be awaited."""
        jobs, self.jobs = self.jobs, []
        close_all(jobs)

    async def run(self) -> list[T]:
        jobs, self.jobs = self.jobs, []
        self.results += await gather_limited(jobs, self.limit, return_exceptions=self.return_exceptions)
        return self.results


class QueueTasks(MultiTasks[T]):
    """`MultiTasks` of which `queue_num` run at a time: the next one begins when one has ended."""

    __slots__ = ()

    def __init__(self, queue_num: int, *jobs: Awaitable[T], return_exceptions: bool = False) -> None:
        super().__init__(*jobs, limit=queue_num, return_exceptions=return_exceptions)


class SliceTasks(MultiTasks[T]):
    """`MultiTasks` that run in slices of `slice_num`: the next ones begin when all of the last ones have ended."""

    __slots__ = ("slice_num",)

    def __init__(self, slice_num: int, *jobs: Awaitable[T], return_exceptions: bool = False) -> None:
        if slice_num < 1:
            raise ValueError(f"at least one runs at a time, not {slice_num}")

        super().__init__(*jobs, return_exceptions=return_exceptions)
        self.slice_num = slice_num

    async def run(self) -> list[T]:
        jobs, self.jobs = iter(self.jobs), []

        try:
            while part := list(islice(jobs, self.slice_num)):
                self.results += await gather_limited(part, return_exceptions=self.return_exceptions)
        finally:
            close_all(jobs)

        return self.results


async def chunks(source: Iterable[T] | AsyncIterable[T], size: int) -> AsyncIterator[list[T]]:
    """Yield the items of `source` in lists of `size`; the last one may be shorter."""
    if size < 1:
        raise ValueError(f"a chunk has at least one item, not {size}")

    if not isinstance(source, AsyncIterable):
        items = iter(source)

        while chunk := list(islice(items, size)):
            yield chunk

        return

    chunk = []

    async for item in source:
        chunk.append(item)

        if len(chunk) == size:
            yield chunk
            chunk = []

    if chunk:
        yield chunk


class TaskStatus(Generic[T]):
    """How a function that `TaskGroup.start` runs tells that it is ready."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<TaskStatus {'told' if self.future.done() else 'not ready'}>"

    def started(self, value: Any = None) -> None:
        """Let `start` return `value`. Raises RuntimeError the second time."""
        if self.future.done():
            if not self.future.cancelled():
                raise RuntimeError("it has been told already")
        else:
            self.future.set_result(value)


class TaskGroup(asyncio.TaskGroup):
    """`asyncio.TaskGroup` with a bound, and with tasks that tell when they are ready.

    `await group.spawn(work())` waits while `limit` of the tasks that were spawned run (None: no bound).
    """

    def __init__(self, *, limit: int | None = None) -> None:
        super().__init__()
        self.limiter = None if limit is None else CapacityLimiter(limit)

    async def spawn(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> "asyncio.Task[T]":
        """Start `work` as soon as there is room, and return its task. What cannot start is closed."""
        limiter = self.limiter

        try:
            if limiter is None:
                return self.create_task(work, name=name)

            await limiter.acquire()

            try:
                task = self.create_task(work, name=name)
            except BaseException:
                limiter.release()
                raise
        except BaseException:
            work.close()
            raise

        task.add_done_callback(lambda _: limiter.release(), context=Context())
        return task

    async def start(
        self, function: Callable[..., Coroutine[Any, Any, Any]], *args: Any, name: str | None = None
    ) -> Any:
        """Run `function(*args, task_status=…)` in a task, and return what it calls `task_status.started` with.

        An error before that is raised here and does not end the group; RuntimeError if it ends without. When the
        waiting is cancelled, the task is, too, and has ended.
        """
        status: TaskStatus[Any] = TaskStatus()
        task = self.create_task(begin(function, args, status), name=name)

        try:
            return await status.future
        except BaseException:
            await cancel_tasks([task])
            raise


async def begin(
    function: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...], status: TaskStatus[Any]
) -> None:
    try:
        await function(*args, task_status=status)
    except Exception as exc:
        if status.future.done():
            raise

        status.future.set_exception(exc)
    except BaseException:
        status.future.cancel()
        raise

    if not status.future.done():
        status.future.set_exception(RuntimeError(f"{function!r} has ended without telling that it was ready"))


def close_all(jobs: Iterable[Awaitable[Any]]) -> None:
    """Close coroutines that have not begun, and cancel tasks."""
    for job in jobs:
        if isinstance(job, Coroutine):
            with suppress(RuntimeError):  # one that stands here twice is running
                job.close()
        elif asyncio.isfuture(job):
            job.cancel()


async def finish(work: Awaitable[T]) -> T:
    return await work
