"""Moments that a cron expression means, in a time zone."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, get_args

from hagworm.extend.error import ScheduleError, nearest
from hagworm.extend.schedule.explanation import explain
from hagworm.extend.schedule.pattern import Pattern
from hagworm.extend.schedule.syntax import read_expression
from hagworm.extend.schedule.zone import Stretch, find_zone, stretch_at

__all__ = ("Cron", "Fold", "Gap")

Gap = Literal["skip", "after"]
"""What becomes of local times that are left out when clocks are put forward."""

Fold = Literal["first", "second", "both"]
"""Which of two equal local times is meant when clocks are put back."""

DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cron:
    """A cron expression: `minute hour day-of-month month day-of-week`, with seconds as a sixth field in front.

    Fields hold `*`, numbers, names (`MON`, `JAN`), ranges (`9-17`, `FRI-SUN`), steps (`*/15`, `10-40/10`, `5/15`) and
    lists of these; the day of month also `L` (the last day), `L-3` (the third before it), `15W` (the Monday to Friday
    nearest to the 15th) and `LW`; the day of week also `FRI#3` (the third Friday) and `FRIL` (the last one), with 0 and
    7 for Sunday. `?` is `*` there. A day that fits one of the two day fields is enough, unless one of them begins with
    `*`: then it must fit both, as in cron(8). Aliases: `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`,
    `@midnight`, `@hourly`.

    `tz` is an IANA name or a tzinfo, UTC unless given. When clocks are put forward, a local time that is left out is
    passed over (`gap="skip"`) or runs at the moment of the change (`"after"`); when they are put back, a local time
    that comes twice runs the first time, the second time, or both times (`fold`). None means what cron(8) does: a job
    for a time of day runs once, at the change or the first time; one whose minute or hour begins with `*` runs whenever
    the local clock shows such a time.

    Moments are seconds since 1970 (Unix time) in the methods of `Schedule`, aware datetimes in the others. Equal
    arguments make equal objects. Raises `ScheduleError` for an expression, a zone or a policy that does not exist.
    """

    __slots__ = ("expression", "fold", "gap", "pattern", "text", "zone")

    def __init__(
        self, text: str, *, tz: str | tzinfo = "UTC", gap: Gap | None = None, fold: Fold | None = None
    ) -> None:
        self.text = text
        self.expression = read_expression(text)
        self.pattern = Pattern(self.expression)
        self.zone = find_zone(tz)
        check("gap", gap, get_args(Gap))
        check("fold", fold, get_args(Fold))
        self.gap: Gap = gap or ("skip" if self.expression.repeats else "after")
        self.fold: Fold = fold or ("both" if self.expression.repeats else "first")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Cron {self.text!r} {self.zone}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cron) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def identity(self) -> tuple[object, ...]:
        return self.expression.fields, self.zone, self.gap, self.fold

    def explain(self) -> str:
        """Return what the expression means, in English: `at 03:00 on Monday to Friday (Europe/Berlin)`."""
        return f"{explain(self.expression)} ({self.zone})"

    # For people: aware datetimes.

    def next(self, after: datetime) -> datetime:
        """Return the first moment later than `after`, in the zone of this expression.

        Raises `ScheduleError` for a datetime without a zone, and where there is none before the year 9999.
        """
        if (found := self.next_after(stamp_of(after))) is None:
            raise ScheduleError(f"{self!r} has no moment after {after}")

        return self.moment(found)

    def previous(self, before: datetime) -> datetime:
        """Return the last moment earlier than `before`, in the zone of this expression; raises as `next` does."""
        if (found := self.last_before(stamp_of(before))) is None:
            raise ScheduleError(f"{self!r} has no moment before {before}")

        return self.moment(found)

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """Return the first `count` moments later than `after`."""
        found = []

        for _ in range(count):
            after = self.next(after)
            found.append(after)

        return found

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the moments from `start` until, but without, `end`."""
        moment = self.next_after(math.ceil(stamp_of(start)) - 1)
        stop = stamp_of(end)

        while moment is not None and moment < stop:
            yield self.moment(moment)
            moment = self.next_after(moment)

    def includes(self, moment: datetime) -> bool:
        """Whether `moment` is one of them, to the second."""
        second = math.floor(stamp_of(moment))
        return self.next_after(second - 1) == second

    # For machines: Unix time.

    def next_after(self, moment: float) -> float | None:
        """Return the first moment later than `moment`; None where there is none before the year 9999."""
        at = math.floor(moment) + 1

        while (stretch := stretch_at(self.zone, at)) is not None:
            if (found := self.first_within(stretch, at)) is not None:
                return float(found)

            # Local time is less than a day from UTC, and a local time that comes again does so within a day.
            if (local := self.pattern.first_from(stretch.end - 2 * DAY)) is None:
                return None

            at = max(stretch.end, local - DAY)

        return None

    def last_before(self, moment: float) -> float | None:
        """Return the last moment earlier than `moment`; None where there is none after the year 1."""
        at = math.ceil(moment) - 1

        while (stretch := stretch_at(self.zone, at)) is not None:
            if (found := self.last_within(stretch, at)) is not None:
                return float(found)

            if (local := self.pattern.last_until(stretch.start - 1 + 2 * DAY)) is None:
                return None

            at = min(stretch.start - 1, local + DAY)

        return None

    def count_between(self, after: float, until: float) -> int:
        """Return how many moments are later than `after` and not later than `until`, without visiting each."""
        at, last = math.floor(after) + 1, math.floor(until)
        count = 0

        while at <= last and (stretch := stretch_at(self.zone, at)) is not None:
            low, high = self.window(stretch)
            start, end = max(at, low) + stretch.offset, min(last + 1, high) + stretch.offset

            if start < end:
                origin = start // DAY
                count += self.pattern.count_before(end, origin) - self.pattern.count_before(start, origin)

            if at == stretch.start and self.runs_at_start(stretch) and not self.is_plain(stretch, at):
                count += 1

            at = stretch.end

        return count

    def first_within(self, stretch: Stretch, at: int) -> int | None:
        if at == stretch.start and self.runs_at_start(stretch):
            return at

        low, high = self.window(stretch)
        local = self.pattern.first_from(max(at, low) + stretch.offset)
        return local - stretch.offset if local is not None and local - stretch.offset < high else None

    def last_within(self, stretch: Stretch, at: int) -> int | None:
        low, high = self.window(stretch)
        local = self.pattern.last_until(min(at, high - 1) + stretch.offset)

        if local is not None and local - stretch.offset >= low:
            return local - stretch.offset

        return stretch.start if self.runs_at_start(stretch) else None

    def window(self, stretch: Stretch) -> tuple[int, int]:
        """Return where in a stretch the moments begin and end, according to the policy for repeated times."""
        return (
            stretch.repeated_until if self.fold == "first" else stretch.start,
            stretch.repeated_from if self.fold == "second" else stretch.end,
        )

    def runs_at_start(self, stretch: Stretch) -> bool:
        """Whether a time that was left out just before the stretch is made up for at its start."""
        if not stretch.skipped or self.gap == "skip":
            return False

        resumed = stretch.start + stretch.offset
        local = self.pattern.first_from(resumed - stretch.skipped)
        return local is not None and local < resumed

    def is_plain(self, stretch: Stretch, at: int) -> bool:
        low, high = self.window(stretch)
        return low <= at < high and self.pattern.first_from(at + stretch.offset) == at + stretch.offset

    def moment(self, stamp: float) -> datetime:
        return (EPOCH + timedelta(seconds=stamp)).astimezone(self.zone)


def stamp_of(moment: datetime) -> float:
    if moment.tzinfo is None:
        raise ScheduleError(f"{moment} has no time zone: use datetime.now(UTC), or give it a tzinfo")

    return (moment - EPOCH).total_seconds()


def check(what: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ScheduleError(f"unknown {what} {value!r}{nearest(value, known)}; known: {', '.join(known)}")
