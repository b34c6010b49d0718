"""Which seconds of a local clock an expression means, whatever zone the clock is in."""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from datetime import date

from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule.syntax import Expression

__all__ = ("Pattern",)

DAY = 86_400
EPOCH = date(1970, 1, 1).toordinal()
# Every kind of year there is: a common one and a leap one for each day of the week it can begin with.
YEARS = (2001, 2002, 2003, 2005, 2006, 2007, 2010, 2000, 2004, 2008, 2012, 2016, 2020, 2024)


class Pattern:
    """The seconds that an expression means. Moments are whole seconds since 1970 as a local clock shows them.

    Raises `ScheduleError` for an expression that means no moment at all, like the 30th of February.
    """

    __slots__ = ("expression", "hours", "known", "minutes", "per_day", "seconds")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.hours = expression.hours
        self.minutes = expression.minutes
        self.seconds = expression.seconds
        self.per_day = len(self.hours) * len(self.minutes) * len(self.seconds)
        self.known: dict[tuple[int, int], tuple[int, ...]] = {}
        """The days of a month by the weekday it begins with and its length."""

        if not any(self.days_of(year, month) for year in YEARS for month in expression.months):
            raise ScheduleError(f"cron expression {' '.join(expression.fields)!r}: there is no such day in any year")

    def first_from(self, moment: int) -> int | None:
        """Return the first moment that is meant and not before `moment`; None in the year 10000."""
        day, second = divmod(moment, DAY)

        if (found := self.first_day(day)) is None:
            return None

        if found > day:
            return found * DAY + self.first_time(0)

        if (time := self.time_from(second)) is not None:
            return day * DAY + time

        return None if (found := self.first_day(day + 1)) is None else found * DAY + self.first_time(0)

    def last_until(self, moment: int) -> int | None:
        """Return the last moment that is meant and not after `moment`; None before the year 1."""
        day, second = divmod(moment, DAY)

        if (found := self.last_day(day)) is None:
            return None

        if found < day:
            return found * DAY + self.first_time(-1)

        if (time := self.time_until(second)) is not None:
            return day * DAY + time

        return None if (found := self.last_day(day - 1)) is None else found * DAY + self.first_time(-1)

    def count_before(self, moment: int, origin: int) -> int:
        """Return how many moments are meant from midnight of the day `origin` until, but without, `moment`."""
        day, second = divmod(moment, DAY)
        days = self.count_days(origin, day)
        return days * self.per_day + (self.times_before(second) if self.first_day(day) == day else 0)

    # Times of day, in seconds since midnight.

    def first_time(self, place: int) -> int:
        return self.hours[place] * 3600 + self.minutes[place] * 60 + self.seconds[place]

    def time_from(self, second: int) -> int | None:
        hour, rest = divmod(second, 3600)
        minute, rest = divmod(rest, 60)
        hours, minutes, seconds = self.hours, self.minutes, self.seconds

        if hour in hours:
            if minute in minutes and (place := bisect_left(seconds, rest)) < len(seconds):
                return hour * 3600 + minute * 60 + seconds[place]

            if (place := bisect_right(minutes, minute)) < len(minutes):
                return hour * 3600 + minutes[place] * 60 + seconds[0]

        if (place := bisect_right(hours, hour)) < len(hours):
            return hours[place] * 3600 + minutes[0] * 60 + seconds[0]

        return None

    def time_until(self, second: int) -> int | None:
        hour, rest = divmod(second, 3600)
        minute, rest = divmod(rest, 60)
        hours, minutes, seconds = self.hours, self.minutes, self.seconds

        if hour in hours:
            if minute in minutes and (place := bisect_right(seconds, rest)) > 0:
                return hour * 3600 + minute * 60 + seconds[place - 1]

            if (place := bisect_left(minutes, minute)) > 0:
                return hour * 3600 + minutes[place - 1] * 60 + seconds[-1]

        if (place := bisect_left(hours, hour)) > 0:
            return hours[place - 1] * 3600 + minutes[-1] * 60 + seconds[-1]

        return None

    def times_before(self, second: int) -> int:
        hour, rest = divmod(second, 3600)
        minute, rest = divmod(rest, 60)
        count = bisect_left(self.hours, hour) * len(self.minutes) * len(self.seconds)

        if hour in self.hours:
            count += bisect_left(self.minutes, minute) * len(self.seconds)

            if minute in self.minutes:
                count += bisect_left(self.seconds, rest)

        return count

    # Days, counted from 1970-01-01.

    def first_day(self, day: int) -> int | None:
        """Return the first day that is meant and not before `day`."""
        if day + EPOCH > date.max.toordinal():
            return None

        start = date.fromordinal(max(1, day + EPOCH))
        year, month, first = start.year, start.month, start.day

        while year <= date.max.year:
            if month in self.expression.months:
                days = self.days_of(year, month)

                if (place := bisect_left(days, first)) < len(days):
                    return date(year, month, days[place]).toordinal() - EPOCH

            year, month, first = (year, month + 1, 1) if month < 12 else (year + 1, 1, 1)

        return None

    def last_day(self, day: int) -> int | None:
        """Return the last day that is meant and not after `day`."""
        if day + EPOCH < 1:
            return None

        start = date.fromordinal(min(date.max.toordinal(), day + EPOCH))
        year, month, last = start.year, start.month, start.day

        while year >= 1:
            if month in self.expression.months:
                days = self.days_of(year, month)

                if (place := bisect_right(days, last)) > 0:
                    return date(year, month, days[place - 1]).toordinal() - EPOCH

            year, month, last = (year, month - 1, 31) if month > 1 else (year - 1, 12, 31)

        return None

    def count_days(self, first: int, end: int) -> int:
        """Return how many days are meant from `first` until, but without, `end`."""
        count = 0
        day = first

        while day < end:
            start = date.fromordinal(day + EPOCH)
            length = monthrange(start.year, start.month)[1]
            last = min(length, start.day + end - day - 1)

            if start.month in self.expression.months:
                days = self.days_of(start.year, start.month)
                count += bisect_right(days, last) - bisect_left(days, start.day)

            day += last - start.day + 1

        return count

    def days_of(self, year: int, month: int) -> tuple[int, ...]:
        """Return the days of a month that are meant, whether or not its month is."""
        shape = monthrange(year, month)

        if (days := self.known.get(shape)) is None:
            begins, length = (shape[0] + 1) % 7, shape[1]  # the calendar's weeks begin with Monday, ours with Sunday
            days = self.known[shape] = tuple(
                day for day in range(1, length + 1) if self.means(day, (begins + day - 1) % 7, begins, length)
            )

        return days

    def means(self, day: int, weekday: int, begins: int, length: int) -> bool:
        expression = self.expression
        by_day = (
            day in expression.days
            or length - day in expression.days_from_last
            or any(day == nearest_weekday(near or length, begins, length) for near in expression.days_near)
        )
        by_weekday = (
            weekday in expression.weekdays
            or (weekday, (day + 6) // 7) in expression.nth_weekdays
            or (weekday in expression.last_weekdays and day + 7 > length)
        )
        return (by_day or by_weekday) if expression.either_day else (by_day and by_weekday)


def nearest_weekday(day: int, begins: int, length: int) -> int | None:
    """Return the Monday to Friday of the same month that is nearest to `day`; None where the month is too short."""
    if day > length:
        return None

    weekday = (begins + day - 1) % 7

    if weekday == 6:
        return day - 1 if day > 1 else day + 2

    if weekday == 0:
        return day + 1 if day < length else day - 2

    return day
