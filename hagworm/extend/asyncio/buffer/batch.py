"""A buffer that hands over what it collects in batches."""

import asyncio
import concurrent.futures
import json
import logging
import random as chance
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
from inspect import isawaitable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import BufferClosed
from hagworm.extend.resilience.backoff import Backoff, RetrySchedule

if TYPE_CHECKING:
    from hagworm.extend.asyncio.buffer.journal import Journal

__all__ = ("BufferStatistics", "QueueBuffer")

logger = logging.getLogger("hagworm")

T = TypeVar("T")

WhenFull = Literal["wait", "raise", "drop_oldest", "drop_newest"]


@dataclass(frozen=True, slots=True)
class BufferStatistics:
    """What a buffer is doing, and has done."""

    size: int
    """How many items wait for their batch."""
    in_flight: int
    """How many have been handed over and not been accepted yet."""
    maxsize: int
    waiting: int
    """How many tasks wait for room."""
    appended: int
    handled: int
    dropped: int
    """How many items were given up, as the buffer was full or as every attempt has failed."""
    batches: int
    """How many batches were accepted."""
    failures: int
    """How many attempts have failed."""
    is_closed: bool


class QueueBuffer(Generic[T]):
    """Collect items and hand them to `handler(batch)`, in the order in which they came.

    A batch is due when it has `max_items`, or `max_bytes` by the sum of `size_of(item)`, or when its oldest item is
    `max_age` seconds old; it is never larger. The handler may be a coroutine function, or a plain one that does not
    block; what it gets is a list of its own. An item leaves the buffer when the handler has returned. When it raises,
    the same batch is tried again as `retry` says (it may ask for a pause by `retry_after` on its error); a batch that
    is given up is counted and goes to `on_drop(items, error)`, or is logged.

    At most `maxsize` items are in it, those that are being handled included. `when_full` says what becomes of one more:
    its putter waits for room, in order of arrival, or gets `asyncio.QueueFull`, or the oldest item that still waits is
    dropped for it, or the item itself is.

    With `workers` above 1 so many batches are handled at the same time, and their order is lost. With a `journal`
    every item is on disk before `append` returns, and what a killed process had not handed over comes first in the next
    one: it is handled at least once, in order. `encode` and `decode` make bytes of an item and back (default: JSON).
    `random` gives numbers in [0, 1).
    """

    def __init__(
        self,
        handler: Callable[[list[T]], Awaitable[object] | object],
        *,
        max_items: int = 1000,
        max_bytes: int | None = None,
        size_of: Callable[[T], int] | None = None,
        max_age: float = 1.0,
        maxsize: int = 10_000,
        when_full: WhenFull = "wait",
        workers: int = 1,
        retry: RetrySchedule = RetrySchedule(5, Backoff(0.1, longest=10.0, jitter=0.5)),
        on_drop: Callable[[list[T], BaseException | None], object] | None = None,
        journal: "Journal | None" = None,
        encode: Callable[[T], bytes] | None = None,
        decode: Callable[[bytes], T] | None = None,
        random: Callable[[], float] = chance.random,
    ) -> None:
        if not 1 <= max_items <= maxsize or max_age < 0 or workers < 1:
            raise ValueError(
                f"1 <= max_items <= maxsize, 0 <= max_age and 1 <= workers are needed, got {max_items}, {maxsize}, "
                f"{max_age} and {workers}"
            )

        if when_full not in ("wait", "raise", "drop_oldest", "drop_newest"):
            raise ValueError(f"a full buffer can 'wait', 'raise', 'drop_oldest' or 'drop_newest', not {when_full!r}")

        if journal is not None and workers > 1:
            raise ValueError("a journal is settled in order: with one there is one worker")

        self.handler = handler
        self.max_items = max_items
        self.max_bytes = max_bytes
        self.size_of: Callable[[Any], int] | None = None if max_bytes is None else size_of or len
        self.max_age = max_age
        self.maxsize = maxsize
        self.when_full = when_full
        self.workers = workers
        self.retry = retry
        self.on_drop = on_drop
        self.journal = journal
        self.encode: Callable[[Any], bytes] = encode or encode_json
        self.decode: Callable[[bytes], Any] = decode or json.loads
        self.random = random

        self.items: deque[T] = deque()
        self.sizes: deque[int] = deque()
        self.bytes = 0
        # Items in flight, and room that is promised to who has been woken or to what is on its way to the disk.
        self.away = 0
        self.overdue = 0
        self.flights: dict[int, list[T]] = {}
        self.putters: Waiters[None] = Waiters()
        self.flushers: Waiters[None] = Waiters()
        self.tasks: set[asyncio.Task[None]] = set()
        self.timer: asyncio.TimerHandle | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.is_closed = False
        self.is_slow = journal is not None
        # That of the next item in the journal.
        self.number = 0

        self.appended = self.handled = self.dropped = self.batches = self.failures = 0

    def __repr__(self) -> str:
        state = ", closed" if self.is_closed else ""
        in_flight = sum(map(len, self.flights.values()))
        return f"<QueueBuffer {len(self.items)} waiting, {in_flight} in flight, limit {self.maxsize}{state}>"

    def __len__(self) -> int:
        return len(self.items) + sum(map(len, self.flights.values()))

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Take over what the journal holds. A buffer without one needs no opening."""
        self.loop = asyncio.get_running_loop()

        if self.journal is not None and not self.journal.is_open:
            payloads = await self.journal.open()
            self.number = self.journal.segments.next

            try:
                for item in list(map(self.decode, payloads)):
                    self.push(item)
            except BaseException:
                await self.journal.aclose()
                raise

            # They have waited long enough.
            self.overdue = len(self.items)
            self.start()

    async def append(self, item: T) -> None:
        """Put `item` in. Raises `BufferClosed`, `JournalError`, and `asyncio.QueueFull` where `when_full` says so.

        After an error or a cancellation the item is not in the buffer; where a journal is already writing it, it is.
        """
        if self.is_slow or self.is_closed or len(self.items) + self.away >= self.maxsize:
            await self.append_slowly(item)
        else:
            self.push(item)

    def append_nowait(self, item: T) -> None:
        """Put `item` in at once; raises `asyncio.QueueFull` where it would have to wait, and `BufferClosed`.

        With a journal it always would: `append` is the only way.
        """
        if self.is_closed:
            raise self.make_error()

        if self.journal is not None:
            raise asyncio.QueueFull("an item is waited for until it is in the journal: await append(item)")

        if len(self.items) + self.away >= self.maxsize and not self.make_room(item):
            return

        self.push(item)

    async def extend(self, items: Iterable[T]) -> None:
        """Put all of `items` in, in order. After an error those before it are in."""
        for item in items:
            await self.append(item)

    def append_threadsafe(self, item: T) -> "concurrent.futures.Future[None]":
        """Put `item` in from another thread. Call `result()` on what is returned to wait, as `append` does.

        The buffer must have been opened, or used, on its loop before. Raises RuntimeError otherwise.
        """
        if self.loop is None:
            raise RuntimeError(f"{self!r} does not know its loop yet: enter it, or await its open()")

        return asyncio.run_coroutine_threadsafe(self.append(item), self.loop)

    async def flush(self) -> None:
        """Wait until what has been put in by now has been handled or given up, without waiting for full batches."""
        target = self.appended
        self.overdue = len(self.items)
        self.start()

        while self.first_open() < target:
            await self.flushers.wait(None, no_gift)

    async def aclose(self, *, timeout: float | None = 30.0) -> list[T]:
        """Take nothing in any more, hand over what is left, and return what could not be within `timeout` seconds.

        The handler is cancelled then, in the middle of its batch; with a journal what is returned is also found there
        by the next process. None waits for ever. When this is cancelled, the work goes on; it may be called again.
        """
        if not self.is_closed:
            self.is_closed = True
            self.putters.fail(self.make_error)

        try:
            async with asyncio.timeout(timeout):
                while busy := self.hurry():
                    await asyncio.wait(busy, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            for task in self.tasks:
                task.cancel()

            while self.tasks:
                await asyncio.wait(self.tasks)

        self.stop_timer()
        left = [item for _, batch in sorted(self.flights.items()) for item in batch] + list(self.items)

        if self.journal is not None:
            await self.journal.aclose()

        self.items.clear()
        self.flights.clear()
        self.flushers.fail(self.make_error)
        return left

    def hurry(self) -> set[asyncio.Task[None]]:
        """Hand over everything; return who is still at it."""
        self.overdue = len(self.items)
        self.start()
        writing = None if self.journal is None else self.journal.task
        return self.tasks if writing is None else self.tasks | {writing}

    def statistics(self) -> BufferStatistics:
        """Return what the buffer is doing, and has done."""
        return BufferStatistics(
            len(self.items),
            sum(map(len, self.flights.values())),
            self.maxsize,
            len(self.putters),
            self.appended,
            self.handled,
            self.dropped,
            self.batches,
            self.failures,
            self.is_closed,
        )

    async def append_slowly(self, item: T) -> None:
        """Put an item in that has to wait: for room, for the disk, or for both."""
        if self.is_closed:
            raise self.make_error()

        if self.journal is not None and not self.journal.is_open:
            raise BufferClosed(f"{self!r} has not been opened: its journal may hold what comes first")

        if len(self.items) + self.away >= self.maxsize:
            if self.when_full != "wait":
                if not self.make_room(item):
                    return
            else:
                # The room is this task's from the moment when it is woken.
                await self.putters.wait(None, self.return_room)
                self.away -= 1

                if self.is_closed:
                    raise self.make_error()

        if self.journal is None:
            self.push(item)
            return

        payload = self.encode(item)
        self.away += 1
        arrival = Arrival(self, item)

        try:
            await self.journal.write(payload, arrival)
        except BaseException:
            # Nothing is known here of what a thread is doing: the journal calls the arrival, or forgets it.
            arrival.watch()
            raise

    def push(self, item: T) -> None:
        """Put an item in for which there is room, and see what is due."""
        self.items.append(item)
        self.appended += 1

        if self.size_of is not None:
            size = self.size_of(item)
            self.sizes.append(size)
            self.bytes += size

        if self.timer is None:
            self.set_timer()

        if len(self.items) >= self.max_items or (self.max_bytes is not None and self.bytes >= self.max_bytes):
            self.start()

    def make_room(self, item: T) -> bool:
        """Do what has been decided for an item for which there is no room. Returns whether there is some now."""
        if self.when_full in ("wait", "raise"):
            raise asyncio.QueueFull

        if self.when_full == "drop_oldest" and self.items:
            self.give_up([self.pop()], None)
            return True

        self.give_up([item], None)
        return False

    def pop(self) -> T:
        if self.size_of is not None:
            self.bytes -= self.sizes.popleft()

        if self.overdue:
            self.overdue -= 1

        return self.items.popleft()

    def return_room(self, _: object = None) -> None:
        """Give room that was set aside to the next one who waits for it."""
        if not self.putters.wake():
            self.away -= 1

    def set_timer(self) -> None:
        if self.loop is None:
            self.loop = asyncio.get_running_loop()

        self.timer = self.loop.call_later(self.max_age, self.ring, context=Context())

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def ring(self) -> None:
        """The oldest item may be old enough: what is there goes."""
        self.timer = None
        self.overdue = len(self.items)
        self.start()

    def start(self) -> None:
        """Let somebody work, if there is work for one more."""
        if len(self.tasks) < self.workers and self.is_due():
            assert self.loop is not None
            task = self.loop.create_task(self.work(), context=Context())
            self.tasks.add(task)

    def is_due(self) -> bool:
        return bool(self.items) and (
            self.overdue > 0
            or len(self.items) >= self.max_items
            or (self.max_bytes is not None and self.bytes >= self.max_bytes)
        )

    def cut(self) -> list[T]:
        """Take out the next batch."""
        items = self.items
        count = min(self.max_items, len(items))

        if self.max_bytes is not None:
            batch: list[T] = []
            total = 0

            while len(batch) < count and (not batch or total + self.sizes[0] <= self.max_bytes):
                total += self.sizes[0]
                batch.append(self.pop())

            return batch

        batch = [items.popleft() for _ in range(count)]
        self.overdue = max(0, self.overdue - count)
        return batch

    async def work(self) -> None:
        """Hand over what is due."""
        task = asyncio.current_task()
        assert task is not None

        try:
            while self.is_due():
                start = self.appended - len(self.items)
                batch = self.cut()
                self.flights[start] = batch
                self.away += len(batch)

                # Another worker takes what is due besides.
                if self.workers > 1:
                    self.start()

                await self.deliver(batch, task)
                del self.flights[start]
                self.make_way(len(batch))

                if self.journal is not None:
                    self.journal.settle(self.number - len(self.items))

                if self.flushers:
                    self.flushers.wake_all()
        finally:
            self.tasks.discard(task)

    def make_way(self, count: int) -> None:
        """Give the room of items that have left to who waits for it."""
        while count and self.putters.wake():
            count -= 1

        self.away -= count

    async def deliver(self, batch: list[T], task: asyncio.Task[Any]) -> None:
        failed = 0

        while True:
            try:
                result = self.handler(list(batch))

                if isawaitable(result):
                    await result
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and task.cancelling():
                    raise

                failed += 1
                self.failures += 1
                asked = getattr(error, "retry_after", None)
                pause = self.retry.pause(failed, random=self.random(), retry_after=asked)

                if pause is None:
                    self.give_up(batch, error)
                    return

                await asyncio.sleep(pause)
            else:
                self.handled += len(batch)
                self.batches += 1
                return

    def give_up(self, items: list[T], error: BaseException | None) -> None:
        """Count and report items that will not be handled."""
        self.dropped += len(items)

        if self.on_drop is None:
            why = "there was no room" if error is None else f"every attempt has failed, the last one with {error!r}"
            logger.error("%r: %d items are dropped: %s", self, len(items), why)
            return

        try:
            self.on_drop(items, error)
        except Exception:
            logger.exception("%r: on_drop has failed", self)

    def first_open(self) -> int:
        """Return the number of the oldest item that has neither been handled nor given up."""
        return min(self.flights, default=self.appended - len(self.items))

    def make_error(self) -> BufferClosed:
        return BufferClosed(f"{self!r} is closed")


class Arrival(Generic[T]):
    """An item that becomes part of the buffer at the moment when the journal has it."""

    __slots__ = ("buffer", "has_come", "item")

    def __init__(self, buffer: QueueBuffer[T], item: T) -> None:
        self.buffer = buffer
        self.item = item
        self.has_come = False

    def __call__(self) -> None:
        self.has_come = True
        self.buffer.away -= 1
        self.buffer.number += 1
        self.buffer.push(self.item)

    def watch(self) -> None:
        """Return the room of an item that does not come."""
        journal = self.buffer.journal

        if self.has_come or journal is None:
            return

        if journal.task is None:
            self.buffer.return_room()
        else:
            journal.task.add_done_callback(self.missed, context=Context())

    def missed(self, _: object) -> None:
        if not self.has_come:
            self.buffer.return_room()


def encode_json(item: Any) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def no_gift(_: None) -> None:
    """Give nothing back: who waits for this takes nothing."""
