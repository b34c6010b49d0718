"""An asynchronous iterable read by a thread gives every item once, and is closed on its loop however it ends."""

import asyncio
import contextvars
import gc
import threading
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hagworm.extend.asyncio.future import ThreadPool, sync_iterate, threaded
from hagworm.extend.error import PortalClosed
from tests.extend.asyncio.future.blocking import PATIENCE, happens

word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")


class Source:
    """Counts up, and knows whether it has been closed."""

    def __init__(self, end: int = 10**9, error: BaseException | None = None, turns: bool = False) -> None:
        self.end = end
        self.error = error
        self.turns = turns
        self.made = 0
        self.closed = asyncio.Event()

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for number in range(self.end):
                if self.turns:
                    await asyncio.sleep(0)

                self.made += 1
                yield number

            if self.error is not None:
                raise self.error
        finally:
            await asyncio.sleep(0)
            self.closed.set()


@pytest.mark.parametrize("turns", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 1024])
async def test_every_item_comes_once_and_in_order(size: int, turns: bool) -> None:
    source = Source(1000 if size > 2 else 100, turns=turns)
    assert await threaded(lambda: list(sync_iterate(source(), size=size)))() == list(range(source.end))
    assert source.closed.is_set()


async def test_the_loop_runs_ahead_by_no_more_than_there_is_room_for() -> None:
    source = Source()
    begun, go = threading.Event(), threading.Event()

    def use() -> str:
        with sync_iterate(source(), size=10) as iterator:
            next(iterator)
            begun.set()
            assert go.wait(PATIENCE)
            return repr(iterator)

    call = asyncio.ensure_future(threaded(use)())
    await happens(begun)

    for _ in range(100):
        await asyncio.sleep(0)

    assert source.made <= 12
    go.set()
    assert (await call).startswith("<SyncIterator open: ")
    assert source.closed.is_set()


async def test_an_error_comes_after_the_items_before_it_and_with_its_traceback() -> None:
    source = Source(3, LookupError("gone"))

    def use() -> tuple[list[int], list[str], list[int]]:
        got: list[int] = []
        iterator = sync_iterate(source())

        try:
            for item in iterator:
                got.append(item)  # noqa: PERF402  # what came before the error is wanted
        except LookupError as exc:
            return got, [frame.name for frame in traceback.extract_tb(exc.__traceback__)], list(iterator)

        raise AssertionError

    got, names, after = await threaded(use)()
    assert (got, after) == ([0, 1, 2], [])
    assert names[-1] == "__call__"


async def test_the_iterable_is_closed_when_the_thread_leaves_early() -> None:
    first, second, third = Source(), Source(), Source()

    def use() -> None:
        with sync_iterate(first(), size=4) as iterator:
            for item in iterator:
                if item == 10:
                    break

        for item in sync_iterate(second(), size=4):
            if item == 10:
                break

        gc.collect()
        unused = sync_iterate(third())
        unused.close()
        assert list(unused) == []

    await threaded(use)()
    assert first.closed.is_set()

    async with asyncio.timeout(PATIENCE):
        await second.closed.wait()

    assert third.made == 0


async def test_errors_of_closing_reach_the_thread() -> None:
    async def stubborn() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            raise OSError("cannot be closed")

    def use() -> str:
        with pytest.raises(OSError, match="cannot be closed"), sync_iterate(stubborn(), size=1) as iterator:
            next(iterator)

        return "told"

    assert await threaded(use)() == "told"


async def test_the_iterable_sees_the_context_of_the_thread() -> None:
    async def see() -> AsyncIterator[str]:
        yield word.get()

    def use() -> list[str]:
        word.set("mine")
        return list(sync_iterate(see()))

    assert await threaded(use)() == ["mine"]


async def test_a_cancelled_caller_ends_the_iteration(caplog: pytest.LogCaptureFixture) -> None:
    closed, begun, told = asyncio.Event(), asyncio.Event(), threading.Event()

    async def stuck() -> AsyncIterator[int]:
        try:
            yield 1
            begun.set()
            await asyncio.get_running_loop().create_future()
        finally:
            closed.set()

    def use() -> None:
        try:
            for _ in sync_iterate(stuck()):
                pass
        except asyncio.CancelledError:
            told.set()
            raise

    task = asyncio.ensure_future(threaded(use)())
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})
    await happens(told)

    async with asyncio.timeout(PATIENCE):
        await closed.wait()

    assert caplog.records == []


def test_a_thread_is_told_when_the_loop_ends_under_it() -> None:
    async def stuck() -> AsyncIterator[int]:
        yield 1
        await asyncio.get_running_loop().create_future()

    async def main(pool: ThreadPool) -> Any:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def use() -> None:
            for _ in sync_iterate(stuck()):
                loop.call_soon_threadsafe(begun.set)

        future = pool.submit(use)
        await begun.wait()
        return future

    with ThreadPool(1) as pool:
        future = asyncio.run(main(pool))
        assert isinstance(future.exception(PATIENCE), asyncio.CancelledError | PortalClosed)


async def test_a_loop_does_not_read_its_own_iterables_this_way() -> None:
    source = Source()()

    with pytest.raises(RuntimeError, match="an event loop runs in this thread"):
        sync_iterate(source)

    await source.aclose()  # type: ignore[attr-defined]  # an asynchronous generator


def test_a_thread_has_to_say_which_loop_it_means() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(RuntimeError, match="works for no event loop"):
        sync_iterate(items())

    loop = asyncio.new_event_loop()

    with pytest.raises(ValueError):
        sync_iterate(items(), loop=loop, size=0)

    loop.close()

    with pytest.raises(PortalClosed):
        sync_iterate(items(), loop=loop)
