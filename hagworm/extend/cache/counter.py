"""How often something has happened in a period of time."""

import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hagworm.extend.error import Overloaded

if TYPE_CHECKING:
    from hagworm.extend.transaction import Transaction

__all__ = ("CounterStatistics", "PeriodCounter")


@dataclass(frozen=True, slots=True)
class CounterStatistics:
    """What a counter holds."""

    keys: int
    maxsize: int
    refused: int
    """How often there was no room for another key."""


class PeriodCounter:
    """Count by key over periods of `period` seconds.

    Periods begin at the multiples of `period` on the clock, alike for all keys; or, where they are divided into
    `slices`, the count is that of the last `period` seconds, exact to one slice: it never falls to nothing at the edge.
    At most `maxsize` keys are counted at a time; another one is refused with `Overloaded` rather than that a count be
    lost. `clock` returns seconds. Safe under threads.
    """

    __slots__ = ("clock", "counts", "lock", "maxsize", "now", "period", "refused", "slice", "slices", "totals")

    def __init__(
        self,
        period: float,
        *,
        slices: int = 1,
        maxsize: int = 100_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not 0 < period < math.inf:
            raise ValueError(f"a period is a positive number of seconds, not {period!r}")

        if slices < 1 or maxsize < 1:
            raise ValueError(f"at least one slice and one key, not {slices} and {maxsize}")

        self.period = period
        self.slices = slices
        self.slice = period / slices
        self.maxsize = maxsize
        self.clock = clock
        self.lock = threading.Lock()
        self.now = -math.inf
        # The slices of the last period by number, oldest first, and what they sum up to.
        self.counts: dict[int, dict[Hashable, int]] = {}
        self.totals: dict[Hashable, int] = {}
        self.refused = 0

    def __repr__(self) -> str:
        return f"<PeriodCounter of {self.period:g} s, {len(self.totals)} keys>"

    def __len__(self) -> int:
        return len(self.totals)

    def __bool__(self) -> bool:
        return True

    def get(self, key: Hashable) -> int:
        """Return how much has been counted for `key` in this period."""
        with self.lock:
            self.move()
            return self.totals.get(key, 0)

    def incr(self, key: Hashable, value: int = 1) -> int:
        """Count on by `value`, and return the sum of this period. Raises `Overloaded` for one key too many."""
        with self.lock:
            self.move()
            return self.count(self.place(), key, value)

    def decr(self, key: Hashable, value: int = 1) -> int:
        """Count back by `value`, and return the sum of this period."""
        return self.incr(key, -value)

    def incr_with_trx(self, key: Hashable, value: int = 1) -> "tuple[int, Transaction]":
        """Count on by `value`; return the sum, and a transaction that takes it back when it is rolled back.

        It takes back what was counted in the period in which it was, and nothing when that is over. Forgetting the
        transaction takes nothing back.
        """
        from hagworm.extend.transaction import Transaction

        with self.lock:
            self.move()
            place = self.place()
            total = self.count(place, key, value)

        trx = Transaction()
        trx.on_rollback(self.take_back, place, key, value)
        return total, trx

    def left(self) -> float:
        """Return for how many seconds the current period, or slice, still lasts."""
        now = max(self.clock(), self.now)
        return (math.floor(now / self.slice) + 1) * self.slice - now

    def clear(self) -> None:
        """Forget everything that has been counted."""
        with self.lock:
            self.counts.clear()
            self.totals.clear()

    def statistics(self) -> CounterStatistics:
        """Return what the counter holds."""
        with self.lock:
            self.move()
            return CounterStatistics(len(self.totals), self.maxsize, self.refused)

    def place(self) -> int:
        return math.floor(self.now / self.slice)

    def count(self, place: int, key: Hashable, value: int) -> int:
        if key not in self.totals and len(self.totals) >= self.maxsize:
            self.refused += 1
            raise Overloaded(f"{self!r} counts no more keys than that", retry_after=self.left())

        slice_ = self.counts.setdefault(place, {})
        slice_[key] = slice_.get(key, 0) + value
        total = self.totals[key] = self.totals.get(key, 0) + value
        return total

    def take_back(self, place: int, key: Hashable, value: int) -> None:
        with self.lock:
            self.move()

            if key in self.counts.get(place, ()):
                self.count(place, key, -value)

    def move(self) -> None:
        """Let go of the slices that are over; a clock that has been set back stands still until it catches up."""
        self.now = max(self.now, self.clock())
        oldest = self.place() - self.slices

        for place in [place for place in self.counts if place <= oldest]:
            for key, value in self.counts.pop(place).items():
                self.totals[key] -= value

                if not any(key in slice_ for slice_ in self.counts.values()):
                    del self.totals[key]
