"""Moments know their zone, and spans of days share no moment and miss none, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.clock import (
    Span,
    add_months,
    day_span,
    first_moment,
    format_time,
    from_stamp,
    hour_span,
    local_moment,
    month_span,
    now,
    parse_time,
    quarter_span,
    to_stamp,
    week_span,
    year_span,
    zone_of,
)
from hagworm.extend.error import BadValue

SHANGHAI, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NAMES = [
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "America/Scoresbysund",
]
ZONES = st.sampled_from(NAMES).map(ZoneInfo)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def test_u3_shanghai_is_eight_hours_ahead_and_not_six_minutes_off() -> None:
    day = day_span(datetime(2024, 5, 1, 12, tzinfo=SHANGHAI))

    assert day.start.utcoffset() == timedelta(seconds=28_800)
    assert to_stamp(local_moment(datetime(1970, 1, 1), "Asia/Shanghai")) == -28_800


@pytest.mark.parametrize(
    "use",
    [to_stamp, day_span, week_span, month_span, quarter_span, year_span, hour_span, format_time],
    ids=lambda use: use.__name__,
)
def test_u3_a_moment_without_a_zone_is_refused(use: object) -> None:
    with pytest.raises(BadValue, match="a moment with a time zone, not '2024-01-01 00:00:00'"):
        use(datetime(2024, 1, 1))  # type: ignore[operator]  # one of several functions


@settings(deadline=None)
@given(MOMENTS, ZONES)
def test_a_stamp_and_a_moment_are_the_same(moment: datetime, zone: ZoneInfo) -> None:
    assert from_stamp(to_stamp(moment, unit="us"), zone, unit="us") == moment
    assert from_stamp(to_stamp(moment, unit="ms"), zone, unit="ms") <= moment
    assert parse_time(format_time(moment.astimezone(zone))) == moment


@settings(deadline=None)
@given(MOMENTS, ZONES, st.integers(-40, 40))
def test_u3_spans_follow_each_other_without_gap_or_overlap(moment: datetime, zone: ZoneInfo, shift: int) -> None:
    local = moment.astimezone(zone)

    for make in (hour_span, day_span, week_span, month_span, quarter_span, year_span):
        assert moment in make(local)

        if make is not year_span or abs(shift) < 20:
            left, right = make(local, shift=shift), make(local, shift=shift + 1)
            assert utc(left.end) == utc(right.start)
            assert not left.overlaps(right)


@settings(deadline=None)
@given(st.dates(date(1900, 1, 2), date(2099, 12, 30)), ZONES)
def test_u3_a_day_begins_at_its_first_moment(day: date, zone: ZoneInfo) -> None:
    start = first_moment(day, zone)
    shown = [moment.astimezone(zone).replace(tzinfo=None) for moment in (utc(start) - timedelta(seconds=1), utc(start))]
    midnight = datetime(day.year, day.month, day.day)

    # Before 1900 zones had odd seconds, and some changes since then are to the second too.
    assert shown[1] >= midnight
    assert shown[0] < midnight or shown[0] < shown[1] + timedelta(hours=24)


def test_u3_days_on_which_clocks_change_have_23_and_25_hours() -> None:
    assert day_span(datetime(2024, 3, 31, 12, tzinfo=BERLIN)).duration == timedelta(hours=23)
    assert day_span(datetime(2024, 10, 27, 12, tzinfo=BERLIN)).duration == timedelta(hours=25)


def test_u3_where_midnight_is_skipped_the_day_begins_after_it() -> None:
    assert first_moment(date(2018, 11, 4), "America/Sao_Paulo").isoformat() == "2018-11-04T01:00:00-02:00"
    assert first_moment(date(2011, 12, 30), "Pacific/Apia").isoformat() == "2011-12-31T00:00:00+14:00"


def test_u3_where_midnight_is_shown_twice_the_day_begins_at_the_first() -> None:
    assert first_moment(date(2024, 11, 3), "America/Havana").isoformat() == "2024-11-03T00:00:00-04:00"
    assert day_span(datetime(2024, 11, 3, 12, tzinfo=ZoneInfo("America/Havana"))).duration == timedelta(hours=25)


def test_u3_a_day_that_was_left_out_has_no_moment() -> None:
    apia = ZoneInfo("Pacific/Apia")
    day = day_span(datetime(2011, 12, 29, 12, tzinfo=apia), shift=1)

    assert utc(day.start) == utc(day.end)
    assert day.start not in day


def test_u3_the_hour_that_comes_twice_is_two_hours() -> None:
    first = datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN)
    second = first.replace(fold=1)

    assert first == second, "Python compares what clocks show"
    assert first in hour_span(first)
    assert second not in hour_span(first)
    assert hour_span(first, shift=1) == hour_span(second)


def test_local_times_that_there_are_twice_or_never() -> None:
    twice, never = datetime(2024, 10, 27, 2, 30), datetime(2024, 3, 31, 2, 30)

    assert local_moment(twice, BERLIN).isoformat() == "2024-10-27T02:30:00+02:00"
    assert local_moment(twice, BERLIN, repeated="second").isoformat() == "2024-10-27T02:30:00+01:00"
    assert local_moment(never, BERLIN).isoformat() == "2024-03-31T03:30:00+02:00"

    with pytest.raises(BadValue, match="show once"):
        local_moment(twice, BERLIN, repeated="raise")

    with pytest.raises(BadValue, match="a time that clocks in Europe/Berlin show"):
        local_moment(never, BERLIN, skipped="raise")

    with pytest.raises(BadValue, match="without a zone"):
        local_moment(datetime(2024, 1, 1, tzinfo=UTC), BERLIN)


def test_weeks_begin_where_they_are_said_to() -> None:
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)  # a Wednesday

    assert week_span(moment).start == datetime(2024, 4, 29, tzinfo=UTC)
    assert week_span(moment, first_day=6).start == datetime(2024, 4, 28, tzinfo=UTC)
    assert week_span(moment, first_day=2).start == datetime(2024, 5, 1, tzinfo=UTC)

    with pytest.raises(BadValue, match="from 0, Monday, to 6, Sunday, not 7"):
        week_span(moment, first_day=7)


def test_spans_by_the_calendar() -> None:
    moment = datetime(2024, 2, 29, 23, 59, tzinfo=SHANGHAI)

    assert str(month_span(moment)) == "2024-02-01T00:00:00+08:00 .. 2024-03-01T00:00:00+08:00"
    assert month_span(moment, shift=-2).start == datetime(2023, 12, 1, tzinfo=SHANGHAI)
    assert quarter_span(moment, shift=-1).start == datetime(2023, 10, 1, tzinfo=SHANGHAI)
    assert year_span(moment).duration == timedelta(days=366)


def test_months_are_added_to_the_calendar() -> None:
    assert add_months(datetime(2024, 1, 31, 9, tzinfo=BERLIN), 1) == datetime(2024, 2, 29, 9, tzinfo=BERLIN)
    assert add_months(datetime(2024, 12, 31, tzinfo=UTC), 2) == datetime(2025, 2, 28, tzinfo=UTC)
    assert add_months(datetime(2024, 2, 29, 2, 30, tzinfo=BERLIN), 1).isoformat() == "2024-03-29T02:30:00+01:00"
    assert add_months(datetime(9999, 11, 30, tzinfo=UTC), 1).isoformat() == "9999-12-30T00:00:00+00:00"


def test_the_calendar_has_ends() -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)

    for beyond in (
        lambda: day_span(last),
        lambda: month_span(last),
        lambda: add_months(last, 1),
        lambda: week_span(last),
    ):
        with pytest.raises(BadValue, match="1 to 9999"):
            beyond()

    for stamp in (1e18, float("inf"), float("nan")):
        with pytest.raises(BadValue, match="a stamp in the years 1 to 9999"):
            from_stamp(stamp)

    with pytest.raises(BadValue, match="of UTC"):
        to_stamp(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01T00:00:00Z", "2024-01-01T00:00:00"])
def test_text_that_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="ISO 8601"):
        parse_time(text)


def test_text_without_a_zone_is_local_time_where_a_zone_is_given() -> None:
    assert parse_time("2024-05-01T12:00:00", "Asia/Shanghai") == datetime(2024, 5, 1, 4, tzinfo=UTC)
    assert parse_time("2024-05-01T12:00:00Z", SHANGHAI).hour == 20
    assert format_time(datetime(2024, 5, 1, 12, tzinfo=SHANGHAI)) == "2024-05-01T04:00:00Z"


def test_the_present_comes_from_the_clock_that_is_given() -> None:
    assert now(clock=lambda: 0.5) == datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert now("Asia/Shanghai", clock=lambda: 0).hour == 8
    assert abs(now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_zones_by_name() -> None:
    assert zone_of("utc") is UTC
    assert zone_of(BERLIN) is BERLIN

    for wrong in ("Mars/Olympus", "", "../etc/passwd", "Europe"):
        with pytest.raises(BadValue, match="a time zone that this machine knows"):
            zone_of(wrong)


def test_a_span_ends_after_it_begins() -> None:
    with pytest.raises(BadValue, match="an end that is not before"):
        Span(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))

    spans = [day_span(datetime(2024, 1, day, tzinfo=NEW_YORK)) for day in range(1, 5)]
    assert all(left.end == right.start for left, right in pairwise(spans))
