"""Which moments of a schedule are due, each of them once, whatever the clock does."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ("Agenda", "Due", "Missed", "Schedule")

Missed = Literal["skip", "catch_up"]
"""What becomes of moments that have passed while nobody looked: only the newest one runs, or all of them in order."""

KEPT = 64
"""So many stretches of moments that have been handed out are remembered, for a clock that is set back."""


class Schedule(Protocol):
    """Moments in order, in seconds of whatever clock is used."""

    def next_after(self, moment: float) -> float | None:
        """Return the first moment later than `moment`; None where there is none."""
        ...

    def last_before(self, moment: float) -> float | None:
        """Return the last moment earlier than `moment`; None where there is none."""
        ...

    def count_between(self, after: float, until: float) -> int:
        """Return how many moments are later than `after` and not later than `until`."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """What a look at the clock has found."""

    moments: tuple[float, ...] = ()
    """To be run now, oldest first."""
    missed: int = 0
    """How many moments have passed that will not be run."""


class Agenda:
    """Hands out the moments of `schedule`: none before its time, none twice, also where the clock is changed.

    `begin` it, `wait` as long as it says, `take` what is due, and again. A moment may be delayed by `jitter` seconds at
    most: the share of it, from 0 to 1, is an argument. Moments that passed unseen are treated as `missed` says: `skip`
    hands out the newest one if it is not older than `lateness` seconds (None: however old it is), `catch_up` all of
    that age, but at most the `backlog` newest. No wait is longer than `bound` seconds: so soon a clock that was changed
    is noticed. A moment that is less than `tolerance` seconds ahead counts as due, for clocks that tick.

    After the clock has been set back, moments that were handed out are not handed out again; others between the new
    time and the old one are.
    """

    __slots__ = (
        "backlog",
        "bound",
        "due",
        "handed",
        "jitter",
        "lateness",
        "missed",
        "moment",
        "schedule",
        "seen",
        "tolerance",
    )

    def __init__(
        self,
        schedule: Schedule,
        *,
        missed: Missed = "skip",
        lateness: float | None = None,
        backlog: int = 16,
        jitter: float = 0.0,
        bound: float | None = None,
        tolerance: float = 0.0,
    ) -> None:
        self.schedule = schedule
        self.missed = missed
        self.lateness = lateness
        self.backlog = backlog
        self.jitter = jitter
        self.bound = bound
        self.tolerance = tolerance
        self.moment: float | None = None
        """The moment that is next, None where there is none."""
        self.due: float | None = None
        """When it is to be run: the moment and its jitter."""
        self.seen = float("-inf")
        self.handed: deque[tuple[float, float]] = deque(maxlen=KEPT)

    def __repr__(self) -> str:
        return f"<Agenda of {self.schedule}, next {self.due}>"

    def begin(self, now: float, share: float = 0.0) -> None:
        """Look forward from `now`: the first moment is later than that."""
        self.seen = now
        self.plan(now, share)

    def wait(self, now: float, share: float = 0.0) -> float | None:
        """Return how many seconds to wait before looking again: 0.0 if something is due, None if nothing ever is."""
        self.look(now, share)

        if self.due is None:
            return None

        ahead = self.due - now

        if ahead <= self.tolerance:
            return 0.0

        return ahead if self.bound is None else min(ahead, self.bound)

    def take(self, now: float, share: float = 0.0) -> Due:
        """Hand out what is due at `now`; `share` is for the moment after it."""
        self.look(now, share)

        if self.moment is None or self.due is None or self.due - now > self.tolerance:
            return Due()

        first, edge = self.moment, now + self.tolerance - self.jitter * share
        newest = self.schedule.last_before(math.nextafter(edge, math.inf))
        last = first if newest is None else max(first, newest)
        count = 1 + self.schedule.count_between(first, last) - self.count_handed(first, last)
        moments = self.choose(first, last, now)

        if moments:
            self.remember(moments[0], moments[-1])

        self.plan(last, share)
        return Due(moments, count - len(moments))

    def skip_to(self, now: float, share: float = 0.0) -> int:
        """Leave out what has come up until `now`, and return how many moments that were."""
        self.look(now, share)

        if self.moment is None or self.moment > now:
            return 0

        count = 1 + self.schedule.count_between(self.moment, now)
        self.plan(now, share)
        return count

    def choose(self, first: float, last: float, now: float) -> tuple[float, ...]:
        """Return those of the moments from `first` to `last` that are still to be run."""
        oldest = float("-inf") if self.lateness is None else now - self.lateness - self.jitter
        chosen: deque[float] = deque()
        moment: float | None = last

        while moment is not None and moment >= max(first, oldest):
            if (stretch := self.handed_with(moment)) is not None:
                moment = self.schedule.last_before(stretch[0])
                continue

            chosen.appendleft(moment)

            if len(chosen) == (1 if self.missed == "skip" else self.backlog):
                break

            moment = self.schedule.last_before(moment)

        return tuple(chosen)

    def plan(self, after: float, share: float) -> None:
        """Set the next moment to the first one later than `after` that has not been handed out."""
        moment = self.schedule.next_after(after)

        while moment is not None and (stretch := self.handed_with(moment)) is not None:
            moment = self.schedule.next_after(stretch[1])

        self.moment = moment
        self.due = None if moment is None else moment + self.jitter * share

    def look(self, now: float, share: float) -> None:
        if now < self.seen:
            self.plan(now, share)

        self.seen = now

    def remember(self, first: float, last: float) -> None:
        """Take note that all moments from `first` to `last` have been handed out, now or before."""
        if self.handed and self.schedule.next_after(self.handed[-1][1]) == first:
            first = self.handed[-1][0]

        within = [stretch for stretch in self.handed if stretch[0] <= last and stretch[1] >= first]

        for stretch in within:
            self.handed.remove(stretch)

        self.handed.append((min([first, *(low for low, _ in within)]), max([last, *(high for _, high in within)])))

    def count_handed(self, first: float, last: float) -> int:
        return sum(
            self.schedule.count_between(math.nextafter(max(first, low), -math.inf), min(last, high))
            for low, high in self.handed
            if low <= last and high >= first
        )

    def handed_with(self, moment: float) -> tuple[float, float] | None:
        """Return the stretch of moments handed out that `moment` is in."""
        return next((stretch for stretch in self.handed if stretch[0] <= moment <= stretch[1]), None)
