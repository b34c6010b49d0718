"""When a call that has not been answered is sent once more."""

from collections import deque
from dataclasses import dataclass

__all__ = ("HedgeRules", "Latencies")


class Latencies:
    """How long the last `size` calls took; a quantile of them is worked out again every so many calls."""

    __slots__ = ("fresh", "known", "quantile", "times")

    def __init__(self, quantile: float, size: int = 200) -> None:
        if not 0 < quantile < 1:
            raise ValueError(f"quantile: {quantile!r} is not a share between 0 and 1")

        self.quantile = quantile
        self.times: deque[float] = deque(maxlen=size)
        self.known: float | None = None
        self.fresh = 0

    def __repr__(self) -> str:
        return f"<Latencies {self.quantile:.0%} below {self.known} s, of {len(self.times)}>"

    def add(self, seconds: float) -> None:
        self.times.append(seconds)
        self.fresh += 1

    def value(self) -> float | None:
        """Return below how many seconds the given share of calls stayed, or None before ten are known."""
        if len(self.times) >= 10 and (self.known is None or self.fresh >= 10):
            self.fresh = 0
            self.known = sorted(self.times)[min(len(self.times) - 1, int(self.quantile * len(self.times)))]

        return self.known


@dataclass(frozen=True, slots=True)
class HedgeRules:
    """Send a call again after `delay` seconds without an answer, up to `copies` times."""

    delay: float
    copies: int = 1

    def __post_init__(self) -> None:
        if not self.delay >= 0:
            raise ValueError(f"delay: {self.delay!r} is not a number of seconds")

        if self.copies < 1:
            raise ValueError(f"copies: {self.copies!r} is not a number of at least 1")

    def next_in(self, sent: int, elapsed: float, *, delay: float | None = None, failed: int = 0) -> float | None:
        """Return in how many seconds the next copy is due (0: now), or None where none is.

        `sent` calls have been sent, the first of them `elapsed` seconds ago, `failed` of them have failed. `delay` is
        what is known to be better than the one of the rules. Where everything that was sent has failed, the next one
        is due at once.
        """
        if sent > self.copies:
            return None

        if failed >= sent:
            return 0.0

        return max(0.0, (self.delay if delay is None else delay) * sent - elapsed)
