"""Moments of a cron expression, for people and for machines."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule.cron import Cron

UTC = UTC
BERLIN = ZoneInfo("Europe/Berlin")


def local(*parts: int, tz: tzinfo = BERLIN, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=tz, fold=fold)  # type: ignore[arg-type, misc]  # year, month, day, hour, minute


def shown(moments: list[datetime]) -> list[str]:
    return [f"{moment:%m-%d %H:%M%z}" for moment in moments]


def test_the_next_and_the_previous_moment_are_never_the_one_given() -> None:
    cron = Cron("0 12 * * *")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)

    assert cron.next(noon) == noon + timedelta(days=1)
    assert cron.previous(noon) == noon - timedelta(days=1)
    assert cron.next(noon - timedelta(microseconds=1)) == noon
    assert cron.previous(noon + timedelta(microseconds=1)) == noon


def test_moments_are_given_in_the_zone_of_the_expression() -> None:
    found = Cron("0 3 * * *", tz="Europe/Berlin").next(datetime(2026, 7, 1, tzinfo=UTC))

    assert found.tzinfo == BERLIN
    assert found.isoformat() == "2026-07-01T03:00:00+02:00"


def test_the_upcoming_moments() -> None:
    cron = Cron("0 9 * * MON-FRI", tz="Europe/Berlin")

    assert shown(cron.upcoming(local(2026, 3, 27, 9), 3)) == [
        "03-30 09:00+0200",
        "03-31 09:00+0200",
        "04-01 09:00+0200",
    ]


def test_moments_between_two_times_include_the_first_of_them_only() -> None:
    cron = Cron("*/15 * * * *")
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert [moment.minute for moment in cron.between(start, start + timedelta(minutes=30))] == [0, 15]
    assert list(cron.between(start, start)) == []


def test_a_moment_is_told_to_the_second() -> None:
    cron = Cron("30 2 * * *", tz="Europe/Berlin")

    assert cron.includes(local(2026, 5, 1, 2, 30))
    assert cron.includes(local(2026, 5, 1, 2, 30) + timedelta(milliseconds=999))
    assert not cron.includes(local(2026, 5, 1, 2, 30) + timedelta(seconds=1))
    assert not cron.includes(local(2026, 5, 1, 2, 30, tz=UTC))


def test_a_time_of_day_that_is_left_out_runs_when_clocks_are_put_forward() -> None:
    """On 29 March 2026 it is 03:00 right after 01:59 in Berlin."""
    nights = Cron("30 2 * * *", tz="Europe/Berlin").upcoming(local(2026, 3, 28), 3)

    assert shown(nights) == ["03-28 02:30+0100", "03-29 03:00+0200", "03-30 02:30+0200"]
    assert Cron("30 2 * * *", tz="Europe/Berlin").includes(local(2026, 3, 29, 3))


def test_several_times_that_are_left_out_are_made_up_for_once() -> None:
    cron = Cron("0,30 2,3 * * *", tz="Europe/Berlin")

    assert shown(cron.upcoming(local(2026, 3, 29), 3)) == ["03-29 03:00+0200", "03-29 03:30+0200", "03-30 02:00+0200"]
    assert cron.count_between(local(2026, 3, 29).timestamp(), local(2026, 3, 30).timestamp()) == 2


def test_a_time_of_day_that_comes_twice_runs_once() -> None:
    """On 25 October 2026 it is 02:00 again after 02:59 in Berlin."""
    nights = Cron("30 2 * * *", tz="Europe/Berlin").upcoming(local(2026, 10, 25), 2)

    assert shown(nights) == ["10-25 02:30+0200", "10-26 02:30+0100"]


def test_a_job_for_all_day_long_runs_at_equal_distances_through_both_changes() -> None:
    cron = Cron("*/30 * * * *", tz="Europe/Berlin")

    for day in (local(2026, 3, 29), local(2026, 10, 25)):
        moments = cron.upcoming(day, 12)
        assert [later.timestamp() - day.timestamp() for later in moments] == [1800 * n for n in range(1, 13)]


def test_what_happens_at_a_change_can_be_chosen() -> None:
    spring, autumn = local(2026, 3, 29), local(2026, 10, 25)

    def first(day: datetime, **policy: str) -> list[str]:
        return shown(Cron("30 2 * * *", tz=BERLIN, **policy).upcoming(day, 2))  # type: ignore[arg-type]  # literals

    assert first(spring, gap="skip") == ["03-30 02:30+0200", "03-31 02:30+0200"]
    assert first(spring, gap="after") == ["03-29 03:00+0200", "03-30 02:30+0200"]
    assert first(autumn, fold="first") == ["10-25 02:30+0200", "10-26 02:30+0100"]
    assert first(autumn, fold="second") == ["10-25 02:30+0100", "10-26 02:30+0100"]
    assert first(autumn, fold="both") == ["10-25 02:30+0200", "10-25 02:30+0100"]


def test_a_day_that_a_country_left_out_is_made_up_for_at_the_next_midnight() -> None:
    """Samoa crossed the date line: there was no 30 December 2011."""
    noon = Cron("0 12 * * *", tz="Pacific/Apia")
    moments = noon.upcoming(datetime(2011, 12, 29, tzinfo=noon.zone), 4)

    assert shown(moments) == ["12-29 12:00-1000", "12-31 00:00+1400", "12-31 12:00+1400", "01-01 12:00+1400"]


def test_hours_that_come_twice_at_the_turn_of_the_year_are_known_for_what_they_are() -> None:
    class Odd(tzinfo):
        """A zone that puts its clocks back at the first moment of 2026, by two hours."""

        change = datetime(2026, 1, 1, tzinfo=UTC)

        def utcoffset(self, when: datetime | None) -> timedelta:
            assert when is not None
            before = when.replace(tzinfo=UTC) - timedelta(hours=2) < self.change
            return timedelta(hours=2 if before and not when.fold else 0)

        def dst(self, when: datetime | None) -> timedelta:
            return timedelta(0)

        def fromutc(self, when: datetime) -> datetime:
            moment = when.replace(tzinfo=UTC)
            ahead = timedelta(hours=2 if moment < self.change else 0)
            again = self.change <= moment < self.change + timedelta(hours=2)
            return (moment + ahead).replace(tzinfo=self, fold=int(again))

    start = datetime(2025, 12, 31, 12, tzinfo=UTC)

    def moments(fold: str) -> list[str]:
        cron = Cron("30 0,1 * * *", tz=Odd(), fold=fold)  # type: ignore[arg-type]  # a literal
        return [f"{moment.astimezone(UTC):%H:%M}" for moment in cron.between(start, start + timedelta(hours=18))]

    assert moments("first") == ["22:30", "23:30"]
    assert moments("second") == ["00:30", "01:30"]
    assert moments("both") == ["22:30", "23:30", "00:30", "01:30"]


def test_the_29th_of_february_is_found_across_a_century_without_one() -> None:
    cron = Cron("0 0 29 2 *")

    assert cron.next(datetime(2096, 3, 1, tzinfo=UTC)).year == 2104
    assert cron.previous(datetime(2104, 1, 1, tzinfo=UTC)).year == 2096
    # Both fields must fit: a 29 February that is a Sunday comes every 28 years, or 40.
    assert [moment.year for moment in Cron("0 0 29 2 */7").upcoming(datetime(2026, 1, 1, tzinfo=UTC), 4)] == [
        2032,
        2060,
        2088,
        2128,
    ]


def test_the_calendar_has_two_ends() -> None:
    yearly = Cron("@yearly")

    assert yearly.next_after(datetime(9998, 12, 1, tzinfo=UTC).timestamp()) is None
    assert yearly.last_before(datetime(2, 1, 1, tzinfo=UTC).timestamp()) is None
    assert yearly.next_after(1e30) is None
    assert yearly.last_before(-1e30) is None
    assert yearly.count_between(datetime(9990, 6, 1, tzinfo=UTC).timestamp(), 1e30) == 8

    with pytest.raises(ScheduleError, match="no moment after"):
        yearly.next(datetime(9998, 12, 1, tzinfo=UTC))

    with pytest.raises(ScheduleError, match="no moment before"):
        yearly.previous(datetime(2, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("expression", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 L-30 2 *", "0 0 30W 2 *"])
def test_an_expression_that_means_no_day_at_all_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError, match="there is no such day in any year"):
        Cron(expression)


def test_a_day_that_only_some_years_have_is_not_refused() -> None:
    assert Cron("0 0 29W 2 *").next(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2028, 2, 29, tzinfo=UTC)
    assert Cron("0 0 L-28 2 *").next(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2028, 2, 1, tzinfo=UTC)
    assert Cron("0 0 * 2 THU#5").next(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2052, 2, 29, tzinfo=UTC)


def test_a_datetime_without_a_zone_is_refused() -> None:
    with pytest.raises(ScheduleError, match="has no time zone"):
        Cron("* * * * *").next(datetime(2026, 1, 1))


def test_an_unknown_policy_is_refused_with_its_neighbour() -> None:
    with pytest.raises(ScheduleError, match="unknown fold 'frist'.*did you mean 'first'.*second, both"):
        Cron("* * * * *", fold="frist")  # type: ignore[arg-type]  # that is the point

    with pytest.raises(ScheduleError, match="unknown gap 'before'; known: skip, after"):
        Cron("* * * * *", gap="before")  # type: ignore[arg-type]  # that is the point


def test_equal_arguments_make_equal_schedules() -> None:
    assert Cron("@daily") == Cron("0 0 * * *", tz=UTC)
    assert hash(Cron("@daily")) == hash(Cron("0 0 * * *", tz="utc"))
    assert Cron("@daily") != Cron("@daily", tz="Europe/Berlin")
    assert Cron("@daily") != Cron("@daily", fold="both")
    assert Cron("@daily") != Cron("@daily", gap="skip")
    assert Cron("@daily") != Cron("@hourly")
    assert Cron("@daily") != "@daily"


def test_a_schedule_says_what_it_is() -> None:
    cron = Cron("0 3 * * MON-FRI", tz="Europe/Berlin")

    assert str(cron) == "0 3 * * MON-FRI"
    assert repr(cron) == "<Cron '0 3 * * MON-FRI' Europe/Berlin>"
    assert cron.explain() == "at 03:00, on Monday to Friday (Europe/Berlin)"


FIELDS = st.tuples(
    st.sampled_from(["0", "*/7", "13", "*", "1-59/13"]),
    st.sampled_from(["0", "*/5", "13", "*", "59", "1,31"]),
    st.sampled_from(["*", "0", "2", "1-3", "*/5", "23"]),
    st.sampled_from(["*", "1", "L", "*/9", "15W", "29,31", "LW"]),
    st.sampled_from(["*", "2", "3,10", "*/5"]),
    st.sampled_from(["*", "MON", "0", "FRI#2", "SATL", "*/3"]),
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca"])


@settings(max_examples=150, deadline=None)
@given(
    fields=FIELDS,
    zone=ZONES,
    fold=st.sampled_from([None, "first", "second", "both"]),
    gap=st.sampled_from([None, "skip", "after"]),
    moment=st.floats(min_value=0, max_value=4e9),
    steps=st.integers(1, 25),
)
def test_forward_backward_and_counting_agree(
    fields: tuple[str, ...], zone: str, fold: str | None, gap: str | None, moment: float, steps: int
) -> None:
    try:
        cron = Cron(" ".join(fields), tz=zone, fold=fold, gap=gap)  # type: ignore[arg-type]  # literals
    except ScheduleError:  # no such day
        return

    moments = []
    at: float | None = moment

    for _ in range(steps):
        at = cron.next_after(at)
        assert at is not None
        moments.append(at)

    assert moments == sorted(set(moments))
    assert moments[0] > moment
    assert cron.count_between(moment, moments[-1]) == steps
    assert cron.count_between(moment, moments[-1] - 0.5) == steps - 1
    back = [moments[-1]]

    while len(back) < steps:
        former = cron.last_before(back[-1])
        assert former is not None
        back.append(former)

    assert back == moments[::-1]
    assert (cron.last_before(moments[0]) or 0) <= moment
