"""An iterable read in a thread gives every item once and in order, and is closed there however it ends."""

import asyncio
import contextvars
import gc
import random
import sqlite3
import threading
import traceback
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from hagworm.extend.asyncio.future import ThreadedIterator, ThreadPool, iterate, sync_await, threaded_iterable
from hagworm.extend.error import ExecutorClosed
from hagworm.testing import cancel_sweep
from tests.extend.asyncio.future.blocking import PATIENCE, Block, happens, turns

word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")


class Source:
    """Counts up, and knows where it was called and closed."""

    def __init__(self, end: int = 10**9, error: BaseException | None = None) -> None:
        self.end = end
        self.error = error
        self.made = 0
        self.closed = threading.Event()
        self.threads: set[threading.Thread] = set()

    def __call__(self) -> Iterator[int]:
        try:
            for number in range(self.end):
                self.threads.add(threading.current_thread())
                self.made += 1
                yield number

            if self.error is not None:
                raise self.error
        finally:
            self.threads.add(threading.current_thread())
            self.closed.set()

    async def is_closed(self) -> None:
        await happens(self.closed)


# Items ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 64, 1024])
async def test_every_item_comes_once_and_in_order(size: int) -> None:
    source = Source(3000 if size > 2 else 300)
    iterator = ThreadedIterator(source, size=size)
    assert [item async for item in iterator] == list(range(source.end))
    assert source.closed.is_set()
    assert [item async for item in iterator] == []
    statistics = iterator.statistics()
    assert (statistics.delivered, statistics.dropped, statistics.ready) == (source.end, 0, 0)


async def test_items_can_be_taken_many_at_a_time() -> None:
    iterator = iterate(range(1000), size=100)
    taken: list[int] = []

    while batch := await iterator.take(30):
        assert len(batch) <= 30
        taken += batch

    assert taken == list(range(1000))
    assert await iterator.take() == []

    with pytest.raises(ValueError):
        await iterator.take(0)


async def test_3a25_the_thread_runs_ahead_by_no_more_than_there_is_room_for() -> None:
    source = Source()

    async with ThreadedIterator(source, size=10) as iterator:
        assert await anext(iterator) == 0

        # The thread has stopped when it has paused more often than it has been woken.
        async with asyncio.timeout(PATIENCE):
            while iterator.statistics().pauses < 1:
                await asyncio.sleep(0)

        assert source.made <= 11
        assert repr(iterator).startswith("<ThreadedIterator of Source, open: ")

    assert source.made <= 12
    assert repr(iterator) == "<ThreadedIterator of an iterable, closed: 0 of 10 items ready>"


async def test_a_slow_source_hands_over_each_item_as_it_comes() -> None:
    gates = [threading.Event() for _ in range(5)]

    def slowly() -> Iterator[int]:
        for number, gate in enumerate(gates):
            assert gate.wait(PATIENCE)
            yield number

    async with ThreadedIterator(slowly) as iterator:
        for number, gate in enumerate(gates):
            gate.set()
            assert await anext(iterator) == number


async def test_any_iterable_will_do_and_its_variables_are_those_of_the_caller() -> None:
    def see() -> Iterator[str]:
        yield word.get()
        word.set("theirs")
        yield word.get()

    word.set("mine")
    assert [item async for item in ThreadedIterator(see)] == ["mine", "theirs"]
    assert word.get() == "mine"
    assert [item async for item in iterate({1: 2}.items())] == [(1, 2)]
    assert [item async for item in iterate([])] == []


async def test_nothing_begins_before_an_item_is_asked_for() -> None:
    source = Source()
    iterator = ThreadedIterator(source)
    assert repr(iterator).startswith("<ThreadedIterator of Source, new")
    await iterator.aclose()
    assert [item async for item in iterator] == []
    assert source.made == 0


async def test_the_decorator_works_on_functions_and_methods() -> None:
    @threaded_iterable
    def count(to: int, *, step: int = 1) -> Iterator[int]:
        """Count."""
        yield from range(0, to, step)

    class Shop:
        goods = ("tea", "cups")

        @threaded_iterable(size=1)
        def names(self) -> Iterator[str]:
            yield from self.goods

        @staticmethod
        @threaded_iterable
        def numbers() -> Iterator[int]:
            yield 1

        @threaded_iterable
        @classmethod
        def kinds(cls) -> Iterator[str]:
            yield cls.__name__

    assert [item async for item in count(10, step=3)] == [0, 3, 6, 9]
    assert count.__doc__ == "Count."
    assert [item async for item in Shop().names()] == ["tea", "cups"]
    assert [item async for item in Shop.numbers()] == [1]
    assert [item async for item in Shop.kinds()] == ["Shop"]


