"""What it costs to share memory with, and to call, another process, beside what the standard library offers.

    python benchmarks/toolbox/supervision.py [--rounds 9]

All candidates take turns in one run (A B C A B C …); a figure is the median of the rounds, in microseconds of processor
time: of this process for memory, of both ends for calls. A ratio above 1 means that the peer costs more.
"""

import argparse
import asyncio
import multiprocessing
import os
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.managers import BaseManager
from multiprocessing.shared_memory import SharedMemory
from statistics import median
from typing import Any

from hagworm.extend.asyncio.base.loop import LOOPS, loop_factory
from hagworm.extend.asyncio.command import ChildProcess, Launcher, MainProcess, rpc
from hagworm.extend.process import Heartbeat, SharedByteArray

Run = Callable[[int], Awaitable[None]]
"""Does something so many times."""

ACCESSES = 20_000
CALLS = 1_000
ATONCE = 64
LAYOUT = "<QQd"


def spent(pids: list[int]) -> float:
    """Return the seconds of processor time of this process and of others, as Linux's scheduler has counted them."""
    total = time.process_time()

    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", "rb") as file:
                total += int(file.read().split()[0]) / 1e9

    return total


async def compare(title: str, goal: str, candidates: dict[str, tuple[Run, list[int]]], rounds: int, count: int) -> None:
    """Print the medians of each candidate, and its ratio to the first."""
    used: dict[str, list[float]] = {name: [] for name in candidates}
    taken: dict[str, list[float]] = {name: [] for name in candidates}

    for run, _ in candidates.values():
        await run(count // 10)

    for _ in range(rounds):
        for name, (run, pids) in candidates.items():
            begun, begun_at = spent(pids), time.perf_counter()
            await run(count)
            used[name].append((spent(pids) - begun) / count * 1e6)
            taken[name].append((time.perf_counter() - begun_at) / count * 1e6)

    print(f"\n{title}; goal: {goal}")
    ours = median(next(iter(used.values())))

    for name in candidates:
        cost = median(used[name])
        print(f"  {name:<52} {cost:9.2f} µs   x{cost / ours:<6.2f} {median(taken[name]):9.2f} µs on the wall")


def repeat(call: Callable[[], Any]) -> tuple[Run, list[int]]:
    async def run(count: int) -> None:
        for _ in range(count):
            call()

    return run, []


async def memory(rounds: int) -> None:
    packed = struct.Struct(LAYOUT)
    lock = multiprocessing.Lock()
    theirs = SharedMemory(create=True, size=4096)
    content = theirs.buf
    assert content is not None

    def get_locked() -> tuple[Any, ...]:
        with lock:
            return packed.unpack_from(content, 0)

    def set_locked() -> None:
        with lock:
            packed.pack_into(content, 0, 1, 2, 3.0)

    def read_locked() -> bytes:
        with lock:
            return bytes(content[:4096])

    page = bytes(4096)

    def write_locked() -> None:
        with lock:
            content[:4096] = page

    stamp = multiprocessing.Value("d")

    def beat_value() -> None:
        stamp.value = time.monotonic()

    with SharedByteArray.create(size=4096) as array, Heartbeat.create() as heartbeat:
        view, word, pulse = array.view(LAYOUT), array.word(64), heartbeat.enter()
        other = "multiprocessing: SharedMemory + Lock"
        pairs = {
            "read three values": ("ours, which nobody can tear", view.get, get_locked),
            "read 4 KiB": ("ours", lambda: array.read_at(0, 4096), read_locked),
            "write three values": ("ours, which survives its writer", lambda: view.set(1, 2, 3.0), set_locked),
            "write 4 KiB": ("ours", lambda: array.write_at(0, page), write_locked),
        }

        for title, (name, ours, peer) in pairs.items():
            await compare(title, "none", {name: repeat(ours), other: repeat(peer)}, rounds, ACCESSES)

        with array.lock():
            many = {"ours, in one lock": repeat(lambda: view.set(1, 2, 3.0)), other: repeat(set_locked)}
            await compare("write three values, many times", "none", many, rounds, ACCESSES)

        beats = {"Pulse.beat": repeat(pulse.beat), "multiprocessing: Value": repeat(beat_value)}
        await compare("a sign of life", "none", beats, rounds, ACCESSES)
        await compare("eight bytes", "none", {"Word.set": repeat(lambda: word.set(1))}, rounds, ACCESSES)

    content.release()
    theirs.close()
    theirs.unlink()


async def contention(rounds: int) -> None:
    """Read while another process writes all the time."""
    fork = multiprocessing.get_context("fork")
    lock = fork.Lock()
    theirs = SharedMemory(create=True, size=4096)
    content = theirs.buf
    assert content is not None
    page = bytes(4096)

    def write_locked() -> None:
        while True:
            with lock:
                content[:4096] = page

    def read_locked() -> bytes:
        with lock:
            return bytes(content[:4096])

    with SharedByteArray.create(size=4096) as array:

        def write() -> None:
            while True:
                array.write_at(0, page)

        sides = {
            "ours": (write, lambda: array.read_at(0, 4096)),
            "multiprocessing: SharedMemory + Lock": (write_locked, read_locked),
        }
        taken: dict[str, list[float]] = {name: [] for name in sides}

        for _ in range(rounds):
            for name, (body, read) in sides.items():
                writer = fork.Process(target=body, daemon=True)
                writer.start()
                begun = time.perf_counter()

                for _ in range(ACCESSES // 4):
                    read()

                taken[name].append((time.perf_counter() - begun) / (ACCESSES // 4) * 1e6)

                # Held by nobody, so that its end leaves nothing locked.
                with lock:
                    writer.kill()
                    writer.join()

    print("\nread 4 KiB while another process writes without pause, on the wall; goal: none")
    ours = median(taken["ours"])

    for name, figures in taken.items():
        print(f"  {name:<52} {median(figures):9.2f} µs   x{median(figures) / ours:<6.2f}")

    content.release()
    theirs.close()
    theirs.unlink()


def add(left: int, right: int) -> int:
    return left + right


class Adder(ChildProcess):
    """A child that adds."""

    @rpc
    async def add(self, left: int, right: int) -> int:
        return left + right

    async def handle(self, item: list[int]) -> int:
        return item[0] + item[1]


class Manager(BaseManager):
    """A manager that adds."""


class Sum:
    """What the manager keeps."""

    def add(self, left: int, right: int) -> int:
        return left + right


Manager.register("Sum", Sum)


def answer(pipe: Connection) -> None:
    while (given := pipe.recv()) is not None:
        pipe.send(add(*given))


class Caller(MainProcess):
    """Calls one child, and all the peers."""

    def __init__(self, rounds: int, url: str) -> None:
        self.rounds = rounds
        self.url = url

    async def run(self) -> int | None:
        while not self.children:
            await asyncio.sleep(0.01)

        child = self.children[0]
        near, far = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        process = spawn.Process(target=answer, args=(far,), daemon=True)
        process.start()
        manager = Manager(ctx=spawn)
        manager.start()
        keeper = manager._process.pid  # type: ignore[attr-defined]  # its processor time counts as well
        proxy = manager.Sum()  # type: ignore[attr-defined]  # registered above
        pool = ProcessPoolExecutor(1, mp_context=spawn)
        pool.submit(add, 1, 2).result()
        loop = asyncio.get_running_loop()

        async def ours(count: int) -> None:
            for _ in range(count):
                await child.call(Adder.add, 1, 2)

        async def ours_at_once(count: int) -> None:
            for _ in range(0, count, ATONCE):
                await asyncio.gather(*[child.call(Adder.add, 1, 2) for _ in range(ATONCE)])

        async def work(count: int) -> None:
            for _ in range(0, count, ATONCE):
                await asyncio.gather(*[self.submit([1, 2]) for _ in range(ATONCE)])

        async def by_pipe(count: int) -> None:
            for _ in range(count):
                near.send((1, 2))
                near.recv()

        async def by_manager(count: int) -> None:
            for _ in range(count):
                proxy.add(1, 2)

        async def by_pool(count: int) -> None:
            for _ in range(count):
                await loop.run_in_executor(pool, add, 1, 2)

        async def by_pool_at_once(count: int) -> None:
            for _ in range(0, count, ATONCE):
                await asyncio.gather(*[loop.run_in_executor(pool, add, 1, 2) for _ in range(ATONCE)])

        pooled = [*pool._processes]  # their processor time counts as well
        single: dict[str, tuple[Run, list[int]]] = {
            f"ours, {self.url}, typed": (ours, [child.pid]),
            "multiprocessing: manager (blocks)": (by_manager, [keeper]),
            "multiprocessing: Pipe by hand (blocks, no ids, no types)": (by_pipe, [process.pid or 0]),
            "concurrent.futures: ProcessPoolExecutor": (by_pool, pooled),
        }
        many: dict[str, tuple[Run, list[int]]] = {
            f"ours, {self.url}, calls": (ours_at_once, [child.pid]),
            f"ours, {self.url}, work with acknowledgement": (work, [child.pid]),
            "concurrent.futures: ProcessPoolExecutor": (by_pool_at_once, pooled),
        }
        await compare("a call to another process and back", "≤ manager", single, self.rounds, CALLS)
        await compare(f"{ATONCE} calls at a time", "≤ process pool", many, self.rounds, 4 * CALLS)
        near.send(None)
        process.join()
        manager.shutdown()
        pool.shutdown()
        return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--loop", choices=LOOPS, default="auto")
    parser.add_argument("--urls", nargs="*", default=["unix:", "zmq+ipc:"])
    options = parser.parse_args()

    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(memory(options.rounds))
        runner.run(contention(options.rounds))

    for url in options.urls:
        caller = Caller(options.rounds, url)

        if code := Launcher(1, daemon=caller, url=url, per_child=ATONCE, loop=options.loop).run(Adder()):
            return code

    return 0


if __name__ == "__main__":
    sys.exit(main())
