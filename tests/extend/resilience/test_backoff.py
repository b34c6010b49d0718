"""Pauses grow, stay below their ceiling, and end where attempts or time do."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.resilience.backoff import Backoff, RetrySchedule

SHARES = st.floats(0, 1)
CHANCE = st.floats(0, 1, exclude_max=True)
BACKOFFS = st.builds(
    lambda first, more, factor, jitter: Backoff(first, factor, first + more, jitter),
    st.floats(0, 100),
    st.floats(0, 1000),
    st.floats(1, 1e6),
    SHARES,
)


@given(BACKOFFS, st.integers(1, 10_000), CHANCE)
def test_a_pause_lies_between_its_share_of_the_ceiling_and_the_ceiling(
    backoff: Backoff, failed: int, chance: float
) -> None:
    ceiling = backoff.ceiling(failed)

    assert 0 <= ceiling * (1 - backoff.jitter) * (1 - 1e-12) <= backoff.pause(failed, chance) <= ceiling
    assert ceiling <= backoff.longest


@given(BACKOFFS, st.integers(1, 5000))
def test_ceilings_never_shrink(backoff: Backoff, failed: int) -> None:
    assert backoff.ceiling(failed) <= backoff.ceiling(failed + 1)


def test_ceilings_double_up_to_the_longest() -> None:
    backoff = Backoff(first=0.1, factor=2, longest=1.0)

    assert [round(backoff.ceiling(failed), 6) for failed in range(1, 7)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_full_jitter_uses_the_whole_range() -> None:
    backoff = Backoff(first=8, longest=8)

    assert backoff.pause(1, 0.0) == 8
    assert 0 < backoff.pause(1, math.nextafter(1.0, 0.0)) < 1e-12


def test_no_jitter_leaves_nothing_to_chance() -> None:
    assert {Backoff(first=3, jitter=0).pause(1, chance) for chance in (0.0, 0.3, 0.999)} == {3}


@pytest.mark.parametrize(
    "options",
    [
        {"first": -1},
        {"first": 2, "longest": 1},
        {"longest": math.inf},
        {"first": math.nan},
        {"factor": 0.5},
        {"factor": math.inf},
        {"jitter": 1.5},
        {"jitter": -0.1},
    ],
)
def test_numbers_that_make_no_growing_pause_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Backoff"):
        Backoff(**options)


@given(st.integers(1, 20), BACKOFFS, st.integers(1, 25), CHANCE)
def test_there_are_never_more_attempts_than_allowed(
    attempts: int, backoff: Backoff, failed: int, chance: float
) -> None:
    pause = RetrySchedule(attempts, backoff).pause(failed, random=chance)

    assert (pause is None) == (failed >= attempts)


@given(BACKOFFS, st.integers(1, 50), CHANCE, st.floats(0, 100))
def test_a_pause_never_uses_up_what_is_left(backoff: Backoff, failed: int, chance: float, left: float) -> None:
    pause = RetrySchedule(None, backoff).pause(failed, random=chance, left=left)

    assert pause is None or pause < left


@given(BACKOFFS, st.integers(1, 50), CHANCE, st.floats(0, 1000), st.floats(0, 500))
def test_who_is_told_when_to_come_back_never_comes_before(
    backoff: Backoff, failed: int, chance: float, asked: float, longest: float
) -> None:
    schedule = RetrySchedule(None, backoff, longest)
    pause = schedule.pause(failed, random=chance, retry_after=asked)
    own = schedule.pause(failed, random=chance)
    assert own is not None

    if pause is None:
        assert asked > longest
    else:
        assert pause == max(own, asked)


def test_attempts_begin_at_one() -> None:
    with pytest.raises(ValueError, match="attempts"):
        RetrySchedule(0)
