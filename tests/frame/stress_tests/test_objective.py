"""Laws of objectives: what is written is what is held, what is wrong is named with its place, nothing passes unseen."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import ObjectiveError
from hagworm.frame.stress_tests.objective import Objective, judge, measured, parse_objectives
from tests.frame.stress_tests.runs import drawn, steady

RUN = drawn(steady(errors=0.1), 1, seconds=5, names=("GET /", "POST /orders"))

PERCENTS = st.decimals("0.01", "99.99", places=2).map(lambda number: f"p{number}")
TIMES = st.tuples(st.sampled_from(["mean", "max"]) | PERCENTS, st.floats(1e-6, 1e6))
FIGURES = (
    TIMES
    | st.tuples(st.just("error"), st.floats(0, 1))
    | st.tuples(st.just("rate"), st.floats(0, 1e9, allow_subnormal=False))
)
NAMES = st.text(st.characters(exclude_characters='"', exclude_categories=["C"]), max_size=12).map(str.strip)


@given(
    st.lists(st.tuples(FIGURES, st.sampled_from(["<", "<=", ">", ">="]), NAMES), min_size=1, max_size=4),
    st.sampled_from([",", " , "]),
)
def test_what_is_written_down_is_read_again(parts: list[tuple[tuple[str, float], str, str]], separator: str) -> None:
    objectives = tuple(
        Objective(metric, relation, bound, name)  # type: ignore[arg-type]  # one of the relations
        for (metric, bound), relation, name in parts
    )

    assert parse_objectives(separator.join(map(str, objectives))) == objectives


@given(st.sampled_from(["p50", "p99.9", "mean", "rate"]), st.floats(0, 1e6), NAMES)
def test_limits_of_a_comparison_are_read_again(metric: str, bound: float, name: str) -> None:
    limits = (Objective(metric, "<=", bound, name, "ratio"), Objective("error", "<", min(bound, 1.0), name, "added"))

    assert parse_objectives(",".join(map(str, limits)), relative=True) == limits


@pytest.mark.parametrize(
    ("text", "metric", "bound", "name"),
    [
        ("p99<200ms", "p99", 0.2, ""),
        (" p99.99 <= 1.5 s ", "p99.99", 1.5, ""),
        ("max<2m", "max", 120.0, ""),
        ("mean<850us", "mean", 0.00085, ""),
        ("error<0.1%", "error", 0.001, ""),
        ("rate>500", "rate", 500.0, ""),
        ("checkout:p95<1s", "p95", 1.0, "checkout"),
        ("GET /orders:p95<1s", "p95", 1.0, "GET /orders"),
        ("a:b:p95<1s", "p95", 1.0, "a:b"),
        ('"GET /?x<1,2":p95<1s', "p95", 1.0, "GET /?x<1,2"),
    ],
)
def test_the_forms(text: str, metric: str, bound: float, name: str) -> None:
    (found,) = parse_objectives(text)

    assert (found.metric, found.bound, found.name, found.kind) == (metric, bound, name, "absolute")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", 1, "the end is not a figure"),
        ("p99<200ms,", 11, "the end is not a figure"),
        ("p99<200ms, p9x<1s", 12, "'p9x<1s' is not a figure"),
        ("p99<200", 5, "'200' is not a time with its unit"),
        ("p99<200%", 5, "'200%' is not a time with its unit"),
        ("p100<1s", 1, "a percentile between"),
        ("p99=1s", 4, "'=1s' is not <, <=, > or >="),
        ("p99<<1s", 5, "'<1s' is not a number and its unit"),
        ("p99<-1s", 5, "'-1s' is not a number"),
        ("p99<1s error<1%", 5, "is not a number and its unit"),
        ("error<1", 7, "a share of 0% to 100%"),
        ("error<101%", 7, "a share of 0% to 100%"),
        ("rate>5ms", 6, "a rate like 500/s"),
        ("p99<1.1x", 5, "compare two"),
        ("error<+1%", 7, "compare two"),
    ],
)
def test_what_is_none_is_named_with_its_place_and_the_forms_there_are(text: str, place: int, said: str) -> None:
    with pytest.raises(ObjectiveError) as info:
        parse_objectives(text)

    assert f"at place {place}, " in str(info.value)
    assert said in str(info.value)
    assert "expected p50 to p99.99" in str(info.value)
    assert info.value.exit_code == 2


@pytest.mark.parametrize("text", ["p99<200ms", "error<1.1x", "error<1%", "p99<+1x", "rate>5/s"])
def test_a_comparison_has_limits_of_its_own(text: str) -> None:
    with pytest.raises(ObjectiveError, match="at place"):
        parse_objectives(text, relative=True)


@given(st.text(max_size=20))
def test_any_text_is_an_objective_or_refused(text: str) -> None:
    try:
        assert parse_objectives(text)
    except ObjectiveError:
        pass


@given(st.sampled_from(["p50", "p99", "mean", "max", "error", "rate"]), st.floats(0.5, 2), st.booleans())
def test_an_objective_is_kept_exactly_if_the_figure_is_within_it(metric: str, part: float, named: bool) -> None:
    line = RUN.figures.line("GET /") if named else RUN.figures.total
    value = measured(RUN, line, metric)
    bound = value * part
    name = "GET /" if named else ""
    below, above = judge(RUN, (Objective(metric, "<", bound, name), Objective(metric, ">=", bound, name)))

    assert below.kept == (value < bound)
    assert below.kept != above.kept
    assert below.value == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("error<4%", r"it was 9\.\d+ %, 5\.\d+ percentage points above 4%"),
        ("max<1ms", r"it was .* ms, .* ms \(.* %\) above 1ms"),
        ("rate>1000", r"it was 200/s, 800/s \(80 %\) below 1000/s"),
        ("rate>200", "exactly 200/s"),
        ("nobody:p50<1s", "nothing counted under 'nobody'; what did: GET /, POST /orders"),
    ],
)
def test_a_missed_one_says_by_how_much(text: str, reason: str) -> None:
    (verdict,) = judge(RUN, parse_objectives(text))

    assert not verdict.kept
    assert str(verdict).startswith("MISSED: ")
    assert re.search(reason, verdict.reason), verdict.reason


def test_where_nothing_happened_nothing_is_kept() -> None:
    nothing = drawn(steady(), 1, seconds=1, rate=0)

    assert not any(verdict.kept for verdict in judge(nothing, parse_objectives("p99<1s,error<1%")))
