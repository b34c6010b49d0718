"""Counting over the last so many seconds, in constant memory."""

from collections.abc import Sequence

__all__ = ("Slices",)


class Slices:
    """Columns of counters over the last `period` seconds, kept in `slices` slices of time.

    What was added is counted for `period` seconds or up to one slice less, then forgotten. A clock that goes back adds
    to the newest slice. Not safe between threads: whoever shares it holds a lock.
    """

    __slots__ = ("current", "edge", "period", "row", "rows", "sums", "width")

    def __init__(self, period: float, *, columns: int, slices: int = 10) -> None:
        if not (period > 0 and slices >= 1):
            raise ValueError(f"a period above zero and at least one slice are needed, got {period!r} and {slices!r}")

        self.period = period
        self.width = period / slices
        self.rows = [[0] * columns for _ in range(slices)]
        self.sums = [0] * columns
        self.current = 0
        self.row = self.rows[0]
        self.edge = 0.0

    def __repr__(self) -> str:
        return f"<Slices {self.sums} over {self.period:g} s>"

    def add(self, column: int, now: float) -> None:
        """Count one more in `column`."""
        if now >= self.edge:
            self.turn(now)

        self.row[column] += 1
        self.sums[column] += 1

    def totals(self, now: float) -> Sequence[int]:
        """Return what each column holds at `now`; the answer changes with the next call."""
        if now >= self.edge:
            self.turn(now)

        return self.sums

    def turn(self, now: float) -> None:
        slot = int(now // self.width)
        rows = self.rows

        for passed in range(self.current + 1, min(slot, self.current + len(rows)) + 1):
            row = rows[passed % len(rows)]

            for column, count in enumerate(row):
                self.sums[column] -= count
                row[column] = 0

        self.current = max(slot, self.current)
        self.row = rows[self.current % len(rows)]
        self.edge = (self.current + 1) * self.width
