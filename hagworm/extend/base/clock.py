"""Moments that know their time zone, and the days, weeks and months they lie in.

A moment is a `datetime` with a zone; one without raises `BadValue`, as nobody knows when that is. Two moments of one
zone are compared by Python as their clocks show them, an hour that is repeated in autumn included; here they are
compared as what they are.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

from hagworm.extend.error import BadValue

__all__ = (
    "Span",
    "Zone",
    "add_months",
    "day_span",
    "first_moment",
    "format_time",
    "from_stamp",
    "hour_span",
    "local_moment",
    "month_span",
    "now",
    "parse_time",
    "quarter_span",
    "to_stamp",
    "week_span",
    "year_span",
    "zone_of",
)

Zone = str | tzinfo
"""A time zone, or its name: `Asia/Shanghai`, `UTC`."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """The time from `start` to `end`, without `end`: spans that follow each other share no moment and miss none."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if utc(self.end) < utc(self.start):
            raise BadValue(f"an end that is not before {self.start}", str(self.end))

    def __str__(self) -> str:
        return f"{self.start.isoformat()} .. {self.end.isoformat()}"

    def __contains__(self, moment: datetime) -> bool:
        return utc(self.start) <= utc(moment) < utc(self.end)

    @property
    def duration(self) -> timedelta:
        """How much time really passes: 23 hours on the day on which clocks are put forward."""
        return utc(self.end) - utc(self.start)

    def overlaps(self, other: "Span") -> bool:
        """Whether there is a moment that lies in both."""
        return max(utc(self.start), utc(other.start)) < min(utc(self.end), utc(other.end))


def zone_of(zone: Zone) -> tzinfo:
    """Return a zone by its IANA name, or as it is. Raises `BadValue` where there is none of that name."""
    if isinstance(zone, tzinfo):
        return zone

    if zone.upper() == "UTC":
        return UTC  # there even on machines without a database of time zones

    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as exc:  # what a bad key, a key of a folder and an absent one raise
        raise BadValue("a time zone that this machine knows (pip install tzdata brings them all)", zone) from exc


def now(zone: Zone = UTC, *, clock: Callable[[], float] = time.time) -> datetime:
    """Return the present moment in `zone`; `clock` gives seconds since 1970."""
    return datetime.fromtimestamp(clock(), zone_of(zone))


def from_stamp(stamp: float, zone: Zone = UTC, *, unit: Literal["s", "ms", "us"] = "s") -> datetime:
    """Return the moment so many seconds (or milli- or microseconds) after 1970, UTC, to the microsecond.

    Whole numbers are exact. Raises `BadValue` for what is outside the years 1 to 9999.
    """
    scale = {"s": 1_000_000, "ms": 1000, "us": 1}[unit]
    place = zone_of(zone)

    try:
        return (EPOCH + timedelta(microseconds=stamp * scale)).astimezone(place)
    except (OverflowError, ValueError) as exc:
        raise BadValue("a stamp in the years 1 to 9999", stamp) from exc


def to_stamp(moment: datetime, *, unit: Literal["s", "ms", "us"] = "s") -> int:
    """Return how many whole seconds (or milli- or microseconds) after 1970, UTC, a moment is, rounded down."""
    return (utc(moment) - EPOCH) // timedelta(**{{"s": "seconds", "ms": "milliseconds", "us": "microseconds"}[unit]: 1})


