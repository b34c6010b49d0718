"""A download goes on only where it is certain that it is still the same thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.net.span import Next, Span, judge_answer, read_content_range, resume_headers

TAG = '"v1"'


def test_what_comes_next_is_asked_for_with_the_tag_of_what_there_is() -> None:
    assert resume_headers(10, TAG) == {"range": "bytes=10-", "if-range": TAG}


@pytest.mark.parametrize("tag", [None, "", 'W/"v1"', "v1", '""'])
def test_without_a_strong_tag_everything_is_asked_for(tag: str | None) -> None:
    assert resume_headers(10, tag) == {}


def test_with_nothing_everything_is_asked_for() -> None:
    assert resume_headers(0, TAG) == {}


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, Next.RESTART),
        (206, {"content-range": "bytes 10-19/20", "etag": TAG}, Next.APPEND),
        (206, {"content-range": "bytes 10-19/*"}, Next.APPEND),
        (206, {"content-range": "bytes 9-19/20", "etag": TAG}, Next.ASK_AGAIN),
        (206, {"content-range": "bytes 10-19/20", "etag": '"v2"'}, Next.ASK_AGAIN),
        (206, {}, Next.ASK_AGAIN),
        (416, {"content-range": "bytes */10", "etag": TAG}, Next.COMPLETE),
        (416, {"content-range": "bytes */10"}, Next.ASK_AGAIN),
        (416, {"content-range": "bytes */9", "etag": TAG}, Next.ASK_AGAIN),
        (416, {}, Next.ASK_AGAIN),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], expected: Next) -> None:
    assert judge_answer(status, headers, 10, TAG) is expected


def test_a_part_that_nobody_has_asked_for_is_not_taken() -> None:
    assert judge_answer(206, {"content-range": "bytes 0-9/20"}, 0, None) is Next.ASK_AGAIN


@pytest.mark.parametrize("text", ["bytes 5-4/10", "bytes 0-10/10", "items 0-1/2", "bytes 0-1", "", None, "bytes */*"])
def test_a_content_range_that_makes_no_sense_says_nothing(text: str | None) -> None:
    assert read_content_range(text) is None


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.none() | st.integers(1, 10**9))
def test_a_content_range_is_read_as_it_is_written(first: int, more: int, beyond: int | None) -> None:
    last = first + more
    total = None if beyond is None else last + beyond
    text = f"bytes {first}-{last}/{'*' if total is None else total}"
    assert read_content_range(text) == Span(first, last, total)
