"""Every so many seconds, on a grid of absolute times."""

import asyncio
import os
import statistics
import time
from typing import Any

import pytest

from hagworm.extend.asyncio.task import IntervalTask, current_run
from hagworm.extend.error import ScheduleError
from hagworm.testing.virtual_time import run_virtual
from tests.extend.asyncio.task.clockwork import Clockwork

LONG = os.environ.get("HAGWORM_LONG") == "1"


async def test_t16_how_long_a_run_takes_shifts_nothing() -> None:
    """T16, with a clock that tells every microsecond: 20 ms, 4 ms of work, 200 times."""
    clock = Clockwork(1000.0)
    begun: list[float] = []

    async def body() -> None:
        begun.append(clock.now)
        clock.now += 0.000_050  # what it takes to get going
        await clock.sleep(0.004)

    async with IntervalTask(0.02, body, clock=clock.time, sleep=clock.sleep) as task:
        await clock.advance(4.005)
        assert len(begun) == 200
        assert begun[-1] - (1000.0 + 200 * 0.02) < 0.001
        assert task.statistics().latest < 0.001


async def test_the_lag_does_not_grow() -> None:
    """On the real loop, where a busy machine adds its own: near the end some run is in time; with drift, none is."""
    loop = asyncio.get_running_loop()
    ticks = 200 if LONG else 40
    lags = []

    for _ in range(5 if LONG else 1):
        begun: list[tuple[float, float]] = []
        done = loop.create_future()

        def body(begun: list[tuple[float, float]] = begun, done: Any = done) -> None:
            begun.append((current_run().moment or 0.0, loop.time()))
            time.sleep(0.004)  # blocking the loop is the worse case

            if len(begun) == ticks:
                done.set_result(None)

        async with IntervalTask(0.02, body):
            await done

        first = begun[0][0]
        steps = [(moment - first) / 0.02 for moment, _ in begun]
        assert steps == pytest.approx([round(step) for step in steps], abs=1e-6), "moments are on the grid"
        lags.append(min(at - moment for moment, at in begun[-10:]))

    assert statistics.median(lags) < 0.001 if LONG else min(lags) < 0.01


@pytest.mark.parametrize(
    ("delay", "expected"), [(None, [10.0, 20.0]), (0.0, [0.0, 10.0, 20.0]), (3.0, [3.0, 13.0, 23.0])]
)
async def test_the_first_run_is_after_one_interval_or_after_the_delay(
    delay: float | None, expected: list[float]
) -> None:
    clock = Clockwork()
    seen: list[float] = []

    async with IntervalTask(10.0, lambda: seen.append(clock.now), delay=delay, clock=clock.time, sleep=clock.sleep):
        await clock.advance(25)

    assert seen == expected


async def test_an_aligned_task_runs_at_multiples_of_unix_time() -> None:
    clock = Clockwork(1_790_000_007.5)
    seen: list[float] = []

    async with IntervalTask(
        60.0, lambda: seen.append(clock.now), aligned=True, clock=clock.time, sleep=clock.sleep
    ) as task:
        await clock.advance(130)
        assert task.on_wall_clock
        assert task.next_run is not None
        assert task.next_run.timestamp() == 1_790_000_160.0

    assert seen == [1_790_000_040.0, 1_790_000_100.0]


async def test_the_wall_clock_of_an_aligned_task_is_looked_at_again() -> None:
    clock = Clockwork(1_790_000_000.0)
    seen: list[float] = []

    async with IntervalTask(
        3600.0, lambda: seen.append(clock.now), aligned=True, recheck=10.0, clock=clock.time, sleep=clock.sleep
    ):
        await clock.advance(15)
        clock.now += 1_790_002_800.0 - clock.now  # to the full hour
        await clock.advance(10)

    assert seen == [1_790_002_805.0], "within ten seconds of the change"
    assert max(clock.naps) == 10.0


async def test_after_so_many_moments_it_has_no_more_to_do() -> None:
    clock = Clockwork()
    seen: list[int] = []
    task = IntervalTask(1.0, lambda: seen.append(current_run().number), count=3, clock=clock.time, sleep=clock.sleep)
    task.start()
    await clock.advance(10)
    await task.wait()

    assert (seen, task.is_running, task.next_run) == ([1, 2, 3], False, None)


async def test_runs_that_wait_take_place_although_the_last_moment_is_over() -> None:
    clock = Clockwork()
    seen: list[float] = []

    async def body() -> None:
        await clock.sleep(5.0)
        seen.append(clock.now)

    task = IntervalTask(1.0, body, count=3, overlap="queue", clock=clock.time, sleep=clock.sleep)
    task.start()
    await clock.advance(10)
    assert task.is_running
    await clock.advance(10)
    await task.wait()

    assert seen == [6.0, 11.0, 16.0]


async def test_arguments_can_be_given_at_the_making() -> None:
    clock = Clockwork()
    seen: list[Any] = []

    def body(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))

    task = IntervalTask.create(1.0, body, 1, two=2)
    assert task.trigger is not None
    assert task.name.endswith("test_arguments_can_be_given_at_the_making.<locals>.body")

    async with task:
        task.trigger()
        await clock.advance(0)

    assert seen == [((1,), {"two": 2})]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"seconds": 0.0}, "positive number"),
        ({"seconds": -1.0}, "positive number"),
        ({"seconds": 1.0, "delay": -1.0}, "a delay is a number of seconds"),
        ({"seconds": 1.0, "aligned": True, "delay": 1.0}, "has no delay and no count"),
        ({"seconds": 1.0, "aligned": True, "count": 1}, "has no delay and no count"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ScheduleError, match=problem):
        IntervalTask(options.pop("seconds"), print, **options)


def test_the_clock_is_the_loops_own() -> None:
    """A loop that makes its own time, for tests, is followed without being told."""
    seen: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async with IntervalTask(0.1, lambda: seen.append(loop.time())) as task:
            await asyncio.sleep(3600.05)
            assert (task.statistics().missed, task.statistics().skipped) == (0, 0)

    run_virtual(main())

    assert len(seen) == 36_000
    assert max(abs(at - 0.1 * number) for number, at in enumerate(seen, start=1)) < 1e-6
