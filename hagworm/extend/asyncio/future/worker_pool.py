"""A pool of worker processes: supervised, restored when they die, and honest about what became of each task."""

import asyncio
import functools
import os
import pickle
import socket
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from types import NoneType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.deadline import remaining
from hagworm.extend.asyncio.base.limiter import CapacityLimiter
from hagworm.extend.asyncio.future.hand import Phase, Task
from hagworm.extend.asyncio.future.staff import COUNTED, LEAVE, LONGEST_COPY, Staff
from hagworm.extend.error import PoolBroken, PoolClosed
from hagworm.extend.process.reference import reference, resolve
from hagworm.extend.process.wire import Packet, TooMuchWork, pack
from hagworm.extend.process.worker import WorkerRules

__all__ = ("Calls", "WorkerPool", "WorkerPoolStatistics")

P = ParamSpec("P")
T = TypeVar("T")
Content = tuple[str, tuple[Any, ...], dict[str, Any], tuple[tuple[str, Any], ...]]

SHORT = 1024
PLAIN = frozenset({int, float, bool, NoneType})
LONGEST_HOLD = 256 * 1024
"""Bytes that are pickled on the loop before a thread is asked to do it instead."""
REPEATS = 2
MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class WorkerPoolStatistics:
    """What a worker pool is doing, and has done."""

    size: int
    """How many workers there should be."""
    workers: int
    """How many are there and ready."""
    busy: int
    """How many of them have a task."""
    waiting: int
    """How many tasks no worker has been sent yet."""
    submitted: int
    succeeded: int
    failed: int
    """How many raised an error of their own."""
    timeouts: int
    cancelled: int
    lost: int
    """How many ended with `WorkerDied`."""
    moved: int
    """How often a task was taken back from a worker that had not begun it."""
    repeated: int
    """How often a task that may be was begun again."""
    deaths: int
    """How many workers ended without having been told to."""
    forks: int
    """How many workers have been forked in all."""


