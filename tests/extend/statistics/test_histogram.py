"""Buckets hold what is not above their bound, and quantiles are right to the width of one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.statistics import Histogram


def test_a_value_on_a_bound_is_below_it() -> None:
    histogram = Histogram((1, 2))

    for value in (0, 1, 1.5, 2, 3):
        histogram.observe(value)

    assert histogram.read() == [7.5, 2, 2, 1]
    assert (histogram.sum, histogram.count) == (7.5, 5)
    assert repr(histogram) == "<Histogram 5 values, 7.5 in all>"


@pytest.mark.parametrize("buckets", [(), (1, 1), (2, 1)])
def test_bounds_that_do_not_ascend_are_refused(buckets: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        Histogram(buckets)


def test_a_block_is_timed_also_when_it_fails() -> None:
    histogram = Histogram((1, 10))
    times = iter((100.0, 105.0))

    with pytest.raises(LookupError), histogram.time(lambda: next(times)):
        raise LookupError

    assert histogram.read() == [5.0, 0, 1, 0]


@given(st.lists(st.floats(0, 20), min_size=1), st.floats(0, 1))
def test_a_quantile_is_right_to_the_width_of_a_bucket(values: list[float], part: float) -> None:
    bounds = [float(bound) for bound in range(1, 11)]
    histogram = Histogram(bounds)

    for value in values:
        histogram.observe(value)

    exact = sorted(values)[max(0, -int(-(part * len(values)) // 1) - 1)]
    estimate = histogram.quantile(part)
    assert estimate is not None
    assert abs(estimate - min(exact, 10.0)) <= 1


def test_there_is_no_quantile_of_nothing() -> None:
    assert Histogram().quantile(0.5) is None

    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram().quantile(2)
