"""R46: a worker pool whose workers are killed, crash, fill their memory or hang ends every task exactly once."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from bar import Bar, Trial, main

from hagworm.extend.asyncio.future import WorkerPool
from hagworm.extend.asyncio.future.nest import Nest
from hagworm.extend.asyncio.future.staff import Staff
from hagworm.extend.error import PoolClosed, TaskFailed, TaskTimeout, WorkerDied

PROMISE = (
    "each task of a worker pool ends exactly once, with its result, its own error or one that says what became of its"
    " worker; the pool is restored, and nothing outlives it"
)
WORKERS = 2
PATIENCE = 30.0
SLACK = 5.0
"""Seconds that a busy machine may take to kill a few processes."""
MEMORY = 128 << 20


class Awkward(Exception):
    """Cannot be made again of what pickle keeps of it."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


# What the workers do


def leave_trace(path: str, number: int, seconds: float) -> int:
    """Say that it runs, in a way that outlives the process, all of it or nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"%d\n" % number)
    os.close(descriptor)
    time.sleep(seconds)
    return number


def echo(value: Any) -> Any:
    return value


def exit_at_once(code: int) -> NoReturn:
    os._exit(code)


def leave(code: int) -> NoReturn:
    sys.exit(code)


def crash() -> NoReturn:
    # No core, no report: the crash is meant.
    import faulthandler
    import resource

    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)
    raise AssertionError("there is nothing to read")


def kill_self() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it is dead")


def eat() -> NoReturn:
    eaten = []

    while True:
        eaten.append(bytearray(1 << 20))


def return_lock() -> Any:
    return threading.Lock()


def fail() -> NoReturn:
    raise ValueError("its own")


def fail_awkwardly() -> NoReturn:
    raise Awkward(1, 2)


def hang() -> NoReturn:
    while True:
        pass


def hang_stubbornly() -> NoReturn:
    while True:
        with suppress(BaseException):
            time.sleep(60)


def start_child() -> int:
    return subprocess.Popen(["sleep", "60"]).pid


FAULTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Callable[[Any], bool]]] = {
    "none": (echo, (1,), lambda end: bool(end == 1)),
    "a big value": (echo, (bytes(300_000),), lambda end: bool(end == bytes(300_000))),
    "os._exit(0)": (exit_at_once, (0,), lambda end: isinstance(end, WorkerDied) and end.returncode == 0),
    "os._exit(7)": (exit_at_once, (7,), lambda end: isinstance(end, WorkerDied) and end.returncode == 7),
    "sys.exit(0)": (leave, (0,), lambda end: isinstance(end, TaskFailed) and end.kind == "SystemExit"),
    "SIGKILL": (kill_self, (), lambda end: isinstance(end, WorkerDied) and end.returncode == -signal.SIGKILL),
    "segmentation fault": (crash, (), lambda end: isinstance(end, WorkerDied) and end.returncode == -signal.SIGSEGV),
    "no memory": (eat, (), lambda end: isinstance(end, MemoryError)),
    "its own error": (fail, (), lambda end: isinstance(end, ValueError) and str(end) == "its own"),
    "an error that cannot be carried": (
        fail_awkwardly,
        (),
        lambda end: isinstance(end, TaskFailed) and end.kind.endswith("Awkward"),
    ),
    "a result that cannot be carried": (return_lock, (), lambda end: isinstance(end, TypeError)),
    "no end": (hang, (), lambda end: isinstance(end, TaskTimeout)),
    "no end, and deaf": (hang_stubbornly, (), lambda end: isinstance(end, TaskTimeout)),
}
"""What a task does, and how it has to end."""


# What is looked at


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children() -> list[int]:
    """Return all children of this process, buried ones excepted."""
    found = []

    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError):
            found += map(int, path.read_text().split())

    return found


async def within_patience(condition: Callable[[], object]) -> bool:
    end = time.monotonic() + PATIENCE

    while not condition():
        if time.monotonic() > end:
            return False

        await asyncio.sleep(0.002)

    return True


async def expect_whole(pool: WorkerPool, trial: Trial) -> None:
    """Expect a pool to have all of its workers again, and to use them."""
    began = time.monotonic()
    trial.expect(await within_patience(lambda: pool.statistics().workers == pool.size), "the pool is restored")
    trial.note(restored_after=round(time.monotonic() - began, 3))
    trial.expect(await asyncio.gather(*[pool.run(echo, n) for n in range(50)]) == [*range(50)], "the pool goes on")
    trial.expect(pool.open == 0 and pool.statistics().waiting == 0, "no task is left over")


@contextmanager
def leaving_nobody(trial: Trial) -> Iterator[None]:
    """Expect no child, not even a dead one, and no descriptor more than before."""
    before, descriptors = {*children()}, len(os.listdir("/proc/self/fd"))
    yield
    trial.expect({*children()} <= before, "no child, no zombie is left")
    trial.expect(len(os.listdir("/proc/self/fd")) <= descriptors, "no descriptor is left")


# The trials


async def kill_workers(bar: Bar, trial: Trial) -> None:
    """Kill workers at random while many tasks run; no task may be begun twice."""
    count, kills_wanted = (10_000, 500) if bar.is_long else (1_000, 50)
    chance = bar.random

    with TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"

        async with WorkerPool(WORKERS, preload=["__main__"]) as pool:
            kills = 0
            calls = [pool.run(leave_trace, str(trace), number, chance.random() * 0.002) for number in range(count)]
            running = [asyncio.create_task(call) for call in calls]
            # It goes on where the tasks are over: then it is idle workers that are killed.
            while kills < kills_wanted or not all(task.done() for task in running):
                await asyncio.sleep(chance.random() * 0.03)

                if pids := pool.pids:
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(pids), signal.SIGKILL)
                        kills += 1

            ends = await asyncio.gather(*running, return_exceptions=True)
            await expect_whole(pool, trial)
            deaths = pool.statistics().deaths

        begun = Counter(int(line) for line in trace.read_text().split())

    good = {number for number, end in enumerate(ends) if end == number and not isinstance(end, BaseException)}
    lost = sum(isinstance(end, WorkerDied) for end in ends)
    trial.note(tasks=count, kills=kills, deaths=deaths, lost=lost)
    trial.expect(len(good) + lost == count, "every task ends with its result or WorkerDied")
    trial.expect(max(begun.values()) == 1, "no task is begun twice")
    trial.expect(good <= begun.keys(), "no task succeeds that was not begun")
    trial.expect(lost <= deaths, "a death costs one task at most")


async def repeat_what_may_be(bar: Bar, trial: Trial) -> None:
    """Kill workers whose tasks are idempotent: fewer are lost, and none is begun more than three times."""
    count = 2_000 if bar.is_long else 200
    chance = bar.random

    with TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"

        async with WorkerPool(WORKERS, idempotent=True, preload=["__main__"]) as pool:
            calls = [pool.run(leave_trace, str(trace), number, 0.002) for number in range(count)]
            running = [asyncio.create_task(call) for call in calls]

            while not all(task.done() for task in running):
                await asyncio.sleep(chance.random() * 0.03)

                if pids := pool.pids:
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(pids), signal.SIGKILL)

            ends = await asyncio.gather(*running, return_exceptions=True)
            await expect_whole(pool, trial)
            repeated = pool.statistics().repeated

        begun = Counter(int(line) for line in trace.read_text().split())

    lost = [number for number, end in enumerate(ends) if isinstance(end, WorkerDied)]
    trial.note(tasks=count, repeated=repeated, lost=len(lost))
    trial.expect(all(end == n or n in lost for n, end in enumerate(ends)), "every task ends as it should")
    trial.expect(max(begun.values()) <= 3, "no task is begun more than three times")
    trial.expect(sum(begun.values()) <= count + repeated, "only what is counted is repeated")


async def fault(bar: Bar, trial: Trial) -> None:
    """Mix all faults; each task ends as its fault says, whatever its neighbours do."""
    count = 500 if bar.is_long else 60
    names = [*FAULTS, *(bar.random.choice([*FAULTS]) for _ in range(count - len(FAULTS)))]
    bar.random.shuffle(names)

    async with WorkerPool(WORKERS, grace=0.05, max_memory=MEMORY, preload=["__main__"]) as pool:
        bounded = pool.options(timeout=0.3)
        # A busy machine may take long for what does end.
        calls = [(bounded if "no end" in name else pool).run(FAULTS[name][0], *FAULTS[name][1]) for name in names]
        ends = await asyncio.gather(*calls, return_exceptions=True)
        await expect_whole(pool, trial)
        trial.note(statistics=repr(pool.statistics()))

    trial.note(tasks=count, faults=dict(Counter(names)))

    for name, end in zip(names, ends, strict=True):
        trial.expect(FAULTS[name][2](end), f"{name} does not end with {end!r}")


async def kill_nursery(bar: Bar, trial: Trial) -> None:
    """Kill the process that forks the workers."""
    async with WorkerPool(WORKERS, preload=["__main__"]) as pool:
        lost = 0

        for _ in range(20 if bar.is_long else 3):
            staff = pool.staff
            assert staff is not None

            if (nest := staff.nest) is not None:
                os.kill(nest.pid, signal.SIGKILL)

            ends = await asyncio.gather(*[pool.run(echo, n) for n in range(20)], return_exceptions=True)
            lost += sum(isinstance(end, WorkerDied) for end in ends)
            trial.expect(all(end == n or isinstance(end, WorkerDied) for n, end in enumerate(ends)), "all tasks end")
            # On a busy machine the tasks may all have been done before the kill is felt.
            trial.expect(await within_patience(partial(has_other_nest, staff, nest)), "the kill is noticed")
            await expect_whole(pool, trial)

        trial.note(lost=lost)


def has_other_nest(staff: Staff, killed: Nest | None) -> bool:
    return killed is None or staff.nest is not killed


async def close_on_stuck_tasks(bar: Bar, trial: Trial) -> None:
    """Close a pool while tasks run that do not listen."""
    pool = WorkerPool(WORKERS, preload=["__main__"])
    await pool.start()
    pids = pool.pids
    running = [asyncio.create_task(pool.run(hang_stubbornly)) for _ in range(2 * WORKERS)]
    await within_patience(lambda: pool.statistics().busy == WORKERS)
    began = time.monotonic()
    await pool.aclose(drain=0.5)
    took = time.monotonic() - began
    ends = await asyncio.gather(*running, return_exceptions=True)
    trial.note(took=round(took, 3), deadline=0.5)
    trial.expect(all(isinstance(end, PoolClosed) for end in ends), "every caller is told")
    trial.expect(took < 0.5 + SLACK, f"closing takes its deadline of 0.5 s and no long time more, not {took:.2f} s")
    trial.expect(not any(map(is_alive, pids)), "no worker is left")


async def be_parent() -> None:
    """Be a process with a busy pool that is going to be killed."""
    async with WorkerPool(WORKERS + 1, preload=["__main__"]) as pool:
        child = await pool.run(start_child)
        running = [asyncio.create_task(pool.run(hang_stubbornly)) for _ in range(WORKERS)]
        assert pool.staff is not None and pool.staff.nest is not None
        sys.stdout.write(f"{child} {pool.staff.nest.pid} {' '.join(map(str, pool.pids))}\n")
        sys.stdout.flush()
        await asyncio.gather(*running)


async def kill_parent(bar: Bar, trial: Trial) -> None:
    """Kill the process that has the pool."""
    for _ in range(20 if bar.is_long else 3):
        parent = subprocess.Popen([sys.executable, __file__, "--parent"], stdout=subprocess.PIPE)
        assert parent.stdout is not None

        with parent:
            pids = [int(word) for word in parent.stdout.readline().split()]
            parent.kill()

        trial.expect(len(pids) == WORKERS + 3, "the pool was there")
        trial.expect(
            await within_patience(lambda left=pids: not any(map(is_alive, left))), "nobody outlives the parent"
        )


TRIALS: dict[str, Callable[[Bar, Trial], Awaitable[None]]] = {
    "workers are killed": kill_workers,
    "workers with idempotent tasks are killed": repeat_what_may_be,
    "tasks do every harm": fault,
    "who forks is killed": kill_nursery,
    "closed with stuck tasks": close_on_stuck_tasks,
    "the parent is killed": kill_parent,
}


def run(bar: Bar) -> None:
    for name, make in TRIALS.items():
        with bar.trial(name) as trial, leaving_nobody(trial):
            asyncio.run(make(bar, trial))


if __name__ == "__main__":
    if sys.argv[1:] == ["--parent"]:
        asyncio.run(be_parent())
    else:
        main(__file__, PROMISE, run)
