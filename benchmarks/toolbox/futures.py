"""What it costs to have something done by a thread, beside what people use for it today.

    pip install aiomisc janus
    python benchmarks/toolbox/futures.py [--rounds 9] [--loop asyncio]

All candidates run in one process and take turns (A B C A B C …); a figure is the median of the rounds, in microseconds
of processor time of all threads, the wall clock beside it. A ratio above 1 means that the peer costs more. A peer that
is not installed is named and left out.
"""

import argparse
import asyncio
import gc
import importlib
import os
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from hagworm.extend.asyncio.base.loop import LOOPS, loop_factory
from hagworm.extend.asyncio.future import ThreadedIterator, ThreadPool, sync_iterate, threaded, threaded_separate

Runner = Callable[[int], Awaitable[None]]
"""Does something so many times."""

THREADS = 4
CALLS = 20_000
ITEMS = 50_000
SIZE = 1024


def peer(name: str) -> Any:
    """Return an installed module, or None, and say so."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"not installed, left out: {name} (pip install {name})")
        return None


def nothing() -> None:
    """Do nothing."""


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


async def compare(title: str, goal: str, candidates: dict[str, Runner], rounds: int, count: int) -> None:
    """Print the medians of each candidate, and its ratio to the first."""
    used: dict[str, list[float]] = {name: [] for name in candidates}
    taken: dict[str, list[float]] = {name: [] for name in candidates}

    for run in candidates.values():
        await run(count // 10)

    for _ in range(rounds):
        for name, run in candidates.items():
            gc.collect()
            begun, begun_at = time.process_time(), time.perf_counter()
            await run(count)
            used[name].append((time.process_time() - begun) / count * 1e6)
            taken[name].append((time.perf_counter() - begun_at) / count * 1e6)

    print(f"\n{title}; goal: {goal}")
    ours = median(next(iter(used.values())))

    for name in candidates:
        cost = median(used[name])
        print(f"  {name:<46} {cost:9.2f} µs   x{cost / ours:<6.2f} {median(taken[name]):9.2f} µs on the wall")


def at_once(call: Callable[[], Awaitable[Any]]) -> Runner:
    async def run(count: int) -> None:
        await asyncio.gather(*[call() for _ in range(count)])

    return run


def one_by_one(call: Callable[[], Awaitable[Any]]) -> Runner:
    async def run(count: int) -> None:
        for _ in range(count):
            await call()

    return run


async def pools(rounds: int) -> None:
    loop = asyncio.get_running_loop()
    ours, standard = ThreadPool(THREADS), ThreadPoolExecutor(THREADS)
    # `run_in_executor` cannot wait for room: the loop would stand still.
    wide = ThreadPool(THREADS, queue=CALLS)
    decorated = threaded(pool=ours)(nothing)

    def plain_future() -> Awaitable[None]:
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        return future

    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "hagworm ThreadPool.run": lambda: ours.run(nothing),
        "hagworm threaded": decorated,
        "hagworm ThreadPool by run_in_executor": lambda: loop.run_in_executor(wide, nothing),
    }
    other = None

    if aiomisc := peer("aiomisc"):
        other = aiomisc.ThreadPoolExecutor(THREADS)
        calls["aiomisc ThreadPoolExecutor"] = lambda: loop.run_in_executor(other, nothing)

    calls["stdlib ThreadPoolExecutor"] = lambda: loop.run_in_executor(standard, nothing)
    many = {name: at_once(call) for name, call in calls.items()}
    # No thread at all: what gathering so many futures costs by itself.
    many["futures that the loop resolves, no thread"] = at_once(plain_future)
    title = f"thread pool, gather of {CALLS} no-ops, {THREADS} threads"
    await compare(title, "≤ 3 µs", many, rounds, CALLS)
    single = {name: one_by_one(call) for name, call in calls.items()}
    single["stdlib asyncio.to_thread"] = one_by_one(lambda: asyncio.to_thread(nothing))
    await compare("one call after another", "not more than run_in_executor", single, rounds, CALLS // 10)

    separate: dict[str, Runner] = {"hagworm threaded_separate": one_by_one(threaded_separate(nothing))}

    if aiomisc is not None:
        separate["aiomisc threaded_separate"] = one_by_one(aiomisc.threaded_separate(nothing))

    await compare("a thread for each call", "none", separate, rounds, CALLS // 50)
    await ours.aclose()
    await wide.aclose()
    standard.shutdown()

    if other is not None:
        other.shutdown()


async def iterables(rounds: int) -> None:
    async def ours(count: int) -> None:
        async with ThreadedIterator(lambda: numbers(count), size=SIZE) as iterator:
            async for _ in iterator:
                pass

    async def in_batches(count: int) -> None:
        async with ThreadedIterator(lambda: numbers(count), size=SIZE) as iterator:
            while await iterator.take():
                pass

    candidates: dict[str, Runner] = {"hagworm ThreadedIterator": ours, "hagworm ThreadedIterator.take": in_batches}

    if aiomisc := peer("aiomisc"):
        threaded_numbers = aiomisc.threaded_iterable(max_size=SIZE)(numbers)

        async def theirs(count: int) -> None:
            async with threaded_numbers(count) as iterator:
                async for _ in iterator:
                    pass

        candidates["aiomisc threaded_iterable"] = theirs

    if janus := peer("janus"):

        async def queued(count: int) -> None:
            queue = janus.Queue(maxsize=SIZE)

            def fill() -> None:
                for number in numbers(count):
                    queue.sync_q.put(number)

                queue.sync_q.put(None)

            filling = asyncio.get_running_loop().run_in_executor(None, fill)

            while await queue.async_q.get() is not None:
                pass

            await filling
            await queue.aclose()

        candidates["janus.Queue"] = queued

    await compare(f"sync generator, per item, bounded {SIZE}", "≤ 3 µs", candidates, rounds, ITEMS)


async def back(rounds: int) -> None:
    async def source(count: int) -> Any:
        for number in range(count):
            yield number

    async def ours(count: int) -> None:
        def use() -> None:
            for _ in sync_iterate(source(count), size=SIZE):
                pass

        await threaded(use)()

    candidates: dict[str, Runner] = {"hagworm sync_iterate": ours}

    if janus := peer("janus"):

        async def queued(count: int) -> None:
            queue = janus.Queue(maxsize=SIZE)

            def use() -> None:
                while queue.sync_q.get() is not None:
                    pass

            using = asyncio.get_running_loop().run_in_executor(None, use)

            async for number in source(count):
                await queue.async_q.put(number)

            await queue.async_q.put(None)
            await using
            await queue.aclose()

        candidates["janus.Queue"] = queued

    await compare(f"async generator read by a thread, per item, bounded {SIZE}", "none", candidates, rounds, ITEMS)


async def idle(seconds: float) -> None:
    """Print what threads cost that have nothing to do, and what a million calls leave behind."""
    pool = ThreadPool(32)
    await asyncio.gather(*[pool.run(time.sleep, 0.01) for _ in range(32)])
    stuck = ThreadedIterator(lambda: numbers(10**9), size=4)
    await anext(stuck)
    begun = time.process_time()
    await asyncio.sleep(seconds)
    used = time.process_time() - begun
    print(f"\n32 idle threads and a paused iterator: {used / seconds * 100:.4f} % of a processor; goal: < 0.1 %")
    await stuck.aclose()

    for _ in range(5):
        await asyncio.gather(*[pool.run(nothing) for _ in range(10_000)])

    gc.collect()
    objects, memory = len(gc.get_objects()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(100):
        await asyncio.gather(*[pool.run(nothing) for _ in range(10_000)])

    gc.collect()
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    print(f"1 000 000 calls: {len(gc.get_objects()) - objects:+} objects, {more:+} KiB at the highest; goal: flat")
    await pool.aclose()


async def main(rounds: int) -> None:
    await pools(rounds)
    await iterables(rounds)
    await back(rounds)
    await idle(3.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, loop {options.loop}")

    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(main(options.rounds))
