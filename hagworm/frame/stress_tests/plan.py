"""How much load, and when: the plan of a run, as data, and the moments that follow from it.

Times are offsets in seconds; 0 is where measuring begins, what comes before is the warm-up. Everything here is a
function of the plan, the share of it that a process has, and a source of randomness.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil, sqrt
from random import Random
from typing import Any, Literal

from hagworm.extend.error import PlanError

__all__ = (
    "NO_THINK",
    "WHOLE",
    "Closed",
    "Open",
    "Plan",
    "Share",
    "Spacing",
    "Stage",
    "Think",
    "parse_profile",
    "parse_rate",
    "parse_seconds",
    "parse_think",
    "plan_from_json",
)

Spacing = Literal["constant", "poisson"]
"""Arrivals equally far apart, or independent of each other, as those of many people are."""

UNITS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600)}
NUMBER = r"[0-9]+(?:\.[0-9]+)?"
SECONDS = re.compile(rf"(?P<number>{NUMBER})(?P<unit>ms|s|m|h)?")
STAGE = re.compile(
    rf"(?P<start>{NUMBER})(?:\.\.(?P<end>{NUMBER})(?:/(?P<steps>[0-9]+))?)?(?::(?P<seconds>{NUMBER}(?:ms|s|m|h)?))?"
)
THINK = re.compile(rf"(?P<mean>~)?(?P<low>{NUMBER})(?:\.\.(?P<high>{NUMBER}))?")
MOST_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a plan that one process carries out: number `index` of `parts`, from 0."""

    index: int = 0
    parts: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.parts:
            raise PlanError(f"there is no share {self.index} of {self.parts}")

    def __repr__(self) -> str:
        return f"<Share {self.index + 1} of {self.parts}>"

    def split(self, parts: int) -> tuple["Share", ...]:
        """Return the shares of `parts` that make up this one."""
        return tuple(Share(self.index + number * self.parts, self.parts * parts) for number in range(parts))


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Stage:
    """A time in which the rate goes evenly from `start` to `end`, in arrivals a second."""

    seconds: float
    start: float
    end: float

    def __post_init__(self) -> None:
        if not self.seconds > 0 or not self.start >= 0 or not self.end >= 0:
            raise PlanError(f"a stage lasts some seconds, with a rate of 0 or more: {self!r}")

    @property
    def area(self) -> Fraction:
        """How many arrivals fall into it; exact, by the decimals that were written."""
        return (exact(self.start) + exact(self.end)) / 2 * exact(self.seconds)

    def moment(self, arrivals: float) -> float:
        """Return when so many have arrived, counted from its beginning."""
        if self.start == self.end:
            return arrivals / self.start

        # The stable form of the root of start·t + (end - start)·t²/2T = arrivals.
        root = sqrt(max(0.0, self.start**2 + 2 * (self.end - self.start) / self.seconds * arrivals))
        return 2 * arrivals / (self.start + root) if arrivals else 0.0


@dataclass(frozen=True, slots=True)
class Open:
    """The open model: something starts when its time has come, whether or not earlier ones are done.

    Before the first stage its rate is held for `warm_up` seconds.
    """

    stages: tuple[Stage, ...]
    spacing: Spacing = "constant"
    warm_up: float = 0.0

    model = "open"

    def __post_init__(self) -> None:
        if not self.stages or not any(stage.area for stage in self.stages):
            raise PlanError("nothing arrives in this plan")

        if self.spacing not in ("constant", "poisson"):
            raise PlanError(f"arrivals are constant or poisson, not {self.spacing!r}")

        check_warm_up(self.warm_up)

    @property
    def seconds(self) -> float:
        """How long it is measured."""
        return float(sum(exact(stage.seconds) for stage in self.stages))

    @property
    def arrivals_planned(self) -> int:
        """How many arrivals are measured; with Poisson's spacing, how many are expected."""
        return ceil(sum(stage.area for stage in self.stages))

    @property
    def peak(self) -> float:
        """The highest rate, in arrivals a second."""
        return max(max(stage.start, stage.end) for stage in self.stages)

    def rate_at(self, offset: float) -> float:
        """Return the planned rate at that time; 0 before and after."""
        begin = -self.warm_up

        for stage in self.all_stages():
            if begin <= offset < begin + stage.seconds:
                return stage.start + (stage.end - stage.start) * (offset - begin) / stage.seconds

            begin += stage.seconds

        return 0.0

    def arrivals(self, share: Share = WHOLE, random: Random | None = None) -> Iterator[float]:
        """Yield when each start is intended, ascending. `random` is needed for Poisson's spacing.

        Where the spacing is constant, the shares interleave to exactly the whole; otherwise they add up to the rate.
        """
        warm = self.all_stages()[: -len(self.stages)]
        yield from self.between(warm, -self.warm_up, share, random)
        yield from self.between(self.stages, 0.0, share, random)

    def between(self, stages: tuple[Stage, ...], begin: float, share: Share, random: Random | None) -> Iterator[float]:
        if self.spacing == "poisson":
            if random is None:
                raise PlanError("arrivals by poisson need a source of randomness")

            yield from poisson(stages, begin, share, random)
        else:
            yield from constant(stages, begin, share)

    def all_stages(self) -> tuple[Stage, ...]:
        if not self.warm_up:
            return self.stages

        rate = self.stages[0].start
        return Stage(self.warm_up, rate, rate), *self.stages

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {"model": self.model, **asdict(self), "stages": [asdict(stage) for stage in self.stages]}

    def __str__(self) -> str:
        stages = ", ".join(describe(stage) for stage in self.stages)
        return f"open model, {self.spacing}: {stages}{describe_warm_up(self.warm_up)}"


