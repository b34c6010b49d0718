"""How cron expressions are written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hagworm.extend.error import ScheduleError, nearest

__all__ = ("ALIASES", "MONTHS", "WEEKDAYS", "Expression", "read_expression")

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

NUMBER = re.compile(r"[0-9]{1,4}")
NEAR = re.compile(r"([0-9]{1,2})W")
FROM_LAST = re.compile(r"L(?:-([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Unit:
    """What one field counts."""

    name: str
    low: int
    high: int
    names: dict[str, int]


SECOND = Unit("second", 0, 59, {})
MINUTE = Unit("minute", 0, 59, {})
HOUR = Unit("hour", 0, 23, {})
DAY = Unit("day of month", 1, 31, {})
MONTH = Unit("month", 1, 12, {name: number for number, name in enumerate(MONTHS, start=1)})
WEEKDAY = Unit("day of week", 0, 7, {name: number for number, name in enumerate(WEEKDAYS)})

UNITS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)


@dataclass(frozen=True, slots=True)
class Expression:
    """A cron expression that has been read; numbers are sorted, Sunday is 0."""

    fields: tuple[str, ...]
    """The six fields as they were written, in capitals."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]

    days: tuple[int, ...]
    days_from_last: tuple[int, ...]
    """Days counted from the end of the month: 0 is the last one (`L`), 3 the third before it (`L-3`)."""
    days_near: tuple[int, ...]
    """Days of which the nearest Monday to Friday is meant (`15W`); 0 is the last of the month (`LW`)."""

    weekdays: tuple[int, ...]
    nth_weekdays: tuple[tuple[int, int], ...]
    """(day of week, which one in the month) (`FRI#3`)."""
    last_weekdays: tuple[int, ...]
    """Days of week of which the last in the month is meant (`FRIL`)."""

    either_day: bool
    """Whether a day that fits one of the two day fields is enough; otherwise it must fit both."""
    repeats: bool
    """Whether the minute or the hour begins with `*`: a job for all day long rather than for a time of day."""


def read_expression(text: str) -> Expression:
    """Read five fields (minute, hour, day of month, month, day of week), six (second first) or an alias (`@daily`).

    Raises `ScheduleError`, which says what is wrong with which field.
    """
    fields = tuple(expand(text).upper().split())

    if len(fields) == 5:
        fields = ("0", *fields)

    if len(fields) != 6:
        raise ScheduleError(f"cron expression {text!r}: has {len(fields)} fields, needs 5, or 6 with seconds first")

    try:
        seconds, minutes, hours, months = (numbers(fields[place].split(","), UNITS[place]) for place in (0, 1, 2, 4))
        days, from_last, near = read_days(fields[3])
        weekdays, nth, last = read_weekdays(fields[5])
    except ScheduleError as exc:
        raise ScheduleError(f"cron expression {text!r}: {exc}") from exc

    return Expression(
        fields=fields,
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        months=months,
        days=days,
        days_from_last=from_last,
        days_near=near,
        weekdays=weekdays,
        nth_weekdays=nth,
        last_weekdays=last,
        # cron(8): "if both fields are restricted (i.e., don't contain the `*` character)", by their first character.
        either_day=fields[3][0] not in "*?" and fields[5][0] not in "*?",
        repeats=fields[1][0] == "*" or fields[2][0] == "*",
    )


def expand(text: str) -> str:
    word = text.strip().lower()

    if not word.startswith("@"):
        return text

    if word == "@reboot":
        raise ScheduleError("cron expression '@reboot': is no time; call the function when the service starts")

    if word not in ALIASES:
        raise ScheduleError(f"cron expression {text!r}: unknown alias{nearest(word, ALIASES)}")

    return ALIASES[word]


def read_days(field: str) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return days of the month, days from its end, days whose nearest weekday is meant."""
    plain, from_last, near = [], set(), set()

    for term in ("*" if field == "?" else field).split(","):
        if term == "LW":
            near.add(0)
        elif match := FROM_LAST.fullmatch(term):
            from_last.add(within(int(match[1] or 0), 0, 30, DAY))
        elif match := NEAR.fullmatch(term):
            near.add(within(int(match[1]), 1, 31, DAY))
        else:
            plain.append(term)

    return numbers(plain, DAY), tuple(sorted(from_last)), tuple(sorted(near))


def read_weekdays(field: str) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Return days of the week, those with their number in the month, those that are the last in the month."""
    plain, nth, last = [], set(), set()

    for term in ("*" if field == "?" else field).split(","):
        day, sign, number = term.partition("#")

        if sign:
            if not NUMBER.fullmatch(number):
                raise ScheduleError(f"{WEEKDAY.name}: {term!r}: which one in the month, 1 to 5, is missing")

            nth.add((value(day, WEEKDAY) % 7, within(int(number), 1, 5, WEEKDAY)))
        elif term == "L":
            raise ScheduleError(f"{WEEKDAY.name}: 'L' needs the day it is the last of: 'FRIL' or '5L'")
        elif term.endswith("L"):
            last.add(value(term[:-1], WEEKDAY) % 7)
        else:
            plain.append(term)

    weekdays = {number % 7 for number in numbers(plain, WEEKDAY)}
    return tuple(sorted(weekdays)), tuple(sorted(nth)), tuple(sorted(last))


def numbers(terms: list[str], unit: Unit) -> tuple[int, ...]:
    return tuple(sorted({number for term in terms for number in numbers_of(term, unit)}))


def numbers_of(term: str, unit: Unit) -> Iterator[int]:
    span, slash, step_text = term.partition("/")
    first, dash, last = span.partition("-")

    if span == "*":
        low, high = unit.low, unit.high
    elif dash:
        low, high = value(first, unit), value(last, unit)

        if unit is WEEKDAY and high == 0:
            high = 7  # FRI-SUN: a week that ends with Sunday
    else:
        low = value(span, unit)
        high = unit.high if slash else low

    if low > high:
        raise ScheduleError(f"{unit.name}: {term!r} runs backwards; write two ranges, separated by a comma")

    step = 1

    if slash:
        if not NUMBER.fullmatch(step_text) or (step := int(step_text)) == 0:
            raise ScheduleError(f"{unit.name}: {term!r}: a step is a number from 1")

        if step > high - low:
            raise ScheduleError(f"{unit.name}: {term!r}: the step is longer than the range, so that only {low} is left")

    return iter(range(low, high + 1, step))


def value(text: str, unit: Unit) -> int:
    if NUMBER.fullmatch(text):
        return within(int(text), unit.low, unit.high, unit)

    if text in unit.names:
        return unit.names[text]

    hint = nearest(text, unit.names) or (f"; names are {', '.join(unit.names)}" if unit.names else "")
    raise ScheduleError(f"{unit.name}: {text!r} is no number{' and no name' if unit.names else ''}{hint}")


def within(number: int, low: int, high: int, unit: Unit) -> int:
    if not low <= number <= high:
        raise ScheduleError(f"{unit.name}: {number} is not within {low} to {high}")

    return number
