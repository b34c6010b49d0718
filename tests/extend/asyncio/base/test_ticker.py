"""Loops go round as often and as long as they may, in time, and never wait in vain."""

import asyncio
import random
import time
from typing import Any

import pytest

from hagworm.extend.asyncio.base.ticker import AsyncCirculator, AsyncCirculatorForSecond, Ticker
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


async def moments(ticker: Any, body: float = 0.0) -> list[float]:
    loop = asyncio.get_running_loop()
    seen = []

    async for step in ticker:
        seen.append(loop.time())
        assert step == len(seen)

        if body:
            await asyncio.sleep(body)

    return seen


def test_rounds_begin_at_once_and_then_at_equal_distances() -> None:
    async def main() -> None:
        assert await moments(Ticker(2.0, max_times=4)) == [0, 2, 4, 6]

    run_virtual(main())


def test_p21_it_does_not_wait_after_the_last_round() -> None:
    """P21: the original slept for an interval after the last attempt."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert await moments(Ticker(5.0, max_times=1)) == [0]
        assert loop.time() == 0
        ticker = Ticker(2.0, timeout=5.0)
        assert await moments(ticker) == [0, 2, 4]
        assert loop.time() == 4
        assert ticker.expired and repr(ticker) == "<Ticker step 3, expired>"

    run_virtual(main())


def test_what_a_round_takes_does_not_add_up() -> None:
    async def main() -> None:
        ticker = Ticker(0.02, max_times=200)
        seen = await moments(ticker, 0.004)
        assert seen[-1] == pytest.approx(199 * 0.02, abs=1e-9)
        assert ticker.statistics().lag == pytest.approx(0, abs=1e-9)
        assert ticker.statistics().skipped == 0

    run_virtual(main())


def test_moments_that_pass_during_a_round_are_left_out_and_counted() -> None:
    async def main() -> None:
        ticker = Ticker(1.0, max_times=4)
        assert await moments(ticker, 2.5) == [0, 3, 6, 9]
        statistics = ticker.statistics()
        assert (statistics.steps, statistics.skipped) == (4, 6)

    run_virtual(main())


def test_jitter_delays_a_round_but_not_those_after_it() -> None:
    async def main() -> None:
        chance = iter([0.5, 1.0, 0.0])
        ticker = Ticker(1.0, max_times=4, jitter=0.2, random=lambda: next(chance))
        assert await moments(ticker) == pytest.approx([0, 1.1, 2.2, 3])

    run_virtual(main())


def test_the_circulator_for_seconds_is_called_as_ever() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert await moments(AsyncCirculatorForSecond(3)) == [0, 1, 2]
        start = loop.time()
        assert [moment - start for moment in await moments(AsyncCirculatorForSecond(0, 2, 3))] == [0, 2, 4]
        assert [step async for step in AsyncCirculatorForSecond(max_times=2, interval=0.5)] == [1, 2]

    run_virtual(main())


def test_the_circulator_looks_often_at_first_and_seldom_later() -> None:
    async def main() -> None:
        seen = await moments(AsyncCirculator(1.0, random=lambda: 0.0))
        pauses = [later - earlier for earlier, later in zip(seen, seen[1:], strict=False)]
        assert pauses[:8] == pytest.approx([0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.1])
        assert max(pauses) == pytest.approx(0.1)
        assert seen[-1] < 1.0

    run_virtual(main())


def test_p12_a_circulator_that_goes_on_for_long_does_not_overflow_and_differs_from_others() -> None:
    async def main() -> None:
        one = await moments(AsyncCirculator(max_times=2000, random=random.Random(1).random))
        assert len(one) == 2000
        assert 150 < one[-1] < 200

    run_virtual(main())


def test_p12_waiting_takes_no_time_of_the_processor() -> None:
    """P12: the original's took 0.78 s of the processor for each second of doing nothing."""

    async def main() -> None:
        async for _ in AsyncCirculator(0.5):
            pass

    before = time.process_time()
    asyncio.run(main())
    assert time.process_time() - before < 0.05


def test_a_loop_that_is_left_can_be_gone_on_with() -> None:
    async def main() -> None:
        ticker = Ticker(1.0, max_times=4)

        async for step in ticker:
            if step == 2:
                break

        assert repr(ticker) == "<Ticker step 2 of 4>"
        assert await anext(ticker) == 3

    run_virtual(main())


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        AsyncCirculator(-1)

    with pytest.raises(ValueError, match="negative"):
        Ticker(1, max_times=-1)

    with pytest.raises(ValueError, match="interval"):
        Ticker(0)

    with pytest.raises(ValueError, match="shortest"):
        AsyncCirculator(shortest=2, longest=1)


async def test_a_cancelled_loop_ends() -> None:
    async def scene() -> None:
        async for _ in Ticker(0.001, max_times=3):
            pass

        async for _ in AsyncCirculator(max_times=3):
            pass

    # A round that is late on a busy machine is not waited for.
    sweep = await cancel_sweep(scene)
    assert sweep.suspensions >= 2
