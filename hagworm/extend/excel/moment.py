"""Dates, times and durations as the numbers that spreadsheets keep, counted in days."""

from datetime import date, datetime, time, timedelta, tzinfo

__all__ = ("FORMATS", "serial")

EPOCH = datetime(1899, 12, 30)
FIRST = date(1900, 3, 1)
DAY = 86_400_000
MILLISECOND = timedelta(milliseconds=1)

FORMATS: dict[type, str] = {
    datetime: "yyyy-mm-dd hh:mm:ss",
    date: "yyyy-mm-dd",
    time: "hh:mm:ss",
    timedelta: "[h]:mm:ss",
}
"""How each kind is shown unless its column says otherwise."""


def serial(value: date | time | timedelta, zone: tzinfo | None) -> float:
    """Return the number of a moment, exact to the millisecond; what is finer is cut off.

    A moment that has a time zone is converted to `zone` and written as the clocks there show it. Raises ValueError,
    saying why, for one where `zone` is None, and for what has no number.
    """
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            if zone is None:
                raise ValueError("a spreadsheet knows no time zones, and no timezone= was given to convert to")

            value = value.astimezone(zone).replace(tzinfo=None)

        check_day(value.date())
        return days(value - EPOCH)

    if isinstance(value, date):
        check_day(value)
        return float((value - EPOCH.date()).days)

    if isinstance(value, time):
        if value.tzinfo is not None:
            raise ValueError("a time of day with a time zone means nothing without its date")

        return days(datetime.combine(EPOCH, value) - EPOCH)

    if value < timedelta(0):
        raise ValueError("a spreadsheet shows no durations below zero")

    return days(value)


def days(value: timedelta) -> float:
    return value // MILLISECOND / DAY


def check_day(day: date) -> None:
    if day < FIRST:
        # Programs disagree about the two months before, in which Excel has a 29th of February.
        raise ValueError(f"a spreadsheet has no days before {FIRST}")
