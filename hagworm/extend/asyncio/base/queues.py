"""Queues that can be closed, that know what is urgent, that push back."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count as numbers
from operator import itemgetter
from typing import Any, Generic, Literal, Self, TypeVar
from weakref import WeakSet

from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import QueueClosed

__all__ = ("ClosableQueue", "FlowControl", "FlowControlQueue", "PriorityQueue", "QueueStatistics", "WhenFull")

logger = logging.getLogger("hagworm")

T = TypeVar("T")

WhenFull = Literal["wait", "raise", "drop_oldest", "drop_newest"]
"""What becomes of an item for which there is no room: its putter waits, or gets `asyncio.QueueFull`; or the item that
is next is thrown away for it, or the item itself is."""


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """What a queue is doing, and has done."""

    size: int
    maxsize: int | None
    getting: int
    """How many tasks wait for an item."""
    putting: int
    """How many tasks wait for room."""
    put: int
    """How many items have been taken in."""
    taken: int
    """How many items have been handed out."""
    dropped: int
    """How many items have been thrown away, as the queue was full or as it was cleared."""
    unfinished: int
    """How many items `join` waits for."""
    is_closed: bool


class ClosableQueue(Generic[T]):
    """A queue of at most `maxsize` items (None: any number), first in, first out, that can be closed.

    What waits is served in order of arrival: a newcomer overtakes neither a task that waits for an item nor one that
    waits for room. A `put` that raises has put nothing, a `get` that raises has taken nothing, whatever it was that
    interrupted it. `when_full` says what becomes of an item for which there is no room; `on_drop` is called with each
    item that is thrown away for that reason.
    """

    __slots__ = (
        "__weakref__",
        "done",
        "dropped",
        "error",
        "getters",
        "is_closed",
        "items",
        "joiners",
        "limit",
        "maxsize",
        "on_drop",
        "pop",
        "promised_items",
        "promised_slots",
        "push",
        "put_count",
        "putters",
        "taken",
        "when_full",
    )

    def __init__(
        self,
        maxsize: int | None = 1024,
        *,
        when_full: WhenFull = "wait",
        on_drop: Callable[[T], object] | None = None,
    ) -> None:
        if maxsize is not None and maxsize < 1:
            raise ValueError(f"a queue holds at least one item, or with None any number, not {maxsize}")

        if when_full not in ("wait", "raise", "drop_oldest", "drop_newest"):
            raise ValueError(f"a full queue can 'wait', 'raise', 'drop_oldest' or 'drop_newest', not {when_full!r}")

        self.maxsize = maxsize
        self.limit: float = math.inf if maxsize is None else maxsize
        self.when_full = when_full
        self.on_drop = on_drop
        self.items: Any = self.make_container()
        self.push: Callable[[T], None] = self.items.append
        self.pop: Callable[[], T] = self.items.popleft
        self.is_closed = False
        self.error: BaseException | None = None
        # A task that has been woken finds its item, or its room, when it gets to run: until then it is set aside.
        self.getters: Waiters[None] = Waiters()
        self.putters: Waiters[None] = Waiters()
        self.joiners: Waiters[None] = Waiters()
        self.promised_items = 0
        self.promised_slots = 0
        self.put_count = 0
        self.taken = 0
        self.done = 0
        self.dropped = 0

    def make_container(self) -> Any:
        """Return what holds the items: `append` one, `popleft` the next one, `clear`, iterate."""
        return deque()

    def __repr__(self) -> str:
        bound = "" if self.maxsize is None else f" of {self.maxsize}"
        closed = ", closed" if self.is_closed else ""
        waiting = f"{len(self.getters)} getting, {len(self.putters)} putting"
        return f"<{type(self).__name__} {len(self.items)}{bound} items, {waiting}{closed}>"

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        return True

    def qsize(self) -> int:
        """Return how many items are in the queue."""
        return len(self.items)

    def empty(self) -> bool:
        """Whether there is nothing to get at once."""
        return len(self.items) <= self.promised_items

    def full(self) -> bool:
        """Whether there is no room for an item at once."""
        return len(self.items) + self.promised_slots >= self.limit

    async def put(self, item: T, *, timeout: float | None = None) -> None:
        """Put `item` in, waiting at most `timeout` seconds for room (None: without end).

        Raises TimeoutError, and `QueueClosed`. What else may happen in a full queue is decided by `when_full`.
        """
        if self.is_closed or len(self.items) + self.promised_slots >= self.limit:
            if self.is_closed or self.when_full != "wait":
                return self.put_nowait(item)

            await self.wait_for_room(timeout)

        try:
            self.push(item)
        except BaseException:
            self.after_taking()
            raise

        self.put_count += 1

        if self.getters:
            self.wake_getter()

    def put_nowait(self, item: T) -> None:
        """Put `item` in; raises `asyncio.QueueFull` where it would have to wait for room, and `QueueClosed`."""
        if self.is_closed:
            raise self.make_error()

        if len(self.items) + self.promised_slots >= self.limit:
            self.overflow(item)
            return

        self.push(item)
        self.put_count += 1

        if self.getters:
            self.wake_getter()

    async def put_many(self, items: Iterable[T], *, timeout: float | None = None) -> None:
        """Put all of `items` in, in as many steps as room allows.

        A `deque` is emptied from its left end, item by item as they are put: after an error it holds those that were
        not. Raises TimeoutError and `QueueClosed`.
        """
        source: deque[T] = items if isinstance(items, deque) else deque(items)

        if timeout is not None:
            async with asyncio.timeout(timeout):
                return await self.put_many(source)

        while source:
            self.put_many_nowait(source)

            if source:
                await self.put(source[0])
                source.popleft()

    def put_many_nowait(self, source: deque[T]) -> int:
        """Put in what there is room for, taken from the left end of `source`, and return how many that were.

        Raises `QueueClosed`.
        """
        if self.is_closed:
            raise self.make_error()

        count = int(min(len(source), max(0, self.limit - len(self.items) - self.promised_slots)))

        for _ in range(count):
            self.push(source[0])
            self.put_count += 1
            del source[0]

        for _ in range(min(count, len(self.getters))):
            self.wake_getter()

        return count

    async def get(self, *, timeout: float | None = None) -> T:
        """Take the next item out, waiting at most `timeout` seconds for it (None: without end).

        Raises TimeoutError, and `QueueClosed` when the queue is closed and empty.
        """
        if len(self.items) <= self.promised_items:
            await self.wait_for_item(timeout)

        item = self.pop()
        self.taken += 1

        if self.putters or self.is_closed:
            self.after_taking()

        return item

    def get_nowait(self) -> T:
        """Take the next item out; raises `asyncio.QueueEmpty` where it would have to wait, and `QueueClosed`."""
        if len(self.items) <= self.promised_items:
            if self.is_closed and not self.items:
                raise self.make_error()

            raise asyncio.QueueEmpty

        item = self.pop()
        self.taken += 1

        if self.putters or self.is_closed:
            self.after_taking()

        return item

    async def get_many(self, count: int, *, timeout: float | None = None) -> list[T]:
        """Take at least one and at most `count` items out, waiting for the first one as `get` does."""
        if count < 1:
            raise ValueError(f"at least one item can be got, not {count}")

        if len(self.items) <= self.promised_items:
            await self.wait_for_item(timeout)

        return self.get_many_nowait(count)

    def get_many_nowait(self, count: int) -> list[T]:
        """Take at most `count` items out, none if there are none; raises `QueueClosed` when that is for good."""
        if self.is_closed and not self.items:
            raise self.make_error()

        pop = self.pop
        items = [pop() for _ in range(min(count, len(self.items) - self.promised_items))]
        self.taken += len(items)

        if self.putters or self.is_closed:
            self.after_taking()

        return items

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except QueueClosed:
            if self.error is not None:
                raise

            raise StopAsyncIteration from None

    def task_done(self, count: int = 1) -> None:
        """Tell that `count` of the items that were taken have been dealt with; `join` waits for that."""
        if count < 1 or self.done + count > self.put_count:
            raise ValueError(f"{count} items are said to be done, of {self.put_count - self.done} unfinished ones")

        self.done += count

        if self.done == self.put_count:
            self.joiners.wake_all()

    async def join(self, *, timeout: float | None = None) -> None:
        """Wait until `task_done` has been called for every item that was put in. Raises TimeoutError."""
        if self.done < self.put_count:
            await self.joiners.wait(None, nothing, timeout)

    def close(self, error: BaseException | None = None, *, discard: bool = False) -> list[T]:
        """Take nothing in any more; what is in the queue can still be got.

        Then readers get `QueueClosed`, and so do, at once, the tasks that wait for room. `error` says why: it is the
        cause of each `QueueClosed`, and `async for` raises that instead of ending. With `discard` the items in the
        queue are thrown away and returned. Closing again changes nothing, but may discard.
        """
        if not self.is_closed:
            self.is_closed = True
            self.error = error
            self.putters.fail(self.make_error)

        left = self.clear() if discard else []

        if not self.items:
            self.getters.fail(self.make_error)

        return left

    def clear(self) -> list[T]:
        """Throw away what is in the queue and return it; whoever waits for room gets it."""
        left = list(self.items)
        self.items.clear()
        self.dropped += len(left)
        self.after_taking()

        if left:
            self.task_done(len(left))

        return left

    def statistics(self) -> QueueStatistics:
        """Return what the queue is doing, and has done."""
        return QueueStatistics(
            len(self.items),
            self.maxsize,
            len(self.getters),
            len(self.putters),
            self.put_count,
            self.taken,
            self.dropped,
            self.put_count - self.done,
            self.is_closed,
        )

    def make_error(self) -> QueueClosed:
        error = QueueClosed(f"{self!r} is closed")
        error.__cause__ = self.error
        return error

    def overflow(self, item: T) -> None:
        """Do with an item that finds no room what has been decided."""
        if self.when_full in ("wait", "raise"):
            raise asyncio.QueueFull

        if self.when_full == "drop_oldest" and self.items:
            self.push(item)
            self.put_count += 1
            item = self.pop()
            self.task_done()

        self.dropped += 1

        if self.on_drop is not None:
            self.tell(self.on_drop, item)

    def tell(self, callback: Callable[[Any], object], value: Any) -> None:
        """Call `callback`; what is wrong with it is not the putter's fault, nor the reader's."""
        try:
            callback(value)
        except Exception:
            logger.exception("a callback of %r failed", self)

    async def wait_for_item(self, timeout: float | None) -> None:
        """Wait until the next item is this task's."""
        if timeout is not None:
            async with asyncio.timeout(timeout):
                return await self.wait_for_item(None)

        while len(self.items) <= self.promised_items:
            if self.is_closed and not self.items:
                raise self.make_error()

            await self.getters.wait(None, self.break_promise_of_item)
            self.promised_items -= 1

    async def wait_for_room(self, timeout: float | None) -> None:
        """Wait until there is room that is this task's."""
        if timeout is not None:
            async with asyncio.timeout(timeout):
                return await self.wait_for_room(None)

        while len(self.items) + self.promised_slots >= self.limit:
            await self.putters.wait(None, self.break_promise_of_room)
            self.promised_slots -= 1

            if self.is_closed:
                raise self.make_error()

    def wake_getter(self) -> None:
        if len(self.items) > self.promised_items and self.getters.wake():
            self.promised_items += 1

    def after_taking(self) -> None:
        """Let in who waits for room; at the end tell who waits for items that none will come."""
        while self.putters and len(self.items) + self.promised_slots < self.limit and self.putters.wake():
            self.promised_slots += 1

        if self.is_closed and not self.items:
            self.getters.fail(self.make_error)

    def break_promise_of_item(self, _: None) -> None:
        self.promised_items -= 1
        self.wake_getter()

    def break_promise_of_room(self, _: None) -> None:
        self.promised_slots -= 1
        self.after_taking()


