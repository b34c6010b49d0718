"""What limiting, timing and reading cron expressions cost, beside what people use for it today.

    pip install aiolimiter aiomisc mode-streaming cronsim croniter
    python benchmarks/toolbox/task.py            # about a minute
    python benchmarks/toolbox/task.py --quick    # without the timers

Candidates take turns in one process; a figure is the median of the rounds. Time is that of the processor; for timers it
is how late the last tick was. A peer that is not installed is named and left out.
"""

import argparse
import asyncio
import gc
import importlib
import logging
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hagworm.extend.asyncio.task import CronTask, IntervalTask, RateLimiter
from hagworm.extend.schedule import Cron

JOBS = 20_000
LIMIT = 10
TICKS = 200
INTERVAL = 0.02
WORK = 0.004

Candidates = dict[str, Callable[[], float]]


def peer(name: str) -> bool:
    """Whether a peer is installed; says so if it is not."""
    try:
        importlib.import_module(name)
    except ImportError:
        print(f"(not installed, left out: {name})")
        return False

    return True


def compare(title: str, unit: str, candidates: Candidates, rounds: int, base: str) -> dict[str, float]:
    """Let the candidates take turns, print a table, and return the medians."""
    figures: dict[str, list[float]] = {name: [] for name in candidates}

    for _ in range(rounds):
        for name, measure in candidates.items():
            gc.collect()
            figures[name].append(measure())

    medians = {name: statistics.median(values) for name, values in figures.items()}
    width = max(map(len, medians))
    print(f"\n{title}\n{'':{width}}  {unit:>12}  {'ratio':>7}  {'min':>9}  {'max':>9}")

    for name, median in medians.items():
        ratio = f"{median / medians[base]:.2f}" if abs(medians[base]) > 1e-9 else "-"
        values = figures[name]
        print(f"{name:{width}}  {median:12.3f}  {ratio:>7}  {min(values):9.3f}  {max(values):9.3f}")

    return medians


def per_job(work: Callable[[], Awaitable[None]]) -> Callable[[], float]:
    """Return a measurement: microseconds of processor time per job."""

    def measure() -> float:
        with asyncio.Runner() as runner:
            began = time.process_time()
            runner.run(work())  # type: ignore[arg-type]  # they are coroutine functions
            return (time.process_time() - began) / JOBS * 1e6

    return measure


async def nothing() -> None:
    """The job."""


async def ours_one_by_one() -> None:
    limiter = RateLimiter(LIMIT)

    for _ in range(JOBS):
        await limiter.call(nothing)


async def semaphore_one_by_one() -> None:
    semaphore = asyncio.Semaphore(LIMIT)

    for _ in range(JOBS):
        async with semaphore:
            await nothing()


async def aiolimiter_one_by_one() -> None:
    from aiolimiter import AsyncLimiter

    limiter = AsyncLimiter(1e9, 1)

    for _ in range(JOBS):
        async with limiter:
            await nothing()


async def ours_submitted() -> None:
    limiter = RateLimiter(LIMIT, queue=JOBS)

    for _ in range(JOBS):
        limiter.submit_nowait(nothing)

    await limiter.join()


async def ours_submitted_with_room() -> None:
    limiter = RateLimiter(LIMIT)

    for _ in range(JOBS):
        await limiter.submit(nothing)

    await limiter.join()


async def ours_gathered() -> None:
    limiter = RateLimiter(LIMIT, queue=JOBS)
    await asyncio.gather(*[limiter.call(nothing) for _ in range(JOBS)])


async def semaphore_gathered() -> None:
    semaphore = asyncio.Semaphore(LIMIT)

    async def one() -> None:
        async with semaphore:
            await nothing()

    await asyncio.gather(*[one() for _ in range(JOBS)])


async def aiolimiter_gathered() -> None:
    from aiolimiter import AsyncLimiter

    limiter = AsyncLimiter(1e9, 1)

    async def one() -> None:
        async with limiter:
            await nothing()

    await asyncio.gather(*[one() for _ in range(JOBS)])


async def gathered() -> None:
    await asyncio.gather(*[nothing() for _ in range(JOBS)])


