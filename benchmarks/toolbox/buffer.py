"""Buffers, pools and files beside what people use today: every pair in one process, interleaved, medians of rounds.

    python benchmarks/toolbox/buffer.py [rounds]

Peers: asyncio.Queue and queue.SimpleQueue (standard library), aiomisc, aiofiles (pip install aiomisc aiofiles).
"""

import asyncio
import importlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hagworm.extend.asyncio.buffer import Journal, QueueBuffer
from hagworm.extend.asyncio.file import open_file
from hagworm.extend.asyncio.pool import ObjectPool

Step = Callable[[], Awaitable[int]]
"""Does something some number of times, and says how often."""

LINES = 10_000
ITEMS = 50_000


async def compare(title: str, goal: str, steps: dict[str, Step], rounds: int) -> None:
    """Print the medians, in microseconds per operation, and their ratio to the first one's."""
    times: dict[str, list[float]] = {name: [] for name in steps}

    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            count = await step()
            times[name].append((time.perf_counter() - start) / count * 1e6)

    print(f"\n{title} (goal: {goal})")
    ours = statistics.median(times[next(iter(times))])

    for name, values in times.items():
        median = statistics.median(values)
        print(f"  {name:<34} {median:9.3f} µs   x{median / ours:.2f}")


def peer(name: str) -> Any:
    """Return an installed module, or None, and say so."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"not installed, left out: {name} (pip install {name.partition('.')[0]})")
        return None


async def items(rounds: int, folder: Path) -> None:
    def accept(batch: list[int]) -> None:
        pass

    async def append() -> int:
        async with QueueBuffer[int](accept, max_items=1000) as buffer:
            for number in range(ITEMS):
                await buffer.append(number)

        return ITEMS

    async def append_nowait() -> int:
        async with QueueBuffer[int](accept, max_items=1000, maxsize=ITEMS) as buffer:
            for number in range(ITEMS):
                buffer.append_nowait(number)

        return ITEMS

    async def queue() -> int:
        queue: asyncio.Queue[int | None] = asyncio.Queue(10_000)

        async def consume() -> None:
            while await queue.get() is not None:
                pass

        task = asyncio.create_task(consume())

        for number in range(ITEMS):
            await queue.put(number)

        await queue.put(None)
        await task
        return ITEMS

    await compare(
        "an item through a buffer, batches of 1000",
        "≤ 0.6 µs",
        {"QueueBuffer.append": append, "QueueBuffer.append_nowait": append_nowait, "asyncio.Queue": queue},
        rounds,
    )

    count = 0

    def journaled(fsync: Any, tasks: int) -> Step:
        async def step() -> int:
            nonlocal count
            count += 1
            journal = Journal(folder / f"journal{count}", fsync=fsync)
            each = 2000 // tasks

            async with QueueBuffer[int](accept, max_items=1000, journal=journal) as buffer:

                async def write() -> None:
                    for number in range(each):
                        await buffer.append(number)

                await asyncio.gather(*(write() for _ in range(tasks)))

            return each * tasks

        return step

    await compare(
        "an item on disk before append returns",
        "none",
        {"500 tasks, fsync always": journaled("always", 500), "500 tasks, fsync never": journaled("never", 500)},
        min(rounds, 5),
    )


async def pools(rounds: int) -> None:
    ours = ObjectPool(object, maxsize=10)
    careful = ObjectPool(object, maxsize=10, check=lambda _: True, check_after=60, max_lifetime=3600, max_idle=600)
    semaphore = asyncio.Semaphore(10)
    queue: asyncio.Queue[object] = asyncio.Queue()
    queue.put_nowait(object())

    def using(acquire: Callable[[], Any]) -> Step:
        async def step() -> int:
            for _ in range(20_000):
                async with acquire():
                    pass

            return 20_000

        return step

    async def get_and_put() -> int:
        for _ in range(20_000):
            queue.put_nowait(await queue.get())

        return 20_000

    steps = {
        "ObjectPool (leaks are reported)": using(ours.acquire),
        "… with check, lifetime, idle time": using(careful.acquire),
        "asyncio.Semaphore (no objects)": using(lambda: semaphore),
        "asyncio.Queue (no bound, no leaks)": get_and_put,
    }
    aiomisc = peer("aiomisc.pool")
    theirs: Any = None

    if aiomisc is not None:

        class Pool(aiomisc.PoolBase):  # type: ignore[misc, name-defined]
            async def _create_instance(self) -> object:
                return object()

            async def _destroy_instance(self, _: object) -> None:
                pass

            async def _check_instance(self, _: object) -> bool:
                return True

        theirs = Pool(maxsize=10)
        steps["aiomisc PoolBase"] = using(theirs.acquire)

    await compare("acquire and release", "≤ aiomisc", steps, rounds)
    await ours.aclose()
    await careful.aclose()

    if theirs is not None:
        await theirs.close()


async def files(rounds: int, folder: Path) -> None:
    path = folder / "lines"
    path.write_bytes(b"".join(b"this is line %d of a file\n" % number for number in range(LINES)))

    def lines(open_one: Callable[[], Any]) -> Step:
        async def step() -> int:
            count = 0

            async with open_one() as file:
                async for _ in file:
                    count += 1

            assert count == LINES
            return count

        return step

    async def batches() -> int:
        count = 0

        async with open_file(path) as file:
            source = file.lines()

            while batch := await source.next_batch():
                count += len(batch)

        assert count == LINES
        return count

    async def blocking() -> int:
        with path.open("rb") as file:
            return sum(1 for _ in file)

    steps: dict[str, Step] = {
        "open_file, async for line": lines(lambda: open_file(path)),
        "open_file, text": lines(lambda: open_file(path, "r")),
        "open_file, next_batch": batches,
        "open(), blocking the loop": blocking,
    }

    if (aiomisc := peer("aiomisc.io")) is not None:
        steps["aiomisc.io.async_open"] = lines(lambda: aiomisc.async_open(str(path), "rb"))

    if (aiofiles := peer("aiofiles")) is not None:
        steps["aiofiles"] = lines(lambda: aiofiles.open(path, "rb"))

    await compare("a line of a file of 10 000", "≤ 0.5 µs", steps, min(rounds, 5))


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await items(rounds, folder)
        await pools(rounds)
        await files(rounds, folder)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
