"""A pool of worker processes: supervised, restored when they die, and honest about what became of each task."""

import asyncio
import functools
import os
import pickle
import random
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from contextvars import Context, ContextVar
from dataclasses import dataclass
from types import NoneType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.deadline import remaining
from hagworm.extend.asyncio.base.limiter import CapacityLimiter
from hagworm.extend.asyncio.future.hand import Hand, Phase, Task
from hagworm.extend.asyncio.future.nest import Nest
from hagworm.extend.error import PoolBroken, PoolClosed, TaskFailed, TaskTimeout, WorkerDied
from hagworm.extend.process.reference import reference, resolve
from hagworm.extend.process.restart import Intensity
from hagworm.extend.process.wire import HEAD, Packet, TooMuchWork, pack, read_spool, unpack
from hagworm.extend.process.worker import DESCRIPTORS, LONGEST_MESSAGE, Ask, Say, WorkerRules
from hagworm.extend.resilience.backoff import Backoff

__all__ = ("Calls", "WorkerPool", "WorkerPoolStatistics")

P = ParamSpec("P")
T = TypeVar("T")

SHORT = 1024
PLAIN = frozenset({int, float, bool, NoneType})
LONGEST_HOLD = 256 * 1024
"""Bytes that are pickled on the loop before a thread is asked to do it instead."""
LONGEST_COPY = 4 * 1024 * 1024
"""Bytes that are copied on the loop."""
BATCH = 64
"""Answers of one worker that are taken in one turn of the loop."""
REPEATS = 2
LAST_PATIENCE = 5.0
RESPAWN = Backoff(first=0.05, longest=5.0, jitter=0.5)
MISSING: Any = object()
Content = tuple[str, tuple[Any, ...], dict[str, Any], tuple[tuple[str, Any], ...]]


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
    time, further ones wait in `run`. A worker is replaced after `max_tasks` tasks, and after a MemoryError:
    `max_memory` is how many bytes of memory of its own it may have. `preload` names modules that are imported once,
    before workers are forked off; they must not start threads. `initializer(*initargs)` is called in each worker. The
    values of the `context` variables, given as `module:name`, go along with each call; no other variable has one there.

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
        self.size = size if size is not None else available_cores()

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

        self.loop: asyncio.AbstractEventLoop | None = None
        self.nest: Nest | None = None
        self.hands: dict[int, Hand] = {}
        self.idle: dict[Hand, None] = {}
        self.queue: deque[Task] = deque()
        self.open: set[Task] = set()
        """Tasks that have not ended; done ones leave when their caller does."""
        self.buffer = bytearray(LONGEST_MESSAGE)
        self.view = memoryview(self.buffer)
        self.context = Context()
        self.started: asyncio.Future[None] | None = None
        self.bell: asyncio.Future[None] | None = None
        """Rung for whoever closes the pool, when something has ended."""
        self.closing: asyncio.Task[None] | None = None
        self.is_closed = False
        self.broken: PoolBroken | None = None
        self.starts = Intensity(5, 60.0)
        self.idle_deaths = 0
        self.respawns: set[asyncio.TimerHandle] = set()
        self.numbers = 0
        self.counts = dict.fromkeys(COUNTED, 0)

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "broken" if self.broken else "new" if self.loop is None else "open"
        busy = sum(1 for hand in self.hands.values() if hand.sent)
        return f"<WorkerPool {state}, {busy} of {self.size} busy, {len(self.queue)} waiting>"

    # Calling

    @overload
    async def run(self, function: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `function` in a worker and return its result.

        Raises what the function raises, and `TaskFailed`, `TaskTimeout`, `WorkerDied`, `PoolClosed`, `PoolBroken`;
        `DefinitionError` for a function that no name leads to and what pickle raises for arguments it cannot carry.
        Cancelled, it interrupts the function or sees to it that it is never called.
        """
        return await self.call(function, args, kwargs, self.timeout, self.idempotent)

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
        values = tuple(
            (key, found) for key, variable in self.variables if (found := variable.get(MISSING)) is not MISSING
        )

        async with self.room:
            return await self.carry((name, args, kwargs, values), timeout, idempotent)

    async def carry(self, content: Content, timeout: float | None, idempotent: bool) -> Any:
        """Have a task done; what it is about is pickled here."""
        name, args, kwargs, values = content

        if not kwargs and not values and all(is_short(arg) for arg in args):
            return await self.follow(self.new_task(name, pickle.dumps(content, 5), timeout, idempotent))

        packet = await self.pack(content)

        if packet.is_inline:
            return await self.follow(self.new_task(name, b"".join(packet.pieces), timeout, idempotent))

        async with self.spools:
            task = self.new_task(name, None, timeout, idempotent)

            try:
                if packet.size > LONGEST_COPY:
                    await self.in_thread(task.spool, packet)
                else:
                    task.spool(packet)

                del packet
                return await self.follow(task)
            finally:
                task.close()

    def check(self) -> None:
        if self.broken is not None:
            raise self.new_broken()

        if self.is_closed or self.loop is None:
            raise PoolClosed(f"{self!r} takes no task{'' if self.is_closed else ' before it has been started'}")

    def new_broken(self) -> PoolBroken:
        made = PoolBroken(*self.broken.args) if self.broken is not None else PoolBroken("broken")
        made.__cause__ = self.broken
        return made

    def new_task(self, name: str, body: bytes | None, timeout: float | None, idempotent: bool) -> Task:
        self.check()
        assert self.loop is not None
        self.numbers += 1
        return Task(self.numbers, name, body, self.loop.create_future(), timeout, REPEATS if idempotent else 0)

    async def pack(self, content: Any) -> Packet:
        try:
            return pack(content, LONGEST_HOLD)
        except TooMuchWork:
            # The pickler lets other threads run between two frames.
            return await self.in_thread(pack, content)

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Call in a thread and wait for its end even where this is cancelled: what it has made is to be closed."""
        assert self.loop is not None
        future = self.loop.run_in_executor(None, function, *args)
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

    async def follow(self, task: Task) -> Any:
        self.check()
        self.counts["submitted"] += 1
        self.open.add(task)
        self.queue.append(task)

        if self.idle:
            self.dispatch()

        try:
            return await task.future
        except asyncio.CancelledError:
            self.counts["cancelled"] += 1
            self.abandon(task)
            raise
        finally:
            self.open.discard(task)

            if not self.open:
                self.ring()

    # Sending

    def dispatch(self) -> None:
        """Send what waits to workers that have nothing to do."""
        while self.idle and (task := self.next_task()) is not None:
            hand = next(iter(self.idle))
            self.give(hand, task)

    def next_task(self) -> Task | None:
        queue = self.queue

        while queue:
            task = queue.popleft()

            if not task.future.done():
                return task

        return None

    def give(self, hand: Hand, task: Task) -> bool:
        if not hand.send(task):
            self.queue.appendleft(task)
            return False

        if len(hand.sent) == 1:
            assert self.loop is not None
            self.idle.pop(hand, None)
            hand.since = self.loop.time()

            if task.timeout is not None:
                self.set_alarm(hand)

        return True

    def fill(self, hand: Hand) -> None:
        """Send a worker as many tasks ahead as pays."""
        depth = hand.depth if self.max_tasks is None else min(hand.depth, self.max_tasks - hand.done)

        while len(hand.sent) < depth and (task := self.next_task()) is not None:
            if not self.give(hand, task):
                return

    def settle(self, hand: Hand) -> None:
        """See to it that a worker which has answered has something to do."""
        if hand.phase is not Phase.READY:
            return

        if hand.is_worn:
            if not hand.sent:
                self.dismiss(hand)

            return

        if self.queue and len(hand.sent) <= hand.depth // 2:
            self.fill(hand)

        if not hand.sent:
            self.idle[hand] = None

            if not self.queue:
                self.relieve()
                self.dispatch()

    def relieve(self) -> None:
        """Take back what the worker with the longest line has not begun: another one has nothing to do."""
        longest = max(self.hands.values(), key=lambda hand: len(hand.sent), default=None)

        if longest is not None and len(longest.sent) > 1:
            self.take_back(longest)

    def take_back(self, hand: Hand) -> None:
        taken = [task for task in hand.take_back() if not task.future.done()]
        self.counts["moved"] += len(taken)
        self.queue.extendleft(reversed(taken))

    # Answers

    def answers(self, hand: Hand) -> None:
        """Take what a worker has to say."""
        for _ in range(BATCH):
            if not self.answer(hand):
                break

        self.settle(hand)

    def answer(self, hand: Hand) -> bool:
        try:
            size, ancillary, _, _ = hand.channel.recvmsg_into((self.buffer,), DESCRIPTORS)
        except (BlockingIOError, OSError):
            return False

        if not size:
            return False

        kind, number = HEAD.unpack_from(self.buffer)
        body = self.view[HEAD.size : size]

        if kind == Say.RESULT:
            task = self.answered(hand, number)

            try:
                value = unpack(body)
            except BaseException as exc:
                self.fail(task, not_rebuilt(task, exc))
            else:
                self.succeed(task, value)
        elif kind == Say.FAILURE:
            task = self.answered(hand, number)
            error, is_memory = told(task.name, body)
            self.fail(task, error)

            if is_memory:
                # What it had been sent goes to others; it is let go when it has been settled.
                hand.is_worn = True
                self.take_back(hand)
        elif kind == Say.SPOOLED:
            self.take_spooled(self.answered(hand, number), descriptor_of(ancillary), bytes(body))
        elif kind == Say.READY:
            self.ready(hand)
        elif kind == Say.UNFIT:
            hand.reason, _ = told("the initializer", body)
        elif kind == Say.SYNCED:
            self.synced(hand)

        return True

    def answered(self, hand: Hand, number: int) -> Task:
        assert self.loop is not None
        task = hand.sent.popleft()
        assert task.number == number, "a worker answers in the order in which it is asked"
        now = self.loop.time()
        hand.pace += ((now - hand.since) - hand.pace) * (0.2 if hand.done else 1.0)
        hand.since = now
        hand.done += 1
        hand.is_worn = hand.is_worn or hand.done == self.max_tasks
        self.idle_deaths = 0

        if hand.sent and hand.sent[0].timeout is not None:
            self.set_alarm(hand)

        return task

    def take_spooled(self, task: Task, descriptor: int, about: bytes) -> None:
        if task.future.done():
            os.close(descriptor)
            return

        if os.fstat(descriptor).st_size > LONGEST_COPY:
            assert self.loop is not None

            with suppress(RuntimeError):
                reading = self.loop.run_in_executor(None, read_spool, descriptor, about)
                reading.add_done_callback(functools.partial(self.read, task), context=self.context)
                return

        try:
            value = read_spool(descriptor, about)
        except BaseException as exc:
            self.fail(task, not_rebuilt(task, exc))
        else:
            self.succeed(task, value)

    def read(self, task: Task, reading: "asyncio.Future[Any]") -> None:
        if reading.cancelled():
            self.fail(task, PoolClosed("the event loop is being closed"))
        elif (error := reading.exception()) is not None:
            self.fail(task, not_rebuilt(task, error))
        else:
            self.succeed(task, reading.result())

    def succeed(self, task: Task, value: Any) -> None:
        if not task.future.done():
            self.counts["succeeded"] += 1
            task.future.set_result(value)

    def fail(self, task: Task, error: BaseException, kind: str = "failed") -> None:
        if not task.future.done():
            self.counts[kind] += 1
            task.future.set_exception(error)

    # Stopping tasks

    def set_alarm(self, hand: Hand) -> None:
        """Look at a worker when its task may be over its time; at the earliest of such moments, the others follow."""
        assert self.loop is not None
        timeout = hand.sent[0].timeout

        if timeout is not None and hand.phase is Phase.READY:
            when = hand.since + timeout

            if hand.timer is None or hand.timer.when() > when:
                hand.set_timer(self.loop.call_at(when, self.look, hand, context=self.context))

    def look(self, hand: Hand) -> None:
        assert self.loop is not None
        hand.timer = None

        # What it has answered in the meantime counts.
        while self.answer(hand):
            pass

        if hand.phase is Phase.READY and hand.sent and hand.sent[0].timeout is not None:
            task = hand.sent[0]
            timeout: float = hand.sent[0].timeout

            if self.loop.time() < hand.since + timeout:
                self.set_alarm(hand)
            elif self.isolate(hand, task):
                self.fail(task, TaskTimeout(task.name, timeout), "timeouts")
                self.interrupt(hand)

        self.settle(hand)
        self.dispatch()

    def isolate(self, hand: Hand, task: Task) -> bool:
        """Leave a worker alone with `task`; return False where it has just ended that."""
        self.take_back(hand)

        while self.answer(hand):
            pass

        return bool(hand.sent) and hand.sent[0] is task

    def abandon(self, task: Task) -> None:
        """Do without a task whose caller has gone."""
        if not task.future.cancelled():
            # It ended in the same turn of the loop; else the future would complain that nobody has looked.
            task.future.exception()

        hand = task.hand

        if hand is not None and hand.phase is Phase.READY and task in hand.sent:
            if self.isolate(hand, task):
                self.interrupt(hand)

            self.settle(hand)
            self.dispatch()

    def interrupt(self, hand: Hand) -> None:
        """Make a worker drop its one task, at the price of its life if need be."""
        assert self.loop is not None and self.nest is not None

        if self.grace <= 0:
            self.kill(hand)
            return

        hand.phase = Phase.INTERRUPTED
        self.nest.send_signal(hand.number, signal.SIGINT)
        hand.set_timer(self.loop.call_later(self.grace, self.kill, hand, context=self.context))

    def synced(self, hand: Hand) -> None:
        if hand.phase is Phase.INTERRUPTED:
            hand.set_timer(None)
            hand.phase = Phase.READY
            self.settle(hand)

    def kill(self, hand: Hand) -> None:
        assert self.nest is not None
        hand.set_timer(None)
        hand.phase = Phase.DYING
        self.idle.pop(hand, None)
        self.nest.send_signal(hand.number, signal.SIGKILL)

    def dismiss(self, hand: Hand) -> None:
        hand.phase = Phase.LEAVING
        hand.set_timer(None)
        self.idle.pop(hand, None)
        hand.ask(Ask.STOP)
        assert self.loop is not None
        hand.set_timer(self.loop.call_later(max(self.grace, 1.0), self.kill, hand, context=self.context))

    # Workers

    async def start(self) -> None:
        """Start the workers and wait until they are ready.

        Raises `PoolBroken` where none comes up, with its reason, and TimeoutError after `start_timeout` seconds. After
        an error or a cancellation nothing is left.
        """
        if self.loop is not None:
            raise PoolClosed(f"{self!r} has been started already")

        if not hasattr(socket, "SOCK_SEQPACKET"):
            raise PoolBroken("this system has no SOCK_SEQPACKET, which the workers are spoken to by")

        self.loop = asyncio.get_running_loop()
        self.started = self.loop.create_future()

        try:
            self.nest = Nest(self, self.rules)

            async with asyncio.timeout(self.start_timeout):
                await self.started
        except BaseException:
            await self.aclose(drain=0.0)
            raise

        if self.broken is not None:
            await self.aclose(drain=0.0)
            raise self.new_broken()

    def nest_up(self) -> None:
        """Workers can be forked."""
        for _ in range(self.size - len(self.hands)):
            self.fork()

    def nest_unfit(self, content: memoryview) -> None:
        """What was to be preloaded failed."""
        error, _ = told("preloading", content)
        self.give_up(str(error))

    def nest_gone(self, returncode: int | None) -> None:
        """The nursery has been killed, and the kernel has killed its workers."""
        self.nest = None

        for hand in [*self.hands.values()]:
            self.bury(hand, -signal.SIGKILL)

        if self.is_closed or self.broken is not None:
            return

        assert self.loop is not None

        if not self.starts.admit(self.loop.time()):
            self.give_up(f"the nursery ended with {returncode}, again and again")
            return

        self.later(self.renest)

    def renest(self) -> None:
        try:
            self.nest = Nest(self, self.rules)
        except OSError as exc:
            self.give_up(f"no process can be started: {exc}")

    def fork(self) -> None:
        """Have one more worker forked."""
        if self.nest is None or self.is_closed or self.broken is not None or len(self.hands) >= self.size:
            return

        self.numbers += 1
        # Numbers of workers and of tasks are never compared; the nursery has room for 32 bits.
        number = self.numbers & 0xFFFFFFFF
        hand = self.hands[number] = Hand(number)
        self.counts["forks"] += 1
        assert self.loop is not None
        self.context.run(self.loop.add_reader, hand.channel.fileno(), self.answers, hand)
        self.nest.fork(number, hand.back)

    def worker_forked(self, number: int, pid: int) -> None:
        """A worker has a process, or the system has no room for one."""
        if (hand := self.hands.get(number)) is None:
            return

        if pid > 0:
            hand.pid = pid
        else:
            hand.reason = OSError(-pid, os.strerror(-pid))
            self.worker_ended(number, 1)

    def ready(self, hand: Hand) -> None:
        hand.phase = Phase.READY
        self.idle[hand] = None
        self.dispatch()
        assert self.started is not None

        if not self.started.done() and sum(hand.phase is Phase.READY for hand in self.hands.values()) >= self.size:
            self.started.set_result(None)

    def worker_signalled(self, number: int, what: int) -> None:
        """A signal is on its way."""
        hand = self.hands.get(number)

        if hand is not None and what == signal.SIGINT and hand.phase is Phase.INTERRUPTED:
            hand.ask(Ask.SYNC)

    def worker_ended(self, number: int, returncode: int) -> None:
        """A worker has ended."""
        hand = self.hands.get(number)

        if hand is None:
            return

        phase, had = hand.phase, bool(hand.sent)

        # What it said before counts, and may say why.
        while self.answer(hand):
            pass

        phase = hand.phase if phase is Phase.STARTING else phase
        self.bury(hand, returncode)

        if self.is_closed or self.broken is not None:
            self.ring()
            return

        assert self.loop is not None and self.started is not None

        if phase is Phase.STARTING:
            reason = hand.reason or WorkerDied("its start", returncode, hand.pid)

            if not self.started.done() or not self.starts.admit(self.loop.time()):
                self.give_up(str(reason))
            else:
                self.later(self.fork)
        elif phase is Phase.LEAVING or had:
            self.fork()
        else:
            # Without a task nothing of ours has killed it: that it happens again is likely.
            self.idle_deaths += 1
            self.later(self.fork) if self.idle_deaths > self.size else self.fork()

    def bury(self, hand: Hand, returncode: int) -> None:
        """Settle what a worker leaves that has ended."""
        while self.answer(hand):
            pass

        assert self.loop is not None
        self.idle.pop(hand, None)
        self.hands.pop(hand.number, None)
        self.take_back(hand)

        for task in hand.sent:
            task.hand = None

            if task.future.done():
                continue

            if task.repeats > 0:
                task.repeats -= 1
                self.counts["repeated"] += 1
                self.queue.appendleft(task)
            else:
                self.fail(task, WorkerDied(task.name, returncode, hand.pid), "lost")

        if hand.phase is not Phase.LEAVING and not self.is_closed:
            self.counts["deaths"] += 1

        hand.sent.clear()
        self.loop.remove_reader(hand.channel.fileno())
        hand.close()
        self.dispatch()

    def later(self, action: Callable[[], None]) -> None:
        assert self.loop is not None
        pause = RESPAWN.pause(min(self.idle_deaths + self.starts.count, 10) or 1, random.random())

        def act() -> None:
            self.respawns.discard(timer)

            if not self.is_closed and self.broken is None:
                action()

        timer = self.loop.call_later(pause, act, context=self.context)
        self.respawns.add(timer)

    def give_up(self, reason: str) -> None:
        """Let every call fail: no worker comes up."""
        if self.broken is not None:
            return

        self.broken = PoolBroken(f"no worker of the pool comes up: {reason}")

        for task in [*self.open]:
            self.fail(task, self.new_broken())

        assert self.started is not None

        if not self.started.done():
            self.started.set_result(None)

    # Closing

    async def aclose(self, *, drain: float | None = None) -> None:
        """Take no task any more, wait `drain` seconds for those that are there, then end the workers.

        None: `drain_timeout`. Calls that have not ended by then raise `PoolClosed`. When this is cancelled, they do so
        at once. Takes no longer than that, some seconds added where processes do not want to die. May be called again.
        """
        if self.closing is None:
            self.is_closed = True

            if self.loop is None:
                return

            self.closing = asyncio.create_task(self.close(self.drain_timeout if drain is None else drain))

        closing = self.closing
        interrupted: BaseException | None = None

        while not closing.done():
            try:
                await asyncio.wait((closing,))
            except asyncio.CancelledError as exc:
                interrupted = exc
                self.end_calls()

        closing.result()

        if interrupted is not None:
            raise interrupted

    async def close(self, drain: float) -> None:
        assert self.loop is not None

        for timer in self.respawns:
            timer.cancel()

        await self.until(lambda: not self.open, drain if self.broken is None else 0.0)
        self.end_calls()

        for hand in [*self.hands.values()]:
            if hand.phase is Phase.READY and not hand.sent:
                # What it has written is flushed.
                self.dismiss(hand)

        await self.until(lambda: not any(hand.phase is Phase.LEAVING for hand in self.hands.values()), 2.0)

        if (nest := self.nest) is not None:
            nest.close()
            await asyncio.wait((nest.gone,), timeout=LAST_PATIENCE)

            if not nest.gone.done():
                nest.kill()
                await asyncio.wait((nest.gone,), timeout=LAST_PATIENCE)

        for hand in [*self.hands.values()]:
            self.bury(hand, -signal.SIGKILL)

    async def until(self, is_over: Callable[[], bool], timeout: float) -> None:
        """Wait until `is_over`, which is asked whenever something has ended, at most `timeout` seconds."""
        assert self.loop is not None
        end = self.loop.time() + timeout

        while not is_over() and (left := end - self.loop.time()) > 0:
            self.bell = self.loop.create_future()
            await asyncio.wait((self.bell,), timeout=left)

    def ring(self) -> None:
        if self.bell is not None and not self.bell.done():
            self.bell.set_result(None)

    def end_calls(self) -> None:
        for task in [*self.open]:
            self.fail(task, PoolClosed("the pool has been closed before this task had ended"))

        self.queue.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Nobody waits for what was begun before an error.
        await self.aclose(drain=None if kind is None else 0.0)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers."""
        return tuple(hand.pid for hand in self.hands.values() if hand.pid is not None)

    def statistics(self) -> WorkerPoolStatistics:
        """Return what the pool is doing, and has done."""
        ready = [hand for hand in self.hands.values() if hand.phase is Phase.READY]
        return WorkerPoolStatistics(
            size=self.size,
            workers=len(ready),
            busy=sum(1 for hand in ready if hand.sent),
            waiting=sum(1 for task in self.queue if not task.future.done()),
            **self.counts,
        )


COUNTED = (
    "submitted",
    "succeeded",
    "failed",
    "timeouts",
    "cancelled",
    "lost",
    "moved",
    "repeated",
    "deaths",
    "forks",
)


def available_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_short(value: object) -> bool:
    kind = type(value)
    return kind in PLAIN or ((kind is str or kind is bytes) and len(value) < SHORT)  # type: ignore[arg-type]  # both have


def descriptor_of(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    ((_, _, content),) = ancillary
    return int.from_bytes(content[:4], sys.byteorder, signed=True)


def told(task: str, body: memoryview) -> tuple[BaseException, bool]:
    """Return the error that a worker tells of, and whether its memory is full."""
    content, kind, text, trace, is_memory = unpack(body)
    described = TaskFailed(task, kind, text, trace)

    if content is not None:
        try:
            error = unpack(content)
        except Exception:
            # What the worker can make again, this process may not be able to: it has other modules.
            return described, is_memory

        if isinstance(error, Exception):
            error.__cause__ = described
            return error, is_memory

    return described, is_memory


def not_rebuilt(task: Task, exc: BaseException) -> TaskFailed:
    failed = TaskFailed(task.name, type(exc).__qualname__, f"its result cannot be rebuilt here: {exc}")
    failed.__cause__ = exc
    return failed
