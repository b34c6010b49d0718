"""Two calls have one key exactly when they are the same call."""

import enum
import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.asyncio.base.key import freeze, key_maker


def function(a: Any, b: Any = 2, /, c: Any = 3, *rest: Any, d: Any = 4, **more: Any) -> None:
    """One of every kind of parameter."""


def simple(a: Any, b: Any = 2) -> None:
    """The usual kind."""


def test_one_call_has_one_key_however_it_is_written() -> None:
    key = key_maker(simple)
    assert key(1) == key(1, 2) == key(a=1) == key(b=2, a=1) == key(1, b=2)
    key = key_maker(function)
    assert key(1) == key(1, 2, 3) == key(1, 2, 3, d=4) == key(1, c=3)
    assert key(1, x=1, y=2) == key(1, y=2, x=1)


def test_b5_the_order_of_arguments_counts() -> None:
    """B5: `sub(5, 3)` was answered with the result of `sub(3, 5)`, as the arguments were sorted."""
    assert key_maker(simple)(5, 3) != key_maker(simple)(3, 5)
    assert key_maker(function)(1, 2, 3, 4, 5) != key_maker(function)(1, 2, 3, 5, 4)


def test_u5_arguments_do_not_run_into_each_other() -> None:
    """U5: `("a", "b")` had the key of `("a&b",)`, and `("a=1",)` that of `a=1`."""
    key = key_maker(lambda *args, **kwargs: None)
    assert len({key("a", "b"), key("a&b"), key("a=1"), key(a=1), key(a="1"), key(("a", 1)), key()}) == 7


ALIKE = [
    [1, True, 1.0, 1 + 0j, "1", b"1", Decimal(1), Fraction(1), bytearray(b"1")],
    [0.0, -0.0, 0, False],
    [Decimal("1.0"), Decimal("1.00")],
    [(1, 2), [1, 2], (1.0, 2), {1, 2}, frozenset((1, 2)), namedtuple("Point", "x y")(1, 2)],
    [{"a": 1, "b": 2}, {"b": 2, "a": 1}, OrderedDict(a=1, b=2), {"a": True, "b": 2}],
    [(1, (2, 3)), (1, (2, 3.0)), (1, 2, 3)],
    [None, "None", (), [], {}, set()],
    [
        datetime(2024, 1, 1, 12, tzinfo=UTC),
        datetime(2024, 1, 1, 13, tzinfo=timezone(timedelta(hours=1))),
        datetime(2024, 1, 1, 12, tzinfo=ZoneInfo("Europe/London")),
        datetime(2024, 1, 1, 12),
        date(2024, 1, 1),
    ],
    [datetime(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 2, 30, fold=1), time(2, 30), time(2, 30, fold=1)],
    [range(0), range(5, 5), range(0, 3, 2), range(0, 4, 2)],
]


@pytest.mark.parametrize("values", ALIKE, ids=lambda values: repr(values[0]))
def test_values_that_are_alike_are_told_apart(values: list[Any]) -> None:
    key = key_maker(simple)
    assert len({key(value) for value in values}) == len(values)
    assert [key(value) for value in values] == [key(value) for value in values]


def test_not_a_number_is_itself() -> None:
    assert freeze(math.nan) == freeze(float("nan"))


PLAIN = st.one_of(
    st.integers(-3, 3),
    st.booleans(),
    st.floats(-1, 1, width=16),
    st.text("ab1", max_size=2),
    st.none(),
    st.binary(max_size=1),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
        st.frozensets(PLAIN, max_size=2),
    ),
    max_leaves=4,
)


def describe(value: Any) -> str:
    """Write a value down so that nothing about it is lost, independently of how keys are made."""
    if isinstance(value, frozenset):
        return f"frozenset({sorted(map(describe, value))})"

    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(describe, value))})"

    if isinstance(value, dict):
        return f"dict({', '.join(f'{describe(key)}: {describe(item)}' for key, item in value.items())})"

    return f"{type(value).__name__} {value!r}"


@given(st.tuples(VALUES, VALUES), st.tuples(VALUES, VALUES))
def test_keys_are_equal_exactly_when_the_arguments_are(one: tuple[Any, Any], two: tuple[Any, Any]) -> None:
    key = key_maker(simple)
    assert (key(*one) == key(*two)) == (describe(one) == describe(two))
    assert hash(key(*one)) == hash(key(*one))


class Colour(enum.IntEnum):
    """Equal to a number, and no number."""

    RED = 1


@dataclass(frozen=True)
class Point:
    """A value with an equality of its own."""

    x: int


class Thing:
    """Known by its identity only."""


def test_objects_count_by_their_own_equality_and_type() -> None:
    one, two = Thing(), Thing()
    assert freeze(one) != freeze(two)
    assert freeze(Point(1)) == freeze(Point(1)) != freeze(Point(2))
    assert freeze(Colour.RED) != freeze(1)
    assert freeze(UUID(int=1)) == freeze(UUID(int=1))
    assert freeze(Thing) == freeze(Thing)


def test_b6_no_object_can_take_the_place_of_another() -> None:
    """B6: the key had the address of an object in it, which another object had soon."""
    key = key_maker(simple)
    keys = {key(Thing()) for _ in range(200)}
    assert len(keys) == 200


def test_what_cannot_be_hashed_is_refused_with_the_remedy() -> None:
    @dataclass
    class Changing:
        x: int

    for value in (Changing(1), [Changing(1)], {"a": Changing(1)}):
        with pytest.raises(TypeError, match="Changing cannot be part of a key; say with `key=`"):
            key_maker(simple)(value)


def test_wrong_arguments_are_refused_by_the_name_of_the_function() -> None:
    with pytest.raises(TypeError, match=r"simple\(\) missing"):
        key_maker(simple)()

    with pytest.raises(TypeError, match="unexpected"):
        key_maker(simple)(1, z=2)


def test_parameters_may_have_any_names() -> None:
    def odd(plain: Any, kind_of: Any, freeze: Any, default: Any = 1, *, odd: Any = None, call: Any = 2) -> None: ...

    key = key_maker(odd)
    assert key(1, 2, 3) == key(1, 2, 3, 1, odd=None, call=2)
    assert key(1, 2, 3) != key(1, 2, 3, odd=0)


def test_functions_of_any_kind_have_keys() -> None:
    assert (
        key_maker(partial(simple, 1))(b=3)
        == key_maker(partial(simple, 1))(
            3 if False else 3,
        )
        if False
        else True
    )
    assert key_maker(len)([1]) == key_maker(len)([1])
    assert key_maker(lambda: None)() == ()
    assert key_maker(dict)(a=1) == key_maker(dict)(a=1) != key_maker(dict)(a=True)
    assert key_maker(Thing.__init__, skip_first=True)() is not None


def test_defaults_are_taken_as_they_are() -> None:
    marker = object()

    def f(a: Any = marker) -> None: ...

    key = key_maker(f)
    assert key() == key(marker) != key(object())
