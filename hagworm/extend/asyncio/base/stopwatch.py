"""How long something takes, lap by lap."""

import time
from collections.abc import Callable

__all__ = ("TimeDiff",)


class TimeDiff:
    """A stopwatch that runs from its making, in seconds of the monotonic clock."""

    __slots__ = ("clock", "last", "start")

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.start = self.last = clock()

    def __repr__(self) -> str:
        return f"<TimeDiff {self.clock() - self.start:.3f} s>"

    def check(self) -> tuple[float, float]:
        """Return how many seconds have passed since the start, and since the last check."""
        now = self.clock()
        total, lap = now - self.start, now - self.last
        self.last = now
        return total, lap

    def reset(self) -> None:
        """Start again."""
        self.start = self.last = self.clock()
