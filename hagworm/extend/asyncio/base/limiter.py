"""How many may do something at the same time."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import Overloaded

__all__ = ("CapacityLimiter", "LimiterStatistics")


@dataclass(frozen=True, slots=True)
class LimiterStatistics:
    """What a limiter is doing, and has done."""

    total: int
    """How many permits there are."""
    used: int
    """How many are taken."""
    waiting: int
    """How many tasks wait for some."""
    acquired: int
    """How often permits have been taken."""
    waited: int
    """How often a task had to wait for them."""
    refused: int
    """How often a task was turned away because too many waited already."""


class CapacityLimiter:
    """`total` permits, given out first come, first served: `async with limiter:` holds one of them.

    A newcomer never overtakes who waits; who wants several permits is not passed by those who want one. At most
    `max_waiting` tasks wait (None: any number), the next one gets `Overloaded` at once. Permits belong to nobody in
    particular: whoever holds one may hand it on, and a task that holds all of them waits for itself when it wants more.
    """

    __slots__ = ("acquired", "max_waiting", "refused", "total_", "used", "waited", "waiters")

    def __init__(self, total: int, *, max_waiting: int | None = None) -> None:
        if total < 1:
            raise ValueError(f"a limiter has at least one permit, not {total}")

        self.total_ = total
        self.max_waiting = max_waiting
        self.used = 0
        self.acquired = 0
        self.waited = 0
        self.refused = 0
        self.waiters: Waiters[int] = Waiters()

    def __repr__(self) -> str:
        return f"<CapacityLimiter {self.used} of {self.total_} in use, {len(self.waiters)} waiting>"

    @property
    def total(self) -> int:
        """How many permits there are. It may be changed: what is in use beyond a smaller number is not taken away."""
        return self.total_

    @total.setter
    def total(self, total: int) -> None:
        if total < 1:
            raise ValueError(f"a limiter has at least one permit, not {total}")

        self.total_ = total
        self.admit()

    @property
    def free(self) -> int:
        """How many permits can be taken at once."""
        return 0 if self.waiters else max(0, self.total_ - self.used)

    async def acquire(self, count: int = 1, *, timeout: float | None = None) -> None:
        """Take `count` permits, waiting at most `timeout` seconds for them (None: without end).

        Raises TimeoutError, `Overloaded` where too many wait already, and ValueError for more permits than there are.
        After a cancellation or an error nothing has been taken.
        """
        used = self.used + count

        if used <= self.total_ and count > 0 and not self.waiters:
            self.used = used
            self.acquired += 1
        else:
            await self.wait(count, timeout)

    def acquire_nowait(self, count: int = 1) -> None:
        """Take `count` permits; raises `Overloaded` where that is not possible at once."""
        self.check(count)

        if self.waiters or self.used + count > self.total_:
            raise Overloaded(f"{self.used} of {self.total_} permits are in use, {len(self.waiters)} tasks wait")

        self.used += count
        self.acquired += 1

    def release(self, count: int = 1) -> None:
        """Put `count` permits back. Raises RuntimeError for more than are in use."""
        if not 0 < count <= self.used:
            raise RuntimeError(f"{count} permits are released while {self.used} are in use")

        self.used -= count

        if self.waiters:
            self.admit()

    def hold(self, count: int = 1, *, timeout: float | None = None) -> "Held":
        """Return an async context manager that acquires `count` permits and releases them."""
        return Held(self, count, timeout)

    async def __aenter__(self) -> Self:
        if self.used < self.total_ and not self.waiters:
            self.used += 1
            self.acquired += 1
        else:
            await self.wait(1, None)

        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def statistics(self) -> LimiterStatistics:
        """Return what the limiter is doing, and has done."""
        return LimiterStatistics(self.total_, self.used, len(self.waiters), self.acquired, self.waited, self.refused)

    def check(self, count: int) -> None:
        if not 0 < count <= self.total_:
            raise ValueError(f"{count} permits are wanted of a limiter that has {self.total_}")

    async def wait(self, count: int, timeout: float | None) -> None:
        self.check(count)

        if self.max_waiting is not None and len(self.waiters) >= self.max_waiting:
            self.refused += 1
            raise Overloaded(f"{len(self.waiters)} tasks wait for {self.total_} permits already")

        self.waited += 1

        try:
            await self.waiters.wait(count, self.give_back, timeout)
        except BaseException:
            # Who wanted many permits may have stood before those who want few.
            self.admit()
            raise

    def admit(self) -> None:
        """Give permits to those who wait, as long as the next of them gets all it wants."""
        waiters = self.waiters

        while (count := waiters.first()) is not None:
            # A limiter may have shrunk below what somebody waits for: that one gets its turn when all others are done.
            if self.used + count > max(self.total_, count if not self.used else 0):
                break

            self.used += count
            self.acquired += 1
            waiters.wake()

    def give_back(self, count: int) -> None:
        self.used -= count
        self.acquired -= 1


class Held:
    """Some permits of a limiter, taken for the length of a block."""

    __slots__ = ("count", "limiter", "timeout")

    def __init__(self, limiter: CapacityLimiter, count: int, timeout: float | None) -> None:
        self.limiter = limiter
        self.count = count
        self.timeout = timeout

    async def __aenter__(self) -> CapacityLimiter:
        await self.limiter.acquire(self.count, timeout=self.timeout)
        return self.limiter

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.limiter.release(self.count)
