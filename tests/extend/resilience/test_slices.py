"""Counters over a stretch of time equal a look at everything that was ever added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.resilience.slices import Slices

# Quarters of a second add up without rounding.
STEPS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), max_size=60)


def oracle(added: list[tuple[float, int]], now: float, width: float, slices: int) -> list[int]:
    return [
        sum(1 for moment, column in added if column == wanted and now // width - moment // width < slices)
        for wanted in range(3)
    ]


@given(STEPS, st.integers(1, 12), st.floats(0, 1e6).map(int))
def test_counters_are_those_of_the_last_slices(steps: list[tuple[int, int]], slices: int, start: int) -> None:
    counts = Slices(slices * 0.25, columns=3, slices=slices)
    added: list[tuple[float, int]] = []
    now = float(start)

    for pause, column in steps:
        now += pause / 16
        counts.add(column, now)
        added.append((now, column))
        assert list(counts.totals(now)) == oracle(added, now, 0.25, slices)

    for later in range(slices + 2):
        assert list(counts.totals(now + later / 4)) == oracle(added, now + later / 4, 0.25, slices)


def test_a_clock_that_goes_back_adds_to_the_newest_slice() -> None:
    counts = Slices(10, columns=1)
    counts.add(0, 100.0)
    counts.add(0, 42.0)

    assert list(counts.totals(100.0)) == [2]


def test_everything_is_forgotten_after_a_long_silence() -> None:
    counts = Slices(10, columns=2)

    for second in range(10):
        counts.add(1, float(second))

    assert list(counts.totals(1e9)) == [0, 0]
    assert counts.rows == [[0, 0]] * 10


@pytest.mark.parametrize(("period", "slices"), [(0, 10), (-1, 10), (1, 0)])
def test_a_period_without_length_is_refused(period: float, slices: int) -> None:
    with pytest.raises(ValueError, match="period"):
        Slices(period, columns=1, slices=slices)
