"""Laws of what is counted: nothing is lost or counted twice, however it is parted; memory has a bound."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import StressError
from hagworm.frame.stress_tests.figures import SERIES_LIMIT, Figures, Interval, Iterations, Line, Series
from hagworm.frame.stress_tests.histogram import Histogram
from hagworm.frame.stress_tests.plan import Closed, Open, Stage
from hagworm.frame.stress_tests.result import Result, Run
from hagworm.frame.stress_tests.tally import OTHER, OTHER_REASONS, Tally

Event = tuple[float, str, float, float, str | None]
"""When, name, service time, lag, reason of the failure."""

EVENTS = st.lists(
    st.tuples(
        st.floats(0, 1500),
        st.sampled_from(["home", "search", "pay"]),
        st.floats(0.0001, 2),
        st.floats(0, 1),
        st.sampled_from([None, None, "status 500", "timeout"]),
    ),
    max_size=20,
)
OPEN = Run("http://127.0.0.1/", Open((Stage(10, 5, 5),)), "2026-01-01T00:00:00Z", 10.0)


def counted(events: list[Event]) -> Figures:
    tally = Tally()

    for moment, name, seconds, lag, reason in sorted(events, key=lambda event: event[0]):
        row = tally.row(name)

        if reason is None:
            row.success(seconds, seconds + lag, moment)
        else:
            row.failure(seconds, seconds + lag, moment, reason)

        row.sent += 10
        tally.start()
        tally.finished += 1
        tally.duration.record(seconds)

    return tally.drain(1501)


@settings(deadline=None)
@given(EVENTS)
def test_every_event_is_counted_once_under_its_name_and_reason(events: list[Event]) -> None:
    figures = counted(events)

    for line in figures.lines:
        mine = [event for event in events if event[1] == line.name]
        assert line.count == len(mine) == line.service.count == line.response.count
        assert line.successes == sum(reason is None for *_, reason in mine)
        assert dict(line.failures) == Counter(reason for *_, reason in mine if reason is not None)
        assert line.failed.count == line.failed_count
        assert line.error_rate * len(mine) == pytest.approx(line.failed_count)
        assert line.sent == 10 * len(mine)

    assert figures.total.count == len(events) == figures.iterations.finished
    assert sum(interval.successes + interval.failures for interval in figures.series.intervals) == len(events)


@settings(deadline=None)
@given(EVENTS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_any_partition_between_processes_gives_the_same(events: list[Event], parts: int, random: object) -> None:
    shares: list[list[Event]] = [[] for _ in range(parts)]

    for event in events:
        random.choice(shares).append(event)  # type: ignore[attr-defined]  # hypothesis types it as object

    assert Figures().merge(*(counted(share) for share in shares)) == counted(events)


@settings(deadline=None)
@given(EVENTS, st.lists(st.floats(0, 1500), max_size=5))
def test_drained_in_between_or_not_gives_the_same(events: list[Event], drains: list[float]) -> None:
    tally = Tally()
    parts = []
    steps = sorted(
        [*((event[0], event) for event in events), *((moment, None) for moment in drains)], key=lambda s: s[0]
    )

    for moment, event in steps:
        if event is None:
            parts.append(tally.drain(moment))
            continue

        _, name, seconds, lag, reason = event
        tally.row(name).sent += 10
        tally.start()
        tally.finished += 1
        tally.duration.record(seconds)

        if reason is None:
            tally.row(name).success(seconds, seconds + lag, moment)
        else:
            tally.row(name).failure(seconds, seconds + lag, moment, reason)

    parts.append(tally.drain(1501))

    assert Figures().merge(*parts).lines == counted(events).lines
    assert Figures().merge(*parts).iterations == counted(events).iterations


@settings(deadline=None)
@given(EVENTS)
def test_merging_with_nothing_changes_nothing(events: list[Event]) -> None:
    figures = counted(events)

    assert figures.merge() == Figures().merge(figures) == figures.merge(Figures()) == figures


@settings(deadline=None)
@given(EVENTS)
def test_a_result_that_is_written_is_read_again(events: list[Event]) -> None:
    result = Result(OPEN, counted(events))

    assert Result.load(result.dump()) == result
    assert Figures.from_json(json.loads(json.dumps(result.figures.to_json()))) == result.figures


def test_a_second_holds_what_ended_in_it() -> None:
    tally = Tally()
    row = tally.row("x")

    for moment in (0.1, 0.9, 1.0, 3.5):
        row.success(0.01, None, moment)

    row.failure(0.01, None, 3.6, "no")
    series = tally.drain(3.7).series

    assert series.begin(3) == 3
    assert [(interval.successes, interval.failures) for interval in series.intervals] == [
        (2, 0),
        (1, 0),
        (0, 0),
        (1, 1),
    ]
    assert series.intervals[0].latency.count == 2


def test_a_long_series_has_longer_intervals_and_loses_nothing() -> None:
    one = Series.of({index: Interval(successes=1) for index in range(5000)})

    assert (one.every, len(one.intervals)) == (32, 157)
    assert sum(interval.successes for interval in one.intervals) == 5000
    assert one.merge(Series.of({0: Interval(failures=1)})).intervals[0] == Interval(32, 1)


def test_a_series_grows_by_a_second_at_a_time_within_its_bound() -> None:
    series = Series()

    for second in range(3000):
        series = series.merge(Series.of({second: Interval(successes=1)}))
        assert len(series.intervals) <= SERIES_LIMIT

    assert series == Series.of({index: Interval(successes=1) for index in range(3000)})


def test_what_runs_is_what_started_and_has_not_finished() -> None:
    series = Series.of({0: Interval(started=5, finished=2), 1: Interval(started=1, finished=4)})

    assert series.running() == (3, 0)


def test_warm_up_is_counted_apart() -> None:
    tally = Tally()
    tally.warmth.success(1, None, -1)
    tally.warmth.failure(1, None, 5, "no")
    figures = tally.drain(6)

    assert (figures.warm_up, figures.total.count, figures.series.intervals) == (2, 0, ())


def test_x6_names_and_reasons_are_bounded_and_nothing_is_lost() -> None:
    """4.1 kept every sample; here memory has a bound, and what has no place of its own is counted as such."""
    tally = Tally(names=3, reasons=2)

    for number in range(10):
        tally.row(f"name {number}").failure(0.1, None, 0.1, "once")
        tally.row("name 0").failure(0.1, None, 0.1, f"reason {number}")

        if number == 4:
            tally.roll(1)

    figures = tally.drain(1)

    assert [line.name for line in figures.lines] == [OTHER, "name 0", "name 1", "name 2"]
    assert figures.line(OTHER).count == 7
    assert dict(figures.line("name 0").failures) == {"once": 1, "reason 0": 1, OTHER_REASONS: 9}


def test_a_reason_is_one_line_of_bounded_length() -> None:
    tally = Tally()
    tally.row("x").failure(0.1, None, 0, "two\n  lines " + "long" * 100)
    tally.row("x").failure(0.1, None, 0, "")
    (long, _), (empty, _) = tally.drain(1).line("x").failures[::-1]

    assert (long[:10], len(long), empty) == ("two lines ", 200, "no reason given")


def test_a_name_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="x"):
        Figures().line("x")


def test_response_times_of_the_closed_model_are_corrected_for_what_was_omitted() -> None:
    """One user asks each 10 ms; a stall of a second keeps back a hundred requests that nobody measured."""
    histogram = Histogram()
    histogram.record_many(0.009, 900)
    histogram.record(1.0)
    line = Line("x", 901, service=histogram.read())
    run = replace(OPEN, plan=Closed(1, 10))

    assert Result(run).response(line).percentile(99) == pytest.approx(0.91, rel=0.03)
    assert Result(OPEN).response(line) == line.response


def test_results_of_two_machines_become_one() -> None:
    left = Result(replace(OPEN, hosts=("a",), processor=1.5), Figures((Line("x", 2),)))
    right = Result(
        replace(OPEN, hosts=("b",), lost=("b/1",), ended="interrupted", seconds=11.0, started="2026-01-01T00:00:01Z"),
        Figures((Line("x", 3),), Iterations(started=4)),
    )

    both = left.merge(right)

    assert both == right.merge(left)
    assert (both.run.hosts, both.run.lost, both.run.processes, both.run.ended) == (
        ("a", "b"),
        ("b/1",),
        2,
        "interrupted",
    )
    assert (both.run.started, both.run.seconds, both.figures.line("x").successes) == (OPEN.started, 11.0, 5)
    assert both.rate == 5 / 11


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": "hagworm stress result"}', '{"format": "hagworm stress result", "version": 1}'],
)
def test_what_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(StressError, match="result"):
        Result.load(text)


@pytest.mark.parametrize("field", ["lines", "iterations", "series", "warm_up"])
def test_figures_without_a_part_are_refused(field: str) -> None:
    value = counted([]).to_json()
    del value[field]

    with pytest.raises(ValueError, match="not the figures"):
        Figures.from_json(value)


def test_they_can_be_read_at_three_in_the_morning() -> None:
    result = Result(OPEN, Figures((Line("x", 2, (("no", 1),)),)))

    assert repr(result) == "<Result http://127.0.0.1/: <Figures 2 succeeded, 1 failed, 1 names>, complete after 10.0 s>"
    assert repr(result.figures.line("x")) == "<Line 'x' 2 succeeded, 1 failed>"
    assert repr(Tally().row("y")) == "<Row 'y' 0 succeeded, 0 failed>"
    assert repr(Tally()) == "<Tally second 0, 0 names, 0 runs started>"
