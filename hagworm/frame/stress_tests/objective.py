"""What a run must reach, as people write it: `p99<200ms, error<0.1%, checkout:p95<1s`."""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from hagworm.extend.error import ObjectiveError
from hagworm.frame.stress_tests.figures import Line
from hagworm.frame.stress_tests.quantity import show_rate, show_seconds, show_share
from hagworm.frame.stress_tests.result import Result

__all__ = ("FORMS", "Kind", "Objective", "Relation", "Verdict", "judge", "measured", "parse_objectives", "show_figure")

Relation = Literal["<", "<=", ">", ">="]
Kind = Literal["absolute", "ratio", "added"]
"""A bound of the figure itself, of the ratio of two runs (`1.1x`), or of what was added to a share (`+0.1%`)."""

FORMS = (
    "expected p50 to p99.99, mean, max (200ms, 1.5s), error (0.1%) or rate (500/s), with <, <=, > or >= behind it;"
    " 'name:' before it, in quotes if that has a comma; and commas in between"
)

NAME = re.compile(r"\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<plain>[^<>=,\"]+)):\s*")
METRIC = re.compile(r"\s*(?P<metric>p[0-9]+(?:\.[0-9]+)?|mean|max|rate|error)\b\s*")
RELATION = re.compile(r"(?P<relation><=|>=|<|>)\s*")
BOUND = re.compile(r"(?P<plus>\+)?(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>us|µs|ms|s|m|%|/s|x)?\s*(?P<end>,|$)")

SECONDS = {
    "us": Fraction(1, 1_000_000),
    "µs": Fraction(1, 1_000_000),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
}


