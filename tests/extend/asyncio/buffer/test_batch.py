"""The buffer loses nothing without saying so, and hands over no more at once than it may."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.buffer import Journal, QueueBuffer
from hagworm.extend.error import BufferClosed
from hagworm.extend.resilience.backoff import Backoff, RetrySchedule
from hagworm.testing.sweep import MOMENTS, Moment, run_once
from hagworm.testing.virtual_time import run_virtual

AT_ONCE = RetrySchedule(3, Backoff(0.0, longest=0.0))


class Sink:
    """A handler that remembers, and fails when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def items(self) -> list[Any]:
        return [item for batch in self.batches for item in batch]

    async def __call__(self, batch: list[Any]) -> None:
        await self.gate.wait()

        if self.failures:
            self.failures -= 1
            batch.clear()
            raise ConnectionError("down")

        self.batches.append(batch)


@pytest.fixture
def sink() -> Sink:
    return Sink()


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_q2_a_batch_is_never_larger_than_it_may_be(sink: Sink) -> None:
    """Q2: one batch of 95 where 10 was the limit; the rest was stranded; a failing handler lost its batch."""
    async with QueueBuffer[int](sink, max_items=10) as buffer:
        await buffer.extend(range(95))

    assert [len(batch) for batch in sink.batches] == [10] * 9 + [5]
    assert sink.items == list(range(95))


async def test_b14_a_full_batch_goes_at_once(sink: Sink) -> None:
    """B14: a full batch waited for the whole period."""
    async with QueueBuffer[int](sink, max_items=5, max_age=3600) as buffer:
        for number in range(5):
            buffer.append_nowait(number)

        await turns(2)
        assert sink.batches == [[0, 1, 2, 3, 4]]


def test_q1_what_is_old_enough_goes_and_nothing_is_destroyed() -> None:
    """Q1: the timer of the original ran in a thread and threw the data away."""

    async def main() -> None:
        sink = Sink()
        loop = asyncio.get_running_loop()

        async with QueueBuffer[int](sink, max_age=5.0) as buffer:
            await buffer.append(1)
            await asyncio.sleep(4)
            await buffer.append(2)
            assert sink.batches == []
            await asyncio.sleep(1.5)
            assert sink.batches == [[1, 2]]
            await buffer.append(3)
            start = loop.time()

            while len(sink.batches) < 2:
                await asyncio.sleep(0.5)

            assert loop.time() - start <= 5.5
            # Idle, it sets no timer.
            assert buffer.timer is None

    run_virtual(main())


async def test_b13_closing_flushes(sink: Sink) -> None:
    """B13: closing raised a TypeError, after items had been lost."""
    sink.gate.clear()
    buffer = QueueBuffer[int](sink, max_items=10)
    await buffer.extend(range(25))
    closing = asyncio.create_task(buffer.aclose())
    await turns()
    sink.gate.set()
    assert await closing == []
    assert sink.items == list(range(25))

    with pytest.raises(BufferClosed):
        await buffer.append(1)

    with pytest.raises(BufferClosed):
        buffer.append_nowait(1)


async def test_closing_returns_what_could_not_be_handed_over(sink: Sink) -> None:
    sink.gate.clear()
    buffer = QueueBuffer[int](sink, max_items=10)
    await buffer.extend(range(25))
    assert await buffer.aclose(timeout=0.01) == list(range(25))
    assert sink.batches == []


async def test_a_batch_that_fails_is_tried_again_in_its_order(sink: Sink) -> None:
    async with QueueBuffer[int](sink, max_items=3, retry=AT_ONCE) as buffer:
        sink.failures = 2
        await buffer.extend(range(9))
        await buffer.flush()
        assert buffer.statistics().failures == 2

    assert sink.batches == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


async def test_a_batch_that_is_given_up_is_counted_and_reported(sink: Sink) -> None:
    dropped: list[tuple[list[int], BaseException | None]] = []

    async with QueueBuffer[int](
        sink, max_items=3, retry=AT_ONCE, on_drop=lambda items, error: dropped.append((items, error))
    ) as buffer:
        sink.failures = 3
        await buffer.extend(range(6))
        await buffer.flush()
        assert buffer.statistics().dropped == 3
        assert buffer.statistics().handled == 3

    assert [items for items, _ in dropped] == [[0, 1, 2]]
    assert isinstance(dropped[0][1], ConnectionError)
    assert sink.items == [3, 4, 5]


