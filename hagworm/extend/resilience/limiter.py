"""Whether one more may happen now, by the rate at which others have."""

from collections import deque
from dataclasses import dataclass

__all__ = ("Decision", "Gcra", "Limit", "SlidingWindow")


@dataclass(frozen=True, slots=True)
class Decision:
    """What a limit says at one moment, as the fields `RateLimit` and `Retry-After` of HTTP want it."""

    allowed: bool
    limit: int
    """How many may happen at once, at most."""
    remaining: int
    """How many of them may happen now."""
    retry_after: float
    """In how many seconds what was asked for may happen; 0 where it may at once."""
    reset_after: float
    """In how many seconds everything is as if nothing had happened."""


class Gcra:
    """`limit` in `per` seconds, evenly spaced, of which `burst` may come at once.

    This is the generic cell rate algorithm (ITU-T I.371). In any stretch of t seconds it lets through at most
    `burst + t * limit / per`; all it remembers is one number.
    """

    __slots__ = ("arrival", "burst", "interval", "limit", "per", "tolerance")

    def __init__(self, limit: int, per: float = 1.0, burst: int = 1) -> None:
        check_numbers(limit, per)

        if burst < 1:
            raise ValueError(f"burst: {burst!r} is not a number of at least 1")

        self.limit = limit
        self.per = per
        self.burst = burst
        self.interval = per / limit
        self.tolerance = self.interval * burst
        self.arrival = float("-inf")

    def __repr__(self) -> str:
        return f"<Gcra {self.limit} in {self.per:g} s, {self.burst} at once>"

    @property
    def most(self) -> int:
        """The largest cost that can ever be taken."""
        return self.burst

    def take(self, now: float, cost: int = 1) -> float:
        """Return 0 and count `cost`, or return in how many seconds that may be had and count nothing."""
        arrival = self.arrival
        arrival = (arrival if arrival > now else now) + self.interval * cost
        wait = arrival - now - self.tolerance

        if wait > 1e-9:
            return wait

        self.arrival = arrival
        return 0.0

    def give_back(self, moment: float, cost: int = 1) -> None:
        """Undo a `take` of that moment: it did not happen after all."""
        self.arrival -= self.interval * cost

    def peek(self, now: float, cost: int = 1) -> Decision:
        """Return what `take` would decide, without taking."""
        used = max(0.0, self.arrival - now)
        remaining = int((self.tolerance - used + 1e-9) / self.interval)
        wait = used + self.interval * cost - self.tolerance
        return Decision(wait <= 1e-9, self.burst, max(0, remaining), max(0.0, wait), used)

    def is_idle(self, now: float) -> bool:
        """Return whether nothing of the past matters any more."""
        return self.arrival <= now


class SlidingWindow:
    """At most `limit` in any `per` seconds, wherever they begin; it remembers the moments of the last `limit`."""

    __slots__ = ("limit", "per", "times")

    def __init__(self, limit: int, per: float = 1.0) -> None:
        check_numbers(limit, per)
        self.limit = limit
        self.per = per
        self.times: deque[float] = deque(maxlen=limit)

    def __repr__(self) -> str:
        return f"<SlidingWindow {self.limit} in {self.per:g} s>"

    @property
    def most(self) -> int:
        """The largest cost that can ever be taken."""
        return self.limit

    def take(self, now: float, cost: int = 1) -> float:
        """Return 0 and count `cost`, or return in how many seconds that may be had and count nothing."""
        times = self.times
        missing = cost - self.limit + len(times)

        if missing > 0 and (wait := times[missing - 1] + self.per - now) > 0:
            return wait

        if cost == 1:
            times.append(now)
        else:
            times.extend([now] * cost)

        return 0.0

    def give_back(self, moment: float, cost: int = 1) -> None:
        """Undo a `take` of that moment: it did not happen after all."""
        for _ in range(min(cost, self.times.count(moment))):
            self.times.remove(moment)

    def peek(self, now: float, cost: int = 1) -> Decision:
        """Return what `take` would decide, without taking. It looks at every remembered moment."""
        times = self.times
        used = sum(1 for moment in times if moment + self.per > now)
        missing = cost - self.limit + len(times)
        wait = times[missing - 1] + self.per - now if missing > 0 else 0.0
        reset = times[-1] + self.per - now if times else 0.0
        return Decision(wait <= 0, self.limit, self.limit - used, max(0.0, wait), max(0.0, reset))

    def is_idle(self, now: float) -> bool:
        """Return whether nothing of the past matters any more."""
        return not self.times or self.times[-1] + self.per <= now


Limit = Gcra | SlidingWindow


def check_numbers(limit: int, per: float) -> None:
    if limit < 1:
        raise ValueError(f"limit: {limit!r} is not a number of at least 1")

    if not 0 < per < float("inf"):
        raise ValueError(f"per: {per!r} is not a number of seconds above zero")
