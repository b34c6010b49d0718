"""Something that happens once, and that many wait for."""

from typing import Generic, TypeVar

from hagworm.extend.asyncio.base.waiters import Waiters

__all__ = ("Latch", "ValueEvent")

T = TypeVar("T")


class Latch:
    """A gate that opens for good when `count_down` has been called `count` times."""

    __slots__ = ("remaining", "waiters")

    def __init__(self, count: int = 1) -> None:
        if count < 0:
            raise ValueError(f"a latch counts down from a number of at least 0, not from {count}")

        self.remaining = count
        self.waiters: Waiters[None] = Waiters()

    def __repr__(self) -> str:
        state = f"{self.remaining} to go" if self.remaining else "open"
        return f"<Latch {state}, {len(self.waiters)} waiting>"

    @property
    def is_open(self) -> bool:
        """Whether nobody has to wait any more."""
        return not self.remaining

    def count_down(self, count: int = 1) -> None:
        """Count down by `count`; beyond zero nothing happens."""
        if count < 1:
            raise ValueError(f"a latch counts down by at least 1, not by {count}")

        if self.remaining:
            self.remaining = max(0, self.remaining - count)

            if not self.remaining:
                self.waiters.wake_all()

    async def wait(self, *, timeout: float | None = None) -> None:
        """Wait until the latch is open, at most `timeout` seconds (None: without end). Raises TimeoutError."""
        if self.remaining:
            await self.waiters.wait(None, nothing, timeout)


class ValueEvent(Generic[T]):
    """An event that carries a value, for any number of waiting tasks; a waiter that gives up hurts no other."""

    __slots__ = ("values", "waiters")

    def __init__(self) -> None:
        self.values: tuple[T, ...] = ()
        self.waiters: Waiters[list[T]] = Waiters()

    def __repr__(self) -> str:
        state = f"{self.values[0]!r}" if self.values else "not set"
        return f"<ValueEvent {state}, {len(self.waiters)} waiting>"

    @property
    def is_set(self) -> bool:
        """Whether there is a value."""
        return bool(self.values)

    def set(self, value: T) -> None:
        """Give `value` to all who wait, and to those who come until it is cleared or set to another."""
        self.values = (value,)

        for seen in self.waiters.futures.values():
            seen.append(value)

        self.waiters.wake_all()

    def clear(self) -> None:
        """Forget the value; who has been given it already keeps it."""
        self.values = ()

    def get_nowait(self) -> T:
        """Return the value; raises LookupError if there is none."""
        if not self.values:
            raise LookupError("no value has been set")

        return self.values[0]

    async def wait(self, *, timeout: float | None = None) -> T:
        """Return the value, waiting for it at most `timeout` seconds (None: without end). Raises TimeoutError."""
        if self.values:
            return self.values[0]

        seen: list[T] = []
        await self.waiters.wait(seen, nothing, timeout)
        return seen[0]


def nothing(wanted: object) -> None:
    """Give nothing back: what is open stays open."""
