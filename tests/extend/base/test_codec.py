"""What is encoded is decoded as it was, and nothing else is taken for it."""

import base64
import json as standard
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base import codec
from hagworm.extend.base.codec import (
    compression,
    decode_base32,
    decode_base58,
    decode_base62,
    decode_base64,
    decode_json,
    decode_msgpack,
    decode_xml,
    decode_zlib,
    encode_base32,
    encode_base58,
    encode_base62,
    encode_base64,
    encode_json,
    encode_msgpack,
    encode_xml,
    encode_zlib,
    format_json,
    json,
    parse_xml,
)
from hagworm.extend.error import BadEncoding, BadValue, LimitExceeded

CHOICES = {"msgspec": json.choose_msgspec, "orjson": json.choose_orjson, "standard": json.choose_standard}

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
PLAIN = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=10)


class Color(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: float


@pytest.fixture(params=CHOICES)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the libraries in turn that JSON can be read and written by."""
    name = str(request.param)

    encoder, decoder = CHOICES[name]()
    monkeypatch.setattr(json, "json_encoder", encoder)
    monkeypatch.setattr(json, "json_decoder", decoder)
    return name


@settings(deadline=None)
@given(PLAIN)
def test_u7_json_comes_back_from_every_library_as_it_went(value: Any) -> None:
    documents = []

    for choose in CHOICES.values():
        encode, decode = choose()
        documents.append(encode(value))
        assert decode(documents[-1]) == value
        assert decode(documents[-1].decode()) == value

    assert [standard.loads(document) for document in documents] == [value] * 3
    assert decode_json(encode_json(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{a:1}",
        "{'a':1}",
        "[1,]",
        "[1 2]",
        "// comment\n1",
        "/**/1",
        "NaN",
        "-Infinity",
        "0x10",
        "+1",
        "01",
        ".5",
        "1.",
        "1e400",
        "tru",
        '"\t"',
        '"\\x41"',
        '"\\ud800"',
        "1 2",
        "\ufeff1",
        "9" * 5000,
        b"\xff",
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
    ],
    ids=lambda text: repr(text)[:16],
)
def test_u7_what_is_no_json_is_refused_by_every_library(text: str | bytes, library: str) -> None:
    with pytest.raises(BadEncoding, match="expected JSON"):
        decode_json(text)


def test_u7_forty_kilobytes_of_what_is_no_json_are_refused_without_another_try(library: str) -> None:
    with pytest.raises(BadEncoding) as refused:
        decode_json("[" + "{a: 1}, " * 5000 + "]")

    assert len(str(refused.value)) < 300


def test_depth_has_an_end(library: str) -> None:
    value: Any = 1

    for _ in range(100_000):
        value = [value]

    with pytest.raises(BadValue):
        encode_json(value)

    with pytest.raises(BadValue):
        decode_json("[" * 100_000)

    while isinstance(value, list):  # taken apart by hand: a deallocator that goes so deep needs its time
        value = value.pop()


def test_every_library_writes_the_same(library: str) -> None:
    value = {
        "moment": datetime(2024, 5, 1, 12, 30, tzinfo=UTC),
        "day": date(2024, 5, 1),
        "time": time(12, 30),
        "id": UUID(int=7),
        "price": Decimal("1.50"),
        "color": Color.RED,
        "point": Point(1, 2.5),
        "bytes": b"ab",
        "set": {1},
        "nothing": [math.nan, math.inf, None],
        "text": "é\u2028\x7f",
    }

    assert decode_json(encode_json(value)) == {
        "moment": "2024-05-01T12:30:00Z",
        "day": "2024-05-01",
        "time": "12:30:00",
        "id": "00000000-0000-0000-0000-000000000007",
        "price": "1.50",
        "color": "red",
        "point": {"x": 1, "y": 2.5},
        "bytes": "YWI=",
        "set": [1],
        "nothing": [None, None, None],
        "text": "é\u2028\x7f",
    }


def test_what_json_has_no_form_for_is_named(library: str) -> None:
    for wrong in (object(), lambda: 1, [1j], {(1, 2): 3}):
        with pytest.raises(BadValue, match="a value that JSON has a form for"):
            encode_json(wrong)


def test_json_for_people_has_lines_and_an_order() -> None:
    assert format_json({"b": 1, "a": ["é"]}, sort=True) == '{\n  "a": [\n    "é"\n  ],\n  "b": 1\n}'


def test_without_msgspec_and_orjson_the_standard_library_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.setitem(sys.modules, "orjson", None)
    monkeypatch.setattr(json, "json_encoder", json.first_encode)
    monkeypatch.setattr(json, "json_decoder", json.first_decode)

    assert encode_json({"a": math.nan}) == b'{"a":null}'
    assert decode_json(b"[1]") == [1]


@settings(deadline=None)
@given(st.recursive(LEAVES | st.binary(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=10))
def test_msgpack_comes_back_as_it_went(value: Any) -> None:
    assert decode_msgpack(encode_msgpack(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x01\x02",
        b"\x81\x80\x01",
    ],
    ids=lambda data: data.hex(),
)
def test_u11_lengths_that_there_are_not_take_no_memory(data: bytes) -> None:
    with pytest.raises(BadEncoding, match="expected MessagePack"):
        decode_msgpack(data)


def test_depth_of_msgpack_has_an_end() -> None:
    with pytest.raises(LimitExceeded):
        decode_msgpack(b"\x91" * 100_000)

    with pytest.raises(BadValue):
        encode_msgpack(object())


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_come_back_from_every_alphabet(data: bytes) -> None:
    for urlsafe in (True, False):
        for padding in (True, False):
            assert decode_base64(encode_base64(data, urlsafe=urlsafe, padding=padding), urlsafe=urlsafe) == data

    assert decode_base32(encode_base32(data)) == decode_base32(encode_base32(data, padding=True).lower()) == data
    assert decode_base58(encode_base58(data)) == data
    assert decode_base62(encode_base62(data)) == data
    assert base64.urlsafe_b64decode(encode_base64(data, padding=True)) == data


@settings(deadline=None)
@given(st.text(max_size=12))
def test_every_value_has_one_text(text: str) -> None:
    """What is taken is, but for its `=`, exactly what would be written."""
    pairs: list[tuple[Callable[[str], bytes], Callable[[bytes], str]]] = [
        (decode_base64, encode_base64),
        (decode_base58, encode_base58),
        (decode_base62, encode_base62),
    ]

    for decode, encode in pairs:
        try:
            data = decode(text)
        except BadEncoding:
            continue

        assert encode(data) == text.rstrip("=")


@pytest.mark.parametrize("text", ["a", "YW I", "YWI\n", "YWI==", "YW==I", "YR", "Y+I_", "é", "=", "YWJj====", b"\xff"])
def test_what_is_no_base64_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadEncoding, match="base64"):
        decode_base64(text)


@pytest.mark.parametrize("text", ["a", "MZXW6==", "MZ======X", "M1", "MZ W", "é", "MR"])
def test_what_is_no_base32_is_refused(text: str) -> None:
    with pytest.raises(BadEncoding, match="base32"):
        decode_base32(text)


def test_base58_is_the_one_of_bitcoin() -> None:
    assert encode_base58(bytes.fromhex("00010966776006953d5567439e5e39f86a0d273beed61967f6")) == (
        "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM"
    )
    assert encode_base58(b"") == "" and decode_base58("") == b""

    for wrong in ("0", "I", "-1", "é"):
        with pytest.raises(BadEncoding, match="base58"):
            decode_base58(wrong)

    with pytest.raises(LimitExceeded):
        encode_base58(b"1" * 5000)

    with pytest.raises(LimitExceeded):
        decode_base58("2" * 9000)


@settings(deadline=None)
@given(st.binary())
def test_compressed_bytes_come_back(data: bytes) -> None:
    assert decode_zlib(encode_zlib(data)) == data


def test_u11_a_bomb_of_compressed_bytes_goes_off_at_its_limit() -> None:
    bomb = encode_zlib(b"\0" * (20 << 20))

    with pytest.raises(LimitExceeded, match="at most 1048576 when unpacked"):
        decode_zlib(bomb, limit=1 << 20)

    assert decode_zlib(encode_zlib(b"x" * 1000), limit=1000) == b"x" * 1000


@pytest.mark.parametrize("data", [b"", b"x", encode_zlib(b"abc")[:-1], encode_zlib(b"abc") + b"x"], ids=repr)
def test_what_is_not_compressed_is_refused(data: bytes) -> None:
    with pytest.raises(BadEncoding, match="compressed bytes"):
        decode_zlib(data)


XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("<>&\"'\n\t\r")
)
XML_NAMES = st.from_regex(r"[A-Za-z_][\w.-]{0,6}", fullmatch=True).filter(str.isascii)


def leaf_or_two(inner: Any) -> Any:
    return inner | st.lists(inner, min_size=2, max_size=3)


def document(inner: Any) -> Any:
    children = st.dictionaries(XML_NAMES, leaf_or_two(inner), max_size=3)
    attributes = st.dictionaries(XML_NAMES.map(lambda name: f"@{name}"), XML_TEXT, max_size=2)
    return st.tuples(children, attributes).map(lambda both: {**both[0], **both[1]} or "")


@settings(deadline=None)
@given(XML_NAMES, st.recursive(XML_TEXT, document, max_leaves=6))
def test_xml_comes_back_as_it_went(root: str, value: Any) -> None:
    assert decode_xml(encode_xml({root: value})) == {root: value}


def test_xml_of_a_payment() -> None:
    text = "<xml>\n <code><![CDATA[OK]]></code>\n <fee type='int'>7</fee><item/><item>b</item></xml>"

    assert decode_xml(text) == {"xml": {"code": "OK", "fee": {"@type": "int", "#text": "7"}, "item": ["", "b"]}}
    assert encode_xml({"a": {"b": None, "c": True, "d": 1.5}}) == b"<a><b></b><c>true</c><d>1.5</d></a>"
    assert parse_xml('<?xml version="1.0" encoding="gbk"?><a>é</a>').text == "é"


BOMBS = {
    "laughs": '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>',
    "external": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "parameter": '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1/x">%b;]><a/>',
    "dtd": '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>',
    "empty": "<!DOCTYPE a><a/>",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_u11_document_types_and_entities_are_refused(bomb: str) -> None:
    with pytest.raises(BadEncoding, match="XML without a document type"):
        parse_xml(BOMBS[bomb])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "&x;",
        "<a>&x;</a>",
        "<a b=1/>",
        "<a>\x00</a>",
        b"<a>\xff</a>",
        '<?xml version="1.0" encoding="klingon"?><a/>',
    ],
    ids=repr,
)
def test_what_is_no_xml_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadEncoding):
        parse_xml(text if isinstance(text, bytes) or "klingon" not in text else text.encode())


def test_u11_xml_has_limits() -> None:
    with pytest.raises(LimitExceeded, match="64 levels"):
        parse_xml("<a>" * 65 + "</a>" * 65)

    with pytest.raises(LimitExceeded, match="10 elements"):
        parse_xml(f"<a>{'<b/>' * 10}</a>", max_elements=10)

    with pytest.raises(LimitExceeded, match="10 elements"):
        parse_xml("<a " + " ".join(f"b{number}=''" for number in range(10)) + "/>", max_elements=10)

    with pytest.raises(LimitExceeded, match="4 bytes"):
        parse_xml("<a>b</a>", max_bytes=4)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 1, "b": 2},
        {"a": ["x", "y"]},
        {"a b": ""},
        {"": ""},
        {"a": {"@x y": ""}},
        {"1": ""},
        {"a": "\x00"},
        {"a": "\ud800"},
        {"a": {"b": [["x"]]}},
    ],
    ids=ascii,
)
def test_what_xml_cannot_hold_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        encode_xml(value)


def test_each_name_is_loaded_from_its_home_on_first_use() -> None:
    assert codec.encode_zlib is compression.encode_zlib
    assert set(codec.__all__) <= set(dir(codec))

    with pytest.raises(AttributeError, match="no attribute 'decode_json5'"):
        codec.decode_json5  # noqa: B018
