"""Whatever waits, retries, batches or lends leaves nothing behind over many uses, and waiting costs nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.base.delay import DelayQueue
from hagworm.extend.asyncio.buffer.batch import QueueBuffer
from hagworm.extend.asyncio.buffer.spool import FileBuffer
from hagworm.extend.asyncio.buffer.work import DataQueue
from hagworm.extend.asyncio.file.stream import open_file
from hagworm.extend.asyncio.future.iterate import iterate
from hagworm.extend.asyncio.future.pool import ThreadPool
from hagworm.extend.asyncio.pool import ObjectPool
from hagworm.extend.asyncio.resilience.aggregate import Aggregate
from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker
from hagworm.extend.asyncio.resilience.bulkhead import Bulkhead
from hagworm.extend.asyncio.resilience.limiter import RateLimiter
from hagworm.extend.asyncio.resilience.pipeline import Policy
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.asyncio.task import CronTask, IntervalTask
from hagworm.extend.asyncio.task.limiter import RateLimiter as JobLimiter
from hagworm.extend.error import HagwormError
from tests.endurance import ALLOWED, LONG, Scene, bytes_left_by, share_used_while_waiting

ROUNDS = 1_000_000 if LONG else 1_000

Stage = Callable[[Path], Any]
"""Opens something for the length of a block, and yields what uses it once."""


async def answer(value: int = 7) -> int:
    await asyncio.sleep(0)
    return value


@asynccontextmanager
async def retries(_: Path) -> AsyncIterator[Scene]:
    async def fail(number: int) -> None:
        if number % 2:
            raise ConnectionError

    async def scene(number: int) -> None:
        try:
            await Retry(2, on=ConnectionError, backoff=0, timeout=60).call(fail, number)
        except ConnectionError:
            return

    yield scene


@asynccontextmanager
async def pipelines(_: Path) -> AsyncIterator[Scene]:
    breaker = CircuitBreaker()
    policy = Policy(retry=Retry(2, backoff=0), bulkhead=Bulkhead(2), timeout=60, breaker=breaker, hedge=60)

    async def scene(number: int) -> None:
        await policy.call(answer, number)

    yield scene


@asynccontextmanager
async def rates(_: Path) -> AsyncIterator[Scene]:
    limiter = RateLimiter(5, per=0.0001)
    full = RateLimiter(1, per=3600)

    async def scene(number: int) -> None:
        await limiter.acquire()

        try:
            full.acquire_nowait()
        except HagwormError:
            return

    yield scene


@asynccontextmanager
async def batches(_: Path) -> AsyncIterator[Scene]:
    async def fetch(items: list[int]) -> list[int]:
        return items

    aggregate = Aggregate(fetch)

    async def scene(number: int) -> None:
        await asyncio.gather(aggregate(number), aggregate(number + 1))

    yield scene


@asynccontextmanager
async def buffers(_: Path) -> AsyncIterator[Scene]:
    async def take(items: object) -> None:
        await asyncio.sleep(0)

    async with QueueBuffer(take, max_items=2, max_age=60) as buffer, DataQueue(take) as line:

        async def scene(number: int) -> None:
            await buffer.append(number)
            await line.put(number)
            await line.join()
            await buffer.flush()

        yield scene


@asynccontextmanager
async def spools(folder: Path) -> AsyncIterator[Scene]:
    async def scene(number: int) -> None:
        async with FileBuffer(8, max_memory=64, max_bytes=64, folder=str(folder)) as buffer:
            await buffer.write(b"12345678")
            await buffer.read(8)

    yield scene


@asynccontextmanager
async def lending(_: Path) -> AsyncIterator[Scene]:
    async with ObjectPool(answer, maxsize=1) as pool:

        async def use() -> None:
            async with pool.acquire(timeout=60):
                await asyncio.sleep(0)

        async def scene(number: int) -> None:
            await asyncio.gather(use(), use())

        yield scene


@asynccontextmanager
async def threads(_: Path) -> AsyncIterator[Scene]:
    async with ThreadPool(2) as pool:

        async def scene(number: int) -> None:
            await pool.run(int, number)

            async with iterate(iter((1, 2)), pool=pool) as items:
                assert [item async for item in items] == [1, 2]

        yield scene


@asynccontextmanager
async def files(folder: Path) -> AsyncIterator[Scene]:
    path = folder / "lines"
    path.write_text("1\n2\n")

    async def scene(number: int) -> None:
        async with open_file(path, "r") as file:
            assert [line async for line in file] == ["1\n", "2\n"]

    yield scene


@asynccontextmanager
async def jobs(_: Path) -> AsyncIterator[Scene]:
    limiter = JobLimiter(1)
    delayed: DelayQueue[int] = DelayQueue()

    async def scene(number: int) -> None:
        first = limiter.submit_nowait(answer, number)
        await limiter.call(answer, number)
        await first
        delayed.put_nowait(number, delay=3600)
        delayed.put_nowait(number)
        await delayed.get()
        delayed.remove(lambda _: True)

    yield scene
    await limiter.aclose()


@asynccontextmanager
async def timers(_: Path) -> AsyncIterator[Scene]:
    async def scene(number: int) -> None:
        async with IntervalTask(3600, answer) as task:
            task.trigger()

    yield scene


STAGES: list[Stage] = [
    retries,
    pipelines,
    rates,
    batches,
    buffers,
    spools,
    lending,
    threads,
    files,
    jobs,
    timers,
]


@pytest.mark.timeout(7200 if LONG else 60)
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_memory_is_flat(stage: Stage, tmp_path: Path) -> None:
    async def main() -> int:
        async with stage(tmp_path) as scene:
            return await bytes_left_by(scene, ROUNDS)

    assert asyncio.run(main()) < ALLOWED


async def idle() -> None:
    """Hold one of everything that has a task, a thread or a timer of its own, with nothing to do."""

    async def take(items: object) -> None:
        await asyncio.sleep(0)

    async with (
        QueueBuffer(take, max_age=60) as buffer,
        DataQueue(take) as line,
        ObjectPool(answer, maxsize=1) as pool,
        ThreadPool(1) as threads,
        IntervalTask(3600, answer),
        CronTask("0 3 * * *", answer),
        JobLimiter(1),
    ):
        await threads.run(int)
        await buffer.append(1)
        await line.put(1)

        async with pool.acquire():
            await pool.acquire(timeout=60).__aenter__()


async def wait_for_rate() -> None:
    limiter = RateLimiter(1, per=3600)
    await limiter.acquire()
    await limiter.acquire()


async def wait_for_retry() -> None:
    await Retry(3, on=ConnectionError, backoff=60).call(refuse)


async def refuse() -> None:
    raise ConnectionError


async def wait_for_bulkhead() -> None:
    bulkhead = Bulkhead(1, waiting=1, wait=60)
    bulkhead.acquire_nowait()
    await bulkhead.call(answer)


async def wait_for_delay() -> None:
    queue: DelayQueue[int] = DelayQueue()
    queue.put_nowait(1, delay=3600)
    await queue.get()


async def waiting() -> list[Awaitable[Any]]:
    kinds = (idle, wait_for_rate, wait_for_retry, wait_for_bulkhead, wait_for_delay)
    return [kind() for _ in range(5) for kind in kinds]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_idle_waiting_costs_nothing(loop: str) -> None:
    """Less than a thousandth of a processor for all of them together, beside what a turn of the loop costs."""
    assert share_used_while_waiting(waiting, loop) < 0.001 + 0.003
