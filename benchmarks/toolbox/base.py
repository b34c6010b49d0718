"""What the primitives of asyncio.base cost beside what people use for it today.

    pip install aiomisc aiorwlock async-lru culsans
    python benchmarks/toolbox/base.py [--rounds 9] [--count 20000] [--loop asyncio]

All candidates run in one process and take turns (A B C A B C …); a figure is the median of the rounds, in microseconds
of processor time per operation. A ratio above 1 means that the peer costs more. A peer that is not installed is named
and left out.
"""

import argparse
import asyncio
import gc
import importlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from hagworm.extend.asyncio.base.flight import Flights
from hagworm.extend.asyncio.base.group import gather_limited
from hagworm.extend.asyncio.base.limiter import CapacityLimiter
from hagworm.extend.asyncio.base.lock import KeyedLock, RWLock
from hagworm.extend.asyncio.base.loop import LOOPS, loop_factory
from hagworm.extend.asyncio.base.queues import ClosableQueue, PriorityQueue
from hagworm.extend.asyncio.base.share import FuncCache, ShareFuture

Runner = Callable[[int], Awaitable[object]]
"""Does something so many times."""

BATCH = 100
LIMIT = 100


def peer(name: str, install: str) -> Any:
    """Return an installed module, or None, and say so."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"not installed, left out: {name} (pip install {install})")
        return None


async def compare(title: str, goal: str, candidates: dict[str, Runner], rounds: int, count: int) -> None:
    """Print the medians of each candidate, and its ratio to the first."""
    used: dict[str, list[float]] = {name: [] for name in candidates}

    for run in candidates.values():
        await run(max(1, count // 10))

    for _ in range(rounds):
        for name, run in candidates.items():
            gc.collect()
            start = time.process_time()
            await run(count)
            used[name].append((time.process_time() - start) / count * 1e6)

    print(f"\n{title} (goal: {goal})")
    ours = median(used[next(iter(used))])

    for name, figures in used.items():
        print(f"  {name:<34} {median(figures):9.3f} µs   x{median(figures) / ours:.2f}")


def blocks(manager: Any) -> Runner:
    """Enter and leave something, again and again."""

    async def run(count: int) -> None:
        for _ in range(count):
            async with manager:
                pass

    return run


def calls(function: Callable[..., Awaitable[object]], *args: Any) -> Runner:
    async def run(count: int) -> None:
        for _ in range(count):
            await function(*args)

    return run


def pairs(queue: Any) -> Runner:
    """Put one and take one."""

    async def run(count: int) -> None:
        for number in range(count):
            await queue.put(number)
            await queue.get()

    return run


async def nothing(value: int = 1) -> int:
    return value


async def one_turn() -> None:
    await asyncio.sleep(0)


async def sharing(rounds: int, count: int) -> None:
    shared, cached = ShareFuture()(nothing), FuncCache(ttl=60)(nothing)
    flights = Flights[int]()
    leaders: dict[str, Runner] = {
        "ShareFuture": calls(shared, 7),
        "Flights.run": calls(flights.run, 7, nothing, 7),
        "the bare function": calls(nothing, 7),
    }
    hits: dict[str, Runner] = {"FuncCache": calls(cached, 7), "the bare function": calls(nothing, 7)}

    if (async_lru := peer("async_lru", "async-lru")) is not None:
        hits["async_lru.alru_cache"] = calls(async_lru.alru_cache(maxsize=255, ttl=60)(nothing), 7)

    await compare("single flight, leader inline", "<= 3 µs", leaders, rounds, count)
    await compare("cached call, hit", "<= 1 µs; the original 4.4 and 15.3", hits, rounds, count)


async def queueing(rounds: int, count: int) -> None:
    queue: ClosableQueue[int] = ClosableQueue(None)

    async def batched(count: int) -> None:
        source: deque[int] = deque()

        for _ in range(count // BATCH):
            source.extend(range(BATCH))
            await queue.put_many(source)
            await queue.get_many(BATCH)

    plain: dict[str, Runner] = {
        "ClosableQueue, batched": batched,
        "ClosableQueue": pairs(queue),
        "asyncio.Queue": pairs(asyncio.Queue()),
    }

    if (culsans := peer("culsans", "culsans")) is not None:
        plain["culsans.Queue"] = pairs(culsans.Queue().async_q)

    await compare("queue, one item in and out", "batched <= 0.6 µs", plain, rounds, count)
    urgent: dict[str, Runner] = {
        "PriorityQueue": pairs(PriorityQueue[int](None)),
        "asyncio.PriorityQueue": pairs(asyncio.PriorityQueue()),
    }
    await compare("priority queue, one item in and out", "no goal", urgent, rounds, count)


async def holding(rounds: int, count: int) -> None:
    keyed = KeyedLock()

    async def keys(count: int) -> None:
        for _ in range(count):
            async with keyed.hold(7):
                pass

    permits: dict[str, Runner] = {
        "asyncio.Semaphore": blocks(asyncio.Semaphore(5)),
        "CapacityLimiter": blocks(CapacityLimiter(5)),
        "KeyedLock": keys,
        "asyncio.Lock": blocks(asyncio.Lock()),
    }
    await compare("acquire and release", "limiter, lock <= x1.5 of Semaphore", permits, rounds, count)
    lock = RWLock()
    sides: dict[str, Runner] = {"RWLock.reader": blocks(lock.reader), "RWLock.writer": blocks(lock.writer)}

    if (aiorwlock := peer("aiorwlock", "aiorwlock")) is not None:
        for name, options in (("aiorwlock", {}), ("aiorwlock, fast", {"fast": True})):
            other = aiorwlock.RWLock(**options)
            sides[f"{name}, reader"] = blocks(other.reader)
            sides[f"{name}, writer"] = blocks(other.writer)

    await compare("readers and writers", "no goal", sides, rounds, count)


async def gathering(rounds: int, count: int) -> None:
    async def ours(count: int) -> None:
        await gather_limited((one_turn() for _ in range(count)), LIMIT)

    async def semaphore(count: int) -> None:
        gate = asyncio.Semaphore(LIMIT)

        async def work() -> None:
            async with gate:
                await one_turn()

        await asyncio.gather(*(work() for _ in range(count)))

    candidates: dict[str, Runner] = {"gather_limited": ours, "asyncio.gather and Semaphore": semaphore}

    if (aiomisc := peer("aiomisc", "aiomisc")) is not None:
        # aiomisc has no limited gather: its `select` and pools are for other things, so its users build on `gather`,
        # with `aiomisc.awaitable` around what they call.
        work = aiomisc.awaitable(one_turn)

        async def of_aiomisc(count: int) -> None:
            gate = asyncio.Semaphore(LIMIT)

            async def run() -> None:
                async with gate:
                    await work()

            await asyncio.gather(*(run() for _ in range(count)))

        candidates["aiomisc.awaitable, gather"] = of_aiomisc

    await compare(f"gather of 10 000, {LIMIT} at a time", "no goal", candidates, rounds, count)


async def main(rounds: int, count: int) -> None:
    await sharing(rounds, count)
    await queueing(rounds, count)
    await holding(rounds, count)
    await gathering(rounds, 10_000)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare the primitives of asyncio.base with what people use.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()

    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(main(options.rounds, options.count))
