"""The majority tells the time, a minority that lies changes nothing, and without a majority nobody tells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.ntp.selection import Candidate, Selection, intersect, select


def candidates(*offsets: float, distance: float = 0.01, jitter: float = 0.0) -> list[Candidate]:
    return [Candidate(f"s{number}", offset, distance, jitter) for number, offset in enumerate(offsets)]


def chosen(*offsets: float, distance: float = 0.01, quorum: int = 1) -> Selection:
    selection = select(candidates(*offsets, distance=distance), quorum=quorum)
    assert selection is not None
    return selection


@pytest.mark.parametrize("lie", [3600.0, -3600.0, 0.1, -0.1])
def test_a_liar_is_outvoted(lie: float) -> None:
    selection = chosen(0.0, 0.001, -0.001, lie)

    assert [liar.offset for liar in selection.liars] == [lie]
    assert abs(selection.offset) < 0.001
    assert selection.error < 0.02


def test_two_of_five_that_lie_alike_are_outvoted() -> None:
    selection = chosen(0.0, 3600.0, 0.001, 3600.0, -0.001)

    assert len(selection.liars) == 2
    assert abs(selection.offset) < 0.001


@pytest.mark.parametrize("offsets", [(0.0, 1.0), (0.0, 1.0, 2.0), (0.0, 0.0, 1.0, 1.0), ()], ids=str)
def test_x15_without_a_majority_there_is_no_time(offsets: tuple[float, ...]) -> None:
    assert select(candidates(*offsets)) is None


def test_x15_one_of_three_is_no_quorum() -> None:
    assert select(candidates(10.0), quorum=2, total=3) is None
    assert chosen(10.0).offset == 10.0


def test_a_quorum_is_counted_without_the_liars() -> None:
    assert select(candidates(0.0, 0.001, 3600.0), quorum=3) is None


@given(
    waits=st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), min_size=1, max_size=8),
    lies=st.lists(st.tuples(st.floats(-1, 1), st.floats(0.0001, 0.5)), max_size=8),
)
def test_true_time_is_within_the_error_whatever_a_minority_says(
    waits: list[tuple[float, float]], lies: list[tuple[float, float]]
) -> None:
    """True time is at 0. Liars may say anything, also things that overlap with the truth and drag it along."""
    honest = [Candidate(f"h{n}", (a - b) / 2, (a + b) / 2 + 1e-6) for n, (a, b) in enumerate(waits)]
    liars = [Candidate(f"l{n}", *lie) for n, lie in enumerate(lies[: max(0, len(honest) - 1)])]
    total = len(honest) + len(liars)
    selection = select([*liars, *honest], quorum=total // 2 + 1)

    if selection is not None:
        assert abs(selection.offset) <= selection.error + 1e-12


@given(
    st.lists(
        st.builds(Candidate, st.just("s"), st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.1)),
        min_size=1,
        max_size=9,
    ),
    st.integers(1, 9),
)
def test_everybody_is_a_survivor_an_outlier_or_a_liar(everybody: list[Candidate], quorum: int) -> None:
    selection = select(everybody, quorum=quorum)

    if selection is not None:
        groups = [*selection.survivors, *selection.outliers, *selection.liars]
        assert sorted(map(repr, groups)) == sorted(map(repr, everybody))
        assert len(selection.survivors) + len(selection.outliers) >= max(quorum, len(everybody) // 2 + 1)
        assert selection.error >= 0
        assert selection.survivors


def test_with_few_answers_the_error_allows_for_liars_among_them() -> None:
    """Three of five have answered; two of them may yet lie."""
    three = [Candidate("a", 0.0, 0.3), Candidate("b", 0.2, 0.25), Candidate("c", 0.1, 0.2)]
    early, late = select(three, quorum=3, total=5), select(three, quorum=3, total=3)

    assert early is not None and late is not None
    assert early.offset == late.offset
    assert early.error > late.error
    assert early.offset - early.error <= -0.3 and early.offset + early.error >= 0.45


def test_the_intersection_is_what_the_majority_has_in_common() -> None:
    three = [Candidate("a", 0.0, 0.1), Candidate("b", 0.05, 0.1), Candidate("c", 9.0, 0.1)]

    assert intersect(three) == (pytest.approx(-0.05), pytest.approx(0.1))
    assert intersect([]) is None


def test_who_was_asked_a_while_ago_is_no_liar_and_has_no_say() -> None:
    """Its offset is outside of what the others think possible; what it thinks possible is not."""
    selection = select([*candidates(0.0, 0.0, 5.0), Candidate("old", 0.02, 0.03)], quorum=3)

    assert selection is not None
    assert [liar.offset for liar in selection.liars] == [5.0]
    assert [outlier.server for outlier in selection.outliers] == ["old"]
    assert selection.offset == 0.0


def test_an_outlier_is_left_out() -> None:
    """RFC 5905 11.2.2: four agree closely, the fifth is honest and far off."""
    selection = chosen(0.0, 0.0001, -0.0001, 0.0002, 0.3, distance=0.5)

    assert [outlier.offset for outlier in selection.outliers][0] == 0.3
    assert abs(selection.offset) < 0.001
    assert len(selection.survivors) >= 3


def test_outliers_stay_where_their_own_jitter_is_larger_than_what_they_differ_by() -> None:
    selection = select(candidates(0.0, 0.001, 0.002, 0.003, 0.004, jitter=0.1))

    assert selection is not None
    assert selection.outliers == ()


def test_who_can_be_wrong_by_less_has_more_to_say() -> None:
    selection = select([Candidate("near", 0.0, 0.001), Candidate("far", 0.09, 0.1), Candidate("nearer", 0.0, 0.001)])

    assert selection is not None
    assert 0 <= selection.offset < 0.001


def test_a_leap_second_needs_a_majority() -> None:
    warned = select([Candidate("a", 0.0, 1.0, leap=1), Candidate("b", 0.0, 1.0, leap=1), Candidate("c", 0.0, 1.0)])
    forged = select([Candidate("a", 0.0, 1.0, leap=1), Candidate("b", 0.0, 1.0), Candidate("c", 0.0, 1.0)])

    assert warned is not None and forged is not None
    assert (warned.leap, forged.leap) == (1, 0)


@pytest.mark.parametrize(("quorum", "total"), [(0, None), (-1, None), (1, 1)])
def test_a_quorum_makes_sense(quorum: int, total: int | None) -> None:
    with pytest.raises(ValueError, match="quorum"):
        select(candidates(0.0, 0.0), quorum=quorum, total=total)
