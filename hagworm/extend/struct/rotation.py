"""Whose turn it is: one after the other, by weight, or who has least to do."""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

from hagworm.extend.error import BadValue, NoCandidate

__all__ = ("LeastLoaded", "RoundRobin", "WeightedRoundRobin")

T = TypeVar("T")


class RoundRobin(Generic[T]):
    """One after the other, and then from the beginning: `next(ring)`. Threads may share it."""

    __slots__ = ("index", "items", "lock")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self.items = list(items)
        self.index = 0
        self.lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<RoundRobin of {len(self.items)}, next {self.index}>"

    def __len__(self) -> int:
        return len(self.items)

    def next(self, usable: Callable[[T], bool] | None = None) -> T:
        """Return the next one, or the next that is `usable`. Raises `NoCandidate` where there is none."""
        with self.lock:
            for step in range(len(self.items)):
                index = (self.index + step) % len(self.items)

                if usable is None or usable(self.items[index]):
                    self.index = (index + 1) % len(self.items)
                    return self.items[index]

        raise NoCandidate(f"{self!r} has nothing{' usable' if self.items else ''}")

    def add(self, item: T) -> None:
        """Put one at the end."""
        with self.lock:
            self.items.append(item)

    def remove(self, item: T) -> None:
        """Take one out; the turns of the others stay. Raises `NoCandidate` where there is none like it."""
        with self.lock:
            if item not in self.items:
                raise NoCandidate(f"{item!r} is not in {self!r}")

            index = self.items.index(item)
            del self.items[index]
            self.index = (self.index - (index < self.index)) % max(1, len(self.items))


class WeightedRoundRobin(Generic[T]):
    """Each as often as its weight is great, in the smoothest order: a, a, b, a, c, a, a for 5, 1, 1 (as in nginx).

    Weights are whole numbers; one of weight 0 has no turn. Threads may share it.
    """

    __slots__ = ("credits", "lock", "weights")

    def __init__(self, weights: Mapping[T, int]) -> None:
        if any(weight < 0 or weight != int(weight) for weight in weights.values()):
            raise BadValue("weights that are whole numbers of 0 or more", dict(weights))

        self.weights = {item: int(weight) for item, weight in weights.items() if weight}
        self.credits = dict.fromkeys(self.weights, 0)
        self.lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<WeightedRoundRobin {self.weights!r}>"

    def next(self) -> T:
        """Return whose turn it is. Raises `NoCandidate` where nobody has a weight."""
        with self.lock:
            if not self.weights:
                raise NoCandidate("nobody has a weight above 0")

            for item, weight in self.weights.items():
                self.credits[item] += weight

            chosen = max(self.credits, key=self.credits.__getitem__)
            self.credits[chosen] -= sum(self.weights.values())
            return chosen


class LeastLoaded(Generic[T]):
    """Who has least to do for its weight, and among equals who has waited longest: `with balancer.borrow() as item`.

    Threads may share it.
    """

    __slots__ = ("loads", "lock", "turns", "weights")

    def __init__(self, weights: "Iterable[T] | Mapping[T, float]") -> None:
        self.weights = dict(weights) if isinstance(weights, Mapping) else dict.fromkeys(weights, 1.0)

        if any(not (weight > 0 and math.isfinite(weight)) for weight in self.weights.values()):
            raise BadValue("weights above 0", self.weights)

        self.loads = dict.fromkeys(self.weights, 0)
        self.turns = {item: index - len(self.weights) for index, item in enumerate(self.weights)}
        self.lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<LeastLoaded {self.loads!r}>"

    def acquire(self, usable: Callable[[T], bool] | None = None) -> T:
        """Return who takes the next job; give it back with `release`. Raises `NoCandidate` where there is none."""
        with self.lock:
            candidates = [item for item in self.loads if usable is None or usable(item)]

            if not candidates:
                raise NoCandidate("there is nobody who could take it")

            chosen = min(candidates, key=lambda item: ((self.loads[item] + 1) / self.weights[item], self.turns[item]))
            self.loads[chosen] += 1
            self.turns[chosen] = max(self.turns.values()) + 1
            return chosen

    def release(self, item: T) -> None:
        """Say that a job is done. Raises `BadValue` for somebody who has none."""
        with self.lock:
            if self.loads.get(item, 0) < 1:
                raise BadValue("somebody who has a job", item)

            self.loads[item] -= 1

    @contextmanager
    def borrow(self, usable: Callable[[T], bool] | None = None) -> Iterator[T]:
        """Give who takes the job that is done in the block."""
        item = self.acquire(usable)

        try:
            yield item
        finally:
            self.release(item)
