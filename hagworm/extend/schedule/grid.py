"""Moments at equal distances."""

import math
from dataclasses import dataclass

from hagworm.extend.error import ScheduleError

__all__ = ("Grid",)


@dataclass(frozen=True, slots=True)
class Grid:
    """The moments `start`, `start + every`, `start + 2 * every` and so on, in seconds of whatever clock is used.

    Each is computed from `start`, so that no error adds up. `count` is how many there are; None: without end. Raises
    `ScheduleError` unless `every` is positive and finite and `count` at least one.
    """

    every: float
    start: float = 0.0
    count: int | None = None

    def __post_init__(self) -> None:
        if not (self.every > 0 and math.isfinite(self.every)):
            raise ScheduleError(f"an interval is a positive number of seconds, not {self.every!r}")

        if not math.isfinite(self.start):
            raise ScheduleError(f"a grid starts at a moment, not at {self.start!r}")

        if self.count is not None and self.count < 1:
            raise ScheduleError(f"a grid has at least one moment, not {self.count!r}")

    def __str__(self) -> str:
        return f"every {self.every:g} s"

    def next_after(self, moment: float) -> float | None:
        """Return the first moment later than `moment`; None after the last one."""
        index = self.passed(moment)
        return None if self.count is not None and index >= self.count else self.at(index)

    def last_before(self, moment: float) -> float | None:
        """Return the last moment earlier than `moment`; None up to the first one."""
        index = self.passed(math.nextafter(moment, -math.inf))

        if self.count is not None:
            index = min(index, self.count)

        return self.at(index - 1) if index > 0 else None

    def count_between(self, after: float, until: float) -> int:
        """Return how many moments are later than `after` and not later than `until`."""
        first, last = self.passed(after), self.passed(until)

        if self.count is not None:
            first, last = min(first, self.count), min(last, self.count)

        return max(0, last - first)

    def at(self, index: int) -> float:
        return self.start + index * self.every

    def passed(self, moment: float) -> int:
        """Return how many moments, of a grid without end, are not later than `moment`."""
        index = max(0, math.floor((moment - self.start) / self.every) + 1)

        # The division may round across a moment that the multiplication puts on the other side.
        while self.at(index) <= moment:
            index += 1

        while index > 0 and self.at(index - 1) > moment:
            index -= 1

        return index
