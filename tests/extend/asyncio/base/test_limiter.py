"""As many may go on as there are permits, in the order in which they came, and no permit is ever lost."""

import asyncio
from typing import Any

import pytest

from hagworm.extend.asyncio.base.limiter import CapacityLimiter
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.extend.error import Overloaded
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


async def test_no_more_hold_permits_than_there_are() -> None:
    limiter = CapacityLimiter(3)
    running, most = 0, 0

    async def work() -> None:
        nonlocal running, most

        async with limiter:
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(work())

    assert (most, limiter.used, limiter.free) == (3, 0, 3)
    assert limiter.statistics().acquired == 20


async def test_tasks_get_permits_in_the_order_in_which_they_asked() -> None:
    limiter = CapacityLimiter(1)
    order: list[int] = []

    async def work(number: int) -> None:
        async with limiter:
            order.append(number)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(work(number))

    assert order == list(range(10))


async def test_a_newcomer_does_not_overtake_one_that_has_been_woken() -> None:
    limiter = CapacityLimiter(1)
    await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await yield_now()
    limiter.release()

    with pytest.raises(Overloaded):
        limiter.acquire_nowait()

    await waiting
    assert limiter.used == 1


async def test_one_that_wants_much_is_not_passed_by_those_that_want_little() -> None:
    limiter = CapacityLimiter(3)
    order: list[str] = []

    async def work(name: str, count: int) -> None:
        async with limiter.hold(count):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for name, count in [("one", 1), ("all", 3), ("late", 1)]:
            group.create_task(work(name, count))

    assert order == ["one", "all", "late"]


async def test_when_one_that_wants_much_gives_up_those_behind_it_get_in() -> None:
    limiter = CapacityLimiter(2)
    await limiter.acquire()
    much = asyncio.create_task(limiter.acquire(2))
    little = asyncio.create_task(limiter.acquire())
    await yield_now()
    assert not little.done()

    much.cancel()
    await little
    assert limiter.used == 2


def test_waiting_ends_with_its_time_and_leaves_nothing_behind() -> None:
    async def main() -> None:
        limiter = CapacityLimiter(1)
        await limiter.acquire()

        with pytest.raises(TimeoutError):
            await limiter.acquire(timeout=5)

        assert asyncio.get_running_loop().time() == 5
        assert limiter.statistics().waiting == 0
        limiter.release()
        assert limiter.free == 1

    run_virtual(main())


async def test_beyond_max_waiting_a_task_is_turned_away_at_once() -> None:
    limiter = CapacityLimiter(1, max_waiting=1)
    await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await yield_now()

    with pytest.raises(Overloaded, match="1 tasks wait"):
        await limiter.acquire()

    assert limiter.statistics().refused == 1
    limiter.release()
    await waiting


async def test_q6_the_number_of_permits_can_be_changed_at_any_time() -> None:
    """Q6: the original's setter raised TypeError."""
    limiter = CapacityLimiter(1)
    await limiter.acquire()
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
    await yield_now()

    limiter.total = 3
    await yield_now()
    assert [task.done() for task in waiting] == [True, True, False]

    limiter.total = 1
    limiter.release()
    limiter.release()
    await yield_now()
    assert not waiting[2].done()

    limiter.release()
    await waiting[2]
    assert repr(limiter) == "<CapacityLimiter 1 of 1 in use, 0 waiting>"


async def test_one_that_wants_more_than_a_limiter_that_shrank_gets_it_when_all_others_are_done() -> None:
    limiter = CapacityLimiter(2)
    await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire(2))
    await yield_now()
    limiter.total = 1
    limiter.release()
    await waiting
    assert limiter.used == 2


@pytest.mark.parametrize("count", [0, -1, 4])
async def test_impossible_numbers_are_refused(count: int) -> None:
    limiter = CapacityLimiter(3)

    with pytest.raises(ValueError, match=str(count)):
        await limiter.acquire(count)

    with pytest.raises(RuntimeError, match="released"):
        limiter.release(count)

    assert limiter.used == 0


def test_a_limiter_has_at_least_one_permit() -> None:
    with pytest.raises(ValueError, match="at least one"):
        CapacityLimiter(0)

    with pytest.raises(ValueError, match="at least one"):
        CapacityLimiter(1).total = 0


async def test_q8_a_permit_is_in_use_until_the_work_has_really_ended() -> None:
    """Q8: the original freed a slot when a handle was cancelled, while the work went on."""
    limiter = CapacityLimiter(1)
    running, most = 0, 0
    stubborn = asyncio.Event()

    async def work() -> None:
        nonlocal running, most

        async with limiter:
            running += 1
            most = max(most, running)

            try:
                await stubborn.wait()
            finally:
                await asyncio.sleep(0)  # cleaning up takes its time
                running -= 1

    tasks = [asyncio.create_task(work()) for _ in range(4)]

    for task in tasks:
        await yield_now()
        task.cancel()

    await asyncio.gather(*tasks, return_exceptions=True)
    assert (most, limiter.used) == (1, 0)


@pytest.mark.parametrize("count", [1, 2])
async def test_a_cancelled_task_takes_no_permit_with_it(count: int) -> None:
    limiter: CapacityLimiter

    async def scene() -> None:
        nonlocal limiter
        limiter = CapacityLimiter(2)
        await limiter.acquire(2)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, limiter.release, 2)

        async with limiter.hold(count):
            await asyncio.sleep(0)

    def check() -> None:
        # Permits of the first acquire are still out if the scene ended before they were released.
        if limiter.used == 2:
            return

        assert (limiter.used, len(limiter.waiters)) == (0, 0)

    async def settle() -> None:
        await yield_now(3)
        check()
        assert limiter.used == 0

    sweep = await cancel_sweep(scene, settle)
    assert sweep.suspensions == 2


async def test_a_permit_that_comes_with_the_cancellation_goes_to_the_next() -> None:
    limiter = CapacityLimiter(1)
    await limiter.acquire()
    first, second = (asyncio.create_task(limiter.acquire()) for _ in range(2))
    await yield_now()
    limiter.release()
    first.cancel()
    await second
    assert first.cancelled()
    assert limiter.used == 1


async def test_a_permit_that_comes_when_time_is_over_goes_to_the_next() -> None:
    limiter = CapacityLimiter(1)
    await limiter.acquire()

    async def wait() -> None:
        async with asyncio.timeout(None) as scope:
            loop = asyncio.get_running_loop()
            loop.call_soon(scope.reschedule, loop.time())
            loop.call_soon(limiter.release)
            await limiter.acquire()

    with pytest.raises(TimeoutError):
        await wait()

    await limiter.acquire()
    assert limiter.used == 1


def test_it_serves_one_loop_after_the_other_but_not_two_at_a_time() -> None:
    limiter = CapacityLimiter(1)

    async def use() -> None:
        await limiter.acquire()
        waiting = asyncio.create_task(limiter.acquire())
        await yield_now()
        limiter.release()
        await waiting
        limiter.release()

    for _ in range(2):
        asyncio.run(use())

    async def misuse() -> None:
        await limiter.acquire()
        waiting: Any = asyncio.create_task(limiter.acquire())
        await yield_now()
        other = asyncio.new_event_loop()

        def ask() -> None:
            with pytest.raises(RuntimeError, match="another event loop"):
                other.run_until_complete(limiter.acquire())

            other.close()

        await asyncio.to_thread(ask)
        limiter.release()
        await waiting

    asyncio.run(misuse())
