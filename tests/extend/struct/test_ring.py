"""Keys stay where they are when nodes come and go, but for those that must move."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import BadValue, NoCandidate
from hagworm.extend.struct import HashRing

KEYS = [f"key {number}" for number in range(300)]
NODES = st.lists(st.sampled_from([f"node {number}" for number in range(8)]), unique=True, min_size=1)


@settings(max_examples=30, deadline=None)
@given(NODES, st.integers(1, 3))
def test_a_node_that_comes_takes_keys_only_to_itself_and_gives_them_back(nodes: list[str], weight: int) -> None:
    ring = HashRing(nodes, replicas=20)
    before = [ring.get(key) for key in KEYS]
    ring.add("new", weight)
    during = [ring.get(key) for key in KEYS]
    ring.remove("new")

    assert all(now in (was, "new") for was, now in zip(before, during, strict=True))
    assert [ring.get(key) for key in KEYS] == before


@settings(max_examples=30, deadline=None)
@given(NODES)
def test_the_order_in_which_nodes_came_does_not_matter(nodes: list[str]) -> None:
    left, right = HashRing(nodes, replicas=10), HashRing(reversed(nodes), replicas=10)

    assert [left.get(key) for key in KEYS] == [right.get(key) for key in KEYS]


def test_keys_are_shared_out_by_weight() -> None:
    ring = HashRing({"a": 1, "b": 1, "c": 2})
    counts = Counter(ring.get(number) for number in range(8000))

    assert 1500 < counts["a"] < 2600
    assert 1500 < counts["b"] < 2600
    assert 3200 < counts["c"] < 4800


def test_the_same_key_is_at_the_same_node_for_ever() -> None:
    ring = HashRing(["redis-1:6379", "redis-2:6379", "redis-3:6379"])

    assert [ring.get(key) for key in ("a", "b", b"b", 7)] == [
        "redis-2:6379",
        "redis-2:6379",
        "redis-2:6379",
        "redis-1:6379",
    ]


@settings(max_examples=30, deadline=None)
@given(NODES, st.integers(1, 10), st.text())
def test_copies_are_on_different_nodes(nodes: list[str], count: int, key: str) -> None:
    ring = HashRing(nodes, replicas=5)
    several = ring.get_several(key, count)

    assert len(several) == len(set(several)) == min(count, len(nodes))
    assert several[0] == ring.get(key)


def test_what_is_no_ring_is_refused() -> None:
    ring = HashRing(["a"], replicas=2)

    assert ("a" in ring, list(ring), len(ring), repr(ring)) == (True, ["a"], 1, "<HashRing 1 nodes, 2 places>")

    for wrong in (lambda: ring.add("a"), lambda: ring.add("b", 0), lambda: HashRing(replicas=0)):
        with pytest.raises(BadValue):
            wrong()

    for empty in (lambda: HashRing().get("a"), lambda: ring.remove("b")):
        with pytest.raises(NoCandidate):
            empty()
