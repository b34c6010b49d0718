"""Nothing is done twice by trying again, and nothing is tried too early."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.net.repetition import IDEMPOTENT, is_idempotent, may_repeat_status, read_retry_after

NOW = 1_800_000_000.0


@given(st.integers(100, 599))
def test_h1_no_status_makes_a_post_repeatable(status: int) -> None:
    assert not may_repeat_status(status, idempotent=is_idempotent("POST"))


def test_methods_that_do_the_same_twice_are_those_of_the_rfc() -> None:
    assert {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"} == IDEMPOTENT
    assert not is_idempotent("PATCH") and is_idempotent("POST", key=True)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert may_repeat_status(status, idempotent=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 501, 505])
def test_what_will_stay_is_not_tried_again(status: int) -> None:
    assert not may_repeat_status(status, idempotent=True)


def test_retry_after_is_a_number_of_seconds_or_a_date() -> None:
    later = format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True)
    earlier = format_datetime(datetime.fromtimestamp(NOW - 90, UTC), usegmt=True)
    assert read_retry_after("120", NOW) == 120.0
    assert read_retry_after(later, NOW) == 90.0
    assert read_retry_after(earlier, NOW) == 0.0
    assert read_retry_after("9" * 400, NOW) == 1e9


@given(st.none() | st.text(max_size=40))
def test_whatever_retry_after_says_is_a_number_or_nothing(text: str | None) -> None:
    seconds = read_retry_after(text, NOW)
    assert seconds is None or seconds >= 0
