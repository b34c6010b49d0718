"""A rate is never exceeded by what is let through, those that wait come in order, and nothing is lost."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.resilience.limiter import RateLimiter
from hagworm.extend.error import RateLimited
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import VirtualClock, run_virtual


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("burst", [None, 3])
def test_those_that_wait_are_let_through_at_the_rate_and_in_order(burst: int | None) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(10, per=1.0, burst=burst, clock=loop.time)
        seen: list[tuple[int, float]] = []

        async def come(number: int) -> None:
            async with limiter:
                seen.append((number, loop.time()))

        await asyncio.gather(*(come(number) for number in range(40)))

        assert [number for number, _ in seen] == list(range(40))
        moments = [moment for _, moment in seen]

        if burst is None:
            assert moments == pytest.approx([number // 10 for number in range(40)])
        else:
            assert moments == pytest.approx([max(0, number - 2) / 10 for number in range(40)], abs=1e-6)

        assert limiter.timer is None, "nobody waits, nothing is due"

    run_virtual(main())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 0.5, allow_subnormal=False), st.integers(1, 3), st.integers(-1, 1), st.booleans()),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([None, 2, 5]),
)
def test_q10_no_stretch_of_time_sees_too_many_whoever_comes_and_leaves(
    steps: list[tuple[float, int, int, bool]], burst: int | None
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(5, per=1.0, burst=burst, clock=loop.time)
        granted: list[tuple[float, int]] = []

        async def come(cost: int, priority: int) -> None:
            await limiter.acquire(cost, priority=priority)
            granted.append((loop.time(), cost))

        tasks = []

        for pause, cost, priority, leaves in steps:
            task = asyncio.create_task(come(min(cost, limiter.rule.most), priority))
            tasks.append(task)
            await asyncio.sleep(pause)

            if leaves:
                task.cancel()

        await asyncio.wait(tasks)
        assert len(granted) == sum(not task.cancelled() for task in tasks)

        for begin, _ in granted:
            if burst is None:
                assert sum(cost for at, cost in granted if begin <= at and begin + 1.0 > at) <= 5
            else:
                for end, _ in granted:
                    inside = sum(cost for at, cost in granted if begin <= at <= end)
                    assert begin > end or inside <= burst + (end - begin) * 5 + 1e-6

    run_virtual(main())


def test_one_too_many_is_refused_and_told_when_to_come_back() -> None:
    async def main() -> None:
        limiter = RateLimiter(1, per=10.0, waiting=1, name="mail", clock=asyncio.get_running_loop().time)
        await limiter.acquire()
        waiter = asyncio.create_task(limiter.acquire())
        await turn()

        with pytest.raises(RateLimited, match="mail: 1 in 10 s are used up, 1 wait; try again in 10 s") as caught:
            await limiter.acquire()

        assert caught.value.retry_after == 10
        assert limiter.statistics() == {"remaining": 0, "waiting": 1, "refused": 1}
        assert repr(limiter) == "<RateLimiter mail 0 free, 1 waiting, <SlidingWindow 1 in 10 s>>"
        await waiter

    run_virtual(main())


def test_nobody_waits_who_would_wait_in_vain() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(1, per=10.0, clock=loop.time)
        await limiter.acquire()

        with pytest.raises(RateLimited):
            async with within(5):
                await limiter.acquire()

        bounded = RateLimiter(1, per=10.0, wait=5, clock=loop.time)
        await bounded.acquire()

        with pytest.raises(RateLimited):
            await bounded.acquire()

        assert loop.time() == 0

    run_virtual(main())


def test_a_wait_that_turns_out_too_long_ends() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(1, per=10.0, wait=15, clock=loop.time)
        await limiter.acquire()
        first, second = asyncio.create_task(limiter.acquire()), asyncio.create_task(limiter.acquire())
        await asyncio.wait({first, second})

        assert first.exception() is None
        assert isinstance(second.exception(), RateLimited)
        assert loop.time() == 15
        assert limiter.timer is None

    run_virtual(main())


def test_those_of_higher_priority_come_first() -> None:
    async def main() -> None:
        limiter = RateLimiter(1, per=1.0, clock=asyncio.get_running_loop().time)
        await limiter.acquire()
        order: list[str] = []

        async def come(name: str, priority: int) -> None:
            await limiter.acquire(priority=priority)
            order.append(name)

        await asyncio.gather(*(come(*who) for who in [("a", 0), ("low", -1), ("b", 0), ("high", 1)]))
        assert order == ["high", "a", "b", "low"]

    run_virtual(main())


async def test_nobody_overtakes_those_that_wait() -> None:
    clock = VirtualClock()
    limiter = RateLimiter(2, per=3600, clock=clock)
    await limiter.acquire()
    waiter = asyncio.create_task(limiter.acquire(2))
    await turn()

    with pytest.raises(RateLimited):
        limiter.acquire_nowait()

    assert limiter.peek().allowed, "there is room for one, and somebody who needs two"
    waiter.cancel()
    await asyncio.wait({waiter})
    limiter.acquire_nowait()


async def test_cancelling_at_any_point_uses_nothing_up() -> None:
    limiter = RateLimiter(1000, per=3600.0)
    used = 0

    async def work() -> None:
        nonlocal used
        await asyncio.sleep(0)
        await limiter.acquire()
        used += 1
        await asyncio.sleep(0)

    await cancel_sweep(work, lambda: None)
    assert limiter.peek().remaining == 1000 - used


def test_who_is_let_through_and_cancelled_in_one_turn_gives_it_back() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(1, per=10.0, clock=loop.time)
        await limiter.acquire()
        first = asyncio.create_task(limiter.acquire())
        second = asyncio.create_task(limiter.acquire())
        await turn()
        # A timer that is set now runs right after the one of the limiter, before the tasks that it has woken.
        loop.call_at(10.0, first.cancel)
        await asyncio.wait({first, second})

        assert first.cancelled()
        assert second.exception() is None
        assert loop.time() == 10

    run_virtual(main())


def test_a_plain_function_blocks_its_thread() -> None:
    clock = VirtualClock()
    limiter = RateLimiter(2, per=1.0, clock=clock, block=clock.advance)
    moments: list[float] = []

    @limiter
    def work() -> None:
        moments.append(clock())

    for _ in range(6):
        work()

    assert moments == pytest.approx([0, 0, 1, 1, 2, 2])

    bounded = RateLimiter(1, per=10.0, wait=5, clock=clock)
    bounded.call_sync(int)

    with pytest.raises(RateLimited):
        bounded.call_sync(int)


def test_threads_together_keep_to_the_rate() -> None:
    limiter = RateLimiter(500, per=3600)
    taken: list[bool] = []

    def work() -> None:
        taken.extend(limiter.take() == 0 for _ in range(300))

    threads = [threading.Thread(target=work) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert sum(taken) == 500


async def test_a_cost_that_can_never_be_had_is_a_mistake() -> None:
    for limiter in (RateLimiter(5), RateLimiter(5, burst=3)):
        for cost in (0, -1, limiter.rule.most + 1):
            with pytest.raises(ValueError, match="cost"):
                await limiter.acquire(cost)


def test_a_limiter_moves_to_another_loop_when_nobody_waits() -> None:
    limiter = RateLimiter(2, per=0.01)

    async def main() -> None:
        await asyncio.gather(*(limiter.acquire() for _ in range(4)))

    asyncio.run(main())
    asyncio.run(main())


@pytest.mark.parametrize("make", [lambda: RateLimiter(0), lambda: RateLimiter(1, waiting=-1)])
def test_numbers_that_mean_nothing_are_refused(make: Callable[[], RateLimiter]) -> None:
    with pytest.raises(ValueError, match="limit|waiting"):
        make()
