"""A million operations leave no more behind than a thousand, and waiting costs nothing."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Awaitable
from typing import Any

import pytest

from hagworm.extend.asyncio.base.background import spawn
from hagworm.extend.asyncio.base.flight import Flights
from hagworm.extend.asyncio.base.group import QueueTasks, gather_limited
from hagworm.extend.asyncio.base.job import FutureWithTimeout
from hagworm.extend.asyncio.base.latch import Latch, ValueEvent
from hagworm.extend.asyncio.base.limiter import CapacityLimiter
from hagworm.extend.asyncio.base.lock import KeyedLock, RWLock
from hagworm.extend.asyncio.base.portal import Portal
from hagworm.extend.asyncio.base.queues import ClosableQueue, FlowControlQueue, PriorityQueue
from hagworm.extend.asyncio.base.share import FuncCache, ShareFuture
from hagworm.extend.asyncio.base.ticker import AsyncCirculator, Ticker
from tests.endurance import ALLOWED, LONG, Scene, bytes_left_by, share_used_while_waiting

ROUNDS = 1_000_000 if LONG else 2_000


async def nothing(value: int) -> int:
    await asyncio.sleep(0)
    return value


limiter, refused = CapacityLimiter(1), CapacityLimiter(1)
readers, keys = RWLock(), KeyedLock()
queue: ClosableQueue[int] = ClosableQueue(4)
urgent: PriorityQueue[int] = PriorityQueue(4)
flowing: FlowControlQueue[int] = FlowControlQueue(4)
flights = Flights[int]()
event = ValueEvent[int]()
cached = FuncCache(maxsize=50)(nothing)
shared = ShareFuture()(nothing)


async def contended_limiter(number: int) -> None:
    async def use() -> None:
        async with limiter:
            await asyncio.sleep(0)

    await asyncio.gather(use(), use())


async def cancelled_waiters(number: int) -> None:
    if not refused.used:
        refused.acquire_nowait()

    tasks = [asyncio.ensure_future(waiting) for waiting in (refused.acquire(), keys.acquire("held"), event.wait())]
    keys.queues.setdefault("held", None)
    await asyncio.sleep(0)

    for task in tasks:
        task.cancel()

    await asyncio.wait(tasks)


async def locks(number: int) -> None:
    async with readers.reader:
        pass

    async with readers.writer:
        pass

    async with keys.hold(number):
        pass


async def queues(number: int) -> None:
    for one in (queue, urgent, flowing):
        await one.put(number)
        assert await one.get() == number

    await queue.put_many(deque([1, 2]))
    await queue.get_many(5)


async def sharing(number: int) -> None:
    await flights.run(number, nothing, number)
    await asyncio.gather(shared(number), shared(number))
    await cached(number)


async def groups(number: int) -> None:
    await gather_limited([nothing(1), nothing(2)], 1)
    await QueueTasks(2, nothing(1))
    Latch().count_down()


async def background(number: int) -> None:
    await spawn(nothing(1))
    FutureWithTimeout[int](60).cancel()


SCENES: list[Scene] = [contended_limiter, cancelled_waiters, locks, queues, sharing, groups, background]


@pytest.mark.timeout(3600 if LONG else 60)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_memory_is_flat(scene: Scene) -> None:
    assert asyncio.run(bytes_left_by(scene, ROUNDS)) < ALLOWED


async def waiting() -> list[Awaitable[Any]]:
    """One of everything that waits."""
    full: ClosableQueue[int] = ClosableQueue(1)
    full.put_nowait(1)
    taken = CapacityLimiter(1)
    taken.acquire_nowait()
    lock = RWLock()
    await asyncio.create_task(lock.writer.acquire())
    held = KeyedLock()
    held.acquire_nowait("key")
    forever = asyncio.Event()
    runs = Flights[bool]()
    return [
        full.put(2),
        ClosableQueue[int](1).get(),
        taken.acquire(),
        taken.acquire(timeout=60),
        lock.reader.acquire(),
        lock.writer.acquire(),
        held.acquire("key"),
        Latch().wait(),
        ValueEvent[int]().wait(),
        runs.run("key", forever.wait),
        runs.run("key", forever.wait),
        gather_limited([forever.wait()], 1),
        second(Ticker(60)),
        second(AsyncCirculator(shortest=60, longest=60)),
    ]


async def second(rounds: AsyncIterable[int]) -> None:
    """Wait for the second round: the first begins at once."""
    following = aiter(rounds)
    await anext(following)
    await anext(following)


async def in_a_portal() -> None:
    async with Portal():
        await asyncio.Event().wait()


async def many() -> list[Awaitable[Any]]:
    return [one for _ in range(10) for one in (*await waiting(), in_a_portal())]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_idle_waiting_costs_nothing(loop: str) -> None:
    """Less than a thousandth of a processor, for 150 tasks together, beside what a turn of the loop costs."""
    assert share_used_while_waiting(many, loop) < 0.001 + 0.003
