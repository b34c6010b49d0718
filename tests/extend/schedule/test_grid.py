"""Moments at equal distances: no error adds up, whatever the numbers are."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule.grid import Grid

SPANS = st.floats(min_value=1e-3, max_value=1e6)
MOMENTS = st.floats(min_value=-1e9, max_value=2e9)


def test_moments_are_multiples_of_the_interval_from_the_start() -> None:
    grid = Grid(2.5, 10.0)

    assert grid.next_after(9.0) == 10.0
    assert grid.next_after(10.0) == 12.5
    assert grid.next_after(14.0) == 15.0
    assert grid.last_before(10.0) is None
    assert grid.last_before(12.5) == 10.0
    assert grid.last_before(12.6) == 12.5
    assert grid.count_between(10.0, 15.0) == 2
    assert grid.count_between(9.0, 15.0) == 3
    assert grid.count_between(15.0, 10.0) == 0


def test_after_a_million_steps_a_moment_is_where_one_multiplication_puts_it() -> None:
    grid = Grid(0.1, 1_700_000_000.0)
    moment = grid.start

    for _ in range(1000):
        assert (moment := grid.next_after(moment) or math.nan)

    assert moment == 1_700_000_000.0 + 1000 * 0.1
    assert grid.next_after(grid.at(1_000_000)) == 1_700_000_000.0 + 1_000_001 * 0.1


def test_a_grid_with_a_count_ends() -> None:
    grid = Grid(1.0, 5.0, 3)

    assert grid.next_after(6.9) == 7.0
    assert grid.next_after(7.0) is None
    assert grid.last_before(100.0) == 7.0
    assert grid.count_between(0.0, 100.0) == 3
    assert grid.count_between(6.0, 100.0) == 1


@given(every=SPANS, start=MOMENTS, moment=MOMENTS)
def test_the_next_moment_is_later_and_the_last_one_earlier_and_none_is_between(
    every: float, start: float, moment: float
) -> None:
    grid = Grid(every, start)
    following, former = grid.next_after(moment), grid.last_before(moment)

    assert following is not None
    assert following > moment
    assert former is None or former < moment
    assert grid.count_between(moment, following) == 1
    assert former is None or grid.next_after(former) in {moment, following}
    assert (former is None) == (moment <= start)


@given(every=SPANS, start=MOMENTS, moment=MOMENTS, steps=st.integers(1, 50))
def test_as_many_moments_are_counted_as_are_visited(every: float, start: float, moment: float, steps: int) -> None:
    grid = Grid(every, start)
    at = moment

    for _ in range(steps):
        at = grid.next_after(at) or math.nan

    assert grid.count_between(moment, at) == steps
    assert grid.count_between(moment, math.nextafter(at, -math.inf)) == steps - 1


@pytest.mark.parametrize("every", [0, -1.0, math.inf, math.nan])
def test_an_interval_is_positive_and_finite(every: float) -> None:
    with pytest.raises(ScheduleError, match="positive number of seconds"):
        Grid(every)


def test_a_grid_starts_at_a_moment_and_has_one() -> None:
    with pytest.raises(ScheduleError, match="starts at a moment"):
        Grid(1.0, math.inf)

    with pytest.raises(ScheduleError, match="at least one"):
        Grid(1.0, count=0)

    assert Grid(1.0, 2.0, 1).next_after(0.0) == 2.0


def test_a_grid_says_what_it_is() -> None:
    assert str(Grid(0.5)) == "every 0.5 s"
