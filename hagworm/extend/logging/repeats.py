"""Records that say the same over and over: a few are told, the rest is counted."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

__all__ = ("Repeats",)


@dataclass(slots=True)
class Count:
    """How often something was said since `start`."""

    start: float
    told: int = 0
    swallowed: int = 0


class Repeats:
    """Lets the same key pass `burst` times within `period` seconds, counted from the first time.

    It knows the `size` keys that were seen last; one that it had to forget passes again.
    """

    __slots__ = ("burst", "counts", "period", "size", "swallowed")

    def __init__(self, burst: int, period: float, *, size: int = 1000) -> None:
        if burst < 1 or period <= 0 or size < 1:
            raise ValueError(f"burst and size are at least 1 and period is above 0, not {burst}, {size}, {period}")

        self.burst = burst
        self.period = period
        self.size = size
        self.counts: dict[Hashable, Count] = {}
        self.swallowed = 0
        """How many were held back in all."""

    def __repr__(self) -> str:
        return f"<Repeats {self.burst} in {self.period:g} s, {self.swallowed} swallowed>"

    def admit(self, key: Hashable, now: float) -> bool:
        """Return whether a record of this key may be told at this moment (seconds, of any clock that only rises)."""
        count = self.counts.get(key)

        if count is None:
            count = self.counts[key] = Count(now)
        elif now - count.start >= self.period and not count.swallowed:
            count.start, count.told = now, 0

        if count.told < self.burst:
            count.told += 1
            return True

        count.swallowed += 1
        self.swallowed += 1
        return False

    def due(self, now: float) -> Iterator[tuple[Hashable, int]]:
        """Yield each key whose time is over with how often it was swallowed, which is told now; and forget old keys."""
        for key, count in [*self.counts.items()]:
            if now - count.start >= self.period or len(self.counts) > self.size:
                del self.counts[key]

                if count.swallowed:
                    yield key, count.swallowed