@dataclass(frozen=True, slots=True)
class Think:
    """How long a user waits between two runs: evenly drawn from `low` to `high` seconds, or `low` on average.

    With `mean` the time is drawn from an exponential distribution.
    """

    low: float = 0.0
    high: float = 0.0
    mean: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.low <= max(self.low, self.high) or (not self.mean and self.high < self.low):
            raise PlanError(f"a think time is 0 or more seconds, and ends after it begins: {self!r}")

    def draw(self, random: Random) -> float:
        """Return one think time in seconds."""
        if self.mean:
            return random.expovariate(1 / self.low) if self.low else 0.0

        return self.low if self.low == self.high else random.uniform(self.low, self.high)

    def __str__(self) -> str:
        if self.mean:
            return f"~{self.low:g} s"

        return f"{self.low:g} s" if self.low == self.high else f"{self.low:g}..{self.high:g} s"


NO_THINK = Think()


@dataclass(frozen=True, slots=True)
class Closed:
    """The closed model: each of `users` runs, thinks, runs again; they come one by one within `ramp` seconds."""

    users: int
    seconds: float
    ramp: float = 0.0
    think: Think = NO_THINK
    warm_up: float = 0.0

    model = "closed"

    def __post_init__(self) -> None:
        if self.users < 1:
            raise PlanError(f"there is at least one user, not {self.users!r}")

        if not self.seconds > 0:
            raise PlanError(f"a run lasts some seconds, not {self.seconds!r}")

        check_warm_up(self.warm_up)

        if not 0 <= self.ramp <= self.warm_up + self.seconds:
            raise PlanError(f"all users come before the end: a ramp of {self.ramp:g} s is none")

    def users_of(self, share: Share = WHOLE) -> range:
        """Return the numbers of the users of that share."""
        return range(share.index, self.users, share.parts)

    def entry(self, user: int) -> float:
        """Return when a user comes."""
        return -self.warm_up + self.ramp * user / self.users

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        return {"model": self.model, **asdict(self)}

    def __str__(self) -> str:
        ramp = f", coming within {self.ramp:g} s" if self.ramp else ""
        think = "" if self.think == NO_THINK else f", thinking {self.think}"
        return f"closed model: {self.users} users for {self.seconds:g} s{ramp}{think}{describe_warm_up(self.warm_up)}"


Plan = Open | Closed


def plan_from_json(value: Mapping[str, Any]) -> Plan:
    """Return the plan that `to_json` wrote. Raises `PlanError` for anything else."""
    fields = dict(value)

    try:
        if (model := fields.pop("model")) == "open":
            fields["stages"] = tuple(Stage(**stage) for stage in fields["stages"])
            return Open(**fields)

        if model == "closed":
            fields["think"] = Think(**fields["think"])
            return Closed(**fields)
    except (KeyError, TypeError) as exc:
        raise PlanError(f"not a plan: {exc!r}") from exc

    raise PlanError(f"a plan is of the open or the closed model, not {model!r}")


def constant(stages: tuple[Stage, ...], begin: float, share: Share) -> Iterator[float]:
    done = Fraction(0)

    for stage in stages:
        first, end = ceil(done), ceil(done + stage.area)
        first += (share.index - first) % share.parts
        base = float(done)
        moment = stage.moment

        for number in range(first, end, share.parts):
            yield begin + moment(number - base)

        done += stage.area
        begin += stage.seconds


def poisson(stages: tuple[Stage, ...], begin: float, share: Share, random: Random) -> Iterator[float]:
    """Arrivals of a unit process, at the times when the plan has come that far (time change)."""
    expovariate = random.expovariate
    pace = 1 / share.parts
    arrivals = expovariate(pace)

    for stage in stages:
        area = float(stage.area)
        moment = stage.moment

        while arrivals < area:
            yield begin + moment(arrivals)
            arrivals += expovariate(pace)

        arrivals -= area
        begin += stage.seconds


