"""Moments are handed out in order: none early, none twice, whatever the clock does."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.schedule.agenda import Agenda, Due
from hagworm.extend.schedule.cron import Cron
from hagworm.extend.schedule.grid import Grid


def begun(now: float = 0.0, *, every: float = 10.0, **options: Any) -> Agenda:
    agenda = Agenda(Grid(every), **options)
    agenda.begin(now)
    return agenda


def test_what_is_to_be_waited_for_is_the_time_to_the_next_moment() -> None:
    agenda = begun(3.0)

    assert agenda.wait(3.0) == 7.0
    assert agenda.take(3.0) == Due()
    assert agenda.wait(9.5) == 0.5
    assert agenda.wait(10.0) == 0.0
    assert agenda.take(10.0) == Due((10.0,))
    assert agenda.take(10.0) == Due()
    assert agenda.wait(10.0) == 10.0


def test_a_moment_equal_to_the_beginning_is_over() -> None:
    assert begun(10.0).moment == 20.0
    assert begun(math.nextafter(10.0, 0.0)).moment == 10.0


def test_no_wait_is_longer_than_the_bound() -> None:
    agenda = begun(3.0, bound=2.0)

    assert agenda.wait(3.0) == 2.0
    assert agenda.wait(9.0) == 1.0


def test_a_clock_that_ticks_coarsely_is_given_some_tolerance() -> None:
    agenda = begun(3.0, tolerance=0.001)

    assert agenda.wait(9.9995) == 0.0
    assert agenda.take(9.9995) == Due((10.0,))
    assert agenda.wait(9.9995) == pytest.approx(10.0005)


def test_when_there_is_nothing_left_there_is_nothing_to_wait_for() -> None:
    agenda = Agenda(Grid(1.0, 5.0, 2))
    agenda.begin(0.0)

    assert agenda.take(9.0) == Due((6.0,), 1)
    assert agenda.wait(9.0) is None
    assert agenda.take(9.0) == Due()
    assert agenda.skip_to(9.0) == 0


def test_of_missed_moments_the_newest_is_run_if_it_is_not_too_old() -> None:
    assert begun(3.0).take(45.0) == Due((40.0,), 3)
    assert begun(3.0, lateness=5.0).take(45.0) == Due((40.0,), 3)
    assert begun(3.0, lateness=4.9).take(45.0) == Due((), 4)


def test_or_they_are_made_up_for_in_order_the_newest_of_them() -> None:
    assert begun(3.0, missed="catch_up").take(45.0) == Due((10.0, 20.0, 30.0, 40.0))
    assert begun(3.0, missed="catch_up", backlog=2).take(45.0) == Due((30.0, 40.0), 2)
    assert begun(3.0, missed="catch_up", lateness=15.0).take(45.0) == Due((30.0, 40.0), 2)


def test_after_moments_that_were_missed_the_grid_is_where_it_was() -> None:
    agenda = begun(3.0)
    agenda.take(45.0)

    assert agenda.moment == 50.0


def test_jitter_delays_a_moment_but_moves_no_other() -> None:
    agenda = begun(3.0, jitter=4.0)
    agenda.begin(3.0, 0.5)

    assert (agenda.moment, agenda.due) == (10.0, 12.0)
    assert agenda.wait(11.0) == 1.0
    assert agenda.take(11.9, 0.25) == Due()
    assert agenda.take(12.0, 0.25) == Due((10.0,))
    assert (agenda.moment, agenda.due) == (20.0, 21.0)


def test_jitter_is_no_lateness() -> None:
    agenda = begun(3.0, jitter=9.0, lateness=1.0)
    agenda.begin(3.0, 1.0)

    assert agenda.take(19.5) == Due((10.0,))


def test_a_moment_whose_own_jitter_lies_ahead_is_not_due() -> None:
    agenda = begun(3.0, jitter=5.0, missed="catch_up")

    assert agenda.take(23.0, 0.8) == Due((10.0,))
    assert (agenda.moment, agenda.due) == (20.0, 24.0)


def test_skipping_leaves_out_what_has_come_up() -> None:
    agenda = begun(3.0)

    assert agenda.skip_to(9.0) == 0
    assert agenda.skip_to(30.0) == 3
    assert agenda.moment == 40.0
    assert agenda.take(30.0) == Due()


def test_a_clock_set_back_makes_no_moment_come_twice() -> None:
    agenda = begun(95.0)

    assert agenda.take(100.0) == Due((100.0,))
    assert agenda.take(110.0) == Due((110.0,))
    agenda.look(85.0, 0.0)
    # 90 has not been handed out, as the agenda began after it.
    assert agenda.moment == 90.0
    assert agenda.take(90.0) == Due((90.0,))
    assert agenda.moment == 120.0
    assert agenda.take(111.0) == Due()
    assert agenda.take(120.0) == Due((120.0,))


def test_a_clock_that_was_ahead_for_a_while_silences_nothing() -> None:
    agenda = begun(95.0)
    agenda.take(100.0)
    assert agenda.take(1_000_000.0) == Due((1_000_000.0,), 99_989)
    agenda.look(105.0, 0.0)

    assert agenda.take(110.0) == Due((110.0,))


def test_moments_that_were_handed_out_are_passed_over_also_among_missed_ones() -> None:
    agenda = begun(95.0, missed="catch_up")
    agenda.take(120.0)
    agenda.look(75.0, 0.0)

    assert agenda.take(145.0) == Due((80.0, 90.0, 130.0, 140.0))


def test_beginning_again_hands_out_nothing_twice() -> None:
    agenda = begun(95.0)
    agenda.take(100.0)
    agenda.begin(92.0)

    assert agenda.moment == 110.0


def test_what_is_remembered_is_bounded() -> None:
    agenda = begun(0.0)

    for look in range(1000):
        agenda.take(look * 25.0)  # some are missed each time

    assert len(agenda.handed) <= 64
    neat = begun(0.0)

    for look in range(1000):
        neat.take(look * 10.0)

    assert list(neat.handed) == [(10.0, 9990.0)]


def test_it_says_what_is_next() -> None:
    assert repr(begun(3.0)) == "<Agenda of every 10 s, next 10.0>"


STEPS = st.lists(
    st.one_of(
        st.floats(min_value=0.0, max_value=90.0),  # time passes
        st.sampled_from([0.0, 5.0, 60.0, 3600.0, -1.0, -30.0, -3600.0, 86400.0, -86400.0]),  # the clock is set
    ),
    max_size=60,
)
SCHEDULES = st.sampled_from(
    [Grid(7.0, 3.0), Grid(60.0), Cron("* * * * *"), Cron("*/15 * * * * *"), Cron("30 2 * * *", tz="Europe/Berlin")]
)


@settings(max_examples=300, deadline=None)
@given(
    schedule=SCHEDULES,
    steps=STEPS,
    missed=st.sampled_from(["skip", "catch_up"]),
    lateness=st.sampled_from([None, 0.0, 20.0, 4000.0]),
    jitter=st.sampled_from([0.0, 3.0]),
    shares=st.lists(st.floats(min_value=0.0, max_value=1.0), min_size=61, max_size=61),
)
def test_no_clock_makes_a_moment_come_early_or_twice(
    schedule: Any, steps: list[float], missed: Any, lateness: float | None, jitter: float, shares: list[float]
) -> None:
    agenda = Agenda(schedule, missed=missed, lateness=lateness, jitter=jitter, bound=60.0)
    now = 1_790_000_000.0
    agenda.begin(now, shares[-1])
    handed: set[float] = set()

    for step, share in zip(steps, shares, strict=False):
        now += step
        wait = agenda.wait(now, share)
        due = agenda.take(now, share)

        assert wait is not None
        assert 0.0 <= wait <= 60.0
        assert bool(due.moments or due.missed) == (wait == 0.0)
        assert list(due.moments) == sorted(due.moments)
        assert due.missed >= 0
        assert all(moment <= now for moment in due.moments)
        assert lateness is None or all(now - moment <= lateness + jitter for moment in due.moments)
        assert handed.isdisjoint(due.moments)
        assert missed == "catch_up" or len(due.moments) < 2
        handed.update(due.moments)


@settings(max_examples=50, deadline=None)
@given(schedule=SCHEDULES, looks=st.lists(st.floats(min_value=0.001, max_value=5000.0), min_size=1, max_size=30))
def test_when_everything_is_caught_up_with_nothing_is_left_out(schedule: Any, looks: list[float]) -> None:
    agenda = Agenda(schedule, missed="catch_up", backlog=100_000)
    start = now = 1_790_000_000.0
    agenda.begin(now)
    handed: list[float] = []

    for look in looks:
        now += look
        due = agenda.take(now)
        handed.extend(due.moments)
        assert due.missed == 0

    expected = []
    moment = schedule.next_after(start)

    while moment <= now:
        expected.append(moment)
        moment = schedule.next_after(moment)

    assert handed == expected
