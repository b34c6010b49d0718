"""How values are distributed, in buckets whose bounds are fixed beforehand."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from threading import get_ident as thread
from time import perf_counter

__all__ = ("BUCKETS", "Histogram")

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds that suit latencies, in seconds."""


class Histogram:
    """Counts values by the first of `buckets`, upper bounds in ascending order, that is not below them.

    `observe` takes no lock and loses nothing. A value whose bucket is counted while somebody reads may be missing in
    the sum that is read with it.
    """

    __slots__ = ("buckets", "cells")
    kind = "histogram"

    def __init__(self, buckets: Sequence[float] = BUCKETS) -> None:
        if not buckets or any(low >= high for low, high in pairwise(buckets)):
            raise ValueError(f"the bounds of a histogram ascend, not as in {buckets!r}")

        self.buckets = tuple(buckets)
        # Per thread: the sum, then how many there are in each bucket, the last of which has no bound.
        self.cells: dict[int, list[float]] = {}

    def __repr__(self) -> str:
        return f"<Histogram {self.count:g} values, {self.sum:g} in all>"

    def observe(self, value: float) -> None:
        """Count `value`."""
        try:
            cell = self.cells[thread()]
        except KeyError:
            cell = self.cells[thread()] = [0] * (len(self.buckets) + 2)

        cell[bisect_left(self.buckets, value) + 1] += 1
        cell[0] += value

    @contextmanager
    def time(self, clock: Callable[[], float] = perf_counter) -> Iterator[None]:
        """Count the seconds that the block takes, also where it ends with an error."""
        start = clock()

        try:
            yield
        finally:
            self.observe(clock() - start)

    def read(self) -> list[float]:
        """Return the sum of all values, then the number in each bucket; the last one has no bound."""
        rows = [list(cell) for cell in list(self.cells.values())]
        return [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * (len(self.buckets) + 2)

    @property
    def sum(self) -> float:
        """The sum of all values."""
        return self.read()[0]

    @property
    def count(self) -> float:
        """How many values there are."""
        return sum(self.read()[1:])

    def quantile(self, part: float) -> float | None:
        """Estimate the value that `part` (0 to 1) of all values do not exceed; None if there are none.

        Exact to the width of its bucket, in which values are taken to be spread evenly, from 0 in the first. Beyond the
        last bound it is that bound.
        """
        if not 0 <= part <= 1:
            raise ValueError(f"a part of the values is between 0 and 1, not {part!r}")

        counts = self.read()[1:]
        running = list(accumulate(counts))

        if not running[-1]:
            return None

        wanted = part * running[-1]
        place = next(index for index, total in enumerate(running) if total >= wanted and counts[index])

        if place == len(self.buckets):
            return self.buckets[-1]

        low = self.buckets[place - 1] if place else min(0.0, self.buckets[0])
        return low + (self.buckets[place] - low) * (wanted - running[place] + counts[place]) / counts[place]
