"""How long to wait before the next attempt."""

from dataclasses import dataclass
from math import isfinite

__all__ = ("Backoff", "RetrySchedule")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that grow: `first` seconds, then `factor` times as long each time, never above `longest`.

    `jitter` is the share of a pause that chance decides: 1 is full jitter, the spread that keeps many callers from
    returning in one wave (Brooker, "Exponential Backoff and Jitter", 2015); 0.5 is equal jitter, 0 none. Raises
    ValueError for numbers that make no growing pause.
    """

    first: float = 0.1
    factor: float = 2.0
    longest: float = 30.0
    jitter: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.first <= self.longest and isfinite(self.longest)):
            raise ValueError(f"Backoff: 0 <= first <= longest is needed, got {self.first!r} and {self.longest!r}")

        if not (self.factor >= 1 and isfinite(self.factor)):
            raise ValueError(f"Backoff: factor {self.factor!r} is not a finite number of at least 1")

        if not 0 <= self.jitter <= 1:
            raise ValueError(f"Backoff: jitter {self.jitter!r} is not a share between 0 and 1")

    def ceiling(self, failed: int) -> float:
        """Return the longest pause, in seconds, that may follow the attempt number `failed` (1 is the first)."""
        try:
            return min(self.longest, self.first * self.factor ** (failed - 1))
        except OverflowError:
            return self.longest

    def pause(self, failed: int, random: float) -> float:
        """Return the pause in seconds after the attempt number `failed`; `random` is a number in [0, 1)."""
        return self.ceiling(failed) * (1.0 - self.jitter * random)


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """How often to try, and how long to wait in between.

    `attempts` counts the first one; None is no limit. `longest_retry_after` is the longest wait, in seconds, that the
    other side may ask for: whoever is told to come back later than that gives up.
    """

    attempts: int | None = 3
    backoff: Backoff = Backoff()
    longest_retry_after: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts is not None and self.attempts < 1:
            raise ValueError(f"attempts: {self.attempts!r} is not a number of at least 1")

    def pause(
        self, failed: int, *, random: float, left: float | None = None, retry_after: float | None = None
    ) -> float | None:
        """Return how many seconds to wait after the attempt number `failed`, or None to give up.

        `left` is the time that remains (None: no bound): a pause that would use it up is not begun. `retry_after` is
        what the other side asked for; less than that is never waited.
        """
        if self.attempts is not None and failed >= self.attempts:
            return None

        pause = self.backoff.pause(failed, random)

        if retry_after is not None and retry_after > pause:
            if retry_after > self.longest_retry_after:
                return None

            pause = retry_after

        return None if left is not None and pause >= left else pause