@dataclass(frozen=True, slots=True)
class Objective:
    """One of them. `bound` is in seconds, a share of 1 or in a second; `name` is a line's, empty for all together."""

    metric: str
    relation: Relation
    bound: float
    name: str = ""
    kind: Kind = "absolute"

    def __str__(self) -> str:
        name = f'"{self.name}":' if re.search(r"[<>=,:]|^\s|\s$", self.name) else self.name and f"{self.name}:"
        return f"{name}{self.metric}{self.relation}{self.shown_bound}"

    @property
    def shown_bound(self) -> str:
        """The bound as it can be written."""
        exact = Decimal(repr(self.bound))

        if self.kind == "ratio":
            return f"{plain(exact)}x"

        if self.metric == "error":
            return f"{'+' * (self.kind == 'added')}{plain(exact * 100)}%"

        if self.metric == "rate":
            return f"{plain(exact)}/s"

        return f"{plain(exact * 1000)}ms" if self.bound < 1 else f"{plain(exact)}s"

    def allows(self, value: float) -> bool:
        """Return whether a value is within the bound."""
        match self.relation:
            case "<":
                return value < self.bound
            case "<=":
                return value <= self.bound
            case ">":
                return value > self.bound
            case _:
                return value >= self.bound


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of an objective: whether it was kept, and in words what the figure was."""

    objective: Objective
    kept: bool
    value: float | None
    """None where nothing was measured; then it was not kept."""
    reason: str

    def __str__(self) -> str:
        return f"{'kept' if self.kept else 'MISSED'}: {self.objective}: {self.reason}"

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {"objective": str(self.objective), "kept": self.kept, "value": self.value, "reason": self.reason}


def parse_objectives(text: str, *, relative: bool = False) -> tuple[Objective, ...]:
    """Return the objectives of a text, those of a comparison (`p99<1.1x`, `error<+0.1%`) if `relative`.

    Raises `ObjectiveError` that names the place.
    """
    found = []
    at = 0

    while True:
        objective, at, more = parse_objective(text, at, relative=relative)
        found.append(objective)

        if not more:
            return tuple(found)


def parse_objective(text: str, at: int, *, relative: bool) -> tuple[Objective, int, bool]:
    """Return the objective that begins at that place, where it ends, and whether another one is to follow."""
    name = ""

    if match := NAME.match(text, at):
        name = match["quoted"] or match["plain"].strip()
        at = match.end()

    if (match := METRIC.match(text, at)) is None:
        raise refused(text, at, "a figure")

    metric = match["metric"]

    if metric.startswith("p") and not 0 < float(metric[1:]) < 100:
        raise refused(text, match.start("metric"), "a percentile between p0 and p100")

    at = match.end()

    if (match := RELATION.match(text, at)) is None:
        raise refused(text, at, "<, <=, > or >=")

    relation: Relation = match["relation"]  # type: ignore[assignment]  # one of them, by the pattern
    at = match.end()

    if (match := BOUND.match(text, at)) is None:
        raise refused(text, at, "a number and its unit")

    kind, bound = read_bound(metric, match, text, relative=relative)
    return Objective(metric, relation, bound, name, kind), match.end(), match["end"] == ","


def read_bound(metric: str, match: re.Match[str], text: str, *, relative: bool) -> tuple[Kind, float]:
    unit = match["unit"]
    number = Fraction(match["number"])
    place = match.start("plus") if match["plus"] else match.start("number")

    if relative:
        if metric == "error":
            if unit == "%" and match["plus"]:
                return "added", float(number / 100)

            raise refused(text, place, "an added share of errors like +0.1%")

        if unit == "x" and not match["plus"]:
            return "ratio", float(number)

        raise refused(text, place, "a ratio of the two runs like 1.1x")

    if match["plus"] or unit == "x":
        raise refused(text, place, "a bound of one run; '+' and 'x' compare two (--compare)")

    if metric == "error":
        if unit != "%" or number > 100:
            raise refused(text, place, "a share of 0% to 100%")

        return "absolute", float(number / 100)

    if metric == "rate":
        if unit not in (None, "/s"):
            raise refused(text, place, "a rate like 500/s")

        return "absolute", float(number)

    if unit not in SECONDS:
        raise refused(text, place, "a time with its unit, like 200ms or 1.5s")

    return "absolute", float(number * SECONDS[unit])


def refused(text: str, at: int, expected: str) -> ObjectiveError:
    at = len(text) - len(text[at:].lstrip())
    here = repr(text[at:].partition(",")[0]) if text[at:] else "the end"
    return ObjectiveError(f"not an objective: {text!r}: at place {at + 1}, {here} is not {expected}; {FORMS}")


def judge(result: Result, objectives: tuple[Objective, ...]) -> tuple[Verdict, ...]:
    """Return what came of each objective. A line that does not exist, or in which nothing happened, keeps none."""
    return tuple(verdict(result, objective) for objective in objectives)


def verdict(result: Result, objective: Objective) -> Verdict:
    if objective.name:
        lines = {line.name: line for line in result.figures.lines}

        if (line := lines.get(objective.name)) is None:
            there = ", ".join(lines) or "nothing"
            return Verdict(objective, False, None, f"nothing counted under {objective.name!r}; what did: {there}")
    else:
        line = result.figures.total

    if not line.count:
        return Verdict(objective, False, None, "nothing was measured")

    value = measured(result, line, objective.metric)
    kept = objective.allows(value)
    shown = show_figure(objective.metric, value)
    return Verdict(objective, kept, value, f"it was {shown}" if kept else f"it was {shown}, {excess(objective, value)}")


def measured(result: Result, line: Line, metric: str) -> float:
    """Return a figure of a line: of its response times, or its `error` (0 to 1), or its `rate` in a second."""
    if metric == "error":
        return line.error_rate

    if metric == "rate":
        return line.count / result.run.seconds if result.run.seconds else 0.0

    response = result.response(line)

    if metric == "mean":
        return response.mean

    return response.highest if metric == "max" else response.percentile(float(metric[1:]))


def show_figure(metric: str, value: float) -> str:
    """Return such a figure with its unit."""
    if metric == "error":
        return show_share(value)

    return show_rate(value) if metric == "rate" else show_seconds(value)


def excess(objective: Objective, value: float) -> str:
    """Return by how much a bound was missed, in words."""
    difference = abs(value - objective.bound)
    side = "above" if objective.relation.startswith("<") else "below"

    if not difference:
        return f"exactly {objective.shown_bound}"

    if objective.metric == "error":
        return f"{show_share(difference).removesuffix(' %')} percentage points {side} {objective.shown_bound}"

    far = show_figure(objective.metric, difference)

    if not objective.bound:
        return f"{far} {side} it"

    return f"{far} ({show_share(difference / objective.bound)}) {side} {objective.shown_bound}"


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
