"""What it costs to have something done by another process, beside what people use for it today.

    pip install aiomisc
    python benchmarks/toolbox/processes.py [--rounds 9] [--loop asyncio]

All candidates run in one process and take turns (A B C A B C …); a figure is the median of the rounds, in microseconds
of processor time of this process and its workers together (Linux), the wall clock beside it. A ratio above 1 means that
the peer costs more. A peer that is not installed is named and left out.
"""

import argparse
import asyncio
import gc
import importlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from hagworm.extend.asyncio.base.loop import LOOPS, loop_factory
from hagworm.extend.asyncio.future.subprocess import PIPE, SubProcess
from hagworm.extend.asyncio.future.worker_pool import WorkerPool

Runner = Callable[[int], Awaitable[object]]
"""Does something so many times."""

WORKERS = 2
CALLS = 4_000
MEGABYTE = bytes(range(256)) * 4096


@dataclass(frozen=True)
class Candidate:
    """Something that runs, and the processes in which it does, besides this one."""

    run: Runner
    pids: Callable[[], Iterable[int]]


def peer(name: str) -> Any:
    """Return an installed module, or None, and say so."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"not installed, left out: {name} (pip install {name})")
        return None


def used(pids: Iterable[int]) -> float:
    """Return the seconds of processor time that this process and these have used."""
    seconds = time.process_time()

    for pid in pids:
        path = Path(f"/proc/{pid}/schedstat")
        seconds += int(path.read_text().split()[0]) / 1e9 if path.exists() else 0.0

    return seconds


async def compare(title: str, goal: str, candidates: dict[str, Candidate], rounds: int, count: int) -> None:
    """Print the medians of each candidate, and its ratio to the first."""
    costs: dict[str, list[float]] = {name: [] for name in candidates}
    taken: dict[str, list[float]] = {name: [] for name in candidates}

    for candidate in candidates.values():
        await candidate.run(max(count // 10, WORKERS))

    for _ in range(rounds):
        for name, candidate in candidates.items():
            gc.collect()
            begun, begun_at = used(candidate.pids()), time.perf_counter()
            await candidate.run(count)
            costs[name].append((used(candidate.pids()) - begun) / count * 1e6)
            taken[name].append((time.perf_counter() - begun_at) / count * 1e6)

    print(f"\n{title}; goal: {goal}")
    cost, wall = (median(next(iter(figures.values()))) for figures in (costs, taken))

    for name in candidates:
        print(
            f"  {name:<38} {median(costs[name]):9.1f} µs   x{median(costs[name]) / cost:<5.2f}"
            f" {median(taken[name]):9.1f} µs on the wall   x{median(taken[name]) / wall:<5.2f}"
        )


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
    """Compare pools of workers."""
    loop = asyncio.get_running_loop()
    standard = ProcessPoolExecutor(WORKERS)
    aiomisc = peer("aiomisc")
    theirs = aiomisc.WorkerPool(WORKERS) if aiomisc is not None else None

    async with WorkerPool(WORKERS) as ours:
        if theirs is not None:
            await theirs.start()

        def calls(function: Callable[[Any], Any], value: Any, way: Callable[..., Runner]) -> dict[str, Candidate]:
            found = {"hagworm WorkerPool": Candidate(way(lambda: ours.run(function, value)), lambda: ours.pids)}
            found["stdlib ProcessPoolExecutor"] = Candidate(
                way(lambda: loop.run_in_executor(standard, function, value)), lambda: [*standard._processes]
            )

            if theirs is not None:
                found["aiomisc WorkerPool"] = Candidate(
                    way(lambda: theirs.create_task(function, value)), lambda: theirs.pids
                )

            return found

        tiny = f"gather of {CALLS} tiny tasks, {WORKERS} workers, per task"
        await compare(tiny, "≤ 40 µs, less than both", calls(abs, -1, at_once), rounds, CALLS)
        await compare("one tiny task after another", "less than both", calls(abs, -1, one_by_one), rounds, CALLS // 4)
        big = "1 MB there and back, one after another"
        await compare(big, "≤ stdlib", calls(bytes, MEGABYTE, one_by_one), rounds, 100)
        await compare("1 MB there and back, 100 at once", "≤ stdlib", calls(bytes, MEGABYTE, at_once), rounds, 100)

    standard.shutdown()

    if theirs is not None:
        await theirs.close()


async def starting(rounds: int) -> None:
    """Compare how long the first result takes."""

    async def ours(count: int) -> None:
        for _ in range(count):
            async with WorkerPool(WORKERS) as pool:
                await pool.run(abs, -1)

    async def forked(count: int) -> None:
        for _ in range(count):
            with ProcessPoolExecutor(WORKERS) as executor:
                await asyncio.get_running_loop().run_in_executor(executor, abs, -1)

    candidates = {"hagworm WorkerPool": Candidate(ours, list)}
    candidates["stdlib ProcessPoolExecutor, forked"] = Candidate(forked, list)
    await compare("open, one task, close (processor time of this process only)", "none", candidates, rounds, 3)


async def programs(rounds: int) -> None:
    """Compare how programs are run and listened to."""

    async def ours(count: int) -> None:
        for _ in range(count):
            await SubProcess.run("echo", "hello")

    async def standard(count: int) -> None:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                "echo", "hello", stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE
            )
            await process.communicate()

    async def our_lines(count: int) -> None:
        async with SubProcess("seq", str(count), stdout=PIPE) as program:
            async for _ in program.lines():
                pass

    async def standard_lines(count: int) -> None:
        process = await asyncio.create_subprocess_exec("seq", str(count), stdout=PIPE)
        assert process.stdout is not None

        async for _ in process.stdout:
            pass

        await process.wait()

    title = "run a program (hagworm starts a guard beside it)"
    runs = {"hagworm SubProcess.run": Candidate(ours, list), "stdlib create_subprocess_exec": Candidate(standard, list)}
    await compare(title, "none", runs, rounds, 20)
    lines = {"hagworm SubProcess.lines": Candidate(our_lines, list)}
    lines["stdlib StreamReader"] = Candidate(standard_lines, list)
    await compare("a line that a program writes", "≤ stdlib", lines, rounds, 100_000)


async def idle(seconds: float) -> None:
    """Print what a pool costs that has nothing to do, and what many tasks leave behind."""
    async with WorkerPool(WORKERS) as pool:
        await asyncio.gather(*[pool.run(abs, -1) for _ in range(1_000)])
        await asyncio.sleep(0.1)
        begun = used(pool.pids)
        await asyncio.sleep(seconds)
        print(f"\nan idle pool: {(used(pool.pids) - begun) / seconds * 100:.4f} % of a processor; goal: < 0.1 %")
        gc.collect()
        objects, memory = len(gc.get_objects()), resident(pool)

        for _ in range(10_000):
            await asyncio.gather(*[pool.run(abs, -1) for _ in range(100)])

        # The loop is still busy with the last ones.
        await asyncio.sleep(0.1)
        gc.collect()
        more = resident(pool) - memory
        print(
            f"1 000 000 tasks: {len(gc.get_objects()) - objects:+} objects, {more:+} KiB in all processes; goal: flat"
        )


def resident(pool: WorkerPool) -> int:
    """Return the memory of this process and the workers in KiB."""
    found = 0

    for pid in (os.getpid(), *pool.pids):
        path = Path(f"/proc/{pid}/statm")
        found += int(path.read_text().split()[1]) * 4 if path.exists() else 0

    return found


async def main(rounds: int) -> None:
    await pools(rounds)
    await starting(rounds)
    await programs(rounds)
    await idle(3.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, loop {options.loop}")

    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(main(options.rounds))
