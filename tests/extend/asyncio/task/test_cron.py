"""By the calendar, and by the wall clock as it is at the time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hagworm.extend.asyncio.task import CronTask, current_run
from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule import Cron
from hagworm.testing.virtual_time import VirtualClock, run_virtual
from tests.extend.asyncio.task.clockwork import Clockwork

START = datetime(2026, 3, 28, 12, tzinfo=UTC).timestamp()


def cron(clock: Clockwork, expression: str | Cron, **options: object) -> tuple[CronTask, list[float]]:
    seen: list[float] = []
    task = CronTask(
        expression,
        lambda: seen.append(clock.now),
        clock=clock.time,
        sleep=clock.sleep,
        **options,  # type: ignore[arg-type]  # whatever a test gives
    )
    return task, seen


def test_x18_sunday_is_sunday() -> None:
    """X18: `0 0 * * 0` fired on Monday, and every time was Shanghai's."""
    task = CronTask("0 0 * * 0", print)
    found = task.schedule.next_after(START)

    assert found is not None
    assert datetime.fromtimestamp(found, UTC).strftime("%A %H:%M") == "Sunday 00:00"


async def test_t16_it_runs_in_its_zone_through_a_change_of_the_clocks() -> None:
    clock = Clockwork(START)
    task, seen = cron(clock, "30 2 * * *", tz="Europe/Berlin")

    async with task:
        await clock.advance(86_400 * 3)

    berlin = ZoneInfo("Europe/Berlin")
    shown = [f"{datetime.fromtimestamp(at, berlin):%m-%d %H:%M}" for at in seen]

    assert shown == ["03-29 03:00", "03-30 02:30", "03-31 02:30"]


async def test_a_schedule_with_policies_of_its_own_can_be_given() -> None:
    clock = Clockwork(START)
    task, seen = cron(clock, Cron("30 2 * * *", tz="Europe/Berlin", gap="skip"))

    async with task:
        await clock.advance(86_400 * 2)

    assert len(seen) == 1


@pytest.mark.parametrize("rate", [0.999, 1.001])
async def test_t16_a_slewed_wall_clock_makes_no_run_early_or_double(rate: float) -> None:
    """T16: 0.1 % is more than a time server ever slews."""
    clock = Clockwork(START, rate=rate)
    task, seen = cron(clock, "*/5 * * * * *")
    begin = clock.now

    async with task:
        await clock.advance(1800)

    moments = [begin + 5.0 * number for number in range(1, int((clock.now - begin) // 5) + 1)]

    assert len(seen) == len(moments)
    assert all(0.0 <= at - moment < 0.01 for at, moment in zip(seen, moments, strict=True))


async def test_a_wall_clock_set_forward_is_noticed_within_a_minute() -> None:
    clock = Clockwork(START)
    task, seen = cron(clock, "0 18 * * *")

    async with task:
        await clock.advance(100)
        clock.now += 6 * 3600 - 100
        await clock.advance(60)

    assert len(seen) == 1
    assert 0.0 <= seen[0] - (START + 6 * 3600) <= 60.0


async def test_a_wall_clock_set_back_makes_the_moment_come_when_it_says_so() -> None:
    clock = Clockwork(START)
    task, seen = cron(clock, "0 18 * * *")

    async with task:
        await clock.advance(5.9 * 3600)
        clock.now -= 3600
        await clock.advance(2 * 3600)

    assert [START + 6 * 3600] == pytest.approx(seen)


async def test_what_has_run_is_not_run_again_when_the_wall_clock_is_set_back() -> None:
    clock = Clockwork(START)
    task, seen = cron(clock, "*/10 * * * *")

    async with task:
        await clock.advance(3630)
        assert len(seen) == 6
        clock.now -= 1800
        await clock.advance(1790)
        assert len(seen) == 6, "these moments have had their run"
        await clock.advance(600)
        assert len(seen) == 7


async def test_nor_when_the_task_is_started_again() -> None:
    clock = Clockwork(START)
    task, seen = cron(clock, "*/10 * * * *")

    async with task:
        await clock.advance(600)

    clock.now -= 5

    async with task:
        await clock.advance(30)

    assert len(seen) == 1


async def test_a_machine_that_slept_makes_up_for_the_newest_moment_of_the_last_hour() -> None:
    clock = Clockwork(START)
    task, seen = cron(clock, "0 13 * * *")
    late, nothing = cron(clock, "0 13 * * *")

    async with task, late:
        await clock.advance(60)
        clock.now = START + 3600 + 3000
        await clock.advance(60)
        assert len(seen) == 1

    clock.now = START + 86_400

    async with late:
        await clock.advance(60)
        clock.now = START + 86_400 + 3600 + 3700
        await clock.advance(60)

    assert len(nothing) == 1, "on the first day; on the second it was more than an hour late"
    assert late.statistics().missed == 1


@pytest.mark.parametrize(("missed", "expected"), [("skip", 1), ("catch_up", 3)])
async def test_what_came_up_while_the_process_was_down_can_be_made_up_for(missed: Any, expected: int) -> None:
    clock = Clockwork(START)
    task, seen = cron(clock, "*/30 * * * *", since=START - 5400, missed=missed)

    async with task:
        await clock.advance(60)
        assert len(seen) == expected

    async with task:
        await clock.advance(60)

    assert len(seen) == expected, "the first start only"


async def test_idle_it_looks_at_the_clock_once_a_minute() -> None:
    clock = Clockwork(START)
    task, _ = cron(clock, "@yearly")

    async with task:
        await clock.advance(3600)

    assert len(clock.naps) == 61


async def test_the_next_run_is_told_in_its_zone() -> None:
    clock = Clockwork(START)
    task, _ = cron(clock, "0 3 * * *", tz="Europe/Berlin")

    async with task:
        assert task.next_run is not None
        assert task.next_run.isoformat() == "2026-03-29T03:00:00+02:00"


def test_a_year_of_nights_passes_in_a_moment_on_virtual_time() -> None:
    clock = VirtualClock(start=datetime(2026, 1, 1, tzinfo=UTC))
    seen: list[datetime] = []

    async def main() -> None:
        async with CronTask("0 3 * * *", lambda: seen.append(clock.now()), recheck=3600.0):
            await asyncio.sleep(86_400 * 365)

    run_virtual(main(), clock=clock)

    assert seen == [datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(days=day) for day in range(365)]


async def test_arguments_can_be_given_at_the_making() -> None:
    seen: list[object] = []
    task = CronTask.create("@daily", lambda *args: seen.append((args, current_run().moment)), 1, 2)

    async with task:
        task.trigger()
        await Clockwork().advance(0)

    assert seen == [((1, 2), None)]


def test_a_wrong_expression_is_refused_at_the_making() -> None:
    with pytest.raises(ScheduleError, match="minute: 61 is not within"):
        CronTask("61 * * * *", print)

    with pytest.raises(ScheduleError, match="unknown time zone"):
        CronTask("* * * * *", print, tz="Mars")
