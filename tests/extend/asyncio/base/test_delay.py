"""An item of a delay queue comes out once, when its time has come, in the order of the times."""

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.asyncio.base.delay import DelayQueue
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.extend.error import QueueClosed
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=30))
def test_items_come_out_in_the_order_of_their_times_and_never_early(delays: list[int]) -> None:
    async def main() -> None:
        queue: DelayQueue[tuple[int, int]] = DelayQueue(64)
        loop = asyncio.get_running_loop()
        begin = loop.time()

        for number, delay in enumerate(delays):
            queue.put_nowait((delay, number), delay=delay)

        queue.close()
        seen = []

        async for item in queue:
            assert loop.time() - begin == pytest.approx(item[0], abs=1e-6)
            seen.append(item)

        assert seen == sorted(seen)
        assert len(seen) == len(delays)

    run_virtual(main())


def test_an_earlier_item_overtakes_the_timer_of_a_later_one() -> None:
    async def main() -> None:
        queue: DelayQueue[str] = DelayQueue()
        loop = asyncio.get_running_loop()
        begin = loop.time()
        reader = asyncio.create_task(queue.get())
        queue.put_nowait("late", delay=60)
        queue.put_nowait("early", at=begin + 5)
        assert await reader == "early"
        assert loop.time() - begin == pytest.approx(5)
        assert repr(queue) == "<DelayQueue 1 waiting, 0 due, of 1024>"
        assert queue.remove(lambda item: item == "late") == ["late"]
        assert queue.timer is None

    run_virtual(main())


def test_room_is_waited_for_and_a_newcomer_overtakes_nobody() -> None:
    async def main() -> None:
        queue: DelayQueue[int] = DelayQueue(1)
        await queue.put(1, delay=10)
        putting = asyncio.create_task(queue.put(2))
        await yield_now()

        with pytest.raises(asyncio.QueueFull):
            queue.put_nowait(3)

        with pytest.raises(TimeoutError):
            await queue.put(4, timeout=1)

        with pytest.raises(asyncio.QueueEmpty):
            queue.get_nowait()

        assert await queue.get() == 1
        await putting
        assert queue.get_nowait() == 2
        assert len(queue) == 0
        assert queue.statistics().put == queue.statistics().taken == 2

    run_virtual(main())


def test_a_closed_queue_lets_out_what_is_in_it_and_then_says_so() -> None:
    async def main() -> None:
        queue: DelayQueue[int] = DelayQueue(2)
        queue.put_nowait(1, delay=3)
        queue.put_nowait(2, delay=9)
        waiting = asyncio.create_task(queue.put(3))
        await yield_now()
        assert queue.close() == []

        with pytest.raises(QueueClosed):
            await waiting

        with pytest.raises(QueueClosed):
            queue.put_nowait(4)

        assert await queue.get() == 1
        reader = asyncio.create_task(queue.get())
        await yield_now()
        assert queue.close(discard=True) == [2]

        with pytest.raises(QueueClosed):
            await reader

        with pytest.raises(QueueClosed):
            queue.get_nowait()

    run_virtual(main())


async def test_a_time_that_is_none_is_refused() -> None:
    queue: DelayQueue[int] = DelayQueue()

    for wrong in (math.nan, math.inf):
        with pytest.raises(ValueError, match="comes due"):
            queue.put_nowait(1, delay=wrong)

    with pytest.raises(ValueError, match="at least one item, not 0"):
        DelayQueue(0)

    assert len(queue) == 0


async def test_a_cancellation_loses_neither_item_nor_room() -> None:
    queue: DelayQueue[int] = DelayQueue(1)

    async def take() -> None:
        queue.put_nowait(1, delay=0.001)
        await queue.get()

    async def put() -> None:
        queue.put_nowait(1)
        asyncio.get_running_loop().call_soon(queue.get_nowait)
        await queue.put(2)

    async def check() -> None:
        while len(queue):
            await queue.get(timeout=2)

        assert queue.room.used == 0
        assert queue.statistics().getting == queue.statistics().putting == 0

    assert (await cancel_sweep(take, check)).suspensions >= 1
    assert (await cancel_sweep(put, check)).suspensions >= 1


def test_waiting_is_one_timer_however_many_wait() -> None:
    async def main(loop: asyncio.BaseEventLoop) -> None:
        queue: DelayQueue[int] = DelayQueue(10_000)

        for number in range(10_000):
            queue.put_nowait(number, delay=3600 + number)

        pending: list[asyncio.TimerHandle] = loop._scheduled  # the loop of the standard library tells its timers
        assert len([handle for handle in pending if not handle.cancelled()]) == 1
        assert queue.close(discard=True) == list(range(10_000))
        assert queue.timer is None

    loop = asyncio.SelectorEventLoop()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main(loop))
