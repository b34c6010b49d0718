"""Runs at the moments of a schedule: overlap, missed moments, jitter, control, one run in many processes."""

import asyncio
import contextvars
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hagworm.extend.asyncio.task import CronTask, IntervalTask, TaskStatistics, TimedTask, current_run
from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule import Grid
from hagworm.testing.virtual_time import run_virtual
from tests.extend.asyncio.task.clockwork import Clockwork, settle


class Work:
    """A function that is called, and goes on until it is let go."""

    def __init__(self, clock: Clockwork) -> None:
        self.clock = clock
        self.begun: list[float] = []
        self.ended: list[float] = []
        self.cancelled: list[float] = []
        self.moments: list[float | None] = []
        self.going_on: list[asyncio.Future[None]] = []

    async def __call__(self) -> None:
        self.begun.append(self.clock.now)
        self.moments.append(current_run().moment)
        gate = asyncio.get_running_loop().create_future()
        self.going_on.append(gate)

        try:
            await gate
        except asyncio.CancelledError:
            self.cancelled.append(self.clock.now)
            raise
        finally:
            self.going_on.remove(gate)

        self.ended.append(self.clock.now)

    async def let_go(self) -> None:
        self.going_on[0].set_result(None)
        await settle()


def timer(clock: Clockwork, work: Any, seconds: float = 10.0, **options: Any) -> IntervalTask:
    return IntervalTask(seconds, work, clock=clock.time, sleep=clock.sleep, **options)


async def test_a_run_that_meets_another_is_left_out() -> None:
    clock = Clockwork()
    work = Work(clock)

    async with timer(clock, work) as task:
        await clock.advance(35)
        assert work.begun == [10.0]
        await work.let_go()
        await clock.advance(10)
        assert work.begun == [10.0, 40.0]
        assert task.statistics().skipped == 2


async def test_or_waits_until_that_has_ended() -> None:
    clock = Clockwork()
    work = Work(clock)

    async with timer(clock, work, overlap="queue", backlog=2) as task:
        await clock.advance(55)
        assert (work.begun, task.statistics().waiting, task.statistics().skipped) == ([10.0], 2, 2)
        await work.let_go()
        assert work.begun == [10.0, 55.0]
        await work.let_go()
        await work.let_go()
        assert work.begun == [10.0, 55.0, 55.0]
        assert work.moments == [10.0, 20.0, 30.0]


async def test_or_starts_beside_it_up_to_the_limit() -> None:
    clock = Clockwork()
    work = Work(clock)

    async with timer(clock, work, overlap="concurrent", limit=3) as task:
        await clock.advance(45)
        assert (work.begun, task.statistics().running, task.statistics().skipped) == ([10.0, 20.0, 30.0], 3, 1)


async def test_or_takes_its_place() -> None:
    clock = Clockwork()
    work = Work(clock)

    async with timer(clock, work, overlap="cancel") as task:
        await clock.advance(25)
        assert (work.begun, work.cancelled) == ([10.0, 20.0], [20.0])
        assert len(work.going_on) == 1
        assert task.statistics().cancelled == 1


async def test_a_run_that_takes_the_place_of_one_that_will_not_end_waits_for_it() -> None:
    clock = Clockwork()
    most = going_on = 0
    gate = asyncio.Event()

    async def stubborn() -> None:
        nonlocal most, going_on
        going_on += 1
        most = max(most, going_on)

        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue

        going_on -= 1

    async with timer(clock, stubborn, overlap="cancel") as task:
        await clock.advance(45)
        assert (most, task.statistics().waiting) == (1, 1)
        gate.set()
        await settle()
        assert (most, task.statistics().started) == (1, 2)


async def test_of_moments_that_nobody_saw_the_newest_is_run() -> None:
    clock = Clockwork()
    seen: list[float | None] = []
    task = timer(clock, lambda: seen.append(current_run().moment))

    async with task:
        await clock.advance(5)
        clock.now += 40  # the loop was blocked
        await clock.advance(5)

    assert seen == [50.0]
    assert task.statistics().missed == 4


async def test_or_all_are_made_up_for_in_order_one_after_another() -> None:
    clock = Clockwork()
    work = Work(clock)

    async with timer(clock, work, missed="catch_up", backlog=3) as task:
        await clock.advance(5)
        clock.now += 40
        await clock.advance(5)
        assert (work.begun, task.statistics().waiting) == ([50.0], 2)
        await work.let_go()
        await work.let_go()
        await work.let_go()
        assert work.moments == [30.0, 40.0, 50.0]
        assert task.statistics().missed == 2


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel"])
async def test_making_up_never_overlaps(overlap: Any) -> None:
    clock = Clockwork()
    most = going_on = 0

    async def body() -> None:
        nonlocal most, going_on
        going_on += 1
        most = max(most, going_on)
        await asyncio.sleep(0)
        going_on -= 1

    async with timer(clock, body, missed="catch_up", overlap=overlap) as task:
        await clock.advance(5)
        clock.now += 100
        await clock.advance(5)
        await task.idle()
        assert (most, task.statistics().succeeded) == (1, 11)


