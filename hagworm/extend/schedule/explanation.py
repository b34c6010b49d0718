"""What a cron expression means, in English."""

from collections.abc import Callable, Iterable, Sequence

from hagworm.extend.schedule.syntax import Expression

__all__ = ("explain",)

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
ORDINALS = ("first", "second", "third", "fourth", "fifth")

FEW = 4
"""So many times of day are listed one by one."""


def explain(expression: Expression) -> str:
    """Return when: `every 10 minutes from 09:00 to 17:59, on Monday to Friday, in January`."""
    time, days = explain_time(expression), explain_days(expression)
    months = f"in {spans(expression.months, lambda month: MONTHS[month - 1])}" if len(expression.months) < 12 else ""

    if time.startswith("at ") and not days and not months:
        days = "every day"

    return ", ".join(part for part in (time, days, months) if part)


def explain_time(expression: Expression) -> str:
    hours, minutes, seconds = expression.hours, expression.minutes, expression.seconds

    if len(hours) * len(minutes) * len(seconds) <= FEW:
        times = [clock(hour, minute, second) for hour in hours for minute in minutes for second in seconds]
        return f"at {listed(times)}"

    if len(seconds) == len(minutes) == 1:
        return explain_hourly(hours, minutes[0], seconds[0])

    if len(seconds) == 1:
        often = frequency("minute", minutes, "hour") + (f" at second {seconds[0]}" if seconds[0] else "")
    else:
        often = frequency("second", seconds, "minute")
        often += "" if len(minutes) == 60 else f", in {counted('minute', minutes)} of the hour"

    if len(hours) == 24:
        return often

    if len(hours) > 2 and (step := even_step(hours, 0, 24)):
        return f"{often}, in every {ordinal(step)} hour"

    return f"{often} {listed(f'from {first:02}:00 to {last:02}:59' for first, last in rows(hours))}"


def explain_hourly(hours: Sequence[int], minute: int, second: int) -> str:
    if step := even_step(hours, 0, 24):
        often = "every hour" if step == 1 else f"every {step} hours"
        return f"{often} at minute {minute}" + (f", second {second}" if second else "")

    if all(last > first for first, last in rows(hours)):
        ends = (f"from {clock(first, minute, second)} to {clock(last, minute, second)}" for first, last in rows(hours))
        return f"every hour {listed(ends)}"

    return f"at {listed(clock(hour, minute, second) for hour in hours)}"


def frequency(unit: str, numbers: Sequence[int], whole: str) -> str:
    if step := even_step(numbers, 0, 60):
        return f"every {unit}" if step == 1 else f"every {step} {unit}s"

    return f"in {counted(unit, numbers)} of every {whole}"


def explain_days(expression: Expression) -> str:
    dates = explain_dates(expression)
    weekdays = explain_weekdays(expression, "or" if dates and not expression.either_day else "and")

    if not dates or not weekdays:
        return f"on {dates or weekdays}" if dates or weekdays else ""

    return f"on {dates} or on {weekdays}" if expression.either_day else f"on {dates} if it is {weekdays}"


def explain_dates(expression: Expression) -> str:
    if len(expression.days) == 31:
        return ""

    parts = []

    if expression.days:
        step = even_step(expression.days, 1, 32)
        parts.append(f"every {ordinal(step)} day" if step else counted("day", expression.days))

    parts += [f"day {before} before the last" if before else "the last day" for before in expression.days_from_last]
    parts += [
        f"the Monday to Friday nearest to day {near}" if near else "the last Monday to Friday"
        for near in expression.days_near
    ]
    return f"{listed(parts)} of the month"


def explain_weekdays(expression: Expression, joined: str) -> str:
    days = expression.weekdays

    if len(days) == 7:
        return ""

    parts = []

    if days:
        # Sunday closes a week that it does not begin: Friday to Sunday.
        closes = 0 in days and 6 in days
        week = sorted(day or 7 for day in days) if closes else days
        parts.append(spans(week, lambda day: WEEKDAYS[day % 7], joined))

    parts += [f"the {ORDINALS[number - 1]} {WEEKDAYS[day]} of the month" for day, number in expression.nth_weekdays]
    parts += [f"the last {WEEKDAYS[day]} of the month" for day in expression.last_weekdays]
    return listed(parts, joined)


def even_step(numbers: Sequence[int], first: int, end: int) -> int | None:
    """Return the distance of `numbers`, if they are all there are at that distance from `first` until before `end`."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else end
    return step if len(numbers) > 1 and tuple(numbers) == tuple(range(first, end, step)) else None


def rows(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and the last of each row of neighbours."""
    found: list[tuple[int, int]] = []

    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))

    return found


def spans(numbers: Sequence[int], name: Callable[[int], str], joined: str = "and") -> str:
    parts: list[str] = []

    for first, last in rows(numbers):
        if last - first > 1:
            parts.append(f"{name(first)} to {name(last)}")
        else:
            parts += [name(number) for number in range(first, last + 1)]

    return listed(parts, joined)


def counted(unit: str, numbers: Sequence[int]) -> str:
    return f"{unit}{'s' if len(numbers) > 1 else ''} {spans(numbers, str)}"


def listed(parts: Iterable[str], joined: str = "and") -> str:
    *head, last = parts
    return f"{', '.join(head)} {joined} {last}" if head else last


def ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")
