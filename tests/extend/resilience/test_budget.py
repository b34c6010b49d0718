"""Retries stay a share of the calls."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.resilience.budget import RetryBudget


def offer(budget: RetryBudget, calls: int, rate: float, retries: int) -> int:
    """Make so many calls at so many a second, each of which wants so many retries; return what was granted."""
    granted = 0

    for number in range(calls):
        now = number / rate
        budget.call(now)

        for _ in range(retries):
            granted += budget.spend(now)

    return granted


def test_a_total_outage_adds_a_fifth_of_the_load_t18() -> None:
    granted = offer(RetryBudget(0.2), calls=6000, rate=100, retries=2)

    assert 0.19 * 6000 <= granted <= 0.2 * 6000


def test_a_quiet_service_may_retry_all_the_same() -> None:
    assert offer(RetryBudget(0.2, minimum=10), calls=20, rate=0.5, retries=2) == 40


def test_nothing_is_granted_without_ratio_and_minimum() -> None:
    assert offer(RetryBudget(0, minimum=0), calls=100, rate=10, retries=1) == 0


def test_what_is_refused_is_counted() -> None:
    budget = RetryBudget(0.5, minimum=0)
    budget.call(0.0)
    budget.call(0.0)

    assert [budget.spend(0.0) for _ in range(3)] == [True, False, False]
    assert budget.statistics(0.0) == {"calls": 2, "retries": 1, "refused": 2}
    assert repr(budget) == "<RetryBudget 1 retries for 2 calls, ratio 0.5, 2 refused>"


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=80),
    st.sampled_from([0.0, 0.1, 0.2, 1.0]),
    st.integers(0, 5),
)
def test_whenever_one_is_granted_the_period_has_room_for_it(
    steps: list[tuple[int, bool]], ratio: float, minimum: int
) -> None:
    budget = RetryBudget(ratio, minimum=minimum, period=10.0)
    calls: list[float] = []
    retries: list[float] = []
    now = 0.0

    for pause, is_call in steps:
        now += pause / 8

        if is_call:
            budget.call(now)
            calls.append(now)
        elif budget.spend(now):
            retries.append(now)
            in_period = [sum(1 for moment in moments if now // 1 - moment // 1 < 10) for moments in (calls, retries)]
            assert in_period[1] <= max(minimum, ratio * in_period[0])


def test_threads_lose_no_count() -> None:
    budget = RetryBudget(1.0, minimum=0, period=1000)

    def work() -> None:
        for _ in range(2000):
            budget.call(5.0)

    threads = [threading.Thread(target=work) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert budget.statistics(5.0)["calls"] == 8000


def test_numbers_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="RetryBudget"):
        RetryBudget(-0.1)

    with pytest.raises(ValueError, match="RetryBudget"):
        RetryBudget(minimum=-1)
