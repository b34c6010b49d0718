"""A signature is for one value only, under one key only."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.signing import canonical, check, legacy_join, legacy_sign_md5, sign
from hagworm.extend.error import BadSignature, BadValue, LimitExceeded

KEY = b"k" * 32
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
PARAMS = st.dictionaries(st.text(), VALUES, max_size=4)


def exact(value: Any) -> Any:
    """Return what is equal only for the same value of the same type; -0.0 and 0.0 differ."""
    match value:
        case dict():
            return ("m", frozenset((key, exact(item)) for key, item in value.items()))
        case list():
            return ("l", tuple(exact(item) for item in value))
        case _:
            return (type(value).__name__, repr(value))


@settings(deadline=None)
@given(VALUES, VALUES)
def test_u5_two_values_share_no_canonical_form(left: Any, right: Any) -> None:
    assert (canonical(left) == canonical(right)) == (exact(left) == exact(right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": "1&b=2"}, {"a": "1", "b": "2"}),
        ({"a": ["b", "c"]}, {"a": ["bc"]}),
        ({"a": b"x"}, {"a": "x"}),
        ({"a": None}, {}),
        ({"a": None}, {"a": ""}),
    ],
    ids=str,
)
def test_u5_what_the_original_took_for_the_same_differs(left: dict[str, Any], right: dict[str, Any]) -> None:
    signature = sign(left, KEY)

    with pytest.raises(BadSignature):
        check(right, signature, KEY)


@settings(deadline=None)
@given(PARAMS)
def test_a_signature_is_found_right_whatever_the_order(params: dict[str, Any]) -> None:
    check(dict(reversed(params.items())), sign(params, KEY), KEY)


def test_the_form_is_the_same_for_ever() -> None:
    assert canonical({"b": [1, None], "a": "é"}) == b"m23:s1:as2:\xc3\xa9s1:bl7:i1:1n0:"
    assert sign({"a": 1}, KEY) == "3606ef09fa4cb40d3e3326e2d61ae18466830ae832aae22d4b09bfc4ca43f496"


def test_key_and_purpose_belong_to_a_signature() -> None:
    signature = sign({"a": 1}, KEY, purpose="cart")
    check({"a": 1}, signature, b"other key, which is new", KEY, purpose="cart")

    for keys, purpose in (([KEY], ""), ([b"o" * 16], "cart")):
        with pytest.raises(BadSignature) as refused:
            check({"a": 1}, signature, *keys, purpose=purpose)

        assert signature not in str(refused.value)

    for wrong in ("", "é", signature[:-1], signature.upper()):
        with pytest.raises(BadSignature):
            check({"a": 1}, wrong, KEY, purpose="cart")


def test_weak_keys_and_none_are_refused_and_not_told() -> None:
    with pytest.raises(BadValue, match="a key of at least 16 bytes$"):
        sign({}, "secret")

    with pytest.raises(BadValue, match="at least one key"):
        check({}, "00")


def test_what_cannot_be_signed_is_named() -> None:
    with pytest.raises(BadValue, match="equal to itself"):
        canonical(float("nan"))

    with pytest.raises(BadValue, match="None, bool, int"):
        canonical(object())

    with pytest.raises(BadValue, match="keys are text"):
        canonical({1: 2})

    deep: list[Any] = []

    for _ in range(100):
        deep = [deep]

    with pytest.raises(LimitExceeded, match="64 levels"):
        canonical(deep)


def test_the_legacy_signature_is_the_one_of_the_original() -> None:
    assert legacy_join({"b": 2, "a": 1}, excludes=["c"]) == "a=1&b=2"
    assert legacy_join({"b": 2, "a": 1}, excludes=["a"]) == "b=2"
    assert legacy_sign_md5("key", b=2, a=1) == hashlib.md5(b"key&a=1&b=2").hexdigest()
    assert legacy_sign_md5("b", "a") == hashlib.md5(b"a&b").hexdigest()
