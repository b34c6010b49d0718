"""HTTP dates: written in the one form, read in all three (RFC 9110 5.6.7)."""

import re
from datetime import UTC, datetime

__all__ = ("EPOCH", "format_date", "parse_date")

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NUMBER = {name: place for place, name in enumerate(MONTHS, start=1)}

IMF = r"[A-Z][a-z]{2}, (?P<day>[0-9]{2}) (?P<month>[A-Z][a-z]{2}) (?P<year>[0-9]{4}) (?P<time>[0-9:]{8}) GMT"
RFC850 = r"[A-Z][a-z]{5,8}, (?P<day>[0-9]{2})-(?P<month>[A-Z][a-z]{2})-(?P<year>[0-9]{2}) (?P<time>[0-9:]{8}) GMT"
ASCTIME = r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>[ 0-9][0-9]) (?P<time>[0-9:]{8}) (?P<year>[0-9]{4})"
FORMS = tuple(re.compile(form) for form in (IMF, RFC850, ASCTIME))
TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)")

EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"


def format_date(moment: datetime | float) -> str:
    """Return `moment`, an aware datetime or seconds since 1970, as an IMF-fixdate; fractions of a second are cut.

    Raises ValueError for a datetime without a time zone and for a year outside 1 to 9999.
    """
    if isinstance(moment, datetime):
        if moment.utcoffset() is None:
            raise ValueError(f"{moment!r} has no time zone; use datetime.now(timezone.utc) or .astimezone()")

        at = moment.astimezone(UTC)
    else:
        try:
            at = datetime.fromtimestamp(moment // 1, UTC)
        except (OverflowError, OSError) as exc:
            raise ValueError(f"{moment!r} seconds since 1970 is no date that HTTP can write") from exc

    # strftime would use the names of the process's locale.
    day, month = DAYS[at.weekday()], MONTHS[at.month - 1]
    return f"{day}, {at.day:02} {month} {at.year:04} {at.hour:02}:{at.minute:02}:{at.second:02} GMT"


def parse_date(text: str, *, this_year: int | None = None) -> int | None:
    """Return the seconds since 1970 that `text` says, None where it is no HTTP date.

    `this_year` settles what the two-digit year of the obsolete form means: at most fifty years ahead of it, else in
    the past. Without it the years 1970 to 2069 are meant.
    """
    for form in FORMS:
        if match := form.fullmatch(text):
            break
    else:
        return None

    clock = TIME.fullmatch(match["time"])
    month = NUMBER.get(match["month"])

    if clock is None or month is None:
        return None

    year = int(match["year"])

    if len(match["year"]) == 2:
        latest = 2069 if this_year is None else this_year + 50
        year += (latest - year) // 100 * 100

    hour, minute, second = map(int, clock.groups())

    try:
        # A leap second is the last of its minute here: datetime knows none.
        return int(datetime(year, month, int(match["day"]), hour, minute, min(second, 59), tzinfo=UTC).timestamp())
    except ValueError:
        return None
