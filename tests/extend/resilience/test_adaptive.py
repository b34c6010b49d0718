"""A learned limit stays in its bounds, follows the dependency down, and comes back up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.resilience.adaptive import AdaptiveLimit

CALLS = st.lists(st.tuples(st.floats(0.001, 10), st.integers(1, 50), st.booleans()), max_size=200)


@given(CALLS)
def test_a_learned_limit_stays_between_least_and_most(calls: list[tuple[float, int, bool]]) -> None:
    limit = AdaptiveLimit(10, least=2, most=20)
    now = 0.0

    for seconds, running, failed in calls:
        now += seconds
        assert 2 <= limit.ended(now, seconds, running=running, failed=failed) <= 20


def test_it_grows_by_one_in_a_round_of_good_calls() -> None:
    limit = AdaptiveLimit(10, most=100)

    for number in range(11):
        limit.ended(number / 10, 0.1, running=10)

    assert limit.limit == 11


def test_it_does_not_grow_while_it_is_not_used() -> None:
    limit = AdaptiveLimit(10)

    for number in range(1000):
        limit.ended(number / 10, 0.1, running=2)

    assert limit.limit == 10


def test_slow_and_failed_calls_shrink_it_once_a_round() -> None:
    limit = AdaptiveLimit(100, least=5)
    limit.ended(0.0, 0.1, running=1)

    for _ in range(50):
        limit.ended(1.0, 0.5, running=100)

    assert limit.limit == 90

    for _ in range(5000):
        limit.ended(2.0, 0.1, running=100, failed=True)

    assert limit.limit == 5


def test_it_gets_used_to_a_dependency_that_has_become_slower_for_good() -> None:
    limit = AdaptiveLimit(10, period=10.0)
    limit.ended(0.0, 0.01, running=10)

    for number in range(1000):
        limit.ended(number / 10, 0.1, running=10)

    assert limit.limit > 10


def test_numbers_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="least"):
        AdaptiveLimit(5, least=6)

    with pytest.raises(ValueError, match="tolerance"):
        AdaptiveLimit(tolerance=1.0)
