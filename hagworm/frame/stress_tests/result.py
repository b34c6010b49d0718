"""The outcome of a run: what was asked for, what came of it, and how it is kept in a file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any, Literal, Self

from hagworm.extend.error import StressError
from hagworm.frame.stress_tests.figures import Figures, Line
from hagworm.frame.stress_tests.histogram import Distribution
from hagworm.frame.stress_tests.plan import Closed, Plan, plan_from_json

__all__ = ("FORMAT", "VERSION", "Ending", "Result", "Run")

FORMAT = "hagworm stress result"
VERSION = 1

Ending = Literal["complete", "interrupted"]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run was: enough to do it again, and to judge whether two can be compared.

    `started` is the wall clock's time (ISO 8601, UTC) at which measuring began, `seconds` how long it was measured,
    `processor` the seconds of processor time that generating the load took, in all processes.
    """

    target: str
    plan: Plan
    started: str
    seconds: float
    ended: Ending = "complete"
    scenarios: tuple[str, ...] = ()
    """Empty for one fixed request."""
    processes: int = 1
    hosts: tuple[str, ...] = ()
    """The machines that generated the load, by name."""
    lost: tuple[str, ...] = ()
    """Processes that disappeared; what they had reported by then is counted."""
    seed: int = 0
    processor: float = 0.0
    versions: tuple[tuple[str, str], ...] = ()
    """What generated the load: of hagworm, python, platform, loop."""
    notes: tuple[str, ...] = ()
    """What a reader must know before trusting the figures."""

    def merge(self, other: "Run") -> "Run":
        """Return both as one: for parts of the same run, on several machines."""
        return replace(
            min(self, other, key=lambda run: (run.started, run.target)),
            seconds=max(self.seconds, other.seconds),
            ended=max(self.ended, other.ended),
            scenarios=together(self.scenarios, other.scenarios),
            processes=self.processes + other.processes,
            hosts=together(self.hosts, other.hosts),
            lost=together(self.lost, other.lost),
            processor=self.processor + other.processor,
            versions=together(self.versions, other.versions),
            notes=together(self.notes, other.notes),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {**asdict(self), "plan": self.plan.to_json(), "versions": dict(self.versions)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        lists = {name: tuple(value[name]) for name in ("scenarios", "hosts", "lost", "notes")}
        versions = tuple(sorted(value["versions"].items()))
        return cls(**{**value, **lists, "versions": versions, "plan": plan_from_json(value["plan"])})


@dataclass(frozen=True, slots=True)
class Result:
    """A run and its figures."""

    run: Run
    figures: Figures = Figures()

    def __repr__(self) -> str:
        return f"<Result {self.run.target}: {self.figures!r}, {self.run.ended} after {self.run.seconds:.1f} s>"

    @property
    def rate(self) -> float:
        """How much happened in a second, of all names together."""
        return self.figures.total.count / self.run.seconds if self.run.seconds else 0.0

    def response(self, line: Line) -> Distribution:
        """Return the response times of one of the lines, or of their `total`, without coordinated omission.

        In the open model they are measured. In the closed one, where a user who waits sends nothing that could be
        measured, service times are corrected with the interval at which each user came by on average.
        """
        plan = self.run.plan

        if not isinstance(plan, Closed) or not line.service or not self.run.seconds:
            return line.response

        return line.service.corrected(plan.users * self.run.seconds / line.count)

    def merge(self, *others: "Result") -> "Result":
        """Return parts of one run as one result."""
        run = reduce(Run.merge, (other.run for other in others), self.run)
        return Result(run, self.figures.merge(*(other.figures for other in others)))

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows, with the version of the format."""
        return {"format": FORMAT, "version": VERSION, "run": self.run.to_json(), "figures": self.figures.to_json()}

    def dump(self) -> str:
        """Return it as a JSON document."""
        return json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Return what `to_json` wrote. Raises `StressError` for anything else, and for a later version."""
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise StressError("not a result of a stress test: expected what `hagworm stress --json` writes")

        if value.get("version") != VERSION:
            raise StressError(f"a result in version {value.get('version')!r} cannot be read, only in {VERSION}")

        try:
            return cls(Run.from_json(value["run"]), Figures.from_json(value["figures"]))
        except (AttributeError, KeyError, TypeError, ValueError) as exc:
            raise StressError(f"not a result of a stress test: {exc}") from exc

    @classmethod
    def load(cls, text: str | bytes) -> Self:
        """Return what `dump` wrote. Raises `StressError` for anything else."""
        try:
            value = json.loads(text)
        except ValueError as exc:
            raise StressError(f"not a result of a stress test: {exc}") from exc

        return cls.from_json(value)


def together(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted({*first, *second}))
