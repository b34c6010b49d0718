"""Asynchronous iterables, iterated in a thread while the loop makes their items."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar
from weakref import finalize

from hagworm.extend.asyncio.future.bridge import Ticket, loop_of_caller, refuse_in_loop
from hagworm.extend.asyncio.future.inbox import Inbox, inbox_of
from hagworm.extend.error import PortalClosed

__all__ = ("SyncIterator", "sync_iterate")

T = TypeVar("T")


class Pump(Ticket, Generic[T]):
    """Reads the iterable on the loop, ahead of the thread."""

    __slots__ = ("full", "hungry", "is_over", "items", "low", "room", "size", "source")

    def __init__(self, box: Inbox, source: AsyncIterable[T], size: int) -> None:
        super().__init__(box, type(source), (), {})
        self.source: AsyncIterable[T] | None = source
        self.size = size
        self.low = size // 2
        self.items: deque[T] = deque()
        # Whether the loop waits for room, and for whom.
        self.full = False
        self.room: asyncio.Future[None] | None = None
        # The gate of the thread while it waits for an item; whoever takes it out opens it.
        self.hungry: list[threading.Lock] = []
        self.is_over = False

    async def make(self) -> None:
        source, self.source = self.source, None
        assert source is not None
        iterator = aiter(source)

        try:
            async for item in iterator:
                self.items.append(item)
                self.feed()

                while len(self.items) >= self.size:
                    await self.wait_for_room()
        finally:
            if (aclose := getattr(iterator, "aclose", None)) is not None:
                await aclose()

    async def wait_for_room(self) -> None:
        self.room = asyncio.get_running_loop().create_future()
        self.full = True

        # The thread takes an item first, and then looks whether the loop waits; this does it in reverse.
        if len(self.items) > self.low:
            await self.room

        self.full = False

    def feed(self) -> None:
        try:
            gate = self.hungry.pop()
        except IndexError:
            return

        gate.release()

    def finish(self, error: BaseException | None) -> None:
        super().finish(error)
        self.is_over = True
        self.feed()


class Room:
    """Tells a pump that there is room."""

    __slots__ = ("pump",)

    def __init__(self, pump: Pump[T]) -> None:
        self.pump = pump

    def land(self) -> None:
        room = self.pump.room

        if room is not None and not room.done():
            room.set_result(None)

    def strand(self) -> None:
        """The pump has been told otherwise."""


class SyncIterator(Iterator[T]):
    """The items of an asynchronous iterable, for a `for` in a thread that runs no loop itself.

    The loop begins with the first item that is asked for and runs ahead by at most `size` items. The iterable is closed
    on its loop, however this ends: by its end, its error, `close`, the end of a `with`, or because this was forgotten.
    When the caller of the function that iterates is cancelled, CancelledError is raised, as by `sync_await`; when the
    loop is closed, `PortalClosed`. One thread may iterate.
    """

    __slots__ = ("__weakref__", "is_closed", "pump", "started")

    def __init__(self, box: Inbox, source: AsyncIterable[T], size: int) -> None:
        if size < 1:
            raise ValueError(f"there is room for one item at least, not for {size}")

        self.pump: Pump[T] = Pump(box, source, size)
        self.started = False
        self.is_closed = False
        finalize(self, self.pump.end).atexit = False

    def __repr__(self) -> str:
        state = "closed" if self.is_closed or self.pump.is_over else "open" if self.started else "new"
        return f"<SyncIterator {state}: {len(self.pump.items)} of {self.pump.size} items ready>"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        pump = self.pump

        while True:
            try:
                item = pump.items.popleft()
            except IndexError:
                self.wait()
                continue

            if pump.full and len(pump.items) <= pump.low:
                pump.full = False
                pump.box.post(Room(pump))

            return item

    def wait(self) -> None:
        """Wait for the next item. Raises StopIteration when there is none, or what the iterable raises."""
        refuse_in_loop()
        pump = self.pump

        if self.is_closed:
            raise StopIteration

        if not self.started:
            self.started = True
            pump.box.post(pump)

        if pump.is_over:
            # What came last was there before that.
            if pump.items:
                return

            self.is_closed = True
            pump.raise_error()
            raise StopIteration

        gate = threading.Lock()
        gate.acquire()
        pump.hungry.append(gate)

        # The loop puts an item there first, and then looks for who waits; this does it in reverse.
        if pump.items or pump.is_over:
            try:
                pump.hungry.remove(gate)
            except ValueError:
                gate.acquire()

            return

        with pump.awaited():
            gate.acquire()

    def close(self) -> None:
        """Have the iterable closed on its loop, and wait for that. Raises what that raises."""
        pump = self.pump

        if not self.is_closed and self.started:
            self.is_closed = True
            refuse_in_loop()
            pump.end()

            with pump.awaited():
                pump.gate.acquire()

            pump.items.clear()

            if not isinstance(pump.error, asyncio.CancelledError | PortalClosed):
                pump.raise_error()

        self.is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def sync_iterate(
    source: AsyncIterable[T], /, *, loop: asyncio.AbstractEventLoop | None = None, size: int = 1024
) -> SyncIterator[T]:
    """Iterate over `source` in the current thread, while its items are made on `loop`.

    Without `loop` that is the one which asked for the call that this thread is making. Raises RuntimeError where there
    is none, and `PortalClosed` for one that is closed.
    """
    refuse_in_loop()

    if loop is not None and loop.is_closed():
        raise PortalClosed("the event loop is closed")

    return SyncIterator(loop_of_caller() if loop is None else inbox_of(loop), source, size)
