"""Laws of the plan: arrivals come when they are planned, shares make up the whole, what is written is read."""

import json
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import PlanError
from hagworm.frame.stress_tests.plan import (
    Closed,
    Open,
    Plan,
    Share,
    Stage,
    Think,
    parse_profile,
    parse_rate,
    parse_seconds,
    parse_think,
    plan_from_json,
)

RATES = st.one_of(st.just(0.0), st.integers(1, 300).map(float), st.floats(0.5, 300).map(lambda rate: round(rate, 3)))
STAGES = st.lists(
    st.builds(Stage, st.integers(1, 40).map(lambda tenth: tenth / 10), RATES, RATES), min_size=1, max_size=4
)
PLANS = STAGES.filter(lambda stages: any(stage.area for stage in stages)).map(lambda stages: Open(tuple(stages)))


def steady(rate: float, seconds: float = 10.0, **others: object) -> Open:
    return Open((Stage(seconds, rate, rate),), **others)  # type: ignore[arg-type]  # the fields of Open


@given(PLANS)
def test_as_many_arrive_as_are_planned_in_order_and_in_time(plan: Open) -> None:
    arrivals = list(plan.arrivals())

    assert len(arrivals) == plan.arrivals_planned
    assert all(earlier <= later for earlier, later in pairwise(arrivals))
    assert 0 <= arrivals[0]
    assert arrivals[-1] <= plan.seconds + 1e-9


@given(PLANS, st.integers(1, 5))
def test_shares_of_a_constant_plan_make_up_exactly_the_whole(plan: Open, parts: int) -> None:
    shares = [arrival for index in range(parts) for arrival in plan.arrivals(Share(index, parts))]

    assert sorted(shares) == list(plan.arrivals())


@given(st.integers(0, 3), st.integers(1, 4))
def test_a_share_splits_into_shares_of_the_whole(index: int, parts: int) -> None:
    plan = steady(50)
    share = Share(index, 4)

    split = [arrival for part in share.split(parts) for arrival in plan.arrivals(part)]

    assert sorted(split) == list(plan.arrivals(share))


def test_a_constant_rate_is_equally_spaced_without_drift() -> None:
    arrivals = list(steady(1000, 100).arrivals())

    assert len(arrivals) == 100_000
    assert max(abs(arrival - number / 1000) for number, arrival in enumerate(arrivals)) < 1e-9


@given(st.floats(1, 50), st.floats(51, 200))
def test_a_ramp_has_the_planned_rate_at_each_moment(start: float, end: float) -> None:
    plan = Open((Stage(20.0, start, end),))
    arrivals = list(plan.arrivals())

    for earlier, later in pairwise(arrivals):
        assert (later - earlier) * plan.rate_at((earlier + later) / 2) == pytest.approx(1, rel=0.01)


def test_a_ramp_down_to_nothing_ends() -> None:
    arrivals = list(Open((Stage(10.0, 20.0, 0.0),)).arrivals())

    assert len(arrivals) == 100
    assert arrivals[-1] < 10


def test_poisson_arrivals_have_the_rate_and_the_spread_of_poisson() -> None:
    plan = steady(100, 100, spacing="poisson")
    arrivals = list(plan.arrivals(random=Random(3)))
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)

    assert len(arrivals) == pytest.approx(10_000, abs=4 * 100)
    assert variance**0.5 / mean == pytest.approx(1, abs=0.05)


def test_shares_of_poisson_arrivals_add_up_to_the_rate() -> None:
    plan = steady(100, 100, spacing="poisson")
    count = sum(len(list(plan.arrivals(Share(index, 3), Random(index)))) for index in range(3))

    assert count == pytest.approx(10_000, abs=4 * 100)


def test_the_same_seed_gives_the_same_arrivals() -> None:
    plan = steady(100, 1, spacing="poisson")

    assert list(plan.arrivals(random=Random(7))) == list(plan.arrivals(random=Random(7)))


def test_poisson_arrivals_want_randomness() -> None:
    with pytest.raises(PlanError, match="randomness"):
        next(steady(1, spacing="poisson").arrivals())


def test_a_warm_up_comes_before_measuring_begins_and_changes_nothing_behind() -> None:
    plan = steady(10, 2, warm_up=1.5)
    arrivals = list(plan.arrivals())

    assert [arrival for arrival in arrivals if arrival >= 0] == list(steady(10, 2).arrivals())
    assert sum(arrival < 0 for arrival in arrivals) == 15
    assert arrivals[0] == -1.5


def test_the_rate_of_a_moment() -> None:
    plan = Open((Stage(10, 0, 100), Stage(10, 50, 50)), warm_up=1)

    assert [plan.rate_at(offset) for offset in (-2, -0.5, 0, 5, 10, 19.9, 20)] == [0, 0, 0, 50, 50, 50, 0]
    assert (plan.peak, plan.seconds, plan.arrivals_planned) == (100, 20, 1000)


