"""Turning what a business hands over into pieces that can be sent, and closing it however that ends."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from hagworm.facade.exchange import ClientDisconnected

__all__ = ("LeaveWithClient", "closing", "pieces", "with_pings")

T = TypeVar("T")

# A plain iterator is read in a thread: a batch ends when it is this old or this long, so that a fast source does not
# pay for a thread hop per item and a slow one is not held back.
BATCH_SECONDS = 0.01
BATCH_ITEMS = 256


@asynccontextmanager
async def closing(iterator: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close `iterator` at the end of the block, if it can be closed."""
    try:
        yield iterator
    finally:
        if (aclose := getattr(iterator, "aclose", None)) is not None:
            await aclose()


def pieces(source: AsyncIterable[T] | Iterable[T]) -> AsyncIterator[T]:
    """Return an async iterator over `source`; a plain iterable is read in the thread pool."""
    return aiter(source) if isinstance(source, AsyncIterable) else in_batches(iter(source))


async def in_batches(source: Iterator[T]) -> AsyncIterator[T]:
    try:
        while batch := await asyncio.to_thread(read_batch, source):
            for item in batch:
                yield item
    finally:
        if (close := getattr(source, "close", None)) is not None:
            await asyncio.to_thread(close)


def read_batch(source: Iterator[T]) -> list[T]:
    batch: list[T] = []
    end = monotonic() + BATCH_SECONDS

    for item in source:
        batch.append(item)

        if len(batch) >= BATCH_ITEMS or monotonic() >= end:
            break

    return batch


async def with_pings(
    source: AsyncIterator[T], seconds: float | None, ending: asyncio.Event | None = None
) -> AsyncIterator[T | None]:
    """Yield the items of `source`, and None whenever none has come for `seconds`; stop when `ending` is set."""
    if seconds is None and ending is None:
        async for item in source:
            yield item

        return

    end = None if ending is None else asyncio.ensure_future(ending.wait())

    try:
        while end is None or not end.done():
            task = asyncio.ensure_future(anext(source))
            waiting = (task,) if end is None else (task, end)

            try:
                while not (await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED))[0]:
                    yield None
            finally:
                if not task.done():
                    task.cancel()
                    await asyncio.wait((task,))

            if task.cancelled():
                return

            try:
                item = task.result()
            except StopAsyncIteration:
                return

            yield item
    finally:
        if end is not None:
            end.cancel()


class LeaveWithClient:
    """Cancel the block when `gone` is resolved, and make `ClientDisconnected` of that cancellation, of no other."""

    __slots__ = ("gone", "hit", "outer", "task")

    def __init__(self, gone: "asyncio.Future[None]") -> None:
        self.gone = gone
        self.hit = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "LeaveWithClient works inside a task"
        self.task: asyncio.Task[Any] = task
        self.outer = task.cancelling()
        self.gone.add_done_callback(self.leave)

    def leave(self, _: "asyncio.Future[None]") -> None:
        if not self.hit:
            self.hit = True
            self.task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.gone.remove_done_callback(self.leave)

        if self.hit and self.task.uncancel() <= self.outer and kind is asyncio.CancelledError:
            raise ClientDisconnected("the client has left") from error
