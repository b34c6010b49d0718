"""Constants are set once, namespaces never, and asking for what there is not is an ordinary question."""

import copy
import pickle
from collections import namedtuple
from enum import Enum

import pytest

from hagworm.extend.error import BadValue, ConstError
from hagworm.extend.struct import Const, Namespace, freeze, member_names, member_or, member_values, parse_member

Pair = namedtuple("Pair", "a b")


def test_c1_asking_whether_there_is_a_constant_raises_nothing() -> None:
    const = Const()

    assert not hasattr(const, "x")
    assert not hasattr(Namespace(a=1), "x")
    assert getattr(const, "x", 7) == 7

    with pytest.raises(AttributeError, match="'PROT' has not been set \\(did you mean 'PORT'\\?\\)"):
        Const(PORT=80).PROT  # noqa: B018


def test_c1_what_is_set_again_says_so() -> None:
    const = Const()
    const.PORT = 80

    with pytest.raises(ConstError, match="'PORT' is 80 and cannot be set again"):
        const.PORT = 81

    with pytest.raises(ConstError, match="cannot be deleted"):
        del const.PORT

    assert const.PORT == 80
    assert ("PORT" in const, list(const), len(const), repr(const)) == (True, ["PORT"], 1, "Const(PORT=80)")


def test_a_namespace_does_not_change() -> None:
    space = Namespace({"a": 1}, b=2)

    for change in (lambda: setattr(space, "a", 2), lambda: setattr(space, "c", 2), lambda: delattr(space, "a")):
        with pytest.raises(ConstError, match="does not change"):
            change()

    with pytest.raises(TypeError):
        space["a"] = 2  # type: ignore[index]  # that is what is refused

    assert (space.a, space["b"], len(space), dict(space)) == (1, 2, 2, {"a": 1, "b": 2})
    assert space.replaced(b=3) == Namespace(a=1, b=3)
    assert repr(space) == "Namespace(a=1, b=2)"
    assert "a" in dir(space)

    with pytest.raises(ConstError, match="there is no 'c'"):
        space.replaced(c=1)

    with pytest.raises(BadValue):
        Namespace({1: 2})  # type: ignore[dict-item]  # that is what is refused


def test_equal_namespaces_are_one_key_also_from_another_process() -> None:
    space = Namespace(a=1, b=(2,))

    assert {space: 1}[Namespace(b=(2,), a=1)] == 1
    assert space != {"a": 1, "b": (2,)}
    assert pickle.loads(pickle.dumps(space)) == copy.deepcopy(space) == space


def test_freezing_goes_all_the_way_down() -> None:
    frozen = freeze({"a": [{"b": {1, 2}}, bytearray(b"x")], "pair": Pair(1, [2])})

    assert frozen == Namespace(a=(Namespace(b=frozenset({1, 2})), b"x"), pair=Pair(1, [2]))
    assert frozen.a[0].b == {1, 2}
    assert freeze(frozen) is frozen

    with pytest.raises(BadValue, match="a dict whose keys are text"):
        freeze({1: 2})


class Color(Enum):
    RED = 1
    GREEN = "g"


def test_members_by_name_and_by_value() -> None:
    assert parse_member(Color, 1) is parse_member(Color, " red ") is parse_member(Color, Color.RED) is Color.RED
    assert parse_member(Color, "g") is Color.GREEN
    assert member_or(Color, "blue", None) is None
    assert (member_names(Color), member_values(Color)) == (("RED", "GREEN"), (1, "g"))

    for wrong in (True, 1.0, None, "blue", [1]):
        with pytest.raises(BadValue, match="one of RED, GREEN"):
            parse_member(Color, wrong)

    with pytest.raises(BadValue, match="did you mean 'GREEN'"):
        parse_member(Color, "GREN")
