"""Two runs of one load beside each other: by how much they differ, and whether chance explains it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, reduce
from math import inf
from typing import Any, Literal

from hagworm.extend.error import RunsDiffer
from hagworm.frame.stress_tests.confidence import (
    Bounds,
    added,
    batch_sizes,
    mean_error,
    order_statistics,
    ratio,
    share_bounds,
    student,
    worth,
)
from hagworm.frame.stress_tests.figures import Interval, Line
from hagworm.frame.stress_tests.histogram import Distribution
from hagworm.frame.stress_tests.objective import Objective, show_figure
from hagworm.frame.stress_tests.plan import Closed, Open, Plan
from hagworm.frame.stress_tests.quantity import show_factor, show_seconds, show_share
from hagworm.frame.stress_tests.result import Result

__all__ = (
    "CONFIDENCE",
    "FEWEST_SECONDS",
    "PERCENTS",
    "Comparison",
    "Difference",
    "Outcome",
    "compare",
    "hold",
    "why_not",
)

PERCENTS = (50, 90, 99, 99.9)
CONFIDENCE = 0.95
"""Of all differences of a comparison together: of twenty comparisons of equals, one may see a difference."""
FEWEST_SECONDS = 5
"""Intervals of the time series that a run must have, for chance to be judged by them."""

Tendency = Literal["less", "same", "more"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one line in both runs.

    `change` is a ratio, or for `error` what was added to the share; with its interval. It is certain that a figure is
    more or less if its interval leaves out no change.
    """

    name: str
    metric: str
    before: float
    after: float
    change: Bounds

    @property
    def nothing(self) -> float:
        """The change that is none."""
        return 0.0 if self.metric == "error" else 1.0

    @property
    def tendency(self) -> Tendency:
        """Whether it is more or less for certain; else no difference was seen."""
        if self.change.low > self.nothing:
            return "more"

        return "less" if self.change.high < self.nothing else "same"

    @property
    def is_worse(self) -> bool:
        """Whether it is worse for certain: slower, more errors, less done."""
        return self.tendency == ("less" if self.metric == "rate" else "more")

    @property
    def is_better(self) -> bool:
        """Whether it is better for certain."""
        return self.tendency != "same" and not self.is_worse

    @property
    def verdict(self) -> str:
        """What can be said of it."""
        if self.tendency == "same":
            return "no difference seen"

        if self.metric == "error":
            return "more errors" if self.is_worse else "fewer errors"

        if self.metric == "rate":
            return "less done" if self.is_worse else "more done"

        return "slower" if self.is_worse else "faster"

    def cells(self) -> tuple[str, ...]:
        """Return its row of a table: name, figure, before, after, change, interval, verdict."""
        shown = (show_figure(self.metric, self.before), show_figure(self.metric, self.after))
        bounds = (self.change.low, self.change.high)
        return (
            self.name,
            self.metric,
            *shown,
            self.show(self.change.value),
            " to ".join(map(self.show, bounds)),
            (self.verdict),
        )

    def show(self, change: float) -> str:
        """Return a change as people read it."""
        if self.metric != "error":
            return show_factor(change) if 0 < change < inf else "?"

        return f"{'+' if change > 0 else ''}{show_share(change)}"

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows; a bound that is not known is null."""
        change = {name: value if abs(value) < inf else None for name, value in asdict(self.change).items()}
        return {
            **{"name": self.name, "metric": self.metric, "before": self.before, "after": self.after},
            **{"change": change, "verdict": self.verdict},
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a limit: kept, missed for certain, or neither for certain."""

    objective: Objective
    state: Literal["kept", "missed", "uncertain"]
    reason: str

    def __str__(self) -> str:
        return f"{'MISSED' if self.state == 'missed' else self.state}: {self.objective}: {self.reason}"

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {"objective": str(self.objective), "state": self.state, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs and their differences; `remarks` are what else was not the same in both."""

    before: Result
    after: Result
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...]

    @property
    def summary(self) -> str:
        """What can be said, in a sentence."""
        seen = [difference for difference in self.differences if difference.tendency != "same"]
        sure = f"with {CONFIDENCE:.0%} confidence for all of them together"

        if not seen:
            return f"No difference seen in {len(self.differences)} figures, {sure}."

        worse = sum(difference.is_worse for difference in seen)
        return (
            f"Of {len(self.differences)} figures, worse: {worse}, better: {len(seen) - worse}, {sure}; in the others no"
            " difference was seen."
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {
            "format": "hagworm stress comparison",
            "version": 1,
            "confidence": CONFIDENCE,
            "before": self.before.run.to_json(),
            "after": self.after.run.to_json(),
            "summary": self.summary,
            "differences": [difference.to_json() for difference in self.differences],
            "remarks": list(self.remarks),
        }


class Evidence:
    """One run as a sample: its figures, and how much they are worth. `level` is the probability of being wrong."""

    def __init__(self, result: Result, level: float) -> None:
        self.result = result
        self.level = level
        self.worths: dict[float, float] = {}
        series = result.figures.series
        cuts = tuple(batch_sizes(len(series.intervals)))
        self.batches = tuple(reduce(Interval.merge, series.intervals[start:end]) for start, end in cuts)

    @cached_property
    def latencies(self) -> tuple[Distribution, ...]:
        """The response times of each batch."""
        plan = self.result.run.plan
        found = tuple(batch.latency for batch in self.batches)

        if not isinstance(plan, Closed):
            return found

        interval = plan.users * self.result.run.seconds / self.result.figures.total.count
        return tuple(latency.corrected(interval) if latency else latency for latency in found)

    @cached_property
    def total(self) -> Distribution:
        """The response times of all batches, as precise as those of one."""
        return reduce(Distribution.merge, self.latencies)

    def worth_at(self, percent: float) -> float:
        """Return what a record is worth for telling where a percentile of the total is."""
        if (found := self.worths.get(percent)) is None:
            edge = cell_at(self.total, percent)
            hits = [float(above(latency, edge)) for latency in self.latencies]
            found = self.worths[percent] = worth(hits, [float(one.count) for one in self.latencies], self.level)

        return found

    @cached_property
    def worth_of_errors(self) -> float:
        """What a record is worth for telling how many fail."""
        failures = [float(batch.failures) for batch in self.batches]
        return worth(failures, [float(batch.successes + batch.failures) for batch in self.batches], self.level)

    @cached_property
    def mean_effect(self) -> float:
        """By how much the variance of the mean exceeds that of independent records."""
        sums = [latency.mean * latency.count for latency in self.latencies]
        error = mean_error(sums, [float(latency.count) for latency in self.latencies])
        return max(1.0, (error / self.total.deviation) ** 2 * self.total.count) if self.total.deviation else 1.0

    def percentile(self, line: Line, percent: float) -> Bounds:
        response = self.result.response(line)
        # The seconds of one line are not known by themselves. It may be like all others, or the slowest of them: then
        # what is above its percentile is what is above this one of the total.
        part = line.count / self.result.figures.total.count
        value_of_one = min(self.worth_at(percent), self.worth_at(100 - (100 - percent) * part))
        low, high = order_statistics(response.count * value_of_one, percent / 100, self.level)
        value = response.percentile(percent)
        error = 1 + response.error
        return Bounds(
            value,
            response.percentile(100 * low) / error if low > 0 else 0.0,
            response.percentile(100 * high) * error if high < 1 else inf,
        )

    def mean(self, line: Line) -> Bounds:
        response = self.result.response(line)
        mean = response.mean
        half = student(1 - self.level / 2, len(self.batches) - 1) * (
            response.deviation * (self.mean_effect / response.count) ** 0.5
        )
        error = 1 + response.error
        return Bounds(mean, max(0.0, mean - half) / error, (mean + half) * error)

    def errors(self, line: Line) -> Bounds:
        return share_bounds(line.failed_count, line.count, line.count * self.worth_of_errors, self.level)

    def rate(self) -> Bounds:
        series = self.result.figures.series
        # What ended after the end belongs to no second of the plan.
        last = self.result.run.seconds / series.every - series.first
        whole = series.intervals[: max(2, int(last))]
        cuts = tuple(batch_sizes(len(whole)))
        counts = [float(sum(one.successes + one.failures for one in whole[start:end])) for start, end in cuts]
        seconds = [float((end - start) * series.every) for start, end in cuts]
        half = student(1 - self.level / 2, len(cuts) - 1) * mean_error(counts, seconds)
        rate = self.result.rate
        return Bounds(rate, max(0.0, rate - half), rate + half)


def above(distribution: Distribution, edge: int) -> int:
    """Return how many records are in cells behind that one."""
    return sum(count for index, count in zip(distribution.indices, distribution.counts, strict=True) if index > edge)


def cell_at(distribution: Distribution, percent: float) -> int:
    """Return the index of the cell in which a percentile is."""
    left = distribution.count * percent / 100

    for index, count in zip(distribution.indices, distribution.counts, strict=True):
        left -= count

        if left <= 0:
            return index

    return distribution.indices[-1]


def compare(before: Result, after: Result) -> Comparison:
    """Return how two runs of one load differ. Raises `RunsDiffer` where they cannot be compared.

    What is said is that chance within these two runs does not explain a difference. What else was different on that
    day (another program on the machine) it cannot know: run each twice.
    """
    if reason := why_not(before, after):
        raise RunsDiffer(f"these two runs cannot be compared: {reason}")

    names = [line.name for line in before.figures.lines if counted(after, line.name)]
    pairs = [(before.figures.line(name), after.figures.line(name)) for name in names]

    if len(before.figures.lines) > 1 or len(after.figures.lines) > 1:
        pairs.append((before.figures.total, after.figures.total))

    whole = len(pairs) - 1
    level = (1 - CONFIDENCE) / (len(pairs) * (len(PERCENTS) + 2) + 1)
    old, new = Evidence(before, level), Evidence(after, level)
    found = [
        difference
        for number, (one, other) in enumerate(pairs)
        for difference in differences(old, new, one, other, total=number == whole)
    ]
    return Comparison(before, after, tuple(found), tuple(remarks(before, after)))


def differences(old: Evidence, new: Evidence, one: Line, other: Line, *, total: bool) -> Iterator[Difference]:
    def difference(
        metric: str, before: Bounds, after: Bounds, change: Callable[[Bounds, Bounds], Bounds]
    ) -> Difference:
        return Difference(one.name, metric, before.value, after.value, change(before, after))

    if total:
        yield difference("rate", old.rate(), new.rate(), ratio)

    for percent in PERCENTS:
        yield difference(f"p{percent:g}", old.percentile(one, percent), new.percentile(other, percent), ratio)

    yield difference("mean", old.mean(one), new.mean(other), ratio)
    yield difference("error", old.errors(one), new.errors(other), added)


def counted(result: Result, name: str) -> bool:
    return any(line.name == name and line.count for line in result.figures.lines)


def why_not(before: Result, after: Result) -> str:
    """Return why two runs cannot be compared, empty where they can."""
    for name, result in (("first", before), ("second", after)):
        if not result.figures.total.count:
            return f"in the {name}, nothing was measured"

        if len(result.figures.series.intervals) < FEWEST_SECONDS:
            return (
                f"the {name} has {len(result.figures.series.intervals)} seconds, and chance cannot be told from a"
                f" difference in fewer than {FEWEST_SECONDS}"
            )

    loads = [load_of(result.run.plan) for result in (before, after)]

    if loads[0] != loads[1]:
        return f"the load was not the same: {loads[0]}; and {loads[1]}"

    if not any(counted(after, line.name) for line in before.figures.lines):
        names = [", ".join(line.name for line in result.figures.lines) for result in (before, after)]
        return f"they have no name in common: {names[0]}; and {names[1]}"

    return ""


def load_of(plan: Plan) -> str:
    """Return how much load a plan is, whatever its length where that is constant."""
    if isinstance(plan, Open) and len({rate for stage in plan.stages for rate in (stage.start, stage.end)}) == 1:
        return f"open model, {plan.spacing}: {plan.peak:g}/s"

    if isinstance(plan, Closed) and not plan.ramp:
        return f"closed model: {plan.users} users, thinking {plan.think}"

    return str(plan)


def remarks(before: Result, after: Result) -> Iterator[str]:
    """Yield what a reader must know of the two runs before judging their differences."""
    for name, result in (("first", before), ("second", after)):
        if result.run.ended == "interrupted":
            yield f"the {name} was interrupted after {show_seconds(result.run.seconds)}"

        yield from (f"the {name}: {note}" for note in result.run.notes)

    only = [
        sorted({line.name for line in one.figures.lines} - {line.name for line in other.figures.lines})
        for one, other in ((before, after), (after, before))
    ]

    for name, lines in zip(("first", "second"), only, strict=True):
        if lines:
            yield f"only in the {name}: {', '.join(lines)}; the total has them in it"

    for what, values in settings(before, after):
        if values[0] != values[1]:
            yield f"{what}: {values[0]}; and {values[1]}"


def settings(before: Result, after: Result) -> Sequence[tuple[str, tuple[str, str]]]:
    """Return what may differ, and makes a difference doubtful if it does."""

    def both(find: Callable[[Result], str]) -> tuple[str, str]:
        return find(before), find(after)

    return [
        ("seconds", both(lambda result: show_seconds(result.run.seconds))),
        ("warm-up", both(lambda result: show_seconds(result.run.plan.warm_up))),
        ("scenarios", both(lambda result: ", ".join(result.run.scenarios) or "none")),
        ("machines", both(lambda result: ", ".join(result.run.hosts))),
        ("processes", both(lambda result: str(result.run.processes))),
        ("versions", both(lambda result: ", ".join(f"{name} {version}" for name, version in result.run.versions))),
    ]


def hold(comparison: Comparison, limits: tuple[Objective, ...]) -> tuple[Outcome, ...]:
    """Return what came of limits like `p99<1.1x` or `error<+0.1%`; missed is what is beyond one for certain."""
    return tuple(outcome(comparison, limit) for limit in limits)


def outcome(comparison: Comparison, limit: Objective) -> Outcome:
    # The total is the last of the names, also where it is the only line there is.
    name = limit.name or comparison.differences[-1].name
    found = [one for one in comparison.differences if one.name == name and one.metric == limit.metric]

    if not found:
        there = ", ".join(dict.fromkeys(f"{one.name}:{one.metric}" for one in comparison.differences))
        return Outcome(limit, "missed", f"this was not compared; what was: {there}")

    difference = found[0]

    change = difference.change
    shown = f"it was {difference.show(change.value)} ({difference.cells()[-2]})"

    if limit.allows(change.value):
        return Outcome(limit, "kept", shown)

    nearest = change.low if limit.relation.startswith("<") else change.high

    if limit.allows(nearest):
        return Outcome(limit, "uncertain", f"{shown}, which chance may explain")

    return Outcome(limit, "missed", shown)
