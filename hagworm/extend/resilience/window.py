"""The last outcomes of calls, by number or by time."""

from collections import deque
from threading import Lock
from typing import NamedTuple

from hagworm.extend.resilience.slices import Slices

__all__ = ("FAILED", "OK", "SLOW", "CountWindow", "Tally", "TimeWindow")

OK, FAILED, SLOW = 0, 1, 2
"""Outcomes: a call can be both failed and slow."""

LONGEST_WINDOW = 100_000


class Tally(NamedTuple):
    """How many calls were counted, and what became of them."""

    calls: int
    failed: int
    slow: int


class CountWindow:
    """The outcomes of the last `size` calls.

    `record(outcome)` is one step of C code: a success costs next to nothing, and threads may record at the same time.
    Counting looks at the whole window, which happens when a call has failed.
    """

    __slots__ = ("outcomes", "record")

    def __init__(self, size: int) -> None:
        if not 1 <= size <= LONGEST_WINDOW:
            raise ValueError(f"a window holds 1 to {LONGEST_WINDOW} calls, not {size!r}: larger ones go by time")

        self.outcomes: deque[int] = deque(maxlen=size)
        self.record = self.outcomes.append

    def __repr__(self) -> str:
        return f"<CountWindow {self.tally(0.0)} of the last {self.outcomes.maxlen}>"

    def tally(self, now: float) -> Tally:
        """Return what the window holds; `now` does not matter."""
        count = self.outcomes.count
        both = count(FAILED | SLOW)
        return Tally(len(self.outcomes), count(FAILED) + both, count(SLOW) + both)


class TimeWindow:
    """The outcomes of the last `period` seconds, forgotten slice by slice; threads may record at the same time."""

    __slots__ = ("counts", "lock")

    def __init__(self, period: float, *, slices: int = 10) -> None:
        self.counts = Slices(period, columns=4, slices=slices)
        self.lock = Lock()

    def __repr__(self) -> str:
        return f"<TimeWindow {self.counts!r}>"

    def record(self, outcome: int, now: float) -> None:
        """Count the outcome of a call that ended at `now`."""
        counts = self.counts

        with self.lock:
            counts.add(outcome, now)

    def tally(self, now: float) -> Tally:
        """Return what the window holds at `now`."""
        with self.lock:
            ok, failed, slow, both = self.counts.totals(now)
            return Tally(ok + failed + slow + both, failed + both, slow + both)
