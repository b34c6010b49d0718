"""How much may run at once, learned from how long it takes."""

__all__ = ("AdaptiveLimit",)


class AdaptiveLimit:
    """A limit that grows by one per round of good calls, and shrinks by a tenth when calls fail or take too long.

    Additive increase, multiplicative decrease (Chiu and Jain, 1989). A call takes too long when it lasts `tolerance`
    times as long as the quickest one of the last `period` to twice that many seconds. The limit stays between `least`
    and `most`, grows only while at least half of it is used, and shrinks at most once in the time that as many calls
    take to end as the limit lets run.
    """

    __slots__ = ("best", "best_before", "edge", "exact", "least", "most", "period", "rest", "tolerance")

    def __init__(
        self, start: int = 20, *, least: int = 1, most: int = 1000, tolerance: float = 2.0, period: float = 30.0
    ) -> None:
        if not 1 <= least <= start <= most:
            raise ValueError(f"1 <= least <= start <= most is needed, got {least!r}, {start!r} and {most!r}")

        if not (tolerance > 1 and period > 0):
            raise ValueError(f"a tolerance above 1 and a period above 0 are needed, got {tolerance!r} and {period!r}")

        self.exact = float(start)
        self.least = least
        self.most = most
        self.tolerance = tolerance
        self.period = period
        self.best = self.best_before = float("inf")
        self.edge = 0.0
        self.rest = 0

    def __repr__(self) -> str:
        return f"<AdaptiveLimit {self.limit}, {self.least} to {self.most}>"

    @property
    def limit(self) -> int:
        """How many may run at once."""
        return int(self.exact)

    def ended(self, now: float, seconds: float, *, running: int, failed: bool = False) -> int:
        """Learn from a call that took so many seconds while `running` ran, itself included; return the new limit."""
        if now >= self.edge:
            self.best_before, self.best, self.edge = self.best, float("inf"), now + self.period

        self.rest -= 1

        if not failed:
            self.best = min(self.best, seconds)

        if failed or seconds > self.tolerance * min(self.best, self.best_before):
            if self.rest <= 0:
                self.exact = max(float(self.least), self.exact * 0.9)
                self.rest = self.limit
        elif running * 2 >= self.limit:
            self.exact = min(float(self.most), self.exact + 1.0 / self.exact)

        return self.limit
