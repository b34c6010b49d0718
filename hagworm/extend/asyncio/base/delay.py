"""A queue whose items can be got when their time has come."""

import asyncio
import math
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count as numbers
from typing import Generic, Self, TypeVar

from hagworm.extend.asyncio.base.limiter import CapacityLimiter
from hagworm.extend.asyncio.base.queues import ClosableQueue
from hagworm.extend.error import QueueClosed

__all__ = ("DelayQueue", "DelayStatistics")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DelayStatistics:
    """What a queue of delayed items is doing, and has done."""

    waiting: int
    """How many items have not come due."""
    due: int
    """How many items can be got."""
    maxsize: int
    getting: int
    """How many tasks wait for an item."""
    putting: int
    """How many tasks wait for room."""
    put: int
    taken: int
    is_closed: bool


class DelayQueue(Generic[T]):
    """At most `maxsize` items, each of which can be got when its delay is over; first due, first out.

    Items that come due in the same moment come out in the order they were put. One timer of the loop stands for all
    of them: waiting costs nothing. Times are seconds of the running loop, `loop.time()`. A `put` that raises has put
    nothing, a `get` that raises has taken nothing.
    """

    __slots__ = ("due", "is_closed", "later", "next_number", "put_count", "room", "timer")

    def __init__(self, maxsize: int = 1024) -> None:
        if maxsize < 1:
            raise ValueError(f"a queue holds at least one item, not {maxsize}")

        self.room = CapacityLimiter(maxsize)
        self.due: ClosableQueue[T] = ClosableQueue(None)
        self.later: list[tuple[float, int, T]] = []
        self.next_number: Callable[[], int] = numbers().__next__
        self.put_count = 0
        self.timer: asyncio.TimerHandle | None = None
        self.is_closed = False

    def __repr__(self) -> str:
        closed = ", closed" if self.is_closed else ""
        return f"<DelayQueue {len(self.later)} waiting, {len(self.due)} due, of {self.room.total}{closed}>"

    def __len__(self) -> int:
        return len(self.later) + len(self.due)

    def __bool__(self) -> bool:
        return True

    async def put(self, item: T, *, delay: float = 0.0, at: float | None = None, timeout: float | None = None) -> None:
        """Put `item` in, to be got after `delay` seconds, or when the loop's time is `at`.

        The delay begins with the call; where there is no room the task waits for some, at most `timeout` seconds (None:
        without end). Raises TimeoutError, ValueError for a time that is no number, and `QueueClosed`.
        """
        when = self.moment(delay, at)

        if self.is_closed:
            raise self.make_error()

        await self.room.acquire(timeout=timeout)
        self.add(item, when)

    def put_nowait(self, item: T, *, delay: float = 0.0, at: float | None = None) -> None:
        """Put `item` in as `put` does; raises `asyncio.QueueFull` where it would have to wait for room."""
        when = self.moment(delay, at)

        if self.is_closed:
            raise self.make_error()

        if not self.room.free:
            raise asyncio.QueueFull

        self.room.acquire_nowait()
        self.add(item, when)

    async def get(self, *, timeout: float | None = None) -> T:
        """Take out the item that came due first, waiting at most `timeout` seconds for one (None: without end).

        Raises TimeoutError, and `QueueClosed` when the queue is closed and nothing is in it any more.
        """
        try:
            item = await self.due.get(timeout=timeout)
        except QueueClosed:
            raise self.make_error() from None

        self.room.release()
        return item

    def get_nowait(self) -> T:
        """Take out the item that came due first; raises `asyncio.QueueEmpty` if none is due, and `QueueClosed`."""
        self.move(asyncio.get_running_loop().time())

        try:
            item = self.due.get_nowait()
        except QueueClosed:
            raise self.make_error() from None

        self.room.release()
        return item

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except QueueClosed:
            raise StopAsyncIteration from None

    def remove(self, wanted: Callable[[T], bool]) -> list[T]:
        """Take out and return the items that have not come due and that are `wanted`, in the order of their times."""
        found = sorted(entry for entry in self.later if wanted(entry[2]))
        gone = {number for _, number, _ in found}
        self.later = [entry for entry in self.later if entry[1] not in gone]
        heapify(self.later)
        self.leave(len(found))
        return [item for _, _, item in found]

    def close(self, *, discard: bool = False) -> list[T]:
        """Take nothing in any more; what is in the queue comes due and can be got, unless it is to be discarded.

        Tasks that wait for room get `QueueClosed` at once, readers when nothing is left. Returns what was discarded, in
        the order of its times. Closing again changes nothing, but may discard.
        """
        self.is_closed = True
        self.room.waiters.fail(self.make_error)
        left: list[T] = []

        if discard:
            left = [*self.due.clear(), *(item for _, _, item in sorted(self.later))]
            self.later.clear()

        self.leave(len(left))
        return left

    def statistics(self) -> DelayStatistics:
        """Return what the queue is doing, and has done."""
        return DelayStatistics(
            len(self.later),
            len(self.due),
            self.room.total,
            len(self.due.getters),
            len(self.room.waiters),
            self.put_count,
            self.due.taken,
            self.is_closed,
        )

    def make_error(self) -> QueueClosed:
        return QueueClosed(f"{self!r} is closed")

    def moment(self, delay: float, at: float | None) -> float:
        when = asyncio.get_running_loop().time() + delay if at is None else at

        if not math.isfinite(when):
            raise ValueError(f"an item comes due in a number of seconds, not {delay if at is None else at!r}")

        return when

    def add(self, item: T, when: float) -> None:
        heappush(self.later, (when, self.next_number(), item))
        self.put_count += 1
        self.move(asyncio.get_running_loop().time())

    def leave(self, count: int) -> None:
        """Let in as many as have left without having been got, and end if nothing is left to wait for."""
        if count:
            self.room.release(count)

        self.arm()

    def move(self, now: float) -> None:
        """Let out what has come due by `now`."""
        later = self.later

        while later and later[0][0] <= now:
            self.due.put_nowait(heappop(later)[2])

        self.arm()

    def arm(self) -> None:
        """Have the one timer stand for the item that comes due next; the last one closes what it comes out of."""
        when = self.later[0][0] if self.later else None

        if self.timer is not None and self.timer.when() != when:
            self.timer.cancel()
            self.timer = None

        if when is not None and self.timer is None:
            self.timer = asyncio.get_running_loop().call_at(when, self.ring, when, context=Context())

        if when is None and self.is_closed:
            self.due.close()

    def ring(self, when: float) -> None:
        self.timer = None
        # A loop calls a little early, by what its clock cannot tell apart.
        self.move(max(when, asyncio.get_running_loop().time()))
