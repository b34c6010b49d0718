"""What many wait for comes to all of them, and one that gives up hurts no other."""

import asyncio

import pytest

from hagworm.extend.asyncio.base.latch import Latch, ValueEvent
from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


async def test_a_latch_opens_for_all_when_it_has_been_counted_down() -> None:
    latch = Latch(3)
    waiting = [asyncio.create_task(latch.wait()) for _ in range(3)]
    await yield_now()
    latch.count_down(2)
    await yield_now()
    assert repr(latch) == "<Latch 1 to go, 3 waiting>"
    latch.count_down()
    await asyncio.gather(*waiting)
    await latch.wait()
    latch.count_down()
    assert latch.is_open and repr(latch) == "<Latch open, 0 waiting>"


def test_a_latch_counts_down_only() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        Latch(-1)

    with pytest.raises(ValueError, match="at least 1"):
        Latch(2).count_down(0)

    assert Latch(0).is_open


def test_waiting_for_a_latch_or_an_event_ends_with_its_time() -> None:
    async def main() -> None:
        latch, event = Latch(), ValueEvent[int]()

        for waiting in (latch.wait(timeout=5), event.wait(timeout=5)):
            with pytest.raises(TimeoutError):
                await waiting

        assert asyncio.get_running_loop().time() == 10
        assert not latch.waiters and not event.waiters

    run_virtual(main())


async def test_an_event_gives_its_value_to_all_who_wait_and_to_those_who_come() -> None:
    event = ValueEvent[str]()
    waiting = [asyncio.create_task(event.wait()) for _ in range(2)]
    await yield_now()
    assert repr(event) == "<ValueEvent not set, 2 waiting>"
    event.set("first")
    event.clear()
    event.set("second")
    assert [await task for task in waiting] == ["first", "first"]
    assert await event.wait() == event.get_nowait() == "second"
    event.clear()
    assert not event.is_set

    with pytest.raises(LookupError):
        event.get_nowait()


async def test_3a9_one_waiter_that_gives_up_hurts_no_other() -> None:
    """3A.9: with aiomisc the time-out of one waiter cancelled the future that all of them shared."""
    event = ValueEvent[int]()
    patient = asyncio.create_task(event.wait())
    impatient = asyncio.create_task(event.wait())
    await yield_now()
    impatient.cancel()
    await yield_now()
    event.set(7)
    assert await patient == 7


async def test_no_cancellation_leaves_a_waiter_behind() -> None:
    event = ValueEvent[int]()
    latch = Latch()

    async def scene() -> None:
        nonlocal latch
        latch = Latch()
        event.clear()
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, event.set, 1)
        await event.wait()
        loop.call_soon(latch.count_down)
        await latch.wait()

    def check() -> None:
        assert not event.waiters and not latch.waiters

    sweep = await cancel_sweep(scene, check)
    assert sweep.suspensions == 2


async def test_many_that_give_up_cost_no_more_each_than_a_few() -> None:
    """Leaving from the middle of a long queue does not walk through it."""
    waiters: Waiters[None] = Waiters()
    tasks = [asyncio.create_task(waiters.wait(None, lambda _: None)) for _ in range(2000)]
    await yield_now()
    assert len(waiters) == 2000

    for task in reversed(tasks):
        task.cancel()

    await asyncio.wait(tasks)
    assert not waiters and not waiters.wake() and waiters.first() is None


async def test_an_error_is_each_waiter_s_own() -> None:
    waiters: Waiters[None] = Waiters()
    tasks = [asyncio.create_task(waiters.wait(None, lambda _: None)) for _ in range(2)]
    await yield_now()
    tasks[0].cancel()
    waiters.fail(lambda: OSError("gone"))
    assert [type(result) for result in await asyncio.gather(*tasks, return_exceptions=True)] == [
        asyncio.CancelledError,
        OSError,
    ]