async def test_a_moment_that_is_too_old_is_not_run() -> None:
    clock = Clockwork()
    task = timer(clock, lambda: None, lateness=2.0)

    async with task:
        await clock.advance(5)
        clock.now += 38
        await clock.advance(6)
        assert (task.statistics().started, task.statistics().missed) == (0, 4)
        await clock.advance(10)
        assert task.statistics().started == 1


async def test_being_late_is_logged_when_it_begins(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clockwork()

    async with timer(clock, lambda: None, name="pulse"):
        await clock.advance(5)

        for _ in range(3):
            clock.now += 40
            await clock.advance(5)

        await clock.advance(20)
        clock.now += 40
        await clock.advance(10)

    assert [record.getMessage() for record in caplog.records] == ["pulse is late: 4 moments have passed unseen"] * 2


async def test_jitter_delays_each_run_and_the_grid_does_not_remember_it() -> None:
    clock = Clockwork()
    seen: list[tuple[float, float | None]] = []
    shares = iter([0.5, 0.0, 0.25, 0.75] + [1.0] * 99)
    task = timer(clock, lambda: seen.append((clock.now, current_run().moment)), jitter=4.0, random=lambda: next(shares))

    async with task:
        await clock.advance(49)

    assert [moment for _, moment in seen] == [10.0, 20.0, 30.0, 40.0]
    assert all(0.0 <= at - (moment or 0) <= 4.0 for at, moment in seen)
    assert len({at - (moment or 0) for at, moment in seen}) > 1
    assert task.statistics().latest == 0.0, "jitter is no lateness"


async def test_a_paused_task_runs_nothing_and_makes_up_for_nothing() -> None:
    clock = Clockwork()
    seen: list[float] = []

    async with timer(clock, lambda: seen.append(clock.now), missed="catch_up") as task:
        await clock.advance(15)
        task.pause()
        task.pause()
        assert (task.state, task.next_run) == ("paused", None)
        await clock.advance(30)
        task.resume()
        task.resume()
        await clock.advance(20)
        assert (task.state, seen) == ("running", [10.0, 50.0, 60.0])
        assert task.statistics().skipped == 3


async def test_a_pause_between_two_moments_leaves_nothing_out() -> None:
    clock = Clockwork()
    seen: list[float] = []

    async with timer(clock, lambda: seen.append(clock.now)) as task:
        await clock.advance(12)
        task.pause()
        await clock.advance(3)
        task.resume()
        await clock.advance(10)
        assert seen == [10.0, 20.0]


async def test_a_run_can_be_asked_for_paused_or_not_and_the_policy_holds() -> None:
    clock = Clockwork()
    work = Work(clock)

    async with timer(clock, work) as task:
        assert task.trigger()
        await settle()
        assert (work.begun, work.moments) == ([0.0], [None])
        assert not task.trigger()
        await work.let_go()
        task.pause()
        assert task.trigger()
        await settle()
        assert work.begun == [0.0, 0.0]

    with pytest.raises(RuntimeError, match="has not been started"):
        task.trigger()


async def test_another_schedule_is_followed_from_now_on() -> None:
    clock = Clockwork()
    seen: list[float] = []

    async with timer(clock, lambda: seen.append(clock.now)) as task:
        await clock.advance(25)
        task.every(3.0)
        await clock.advance(10)
        assert seen == [10.0, 20.0, 28.0, 31.0, 34.0]


async def test_the_next_run_is_told_in_advance() -> None:
    clock = Clockwork()
    task = timer(clock, lambda: None)
    assert task.next_run is None

    async with task:
        await clock.advance(4)
        assert task.next_run is not None
        assert task.next_run - datetime.now(UTC) == pytest.approx(timedelta(seconds=6), abs=timedelta(seconds=0.5))

    assert task.next_run is None


class Store:
    """What machines share."""

    def __init__(self) -> None:
        self.claims: dict[str, float] = {}
        self.is_down = False

    async def claim(self, key: str, ttl: float) -> bool:
        await asyncio.sleep(0)

        if self.is_down:
            raise ConnectionError("the store is down")

        if key in self.claims:
            return False

        self.claims[key] = ttl
        return True


async def test_b10_of_many_machines_one_makes_a_run_although_their_clocks_differ() -> None:
    store = Store()
    true = Clockwork(1_790_000_000.0)
    made: list[float | None] = []
    tasks = [
        CronTask(
            "*/5 * * * *",
            lambda: made.append(current_run().moment),
            name="report",
            lock=store,
            clock=lambda skew=skew: true.now + skew,
            sleep=true.sleep,
        )
        for skew in (-7.0, 0.0, 3.0, 20.0)
    ]

    for task in tasks:
        task.start()

    await true.advance(3600)

    for task in tasks:
        await task.stop()

    assert made == sorted({moment for moment in made if moment is not None})
    assert len(made) == 12
    assert sum(task.statistics().refused for task in tasks) == 36
    assert "report@2026-09-21T14:15:00+00:00" in store.claims
    assert set(store.claims.values()) == {3660.0}, "a minute longer than a run may be late"


async def test_a_run_does_not_take_place_where_the_lock_cannot_be_asked(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    store.is_down = True
    clock = Clockwork()
    made: list[float] = []

    async with timer(clock, lambda: made.append(clock.now), lock=store, name="report") as task:
        await clock.advance(25)
        assert (made, task.statistics().failed) == ([], 2)
        assert "the store is down" in caplog.text
        assert task.trigger(), "by hand, nobody is asked"
        await settle()
        assert len(made) == 1


def test_a_lock_needs_moments_that_machines_have_in_common() -> None:
    assert IntervalTask(5.0, print, lock=Store(), name="report").aligned

    with pytest.raises(ScheduleError, match="aligned=True"):
        IntervalTask(5.0, print, lock=Store(), name="report", aligned=False)

    with pytest.raises(ScheduleError, match="needs a name"):
        IntervalTask(5.0, print, lock=Store())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"overlap": "skipp"}, "unknown overlap policy 'skipp' .did you mean 'skip'"),
        ({"missed": "catchup"}, "unknown policy for missed runs"),
        ({"on_error": "raise"}, "unknown error policy 'raise'"),
        ({"limit": 0}, "limit and backlog"),
        ({"backlog": 0}, "limit and backlog"),
        ({"jitter": -1.0}, "jitter and recheck"),
        ({"since": 0.0}, "aligned=True"),
        ({"recheck": 0.0}, "jitter and recheck"),
    ],
)
def test_a_wrong_policy_is_refused_at_once(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ScheduleError, match=problem):
        IntervalTask(1.0, print, **options)


