"""Whether a process that has ended is started again, and when."""

from collections import deque
from enum import Enum

__all__ = ("Intensity", "Restart")


class Restart(Enum):
    """When a process that has ended by itself is started again."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Unless it ended as it should, with exit code 0."""
    TEMPORARY = "temporary"
    """Never."""

    def wants(self, returncode: int | None) -> bool:
        """Return whether a process that ended like this is to be started again."""
        return self is Restart.PERMANENT or (self is Restart.TRANSIENT and returncode != 0)


class Intensity:
    """At most `most` restarts within any `period` seconds: the next one is too many.

    The window slides, as in Erlang's supervisors: a restart counts for exactly `period` seconds. Moments come from one
    clock of the caller and never go back. Raises ValueError for a negative number or a period that is not positive.
    """

    __slots__ = ("moments", "most", "period")

    def __init__(self, most: int = 3, period: float = 60.0) -> None:
        if most < 0 or not period > 0:
            raise ValueError(f"a number of restarts and a number of seconds are wanted, not {most!r} and {period!r}")

        self.most = most
        self.period = period
        self.moments: deque[float] = deque()

    def __repr__(self) -> str:
        return f"<Intensity {len(self.moments)} of {self.most} within {self.period:g} s>"

    @property
    def count(self) -> int:
        """How many restarts have been counted, as of the last one."""
        return len(self.moments)

    def admit(self, now: float) -> bool:
        """Count a restart; return False where it is one too many."""
        while self.moments and self.moments[0] <= now - self.period:
            self.moments.popleft()

        self.moments.append(now)
        return len(self.moments) <= self.most