def test_what_is_asynchronous_already_is_refused() -> None:
    async def agen() -> Any:
        yield 1

    async def coro() -> Any:
        return 1

    for function in (agen, coro, 3):
        with pytest.raises(TypeError):
            threaded_iterable(function)  # type: ignore[arg-type]  # that is the point

    with pytest.raises(ValueError):
        ThreadedIterator(Source(), size=0)


# Ends -----------------------------------------------------------------------------------------------------------------


async def test_an_error_comes_after_the_items_before_it_and_with_its_traceback() -> None:
    def fail() -> Iterator[int]:
        yield 1
        yield 2
        inner()

    def inner() -> None:
        raise LookupError("gone")

    iterator = ThreadedIterator(fail)
    got: list[int] = []

    with pytest.raises(LookupError) as caught:
        async for item in iterator:
            got.append(item)  # noqa: PERF401  # what came before the error is wanted

    assert got == [1, 2]
    assert [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][-2:] == ["fail", "inner"]
    assert [item async for item in iterator] == []


async def test_an_error_of_the_factory_comes_with_the_first_item() -> None:
    def fail() -> Iterator[int]:
        raise LookupError("nothing there")

    with pytest.raises(LookupError):
        await anext(ThreadedIterator(fail))


async def test_the_generator_is_closed_in_its_thread_when_the_block_is_left() -> None:
    source = Source()

    async with ThreadedIterator(source, size=4) as iterator:
        async for item in iterator:
            if item == 10:
                break

    assert source.closed.is_set()
    assert len(source.threads) == 1
    assert threading.current_thread() not in source.threads
    # Its thread has let it go, all but the last instructions.
    assert iterator.statistics().delivered == 11


async def test_what_belongs_to_a_thread_may_be_used_and_closed_by_a_generator() -> None:
    @threaded_iterable(size=1)
    def rows() -> Iterator[int]:
        # It refuses to be used in any other thread.
        connection = sqlite3.connect(":memory:")

        try:
            for (number,) in connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n"
            ):
                yield number
        finally:
            connection.close()

    async with rows() as iterator:
        async for number in iterator:
            if number == 50:
                break


async def test_the_generator_is_closed_when_the_iterator_is_forgotten() -> None:
    source = Source()

    async for item in ThreadedIterator(source, size=4):
        if item == 10:
            break

    gc.collect()
    await source.is_closed()
    assert len(source.threads) == 1


async def test_the_generator_is_closed_when_the_task_that_iterates_is_cancelled() -> None:
    source = Source()
    begun = asyncio.Event()

    async def use() -> None:
        async with ThreadedIterator(source, size=4) as iterator:
            async for _ in iterator:
                begun.set()
                await asyncio.get_running_loop().create_future()

    task = asyncio.ensure_future(use())
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})
    assert source.closed.is_set()


def test_the_generator_is_closed_when_the_loop_is_shut_down() -> None:
    source = Source()
    kept: list[Any] = []

    async def main() -> None:
        iterator = ThreadedIterator(source, size=4)
        kept.append(iterator)
        assert await anext(iterator) == 0

    asyncio.run(main())
    assert source.closed.wait(PATIENCE)


async def test_the_generator_is_closed_when_the_pool_is_aborted_under_it() -> None:
    source = Source()
    pool = ThreadPool(1)
    iterator = ThreadedIterator(source, size=4, pool=pool)
    assert await anext(iterator) == 0
    pool.abort()

    with pytest.raises(ExecutorClosed):
        while True:
            await anext(iterator)

    await iterator.aclose()
    await source.is_closed()
    await pool.aclose()


async def test_errors_of_closing_are_raised_where_somebody_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    def stubborn() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            raise OSError("cannot be closed")

    iterator = ThreadedIterator(stubborn, size=1)
    await anext(iterator)

    with pytest.raises(OSError, match="cannot be closed"):
        await iterator.aclose()

    await iterator.aclose()
    assert caplog.records == []