def parse_seconds(text: str) -> float:
    """Return the seconds of `30`, `30s`, `500ms`, `2m` or `1h`. Raises `PlanError`."""
    if (match := SECONDS.fullmatch(text.strip())) is None:
        raise PlanError(f"not a duration: {text!r}; expected one like 30s, 500ms, 2m or 1h")

    return float(Fraction(match["number"]) * UNITS[match["unit"] or "s"])


def parse_rate(text: str, seconds: float) -> tuple[Stage, ...]:
    """Return the stages of a rate, in arrivals a second; what names no duration of its own lasts `seconds`.

    `500` holds a rate, `0..500:1m` ramps to it, `100..500/5:1m` does so in five steps; commas put stages one after the
    other: `0..500:30s,500:2m,3000:5s,500:1m` ramps up, holds, and has a spike. Raises `PlanError`.
    """
    stages: list[Stage] = []

    for part in text.split(","):
        if (match := STAGE.fullmatch(part.strip())) is None:
            raise PlanError(
                f"not a rate: {part.strip()!r}; expected arrivals a second, like 500, 500:30s, 0..500:1m or"
                " 100..500/5:1m, several with commas between them"
            )

        start = float(match["start"])
        end = float(match["end"] or start)
        lasts = parse_seconds(match["seconds"]) if match["seconds"] else seconds
        steps = int(match["steps"] or 0)

        if not lasts:
            raise PlanError(f"not a rate: {part.strip()!r} lasts no time")

        if match["steps"] is None:
            stages.append(Stage(lasts, start, end))
        elif 2 <= steps <= MOST_STEPS:
            rates = (start + (end - start) * step / (steps - 1) for step in range(steps))
            stages += [Stage(lasts / steps, rate, rate) for rate in rates]
        else:
            raise PlanError(f"not a rate: {part.strip()!r} has {steps} steps, which are 2 to {MOST_STEPS}")

    if not any(stage.area for stage in stages):
        raise PlanError(f"not a rate: in {text!r} nothing ever arrives")

    return tuple(stages)


def parse_profile(text: str) -> tuple[Stage, ...]:
    """Return the stages of a recorded profile: lines of `seconds,rate`, where a rate holds until the next line.

    The last line holds as long as the one before it, or a second where there is none. Empty lines, a heading and what
    follows a `#` do not count. Raises `PlanError` naming the line.
    """
    points: list[tuple[float, float]] = []

    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()

        if not content or (not points and re.fullmatch(r"[A-Za-z_ \"]+[,;\t][A-Za-z_ \"/]+", content)):
            continue

        try:
            moment, rate = (float(part) for part in re.split(r"[,;\t ]+", content))
        except ValueError:
            raise PlanError(f"line {number} of the profile is not 'seconds,rate': {line!r}") from None

        if not 0 <= rate < float("inf") or not (points[-1][0] if points else -1) < moment < float("inf"):
            raise PlanError(f"line {number} of the profile goes back in time, or has no rate of 0 or more: {line!r}")

        points.append((moment, rate))

    if not any(rate for _, rate in points):
        raise PlanError("nothing ever arrives in this profile")

    lasts = points[-1][0] - points[-2][0] if len(points) > 1 else 1.0
    ends = [moment for moment, _ in points[1:]] + [points[-1][0] + lasts]
    return tuple(
        Stage(float(exact(end) - exact(moment)), rate, rate) for (moment, rate), end in zip(points, ends, strict=True)
    )


def parse_think(text: str) -> Think:
    """Return the think time of `0.5`, `0.5..2` (evenly between them) or `~1` (on average). Raises `PlanError`."""
    if (match := THINK.fullmatch(text.strip())) is None or (match["mean"] and match["high"]):
        raise PlanError(f"not a think time: {text!r}; expected seconds like 0.5, 0.5..2 or ~1")

    low = float(match["low"])
    return Think(low, float(match["high"] or low), mean=bool(match["mean"]))


def exact(number: float) -> Fraction:
    """Return a number by its decimals: 0.1 is a tenth."""
    return Fraction(str(number))


def check_warm_up(seconds: float) -> None:
    if not 0 <= seconds < float("inf"):
        raise PlanError(f"a warm-up lasts 0 or more seconds, not {seconds!r}")


def describe(stage: Stage) -> str:
    rate = f"{stage.start:g}/s" if stage.start == stage.end else f"{stage.start:g}..{stage.end:g}/s"
    return f"{rate} for {stage.seconds:g} s"


def describe_warm_up(seconds: float) -> str:
    return f", after {seconds:g} s of warm-up" if seconds else ""
