"""Choices by weight: never what has none, and the others in proportion."""

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.choice import AliasTable, choose, choose_weighted
from hagworm.extend.error import BadValue, NoCandidate

WEIGHTS = {"a": 5.0, "b": 3.0, "c": 0.0, "d": 2.0}


def test_u2_what_has_no_weight_is_never_chosen() -> None:
    random = Random(1)
    table = AliasTable({"never": 0, "always": 1})

    assert {choose_weighted({"never": 0, "always": 1}, random=random) for _ in range(1000)} == {"always"}
    assert {table.choose(random=random) for _ in range(1000)} == {"always"}


@settings(deadline=None)
@given(st.dictionaries(st.integers(), st.floats(0, 1e308), min_size=1), st.integers())
def test_u2_only_weights_above_zero_count(weights: dict[int, float], seed: int) -> None:
    if not any(weights.values()):
        with pytest.raises(NoCandidate):
            AliasTable(weights)

        return

    random, table = Random(seed), AliasTable(weights)

    for _ in range(5):
        assert weights[choose_weighted(weights, random=random)] > 0
        assert weights[table.choose(random=random)] > 0


def test_u2_choices_are_in_proportion_to_the_weights() -> None:
    """Chi squared with 2 degrees of freedom: 13.8 is passed by one seed in a thousand, and this one is fixed."""
    random, table = Random(7), AliasTable(WEIGHTS)

    for counts in (
        Counter(choose_weighted(WEIGHTS, random=random) for _ in range(20_000)),
        Counter(table.choose(random=random) for _ in range(20_000)),
    ):
        expected = {item: weight / 10 * 20_000 for item, weight in WEIGHTS.items() if weight}
        assert sum((counts[item] - count) ** 2 / count for item, count in expected.items()) < 13.8


@settings(deadline=None)
@given(st.dictionaries(st.integers(), st.integers(0, 1000), min_size=1))
def test_the_shares_of_an_alias_table_are_the_weights(weights: dict[int, int]) -> None:
    if not (total := sum(weights.values())):
        return

    table = AliasTable(weights)
    shares: Counter[int] = Counter()

    for index, share in enumerate(table.shares):
        shares[index] += share
        shares[table.aliases[index]] += 1 - share

    for index, item in enumerate(table.items):
        assert math.isclose(shares[index] / len(table.items), weights[item] / total, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf])
def test_what_is_no_weight_is_refused(weight: float) -> None:
    with pytest.raises(BadValue, match="a weight of 0 or more for 'b'"):
        choose_weighted({"a": 1, "b": weight})


def test_of_nothing_nothing_is_chosen() -> None:
    with pytest.raises(NoCandidate):
        choose([])

    with pytest.raises(NoCandidate):
        choose_weighted({})


def test_the_default_is_the_randomness_of_the_system() -> None:
    assert {choose("ab") for _ in range(200)} == {"a", "b"}
    assert repr(AliasTable({"a": 1})) == "<AliasTable of 1>"
