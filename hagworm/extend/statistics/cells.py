"""Numbers that every thread adds to in a cell of its own, summed when they are read."""

from collections.abc import Callable
from threading import Lock
from threading import get_ident as thread

__all__ = ("Counter", "Gauge")


class Counter:
    """A number that only grows. `inc` takes no lock, and no addition of any thread is lost.

    A thread that has ended leaves its cell behind, to the next one that the system gives the same identifier.
    """

    __slots__ = ("cells",)
    kind = "counter"

    def __init__(self) -> None:
        # No key is written by two threads; that makes reading, adding and writing one that needs no lock.
        self.cells: dict[int, float] = {}

    def __repr__(self) -> str:
        return f"<Counter {self.value:g}>"

    def inc(self, amount: float = 1) -> None:
        """Add `amount`, which is 0 or more; raises ValueError otherwise."""
        if amount < 0:
            raise ValueError(f"a counter only grows, not by {amount!r}")

        try:
            self.cells[thread()] += amount
        except KeyError:
            self.cells[thread()] = amount

    @property
    def value(self) -> float:
        """The sum of what all threads have added so far."""
        return sum(list(self.cells.values()))


class Gauge:
    """A number that goes up and down. `inc` and `dec` are as exact as a counter's.

    `set` puts it to a value; additions that other threads make in that very moment count before it or after it. With
    `read`, a function, the gauge is whatever that returns, and cannot be set.
    """

    __slots__ = ("base", "cells", "lock", "read")
    kind = "gauge"

    def __init__(self, read: Callable[[], float] | None = None) -> None:
        self.cells: dict[int, float] = {}
        self.base: float = 0
        self.lock = Lock()
        self.read = read

    def __repr__(self) -> str:
        return f"<Gauge {self.value:g}>"

    def inc(self, amount: float = 1) -> None:
        """Add `amount`."""
        try:
            self.cells[thread()] += amount
        except KeyError:
            self.cells[thread()] = amount

    def dec(self, amount: float = 1) -> None:
        """Take `amount` away."""
        self.inc(-amount)

    def set(self, value: float) -> None:
        """Put the gauge to `value`. Raises TypeError where it is read from a function."""
        if self.read is not None:
            raise TypeError("this gauge is read from a function")

        with self.lock:
            self.base = value - sum(list(self.cells.values()))

    @property
    def value(self) -> float:
        """What the gauge shows now."""
        return self.base + sum(list(self.cells.values())) if self.read is None else self.read()
