"""One server as its client sees it: its samples, how it is doing, when to ask it again (RFC 5905 9, 13)."""

import math
from dataclasses import dataclass

from hagworm.extend.ntp.filter import SampleFilter
from hagworm.extend.ntp.sample import DRIFT, Sample
from hagworm.extend.ntp.selection import Candidate

__all__ = ("Association", "AssociationStatistics", "PollPlan")

MAX_DISTANCE = 1.5
"""Seconds that a sample may be wrong and still have a say: MAXDIST of the RFC."""

REACH = 8
"""How many polls must go wrong, one after the other, until a server has no say any more."""

STAY_AWAY = frozenset(("DENY", "RSTR"))
"""The kisses after which a server must not be asked again."""


@dataclass(frozen=True, slots=True)
class PollPlan:
    """How often a server is asked, in seconds.

    At first `burst` times, `spacing` apart; then every `poll`; less and less often, down to every `max_poll`, while it
    does not answer, or once it says that it is asked too often. Each pause is made longer or shorter by up to `jitter`
    of itself.
    """

    poll: float = 64.0
    max_poll: float = 1024.0
    burst: int = 4
    spacing: float = 2.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.poll <= self.max_poll < math.inf):
            raise ValueError(
                f"a poll interval is positive and at most max_poll, unlike {self.poll!r}, {self.max_poll!r}"
            )

        if self.burst < 0 or not 0 < self.spacing < math.inf:
            raise ValueError(
                f"a burst has no negative number of polls and spacing, unlike {self.burst!r}, {self.spacing!r}"
            )

        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter is a part of the interval, from 0 up to 1, not {self.jitter!r}")


@dataclass(frozen=True, slots=True)
class AssociationStatistics:
    """What one server has done, and what is thought of it."""

    server: str
    state: str
    answers: int
    failures: int
    kisses: int
    contradictions: int
    """How often a sample contradicted the one before it."""
    poll: float
    """Seconds between polls, as it is now."""
    offset: float | None
    """Of the best sample; None where there is none."""
    delay: float | None
    jitter: float
    stratum: int | None
    last_error: str
    """Why the last poll that failed did so; empty where none has."""


class Association:
    """What is known of one server. It has no clock: `now_ns` is the local clock's time, in nanoseconds.

    Tell it what came of every poll, by `answered`, `failed` or `kissed`; `pause` says when to poll again.
    """

    __slots__ = (
        "answers",
        "drift",
        "failures",
        "filter",
        "is_limited",
        "kiss",
        "kisses",
        "last_error",
        "max_distance",
        "misses",
        "plan",
        "poll",
        "polls",
        "server",
    )

    def __init__(
        self,
        server: str,
        plan: PollPlan | None = None,
        *,
        drift: float = DRIFT,
        max_distance: float = MAX_DISTANCE,
    ) -> None:
        self.server = server
        self.plan = plan or PollPlan()
        self.drift = drift
        self.max_distance = max_distance
        self.filter = SampleFilter(drift=drift)
        self.poll = self.plan.poll
        self.polls = 0
        self.misses = 0
        """How many polls have failed since the last answer."""
        self.answers = 0
        self.failures = 0
        self.kisses = 0
        self.is_limited = False
        """Whether it has said that it was asked too often."""
        self.kiss = ""
        """The kiss that has ended it; empty unless one has."""
        self.last_error = ""

    def __repr__(self) -> str:
        return f"<Association {self.server}, {self.state}, {self.answers} answers, {self.failures} failures>"

    @property
    def state(self) -> str:
        """`new`, `reachable`, `unreachable` or `refused`: the server wants nothing to do with us."""
        if self.kiss:
            return "refused"

        if not self.answers or self.misses >= REACH:
            return "unreachable" if self.failures else "new"

        return "reachable"

    def answered(self, sample: Sample) -> None:
        """The server has answered."""
        self.polls += 1
        self.answers += 1
        self.misses = 0
        self.filter.add(sample)

        if not self.is_limited:
            self.poll = self.plan.poll

    def failed(self, reason: str) -> None:
        """It has not answered, or with nothing of use."""
        self.polls += 1
        self.failures += 1
        self.misses += 1
        self.last_error = reason

        if self.misses >= REACH:
            self.filter.clear()
            self.back_off()

    def kissed(self, kiss: str, poll: float | None = None) -> None:
        """It has sent a kiss of death, and asks for `poll` seconds between polls, if for anything.

        DENY and RSTR end it: it is not asked again and has no say. RATE doubles the interval, at least, for good.
        """
        self.kisses += 1
        self.failed(f"kiss of death {kiss!r}")

        if kiss in STAY_AWAY:
            self.kiss = kiss
            self.filter.clear()
        elif kiss == "RATE":
            self.is_limited = True
            self.poll = min(self.plan.max_poll, max(self.poll, poll or 0.0))
            self.back_off()

    def pause(self, chance: float) -> float | None:
        """Return in how many seconds to ask it again, None for never; `chance` is a random number from 0 to 1."""
        if self.kiss:
            return None

        in_burst = self.polls < self.plan.burst and not self.is_limited
        seconds = min(self.plan.spacing, self.poll) if in_burst else self.poll
        return seconds * (1 + self.plan.jitter * (2 * chance - 1))

    def candidate(self, now_ns: int) -> Candidate | None:
        """Return what it has to say on true time, None where that is nothing of use."""
        if self.kiss or (best := self.filter.best(now_ns)) is None:
            return None

        distance = best.distance(now_ns, drift=self.drift)

        if distance > self.max_distance:
            return None

        return Candidate(self.server, best.offset, distance, self.filter.jitter(now_ns), best.stratum, best.leap)

    def statistics(self, now_ns: int) -> AssociationStatistics:
        """Return what the server has done, and what is thought of it."""
        best = self.filter.best(now_ns)
        return AssociationStatistics(
            server=self.server,
            state=self.state,
            answers=self.answers,
            failures=self.failures,
            kisses=self.kisses,
            contradictions=self.filter.contradictions,
            poll=self.poll,
            offset=None if best is None else best.offset,
            delay=None if best is None else best.delay,
            jitter=self.filter.jitter(now_ns),
            stratum=None if best is None else best.stratum,
            last_error=self.last_error,
        )

    def back_off(self) -> None:
        self.poll = min(self.plan.max_poll, self.poll * 2)
