"""Laws of the histogram: percentiles are as exact as it says, merging loses nothing, what is written is read again."""

import json
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.frame.stress_tests.histogram import HIGHEST, LOWEST, Distribution, Histogram

TIMES = st.floats(min_value=1e-9, max_value=1e6, allow_nan=False)
RECORDS = st.lists(TIMES, min_size=1, max_size=200)
DIGITS = st.integers(1, 5)
PERCENTS = st.one_of(st.sampled_from([0, 50, 90, 99, 99.9, 99.99, 100]), st.floats(0, 100))


def recorded(times: list[float], digits: int = 3) -> Distribution:
    histogram = Histogram(digits)

    for seconds in times:
        histogram.record(seconds)

    return histogram.read()


def exact(times: list[float], percent: float) -> float:
    """The nearest rank, computed on the records themselves."""
    rank = math.ceil(Fraction(str(percent)) * len(times) / 100)
    return sorted(times)[max(1, rank) - 1]


@given(RECORDS, PERCENTS, DIGITS)
def test_a_percentile_is_as_exact_as_it_says(times: list[float], percent: float, digits: int) -> None:
    distribution = recorded(times, digits)
    truth = exact(times, percent)

    assert abs(distribution.percentile(percent) - truth) <= distribution.error * truth * (1 + 1e-9)
    assert distribution.error <= 0.5 * 10**-digits


@given(RECORDS)
def test_count_and_extremes_are_exact_and_the_mean_within_the_error(times: list[float]) -> None:
    distribution = recorded(times)
    mean = math.fsum(times) / len(times)

    assert distribution.count == len(times)
    assert (distribution.lowest, distribution.highest) == (max(min(times), LOWEST), max(times))
    assert distribution.percentile(100) == max(times)
    assert abs(distribution.mean - mean) <= distribution.error * mean * (1 + 1e-9)


@given(RECORDS, st.randoms(use_true_random=False), st.integers(1, 6))
def test_any_partition_merges_to_the_same(times: list[float], random: random.Random, parts: int) -> None:
    shares: list[list[float]] = [[] for _ in range(parts)]

    for seconds in times:
        random.choice(shares).append(seconds)

    random.shuffle(shares)
    first, *rest = (recorded(share) for share in shares)

    assert first.merge(*rest) == recorded(times)

    one_by_one = Histogram()

    for share in shares:
        one_by_one.merge(recorded(share))

    assert one_by_one.read() == recorded(times)


@given(RECORDS, DIGITS, DIGITS)
def test_coarser_is_as_if_recorded_coarser(times: list[float], fine: int, coarse: int) -> None:
    fine, coarse = max(fine, coarse), min(fine, coarse)

    assert recorded(times, fine).coarser(coarse) == recorded(times, coarse)
    assert recorded(times, fine).merge(recorded(times, coarse)) == recorded(times * 2, coarse)


@given(st.lists(TIMES, max_size=50), DIGITS)
def test_what_is_written_is_read_again(times: list[float], digits: int) -> None:
    distribution = recorded(times, digits)

    assert Distribution.from_bytes(distribution.to_bytes()) == distribution
    assert Distribution.from_json(json.loads(json.dumps(distribution.to_json()))) == distribution


@given(st.floats(0.001, 2.0), st.floats(0.0005, 0.1))
def test_corrected_records_are_those_that_were_held_up(seconds: float, interval: float) -> None:
    """By the definition of HdrHistogram: also seconds - interval, - 2 intervals … down to one interval."""
    histogram, plain = Histogram(), Histogram()
    histogram.record_corrected(seconds, interval)
    plain.record(seconds)

    for step in range(1, int(seconds / interval)):
        plain.record(seconds - step * interval)

    assert histogram.read() == plain.read()


def test_a_stall_of_a_second_appears_when_it_is_corrected() -> None:
    """One user asks each 10 ms for 10 s, and once waits for a second: 8 % of what should have been asked waits."""
    distribution = recorded([0.001] * 900 + [1.0])

    assert distribution.percentile(99) < 0.0011
    assert 0.88 < distribution.corrected(0.01).percentile(99) < 0.93
    assert distribution.corrected(0.01).count == 901 + 99


def test_correcting_costs_no_more_than_there_are_cells() -> None:
    histogram = Histogram()
    histogram.record_corrected(1000.0, 1e-6)

    assert histogram.count == 10**9
    assert len(histogram.cells) < 51_200


def test_records_of_one_time_count_as_often_as_they_are() -> None:
    histogram = Histogram()
    histogram.record_many(0.25, 3)
    histogram.record_many(9.0, 0)

    assert (histogram.count, histogram.read().highest) == (3, 0.25)


def test_memory_is_bounded_by_the_cells_whatever_is_recorded() -> None:
    histogram = Histogram(2)
    draw = random.Random(5)

    for _ in range(100_000):
        histogram.record(10 ** draw.uniform(-12, 9))

    assert len(histogram.cells) <= 50 * 128 + 1
    assert histogram.read().lowest == LOWEST
    assert histogram.read().highest == HIGHEST


@pytest.mark.parametrize("seconds", [-1.0, -1e-9, math.nan, math.inf, -math.inf])
def test_what_is_no_time_is_refused(seconds: float) -> None:
    histogram = Histogram()

    with pytest.raises(ValueError, match="a time is a number of seconds"):
        histogram.record(seconds)

    assert not histogram


def test_a_time_of_nothing_counts_as_the_shortest() -> None:
    assert recorded([0.0, 0]).percentile(100) == LOWEST


def test_an_empty_one_has_neutral_figures() -> None:
    empty = Distribution()

    assert (empty.count, empty.mean, empty.deviation, empty.percentiles(50, 99)) == (0, 0.0, 0.0, (0.0, 0.0))
    assert empty.share_above(1) == 0.0
    assert recorded([1.0]).merge(empty) == recorded([1.0]) == empty.merge(recorded([1.0]))
    assert empty.merge() == empty
    assert repr(empty) == "<Distribution empty>"


def test_the_share_above_a_limit() -> None:
    assert recorded([0.1, 0.2, 0.3, 0.4]).share_above(0.25) == 0.5


def test_the_deviation_is_that_of_the_records() -> None:
    assert recorded([1.0, 3.0]).deviation == pytest.approx(1.0, rel=0.001)


@pytest.mark.parametrize("percent", [-0.1, 100.1, math.nan])
def test_a_percentile_outside_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        recorded([1.0]).percentile(percent)


@pytest.mark.parametrize("digits", [0, 6, -1])
def test_digits_have_bounds(digits: int) -> None:
    with pytest.raises(ValueError, match="1 to 5 significant digits"):
        Histogram(digits)


@given(RECORDS, st.data())
def test_damaged_bytes_are_refused_or_are_another_histogram(times: list[float], data: st.DataObject) -> None:
    """What is read from a damaged one can at least be written again."""
    whole = bytearray(recorded(times).to_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    try:
        found = Distribution.from_bytes(bytes(whole))
    except ValueError:
        return

    assert Distribution.from_bytes(found.to_bytes()) == found


@pytest.mark.parametrize(
    "value", [{}, {"count": 1}, {"count": 1, "cells": "?"}, {"count": 0, "digits": 9}, {"count": 1, "cells": "AAAA"}]
)
def test_json_of_something_else_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Distribution.from_json(value)


def test_it_can_be_read_at_three_in_the_morning() -> None:
    assert repr(recorded([0.25] * 10)) == "<Distribution 10 times, p50 0.25 s, p99 0.25 s, max 0.25 s>"
    assert repr(Histogram()) == "<Histogram empty>"
