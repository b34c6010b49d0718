"""A bound on how much load retries may add to what is already failing."""

from threading import Lock

from hagworm.extend.resilience.slices import Slices

__all__ = ("RetryBudget",)

CALLS, RETRIES = 0, 1


class RetryBudget:
    """Lets through at most `ratio` retries per call, counted over the last `period` seconds.

    At least `minimum` retries per period are always allowed, so that a service with few calls may retry at all. One
    budget is shared by everything that talks to the same dependency: when that is down, retries add `ratio` of the
    load and no more, whatever each single call would be entitled to. Safe between threads.
    """

    __slots__ = ("counts", "lock", "minimum", "ratio", "refused")

    def __init__(self, ratio: float = 0.2, *, minimum: int = 10, period: float = 10.0) -> None:
        if not (0 <= ratio and minimum >= 0):
            raise ValueError(f"RetryBudget: neither ratio {ratio!r} nor minimum {minimum!r} may be below zero")

        self.ratio = ratio
        self.minimum = minimum
        self.counts = Slices(period, columns=2)
        self.lock = Lock()
        self.refused = 0

    def __repr__(self) -> str:
        calls, retries = self.counts.sums
        return f"<RetryBudget {retries} retries for {calls} calls, ratio {self.ratio:g}, {self.refused} refused>"

    def call(self, now: float) -> None:
        """Count a call, whatever becomes of it."""
        with self.lock:
            self.counts.add(CALLS, now)

    def spend(self, now: float) -> bool:
        """Return whether a call may be tried once more, and count that it is."""
        with self.lock:
            calls, retries = self.counts.totals(now)

            if retries + 1 > max(self.minimum, self.ratio * calls):
                self.refused += 1
                return False

            self.counts.add(RETRIES, now)
            return True

    def statistics(self, now: float) -> dict[str, float]:
        """Return the counts of the period that ends at `now`, and how many retries have been refused in all."""
        with self.lock:
            calls, retries = self.counts.totals(now)
            return {"calls": calls, "retries": retries, "refused": self.refused}
