"""An item that nobody says is done comes again."""

import asyncio

import pytest

from hagworm.extend.asyncio.buffer import DataAsyncQueue
from hagworm.extend.error import BufferClosed
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_acknowledged_makes_room() -> None:
    queue = DataAsyncQueue[int](2, redeliver_after=None)
    await queue.put(1)
    await queue.put(2)
    task = asyncio.create_task(queue.put(3))
    first = await queue.get()
    await turns()
    assert not task.done()
    assert first.ack()
    assert not first.ack()
    await task
    assert [(await queue.get()).item, (await queue.get()).item] == [2, 3]
    assert queue.close() == [2, 3]


async def test_what_is_given_back_comes_first_until_it_is_given_up() -> None:
    dead: list[int] = []
    queue = DataAsyncQueue[int](redeliver_after=None, max_deliveries=2, on_dead=dead.append)
    await queue.put(1)
    await queue.put(2)
    assert (await queue.get()).nack()
    again = await queue.get()
    assert (again.item, again.attempt) == (1, 2)
    assert again.nack()
    assert dead == [1]
    assert (await queue.get()).item == 2
    assert queue.statistics().redelivered == 1


def test_what_is_forgotten_comes_again_in_its_order() -> None:
    async def main() -> None:
        queue = DataAsyncQueue[int](redeliver_after=10.0)

        for number in range(3):
            await queue.put(number)

        first, second = await queue.get(), await queue.get()
        await asyncio.sleep(5)
        third = await queue.get()
        await asyncio.sleep(6)
        assert not first.ack()
        assert not second.nack()
        assert third.ack()
        again = [await queue.get(), await queue.get()]
        assert [(delivery.item, delivery.attempt) for delivery in again] == [(0, 2), (1, 2)]
        assert all(delivery.ack() for delivery in again)
        assert queue.timer is None
        assert len(queue) == 0

    run_virtual(main())


async def test_closing_tells_who_waits() -> None:
    queue = DataAsyncQueue[int]()
    task = asyncio.create_task(queue.get())
    await turns()
    assert queue.close() == []

    with pytest.raises(BufferClosed):
        await task

    with pytest.raises(BufferClosed):
        await queue.put(1)


async def test_cancelled_anywhere_a_getter_takes_nothing_and_a_putter_puts_nothing() -> None:
    loop = asyncio.get_running_loop()
    empty = DataAsyncQueue[int](1, redeliver_after=None)

    def get() -> object:
        loop.call_later(0.001, lambda: loop.create_task(empty.put(1)))
        return empty.get()

    async def check() -> None:
        while not len(empty):
            await asyncio.sleep(0.001)

        if empty.taken:
            assert next(iter(empty.taken)).ack()
        else:
            assert (await empty.get()).ack()

        assert (len(empty), empty.promised_items, len(empty.getters)) == (0, 0, 0)

    await cancel_sweep(get, check)  # type: ignore[arg-type]
    full = DataAsyncQueue[int](1, redeliver_after=None)
    await full.put(0)
    await full.get()

    def put() -> object:
        loop.call_later(0.001, lambda: next(iter(full.taken)).ack())
        return full.put(1)

    async def refill() -> None:
        while full.taken:
            await asyncio.sleep(0.001)

        if not full.items:
            await full.put(0)

        await full.get()
        assert (len(full), full.promised_room, len(full.putters)) == (1, 0, 0)

    await cancel_sweep(put, refill)  # type: ignore[arg-type]
