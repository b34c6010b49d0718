"""Laws of conditional requests (RFC 9110 13; rows R18, F2 to F11 of the conformance matrix)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.conditional import Decision, check_preconditions, decide, matches_strongly, parse_etags
from hagworm.facade.dates import format_date
from hagworm.facade.ranges import ByteRange

TAG = b'"v1"'
MODIFIED = 1_000_000_000
SAME = format_date(MODIFIED).encode()
BEFORE = format_date(MODIFIED - 1).encode()
AFTER = format_date(MODIFIED + 1).encode()


def status(method="GET", *, etag=TAG, modified=MODIFIED, **fields):
    index = {name.replace("_", "-").encode(): value for name, value in fields.items()}
    return check_preconditions(method, index, etag=etag, modified=modified)


def answer(method="GET", *, etag=TAG, modified=MODIFIED, size=10, now=MODIFIED + 100.0, **fields):
    index = {name.replace("_", "-").encode(): value for name, value in fields.items()}
    return decide(method, index, etag=etag, modified=modified, size=size, now=now)


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (b'"a"', [b'"a"']),
        (b'W/"a", "b" ,,"c,d"', [b'W/"a"', b'"b"', b'"c,d"']),
        (b'""', [b'""']),
        (b'"a", b, "c"', [b'"a"']),
        (b'w/"a"', []),
        (b"a", []),
        (b'"a" "b"', []),
        (b'"a b"', []),
        (b"", []),
        (b'"\xff"', [b'"\xff"']),
    ],
)
def test_a_list_of_tags_is_read_up_to_what_is_none(value, tags):
    assert parse_etags(value) == tags


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b'"v1"', 304), (b'W/"v1"', 304), (b'"v0", "v1"', 304), (b"*", 304), (b'"v2"', 200), (b"v1", 200), (b"", 200)],
)
def test_if_none_match_compares_weakly(value, expected):
    assert status(if_none_match=value) == expected
    assert status("HEAD", if_none_match=value) == expected
    assert status("PUT", if_none_match=value) == (412 if expected == 304 else 200)


@pytest.mark.parametrize(
    ("value", "expected"), [(b'"v1"', 200), (b'"v0", "v1"', 200), (b"*", 200), (b'W/"v1"', 412), (b'"v2"', 412)]
)
def test_if_match_compares_strongly(value, expected):
    assert status(if_match=value) == expected
    assert status("PUT", if_match=value) == expected


def test_a_weak_tag_never_matches_strongly():
    assert not matches_strongly(b'W/"a"', b'W/"a"')
    assert status(etag=b'W/"a"', if_match=b'W/"a"') == 412
    assert status(etag=b'W/"a"', if_none_match=b'"a"') == 304


@pytest.mark.parametrize(
    ("date", "since", "unmodified"),
    [
        (SAME, 304, 200),
        (AFTER, 304, 200),
        (BEFORE, 200, 412),
        (b"yesterday", 200, 200),
        (SAME + b", " + SAME, 200, 200),
    ],
)
def test_dates_are_compared_by_the_second_and_bad_ones_ignored(date, since, unmodified):
    assert status(if_modified_since=date) == since
    assert status("HEAD", if_modified_since=date) == since
    assert status("POST", if_modified_since=date) == 200
    assert status(if_unmodified_since=date) == unmodified


def test_tags_outrank_dates():
    assert status(if_match=TAG, if_unmodified_since=BEFORE) == 200
    assert status(if_none_match=b'"v2"', if_modified_since=SAME) == 200
    assert status(if_match=b'"v2"', if_none_match=TAG) == 412
    assert status(if_match=TAG, if_none_match=TAG) == 304


def test_without_validators_only_the_star_matches():
    assert status(etag=None, modified=None, if_match=TAG) == 412
    assert status(etag=None, modified=None, if_match=b"*") == 200
    assert status(etag=None, modified=None, if_none_match=TAG) == 200
    assert status(etag=None, modified=None, if_none_match=b"*") == 304
    assert status(etag=None, modified=None, if_modified_since=SAME, if_unmodified_since=BEFORE) == 200


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"bytes=0-4", Decision(206, (ByteRange(0, 5),))),
        (b"bytes=0-", Decision(206, (ByteRange(0, 10),))),
        (b"bytes=0-1,4-5", Decision(206, (ByteRange(0, 2), ByteRange(4, 6)))),
        (b"bytes=10-", Decision(416)),
        (b"bytes=abc", Decision(200)),
        (b"items=0-1", Decision(200)),
        (b"bytes=5-2", Decision(200)),
    ],
)
def test_a_range_is_satisfied_refused_or_ignored(value, expected):
    assert answer(range=value) == expected
    assert answer("HEAD", range=value) == Decision(200)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TAG, 206),
        (b'W/"v1"', 200),
        (b'"v2"', 200),
        (SAME, 206),
        (AFTER, 200),
        (BEFORE, 200),
        (b"junk", 200),
        (b"*", 200),
    ],
)
def test_if_range_lets_a_download_go_on_only_where_nothing_has_changed(value, expected):
    assert answer(range=b"bytes=0-4", if_range=value).status == expected


def test_if_range_needs_a_strong_validator():
    assert answer(range=b"bytes=0-4", if_range=b'W/"a"', etag=b'W/"a"').status == 200
    assert answer(range=b"bytes=0-4", if_range=SAME, now=MODIFIED + 0.9).status == 200
    assert answer(range=b"bytes=0-4", if_range=SAME, now=MODIFIED + 1.0).status == 206
    assert answer(range=b"bytes=0-4", if_range=SAME, modified=None).status == 200
    assert answer(range=b"bytes=0-4", if_range=TAG, etag=None).status == 200


def test_preconditions_come_before_ranges():
    assert answer(range=b"bytes=0-4", if_none_match=TAG) == Decision(304)
    assert answer(range=b"bytes=10-", if_match=b'"v2"') == Decision(412)
    assert answer(range=b"bytes=0-4", if_match=TAG).status == 206


@given(
    st.sampled_from(["GET", "HEAD", "PUT"]),
    st.dictionaries(
        st.sampled_from(
            [b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range"]
        ),
        st.binary(max_size=30) | st.sampled_from([TAG, b"*", SAME, b"bytes=0-4", b"bytes=99-"]),
    ),
)
def test_no_header_breaks_the_decision(method, index):
    decision = decide(method, index, etag=TAG, modified=MODIFIED, size=10, now=0.0)
    assert decision.status in (200, 206, 304, 412, 416)
    assert bool(decision.ranges) == (decision.status == 206)


@pytest.mark.parametrize("piece", [b'"', b",", b" ", b'"a"', b'"a",', b"W/", b'W/"', b"*"])
def test_the_time_grows_with_the_length_only(piece):
    begin = time.process_time()
    parse_etags(piece * 200_000)
    parse_etags(b'"' + piece * 200_000)
    assert time.process_time() - begin < 3
