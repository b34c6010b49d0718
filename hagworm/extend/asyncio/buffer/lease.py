"""A queue whose items come again unless whoever took them says that they are done."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import BufferClosed

__all__ = ("DataAsyncQueue", "Delivery", "LeaseStatistics")

logger = logging.getLogger("hagworm")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LeaseStatistics:
    """What a queue with acknowledgements is doing, and has done."""

    size: int
    unacknowledged: int
    """How many items have been taken and neither been acknowledged nor come again."""
    getting: int
    putting: int
    acknowledged: int
    redelivered: int
    dead: int
    """How many items were given up after their last delivery."""


class Delivery(Generic[T]):
    """An item that has been taken: `ack()` when it is done, `nack()` when somebody else shall try."""

    __slots__ = ("attempt", "due", "item", "queue")

    def __init__(self, queue: "DataAsyncQueue[T]", item: T, attempt: int, due: float) -> None:
        self.queue = queue
        self.item = item
        self.attempt = attempt
        self.due = due

    def __repr__(self) -> str:
        return f"<Delivery of {self.item!r}, attempt {self.attempt}>"

    def ack(self) -> bool:
        """Say that the item is done. Returns False if it was too late: it has come again already."""
        return self.queue.settle(self, done=True)

    def nack(self) -> bool:
        """Put the item back, first in the queue. Returns False if it was too late."""
        return self.queue.settle(self, done=False)


class DataAsyncQueue(Generic[T]):
    """A queue of at most `maxsize` items, those that are being worked on included.

    An item that is not acknowledged within `redeliver_after` seconds (None: for ever) comes again, first in the queue;
    after `max_deliveries` of them it goes to `on_dead(item)`, or is logged, and is gone.
    """

    def __init__(
        self,
        maxsize: int = 1024,
        *,
        redeliver_after: float | None = 60.0,
        max_deliveries: int | None = 5,
        on_dead: Callable[[T], object] | None = None,
    ) -> None:
        if maxsize < 1 or (max_deliveries is not None and max_deliveries < 1):
            raise ValueError(f"there is room for one item, and one delivery, not {maxsize} and {max_deliveries}")

        self.maxsize = maxsize
        self.redeliver_after = redeliver_after
        self.max_deliveries = max_deliveries
        self.on_dead = on_dead
        self.items: deque[tuple[T, int]] = deque()
        # In the order in which they were taken, which is that in which their time is over.
        self.taken: dict[Delivery[T], None] = {}
        self.getters: Waiters[None] = Waiters()
        self.putters: Waiters[None] = Waiters()
        self.promised_items = 0
        self.promised_room = 0
        self.timer: asyncio.TimerHandle | None = None
        self.is_closed = False
        self.acknowledged = self.redelivered = self.dead = 0

    def __repr__(self) -> str:
        state = ", closed" if self.is_closed else ""
        return f"<DataAsyncQueue {len(self.items)} waiting, {len(self.taken)} taken, limit {self.maxsize}{state}>"

    def __len__(self) -> int:
        return len(self.items) + len(self.taken)

    async def put(self, item: T) -> None:
        """Put `item` in, waiting for room. Raises `BufferClosed`. After an error or a cancellation it is not in."""
        if self.is_closed:
            raise self.make_error()

        if len(self) + self.promised_room >= self.maxsize:
            await self.putters.wait(None, self.return_room)
            self.promised_room -= 1

            if self.is_closed:
                raise self.make_error()

        self.items.append((item, 0))
        self.wake_getter()

    async def get(self) -> Delivery[T]:
        """Take the next item. Raises `BufferClosed` when nothing will come any more. Cancelled, it takes nothing."""
        while len(self.items) <= self.promised_items:
            if self.is_closed and not len(self):
                raise self.make_error()

            await self.getters.wait(None, self.return_item)
            self.promised_items -= 1

        loop = asyncio.get_running_loop()
        item, attempts = self.items.popleft()
        due = float("inf") if self.redeliver_after is None else loop.time() + self.redeliver_after
        delivery = Delivery(self, item, attempts + 1, due)
        self.taken[delivery] = None

        if self.timer is None and self.redeliver_after is not None:
            self.timer = loop.call_at(due, self.redeliver, context=Context())

        return delivery

    def close(self) -> list[T]:
        """Take nothing in any more, and give nothing out; return what was not acknowledged, in order."""
        self.is_closed = True
        left = [delivery.item for delivery in self.taken] + [item for item, _ in self.items]
        self.taken.clear()
        self.items.clear()
        self.getters.fail(self.make_error)
        self.putters.fail(self.make_error)

        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

        return left

    def statistics(self) -> LeaseStatistics:
        """Return what the queue is doing, and has done."""
        return LeaseStatistics(
            len(self.items),
            len(self.taken),
            len(self.getters),
            len(self.putters),
            self.acknowledged,
            self.redelivered,
            self.dead,
        )

    def settle(self, delivery: Delivery[T], *, done: bool) -> bool:
        if delivery not in self.taken:
            return False

        del self.taken[delivery]

        if done:
            self.acknowledged += 1
            self.wake_putter()
        else:
            self.put_back(delivery)

        if not self.taken and self.timer is not None:
            self.timer.cancel()
            self.timer = None

        return True

    def put_back(self, delivery: Delivery[T]) -> None:
        if self.max_deliveries is None or delivery.attempt < self.max_deliveries:
            self.redelivered += 1
            self.items.appendleft((delivery.item, delivery.attempt))
            self.wake_getter()
            return

        self.dead += 1
        self.wake_putter()

        if self.on_dead is None:
            logger.error("%r: an item was given up after %d deliveries", self, delivery.attempt)
            return

        try:
            self.on_dead(delivery.item)
        except Exception:
            logger.exception("%r: on_dead has failed", self)

    def redeliver(self) -> None:
        """Put back what has not been acknowledged in time."""
        self.timer = None
        loop = asyncio.get_running_loop()
        late = [delivery for delivery in self.taken if delivery.due <= loop.time()]

        # The one that was taken first comes first again.
        for delivery in reversed(late):
            del self.taken[delivery]
            self.put_back(delivery)

        if self.taken:
            self.timer = loop.call_at(next(iter(self.taken)).due, self.redeliver, context=Context())

    def wake_getter(self) -> None:
        if len(self.items) > self.promised_items and self.getters.wake():
            self.promised_items += 1

    def wake_putter(self) -> None:
        if len(self) + self.promised_room < self.maxsize and self.putters.wake():
            self.promised_room += 1

    def return_item(self, _: None) -> None:
        self.promised_items -= 1
        self.wake_getter()

    def return_room(self, _: None) -> None:
        self.promised_room -= 1
        self.wake_putter()

    def make_error(self) -> BufferClosed:
        return BufferClosed(f"{self!r} is closed")