class Calls:
    """Calls into the workers of a pool under certain conditions; `WorkerPool.options` makes it."""

    __slots__ = ("idempotent", "pool", "timeout")

    def __init__(self, pool: "WorkerPool", timeout: float | None, idempotent: bool) -> None:
        self.pool = pool
        self.timeout = timeout
        self.idempotent = idempotent

    def __repr__(self) -> str:
        return f"<Calls timeout={self.timeout} idempotent={self.idempotent} of {self.pool!r}>"

    @overload
    async def run(self, function: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `function` in a worker and return its result; see `WorkerPool.run`."""
        return await self.pool.call(function, args, kwargs, self.timeout, self.idempotent)

    async def map(
        self, function: Callable[..., T], *iterables: Iterable[Any], ahead: int | None = None
    ) -> AsyncGenerator[T, None]:
        """Yield the results of `function` over the items, in their order; see `WorkerPool.map`."""
        if ahead is None:
            ahead = 4 * self.pool.size

        running: deque[asyncio.Task[T]] = deque()

        try:
            for args in zip(*iterables, strict=False):
                running.append(asyncio.create_task(self.run(function, *args)))

                if len(running) >= ahead:
                    yield await running.popleft()

            while running:
                yield await running.popleft()
        finally:
            await cancel_tasks(running)


class WorkerPool:
    """`size` processes that run functions: `async with WorkerPool(4) as pool: await pool.run(function, 1, x=2)`.

    A function is named by its module and qualified name and imported by the worker; a coroutine function is run there
    to its end. Arguments and results travel pickled between this process and its own children, on sockets that have no
    address; long ones through memory that both ends see. What is pickled on its way to a process is what it was at that
    moment: a worker never sees a later change.

    Every call ends exactly once: with the result; with the error that the function raised, the traceback of the worker
    in its cause; with `TaskFailed` where that error cannot be carried over; with `TaskTimeout`, `WorkerDied` or
    `PoolClosed`. A worker that dies is replaced, the tasks that it had been sent and had not begun go to others.

    `timeout` bounds the seconds that a task runs, waiting not counted; a deadline of the caller bounds both. A task
    that is over its time or whose caller is cancelled is interrupted, by an exception that is no `Exception`; after
    `grace` seconds its worker is killed, together with what it has started. `queue` is how many calls there may be at a
    time, further ones wait in `run`. `max_memory` is how many bytes of memory of its own a worker may have; it is
    replaced after a MemoryError, after an interruption in the middle of an import, and after `max_tasks` tasks.

    `preload` names modules that are imported once, before workers are forked off; they must not start threads.
    `initializer(*initargs)` is called in each worker; one that does not get ready within `start_timeout` seconds is
    killed. The values of the `context` variables, given as `module:name`, go along with each call; no other variable
    has one there.

    Workers are forked from a small process without threads, never from this one. None of them outlives this process,
    even where it is killed. Linux, and other systems that have SOCK_SEQPACKET.
    """

    def __init__(
        self,
        size: int | None = None,
        *,
        timeout: float | None = None,
        grace: float = 0.5,
        idempotent: bool = False,
        queue: int = 10_000,
        max_tasks: int | None = None,
        max_memory: int | None = None,
        preload: Sequence[str] = (),
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        context: Sequence[str] = (),
        drain_timeout: float = 10.0,
        start_timeout: float = 60.0,
    ) -> None:
        self.size = available_cores() if size is None else size

        if self.size < 1:
            raise ValueError(f"a pool has at least one worker, not {size}")

        if max_tasks is not None and max_tasks < 1:
            raise ValueError(f"a worker runs at least one task, not {max_tasks}")

        self.timeout = timeout
        self.grace = grace
        self.idempotent = idempotent
        self.max_tasks = max_tasks
        self.drain_timeout = drain_timeout
        self.start_timeout = start_timeout
        self.rules = WorkerRules(
            preload=tuple(preload),
            initializer=None if initializer is None else reference(initializer),
            initargs=initargs,
            max_memory=max_memory,
        )
        self.variables: list[tuple[str, ContextVar[Any]]] = [(name, resolve(name)) for name in context]
        self.room = CapacityLimiter(queue)
        # Each long value that waits costs memory and a descriptor.
        self.spools = CapacityLimiter(2 * self.size + 2)
        self.staff: Staff | None = None
        self.is_closed = False
        self.closing: asyncio.Task[None] | None = None
        self.bell: asyncio.Future[None] | None = None
        """Rung for whoever closes the pool, when something has ended."""
        self.open = 0
        """How many tasks have not ended."""
        self.submitted = 0

    def __repr__(self) -> str:
        if self.staff is None:
            return f"<WorkerPool {'closed' if self.is_closed else 'new'}, {self.size} workers>"

        state = "closed" if self.is_closed else "broken" if self.staff.broken is not None else "open"
        busy = sum(1 for hand in self.staff.hands.values() if hand.sent)
        return f"<WorkerPool {state}, {busy} of {self.size} workers busy, {len(self.staff.queue)} tasks waiting>"

    @overload
    async def run(self, function: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `function` in a worker and return its result, when awaited.

        Raises what the function raises, and `TaskFailed`, `TaskTimeout`, `WorkerDied`, `PoolClosed`, `PoolBroken`;
        `DefinitionError` for a function that no name leads to, and what pickle raises for arguments it cannot carry.
        Cancelled, it interrupts the function or sees to it that it is never called.
        """
        return self.call(function, args, kwargs, self.timeout, self.idempotent)

    def map(
        self, function: Callable[..., T], *iterables: Iterable[Any], ahead: int | None = None
    ) -> AsyncGenerator[T, None]:
        """Yield the results of `function` over the items, in their order, at most `ahead` calls at a time.

        The first error ends it. Whoever does not go to the end closes it: `async with aclosing(pool.map(…)) as found`.
        """
        return self.options().map(function, *iterables, ahead=ahead)

    def options(self, *, timeout: float | None = MISSING, idempotent: bool | None = None) -> Calls:
        """Return what calls the same workers under other conditions.

        `timeout` is in seconds (None: no bound). A task that is `idempotent` is begun again, up to twice, when its
        worker has died in the middle of it.
        """
        return Calls(
            self,
            self.timeout if timeout is MISSING else timeout,
            self.idempotent if idempotent is None else idempotent,
        )

    async def call(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        timeout: float | None,
        idempotent: bool,
    ) -> Any:
        self.check()

        while isinstance(function, functools.partial):
            args, kwargs = function.args + args, {**function.keywords, **kwargs}
            function = function.func

        if (left := remaining()) is not None and (timeout is None or left < timeout):
            timeout = left

        name = reference(function)
        values = self.values() if self.variables else ()
        room = self.room

        if room.free:
            room.acquire_nowait()
        else:
            await room.acquire()

        try:
            # What is long enough to matter is pickled when there is room for it.
            if not kwargs and not values and are_short(args):
                return await self.follow(name, pickle.dumps((name, args, kwargs, values), 5), timeout, idempotent)

            packet = await self.pack((name, args, kwargs, values))

            if packet.is_inline:
                return await self.follow(name, b"".join(packet.pieces), timeout, idempotent)

            async with self.spools:
                return await self.follow(name, packet, timeout, idempotent)
        finally:
            room.release()

    def values(self) -> tuple[tuple[str, Any], ...]:
        found = ((name, variable.get(MISSING)) for name, variable in self.variables)
        return tuple(pair for pair in found if pair[1] is not MISSING)

    def check(self) -> Staff:
        if self.is_closed:
            raise PoolClosed(f"{self!r} takes no task any more")

        if self.staff is None:
            raise PoolClosed(f"{self!r} takes no task before it has been started")

        if self.staff.broken is not None:
            raise self.staff.new_broken()

        return self.staff

    async def pack(self, content: Content) -> Packet:
        try:
            return pack(content, LONGEST_HOLD)
        except TooMuchWork:
            # The pickler lets other threads run between two frames.
            return await in_thread(pack, content)

    async def follow(self, name: str, content: bytes | Packet, timeout: float | None, idempotent: bool) -> Any:
        """Have a task done and return its result."""
        staff = self.check()
        self.submitted += 1
        self.open += 1
        task = Task(self.submitted, name, timeout, REPEATS if idempotent else 0, staff.loop.create_future())

        try:
            if isinstance(content, bytes):
                task.body = content
            elif content.size <= LONGEST_COPY:
                staff.spool(task, content)
            else:
                await in_thread(task.spool, content)
                # The pool may have been closed in the meantime.
                self.check()

            del content
            staff.submit(task)

            try:
                return await task.future
            except asyncio.CancelledError:
                staff.abandon(task)
                raise
        finally:
            staff.clear(task)
            self.open -= 1

            if not self.open:
                self.ring()

    async def start(self) -> None:
        """Start the workers and wait until they are ready.

        Raises `PoolBroken` where they do not come up, with the reason, TimeoutError after `start_timeout` seconds, and
        OSError where the system has no room for a process. After an error or a cancellation nothing is left.
        """
        if self.staff is not None or self.is_closed:
            raise PoolClosed(f"{self!r} has been started already")

        if not hasattr(socket, "SOCK_SEQPACKET"):
            raise PoolBroken("this system has no SOCK_SEQPACKET, which is how workers are spoken to")

        staff = self.staff = Staff(
            self.size,
            self.rules,
            grace=self.grace,
            max_tasks=self.max_tasks,
            start_timeout=self.start_timeout,
            ended=self.ring,
        )

        try:
            staff.open()

            async with asyncio.timeout(self.start_timeout):
                await staff.complete

            self.check()
        except BaseException:
            await self.aclose(drain=0.0)
            raise

    async def aclose(self, *, drain: float | None = None) -> None:
        """Take no task any more, wait `drain` seconds for those that are there, then end the workers.

        None: `drain_timeout`. Calls that have not ended by then raise `PoolClosed`; when this is cancelled, they do so
        at once. A few seconds more are given to processes that do not want to die. May be called again.
        """
        self.is_closed = True

        if self.staff is None:
            return

        if self.closing is None:
            self.closing = asyncio.create_task(self.close(self.staff, self.drain_timeout if drain is None else drain))

        interrupted: BaseException | None = None

        while not self.closing.done():
            try:
                await asyncio.wait((self.closing,))
            except asyncio.CancelledError as exc:
                interrupted = exc
                self.end_calls(self.staff)

        self.closing.result()

        if interrupted is not None:
            raise interrupted

    async def close(self, staff: Staff, drain: float) -> None:
        await self.until(lambda: not self.open, drain if staff.broken is None else 0.0)
        self.end_calls(staff)
        staff.send_home()
        await self.until(lambda: not staff.is_leaving, LEAVE)
        await staff.close()

    def end_calls(self, staff: Staff) -> None:
        staff.end_tasks(lambda: PoolClosed("the pool has been closed before this task had ended"))

    async def until(self, is_over: Callable[[], bool], timeout: float) -> None:
        """Wait until `is_over`, which is asked when something has ended, at most `timeout` seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout

        while not is_over() and (left := end - loop.time()) > 0:
            self.bell = loop.create_future()
            await asyncio.wait((self.bell,), timeout=left)

    def ring(self) -> None:
        if self.bell is not None and not self.bell.done():
            self.bell.set_result(None)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # After an error nobody waits for what was begun before it.
        await self.aclose(drain=None if kind is None else 0.0)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers."""
        hands = () if self.staff is None else self.staff.hands.values()
        return tuple(hand.pid for hand in hands if hand.pid is not None)

    def statistics(self) -> WorkerPoolStatistics:
        """Return what the pool is doing, and has done."""
        staff = self.staff
        ready = [] if staff is None else [hand for hand in staff.hands.values() if hand.phase is Phase.READY]
        waiting = () if staff is None else staff.queue
        return WorkerPoolStatistics(
            size=self.size,
            workers=len(ready),
            busy=sum(1 for hand in ready if hand.sent),
            waiting=sum(1 for task in waiting if not task.future.done()),
            submitted=self.submitted,
            **(dict.fromkeys(COUNTED, 0) if staff is None else staff.counts),
        )


def available_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def are_short(args: tuple[Any, ...]) -> bool:
    for arg in args:
        kind = type(arg)

        if kind not in PLAIN and not ((kind is str or kind is bytes) and len(arg) < SHORT):
            return False

    return True


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call in a thread and wait for its end, also where this is cancelled: what it makes has to be closed."""
    future = asyncio.get_running_loop().run_in_executor(None, function, *args)
    interrupted: BaseException | None = None

    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as exc:
            interrupted = exc

    if interrupted is not None:
        future.exception()
        raise interrupted

    return future.result()
