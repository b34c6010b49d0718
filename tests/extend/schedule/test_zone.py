"""Zones are asked where their clocks are changed."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule.zone import Stretch, find_zone, stretch_at, stretches_of


def seconds(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]  # year, month, …


def test_a_year_is_cut_where_clocks_are_changed() -> None:
    spring, autumn = seconds(2026, 3, 29, 1), seconds(2026, 10, 25, 1)

    assert stretches_of(ZoneInfo("Europe/Berlin"), 2026) == (
        Stretch(seconds(2026, 1, 1), spring, 3600, 0, seconds(2026, 1, 1), spring),
        Stretch(spring, autumn, 7200, 3600, spring, autumn - 3600),
        Stretch(autumn, seconds(2027, 1, 1), 3600, 0, autumn + 3600, seconds(2027, 1, 1)),
    )


@pytest.mark.parametrize(
    ("zone", "changes"),
    [
        ("Australia/Lord_Howe", [1800, 1800]),
        ("America/Santiago", [3600, 3600]),
        ("Asia/Tokyo", []),
        ("Africa/Casablanca", [3600, 3600]),
        ("Pacific/Chatham", [3600, 3600]),
    ],
)
def test_every_change_is_found_to_the_second(zone: str, changes: list[int]) -> None:
    tz = ZoneInfo(zone)
    stretches = stretches_of(tz, 2026)

    def offset(moment: int) -> int:
        ahead = datetime.fromtimestamp(moment, tz).utcoffset()
        assert ahead is not None
        return int(ahead.total_seconds())

    assert [
        abs(later.offset - former.offset) for former, later in zip(stretches, stretches[1:], strict=False)
    ] == changes

    for stretch in stretches:
        assert offset(stretch.start) == offset(stretch.end - 1) == stretch.offset


def test_a_moment_is_in_one_stretch() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = seconds(2026, 3, 29, 1)
    before, after = stretch_at(berlin, spring - 1), stretch_at(berlin, spring)

    assert before is not None
    assert after is not None
    assert before.end == after.start == spring


def test_a_distance_that_never_changes_is_one_stretch_a_year() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))

    assert stretch_at(zone, seconds(2026, 7, 1)) == Stretch(
        seconds(2026, 1, 1), seconds(2027, 1, 1), 19800, 0, seconds(2026, 1, 1), seconds(2027, 1, 1)
    )


def test_there_is_nothing_beyond_the_calendar() -> None:
    assert stretch_at(UTC, seconds(9999, 1, 1)) is None
    assert stretch_at(UTC, 10**15) is None
    assert stretch_at(UTC, -(10**15)) is None


@pytest.mark.parametrize("name", ["Europe/Berln", "", "Europe", "../etc/passwd", "/etc/passwd"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ScheduleError, match="unknown time zone"):
        find_zone(name)


def test_a_misspelled_zone_is_told_its_neighbour() -> None:
    with pytest.raises(ScheduleError, match="did you mean 'Europe/Berlin'"):
        find_zone("Europe/Berln")


def test_utc_needs_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.ZoneInfo", None)

    assert find_zone("utc") is UTC


def test_a_machine_without_a_database_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)

    with pytest.raises(ScheduleError, match="pip install tzdata"):
        find_zone("Mars/Olympus")
