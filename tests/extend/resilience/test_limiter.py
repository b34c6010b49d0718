"""A limit is never exceeded, wherever one looks, and nothing is refused that could be had."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.resilience.limiter import Gcra, SlidingWindow

LONG = os.environ.get("HAGWORM_LONG") == "1"
STEPS = st.lists(st.tuples(st.floats(0, 2, allow_subnormal=False), st.integers(1, 4)), min_size=1, max_size=120)
MANY = settings(max_examples=2000 if LONG else 100)


def run(rule: Gcra | SlidingWindow, steps: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Ask at each step; return what was granted, and check that every refusal says when it ends."""
    granted: list[tuple[float, int]] = []
    now = 100.0

    for pause, cost in steps:
        now += pause
        cost = min(cost, rule.most)
        said = rule.peek(now, cost)
        wait = rule.take(now, cost)
        assert said.allowed == (wait == 0)
        assert said.allowed == (said.remaining >= cost)

        if wait:
            assert said.retry_after == pytest.approx(wait, abs=1e-8)
            assert rule.peek(now + wait + 1e-6, cost).allowed
            assert not rule.peek(now + wait - min(1e-6, wait / 2), cost).allowed or wait < 1e-6
        else:
            granted.append((now, cost))

    return granted


@MANY
@given(STEPS, st.integers(1, 12), st.sampled_from([0.1, 1.0, 3.7]))
def test_q10_no_stretch_of_time_sees_more_than_a_sliding_window_allows(
    steps: list[tuple[float, int]], limit: int, per: float
) -> None:
    granted = run(SlidingWindow(limit, per), steps)

    for begin, _ in granted:
        assert sum(cost for moment, cost in granted if begin <= moment and begin + per > moment) <= limit


@MANY
@given(STEPS, st.integers(1, 12), st.sampled_from([0.1, 1.0, 3.7]), st.integers(1, 6))
def test_no_stretch_of_time_sees_more_than_evenly_spaced_ones_and_a_burst(
    steps: list[tuple[float, int]], limit: int, per: float, burst: int
) -> None:
    granted = run(Gcra(limit, per, burst), steps)

    for begin, _ in granted:
        for end, _ in granted:
            if begin <= end:
                sum_of_costs = sum(cost for moment, cost in granted if begin <= moment <= end)
                assert sum_of_costs <= burst + (end - begin) * limit / per + 1e-6


@given(STEPS, st.integers(1, 8))
def test_a_sliding_window_refuses_nothing_that_could_be_had(steps: list[tuple[float, int]], limit: int) -> None:
    rule = SlidingWindow(limit, 1.0)
    granted: list[tuple[float, int]] = []
    now = 0.0

    for pause, cost in steps:
        now += pause
        cost = min(cost, limit)
        used = sum(spent for moment, spent in granted if moment + 1.0 > now)
        wait = rule.take(now, cost)
        assert (wait == 0) == (used + cost <= limit)

        if not wait:
            granted.append((now, cost))


def test_a_busy_limiter_reaches_its_rate() -> None:
    for rule in (Gcra(100, 1.0, burst=10), SlidingWindow(100, 1.0)):
        granted = sum(rule.take(step / 1000) == 0 for step in range(10_000))
        assert 1000 <= granted <= 1010


def test_what_is_given_back_can_be_had_again() -> None:
    for rule in (Gcra(2, 10.0, burst=2), SlidingWindow(2, 10.0)):
        assert [rule.take(1.0), rule.take(2.0)] == [0, 0]
        assert rule.take(3.0) > 0
        rule.give_back(2.0)
        assert rule.take(3.0) == 0
        assert rule.take(3.0) > 0


def test_an_idle_limit_says_so() -> None:
    for rule in (Gcra(1, 10.0), SlidingWindow(1, 10.0)):
        assert rule.is_idle(0.0)
        rule.take(0.0)
        assert not rule.is_idle(9.9)
        assert rule.is_idle(10.0)


def test_what_is_said_is_what_http_wants_to_know() -> None:
    window = SlidingWindow(3, 60.0)
    window.take(0.0)
    window.take(20.0, 2)
    said = window.peek(30.0)

    assert (said.allowed, said.limit, said.remaining, said.retry_after, said.reset_after) == (False, 3, 0, 30.0, 50.0)

    spaced = Gcra(60, 60.0, burst=3)
    spaced.take(0.0, 3)
    said = spaced.peek(0.0)

    assert (said.allowed, said.limit, said.remaining, said.retry_after, said.reset_after) == (False, 3, 0, 1.0, 3.0)


@pytest.mark.parametrize(("limit", "per"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, float("inf")), (1, float("nan"))])
def test_a_rate_that_is_none_is_refused(limit: int, per: float) -> None:
    with pytest.raises(ValueError, match="limit|per"):
        Gcra(limit, per)

    with pytest.raises(ValueError, match="limit|per"):
        SlidingWindow(limit, per)


def test_a_burst_is_of_at_least_one() -> None:
    with pytest.raises(ValueError, match="burst"):
        Gcra(1, 1.0, 0)
