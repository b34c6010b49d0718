"""Laws of ranges (rows F3 to F7 of the conformance matrix)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.ranges import ByteRange, byteranges, content_range, parse_ranges, unsatisfied_range


def spans(value, size=10, **options):
    found = parse_ranges(value, size, **options)
    return None if found is None else [(part.start, part.stop) for part in found]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"bytes=0-4", [(0, 5)]),
        (b"Bytes=0-4", [(0, 5)]),
        (b"bytes=0-", [(0, 10)]),
        (b"bytes=3-99", [(3, 10)]),
        (b"bytes=-3", [(7, 10)]),
        (b"bytes=-99", [(0, 10)]),
        (b"bytes=9-9", [(9, 10)]),
        (b"bytes=0-0,-1", [(0, 1), (9, 10)]),
        (b"bytes= 0-0 ,\t5-5 ", [(0, 1), (5, 6)]),
        (b"bytes=,0-0,,", [(0, 1)]),
        (b"bytes=5-6,0-1", [(0, 2), (5, 7)]),
        (b"bytes=0-4,2-7", [(0, 8)]),
        (b"bytes=0-4,5-7", [(0, 8)]),
        (b"bytes=0-9,2-3", [(0, 10)]),
        (b"bytes=0-1,99-", [(0, 2)]),
        (b"bytes=00000000000000000000001-00000000000000000000002", [(1, 3)]),
        (b"bytes=1-" + b"9" * 5000, [(1, 10)]),
        (b"bytes=10-", []),
        (b"bytes=-0", []),
        (b"bytes=" + b"9" * 5000 + b"-", []),
        (b"bytes=5-2", None),
        (b"bytes=5-4", None),
        (b"bytes=0-1,5-2", None),
        (b"bytes=abc", None),
        (b"bytes=1-2x", None),
        (b"bytes=1 - 2", None),
        (b"bytes=--1", None),
        (b"bytes=-", None),
        (b"bytes=", None),
        (b"bytes=,", None),
        (b"bytes", None),
        (b"bytes =0-1", None),
        (b"items=0-1", None),
        (b"", None),
    ],
)
def test_a_range_is_read_as_the_standard_says(value, expected):
    assert spans(value) == expected


def test_of_nothing_no_part_exists():
    assert spans(b"bytes=0-", 0) == []
    assert spans(b"bytes=-1", 0) is None


def test_more_parts_than_are_worth_it_are_the_whole():
    many = b"bytes=" + b",".join(b"%d-%d" % (place, place) for place in range(0, 34, 2))
    assert spans(many, 100) is None
    assert len(spans(many, 100, most=17)) == 17
    assert spans(b"bytes=" + b",".join(b"%d-%d" % (place, place) for place in range(34)), 100) == [(0, 34)]


@given(
    st.integers(1, 60),
    st.lists(
        st.tuples(st.integers(0, 80), st.none() | st.integers(0, 20)) | st.integers(0, 80), min_size=1, max_size=6
    ),
)
def test_the_parts_hold_what_was_asked_for_and_nothing_else(size, specs):
    asked, texts = set(), []

    for spec in specs:
        if isinstance(spec, int):
            texts.append(f"-{spec}")
            asked |= set(range(max(0, size - spec), size))
        else:
            first, length = spec
            texts.append(f"{first}-" if length is None else f"{first}-{first + length}")
            asked |= set(range(first, size if length is None else min(size, first + length + 1)))

    found = parse_ranges(f"bytes={','.join(texts)}".encode(), size, most=100)
    assert {place for part in found for place in range(part.start, part.stop)} == asked
    assert all(a.stop < b.start for a, b in zip(found, found[1:], strict=False))
    assert all(part.size > 0 for part in found)


@given(st.binary(max_size=60), st.integers(0, 50))
def test_no_value_breaks_the_reader(value, size):
    parse_ranges(value, size)
    parse_ranges(b"bytes=" + value, size)


@pytest.mark.parametrize("piece", [b"0-1,", b"-", b",", b" ", b"9", b"0-", b"1-1 "])
def test_the_time_grows_with_the_length_only(piece):
    begin = time.process_time()
    parse_ranges(b"bytes=" + piece * 200_000, 10**9)
    assert time.process_time() - begin < 3


def test_content_range_counts_from_first_to_last():
    assert content_range(ByteRange(0, 5), 10) == "bytes 0-4/10"
    assert unsatisfied_range(10) == "bytes */10"


def test_several_parts_are_sent_as_one_multipart_body():
    pieces, length = byteranges([ByteRange(0, 2), ByteRange(5, 6)], 10, "text/plain", "B")
    content = b"0123456789"
    body = b"".join(piece if isinstance(piece, bytes) else content[piece.start : piece.stop] for piece in pieces)
    assert body == (
        b"--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
        b"\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-5/10\r\n\r\n5"
        b"\r\n--B--\r\n"
    )
    assert len(body) == length
