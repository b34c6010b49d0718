"""A result that is to come is waited for by many, none of whom can spoil it for the others."""

import asyncio
from typing import Any

import pytest

from hagworm.extend.asyncio.base.job import FutureWithTask, FutureWithTimeout
from hagworm.extend.asyncio.base.stopwatch import TimeDiff
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


async def wait_for(awaitable: Any) -> Any:
    return await awaitable


def test_without_a_result_in_time_it_is_the_default() -> None:
    async def main() -> None:
        future = FutureWithTimeout[str](5, "default")
        assert await asyncio.gather(wait_for(future), wait_for(future)) == ["default"] * 2
        assert asyncio.get_running_loop().time() == 5
        assert not future.set_result("late") and not future.cancel()

    run_virtual(main())


async def test_p18_a_result_ends_the_timer_and_the_first_one_counts() -> None:
    """P18: the timer raced a future that was done, which was an InvalidStateError."""
    future = FutureWithTimeout[str](60)
    waiting = asyncio.create_task(wait_for(future))
    await yield_now()
    assert repr(future) == "<FutureWithTimeout 1 waiting>"
    assert future.set_result("result")
    assert not future.set_result("other") and not future.set_exception(OSError())
    assert future.timer.cancelled()
    assert (await waiting, await future, future.done()) == ("result", "result", True)
    assert repr(future) == "<FutureWithTimeout done>"


async def test_an_error_is_each_waiter_s_own() -> None:
    future = FutureWithTimeout[str](60)
    waiting = [asyncio.create_task(wait_for(future)) for _ in range(2)]
    await yield_now()
    future.set_exception(OSError("no"))
    one, two = await asyncio.gather(*waiting, return_exceptions=True)
    assert str(one) == str(two) == "no" and one is not two


async def test_who_waits_no_longer_takes_the_default() -> None:
    future = FutureWithTimeout[str](60, "default")
    assert future.cancel()
    assert await future == "default"


async def test_no_cancellation_of_a_waiter_spoils_the_result() -> None:
    future: FutureWithTimeout[int]

    async def scene() -> None:
        nonlocal future
        future = FutureWithTimeout(60)
        asyncio.get_running_loop().call_soon(future.set_result, 7)
        assert await future == 7

    async def check() -> None:
        assert await future == 7

    await cancel_sweep(scene, check)


async def test_a_call_runs_in_a_task_of_its_own_and_many_wait_for_it() -> None:
    async def work() -> list[int]:
        await asyncio.sleep(0)
        return [1]

    job = FutureWithTask(work, "loader")
    assert repr(job) == "<FutureWithTask 'loader' not started, 0 waiting>"
    assert not job.done() and not job.cancel() and job.build_time
    task = job.run()
    assert task.get_name() == "loader"

    with pytest.raises(RuntimeError, match="already"):
        job.run()

    impatient = asyncio.create_task(wait_for(job))
    patient = asyncio.create_task(wait_for(job))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == [1]
    assert job.done() and await job == [1]


async def test_p8_cancelling_the_call_reaches_the_task_and_all_who_wait() -> None:
    """P8: a cancelled task left its future hanging, and a cancelled future its task running."""
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    job = FutureWithTask(work)
    waiting = [asyncio.create_task(wait_for(job)) for _ in range(2)]
    await yield_now(2)
    assert repr(job) == "<FutureWithTask None running, 2 waiting>"
    assert job.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    assert cancelled.is_set() and not job.cancel()


async def test_an_error_goes_to_who_waits_or_else_to_the_loop() -> None:
    told: list[str] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))

    async def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError):
        await FutureWithTask(fail)

    assert told == []
    FutureWithTask(fail).run()
    await yield_now(3)
    loop.set_exception_handler(before)
    assert told == ["no"]


def test_a_stopwatch_tells_the_whole_time_and_that_of_the_lap() -> None:
    times = iter([10.0, 12.0, 13.0, 15.0, 20.0, 21.0])
    watch = TimeDiff(clock=lambda: next(times))
    assert watch.check() == (2.0, 2.0)
    assert watch.check() == (3.0, 1.0)
    assert repr(watch) == "<TimeDiff 5.000 s>"
    watch.reset()
    assert watch.check() == (1.0, 1.0)