class PriorityQueue(ClosableQueue[T]):
    """A queue that hands out the smallest item first, by `key` if that is given; equals in the order they came.

    `when_full` cannot be `drop_oldest`: what is next is what is most urgent.
    """

    __slots__ = ("key",)

    def __init__(
        self,
        maxsize: int | None = 1024,
        *,
        key: Callable[[T], Any] | None = None,
        when_full: WhenFull = "wait",
        on_drop: Callable[[T], object] | None = None,
    ) -> None:
        if when_full == "drop_oldest":
            raise ValueError("a priority queue would drop its most urgent item: 'wait', 'raise' or 'drop_newest'")

        self.key = key
        super().__init__(maxsize, when_full=when_full, on_drop=on_drop)

    def make_container(self) -> Any:
        return Heap(self.key)


class Heap(Generic[T]):
    """Items in the order of their keys, and among equals of their arrival."""

    __slots__ = ("append", "clear", "entries", "popleft")

    def __init__(self, key: Callable[[T], Any] | None) -> None:
        entries: list[tuple[Any, int, T]] = []
        next_number = numbers().__next__

        def append(item: T) -> None:
            heappush(entries, (item if key is None else key(item), next_number(), item))

        def popleft() -> T:
            return heappop(entries)[2]

        self.entries = entries
        self.append = append
        self.popleft = popleft
        self.clear = entries.clear

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[T]:
        return (item for _, _, item in sorted(self.entries, key=itemgetter(0, 1)))


