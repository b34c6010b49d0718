"""Whether a process is started again is a matter of how it ended, how often of late, and for how long it ran."""

import signal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import SupervisionFailed
from hagworm.extend.process.restart import ABANDONED, Intensity, Restart, RestartPolicy, Restarts, exit_code
from hagworm.extend.resilience.backoff import Backoff


@pytest.mark.parametrize(
    ("restart", "wanted"),
    (
        (Restart.PERMANENT, {0, 1, -9, None}),
        (Restart.TRANSIENT, {1, -9, None}),
        (Restart.TEMPORARY, set()),
    ),
)
def test_the_kind_says_which_ends_are_mended(restart: Restart, wanted: set[int | None]) -> None:
    assert {code for code in (0, 1, -9, None) if restart.wants(code)} == wanted


@given(st.lists(st.floats(0, 50, allow_nan=False), max_size=40), st.integers(0, 4), st.floats(0.5, 20, allow_nan=False))
def test_the_window_slides_exactly(pauses: list[float], most: int, period: float) -> None:
    intensity = Intensity(most, period)
    now = 0.0
    moments: list[float] = []

    for pause in pauses:
        now += pause
        moments.append(now)
        late = [moment for moment in moments if moment > now - period]
        assert intensity.admit(now) == (len(late) <= most)
        assert intensity.count == len(late)


@pytest.mark.parametrize(("most", "period"), ((-1, 1.0), (1, 0.0), (1, float("nan"))))
def test_what_is_no_window_is_refused(most: int, period: float) -> None:
    with pytest.raises(ValueError, match="number of restarts"):
        Intensity(most, period)


def test_x11_a_crash_loop_slows_down_and_ends() -> None:
    restarts = Restarts(RestartPolicy(most=6, period=1000, backoff=Backoff(1, 2, 8)))
    pauses = [restarts.ended(0, 1, ran=0, now=now, random=0.0) for now in range(6)]
    assert pauses == [1, 2, 4, 8, 8, 8]

    with pytest.raises(SupervisionFailed, match=r"more than 6 restarts within 1000 s; .* exit code 1") as caught:
        restarts.ended(1, 1, ran=0, now=6, random=0.0)

    assert caught.value.exit_code == 75
    assert restarts.total == 6


def test_chance_spreads_restarts() -> None:
    pauses = [Restarts(RestartPolicy()).ended(0, 1, ran=0, now=0, random=number / 10) or 0.0 for number in range(10)]
    assert all(later < earlier for earlier, later in pairwise(pauses))


def test_who_was_stable_begins_anew_and_slots_are_apart() -> None:
    restarts = Restarts(RestartPolicy(most=99, backoff=Backoff(1, 2, 8), stable_for=5))
    given = [(0, 1.0), (0, 1.0), (1, 1.0), (0, 5.0), (0, 4.9)]
    assert [restarts.ended(slot, 1, ran=ran, now=0, random=0) for slot, ran in given] == [1, 2, 1, 1, 2]
    assert repr(restarts) == "<Restarts 5 in all, 5 of 99 of late>"


def test_who_has_done_its_work_is_not_started_again() -> None:
    restarts = Restarts(RestartPolicy(restart=Restart.TRANSIENT, most=0))
    assert restarts.ended(0, 0, ran=0, now=0, random=0) is None

    with pytest.raises(SupervisionFailed):
        restarts.ended(0, 1, ran=0, now=0, random=0)


@pytest.mark.parametrize(
    ("returncodes", "stopped", "code"),
    (
        ((), False, 0),
        ((0, 0), False, 0),
        ((0, 3, 4), False, 3),
        ((0, -signal.SIGKILL), False, 137),
        ((0, -signal.SIGTERM), False, 143),
        ((0, None), False, 1),
        ((0, -signal.SIGTERM, -signal.SIGINT), True, 0),
        ((-signal.SIGTERM, 5), True, 5),
        ((0, -signal.SIGKILL), True, ABANDONED),
    ),
)
def test_x10_the_exit_code_of_all_says_how_they_ended(
    returncodes: tuple[int | None, ...], stopped: bool, code: int
) -> None:
    assert exit_code(returncodes, stopped=stopped) == code
