"""A queue whose items are worked on by a number of workers."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
from inspect import isawaitable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import BufferClosed

__all__ = ("DataQueue", "WorkStatistics")

logger = logging.getLogger("hagworm")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkStatistics:
    """What a queue of work is doing, and has done."""

    size: int
    """How many items nobody works on yet."""
    running: int
    workers: int
    maxsize: int
    waiting: int
    """How many tasks wait for room."""
    done: int
    failed: int
    is_closed: bool


class DataQueue(Generic[T]):
    """Call `handler(item)` for every item that is put in, at most `workers` at the same time, in order of arrival.

    At most `maxsize` items wait; then putters do, in order of arrival. What a handler raises goes to
    `on_error(item, error)`, or is logged; the others go on. Workers are there as long as there is work.
    """

    def __init__(
        self,
        handler: Callable[[T], Awaitable[object] | object],
        *,
        workers: int = 1,
        maxsize: int = 1024,
        on_error: Callable[[T, BaseException], object] | None = None,
    ) -> None:
        if workers < 1 or maxsize < 1:
            raise ValueError(f"there is at least one worker, and room for one item, not {workers} and {maxsize}")

        self.handler = handler
        self.workers_ = workers
        self.maxsize = maxsize
        self.on_error = on_error
        self.items: deque[T] = deque()
        self.promised = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.running: dict[asyncio.Task[Any], T] = {}
        self.putters: Waiters[None] = Waiters()
        self.joiners: Waiters[None] = Waiters()
        self.is_closed = False
        self.done = 0
        self.failed = 0

    def __repr__(self) -> str:
        state = ", closed" if self.is_closed else ""
        return f"<DataQueue {len(self.tasks)} of {self.workers_} workers, {len(self.items)} waiting{state}>"

    def __len__(self) -> int:
        return len(self.items)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def workers(self) -> int:
        """How many items are worked on at the same time. It may be changed; who is at work finishes its item."""
        return self.workers_

    @workers.setter
    def workers(self, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"there is at least one worker, not {workers}")

        self.workers_ = workers
        self.start()

    async def put(self, item: T) -> None:
        """Put `item` in, waiting for room. Raises `BufferClosed`. After an error or a cancellation it is not in."""
        if self.is_closed:
            raise self.make_error()

        if len(self.items) + self.promised >= self.maxsize:
            await self.putters.wait(None, self.return_room)
            self.promised -= 1

            if self.is_closed:
                raise self.make_error()

        self.items.append(item)
        self.start()

    def put_nowait(self, item: T) -> None:
        """Put `item` in; raises `asyncio.QueueFull` where it would have to wait, and `BufferClosed`."""
        if self.is_closed:
            raise self.make_error()

        if len(self.items) + self.promised >= self.maxsize:
            raise asyncio.QueueFull

        self.items.append(item)
        self.start()

    async def extend(self, items: Iterable[T]) -> None:
        """Put all of `items` in, in order."""
        for item in items:
            await self.put(item)

    async def join(self) -> None:
        """Wait until there is nothing to do."""
        while self.items or self.tasks:
            await self.joiners.wait(None, no_gift)

    async def aclose(self, *, timeout: float | None = 30.0) -> list[T]:
        """Take nothing in any more, finish what is there, and return what could not be within `timeout` seconds.

        Who is at work then is cancelled; its item is among those returned. When this is cancelled, the work goes on.
        """
        if not self.is_closed:
            self.is_closed = True
            self.putters.fail(self.make_error)

        try:
            async with asyncio.timeout(timeout):
                await self.join()
        except TimeoutError:
            left = [*self.running.values(), *self.items]
            self.items.clear()

            for task in self.tasks:
                task.cancel()

            while self.tasks:
                await asyncio.wait(self.tasks)

            return left

        return []

    def statistics(self) -> WorkStatistics:
        """Return what the queue is doing, and has done."""
        return WorkStatistics(
            len(self.items),
            len(self.running),
            self.workers_,
            self.maxsize,
            len(self.putters),
            self.done,
            self.failed,
            self.is_closed,
        )

    def start(self) -> None:
        """Employ as many workers as there is work for."""
        for _ in range(min(self.workers_ - len(self.tasks), len(self.items))):
            task = asyncio.get_running_loop().create_task(self.work(), context=Context())
            self.tasks.add(task)

    async def work(self) -> None:
        task = asyncio.current_task()
        assert task is not None

        try:
            while self.items and len(self.tasks) <= self.workers_:
                item = self.items.popleft()
                self.return_room_of_one()
                self.running[task] = item

                try:
                    result = self.handler(item)

                    if isawaitable(result):
                        await result
                except (Exception, asyncio.CancelledError) as error:
                    if isinstance(error, asyncio.CancelledError) and task.cancelling():
                        raise

                    self.failed += 1
                    self.report(item, error)
                else:
                    self.done += 1
                finally:
                    del self.running[task]
        finally:
            self.tasks.discard(task)

            if not self.tasks and not self.items:
                self.joiners.wake_all()

    def report(self, item: T, error: BaseException) -> None:
        if self.on_error is None:
            logger.error("%r: a handler has failed", self, exc_info=error)
            return

        try:
            self.on_error(item, error)
        except Exception:
            logger.exception("%r: on_error has failed", self)

    def return_room_of_one(self) -> None:
        if self.putters.wake():
            self.promised += 1

    def return_room(self, _: None) -> None:
        self.promised -= 1
        self.return_room_of_one()

    def make_error(self) -> BufferClosed:
        return BufferClosed(f"{self!r} is closed")


def no_gift(_: None) -> None:
    """Give nothing back: who waits for this takes nothing."""