async def test_an_idle_task_wakes_once_for_each_moment() -> None:
    clock = Clockwork()

    async with timer(clock, lambda: None, seconds=3600.0):
        await clock.advance(86_400)

    assert clock.naps == [3600.0] * 25


async def test_a_request_is_not_kept_alive_by_what_it_started() -> None:
    clock = Clockwork()
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nothing")
    seen: list[str] = []
    variable.set("the request")

    def body() -> None:
        seen.append(variable.get())
        variable.set("the run before")

    async with timer(clock, body) as task:
        task.trigger()
        await clock.advance(20)

    assert seen == ["nothing"] * 3


async def test_runs_see_the_context_that_they_are_given() -> None:
    clock = Clockwork()
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("the application")
    seen: list[str] = []
    context = contextvars.copy_context()
    variable.set("the request")

    async with timer(clock, lambda: seen.append(variable.get()), context=context):
        await clock.advance(10)

    assert seen == ["the application"]


async def test_everything_is_counted() -> None:
    clock = Clockwork()

    async def body() -> None:
        number = current_run().number

        if number == 2:
            raise ValueError("no")

        await clock.sleep(1.0)

    async with timer(clock, body, on_error=lambda run, error: None) as task:
        await clock.advance(45)
        assert task.statistics() == TaskStatistics(
            started=4,
            succeeded=3,
            failed=1,
            cancelled=0,
            skipped=0,
            missed=0,
            refused=0,
            running=0,
            waiting=0,
            late=0.0,
            latest=0.0,
            busy=3.0,
        )


def test_a_schedule_denser_than_the_loop_does_not_stop_the_loop() -> None:
    async def main() -> int:
        async with IntervalTask(1e-7, lambda: None) as task:
            await asyncio.sleep(0.05)
            return task.statistics().started

    assert run_virtual(main()) == pytest.approx(50, abs=2), "a loop sleeps a millisecond at least"


async def test_schedules_of_ones_own_can_be_followed() -> None:
    clock = Clockwork()
    seen: list[float] = []
    task = TimedTask(Grid(2.0, 1.0, 3), lambda: seen.append(clock.now), clock=clock.time, sleep=clock.sleep)

    async with task:
        await clock.advance(60)
        assert (seen, task.state) == ([1.0, 3.0, 5.0], "stopped")
        await task.wait()


@pytest.mark.parametrize("seed", range(20))
async def test_t16_no_change_of_the_wall_clock_makes_a_run_early_or_double(seed: int) -> None:
    """T16: the clock is slewed, stepped forwards and backwards at any time."""
    chance = random.Random(seed)
    clock = Clockwork(1_790_000_000.0)
    runs: list[tuple[float, float]] = []
    cron = chance.choice(["*/5 * * * * *", "* * * * *", "30 */5 * * * *"])
    task = CronTask(
        cron,
        lambda: runs.append((current_run().moment or 0.0, clock.now)),
        missed=chance.choice(["skip", "catch_up"]),
        jitter=chance.choice([0.0, 2.0]),
        random=chance.random,
        clock=clock.time,
        sleep=clock.sleep,
    )

    async with task:
        for _ in range(40):
            clock.rate = chance.choice([0.999, 1.0, 1.001])
            clock.now += chance.choice([0.0, 0.0, 0.3, -0.3, 30.0, -30.0, 3600.0, -3600.0])
            await clock.advance(chance.uniform(1.0, 200.0))
            await task.idle()

    moments = [moment for moment, _ in runs]

    assert runs
    assert len(set(moments)) == len(moments), "none twice"
    assert all(at >= moment for moment, at in runs), "none early"
