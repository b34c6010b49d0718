"""Whoever is next is the most important one that came first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.resilience.line import Line


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("join"), st.integers(-2, 2)),
            st.tuples(st.sampled_from(["leave", "pop"]), st.integers(0, 50)),
        ),
        max_size=120,
    )
)
def test_a_line_is_a_sorted_list_that_can_be_left(steps: list[tuple[str, int]]) -> None:
    line: Line[int] = Line()
    model: list[tuple[int, int]] = []
    arrived = 0

    for step, number in steps:
        if step == "join":
            line.join(arrived, number)
            model.append((-number, arrived))
            arrived += 1
        elif step == "leave":
            there = [entry for entry in model if entry[1] == number]
            assert line.leave(number) == bool(there)
            model = [entry for entry in model if entry[1] != number]
        elif model:
            first = min(model)
            assert line.first() == first[1]
            assert line.pop() == first[1]
            model.remove(first)

        assert len(line) == len(model)
        assert all(entry[1] in line for entry in model)
        assert len(line.entries) <= 2 * len(model) + 9, "who has left takes no room"

    assert [line.pop() for _ in range(len(line))] == [entry[1] for entry in sorted(model)]


def test_nobody_is_next_in_an_empty_line() -> None:
    line: Line[str] = Line()
    line.join("a")
    line.leave("a")

    with pytest.raises(IndexError):
        line.first()

    with pytest.raises(IndexError):
        line.pop()
