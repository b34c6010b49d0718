"""Who is next: the most important first, and among equals who came first."""

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

__all__ = ("Line",)

T = TypeVar("T")


class Line(Generic[T]):
    """A queue by priority (higher first), then by arrival, that can be left from anywhere.

    Who leaves costs nothing until half of the places are empty. The bound is kept by whoever lets people in.
    """

    __slots__ = ("entries", "left", "places", "tickets")

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, T]] = []
        self.places: dict[T, int] = {}
        self.left = 0
        self.tickets = 0

    def __repr__(self) -> str:
        return f"<Line of {len(self)}>"

    def __len__(self) -> int:
        return len(self.places)

    def __contains__(self, one: T) -> bool:
        return one in self.places

    def join(self, one: T, priority: int = 0) -> None:
        """Stand behind everybody of the same priority. `one` must be hashable, and not in the line yet."""
        self.tickets += 1
        self.places[one] = self.tickets
        heappush(self.entries, (-priority, self.tickets, one))

    def leave(self, one: T) -> bool:
        """Give up the place; return whether there was one."""
        if self.places.pop(one, None) is None:
            return False

        self.left += 1

        if self.left > len(self.places) + 8:
            self.entries = [entry for entry in self.entries if self.places.get(entry[2]) == entry[1]]
            heapify(self.entries)
            self.left = 0

        return True

    def first(self) -> T:
        """Return who is next, without moving. Raises IndexError in an empty line."""
        while (entry := self.entries[0])[1] != self.places.get(entry[2]):
            heappop(self.entries)
            self.left -= 1

        return entry[2]

    def pop(self) -> T:
        """Return who is next, and take them out of the line. Raises IndexError in an empty line."""
        one = self.first()
        heappop(self.entries)
        del self.places[one]
        return one