def test_users_are_shared_and_come_one_after_the_other() -> None:
    plan = Closed(5, 10, ramp=5, warm_up=2)

    assert [list(plan.users_of(Share(index, 2))) for index in (0, 1)] == [[0, 2, 4], [1, 3]]
    assert [plan.entry(user) for user in range(5)] == [-2, -1, 0, 1, 2]


def test_think_times_are_drawn_as_said() -> None:
    random = Random(1)

    assert Think(0.5, 0.5).draw(random) == 0.5
    assert all(1 <= Think(1, 2).draw(random) <= 2 for _ in range(100))
    assert sum(Think(2, 2, mean=True).draw(random) for _ in range(10_000)) / 10_000 == pytest.approx(2, rel=0.05)
    assert Think(0, 0, mean=True).draw(random) == 0


@pytest.mark.parametrize(
    "plan",
    [
        steady(10),
        Open((Stage(1, 0, 5), Stage(2.5, 5, 5)), "poisson", 3),
        Closed(3, 10),
        Closed(3, 10, 2, Think(1, 2), 1),
        Closed(3, 10, think=Think(1, 1, mean=True)),
    ],
    ids=str,
)
def test_a_plan_that_is_written_is_read_again(plan: Plan) -> None:
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("value", [{}, {"model": "half"}, {"model": "open"}, {"model": "closed", "think": {}, "y": 1}])
def test_what_is_no_plan_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(PlanError):
        plan_from_json(value)


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("500", [(30, 500, 500)]),
        ("0.5:2m", [(120, 0.5, 0.5)]),
        ("0..500:1m", [(60, 0, 500)]),
        ("10..30/3:30s", [(10, 10, 10), (10, 20, 20), (10, 30, 30)]),
        ("0..500:30s, 500, 3000:500ms", [(30, 0, 500), (30, 500, 500), (0.5, 3000, 3000)]),
    ],
    ids=str,
)
def test_rates_as_they_are_written(text: str, stages: list[tuple[float, float, float]]) -> None:
    assert parse_rate(text, 30.0) == tuple(Stage(*stage) for stage in stages)


@pytest.mark.parametrize(
    "text",
    ["", "fast", "-5", "5/s", "1..2..3", "5:", "5:0s", "0", "0..0:1m", "1..2/1", "1..9/5000", "5,,6", "1e3", "٣"],
)
def test_bad_rates_are_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(PlanError, match="not a rate"):
        parse_rate(text, 30.0)


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("1.5s", 1.5), ("500ms", 0.5), ("2m", 120), ("1h", 3600)])
def test_durations_as_they_are_written(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "1 d", "-1", "1s2", "inf"])
def test_bad_durations_are_refused(text: str) -> None:
    with pytest.raises(PlanError, match="not a duration"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "think"), [("0.5", Think(0.5, 0.5)), ("0.5..2", Think(0.5, 2)), ("~1", Think(1, 1, mean=True))]
)
def test_think_times_as_they_are_written(text: str, think: Think) -> None:
    assert parse_think(text) == think


@pytest.mark.parametrize("text", ["", "-1", "~1..2", "long"])
def test_bad_think_times_are_refused(text: str) -> None:
    with pytest.raises(PlanError, match="not a think time"):
        parse_think(text)


def test_a_recorded_profile_is_followed() -> None:
    text = "second,rate\n0,10\n1,20  # lunch\n\n3,5\n"

    assert parse_profile(text) == (Stage(1, 10, 10), Stage(2, 20, 20), Stage(2, 5, 5))
    assert parse_profile("0 7") == (Stage(1, 7, 7),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing ever arrives"),
        ("0,0\n1,0", "nothing ever arrives"),
        ("0,1\nx,2", "line 2"),
        ("0,1\n0,2", "line 2"),
        ("0,-1", "line 1"),
        ("0,nan", "line 1"),
        ("0,1,2", "line 1"),
    ],
)
def test_a_bad_profile_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        parse_profile(text)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Stage, (0, 1, 1)),
        (Stage, (1, -1, 1)),
        (Open, ((),)),
        (Open, ((Stage(1, 0, 0),),)),
        (Open, ((Stage(1, 1, 1),), "random")),
        (Open, ((Stage(1, 1, 1),), "constant", -1)),
        (Closed, (0, 1)),
        (Closed, (1, 0)),
        (Closed, (1, 1, 2)),
        (Closed, (1, 1, 0, Think(), -1)),
        (Think, (2, 1)),
        (Think, (-1, 1)),
        (Share, (1, 1)),
    ],
)
def test_what_cannot_be_is_refused(kind: type, values: tuple[object, ...]) -> None:
    with pytest.raises(PlanError):
        kind(*values)


def test_plans_say_what_they_are() -> None:
    assert str(Open(parse_rate("0..5:1m,5", 30), warm_up=2)) == (
        "open model, constant: 0..5/s for 60 s, 5/s for 30 s, after 2 s of warm-up"
    )
    assert str(Closed(20, 30, 5, Think(1, 2))) == "closed model: 20 users for 30 s, coming within 5 s, thinking 1..2 s"
    assert repr(Share(0, 2)) == "<Share 1 of 2>"
