"""Laws of comparisons, on runs whose truth is known: equals do not differ, what differs enough is seen."""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from hagworm.extend.error import RunsDiffer
from hagworm.frame.stress_tests.comparison import Comparison, compare, hold
from hagworm.frame.stress_tests.objective import parse_objectives
from hagworm.frame.stress_tests.plan import Closed, Open, Stage
from hagworm.frame.stress_tests.result import Result
from tests.frame.stress_tests.runs import Service, drawn, steady, weather

PAIRS = 300 if os.environ.get("HAGWORM_LONG") else 12
SETTINGS = {
    "steady": {"service": steady(errors=0.01)},
    "weather": {"service": weather(errors=0.01)},
    "short": {"service": weather(errors=0.01), "seconds": 8},
    "names": {"service": weather(), "names": ("a", "b", "c"), "rate": 30},
    "closed": {"service": weather(), "plan": Closed(10, 30.0)},
}


def figures(comparison: Comparison, name: str = "GET /") -> dict[str, str]:
    return {one.metric: one.verdict for one in comparison.differences if one.name == name}


@pytest.mark.parametrize("setting", SETTINGS)
def test_equals_seldom_seem_to_differ(setting: str) -> None:
    """In one of twenty comparisons at most, by the promise; here no more than chance makes of that."""
    alarms: Counter[tuple[str, str]] = Counter()
    false = 0

    for pair in range(PAIRS):
        one, other = (drawn(seed=2 * pair + side, **SETTINGS[setting]) for side in (0, 1))  # type: ignore[arg-type]
        seen = [(found.name, found.metric) for found in compare(one, other).differences if found.tendency != "same"]
        alarms.update(seen)
        false += bool(seen)

    assert false <= 1 + PAIRS // 20, alarms


@pytest.mark.parametrize(
    ("service", "factor", "seen"),
    [(steady, 1.3, ("p50", "p90", "mean")), (weather, 2.0, ("p50",))],
    ids=["steady", "weather"],
)
def test_what_is_slower_is_seen_both_ways(
    service: Callable[..., Service], factor: float, seen: tuple[str, ...]
) -> None:
    slow, fast = drawn(service(0.02 * factor), 1), drawn(service(0.02), 2)
    worse, better = figures(compare(fast, slow)), figures(compare(slow, fast))

    assert [worse[metric] for metric in seen] == ["slower"] * len(seen)
    assert [better[metric] for metric in seen] == ["faster"] * len(seen)


def test_the_interval_holds_the_true_ratio() -> None:
    found = [compare(drawn(steady(0.02), seed), drawn(steady(0.03), seed + 100)) for seed in range(PAIRS)]
    missed = sum(
        not one.change.low <= 1.5 <= one.change.high
        for comparison in found
        for one in comparison.differences
        if one.metric not in ("rate", "error")
    )

    assert missed <= 1


def test_more_errors_are_seen_in_percentage_points() -> None:
    comparison = compare(drawn(steady(errors=0.01), 1), drawn(steady(errors=0.06), 2))
    (error,) = [one for one in comparison.differences if one.metric == "error"]

    assert error.verdict == "more errors"
    assert error.change.low < 0.05 < error.change.high
    assert error.cells()[4].startswith("+")


def test_a_lower_rate_is_less_done() -> None:
    plan = Closed(10, 30.0)

    assert (
        figures(compare(drawn(steady(), 1, plan=plan), drawn(steady(), 2, plan=plan, rate=70)))["rate"] == "less done"
    )


def test_too_few_records_are_said_to_be_too_few() -> None:
    comparison = compare(drawn(steady(), 1, seconds=6, rate=10), drawn(steady(0.04), 2, seconds=6, rate=10))
    (tail,) = [one for one in comparison.differences if one.metric == "p99.9"]

    assert tail.verdict == "no difference seen"
    assert tail.cells()[5] == "? to ?"
    assert json.loads(json.dumps(comparison.to_json(), allow_nan=False))["differences"]


def test_each_name_of_both_is_compared_and_the_total() -> None:
    one, other = drawn(steady(), 1, names=("a", "b")), drawn(steady(), 2, names=("b", "c"))
    comparison = compare(one, other)

    assert [*dict.fromkeys(found.name for found in comparison.differences)] == ["b", "total"]
    assert "only in the first: a; the total has them in it" in comparison.remarks
    assert "only in the second: c; the total has them in it" in comparison.remarks


def with_run(result: Result, **changes: object) -> Result:
    return replace(result, run=replace(result.run, **changes))


def test_what_else_differs_is_said() -> None:
    run = drawn(steady(), 1)
    other = with_run(run, ended="interrupted", notes=("something",), processes=3, hosts=("b",))

    assert compare(run, other).remarks == (
        "the second was interrupted after 30 s",
        "the second: something",
        "machines: ; and b",
        "processes: 1; and 3",
    )


RUN = drawn(steady(), 1, seconds=6)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (drawn(steady(), 1, seconds=4), "chance cannot be told from a difference in fewer than 5"),
        (drawn(steady(), 1, seconds=6, rate=0, plan=RUN.run.plan), "in the second, nothing was measured"),
        (drawn(steady(), 1, seconds=6, rate=50), "the load was not the same: open model, constant: 100/s; and"),
        (drawn(steady(), 1, seconds=6, plan=Closed(3, 6.0)), "closed model: 3 users"),
        (drawn(steady(), 1, seconds=6, names=("else",)), "no name in common: GET /; and else"),
        (with_run(RUN, plan=Open((Stage(6, 100, 100),), "poisson")), "open model, poisson"),
        (with_run(RUN, plan=Open((Stage(6, 0, 200),))), "0..200/s"),
    ],
    ids=["short", "empty", "rate", "model", "names", "spacing", "ramp"],
)
def test_runs_that_cannot_be_compared_are_refused(other: Result, reason: str) -> None:
    with pytest.raises(RunsDiffer) as info:
        compare(RUN, other)

    assert reason in str(info.value)
    assert info.value.exit_code == 2


def test_a_longer_run_of_the_same_load_can_be_compared() -> None:
    assert "seconds: 6 s; and 9 s" in compare(RUN, drawn(steady(), 3, seconds=9)).remarks


@pytest.mark.parametrize(
    ("limit", "state"),
    [
        ("p50<1.1x", "missed"),
        ("p50<1.5x", "kept"),
        ("GET /:p50<1.27x", "uncertain"),
        ("p50>1.1x", "kept"),
        ("rate>=1x", "kept"),
        ("error<+0.1%", "kept"),
        ("nobody:p50<1.1x", "missed"),
        ("p42<1.1x", "missed"),
    ],
)
def test_a_limit_is_missed_only_where_chance_does_not_explain_it(limit: str, state: str) -> None:
    comparison = compare(drawn(steady(0.02), 1), drawn(steady(0.0262), 2))
    (outcome,) = hold(comparison, parse_objectives(limit, relative=True))

    assert outcome.state == state, str(outcome)


def test_the_summary_is_honest() -> None:
    run = drawn(steady(), 1)

    assert compare(run, run).summary.startswith("No difference seen in 7 figures, with 95% confidence")
    assert "worse: 1, better: 0" in compare(run, drawn(steady(errors=0.1), 1)).summary