def parse_time(text: str, zone: Zone | None = None) -> datetime:
    """Return the moment that ISO 8601 text says: `2024-05-01T12:00:00+08:00`.

    Text without a zone is read as local time of `zone`; without `zone` it raises `BadValue`, as does anything else that
    is no such text. With both, the moment is told in `zone`.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as exc:
        raise BadValue("a moment in ISO 8601", text) from exc

    if moment.tzinfo is not None:
        return moment if zone is None else moment.astimezone(zone_of(zone))

    if zone is None:
        raise BadValue("a moment in ISO 8601 with its distance from UTC", text)

    return local_moment(moment, zone)


def format_time(moment: datetime) -> str:
    """Return a moment as RFC 3339 text in UTC: `2024-05-01T04:00:00Z`, with microseconds where there are any."""
    return utc(moment).isoformat().replace("+00:00", "Z")


def local_moment(
    local: datetime,
    zone: Zone,
    *,
    repeated: Literal["first", "second", "raise"] = "first",
    skipped: Literal["after", "raise"] = "after",
) -> datetime:
    """Return the moment at which the clocks of `zone` show `local`.

    Where they show it twice, it is the first time or the second one. Where they never do, as they are put forward over
    it, it is as long after that as `local` is after its beginning: 02:30 becomes 03:30. Or either raises `BadValue`.
    """
    if local.tzinfo is not None:
        raise BadValue("a local time without a zone", str(local))

    place = zone_of(zone)
    early, late = local.replace(tzinfo=place, fold=0), local.replace(tzinfo=place, fold=1)

    if early.utcoffset() == late.utcoffset():
        return early

    if back(early) != local:  # skipped: the offset before the gap leads to the time after it
        if skipped == "raise":
            raise BadValue(f"a time that clocks in {place} show", str(local))

        return utc(early).astimezone(place)

    if repeated == "raise":
        raise BadValue(f"a time that clocks in {place} show once", str(local))

    return late if repeated == "second" else early


def first_moment(day: date, zone: Zone) -> datetime:
    """Return the moment at which `day` begins in `zone`: midnight, or where that is skipped, what follows it."""
    place = zone_of(zone)
    midnight = datetime(day.year, day.month, day.day)
    early = midnight.replace(tzinfo=place)

    if back(early) == midnight:
        return early

    # Skipped: the clocks are put forward somewhere between what the two offsets make of midnight.
    low, high = utc(midnight.replace(tzinfo=place, fold=1)), utc(early)

    while high - low > SECOND:
        middle = low + (high - low) // 2 // SECOND * SECOND
        low, high = (low, middle) if middle.astimezone(place).replace(tzinfo=None) >= midnight else (middle, high)

    return high.astimezone(place)


def hour_span(moment: datetime, *, shift: int = 0) -> Span:
    """Return the hour of its zone's clock that `moment` lies in, or the one `shift` hours later (-1: before)."""
    local = aware(moment)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    start = utc(local) - past + timedelta(hours=shift)
    return Span(start.astimezone(local.tzinfo), (start + timedelta(hours=1)).astimezone(local.tzinfo))


def day_span(moment: datetime, *, shift: int = 0) -> Span:
    """Return the day that `moment` lies in, in its own zone, or the one `shift` days later (-1: yesterday)."""
    day = shift_days(aware(moment).date(), shift)
    return days_span(moment, day, shift_days(day, 1))


def week_span(moment: datetime, *, shift: int = 0, first_day: int = 0) -> Span:
    """Return the week that `moment` lies in, or the one `shift` weeks later; it begins on Monday (0) to Sunday (6)."""
    if first_day not in range(7):
        raise BadValue("a first day of the week from 0, Monday, to 6, Sunday", first_day)

    day = aware(moment).date()
    start = shift_days(day, 7 * shift - (day.weekday() - first_day) % 7)
    return days_span(moment, start, shift_days(start, 7))


def month_span(moment: datetime, *, shift: int = 0) -> Span:
    """Return the month that `moment` lies in, or the one `shift` months later."""
    start = aware(moment).date().replace(day=1)
    return days_span(moment, shift_months(start, shift), shift_months(start, shift + 1))


def quarter_span(moment: datetime, *, shift: int = 0) -> Span:
    """Return the quarter that `moment` lies in, or the one `shift` quarters later."""
    day = aware(moment).date()
    start = day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return days_span(moment, shift_months(start, 3 * shift), shift_months(start, 3 * shift + 3))


def year_span(moment: datetime, *, shift: int = 0) -> Span:
    """Return the year that `moment` lies in, or the one `shift` years later."""
    start = aware(moment).date().replace(month=1, day=1)
    return days_span(moment, shift_months(start, 12 * shift), shift_months(start, 12 * shift + 12))


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same local time `months` later; of a day that the month has not, its last: 31 January, 28 February."""
    local = aware(moment).replace(tzinfo=None, fold=0)
    day = shift_months(local.date(), months)
    shown = local.replace(year=day.year, month=day.month, day=day.day)
    return local_moment(shown, zone_in(moment))


def aware(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise BadValue("a moment with a time zone", str(moment))

    return moment


def utc(moment: datetime) -> datetime:
    try:
        return aware(moment).astimezone(UTC)
    except OverflowError as exc:
        raise BadValue("a moment in the years 1 to 9999 of UTC", str(moment)) from exc


def zone_in(moment: datetime) -> tzinfo:
    return aware(moment).tzinfo or UTC


def back(moment: datetime) -> datetime:
    """Return what the clocks show when it is `moment`."""
    return utc(moment).astimezone(moment.tzinfo).replace(tzinfo=None, fold=0)


def days_span(moment: datetime, start: date, end: date) -> Span:
    zone = zone_in(moment)
    return Span(first_moment(start, zone), first_moment(end, zone))


def shift_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)

    from calendar import monthrange

    if not date.min.year <= year <= date.max.year:
        raise BadValue("a month in the years 1 to 9999", f"{year}-{month + 1}")

    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def shift_days(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError as exc:
        raise BadValue("a day in the years 1 to 9999", f"{day} and {days} days") from exc