async def test_a_drop_that_nobody_hears_of_is_logged(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    async with QueueBuffer[int](sink, retry=RetrySchedule(1)) as buffer:
        sink.failures = 1
        await buffer.append(1)
        await buffer.flush()

    assert "1 items are dropped" in caplog.text


def test_the_other_side_may_ask_for_a_pause() -> None:
    class Busy(Exception):
        retry_after = 7.0

    async def main() -> None:
        times: list[float] = []

        async def handle(_: list[int]) -> None:
            times.append(asyncio.get_running_loop().time())

            if len(times) == 1:
                raise Busy

        async with QueueBuffer[int](handle) as buffer:
            await buffer.append(1)
            await buffer.flush()

        assert times[1] - times[0] == pytest.approx(7.0)

    run_virtual(main())


async def test_batches_end_at_their_bytes(sink: Sink) -> None:
    async with QueueBuffer[bytes](sink, max_bytes=10, max_age=3600) as buffer:
        for item in (b"12345", b"1234", b"12", b"x" * 30, b"1"):
            await buffer.append(item)

        await turns()
        assert buffer.bytes <= 10

    assert sink.batches == [[b"12345", b"1234"], [b"12"], [b"x" * 30], [b"1"]]
    assert buffer.bytes == 0


async def test_a_full_buffer_lets_its_putters_wait_in_order(sink: Sink) -> None:
    sink.gate.clear()

    async with QueueBuffer[int](sink, max_items=2, maxsize=4) as buffer:
        tasks = [asyncio.create_task(buffer.append(number)) for number in range(10)]
        await turns()
        assert buffer.statistics().waiting == 6
        assert len(buffer) == 4

        with pytest.raises(asyncio.QueueFull):
            buffer.append_nowait(99)

        sink.gate.set()
        await asyncio.gather(*tasks)

    assert sink.items == list(range(10))


@pytest.mark.parametrize(
    ("when_full", "kept"), [("drop_oldest", [0, 1, 4, 5]), ("drop_newest", [0, 1, 2, 3]), ("raise", [0, 1, 2, 3])]
)
async def test_what_becomes_of_an_item_that_finds_no_room(sink: Sink, when_full: Any, kept: list[int]) -> None:
    sink.gate.clear()
    dropped: list[int] = []

    async with QueueBuffer[int](
        sink, max_items=2, maxsize=4, when_full=when_full, on_drop=lambda items, _: dropped.extend(items)
    ) as buffer:
        await buffer.extend(range(2))
        await turns()
        await buffer.extend(range(2, 4))

        for number in (4, 5):
            if when_full == "raise":
                with pytest.raises(asyncio.QueueFull):
                    await buffer.append(number)
            else:
                await buffer.append(number)

        sink.gate.set()

    assert sink.items == kept
    assert sorted(kept + dropped) == (kept if when_full == "raise" else list(range(6)))


async def test_workers_bound_what_is_handled_at_the_same_time() -> None:
    running = most = 0

    async def handle(_: list[int]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    async with QueueBuffer[int](handle, max_items=2, workers=3) as buffer:
        await buffer.extend(range(100))
        await buffer.flush()

    assert most == 3
    assert buffer.statistics().handled == 100


async def test_other_threads_may_append(sink: Sink) -> None:
    async with QueueBuffer[int](sink, max_items=7, maxsize=10) as buffer:

        def produce() -> None:
            for number in range(50):
                buffer.append_threadsafe(number).result(10)

        await asyncio.to_thread(produce)

    assert sink.items == list(range(50))


async def test_a_plain_function_may_handle() -> None:
    items: list[int] = []

    async with QueueBuffer[int](items.extend) as buffer:
        await buffer.extend(range(3))

    assert items == [0, 1, 2]


async def test_a_handler_that_raises_a_cancellation_of_its_own_is_one_that_fails() -> None:
    calls: list[int] = []

    async def handle(batch: list[int]) -> None:
        calls.append(len(batch))

        if len(calls) == 1:
            raise asyncio.CancelledError

    async with QueueBuffer[int](handle, retry=AT_ONCE) as buffer:
        await buffer.append(1)

    assert calls == [1, 1]


@pytest.mark.parametrize("journaled", [False, True])
@pytest.mark.parametrize("method", ["append", "extend", "flush", "aclose"])
async def test_cancelled_anywhere_nothing_is_lost_or_doubled(tmp_path: Path, method: str, journaled: bool) -> None:
    loop = asyncio.get_running_loop()

    async def run(number: int, moment: Moment) -> bool:
        sink = Sink()
        sink.gate.clear()
        journal = Journal(tmp_path / f"{moment}{number}", fsync="never") if journaled else None
        buffer = QueueBuffer[int](sink, max_items=2, maxsize=4, journal=journal)
        await buffer.open()
        await buffer.extend(range(4))

        def open_later(turns: int) -> None:
            if turns:
                loop.call_soon(open_later, turns - 1)
            else:
                sink.gate.set()

        open_later(5)

        calls: dict[str, Callable[[], Any]] = {
            "append": lambda: buffer.append(4),
            "extend": lambda: buffer.extend([4, 5, 6]),
            "flush": buffer.flush,
            "aclose": buffer.aclose,
        }

        async def check() -> None:
            sink.gate.set()

            async with asyncio.timeout(5):
                assert await buffer.aclose() == []

            assert buffer.statistics().waiting == 0
            assert buffer.away == 0
            assert sink.items == list(range(len(sink.items)))
            assert len(sink.items) >= 4

        _, _, struck = await run_once(calls[method], check, number, moment, 5.0, True)
        return bool(struck)

    for moment in MOMENTS:
        number = 1

        while await run(number, moment):
            number += 1

        assert number > 1


async def test_many_items_leave_nothing_behind(sink: Sink) -> None:
    count = 0

    def handle(batch: list[int]) -> None:
        nonlocal count
        count += len(batch)

    async with QueueBuffer[int](handle, max_items=1000) as buffer:
        for _ in range(100):
            for number in range(1000):
                await buffer.append(number)

        await buffer.flush()
        assert len(buffer) == 0
        assert not buffer.tasks
        assert not buffer.flights

    assert count == 100_000


@pytest.mark.parametrize(
    "wrong", [{"max_items": 0}, {"max_items": 5, "maxsize": 4}, {"workers": 0}, {"when_full": "x"}]
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needed|full"):
        QueueBuffer(print, **wrong)


async def test_a_buffer_says_what_it_does(sink: Sink) -> None:
    sink.gate.clear()
    buffer = QueueBuffer[int](sink, max_items=2)
    await buffer.extend(range(3))
    await turns()
    assert repr(buffer) == "<QueueBuffer 1 waiting, 2 in flight, limit 10000>"
    sink.gate.set()
    await buffer.aclose()
