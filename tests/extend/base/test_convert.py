"""Strict readers say what a value is or raise; lists of text and of numbers come back as they went."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.convert import (
    bool_or,
    decimal_or,
    float_or,
    int_or,
    join_numbers,
    join_text,
    parse_bool,
    parse_decimal,
    parse_float,
    parse_int,
    split_numbers,
    split_text,
    to_bytes,
    to_text,
)
from hagworm.extend.error import BadValue


def test_u1_a_float_is_never_cut_to_a_whole_number_or_to_zero() -> None:
    assert parse_float(1.5) == 1.5
    assert float_or(1.5, 0.0) == 1.5
    assert int_or(3.7, -1) == -1
    assert parse_int(3.0) == 3

    with pytest.raises(BadValue, match=r"expected a whole number, not 3\.7"):
        parse_int(3.7)


@pytest.mark.parametrize(
    "value", ["", " ", "1_000", "٣", "0x10", "1.0", "1e3", "--1", "abc", None, True, 1.5, math.inf, math.nan, [], "1 2"]
)
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(BadValue, match="expected a whole number"):
        parse_int(value)


@pytest.mark.parametrize("value", [Decimal("1e1000000000"), Decimal("NaN"), Decimal("1.5"), "9" * 5000])
def test_a_number_that_no_memory_holds_is_refused_at_once(value: object) -> None:
    with pytest.raises(BadValue):
        parse_int(value)


@pytest.mark.parametrize(
    "value", ["", "1_0.5", "١", "nan", "inf", "-inf", True, None, "1,5", 10**400, math.nan, "0x1p3"]
)
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(BadValue):
        parse_float(value)


def test_infinity_is_a_number_where_that_is_asked_for() -> None:
    assert parse_float("-inf", finite=False) == -math.inf
    assert math.isnan(parse_float("nan", finite=False))


def test_bounds_are_named() -> None:
    with pytest.raises(BadValue, match="a number of at least 1 and at most 9, not '10'"):
        parse_int("10", minimum=1, maximum=9)

    with pytest.raises(BadValue, match=r"at least 0\.5"):
        parse_float("0.1", minimum=0.5)

    with pytest.raises(BadValue, match="at most 1"):
        parse_decimal("2", maximum=Decimal(1))


def test_decimals_keep_their_last_digit() -> None:
    assert str(parse_decimal("10.00")) == "10.00"
    assert str(parse_decimal(0.1)) == "0.1"
    assert decimal_or("1,5", None) is None

    for wrong in ("Infinity", "NaN", True, "", None):
        with pytest.raises(BadValue):
            parse_decimal(wrong)


@pytest.mark.parametrize("value", [True, 1, "1", "TRUE", " yes ", b"on"])
def test_truth_has_several_names(value: object) -> None:
    assert parse_bool(value) is True


@pytest.mark.parametrize("value", [2, "", "y", None, 1.0, "wahr"])
def test_what_is_no_truth_value_is_refused(value: object) -> None:
    with pytest.raises(BadValue, match="true or false"):
        parse_bool(value)

    assert bool_or(value, default=None) is None


@settings(deadline=None)
@given(st.integers())
def test_a_number_is_read_as_it_is_written(number: int) -> None:
    assert parse_int(str(number)) == parse_int(f" {number:+d}\n".encode()) == number


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_as_it_is_written(number: float) -> None:
    assert parse_float(repr(number)) == number


def test_coercion_takes_text_and_bytes_only() -> None:
    assert to_bytes("é") == b"\xc3\xa9"
    assert to_bytes(memoryview(b"a")) == to_bytes(bytearray(b"a")) == b"a"
    assert to_text(b"\xc3\xa9") == to_text("é") == "é"

    with pytest.raises(BadValue, match="bytes in utf-8"):
        to_text(b"\xff")

    with pytest.raises(BadValue, match="text that utf-8 can hold"):
        to_bytes("\ud800")

    for wrong in (1, None, ["a"]):
        with pytest.raises(BadValue, match="text or bytes"):
            to_bytes(wrong)  # type: ignore[arg-type]  # that is what is refused

        with pytest.raises(BadValue, match="text or bytes"):
            to_text(wrong)  # type: ignore[arg-type]  # that is what is refused


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("a,|\\0;")) | st.text()), st.sampled_from(",|;"))
def test_u6_joined_text_comes_apart_as_it_was(items: list[str], separator: str) -> None:
    assert split_text(join_text(items, separator), separator) == items


def test_u6_a_separator_inside_of_an_item_is_not_lost() -> None:
    assert join_text(["a|b", "c"], "|") == r"a\|b|c"
    assert split_text(r"a\|b|c", "|") == ["a|b", "c"]
    assert split_text("") == []
    assert split_text(join_text([""])) == [""]


@pytest.mark.parametrize("text", ["a\\", r"\x", r"a\0", r"\0,b"])
def test_text_that_nobody_has_joined_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        split_text(text)


@pytest.mark.parametrize(("separator", "escape"), [("", "\\"), (",,", "\\"), (",", ","), ("0", "\\")])
def test_marks_that_cannot_be_told_apart_are_refused(separator: str, escape: str) -> None:
    with pytest.raises(BadValue, match="two different ones"):
        join_text(["a"], separator, escape=escape)


def test_only_text_is_joined() -> None:
    with pytest.raises(BadValue, match="items of text, not 1"):
        join_text(["a", 1])  # type: ignore[list-item]  # that is what is refused


def test_u8_no_number_is_dropped_when_numbers_are_joined() -> None:
    assert join_numbers(["-1", 2, -3.5, Decimal("0.10"), "+4"]) == "-1,2,-3.5,0.10,+4"

    with pytest.raises(BadValue, match="'x'"):
        join_numbers([1, "x"])


def test_u8_a_wrong_item_is_named_and_not_lost() -> None:
    with pytest.raises(BadValue, match=r"'1\.2\.3'"):
        split_numbers("7,1.2.3")

    with pytest.raises(BadValue, match="''"):
        split_numbers("1,,2")


@settings(deadline=None)
@given(st.lists(st.integers()))
def test_numbers_come_apart_as_they_were(numbers: list[int]) -> None:
    assert split_numbers(join_numbers(numbers)) == numbers
