"""What is written is read as it was, an error moves nothing, and no length from outside takes memory."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import BadEncoding, BadValue, EndOfData, LimitExceeded
from hagworm.extend.struct import ByteArray
from hagworm.extend.struct.bytearray import Endian, Length

ENDIANS: list[Endian] = ["big", "little"]
LENGTHS: list[Length] = ["u8", "u16", "u24", "u32", "varint"]
WHOLE = {name: (int(name[1:]), name[0] == "i") for name in "u8 u16 u24 u32 u64 i8 i16 i24 i32 i64".split()}


def integers(name: str) -> st.SearchStrategy[int]:
    bits, is_signed = WHOLE[name]
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else st.integers(0, (1 << bits) - 1)


VALUES = st.one_of(
    *[integers(name).map(lambda number, name=name: (name, number)) for name in WHOLE],
    st.integers(0, 2**64 - 1).map(lambda number: ("varint", number)),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: ("zigzag", number)),
    st.floats(allow_nan=False).map(lambda number: ("double", number)),
    st.floats(allow_nan=False, width=32).map(lambda number: ("float", number)),
    st.floats(allow_nan=False, width=16).map(lambda number: ("half", number)),
    st.booleans().map(lambda value: ("bool", value)),
    st.binary(max_size=300).map(lambda data: ("bytes", data)),
    st.text(max_size=80).map(lambda text: ("string", text)),
    st.text(max_size=60).map(lambda text: ("pascal", text)),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60).map(
        lambda text: ("cstring", text)
    ),
)


@settings(deadline=None)
@given(st.lists(VALUES), st.sampled_from(ENDIANS))
def test_s2_every_kind_of_value_comes_back(values: list[tuple[str, Any]], endian: Endian) -> None:
    array = ByteArray(endian=endian)

    for kind, value in values:
        getattr(array, f"write_{kind}")(value)

    for source in (array, ByteArray(bytes(array), endian=endian), ByteArray(bytes(array), endian=endian, view=True)):
        assert [getattr(source, f"read_{kind}")() for kind, _ in values] == [value for _, value in values]
        assert source.remaining == 0


def test_s2_a_pascal_string_keeps_its_last_byte() -> None:
    assert bytes(ByteArray().write_pascal("hello")) == b"\x05hello"
    assert ByteArray(b"\x05hello").read_pascal() == "hello"

    with pytest.raises(LimitExceeded, match="a length that u8 can hold, not 256"):
        ByteArray().write_pascal("x" * 256)


@pytest.mark.parametrize("name", WHOLE)
def test_s2_a_number_of_every_size_is_read_in_all_its_bytes(name: str) -> None:
    bits, is_signed = WHOLE[name]
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)

    for number in (low, high):
        array = getattr(ByteArray(), f"write_{name}")(number)
        assert len(array) == bits // 8
        assert getattr(array, f"read_{name}")() == number

    for beyond in (low - 1, high + 1):
        with pytest.raises(BadValue, match=f"number of {bits} bits"):
            getattr(ByteArray(), f"write_{name}")(beyond)


@settings(deadline=None)
@given(integers("i32"), st.floats(width=32, allow_nan=False))
def test_bytes_are_those_of_struct(number: int, real: float) -> None:
    for endian, mark in zip(ENDIANS, "><", strict=True):
        array = ByteArray(endian=endian).write_i32(number).write_float(real)
        assert bytes(array) == struct.pack(f"{mark}if", number, real)


def test_varints_are_those_of_protocol_buffers() -> None:
    assert bytes(ByteArray().write_varint(300)) == b"\xac\x02"
    assert (
        bytes(ByteArray().write_zigzag(-1).write_zigzag(1).write_zigzag(-(2**63)))
        == b"\x01\x02" + b"\xff" * 9 + b"\x01"
    )

    for wrong in (b"\x80\x00", b"\xff" * 9 + b"\x02", b"\xff" * 11):
        array = ByteArray(wrong)

        with pytest.raises(BadEncoding, match="as few bytes as it needs"):
            array.read_varint()

        assert array.position == 0

    with pytest.raises(EndOfData):
        ByteArray(b"\x80").read_varint()

    for beyond in (-1, 1 << 64):
        with pytest.raises(BadValue):
            ByteArray().write_varint(beyond)

    with pytest.raises(BadValue, match="signed number of 64 bits"):
        ByteArray().write_zigzag(1 << 63)


@settings(deadline=None)
@given(st.lists(st.integers(0, 70).flatmap(lambda count: st.tuples(st.integers(0, (1 << count) - 1), st.just(count)))))
def test_bits_come_back(fields: list[tuple[int, int]]) -> None:
    array = ByteArray()

    for number, count in fields:
        array.write_bits(number, count)

    array.align_write()
    total = sum(count for _, count in fields)
    assert len(array) == -(-total // 8)
    assert [array.read_bits(count) for _, count in fields] == [number for number, _ in fields]
    array.align_read()
    assert array.remaining == 0


def test_bits_and_bytes_are_not_mixed_by_accident() -> None:
    array = ByteArray().write_bits(0b101, 3)

    for use in (lambda: array.write_u8(1), lambda: bytes(array)):
        with pytest.raises(BadValue, match="bits wait for the rest of one"):
            use()

    array.align_write().write_u8(7)
    assert bytes(array) == b"\xa0\x07"
    assert array.read_bits(2) == 0b10

    with pytest.raises(BadValue, match="`align_read` leaves the rest out"):
        array.read_u8()

    assert array.align_read().read_u8() == 7

    for wrong in (lambda: array.write_bits(4, 2), lambda: array.write_bits(-1, 2), lambda: array.read_bits(-1)):
        with pytest.raises(BadValue):
            wrong()

    with pytest.raises(EndOfData, match="1 bits, where 0 are left"):
        array.read_bits(1)


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(0, 60))
def test_a_read_beyond_the_end_moves_nothing(data: bytes, size: int) -> None:
    array = ByteArray(data)

    if size > len(data):
        with pytest.raises(EndOfData, match=f"{size} bytes, where {len(data)} are left"):
            array.read(size)

        assert array.position == 0
    else:
        assert array.read(size) == data[:size]


def test_a_message_that_has_come_in_part_is_tried_again() -> None:
    array = ByteArray(b"\x01\x05hel")

    with pytest.raises(EOFError), array.attempt():
        assert array.read_u8() == 1
        array.read_pascal()

    array.write(b"lo")

    with array.attempt():
        assert (array.read_u8(), array.read_pascal()) == (1, "hello")

    assert len(array.compact()) == 0
    assert repr(array) == "<ByteArray 0 bytes, at 0, big-endian>"


@pytest.mark.parametrize("length", LENGTHS)
def test_s2_a_length_from_outside_takes_no_memory(length: Length) -> None:
    array = ByteArray(b"\xff" * 9 + b"\x01")

    with pytest.raises((LimitExceeded, EndOfData)):
        array.read_bytes(length)

    assert array.position == 0
    assert ByteArray().write_bytes(b"abc", length).read_bytes(length, limit=3) == b"abc"

    with pytest.raises(LimitExceeded, match="at most 2 bytes, not 3"):
        ByteArray().write_bytes(b"abc", length).read_bytes(length, limit=2)


def test_s2_what_is_written_has_a_limit() -> None:
    array = ByteArray(max_size=4).write_u24(1)

    for write in (
        lambda: array.write_u16(1),
        lambda: array.write_pad(2),
        lambda: array.write_bits(0, 16),
        lambda: array.write_pad(1 << 60),
    ):
        with pytest.raises(LimitExceeded):
            write()

    assert bytes(array) == b"\0\0\1"

    with pytest.raises(LimitExceeded):
        ByteArray(b"12345", max_size=4)


def test_a_view_copies_nothing_and_is_not_written() -> None:
    data = bytearray(b"\0\1\2\3")
    array = ByteArray(data, view=True)
    view = array.skip(1).read_view(2)
    data[1] = 9

    assert bytes(view) == b"\x09\2"
    assert len(array.compact()) == 1

    with pytest.raises(BadValue, match="not a view"):
        array.write(b"x")


def test_strings_of_other_framings() -> None:
    array = ByteArray().write_cstring("é").write_fixed(b"ab", 4).write_pad(2, 0xFF).write_bool(True)

    assert bytes(array) == b"\xc3\xa9\0ab\0\0\xff\xff\1"
    assert (array.read_cstring(), array.read(4), array.skip(2).read_bool()) == ("é", b"ab\0\0", True)
    assert array.seek(0).read(2) == b"\xc3\xa9"

    for wrong, error in (
        (lambda: ByteArray().write_cstring("a\0b"), BadValue),
        (lambda: ByteArray().write_cstring("\ud800"), BadValue),
        (lambda: ByteArray().write_string("é", encoding="ascii"), BadValue),
        (lambda: ByteArray().write_fixed(b"abc", 2), LimitExceeded),
        (lambda: ByteArray(b"abc").read_cstring(), EndOfData),
        (lambda: ByteArray(b"abc\0").read_cstring(limit=2), LimitExceeded),
        (lambda: ByteArray(b"\xff\0").read_cstring(), BadEncoding),
        (lambda: ByteArray(b"\1\xff").read_string(), BadEncoding),
        (lambda: ByteArray(b"\2").read_bool(), BadEncoding),
        (lambda: ByteArray(b"").seek(1), EndOfData),
        (lambda: ByteArray(b"a").read(-1), BadValue),
        (lambda: ByteArray(endian="middle"), BadValue),  # type: ignore[arg-type]  # that is what is refused
        (lambda: ByteArray().write_bytes(b"", "u9"), BadValue),  # type: ignore[arg-type]  # the same
        (lambda: ByteArray().write_float(1e300), BadValue),
        (lambda: ByteArray().write_half(1e300), BadValue),
    ):
        with pytest.raises(error):
            wrong()


def test_arrays_of_the_same_bytes_are_equal() -> None:
    assert ByteArray(b"a") == ByteArray().write(b"a")
    assert ByteArray(b"a") != b"a"
    assert math.isnan(ByteArray().write_double(math.nan).read_double())

    with pytest.raises(TypeError):
        hash(ByteArray())
