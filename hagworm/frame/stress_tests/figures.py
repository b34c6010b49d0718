"""What a run has counted, frozen: it adds up, whichever way it was parted between processes and seconds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import reduce
from typing import Any, Self

from hagworm.frame.stress_tests.histogram import DIGITS, Distribution

__all__ = ("SERIES_DIGITS", "SERIES_LIMIT", "Figures", "Interval", "Iterations", "Line", "Series")

SERIES_DIGITS = 2
SERIES_LIMIT = 240
"""As many intervals has a time series at most; before it has more, two each become one that is twice as long."""

NOTHING = Distribution(DIGITS)
NOTHING_YET = Distribution(SERIES_DIGITS)


@dataclass(frozen=True, slots=True)
class Line:
    """Everything of one name: requests, or steps of a scenario. Times in seconds, sizes in bytes on the wire.

    `service` are the times from the start of something to its end, of successes and failures alike. `response` are
    those from when its run was intended to start: what a user sees who does not know that we were late. It is empty in
    the closed model, where nothing is intended; `Result.response` gives what comes nearest to it.
    """

    name: str
    successes: int = 0
    failures: tuple[tuple[str, int], ...] = ()
    """How often it failed for which reason, in the order of the reasons."""
    service: Distribution = NOTHING
    response: Distribution = NOTHING
    failed: Distribution = NOTHING
    """The service times of the failures alone."""
    sent: int = 0
    received: int = 0

    def __repr__(self) -> str:
        return f"<Line {self.name!r} {self.successes} succeeded, {self.failed_count} failed>"

    @property
    def failed_count(self) -> int:
        """How often it failed."""
        return sum(count for _, count in self.failures)

    @property
    def count(self) -> int:
        """How often it happened."""
        return self.successes + self.failed_count

    @property
    def error_rate(self) -> float:
        """The part that failed, 0 to 1."""
        return self.failed_count / self.count if self.count else 0.0

    def merge(self, other: "Line") -> "Line":
        """Return both together, under the name of this one."""
        failures = defaultdict(int, self.failures)

        for reason, count in other.failures:
            failures[reason] += count

        return Line(
            self.name,
            self.successes + other.successes,
            tuple(sorted(failures.items())),
            self.service.merge(other.service),
            self.response.merge(other.response),
            self.failed.merge(other.failed),
            self.sent + other.sent,
            self.received + other.received,
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {**values_of(self), "failures": dict(self.failures)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        read = dict(value)

        for name in ("service", "response", "failed"):
            read[name] = Distribution.from_json(read[name])

        return cls(**{**read, "failures": tuple(sorted(read["failures"].items()))})


@dataclass(frozen=True, slots=True)
class Interval:
    """What ended in one stretch of time, of all names together; `started` and `finished` count runs."""

    successes: int = 0
    failures: int = 0
    sent: int = 0
    received: int = 0
    started: int = 0
    finished: int = 0
    packed: bytes = b""
    """The bytes of `latency`: there are hundreds of intervals, and a few of them are read."""

    @property
    def latency(self) -> Distribution:
        """Response times in the open model, service times in the closed one."""
        return Distribution.from_bytes(self.packed) if self.packed else NOTHING_YET

    def merge(self, other: "Interval") -> "Interval":
        """Return both together."""
        return Interval(
            self.successes + other.successes,
            self.failures + other.failures,
            self.sent + other.sent,
            self.received + other.received,
            self.started + other.started,
            self.finished + other.finished,
            self.latency.merge(other.latency).to_bytes()
            if self.packed and other.packed
            else self.packed or other.packed,
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        value = values_of(self)
        del value["packed"]
        return {**value, "latency": self.latency.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        fields = dict(value)
        latency = Distribution.from_json(fields.pop("latency"))
        return cls(**fields, packed=latency.to_bytes() if latency else b"")


@dataclass(frozen=True, slots=True)
class Series:
    """Intervals of `every` seconds, a power of two: `intervals[n]` begins at `(first + n) * every` seconds."""

    every: int = 1
    first: int = 0
    intervals: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, intervals: Mapping[int, Interval], every: int = 1) -> Self:
        """Return intervals by number, as few as are allowed."""
        if not intervals:
            return cls(every)

        first, last = min(intervals), max(intervals)

        while last - first >= SERIES_LIMIT:
            first, last, every = first // 2, last // 2, every * 2
            intervals = folded(intervals, 2)

        empty = Interval()
        return cls(every, first, tuple(intervals.get(index, empty) for index in range(first, last + 1)))

    def begin(self, number: int) -> int:
        """Return the offset in seconds at which `intervals[number]` begins."""
        return (self.first + number) * self.every

    def merge(self, other: "Series") -> "Series":
        """Return both together, in the longer of their intervals."""
        every = max(self.every, other.every)
        mine, theirs = (
            folded(dict(enumerate(series.intervals, series.first)), every // series.every) for series in (self, other)
        )

        for index, interval in theirs.items():
            mine[index] = mine[index].merge(interval) if index in mine else interval

        return Series.of(mine, every)

    def running(self) -> tuple[int, ...]:
        """Return how many runs were under way at the end of each interval."""
        found = []
        count = 0

        for interval in self.intervals:
            count += interval.started - interval.finished
            found.append(count)

        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        intervals = [interval.to_json() for interval in self.intervals]
        return {"every": self.every, "first": self.first, "intervals": intervals}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        return cls(value["every"], value["first"], tuple(map(Interval.from_json, value["intervals"])))


@dataclass(frozen=True, slots=True)
class Iterations:
    """Runs of scenarios; with one fixed request, each request is one."""

    started: int = 0
    finished: int = 0
    """Those that came to their end, with success or without."""
    failed: int = 0
    """Those that ended with an exception."""
    held: int = 0
    """Those that started late as all places were taken; the wait is part of their response times."""
    missed: int = 0
    """Those whose time had come, and that were never started: the load was less than planned by as many."""
    unfinished: int = 0
    """Those that were cut off at the end, or with the process that ran them."""
    duration: Distribution = NOTHING
    lag: Distribution = NOTHING
    """By how much they started later than intended: ours, unless they were held."""

    def merge(self, other: "Iterations") -> "Iterations":
        """Return both together."""
        return Iterations(
            self.started + other.started,
            self.finished + other.finished,
            self.failed + other.failed,
            self.held + other.held,
            self.missed + other.missed,
            self.unfinished + other.unfinished,
            self.duration.merge(other.duration),
            self.lag.merge(other.lag),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return values_of(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        distributions = {name: Distribution.from_json(value[name]) for name in ("duration", "lag")}
        return cls(**{**value, **distributions})


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was counted; `Figures()` is nothing, and `merge` is associative and commutative."""

    lines: tuple[Line, ...] = ()
    """In the order of their names."""
    iterations: Iterations = Iterations()
    series: Series = Series()
    warm_up: int = 0
    """What happened in runs of the warm-up, and is in no other figure."""

    def __repr__(self) -> str:
        return f"<Figures {self.total.successes} succeeded, {self.total.failed_count} failed, {len(self.lines)} names>"

    @property
    def total(self) -> Line:
        """All lines together, with the name `total`."""
        return reduce(Line.merge, self.lines, Line("total"))

    def line(self, name: str) -> Line:
        """Return the line of that name. Raises `KeyError`."""
        for line in self.lines:
            if line.name == name:
                return line

        raise KeyError(name)

    def merge(self, *others: "Figures") -> "Figures":
        """Return all together."""
        lines: dict[str, Line] = {}

        for part in (self, *others):
            for line in part.lines:
                lines[line.name] = lines[line.name].merge(line) if line.name in lines else line

        return Figures(
            tuple(lines[name] for name in sorted(lines)),
            reduce(Iterations.merge, (part.iterations for part in others), self.iterations),
            reduce(Series.merge, (part.series for part in others), self.series),
            self.warm_up + sum(part.warm_up for part in others),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {
            "lines": [line.to_json() for line in self.lines],
            "iterations": self.iterations.to_json(),
            "series": self.series.to_json(),
            "warm_up": self.warm_up,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote. Raises `ValueError` for anything else."""
        try:
            return cls(
                in_order(map(Line.from_json, value["lines"])),
                Iterations.from_json(value["iterations"]),
                Series.from_json(value["series"]),
                value["warm_up"],
            )
        except (AttributeError, KeyError, TypeError) as exc:
            raise ValueError(f"not the figures of a stress test: {exc!r}") from exc


def in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: line.name))


def folded(intervals: Mapping[int, Interval], size: int) -> dict[int, Interval]:
    """Return the intervals with each `size` of them, counted from 0, made one."""
    found: dict[int, Interval] = {}

    for index, interval in intervals.items():
        index //= size
        found[index] = found[index].merge(interval) if index in found else interval

    return found


def values_of(value: Any) -> dict[str, Any]:
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: part.to_json() if isinstance(part, Distribution) else part for name, part in found.items()}
