"""When the clocks of a time zone are changed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from hagworm.extend.error import ScheduleError, nearest

__all__ = ("Stretch", "find_zone", "stretch_at")

DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# datetime cannot tell the local time within a day of its ends.
FIRST_YEAR, LAST_YEAR = date.min.year + 1, date.max.year - 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a zone keeps its distance from UTC; moments are seconds since 1970, UTC.

    A stretch also begins and ends with the year, where nothing changes.
    """

    start: int
    end: int
    """The first moment after it."""
    offset: int
    """How many seconds local time is ahead of UTC."""
    skipped: int
    """How many seconds of local time were left out at `start`, because clocks were put forward."""
    repeated_until: int
    """Where the local times that an earlier stretch has had already end; `start` where there are none."""
    repeated_from: int
    """Where the local times that a later stretch has once more begin; `end` where there are none."""


def find_zone(zone: str | tzinfo) -> tzinfo:
    """Return a zone by its IANA name. Raises `ScheduleError` where there is none of that name."""
    if isinstance(zone, tzinfo):
        return zone

    if zone.upper() == "UTC":
        return UTC  # there even on machines without a database of time zones

    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as exc:  # what a bad key, a key of a folder and an absent one raise
        known = available_timezones()
        hint = nearest(zone, known) if known else "; this machine has no time zones: pip install tzdata"
        raise ScheduleError(f"unknown time zone {zone!r}{hint}") from exc


def stretch_at(zone: tzinfo, moment: int) -> Stretch | None:
    """Return the stretch that `moment` is in; None outside the years 2 to 9998."""
    try:
        year = (EPOCH + timedelta(seconds=moment)).year
    except OverflowError:
        return None

    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None

    return next(stretch for stretch in stretches_of(zone, year) if moment < stretch.end)


@lru_cache(maxsize=1024)
def stretches_of(zone: tzinfo, year: int) -> tuple[Stretch, ...]:
    """Return the stretches of a year of UTC.

    Zones tell only what their clock shows at a moment, so it is asked day by day and the moment of a change is searched
    between two days. Two changes within one day that cancel each other would not be seen.
    """
    begin, end = stamp_of(year), stamp_of(year + 1)
    # Two days more at both ends, for hours that are repeated beyond the turn of the year.
    changes = find_changes(zone, begin - 2 * DAY, end + 2 * DAY)
    edges = [begin, *(moment for moment, _, _ in changes if begin < moment < end), end]
    gaps = {moment: after - before for moment, before, after in changes if after > before}
    folds = [(moment, before - after) for moment, before, after in changes if after < before]

    return tuple(
        Stretch(
            start=start,
            end=stop,
            offset=offset_at(zone, start),
            skipped=gaps.get(start, 0),
            repeated_until=max([start, *(min(stop, at + size) for at, size in folds if at <= start)]),
            repeated_from=min([stop, *(max(start, at - size) for at, size in folds if at >= stop)]),
        )
        for start, stop in zip(edges, edges[1:], strict=False)
    )


def find_changes(zone: tzinfo, start: int, end: int) -> list[tuple[int, int, int]]:
    """Return (moment, seconds ahead of UTC before it, seconds after it) of every change."""
    changes = []
    before = offset_at(zone, start)

    for day in range(start, end, DAY):
        if (after := offset_at(zone, day + DAY)) != before:
            low, high = day, day + DAY

            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset_at(zone, middle) == before else (low, middle)

            changes.append((high, before, after))
            before = after

    return changes


def offset_at(zone: tzinfo, moment: int) -> int:
    ahead = (EPOCH + timedelta(seconds=moment)).astimezone(zone).utcoffset()
    return round(ahead.total_seconds()) if ahead is not None else 0


def stamp_of(year: int) -> int:
    return (date(year, 1, 1).toordinal() - EPOCH.toordinal()) * DAY
