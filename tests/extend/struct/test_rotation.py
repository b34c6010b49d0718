"""Turns are fair: in order, by weight, or by load."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import BadValue, NoCandidate
from hagworm.extend.struct import LeastLoaded, RoundRobin, WeightedRoundRobin


def test_one_after_the_other() -> None:
    ring = RoundRobin("abc")

    assert [ring.next() for _ in range(7)] == list("abcabca")
    assert ring.next(lambda item: item != "b") == "c"
    ring.remove("a")
    ring.add("d")
    assert [ring.next() for _ in range(4)] == list("bcdb")
    assert (len(ring), repr(ring)) == (3, "<RoundRobin of 3, next 1>")


def test_of_nobody_it_is_nobodys_turn() -> None:
    for wrong in (
        lambda: RoundRobin().next(),
        lambda: RoundRobin("a").next(lambda item: False),
        lambda: RoundRobin("a").remove("b"),
        lambda: WeightedRoundRobin({"a": 0}).next(),
        lambda: LeastLoaded([]).acquire(),
    ):
        with pytest.raises(NoCandidate):
            wrong()


@settings(deadline=None)
@given(st.lists(st.integers(), unique=True, min_size=1), st.data())
def test_taking_one_out_leaves_the_turns_of_the_others(items: list[int], data: st.DataObject) -> None:
    ring = RoundRobin(items)

    for _ in range(data.draw(st.integers(0, len(items)))):
        ring.next()

    order = [ring.items[(ring.index + step) % len(items)] for step in range(len(items))]
    gone = data.draw(st.sampled_from(items))
    ring.remove(gone)
    order.remove(gone)

    assert [ring.next() for _ in order] == order


def test_weights_are_spread_smoothly() -> None:
    ring = WeightedRoundRobin({"a": 5, "b": 1, "c": 1, "never": 0})

    assert [ring.next() for _ in range(7)] == list("aabacaa")
    assert repr(ring) == "<WeightedRoundRobin {'a': 5, 'b': 1, 'c': 1}>"

    for wrong in (-1, 1.5):
        with pytest.raises(BadValue):
            WeightedRoundRobin({"a": wrong})  # type: ignore[dict-item]  # that is what is refused


@settings(deadline=None)
@given(st.dictionaries(st.integers(), st.integers(1, 20), min_size=1))
def test_in_one_round_each_has_as_many_turns_as_its_weight(weights: dict[int, int]) -> None:
    ring = WeightedRoundRobin(weights)

    assert Counter(ring.next() for _ in range(sum(weights.values()))) == weights


def test_who_has_least_to_do_takes_the_next_job() -> None:
    balancer = LeastLoaded("abc")

    with balancer.borrow() as first, balancer.borrow() as second:
        assert (first, second) == ("a", "b")
        assert balancer.acquire() == "c"
        balancer.release("c")
        assert balancer.acquire(lambda item: item != "c") in "ab"

    assert repr(balancer) == "<LeastLoaded {'a': 1, 'b': 0, 'c': 0}>"
    assert balancer.acquire() == "c" or balancer.loads["b"] == 1


def test_a_load_counts_by_weight() -> None:
    balancer = LeastLoaded({"large": 3.0, "small": 1.0})

    assert Counter(balancer.acquire() for _ in range(8)) == {"large": 6, "small": 2}

    for wrong in (
        lambda: LeastLoaded({"a": 0.0}),
        lambda: LeastLoaded("a").release("a"),
        lambda: LeastLoaded("a").release("b"),
    ):
        with pytest.raises(BadValue):
            wrong()


@settings(deadline=None)
@given(st.integers(2, 6))
def test_without_load_turns_go_round(count: int) -> None:
    balancer = LeastLoaded(range(count))
    turns = []

    for _ in range(2 * count):
        with balancer.borrow() as item:
            turns.append(item)

    assert turns == [*range(count)] * 2
