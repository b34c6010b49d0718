"""Where a process counts while it generates load: cheap to write to, and emptied once a second."""

from collections import defaultdict
from collections.abc import MutableSequence
from functools import reduce

from hagworm.frame.stress_tests.figures import SERIES_DIGITS, Figures, Interval, Iterations, Line, Series
from hagworm.frame.stress_tests.histogram import Histogram

__all__ = ("OTHER", "OTHER_REASONS", "Row", "Tally", "Warmth")

OTHER = "(other names)"
OTHER_REASONS = "(other reasons)"
REASON_LENGTH = 200


class Row:
    """What happens under one name in the current second; `now` is an offset from where measuring began, in seconds.

    `sent` and `received` are bytes, to be added to.
    """

    __slots__ = ("failed", "failures", "name", "received", "response", "sent", "service", "successes", "tally")

    def __init__(self, name: str, tally: "Tally") -> None:
        self.name = name
        self.tally = tally
        self.successes = 0
        self.failures: defaultdict[str, int] = defaultdict(int)
        self.service = Histogram()
        self.response = Histogram()
        self.failed = Histogram()
        self.sent = 0
        self.received = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.successes} succeeded, {sum(self.failures.values())} failed>"

    def success(self, service: float, response: float | None, now: float) -> None:
        """Count a success after `service` seconds, and `response` since it was intended; None in the closed model."""
        if now >= self.tally.edge:
            self.tally.roll(now)

        self.service.record(service)
        self.successes += 1

        if response is not None:
            self.response.record(response)

    def failure(self, service: float, response: float | None, now: float, reason: str) -> None:
        """Count a failure and its reason; everything else is as with `success`."""
        if now >= self.tally.edge:
            self.tally.roll(now)

        self.service.record(service)
        self.failed.record(service)
        self.failures[self.tally.reason(self.name, reason)] += 1

        if response is not None:
            self.response.record(response)

    def take(self) -> Line:
        """Return what was counted since this was last asked for."""
        line = Line(
            self.name,
            self.successes,
            tuple(sorted(self.failures.items())),
            self.service.drain(),
            self.response.drain(),
            self.failed.drain(),
            self.sent,
            self.received,
        )
        self.successes = self.sent = self.received = 0
        self.failures.clear()
        return line


class Warmth(Row):
    """The row of the warm-up: it counts, and forgets everything else."""

    __slots__ = ()

    def success(self, service: float, response: float | None, now: float) -> None:
        self.tally.warm_up += 1

    def failure(self, service: float, response: float | None, now: float, reason: str) -> None:
        self.tally.warm_up += 1


class Tally:
    """The rows of one process, and its runs, to be added to: `finished`, `failed`, `held`, `missed` …

    There are not more than `names` names, nor more than `reasons` reasons for each; what comes later counts under
    `OTHER` and `OTHER_REASONS`. `drain` is to be called about once a second: what it has given away takes no memory.
    """

    def __init__(self, *, names: int = 1000, reasons: int = 100, live: MutableSequence[int] | None = None) -> None:
        self.names = names
        self.most_reasons = reasons
        self.rows: dict[str, Row] = {}
        self.reasons: defaultdict[str, set[str]] = defaultdict(set)
        self.warmth = Warmth("", self)
        self.warm_up = 0
        self.started = self.finished = self.failed = self.held = self.missed = self.unfinished = 0
        self.live: MutableSequence[int] = [0] if live is None else live
        """How many runs were started in all; memory that outlives the process, where it was given."""
        self.duration = Histogram()
        self.lag = Histogram()
        self.second = 0
        self.edge = 1.0
        """When the current second is over."""
        self.figures = Figures()

    def __repr__(self) -> str:
        return f"<Tally second {self.second}, {len(self.rows)} names, {self.started - self.finished} runs started>"

    def start(self) -> None:
        """Count a run that starts."""
        self.live[0] += 1
        self.started += 1

    def row(self, name: str) -> Row:
        """Return the row of that name, to be kept and written to."""
        if (row := self.rows.get(name)) is None:
            if len(self.rows) >= self.names:
                name = OTHER

            row = self.rows.setdefault(name, Row(name, self))

        return row

    def reason(self, name: str, text: str) -> str:
        """Return the reason under which a failure of that name counts: the text on one line, of bounded length."""
        known = self.reasons[name]

        if text in known:
            return text

        text = " ".join(text.split())[:REASON_LENGTH] or "no reason given"

        if text not in known and len(known) >= self.most_reasons:
            return OTHER_REASONS

        known.add(text)
        return text

    def roll(self, now: float) -> None:
        """Close the current second, and open that of `now`."""
        lines = [line for row in self.rows.values() if (line := row.take()) != Line(row.name)]
        total = reduce(Line.merge, lines, Line(""))
        iterations = self.take_iterations()
        latency = (total.response or total.service).coarser(SERIES_DIGITS)
        interval = Interval(
            total.successes,
            total.failed_count,
            total.sent,
            total.received,
            iterations.started,
            iterations.finished + iterations.unfinished,
            latency.to_bytes() if latency else b"",
        )
        series = Series() if interval == Interval() else Series.of({self.second: interval})
        fresh = Figures(tuple(sorted(lines, key=lambda line: line.name)), iterations, series, self.warm_up)
        self.figures = self.figures.merge(fresh)
        self.warm_up = 0
        self.second = max(self.second, int(now))
        self.edge = self.second + 1.0

    def take_iterations(self) -> Iterations:
        taken = Iterations(
            self.started,
            self.finished,
            self.failed,
            self.held,
            self.missed,
            self.unfinished,
            self.duration.drain(),
            self.lag.drain(),
        )
        self.started = self.finished = self.failed = self.held = self.missed = self.unfinished = 0
        return taken

    def drain(self, now: float) -> Figures:
        """Return what was counted since the last time; all of these together are what was counted."""
        self.roll(now)
        figures, self.figures = self.figures, Figures()
        return figures
