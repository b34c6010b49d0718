"""When cron would run, found the slow way: by looking at every quarter of an hour that a clock on the wall shows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

__all__ = ("Oracle", "stamp")

QUARTER = 900
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()

DayTest = Callable[[date], bool]


def numbers(field: str, low: int, high: int, names: list[str] | None = None) -> set[int]:
    """Read the plain forms of a field."""
    found: set[int] = set()

    for term in field.split(","):
        span, _, step = term.partition("/")

        for number, name in enumerate(names or [], start=low):
            span = span.replace(name, str(number))

        first, _, last = ("*", "", "") if span == "*" else span.partition("-")
        begin = low if first == "*" else int(first)
        end = high if first == "*" or (step and not last) else int(last or first)
        found.update(range(begin, end + 1, int(step or 1)))

    return found


def days(of_month: str, of_week: str) -> DayTest:
    """Return whether a day fits the two fields together, plain forms only."""
    by_month = numbers(of_month, 1, 31)
    by_week = {number % 7 for number in numbers(of_week, 0, 7, WEEKDAYS)}

    def fits(day: date) -> bool:
        month, week = day.day in by_month, day.isoweekday() % 7 in by_week
        return (month and week) if of_month[0] == "*" or of_week[0] == "*" else (month or week)

    return fits


@dataclass(frozen=True, slots=True)
class Quarter:
    """Fifteen minutes that begin at `stamp`, and what the clock shows then."""

    stamp: int
    local: datetime
    is_repeated: bool
    """Whether the clock has shown these minutes before."""
    comes_again: bool
    skipped: tuple[datetime, ...]
    """The minutes that the clock has left out just before."""


@cache
def quarters(zone: str, start: int, end: int) -> tuple[Quarter, ...]:
    tz = ZoneInfo(zone)
    shown = [datetime.fromtimestamp(stamp, tz).replace(tzinfo=None) for stamp in range(start, end, QUARTER)]
    times: dict[datetime, int] = {}
    found = []

    for local in shown:
        times[local] = times.get(local, 0) + 1

    seen: set[datetime] = set()
    before = shown[0] - timedelta(seconds=QUARTER)

    for index, local in enumerate(shown):
        gap = (local - before - timedelta(seconds=QUARTER)) // timedelta(minutes=1)
        left_out = tuple(local - timedelta(minutes=minute) for minute in range(gap, 0, -1))
        found.append(
            Quarter(start + index * QUARTER, local, local in seen, times[local] == 2 and local not in seen, left_out)
        )
        seen.add(local)
        before = local

    return tuple(found)


@dataclass(frozen=True)
class Oracle:
    """What a minute, an hour and a month must be, and which days are meant."""

    minutes: set[int]
    hours: set[int]
    months: set[int]
    is_day: DayTest

    @classmethod
    def of(cls, expression: str, is_day: DayTest | None = None) -> "Oracle":
        minute, hour, of_month, month, of_week = expression.split()
        return cls(
            numbers(minute, 0, 59),
            numbers(hour, 0, 23),
            numbers(month, 1, 12, MONTHS),
            is_day or days(of_month, of_week),
        )

    def fits(self, local: datetime) -> bool:
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.month in self.months
            and self.is_day(local.date())
        )

    def moments(self, zone: str, start: int, end: int, *, gap: str, fold: str) -> Iterator[int]:
        """Yield every moment from `start` until before `end`, both at a quarter of an hour of UTC."""
        for quarter in quarters(zone, start, end):
            made_up = gap == "after" and any(self.fits(local) for local in quarter.skipped)

            if made_up:
                yield quarter.stamp

            if quarter.local.hour not in self.hours:
                continue

            if (fold == "first" and quarter.is_repeated) or (fold == "second" and quarter.comes_again):
                continue

            for minute in range(1 if made_up else 0, 15):
                if self.fits(quarter.local + timedelta(minutes=minute)):
                    yield quarter.stamp + minute * 60


def stamp(year: int, month: int = 1, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())
