"""Laws of what chance may do: equal to the tables, and wrong no more often than it says."""

from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.frame.stress_tests.confidence import (
    MOST_BATCHES,
    Bounds,
    added,
    batch_sizes,
    design_effect,
    mean_error,
    order_statistics,
    participants,
    ratio,
    share_bounds,
    student,
    worth,
)


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [
        # From the tables of NIST's Engineering Statistics Handbook, 1.3.6.7.2.
        (0.975, 1, 12.706),
        (0.975, 2, 4.303),
        (0.95, 5, 2.015),
        (0.975, 10, 2.228),
        (0.99, 19, 2.539),
        (0.999, 20, 3.552),
        (0.975, 100, 1.984),
    ],
)
def test_student_is_that_of_the_tables(probability: float, freedom: int, quantile: float) -> None:
    assert student(probability, freedom) == pytest.approx(quantile, abs=0.0006)


@given(st.integers(0, 2000))
def test_batches_are_all_intervals_once_and_of_nearly_one_size(count: int) -> None:
    cuts = list(batch_sizes(count))

    assert [number for start, end in cuts for number in range(start, end)] == list(range(count))
    assert len(cuts) == min(count, MOST_BATCHES)
    assert not cuts or max(end - start for start, end in cuts) - min(end - start for start, end in cuts) <= 1


def test_one_stall_of_a_thousand_is_one_piece_of_evidence() -> None:
    hits, sizes = [0.0] * 19 + [1000.0], [1000.0] * 20

    assert design_effect(hits, sizes) == pytest.approx(1000, rel=0.06)
    assert participants(hits) == 1
    assert worth(hits, sizes, 0.05) == 0


def test_records_that_know_nothing_of_each_other_are_worth_about_their_number() -> None:
    random = Random(1)
    hits = [float(sum(random.random() < 0.1 for _ in range(1000))) for _ in range(20)]

    assert design_effect(hits, [1000.0] * 20) < 1.5
    assert participants(hits) == 20
    assert 0.5 < worth(hits, [1000.0] * 20, 0.05) <= 1


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_always_or_never_happens_has_no_more_variance_than_chance(share: float) -> None:
    assert design_effect([10 * share] * 5, [10.0] * 5) == 1


@pytest.mark.parametrize(("count", "share"), [(30, 0.5), (200, 0.9), (1000, 0.99), (20_000, 0.5), (5000, 0.999)])
def test_order_statistics_hold_the_quantile_as_often_as_they_say(count: int, share: float) -> None:
    """The rank of a quantile among records is binomial, whatever they are."""
    low, high = order_statistics(count, share, 0.05)
    random = Random(count)
    missed = 0

    for _ in range(300):
        below = (
            sum(random.random() < share for _ in range(count))
            if count < 300
            else round(random.gauss(count * share, (count * share * (1 - share)) ** 0.5))
        )
        missed += not low * count <= below <= high * count

    assert missed <= 300 * 0.085
    assert 0 <= low < share < high <= 1


def test_too_few_records_have_no_bound() -> None:
    assert order_statistics(100, 0.999, 0.05)[1] == 1
    assert order_statistics(0, 0.5, 0.05) == (0, 1)
    assert order_statistics(4, 0.5, 0.05) == (0, 1)


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(1.01, 3), st.floats(1.01, 3))
def test_a_ratio_is_within_its_bounds_and_turns_around_with_its_sides(
    before: float, after: float, one: float, other: float
) -> None:
    sides = Bounds(before, before / one, before * other), Bounds(after, after / other, after * one)
    found, turned = ratio(*sides), ratio(*reversed(sides))

    assert found.low < found.value < found.high
    assert (turned.low, turned.high) == pytest.approx((1 / found.high, 1 / found.low))


def test_what_is_not_known_of_a_side_is_not_known_of_the_ratio() -> None:
    assert ratio(Bounds(1, 0.9, 1.1), Bounds(2, 1.9, inf)).high == inf
    assert ratio(Bounds(1, 0.9, inf), Bounds(2, 1.9, 2.1)).low == 0
    assert ratio(Bounds(1, 0.0, 1.1), Bounds(2, 1.9, 2.1)).high == inf


def test_shares_and_what_was_added_to_them() -> None:
    none, some = share_bounds(0, 1000, 1000, 0.05), share_bounds(50, 1000, 1000, 0.05)

    # By R: prop.test(50, 1000, correct = FALSE)
    assert (some.low, some.high) == pytest.approx((0.03813026, 0.06531382), abs=1e-6)
    assert (none.value, none.low) == (0, 0)
    assert added(none, some).low > 0.03
    assert share_bounds(1, 2, 0, 0.05) == Bounds(0.5, 0, 1)


def test_the_error_of_a_mean_is_known_from_batches() -> None:
    random = Random(5)
    sums = [sum(random.gauss(1, 0.5) for _ in range(100)) for _ in range(20)]

    assert mean_error(sums, [100.0] * 20) == pytest.approx(0.5 / 2000**0.5, rel=0.4)
    assert mean_error([1.0], [1.0]) == inf
