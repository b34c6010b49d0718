"""Work is done, given to somebody else, or known to have failed; nobody waits in vain."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hagworm.extend.asyncio.command import WorkQueue
from hagworm.extend.error import BufferClosed, WorkerDied
from hagworm.testing import cancel_sweep


class Doer:
    """Somebody who works as told."""

    def __init__(self, body: Callable[[Any], Awaitable[Any]] | None = None) -> None:
        self.body = body
        self.begun: list[Any] = []
        self.done: list[Any] = []

    async def handle(self, item: Any) -> Any:
        self.begun.append(item)
        await asyncio.sleep(0)

        if self.body is not None:
            await self.body(item)

        self.done.append(item)
        return item * 2


async def die(item: Any) -> None:
    raise WorkerDied("handle", -9, 7)


async def for_ever(item: Any) -> None:
    await asyncio.get_running_loop().create_future()


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_all_is_done_by_whoever_is_free() -> None:
    queue, hands = WorkQueue(per_hand=2), [Doer(), Doer()]

    for hand in hands:
        queue.attach(hand)

    assert await asyncio.gather(*[queue.submit(n) for n in range(20)]) == [2 * n for n in range(20)]
    assert sorted(hands[0].done + hands[1].done) == list(range(20))
    assert all(hand.done for hand in hands)
    seen = queue.statistics()
    assert (seen.size, seen.running, seen.hands, seen.done, seen.failed, seen.redelivered) == (0, 0, 2, 20, 0, 0)
    assert await queue.aclose() == []


async def test_what_a_dead_one_had_comes_first_to_the_next() -> None:
    queue, dying, well = WorkQueue(), Doer(die), Doer()
    queue.attach(dying)
    calls = [asyncio.create_task(queue.submit(n)) for n in range(3)]
    await turns()
    assert dying.begun == [0]
    queue.attach(well)
    assert await asyncio.gather(*calls) == [0, 2, 4]
    assert well.done == [0, 1, 2]
    assert queue.statistics().redelivered == 1
    await queue.aclose()


async def test_what_all_die_of_fails() -> None:
    queue = WorkQueue(deliveries=2)
    call = asyncio.create_task(queue.submit(1))

    for _ in range(2):
        queue.attach(Doer(die))
        await turns()

    with pytest.raises(WorkerDied, match="process 7, killed by SIGKILL"):
        await call

    await queue.aclose()


async def test_who_is_detached_leaves_its_work_to_others() -> None:
    queue, stuck = WorkQueue(deliveries=2), Doer(for_ever)
    queue.attach(stuck)
    call = asyncio.create_task(queue.submit(1))
    await turns()
    await queue.detach(stuck, WorkerDied("handle", 3, 9))
    queue.attach(again := Doer(for_ever))
    await turns()
    assert again.begun == [1]
    await queue.detach(again, WorkerDied("handle", 3, 9))

    with pytest.raises(WorkerDied, match="process 9, exit code 3"):
        await call


async def test_who_brings_more_than_there_is_room_for_waits() -> None:
    queue = WorkQueue(maxsize=2)
    await queue.put(1)
    await queue.put(2)
    third = asyncio.create_task(queue.put(3))
    await turns()
    assert not third.done()
    queue.attach(Doer())
    await third
    await queue.join()
    assert queue.statistics().done == 3
    await queue.aclose()


async def test_closed_it_says_what_was_not_done() -> None:
    queue, stuck = WorkQueue(maxsize=3), Doer(for_ever)
    queue.attach(stuck)
    calls = [asyncio.create_task(queue.submit(n)) for n in range(5)]
    await turns()
    assert await queue.aclose() == [0, 1, 2]

    for call in calls:
        with pytest.raises(BufferClosed):
            await call

    with pytest.raises(BufferClosed):
        await queue.put(9)

    assert repr(queue) == "<WorkQueue 0 running, 0 waiting, 0 hands, closed>"


async def test_an_error_of_work_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(item: Any) -> None:
        raise LookupError("no")

    queue = WorkQueue()
    queue.attach(Doer(fail))
    await queue.put(1)
    await queue.join()
    await turns()
    assert "<Job 1, attempt 1> has failed" in caplog.text
    await queue.aclose()


def test_what_is_no_queue_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one of each"):
        WorkQueue(per_hand=0)


async def test_a_cancellation_anywhere_loses_nothing() -> None:
    queue, doer = WorkQueue(maxsize=1), Doer()
    queue.attach(doer)
    number = 0
    put: list[int] = []

    async def use() -> None:
        nonlocal number

        for _ in range(2):
            number += 1
            mine = number
            await queue.put(mine)
            put.append(mine)

        assert await queue.submit(0) == 0
        await queue.join()

    async def check() -> None:
        async with asyncio.timeout(5):
            await queue.join()

        done = [item for item in doer.done if item]
        assert len(done) == len(set(done))
        assert set(put) <= set(done)
        assert (queue.promised_room, len(queue.putters), len(queue.joiners)) == (0, 0, 0)

    await cancel_sweep(use, check)

    async def close() -> None:
        await queue.aclose()

    await cancel_sweep(close, lambda: None)
    assert not queue.hands


async def test_detaching_can_be_cancelled_anywhere() -> None:
    queue = WorkQueue(deliveries=99)
    doer = Doer(for_ever)
    calls = [asyncio.create_task(queue.submit(1))]

    async def use() -> None:
        queue.attach(doer)
        await turns()
        await queue.detach(doer, WorkerDied("handle", None))

    async def check() -> None:
        if doer in queue.hands:
            await queue.detach(doer, WorkerDied("handle", None))

        assert (len(queue.jobs), len(queue.running), queue.promised_jobs, queue.endings) == (1, 0, 0, {})

    await cancel_sweep(use, check)
    await queue.aclose()

    with pytest.raises(BufferClosed):
        await calls[0]
