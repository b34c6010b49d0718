"""Cron over two years and every change of the clocks in five zones, against an independent way of finding it."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from hagworm.extend.schedule.cron import Cron
from tests.extend.schedule.oracle import Oracle, stamp

LONG = os.environ.get("HAGWORM_LONG") == "1"

ZONES = [
    "Europe/Berlin",  # an hour, at an hour of UTC
    "America/New_York",  # at an hour of its own
    "Australia/Lord_Howe",  # half an hour, in the south
    "America/St_Johns",  # half an hour from the hours of UTC
    "Pacific/Chatham",  # three quarters from them, in the south
]
START, END = stamp(2025), stamp(2027)

EXPRESSIONS = [
    "30 2 * * *",
    "0 0 * * *",
    "15,45 1-3 * * *",
    "*/20 * * MAR,APR,SEP-NOV *",
    "10 */3 * * *",
    "*/15 2 * * SUN",
    "5 3 1-7 * MON",
    "0 2 13 * FRI",
    "59 23 31 12 *",
    "0 12 29 2 *",
    "40 2 */2 MAR,APR,SEP-NOV *",
    "7/11 4 * * 1-5",
]
MORE = ["* * * * *", "1-59/3 1,2,3 * * 0,6", "0 * */3 * */2", "*/7 */3 */5 */2 */4", "0 0 1 1 *", "30 2 L * *"]


def is_last_day(day: date) -> bool:
    return (day + timedelta(days=1)).month != day.month


def is_workday(day: date) -> bool:
    return day.isoweekday() < 6


def is_near_15th(day: date) -> bool:
    """The Monday to Friday that is nearest to the 15th: it is never more than a day away, but for a Sunday's Monday."""
    middle = day.replace(day=15)
    shift = {6: -1, 7: 1}.get(middle.isoweekday(), 0)
    return day == middle + timedelta(days=shift)


def is_last_workday(day: date) -> bool:
    rest = [day + timedelta(days=ahead) for ahead in range(1, 8)]
    return is_workday(day) and not any(is_workday(later) for later in rest if later.month == day.month)


SPECIAL = [
    ("30 2 L * *", is_last_day),
    ("0 1 L-2 * *", lambda day: (day + timedelta(days=3)).day == 1),
    ("15 2 15W * *", is_near_15th),
    ("0 3 LW * *", is_last_workday),
    ("45 1 * * 7#1", lambda day: day.isoweekday() == 7 and day.day <= 7),
    ("0 2 * * SUNL", lambda day: day.isoweekday() == 7 and (day + timedelta(days=7)).month != day.month),
    (
        "0 0 1,LW * TUE#2",
        lambda day: day.day == 1 or is_last_workday(day) or (day.isoweekday() == 2 and 8 <= day.day <= 14),
    ),
]


def forward(cron: Cron) -> Iterator[int]:
    moment = cron.next_after(START - 1)

    while moment is not None and moment < END:
        yield int(moment)
        moment = cron.next_after(moment)


def backward(cron: Cron) -> Iterator[int]:
    moment = cron.last_before(END)

    while moment is not None and moment >= START:
        yield int(moment)
        moment = cron.last_before(moment)


def compare(expression: str, zone: str, oracle: Oracle, **policies: Any) -> None:
    cron = Cron(expression, tz=zone, **policies)
    expected = list(oracle.moments(zone, START, END, gap=cron.gap, fold=cron.fold))

    assert expected, "the oracle has seen something"
    assert list(forward(cron)) == expected
    assert list(backward(cron)) == expected[::-1]
    assert cron.count_between(START - 1, END - 1) == len(expected)

    for (first, since), (last, until) in pairwise([*enumerate(expected)][::997]):
        assert cron.count_between(since, until) == last - first


@pytest.mark.parametrize("expression", EXPRESSIONS + MORE[: len(MORE) - 1 if LONG else 0])
@pytest.mark.parametrize("zone", ZONES)
def test_cron_runs_when_a_clock_on_the_wall_shows_the_time(expression: str, zone: str) -> None:
    if expression == "0 12 29 2 *":
        assert list(forward(Cron(expression, tz=zone))) == [], "there is no leap year among these"
    else:
        compare(expression, zone, Oracle.of(expression))


@pytest.mark.parametrize(("expression", "is_day"), SPECIAL, ids=[text for text, _ in SPECIAL])
@pytest.mark.parametrize("zone", ZONES if LONG else ZONES[:2])
def test_days_counted_from_the_end_and_by_weekday(expression: str, is_day: Any, zone: str) -> None:
    minute, hour, *_ = expression.split()

    compare(expression, zone, Oracle.of(f"{minute} {hour} * * *", is_day))


@pytest.mark.parametrize("gap", ["skip", "after"])
@pytest.mark.parametrize("fold", ["first", "second", "both"])
@pytest.mark.parametrize("zone", ZONES if LONG else [ZONES[0], ZONES[2]])
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/15 1-3 * * *"])
def test_what_happens_when_clocks_are_changed_can_be_chosen(expression: str, zone: str, fold: str, gap: str) -> None:
    compare(expression, zone, Oracle.of(expression), gap=gap, fold=fold)


def test_every_second_of_the_nights_in_which_clocks_change() -> None:
    cron = Cron("*/7 * 1-3 * * *", tz="Europe/Berlin")

    for night in (datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 10, 26, tzinfo=UTC)):
        start = int(night.timestamp()) - 7200
        shown = [(second, datetime.fromtimestamp(second, cron.zone)) for second in range(start, start + 6 * 3600)]
        expected = [second for second, local in shown if local.hour in (1, 2, 3) and local.second % 7 == 0]
        found = [start - 1.0]

        while (moment := cron.next_after(found[-1])) is not None and moment < start + 6 * 3600:
            found.append(moment)

        assert found[1:] == expected
