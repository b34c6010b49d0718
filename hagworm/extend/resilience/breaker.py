"""When a circuit opens, whom it lets through while it is half open, and when it closes again."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from hagworm.extend.resilience.backoff import Backoff
from hagworm.extend.resilience.window import FAILED, SLOW, CountWindow, Tally, TimeWindow

__all__ = ("BreakerRules", "Change", "Circuit", "Probes", "State", "Window")


class State(Enum):
    """What a circuit does with a call."""

    CLOSED = "closed"
    """Lets it through and watches."""
    OPEN = "open"
    """Refuses it, for a time."""
    HALF_OPEN = "half open"
    """Lets a few through, to see."""
    ISOLATED = "isolated"
    """Refuses it, until somebody says otherwise."""
    DISABLED = "disabled"
    """Lets it through, until somebody says otherwise."""
    OBSERVING = "observing"
    """Lets it through, watches, and never opens."""


class Window(Protocol):
    """What the outcomes of calls are counted in."""

    def tally(self, now: float) -> Tally: ...


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """The numbers by which a circuit decides. Raises ValueError where they cannot work together.

    It opens when, of the last `window` calls (or of those that ended within the last `period` seconds, where that is
    given), at least `minimum_calls` are known and the share of failed ones has reached `failure_rate`, or the share of
    those that took `slow_after` seconds or longer has reached `slow_rate`. Then every call is refused for `open_for`
    seconds (a `Backoff` makes that grow each time), after which `probes` calls are let through: by the same rates the
    circuit closes or opens again.
    """

    failure_rate: float = 0.5
    slow_rate: float = 1.0
    slow_after: float | None = None
    window: int = 100
    period: float | None = None
    minimum_calls: int = 10
    open_for: float | Backoff = 30.0
    probes: int = 5

    def __post_init__(self) -> None:
        for name in ("failure_rate", "slow_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)!r} is not a share above 0 and up to 1")

        for name in ("minimum_calls", "probes", "window"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name}: {getattr(self, name)!r} is not a number of at least 1")

        for name in ("slow_after", "period"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"{name}: {getattr(self, name)!r} is not a number of seconds above zero")

        if self.period is None and self.minimum_calls > self.window:
            raise ValueError(f"minimum_calls: {self.minimum_calls} calls are never known in a window of {self.window}")

        if not isinstance(self.open_for, Backoff) and not self.open_for > 0:
            raise ValueError(f"open_for: {self.open_for!r} is not a number of seconds above zero")

    def new_window(self) -> CountWindow | TimeWindow:
        return CountWindow(self.window) if self.period is None else TimeWindow(self.period)

    def judge(self, tally: Tally) -> str:
        """Return why so many failed or slow calls are too many, or an empty string."""
        if tally.failed >= self.failure_rate * tally.calls:
            return f"{tally.failed} of {tally.calls} calls failed"

        if self.slow_after is not None and tally.slow >= self.slow_rate * tally.calls:
            return f"{tally.slow} of {tally.calls} calls took {self.slow_after:g} s or longer"

        return ""

    def pause(self, times: int, random: float) -> float:
        """Return for how many seconds a circuit stays open that has opened `times` in a row."""
        return self.open_for.pause(times, random) if isinstance(self.open_for, Backoff) else self.open_for


@dataclass(frozen=True, slots=True)
class Change:
    """A circuit went from one state to another, `at` a moment of its clock."""

    name: str
    before: State
    after: State
    reason: str
    at: float
    tally: Tally


class Probes:
    """The calls that are let through a half-open circuit: never more than `permits`, settled or still running."""

    __slots__ = ("failed", "last", "permits", "running", "settled", "slow")

    def __init__(self, permits: int, now: float) -> None:
        self.permits = permits
        self.running = 0
        self.settled = 0
        self.failed = 0
        self.slow = 0
        self.last = now

    def __repr__(self) -> str:
        return f"<Probes {self.settled} of {self.permits} settled, {self.running} running, {self.failed} failed>"

    def tally(self, now: float) -> Tally:
        return Tally(self.settled, self.failed, self.slow)

    def record(self, outcome: int | None) -> None:
        """Settle a probe; None gives its permit back to another call."""
        self.running -= 1

        if outcome is not None:
            self.settled += 1
            self.failed += bool(outcome & FAILED)
            self.slow += bool(outcome & SLOW)


@dataclass(slots=True)
class Circuit:
    """The state of one circuit, changed by what is told it; moments come from one monotonic clock of the caller.

    Not safe between threads, except for recording into a window: whoever shares it holds a lock around the rest.
    """

    rules: BreakerRules
    name: str = ""
    state: State = State.CLOSED
    window: CountWindow | TimeWindow = field(init=False)
    probes: Probes | None = None
    opened: int = 0
    """How often in a row it has opened without closing again."""
    until: float = 0.0
    """When an open circuit will let probes through."""

    def __post_init__(self) -> None:
        self.window = self.rules.new_window()

    def admit(self, now: float) -> tuple[Window | None, Change | None]:
        """Decide on a call of a circuit that is not closed: what its outcome is to be recorded in, or None to refuse.

        What is returned beside it is the change that this call has brought about, if any.
        """
        match self.state:
            case State.CLOSED | State.OBSERVING | State.DISABLED:
                return self.window, None
            case State.OPEN if now >= self.until:
                change = self.turn(State.HALF_OPEN, now, "it was open long enough")
                return self.probe(now), change
            case State.HALF_OPEN:
                return self.probe(now), self.give_up_on_probes(now)
            case _:
                return None, None

    def probe(self, now: float) -> Probes | None:
        probes = self.probes

        if probes is None or probes.running + probes.settled >= probes.permits:
            return None

        probes.running += 1
        probes.last = now
        return probes

    def give_up_on_probes(self, now: float) -> Change | None:
        """Open again where every permit is taken by calls that do not end: else nobody would ever be let through."""
        probes = self.probes

        if (
            probes is None
            or probes.running + probes.settled < probes.permits
            or now - probes.last < self.rules.pause(self.opened, 0.0)
        ):
            return None

        return self.open(now, f"{probes.running} probes do not end", 0.0)

    def review(self, window: Window, now: float, random: float = 0.0) -> Change | None:
        """Judge what has been recorded in `window`, and return the change that this brings about, if any.

        A call that began before the last change reports into a window that counts no more. `random` in [0, 1) spreads
        how long the circuit stays open where that is a `Backoff`.
        """
        if self.state is State.CLOSED and window is self.window:
            tally = window.tally(now)

            if tally.calls >= self.rules.minimum_calls and (reason := self.rules.judge(tally)):
                return self.open(now, reason, random)

        elif self.state is State.HALF_OPEN and window is self.probes:
            return self.review_probes(self.probes, now, random)

        return None

    def review_probes(self, probes: Probes, now: float, random: float) -> Change | None:
        """Change as soon as the rest of the probes cannot change the verdict any more."""
        rules = self.rules
        rest = probes.permits - probes.settled

        if reason := rules.judge(Tally(probes.permits, probes.failed, probes.slow)):
            return self.open(now, reason.replace("calls", "probes"), random)

        if not rules.judge(Tally(probes.permits, probes.failed + rest, probes.slow + rest)):
            return self.turn(
                State.CLOSED, now, f"{probes.settled - probes.failed} of {probes.settled} probes succeeded"
            )

        return None

    def wait(self, now: float) -> float | None:
        """Return in how many seconds a call may be let through, or None where nobody knows."""
        return max(0.0, self.until - now) if self.state is State.OPEN else None

    def open(self, now: float, reason: str, random: float = 0.0) -> Change:
        """Refuse every call, for as long as the rules say."""
        self.opened += 1
        self.until = now + self.rules.pause(self.opened, random)
        return self.turn(State.OPEN, now, reason)

    def turn(self, state: State, now: float, reason: str) -> Change:
        """Go to `state`, with nothing known about what comes."""
        seen: Window = self.probes if self.probes is not None else self.window
        change = Change(self.name, self.state, state, reason, now, seen.tally(now))
        self.state = state
        self.probes = Probes(self.rules.probes, now) if state is State.HALF_OPEN else None

        if state is not State.HALF_OPEN:
            self.window = self.rules.new_window()

        if state is State.CLOSED:
            self.opened = 0

        return change
