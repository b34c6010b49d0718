"""The cache of hagworm 4 and 5 by its old verbs."""

from collections.abc import Hashable
from typing import Any

from hagworm.extend.cache.store import NOTHING, TTLCache

__all__ = ("StackCache",)


class StackCache(TTLCache[Hashable, Any]):
    """A `TTLCache` of 255 entries for a minute, that can also count: never was it a stack."""

    __slots__ = ()

    def __init__(self, maxsize: int = 255, ttl: float | None = 60.0, **options: Any) -> None:
        super().__init__(maxsize, ttl, **options)

    def has(self, key: Hashable) -> bool:
        """Whether there is something for `key`."""
        return key in self

    def size(self) -> int:
        """Return how many entries there are, those left out whose time is over."""
        return len(list(self))

    def incr(self, key: Hashable, value: float = 1) -> Any:
        """Add to the number kept for `key`, 0 if there is none, and return the sum; its time is not prolonged.

        Raises TypeError for what is no number. What is counted may leave as all else does: `PeriodCounter` keeps what
        it counts.
        """
        with self.lock:
            entry = self.entries.get(key)

            if entry is None or self.clock() >= entry[1]:
                self.set(key, value)
                return value

            number, end, weight = entry

            if not isinstance(number, int | float):
                raise TypeError(f"{key!r} is {type(number).__name__}, and no number that could be counted on")

            self.entries[key] = (number + value, end, weight)
            self.entries.move_to_end(key)
            return number + value

    def decr(self, key: Hashable, value: float = 1) -> Any:
        """Take away from the number kept for `key`, as `incr` adds."""
        return self.incr(key, -value)

    def __getitem__(self, key: Hashable) -> Any:
        found = self.get(key, NOTHING)

        if found is NOTHING:
            raise KeyError(key)

        return found