class Ticks:
    """Counts ticks of a timer, each of which takes some time."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    async def __call__(self) -> None:
        self.times.append(time.perf_counter())

        if len(self.times) == TICKS and not self.done.done():
            self.done.set_result(None)

        await asyncio.sleep(WORK)

    def lag(self) -> float:
        """Return how many milliseconds the last tick was later than the first and the interval say."""
        return (self.times[-1] - self.times[0] - (TICKS - 1) * INTERVAL) * 1e3


async def ours_ticking() -> float:
    ticks = Ticks()

    async with IntervalTask(INTERVAL, ticks):
        await ticks.done

    return ticks.lag()


async def aiomisc_ticking() -> float:
    from aiomisc import PeriodicCallback

    ticks = Ticks()
    timer = PeriodicCallback(ticks)
    timer.start(INTERVAL)
    await ticks.done
    await asyncio.wait([asyncio.ensure_future(timer.stop(return_exceptions=True))])
    return ticks.lag()


async def mode_ticking() -> float:
    from mode import Service

    ticks = Ticks()

    class Ticking(Service):  # type: ignore[misc, unused-ignore]  # the peer has no types everywhere
        @Service.timer(INTERVAL)
        async def tick(self) -> None:
            await ticks()

    service = Ticking()
    await service.start()
    await ticks.done
    await service.stop()
    return ticks.lag()


async def loop_ticking() -> float:
    ticks = Ticks()

    async def run() -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await ticks()

    task = asyncio.create_task(run())
    await ticks.done
    task.cancel()
    return ticks.lag()


def ticking(work: Callable[[], Awaitable[float]]) -> Callable[[], float]:
    return lambda: asyncio.run(work())  # type: ignore[arg-type]  # they are coroutine functions


def our_moments(expression: str, zone: str, count: int) -> Callable[[], float]:
    def measure() -> float:
        moment: float | None = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
        began = time.process_time()
        cron = Cron(expression, tz=zone)

        for _ in range(count):
            moment = cron.next_after(moment)  # type: ignore[arg-type]  # there are enough

        return (time.process_time() - began) / count * 1e6

    return measure


def cronsim_moments(expression: str, zone: str, count: int) -> Callable[[], float]:
    from cronsim import CronSim

    def measure() -> float:
        began = time.process_time()
        cron = CronSim(expression, datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)))

        for _ in range(count):
            next(cron)

        return (time.process_time() - began) / count * 1e6

    return measure


def croniter_moments(expression: str, zone: str, count: int) -> Callable[[], float]:
    from croniter import croniter

    def measure() -> float:
        began = time.process_time()
        cron = croniter(expression, datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)))

        for _ in range(count):
            cron.get_next(datetime)

        return (time.process_time() - began) / count * 1e6

    return measure


async def idle(count: int, seconds: float) -> float:
    """Return the share of a processor that so many idle timers take, in per cent."""
    tasks = [IntervalTask(3600.0, nothing) for _ in range(count // 2)]
    crons = [CronTask("0 3 1 1 *", nothing) for _ in range(count // 2)]

    for task in (*tasks, *crons):
        task.start()

    await asyncio.sleep(0.2)
    began = time.process_time()
    await asyncio.sleep(seconds)
    share = (time.process_time() - began) / seconds * 100

    for task in (*tasks, *crons):
        await task.stop()

    return share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="leave the timers out")
    options = parser.parse_args()
    logging.disable()
    has_aiolimiter = peer("aiolimiter")

    one_by_one: Candidates = {
        "asyncio.Semaphore": per_job(semaphore_one_by_one),
        "RateLimiter.call": per_job(ours_one_by_one),
    }
    at_once: Candidates = {
        "Semaphore and gather": per_job(semaphore_gathered),
        "gather alone, no limit": per_job(gathered),
        "RateLimiter.call and gather": per_job(ours_gathered),
        "RateLimiter.submit_nowait": per_job(ours_submitted),
        "RateLimiter.submit": per_job(ours_submitted_with_room),
    }

    if has_aiolimiter:
        one_by_one["aiolimiter"] = per_job(aiolimiter_one_by_one)
        at_once["aiolimiter and gather"] = per_job(aiolimiter_gathered)

    compare("Jobs that do nothing, one after another", "µs per job", one_by_one, options.rounds, "asyncio.Semaphore")
    limits = compare(
        f"{JOBS} jobs at once, {LIMIT} may run", "µs per job", at_once, options.rounds, "Semaphore and gather"
    )
    print(
        f"goal: at most 5 µs per job; RateLimiter.submit_nowait {limits['RateLimiter.submit_nowait']:.1f}"
        " (the limiters of hagworm 4 and 5, elsewhere: 24.6 and 41.5)"
    )
    peers = {name: peer(name) for name in ("cronsim", "croniter")}

    for expression, count in (("*/5 * * * *", 2000), ("0 9 * * 1-5", 2000), ("0 0 29 2 *", 20)):
        moments: Candidates = {"Cron": our_moments(expression, "Europe/Berlin", count)}

        if peers["cronsim"]:
            moments["cronsim"] = cronsim_moments(expression, "Europe/Berlin", count)

        if peers["croniter"]:
            moments["croniter"] = croniter_moments(expression, "Europe/Berlin", count)

        compare(f"{count} moments of '{expression}' in Berlin", "µs per moment", moments, options.rounds, "Cron")

    with_timers, without = asyncio.run(idle(1000, 3.0)), asyncio.run(idle(0, 3.0))
    print(f"\n1000 idle timers: {with_timers:.3f} % of a processor, none: {without:.3f} (goal: less than 0.1)")

    if options.quick:
        return

    timers: Candidates = {"IntervalTask": ticking(ours_ticking), "a loop with a sleep": ticking(loop_ticking)}

    if peer("aiomisc"):
        timers["aiomisc"] = ticking(aiomisc_ticking)

    if peer("mode"):
        timers["mode"] = ticking(mode_ticking)

    title = f"{TICKS} ticks of {INTERVAL * 1e3:g} ms with {WORK * 1e3:g} ms of work: lag of the last one"
    lags = compare(title, "ms", timers, 3, "IntervalTask")
    print(f"goal: less than 1 ms; IntervalTask {lags['IntervalTask']:.3f}")


if __name__ == "__main__":
    main()