async def test_errors_that_nobody_waits_for_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()

    def stubborn() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.set()
            raise OSError("cannot be closed")

    async def use() -> None:
        iterator = ThreadedIterator(stubborn, size=1)
        await anext(iterator)

    await use()
    gc.collect()
    await happens(ended)

    async with asyncio.timeout(PATIENCE):
        while not caplog.records:
            await asyncio.sleep(0)

    assert "an iterable could not be closed" in caplog.text
    caplog.clear()

    # It fails as it runs ahead, and what it would have failed for is not wanted any more.
    source = Source(3, OSError("disk full"))

    async with ThreadedIterator(source) as iterator:
        await anext(iterator)
        await source.is_closed()

    assert "an iterable failed that nobody wanted any more" in caplog.text


async def test_closing_waits_for_the_item_that_is_being_made_and_can_be_cancelled() -> None:
    block = Block()
    source = Source()

    def blocked() -> Iterator[int]:
        yield 0
        block()
        yield from source()

    iterator = ThreadedIterator(blocked)
    assert await anext(iterator) == 0
    await block.has_begun()
    closing = asyncio.ensure_future(iterator.aclose())
    await turns()
    assert not closing.done()
    assert repr(iterator).split(", ")[1].startswith("closing")
    closing.cancel()
    await asyncio.wait({closing})
    again = asyncio.ensure_future(iterator.aclose())
    block.go.set()
    await again
    # The item that was being made was the last one.
    assert source.made == 1


# Tasks ----------------------------------------------------------------------------------------------------------------


async def test_several_tasks_share_the_items() -> None:
    iterator = ThreadedIterator(Source(2000), size=7)

    async def use() -> list[int]:
        return [item async for item in iterator]

    shares = await asyncio.gather(*[use() for _ in range(5)])
    assert sorted(item for share in shares for item in share) == list(range(2000))


async def test_a_cancelled_task_has_taken_nothing() -> None:
    chance = random.Random(3)
    iterator = ThreadedIterator(Source(500), size=3)
    got: list[int] = []

    async def use() -> None:
        async for item in iterator:
            got.append(item)  # noqa: PERF401  # what came before the cancellation is wanted

    tasks = [asyncio.ensure_future(use()) for _ in range(4)]

    while len(got) < 500:
        await asyncio.sleep(0)

        if chance.random() < 0.2:
            index = chance.randrange(4)
            tasks[index].cancel()
            await asyncio.wait({tasks[index]})
            tasks[index] = asyncio.ensure_future(use())

    await asyncio.gather(*tasks)
    assert sorted(got) == list(range(500))


async def test_cancelling_at_every_await_loses_no_item_and_leaves_no_thread() -> None:
    iterators: list[ThreadedIterator[int]] = []
    sources: list[Source] = []
    got: list[int] = []

    async def use() -> None:
        got.clear()
        sources.append(Source(20))
        iterators.append(ThreadedIterator(sources[-1], size=2))

        async with iterators[-1] as iterator:
            async for item in iterator:
                got.append(item)
                got.extend(await iterator.take(2))

    async def check() -> None:
        assert got == list(range(len(got)))
        await iterators[-1].aclose()

        if sources[-1].made:
            await sources[-1].is_closed()

    await cancel_sweep(use, check, may_finish=True)


async def test_a_generator_may_await_coroutines_of_the_loop() -> None:
    async def double(value: int) -> int:
        await asyncio.sleep(0)
        return 2 * value

    @threaded_iterable
    def doubled() -> Iterator[int]:
        for number in range(10):
            yield sync_await(double, number)

    assert [item async for item in doubled()] == [2 * number for number in range(10)]


async def test_more_iterators_than_threads_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ThreadPool(2, reuse=False) as pool:
        sums = [ThreadedIterator(Source(100), size=5, pool=pool) for _ in range(10)]

        async def total(iterator: ThreadedIterator[int]) -> int:
            return sum([item async for item in iterator])

        assert await asyncio.gather(*map(total, sums)) == [4950] * 10


async def test_items_are_not_kept_alive() -> None:
    class Item:
        pass

    def items() -> Iterator[Item]:
        for _ in range(3):
            yield Item()

    alive = [weakref.ref(item) async for item in ThreadedIterator(items)]

    async with asyncio.timeout(PATIENCE):
        while any(ref() is not None for ref in alive):
            gc.collect()
            await asyncio.sleep(0)
