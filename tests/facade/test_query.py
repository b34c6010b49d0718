"""Laws of queries and of percent escapes (rows Q1 to Q11 of the conformance matrix)."""

import time
import tracemalloc
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.query import BadQuery, Pairs, Query, TooManyParameters, parse_query, percent_decode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_what_is_encoded_is_read_back_in_order(pairs):
    assert parse_query(urlencode(pairs).encode(), 1000).pairs == pairs


@given(st.binary(max_size=60).map(lambda raw: raw.replace(b"\xff", b"&").replace(b"\xfe", b"%")))
def test_the_standard_reads_the_same(raw):
    try:
        expected = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(BadQuery):
            parse_query(raw)
    else:
        assert parse_query(raw).pairs == expected


@given(st.text("%%%=4aAgz_+&\r\n \té", max_size=40).map(str.encode))
def test_an_escape_that_is_none_stays_as_it_is(raw):
    assert percent_decode(raw) == unquote_to_bytes(raw)


@pytest.mark.parametrize("piece", [b"%41", b"%4", b"%", b"%zz", b"=", b"a%C3%A9", b"%41%"])
@pytest.mark.parametrize("shift", range(4))
def test_long_values_are_decoded_in_blocks_without_a_seam(piece, shift):
    raw = b"x" * shift + piece * 70_000
    assert percent_decode(raw) == unquote_to_bytes(raw)


@pytest.mark.parametrize("piece", [b"%41", b"%zz", b"%", b"=", b"+", b"&", b"a&", b"%FF"])
def test_time_and_memory_grow_with_the_length_only(piece):
    raw = piece * (3 * 1024 * 1024 // len(piece))
    begin = time.process_time()
    tracemalloc.start()

    try:
        parse_query(b"a=" + raw, 10)
    except (TooManyParameters, BadQuery):
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert time.process_time() - begin < 5
    assert peak < 16 * len(raw)


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        (b"", []),
        (b"a=1&a=2&b=3", [("a", "1"), ("a", "2"), ("b", "3")]),
        (b"x=&y", [("x", ""), ("y", "")]),
        (b"a=%20b%20+", [("a", " b  ")]),
        (b"a=%00%07", [("a", "\0\x07")]),
        (b"a=%2B+", [("a", "+ ")]),
        (b"a;b=1;c", [("a;b", "1;c")]),
        (b"&&x=1&", [("x", "1")]),
        (b"=v", [("", "v")]),
        (b"x[a]=1", [("x[a]", "1")]),
        (b"a=b=c", [("a", "b=c")]),
        (b"%zz=%4", [("%zz", "%4")]),
    ],
)
def test_a_query_is_read_as_the_url_standard_says(raw, pairs):
    assert parse_query(raw) == Query(pairs)


@pytest.mark.parametrize(("raw", "name"), [(b"a=1&b=%FF", "b"), (b"%C3=1", "%C3")])
def test_what_is_not_utf8_is_refused_by_name(raw, name):
    with pytest.raises(BadQuery) as caught:
        parse_query(raw)

    assert caught.value.name == name


def test_too_many_parameters_are_refused():
    assert len(parse_query(b"a&b", 2)) == 2

    with pytest.raises(TooManyParameters):
        parse_query(b"a&b&c", 2)


def test_a_multidict_gives_the_last_and_all():
    pairs = Pairs([("a", 1), ("b", 2), ("a", 3)])
    assert (pairs["a"], pairs.get("a"), pairs.get("c"), pairs.get("c", 0)) == (3, 3, None, 0)
    assert (pairs.all("a"), pairs.all("c")) == ([1, 3], [])
    assert (list(pairs), list(pairs.keys()), len(pairs)) == (["a", "b"], ["a", "b"], 3)
    assert list(pairs.items()) == [("a", 3), ("b", 2)]
    assert pairs.multi_items() == [("a", 1), ("b", 2), ("a", 3)]
    assert "a" in pairs
    assert "c" not in pairs
    assert repr(pairs) == "<Pairs [('a', 1), ('b', 2), ('a', 3)]>"

    with pytest.raises(KeyError):
        pairs["c"]
