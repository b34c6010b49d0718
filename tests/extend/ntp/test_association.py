"""A server is asked as often as it bears, and has a say as long as it answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.ntp.association import Association, PollPlan
from hagworm.extend.ntp.sample import Sample
from hagworm.extend.ntp.timestamp import NANO

REACH = 8
GOOD = Sample(0.5, 0.01, 1e-6, 0, stratum=2)


def test_a_burst_then_the_interval() -> None:
    server = Association("a", PollPlan(poll=64, burst=3, spacing=2, jitter=0))
    pauses = []

    for _ in range(5):
        server.answered(GOOD)
        pauses.append(server.pause(0.5))

    assert pauses == [2, 2, 64, 64, 64]


@given(st.floats(0, 1))
def test_a_pause_is_longer_or_shorter_by_up_to_the_jitter(chance: float) -> None:
    server = Association("a", PollPlan(poll=100, burst=0, jitter=0.1))
    pause = server.pause(chance)

    assert pause is not None
    assert 90 - 1e-9 <= pause <= 110 + 1e-9


def test_a_server_that_stays_silent_is_asked_less_and_less_often_and_has_no_say() -> None:
    server = Association("a", PollPlan(poll=64, max_poll=1024, jitter=0))
    server.answered(GOOD)
    states, pauses = [], []

    for _ in range(REACH + 6):
        server.failed("silence")
        states.append(server.candidate(NANO) is not None)
        pauses.append(server.pause(0.5))

    assert states == [True] * (REACH - 1) + [False] * 7
    assert pauses[REACH - 2 :] == [64, 128, 256, 512, 1024, 1024, 1024, 1024]
    assert server.state == "unreachable"
    assert server.last_error == "silence"

    server.answered(GOOD)
    assert (server.state, server.pause(0.5)) == ("reachable", 64)


@pytest.mark.parametrize("kiss", ["DENY", "RSTR"])
def test_x17_a_server_that_sends_us_away_is_not_asked_again_and_has_no_say(kiss: str) -> None:
    server = Association("a")
    server.answered(GOOD)
    server.kissed(kiss)

    assert server.pause(0.5) is None
    assert server.candidate(0) is None
    assert server.state == "refused"
    assert server.statistics(0).kisses == 1


def test_x17_a_server_that_is_asked_too_often_is_asked_half_as_often_for_good() -> None:
    server = Association("a", PollPlan(poll=64, max_poll=1024, jitter=0))
    server.kissed("RATE")
    assert server.pause(0.5) == 128

    server.answered(GOOD)
    assert server.pause(0.5) == 128, "no burst any more, and no return to the old interval"

    server.kissed("RATE", 512.0)
    assert server.pause(0.5) == 1024

    server.kissed("RATE", 131072.0)
    assert server.pause(0.5) == 1024, "a server cannot silence itself for longer than the longest interval"


def test_another_kiss_is_a_failure_as_any_other() -> None:
    server = Association("a", PollPlan(jitter=0))
    server.kissed("INIT")

    assert server.pause(0.5) == 2
    assert server.state == "unreachable"


def test_a_sample_that_may_be_wrong_by_too_much_has_no_say() -> None:
    server = Association("a", max_distance=0.1)
    server.answered(Sample(0.0, 0.3, 0.0, 0))

    assert server.candidate(0) is None
    assert server.state == "reachable"


def test_what_it_says_and_how_well_it_does() -> None:
    server = Association("a")
    assert (server.state, server.candidate(0)) == ("new", None)
    assert server.statistics(0).offset is None

    server.answered(GOOD)
    candidate, statistics = server.candidate(0), server.statistics(0)

    assert candidate is not None
    assert (candidate.server, candidate.offset, candidate.stratum) == ("a", 0.5, 2)
    assert candidate.distance == pytest.approx(0.005001)
    assert (statistics.answers, statistics.offset, statistics.delay, statistics.stratum) == (1, 0.5, 0.01, 2)
    assert repr(server) == "<Association a, reachable, 1 answers, 0 failures>"


@pytest.mark.parametrize(
    "wrong",
    [
        {"poll": 0},
        {"poll": 100, "max_poll": 50},
        {"burst": -1},
        {"spacing": 0},
        {"jitter": 1},
        {"max_poll": float("inf")},
    ],
    ids=str,
)
def test_a_plan_makes_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        PollPlan(**wrong)  # type: ignore[arg-type]  # wrong on purpose
