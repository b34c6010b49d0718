"""What can be written as a cron expression, and what is said of the rest."""

import pytest

from hagworm.extend.error import HagwormError, ScheduleError
from hagworm.extend.schedule.syntax import ALIASES, read_expression


def test_five_fields_are_minute_hour_day_month_weekday() -> None:
    read = read_expression("1 2 3 4 5")

    assert (read.seconds, read.minutes, read.hours) == ((0,), (1,), (2,))
    assert (read.days, read.months, read.weekdays) == ((3,), (4,), (5,))


def test_a_sixth_field_in_front_is_for_seconds() -> None:
    assert read_expression("7 1 2 3 4 5").seconds == (7,)
    assert read_expression("*/20 * * * * *").seconds == (0, 20, 40)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("*", tuple(range(60))),
        ("5", (5,)),
        ("05", (5,)),
        ("59", (59,)),
        ("3,1,2,3", (1, 2, 3)),
        ("10-13", (10, 11, 12, 13)),
        ("10-10", (10,)),
        ("*/20", (0, 20, 40)),
        ("*/59", (0, 59)),
        ("7/20", (7, 27, 47)),
        ("10-40/15", (10, 25, 40)),
        ("1,50-55/2,30", (1, 30, 50, 52, 54)),
    ],
)
def test_numbers_ranges_steps_and_lists(field: str, expected: tuple[int, ...]) -> None:
    assert read_expression(f"{field} * * * *").minutes == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("0", (0,)),
        ("7", (0,)),
        ("sun", (0,)),
        ("Mon-Fri", (1, 2, 3, 4, 5)),
        ("FRI-SUN", (0, 5, 6)),
        ("5-7", (0, 5, 6)),
        ("6-0", (0, 6)),
        ("SUN-TUE", (0, 1, 2)),
        ("SAT,SUN", (0, 6)),
        ("*/2", (0, 2, 4, 6)),
        ("1/2", (0, 1, 3, 5)),
        ("?", (0, 1, 2, 3, 4, 5, 6)),
    ],
)
def test_sunday_is_0_and_7_and_ends_a_week_as_well_as_it_begins_one(field: str, expected: tuple[int, ...]) -> None:
    assert read_expression(f"0 0 * * {field}").weekdays == expected


def test_months_have_names() -> None:
    assert read_expression("0 0 1 jan,MAR-MAY *").months == (1, 3, 4, 5)


def test_days_from_the_end_and_weekdays_near_a_date() -> None:
    read = read_expression("0 0 L,L-3,15W,LW,7 * *")

    assert (read.days, read.days_from_last, read.days_near) == ((7,), (0, 3), (0, 15))


def test_weekdays_by_number_in_the_month_and_the_last_one() -> None:
    read = read_expression("0 0 * * FRI#3,1#5,7#2,FRIL,7L,TUE")

    assert read.weekdays == (2,)
    assert read.nth_weekdays == ((0, 2), (1, 5), (5, 3))
    assert read.last_weekdays == (0, 5)


@pytest.mark.parametrize(
    ("expression", "either", "repeats"),
    [
        ("0 0 1 * 1", True, False),
        ("0 0 * * 1", False, False),
        ("0 0 1 * *", False, False),
        ("0 0 */2 * 1", False, False),  # cron(8) looks at the first character only
        ("0 0 1 * */2", False, False),
        ("0 0 ? * 1", False, False),
        ("0 0 1-31 * 1", True, False),
        ("*/5 0 1 * *", False, True),
        ("0 * 1 * *", False, True),
        ("0-59 0-23 * * *", False, False),
        ("* 0 0 * * *", False, False),
    ],
)
def test_the_first_character_tells_cron_how_to_take_days_and_times(
    expression: str, either: bool, repeats: bool
) -> None:
    read = read_expression(expression)

    assert (read.either_day, read.repeats) == (either, repeats)


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_stands_for_five_fields(alias: str) -> None:
    assert read_expression(f" {alias.upper()} ") == read_expression(ALIASES[alias])


def test_the_aliases_are_those_of_cron() -> None:
    expected = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

    assert set(ALIASES) == expected


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "has 0 fields, needs 5, or 6 with seconds first"),
        ("* * * *", "has 4 fields"),
        ("* * * * * * *", "has 7 fields"),
        ("60 * * * *", "minute: 60 is not within 0 to 59"),
        ("60 * * * * *", "second: 60 is not within 0 to 59"),
        ("* 24 * * *", "hour: 24 is not within 0 to 23"),
        ("* * 0 * *", "day of month: 0 is not within 1 to 31"),
        ("* * 32 * *", "day of month: 32 is not within 1 to 31"),
        ("* * * 0 *", "month: 0 is not within 1 to 12"),
        ("* * * 13 *", "month: 13 is not within 1 to 12"),
        ("* * * * 8", "day of week: 8 is not within 0 to 7"),
        ("-1 * * * *", "minute: '' is no number"),
        ("1, * * * *", "minute: '' is no number"),
        ("x * * * *", "minute: 'X' is no number"),
        ("1.5 * * * *", "minute: '1.5' is no number"),
        ("² * * * *", "minute: '²' is no number"),
        ("30-10 * * * *", "minute: '30-10' runs backwards; write two ranges"),
        ("* * * * 7-2", "day of week: '7-2' runs backwards"),
        ("*/0 * * * *", "minute: '*/0': a step is a number from 1"),
        ("*/ * * * *", "minute: '*/': a step is a number from 1"),
        ("*/x * * * *", "minute: '*/X': a step is a number from 1"),
        ("*/60 * * * *", "the step is longer than the range, so that only 0 is left"),
        ("10-20/11 * * * *", "so that only 10 is left"),
        ("* * * APRIL *", "month: 'APRIL' is no number and no name (did you mean 'APR'?)"),
        ("* * * XXX *", "names are JAN, FEB"),
        ("* * * * FRY", "day of week: 'FRY' is no number and no name (did you mean 'FRI'?)"),
        ("* * * * L", "day of week: 'L' needs the day it is the last of: 'FRIL' or '5L'"),
        ("* * * * 8L", "day of week: 8 is not within 0 to 7"),
        ("* * * * 1#", "day of week: '1#': which one in the month, 1 to 5, is missing"),
        ("* * * * 1#6", "day of week: 6 is not within 1 to 5"),
        ("* * * * 1#0", "day of week: 0 is not within 1 to 5"),
        ("* * L-31 * *", "day of month: 31 is not within 0 to 30"),
        ("* * 32W * *", "day of month: 32 is not within 1 to 31"),
        ("* * 0W * *", "day of month: 0 is not within 1 to 31"),
        ("* L * * *", "hour: 'L' is no number"),
        ("? * * * *", "minute: '?' is no number"),
        ("@dayly", "unknown alias (did you mean '@daily'?)"),
        ("@reboot", "is no time; call the function when the service starts"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(expression: str, problem: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        read_expression(expression)

    assert f"cron expression {expression!r}: " in str(caught.value)
    assert problem in str(caught.value)


def test_a_wrong_schedule_is_a_value_error_of_the_one_tree() -> None:
    assert issubclass(ScheduleError, ValueError)
    assert issubclass(ScheduleError, HagwormError)
    assert ScheduleError.code == "schedule"
