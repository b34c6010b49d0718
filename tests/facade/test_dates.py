"""Laws of HTTP dates."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.dates import EPOCH, format_date, parse_date


@given(st.integers(min_value=-62_135_596_800, max_value=253_402_300_799))
def test_what_is_written_is_read_back(moment):
    assert parse_date(format_date(moment)) == moment


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_all_three_forms_are_read(text):
    assert parse_date(text, this_year=2026) == 784111777


def test_a_two_digit_year_is_never_more_than_fifty_years_ahead():
    assert parse_date("Monday, 01-Jan-76 00:00:00 GMT", this_year=2026) == datetime(2076, 1, 1, tzinfo=UTC).timestamp()
    assert parse_date("Monday, 01-Jan-77 00:00:00 GMT", this_year=2026) == datetime(1977, 1, 1, tzinfo=UTC).timestamp()
    assert parse_date("Monday, 01-Jan-70 00:00:00 GMT") == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ],
)
def test_anything_else_is_no_date(text):
    assert parse_date(text) is None


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text):
    parse_date(text)


def test_a_leap_second_is_the_last_of_its_minute():
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == parse_date("Sat, 31 Dec 2016 23:59:59 GMT")


def test_a_datetime_is_written_in_utc():
    moment = datetime(2026, 11, 22, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert format_date(moment) == "Sat, 21 Nov 2026 23:00:00 GMT"
    assert format_date(0.9) == EPOCH


def test_a_datetime_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        format_date(datetime(2026, 1, 1))  # that is the point


def test_a_number_beyond_the_calendar_is_refused():
    with pytest.raises(ValueError, match="is no date"):
        format_date(1e20)
