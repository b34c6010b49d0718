"""Copies are sent when they are due, and no more of them than allowed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.resilience.hedge import HedgeRules, Latencies


@given(st.floats(0, 10), st.integers(1, 5), st.integers(1, 8), st.floats(0, 100), st.integers(0, 8))
def test_a_copy_is_due_one_delay_after_the_other(
    delay: float, copies: int, sent: int, elapsed: float, failed: int
) -> None:
    due = HedgeRules(delay, copies).next_in(sent, elapsed, failed=min(failed, sent))

    if sent > copies:
        assert due is None
    elif failed >= sent:
        assert due == 0
    else:
        assert due == max(0.0, delay * sent - elapsed)


@given(st.lists(st.floats(0, 1), min_size=10, max_size=400), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_quantile_is_that_of_the_last_calls(times: list[float], quantile: float) -> None:
    latencies = Latencies(quantile)

    for seconds in times:
        latencies.add(seconds)

    last = sorted(times[-200:])
    value = latencies.value()
    assert value is not None
    assert value == last[min(len(last) - 1, int(quantile * len(last)))]


def test_a_quantile_of_too_few_is_unknown() -> None:
    latencies = Latencies(0.95)

    for _ in range(9):
        latencies.add(1.0)

    assert latencies.value() is None


def test_numbers_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="delay"):
        HedgeRules(-1)

    with pytest.raises(ValueError, match="copies"):
        HedgeRules(1, 0)

    with pytest.raises(ValueError, match="quantile"):
        Latencies(95)
