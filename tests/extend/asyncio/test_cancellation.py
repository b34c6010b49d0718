"""Whatever waits can be cancelled at each of its suspensions: nothing is lost, leaked or left waiting."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.base.background import Background
from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.base.delay import DelayQueue
from hagworm.extend.asyncio.base.flight import Flights
from hagworm.extend.asyncio.base.group import TaskGroup, TaskStatus, amap, as_completed, gather_limited
from hagworm.extend.asyncio.base.latch import Latch, ValueEvent
from hagworm.extend.asyncio.base.limiter import CapacityLimiter
from hagworm.extend.asyncio.base.lock import KeyedLock, RWLock
from hagworm.extend.asyncio.base.portal import Portal
from hagworm.extend.asyncio.base.queues import ClosableQueue, PriorityQueue
from hagworm.extend.asyncio.base.share import FuncCache, cache_of
from hagworm.extend.asyncio.buffer.batch import QueueBuffer
from hagworm.extend.asyncio.buffer.journal import Journal
from hagworm.extend.asyncio.buffer.spool import FileBuffer
from hagworm.extend.asyncio.buffer.work import DataQueue
from hagworm.extend.asyncio.file.loader import Fetched, FileLoader
from hagworm.extend.asyncio.file.stream import open_file
from hagworm.extend.asyncio.file.whole import read_file, write_file
from hagworm.extend.asyncio.future.iterate import iterate
from hagworm.extend.asyncio.future.pool import ThreadPool
from hagworm.extend.asyncio.pool import ObjectPool
from hagworm.extend.asyncio.resilience.aggregate import Aggregate
from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker
from hagworm.extend.asyncio.resilience.bulkhead import Bulkhead
from hagworm.extend.asyncio.resilience.fallback import Fallback
from hagworm.extend.asyncio.resilience.hedge import Hedge
from hagworm.extend.asyncio.resilience.limiter import RateLimiter
from hagworm.extend.asyncio.resilience.pipeline import Policy
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.asyncio.resilience.timeout import Timeout
from hagworm.extend.asyncio.task.limiter import RateLimiter as JobLimiter
from hagworm.testing.sweep import cancel_sweep

TURNS = 12
PROMPT = 2.0
"""Seconds within which nobody who may go on is still waiting."""


def soon(call: Callable[[], object], turns: int = 3) -> None:
    """Call it in so many turns of the loop, without a task of its own."""
    loop = asyncio.get_running_loop()
    loop.call_soon(call) if turns <= 1 else loop.call_soon(soon, call, turns - 1)


async def turns(count: int = TURNS) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Trial:
    """One way to wait: `use` is what is cancelled, `check` says what must hold afterwards, whatever happened to it."""

    suspends = 1
    """How often `use` suspends, at the least: a trial that never waits would prove nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def use(self) -> Awaitable[Any]:
        raise NotImplementedError

    async def check(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Put away what the trial has opened."""


class LimiterAcquire(Trial):
    def __init__(self, folder: Path) -> None:
        self.limiter = CapacityLimiter(2)

    async def use(self) -> None:
        self.limiter.acquire_nowait(2)
        soon(lambda: self.limiter.release(2))

        async with self.limiter.hold(2, timeout=PROMPT):
            await asyncio.sleep(0)

    async def check(self) -> None:
        await turns()
        assert (self.limiter.used, len(self.limiter.waiters)) == (0, 0)
        await self.limiter.acquire(2, timeout=PROMPT)
        self.limiter.release(2)


class LockWrite(Trial):
    def __init__(self, folder: Path) -> None:
        self.lock = RWLock()

    async def hold(self) -> None:
        async with self.lock.reader:
            await turns(3)

    async def follow(self) -> None:
        async with self.lock.reader:
            await asyncio.sleep(0)

    async def use(self) -> None:
        self.others = [asyncio.create_task(self.hold())]
        await asyncio.sleep(0)
        self.others.append(asyncio.create_task(self.follow()))

        async with self.lock.writer:
            await asyncio.sleep(0)

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            await asyncio.gather(*self.others)

        seen = self.lock.statistics()
        assert (seen.readers, seen.writers, seen.waiting_readers, seen.waiting_writers) == (0, 0, 0, 0)


class LockRead(LockWrite):
    async def hold(self) -> None:
        async with self.lock.writer:
            await turns(3)

    async def use(self) -> None:
        self.others = [asyncio.create_task(self.hold())]
        await asyncio.sleep(0)

        async with self.lock.reader:
            await asyncio.sleep(0)


class KeyHold(Trial):
    def __init__(self, folder: Path) -> None:
        self.locks = KeyedLock()

    async def use(self) -> None:
        self.locks.acquire_nowait("key")
        soon(lambda: self.locks.release("key"))

        async with self.locks.hold("key", timeout=PROMPT):
            await asyncio.sleep(0)

    async def check(self) -> None:
        await turns()
        assert (self.locks.queues, self.locks.waiting) == ({}, 0)


class QueueGet(Trial):
    def __init__(self, folder: Path) -> None:
        self.queue = self.make_queue()
        self.given = 0
        self.taken: list[int] = []

    def make_queue(self) -> ClosableQueue[int]:
        return ClosableQueue(4)

    def give(self) -> None:
        self.queue.put_nowait(self.given)
        self.given += 1

    async def use(self) -> None:
        soon(self.give)
        self.taken.append(await self.queue.get())

    async def check(self) -> None:
        await turns()

        while not self.queue.empty():
            self.taken.append(self.queue.get_nowait())

        assert sorted(self.taken) == list(range(self.given))
        assert (len(self.queue.getters), self.queue.promised_items) == (0, 0)


class QueueGetMany(QueueGet):
    async def use(self) -> None:
        soon(self.give)
        self.taken += await self.queue.get_many(3, timeout=PROMPT)


class PriorityGet(QueueGet):
    def make_queue(self) -> ClosableQueue[int]:
        return PriorityQueue(4)


class QueuePut(Trial):
    def __init__(self, folder: Path) -> None:
        self.queue: ClosableQueue[int] = ClosableQueue(1)
        self.number = 0
        self.put: list[int] = []
        self.taken: list[int] = []

    def take(self) -> None:
        if not self.queue.empty():
            self.taken.append(self.queue.get_nowait())

    async def use(self) -> None:
        self.queue.put_nowait(-1)
        soon(self.take)
        self.number += 1
        await self.queue.put(self.number, timeout=PROMPT)
        self.put.append(self.number)

    async def check(self) -> None:
        await turns()
        self.take()
        assert [item for item in self.taken if item > 0] == self.put
        assert (len(self.queue.putters), self.queue.promised_slots, len(self.queue)) == (0, 0, 0)


class QueueJoin(Trial):
    def __init__(self, folder: Path) -> None:
        self.queue: ClosableQueue[int] = ClosableQueue(1)

    def finish(self) -> None:
        self.queue.get_nowait()
        self.queue.task_done()

    async def use(self) -> None:
        self.queue.put_nowait(1)
        soon(self.finish)
        await self.queue.join(timeout=PROMPT)

    async def check(self) -> None:
        await turns()
        assert (len(self.queue), len(self.queue.joiners)) == (0, 0)


class LatchWait(Trial):
    async def use(self) -> None:
        self.latch = Latch()
        soon(self.latch.count_down)
        await self.latch.wait(timeout=PROMPT)

    async def check(self) -> None:
        await self.latch.wait(timeout=PROMPT)
        assert len(self.latch.waiters) == 0


class ValueWait(Trial):
    async def use(self) -> None:
        self.event: ValueEvent[int] = ValueEvent()
        soon(lambda: self.event.set(7))
        await self.event.wait(timeout=PROMPT)

    async def check(self) -> None:
        assert await self.event.wait(timeout=PROMPT) == 7
        assert len(self.event.waiters) == 0


class FlightLead(Trial):
    """The caller who runs the function for all is cancelled: the others get their answer all the same."""

    detached = False

    def __init__(self, folder: Path) -> None:
        self.flights: Flights[int] = Flights(detached=self.detached)

    async def load(self) -> int:
        await turns(2)
        return 7

    def follow(self) -> None:
        self.others.append(asyncio.create_task(self.flights.run("key", self.load)))

    async def use(self) -> None:
        self.others: list[asyncio.Task[int]] = []
        soon(self.follow, 1)
        assert await self.flights.run("key", self.load) == 7

    async def check(self) -> None:
        await turns()

        async with asyncio.timeout(PROMPT):
            assert await asyncio.gather(*self.others) == [7] * len(self.others)

        assert (self.flights.flights, self.flights.waiting) == ({}, 0)


class FlightDetached(FlightLead):
    detached = True


class FlightFollow(FlightLead):
    async def use(self) -> None:
        self.others = []
        self.follow()
        await asyncio.sleep(0)
        assert await self.flights.run("key", self.load) == 7


class Gather(Trial):
    def __init__(self, folder: Path) -> None:
        self.running = 0

    async def job(self, number: int) -> int:
        self.running += 1

        try:
            await turns(2)
            return number
        finally:
            # Its cleaning up takes a turn, in which it may be cancelled once more.
            try:
                await asyncio.sleep(0)
            finally:
                self.running -= 1

    async def use(self) -> None:
        assert await gather_limited([self.job(number) for number in range(4)], 2) == [0, 1, 2, 3]

    async def check(self) -> None:
        await turns()
        assert self.running == 0


class Amap(Gather):
    async def use(self) -> None:
        assert await amap(self.job, range(4), 2) == [0, 1, 2, 3]


class AsCompleted(Gather):
    async def use(self) -> None:
        async with as_completed([self.job(number) for number in range(4)], 2) as finished:
            assert {task.result() async for task in finished} == {0, 1, 2, 3}


class Group(Gather):
    async def use(self) -> None:
        async with TaskGroup(limit=1) as group:
            await group.spawn(self.job(1))
            await group.spawn(self.job(2))


class CancelTasks(Gather):
    async def use(self) -> None:
        tasks = [asyncio.create_task(self.job(number)) for number in range(3)]
        await asyncio.sleep(0)

        try:
            await cancel_tasks(tasks, timeout=PROMPT)
        finally:
            for task in tasks:
                task.cancel()


class BackgroundClose(Gather):
    async def use(self) -> None:
        async with Background() as background:
            background.spawn(self.job(1))
            await background.wait_idle(timeout=PROMPT)
            background.spawn(self.job(2))


class PoolAcquire(Trial):
    def __init__(self, folder: Path) -> None:
        self.alive = 0
        self.pool: ObjectPool[object] = ObjectPool(self.make, close=self.end, check=self.is_well, maxsize=1)

    async def make(self) -> object:
        await asyncio.sleep(0)
        self.alive += 1
        return object()

    async def end(self, _: object) -> None:
        await asyncio.sleep(0)
        self.alive -= 1

    async def is_well(self, _: object) -> bool:
        await asyncio.sleep(0)
        return True

    async def use(self) -> None:
        async with self.pool.acquire(timeout=PROMPT):
            await asyncio.sleep(0)

    async def check(self) -> None:
        await turns()

        async with self.pool.acquire(timeout=PROMPT):
            pass

        assert self.alive == len(self.pool.idle) == self.pool.free == 1
        assert (len(self.pool.busy), len(self.pool.waiters)) == (0, 0)

    async def close(self) -> None:
        await self.pool.aclose()


class BufferAppend(Trial):
    """An item whose `append` has returned is handled once; one whose `append` was cancelled at most once."""

    def __init__(self, folder: Path) -> None:
        self.buffer: QueueBuffer[int] = QueueBuffer(self.handle, max_items=1, maxsize=1, max_age=0)
        self.number = 0
        self.accepted: set[int] = set()
        self.handled: list[int] = []

    async def handle(self, batch: list[int]) -> None:
        await asyncio.sleep(0)
        self.handled += batch

    async def use(self) -> None:
        for _ in range(3):
            self.number += 1
            number = self.number
            await self.buffer.append(number)
            self.accepted.add(number)

        await self.buffer.flush()

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            await self.buffer.flush()

        assert len(self.handled) == len(set(self.handled))
        assert self.accepted <= set(self.handled)
        assert (len(self.buffer), len(self.buffer.putters), len(self.buffer.flushers)) == (0, 0, 0)
        # The workers live as long as the buffer.
        await self.buffer.aclose()
        self.buffer = QueueBuffer(self.handle, max_items=1, maxsize=1, max_age=0)


class DataQueuePut(BufferAppend):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.line: DataQueue[int] = DataQueue(self.take, maxsize=1)

    async def take(self, number: int) -> None:
        await self.handle([number])

    async def use(self) -> None:
        for _ in range(3):
            self.number += 1
            number = self.number
            await self.line.put(number)
            self.accepted.add(number)

        await self.line.join()

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            assert await self.line.aclose() == []

        assert len(self.handled) == len(set(self.handled))
        assert self.accepted <= set(self.handled)
        self.line = DataQueue(self.take, maxsize=1)


class Spool(Trial):
    """Bytes that were read were written, in order, and none is read twice."""

    async def use(self) -> None:
        self.seen = b""

        async with FileBuffer(8, max_memory=4, max_bytes=64, folder=str(self.folder)) as buffer:
            await buffer.write(b"0123456789")
            self.seen += await buffer.read(4)
            await buffer.write(b"abcdefgh")
            soon(buffer.finish)

            while data := await buffer.read(5):
                self.seen += data

            assert self.seen == b"0123456789abcdefgh"

    async def check(self) -> None:
        assert b"0123456789abcdefgh".startswith(self.seen)
        assert list(self.folder.iterdir()) == []


class WriteFile(Trial):
    """The file is the old one or the new one, and nothing lies beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "file"
        self.executor = ThreadPoolExecutor(1)

    async def use(self) -> None:
        self.path.write_bytes(b"old")
        await write_file(self.path, b"new", executor=self.executor)
        assert await read_file(self.path, executor=self.executor) == b"new"

    async def check(self) -> None:
        # What a thread has begun it finishes, without anybody who waits; what that leads to comes behind.
        for _ in range(3):
            await asyncio.get_running_loop().run_in_executor(self.executor, int)
            await turns()

        assert [path.name for path in self.path.parent.iterdir()] == ["file"]
        assert self.path.read_bytes() in (b"old", b"new")

    async def close(self) -> None:
        self.executor.shutdown()


class ReadLines(Trial):
    """Lines come in order, each once, over however many readers."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lines"
        self.path.write_text("".join(f"{number}\n" for number in range(6)))
        self.seen: list[str] = []

    async def use(self) -> None:
        self.seen = []

        async with open_file(self.path, "r") as file:
            while line := await file.readline():
                self.seen.append(line.strip())

    async def check(self) -> None:
        assert self.seen == [str(number) for number in range(len(self.seen))]


class ReadOn(Trial):
    """What a cancelled read has taken from the file, the next one returns."""

    async def use(self) -> None:
        self.seen: list[str] = []
        path = self.folder / "lines"
        path.write_text("1\n2\n3\n")

        async with open_file(path, "r") as file:
            try:
                self.seen.append(await file.readline())
            finally:
                while line := await file.readline():
                    self.seen.append(line)

    async def check(self) -> None:
        assert "1\n2\n3\n".startswith("".join(self.seen))


class ThreadCall(Trial):
    """A job in a thread is done or not; its caller's cancellation harms neither the pool nor the next one."""

    def __init__(self, folder: Path) -> None:
        self.pool = ThreadPool(1)
        self.calls = 0

    def job(self) -> int:
        self.calls += 1
        return self.calls

    async def use(self) -> None:
        await self.pool.run(self.job)
        await self.pool.run(self.job)

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            assert await self.pool.run(self.job) == self.calls

    async def close(self) -> None:
        await self.pool.aclose()


class ThreadIterate(Trial):
    """The thread behind an iterator ends with it, and its generator is closed there."""

    def __init__(self, folder: Path) -> None:
        self.pool = ThreadPool(1)
        self.open = 0

    def numbers(self) -> Iterator[int]:
        self.open += 1

        try:
            yield from range(5)
        finally:
            self.open -= 1

    async def use(self) -> None:
        async with iterate(self.numbers(), size=2, pool=self.pool) as items:
            assert [item async for item in items] == [0, 1, 2, 3, 4]

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            # The only thread is free again, so whatever ran in it has ended.
            await self.pool.run(int)

        assert self.open == 0

    async def close(self) -> None:
        await self.pool.aclose()


class JobTurn(Gather):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.limiter = JobLimiter(1)

    async def use(self) -> None:
        other = self.limiter.submit_nowait(self.job, 1)
        assert await self.limiter.call(self.job, 2) == 2
        await self.limiter.join()
        assert await other == 1

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            await self.limiter.join()

        assert (self.running, self.limiter.running, self.limiter.waiting) == (0, 0, 0)

    async def close(self) -> None:
        await self.limiter.aclose()


class GroupStart(Gather):
    async def serve(self, *, task_status: TaskStatus[int]) -> None:
        await self.job(1)
        task_status.started(7)
        await self.job(2)

    async def use(self) -> None:
        async with TaskGroup() as group:
            assert await group.start(self.serve) == 7


class PortalClose(Gather):
    async def use(self) -> None:
        async with Portal() as portal:
            future = asyncio.wrap_future(portal.submit(self.job, 7))
            assert await future == 7


class Batched(Trial):
    def __init__(self, folder: Path) -> None:
        self.aggregate = Aggregate(self.fetch)

    async def fetch(self, items: list[int]) -> list[int]:
        await asyncio.sleep(0)
        return [item * 2 for item in items]

    async def use(self) -> None:
        other = self.aggregate.submit(1)
        assert await self.aggregate(2) == 4
        assert await other == 2

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            assert await self.aggregate(3) == 6

        await turns()
        seen = self.aggregate.statistics()
        assert (seen["unanswered"], seen["running"]) == (0, 0)


class BulkheadTurn(Trial):
    def __init__(self, folder: Path) -> None:
        self.bulkhead = Bulkhead(1, waiting=2, wait=PROMPT)

    async def use(self) -> None:
        self.bulkhead.acquire_nowait()
        soon(self.bulkhead.release)
        await self.bulkhead.call(asyncio.sleep, 0)

    async def check(self) -> None:
        await turns()
        assert self.bulkhead.is_idle


class RateTurn(Trial):
    def __init__(self, folder: Path) -> None:
        self.limiter = RateLimiter(1, per=0.002)

    async def use(self) -> None:
        await self.limiter.acquire()
        await self.limiter.acquire()

    async def check(self) -> None:
        assert not self.limiter.line

        async with asyncio.timeout(PROMPT):
            await self.limiter.acquire()

        assert self.limiter.timer is None or not self.limiter.line


class Calls(Gather):
    """Strategies around a call: when the caller has been told, what was called has ended."""

    calls = 0

    async def flaky(self) -> int:
        self.calls += 1
        failing = self.calls % 2

        if await self.job(1) and failing:
            raise ConnectionError

        return 7

    async def use(self) -> None:
        self.calls = 0
        assert await Retry(3, on=ConnectionError, backoff=0, timeout=PROMPT).call(self.flaky) == 7


class HedgeCall(Calls):
    async def use(self) -> None:
        assert await Hedge(0.0).call(self.job, 7) == 7


class FallbackCall(Calls):
    async def use(self) -> None:
        self.calls = 0
        assert await Fallback(lambda *_: self.job(8), on=ConnectionError).call(self.flaky) in (7, 8)


class TimeoutCall(Calls):
    async def use(self) -> None:
        assert await Timeout(PROMPT).call(self.job, 7) == 7


class WithinBlock(Calls):
    async def use(self) -> None:
        async with within(PROMPT), within(PROMPT / 2):
            await self.job(7)


class PolicyCall(Calls):
    async def use(self) -> None:
        self.calls = 0
        policy = Policy(retry=Retry(3, on=ConnectionError, backoff=0), bulkhead=1, timeout=PROMPT, hedge=PROMPT)
        assert await policy.call(self.flaky) == 7


class BreakerProbe(Calls):
    """The one probe of a circuit that was open is cancelled: its place is free for the next one."""

    async def use(self) -> None:
        self.moment = 0.0
        self.breaker = CircuitBreaker(probes=1, open_for=1, clock=lambda: self.moment)
        self.breaker.open()
        self.breaker.reset()
        self.breaker.open()
        self.moment = 3600.0
        assert await self.breaker.call(self.job, 7) == 7

    async def check(self) -> None:
        await super().check()
        self.moment += 3600

        async with asyncio.timeout(PROMPT):
            assert await self.breaker.call(self.job, 7) == 7


class CachedCall(Calls):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.load = FuncCache(ttl=None)(self.job)

    async def use(self) -> None:
        cache_of(self.load).clear()
        other = asyncio.create_task(self.load(7))
        await asyncio.sleep(0)

        try:
            assert await self.load(7) == 7
        finally:
            assert await other == 7

    async def check(self) -> None:
        await super().check()
        assert await self.load(7) == 7


class JournalWrite(Trial):
    """What is on its way to the disk gets there, or never began: an item that was reported is found again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0
        self.journal = Journal(folder / "journal", fsync="never")

    def tell(self) -> None:
        self.written += 1

    async def use(self) -> None:
        self.written = 0
        shutil.rmtree(self.folder / "journal", ignore_errors=True)
        self.journal = Journal(self.folder / "journal", fsync="never")
        assert await self.journal.open() == []
        await self.journal.write(b"one", self.tell)
        await self.journal.write(b"two", self.tell)

    async def check(self) -> None:
        await self.journal.aclose()
        again = Journal(self.folder / "journal", fsync="never")
        assert await again.open() == [b"one", b"two"][: self.written]
        await again.aclose()


class LoaderFetch(Trial):
    """One of two who share a look goes: the other gets what there is, and the next one too."""

    def __init__(self, folder: Path) -> None:
        self.loader = FileLoader(fetch=self.answer)

    async def answer(self, url: str, headers: object) -> Fetched:
        await turns(3)
        return Fetched(200, {}, url.encode())

    async def use(self) -> None:
        self.loader.clear()
        self.other = asyncio.create_task(self.loader.fetch("http://a"))
        await asyncio.sleep(0)
        assert await self.loader.fetch("http://a") == b"http://a"

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            assert await self.other == b"http://a"
            assert await self.loader.fetch("http://a") == b"http://a"

        assert self.loader.statistics().loading == 0

    async def close(self) -> None:
        await self.loader.aclose()


class LoaderRead(LoaderFetch):
    async def use(self) -> None:
        self.loader.clear()
        path = self.folder / "file"
        path.write_bytes(b"http://a")
        self.other = asyncio.create_task(self.loader.read(path))
        assert await self.loader.read(path) == b"http://a"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder


class DelayedGet(Trial):
    def __init__(self, folder: Path) -> None:
        self.queue: DelayQueue[int] = DelayQueue(2)

    async def use(self) -> None:
        await self.queue.put(1, delay=0.001)
        await self.queue.put(2)
        assert await self.queue.get() == 2
        assert await self.queue.get() == 1

    async def check(self) -> None:
        async with asyncio.timeout(PROMPT):
            while len(self.queue):
                await self.queue.get()

        assert self.queue.room.used == 0


def trials(kind: type[Trial] = Trial) -> list[type[Trial]]:
    return [found for below in kind.__subclasses__() for found in (below, *trials(below))]


@pytest.mark.parametrize("kind", trials(), ids=lambda kind: kind.__name__)
async def test_a_cancellation_anywhere_loses_and_leaks_nothing(kind: type[Trial], tmp_path: Path) -> None:
    trial = kind(tmp_path)

    try:
        sweep = await cancel_sweep(trial.use, trial.check)
    finally:
        await trial.close()

    assert sweep.suspensions >= trial.suspends