class FlowControl:
    """A switch for any number of queues: while it is suspended, they take nothing in."""

    __slots__ = ("is_suspended", "queues")

    def __init__(self, *, suspended: bool = False) -> None:
        self.is_suspended = suspended
        self.queues: WeakSet[FlowControlQueue[Any]] = WeakSet()

    def __repr__(self) -> str:
        return f"<FlowControl {'suspended' if self.is_suspended else 'active'}, {len(self.queues)} queues>"

    def suspend(self) -> None:
        """Make who puts wait."""
        self.is_suspended = True

        for queue in list(self.queues):
            queue.apply()

    def resume(self) -> None:
        """Let who waits go on, as far as there is room."""
        self.is_suspended = False

        for queue in list(self.queues):
            queue.apply()

    def clear(self) -> None:
        """Throw away what is in all the queues."""
        for queue in list(self.queues):
            queue.clear()


class FlowControlQueue(ClosableQueue[T]):
    """A queue that says when it fills up and when it has emptied, and that a `FlowControl` can suspend.

    `on_pressure(True)` is called when `high` items are in it (default: four fifths of `maxsize`), `on_pressure(False)`
    when `low` are left after that (default: two fifths).
    """

    __slots__ = ("flow", "high", "low", "on_pressure", "under_pressure")

    def __init__(
        self,
        maxsize: int = 1024,
        *,
        flow: FlowControl | None = None,
        high: int | None = None,
        low: int | None = None,
        on_pressure: Callable[[bool], object] | None = None,
        when_full: WhenFull = "wait",
        on_drop: Callable[[T], object] | None = None,
    ) -> None:
        self.high = max(1, maxsize * 4 // 5) if high is None else high
        self.low = self.high // 2 if low is None else low

        if not 0 <= self.low < self.high <= maxsize:
            raise ValueError(f"0 <= low < high <= maxsize, not {self.low}, {self.high} and {maxsize}")

        self.on_pressure = on_pressure
        self.under_pressure = False
        self.flow = FlowControl() if flow is None else flow
        super().__init__(maxsize, when_full=when_full, on_drop=on_drop)
        self.push = self.push_watched
        self.pop = self.pop_watched
        self.flow.queues.add(self)
        self.apply()

    def __repr__(self) -> str:
        state = ", suspended" if self.flow.is_suspended else ", under pressure" if self.under_pressure else ""
        return f"{super().__repr__()[:-1]}{state}>"

    def apply(self) -> None:
        """Do as the switch says."""
        assert self.maxsize is not None
        self.limit = 0 if self.flow.is_suspended else self.maxsize
        self.after_taking()

    def clear(self) -> list[T]:
        """Throw away what is in the queue and return it; whoever waits for room gets it."""
        left = super().clear()
        self.relieve()
        return left

    def push_watched(self, item: T) -> None:
        self.items.append(item)

        if len(self.items) >= self.high and not self.under_pressure:
            self.under_pressure = True

            if self.on_pressure is not None:
                self.tell(self.on_pressure, True)

    def pop_watched(self) -> T:
        item: T = self.items.popleft()

        if self.under_pressure:
            self.relieve()

        return item

    def relieve(self) -> None:
        if self.under_pressure and len(self.items) <= self.low:
            self.under_pressure = False

            if self.on_pressure is not None:
                self.tell(self.on_pressure, False)


def nothing(wanted: object) -> None:
    """Give nothing back: what has been done stays done."""
