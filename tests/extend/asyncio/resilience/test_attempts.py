"""A block of code is retried as a function is."""

import asyncio

import pytest

from hagworm.extend.asyncio.base.deadline import remaining, within
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.error import DeadlineExceeded, DefinitionError
from hagworm.extend.resilience.budget import RetryBudget
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_a_block_is_tried_until_it_is_left_without_an_error() -> None:
    async def main() -> None:
        numbers = []

        async for attempt in Retry(5, backoff=1):
            with attempt:
                numbers.append(attempt.number)

                if attempt.number < 3:
                    raise ConnectionError

        assert numbers == [1, 2, 3]
        assert asyncio.get_running_loop().time() == 2

    run_virtual(main())


async def test_the_last_error_leaves_the_loop() -> None:
    numbers = []

    with pytest.raises(ConnectionError) as caught:
        async for attempt in Retry(3, backoff=0, name="block"):
            async with attempt:
                numbers.append(attempt.number)
                raise ConnectionError

    assert numbers == [1, 2, 3]
    assert caught.value.__notes__ == ["tried 3 times by block"]


async def test_an_error_that_is_not_meant_leaves_at_once() -> None:
    for error in (ValueError("no"), asyncio.CancelledError()):
        numbers = []

        with pytest.raises(type(error)):
            async for attempt in Retry(3, on=ConnectionError, backoff=0):
                with attempt:
                    numbers.append(attempt.number)
                    raise error

        assert numbers == [1]


async def test_a_block_may_ask_for_another_attempt() -> None:
    answers = iter([503, 502, 200, 200])
    status = 0

    async for attempt in Retry(3, backoff=0):
        with attempt:
            status = next(answers)

            if status >= 500:
                attempt.again()

    assert status == 200

    numbers = []

    async for attempt in Retry(3, backoff=0):
        with attempt:
            numbers.append(attempt.number)
            attempt.again()

    assert numbers == [1, 2, 3]


async def test_a_loop_without_a_block_runs_once() -> None:
    assert [attempt.number async for attempt in Retry(3)] == [1]
    assert [attempt.number for attempt in Retry(3)] == [1]


def test_times_hold_for_blocks_too() -> None:
    async def main() -> None:
        seen = []

        with pytest.raises(DeadlineExceeded) as caught:
            async for attempt in Retry(None, timeout=10, attempt_timeout=3, backoff=1):
                with attempt:
                    seen.append(remaining())
                    await forever()

        assert seen == [3, 3, 2]
        assert caught.value.seconds == 10
        assert asyncio.get_running_loop().time() == 10
        assert remaining() is None

    run_virtual(main())


def test_the_deadline_of_the_caller_bounds_blocks() -> None:
    async def main() -> None:
        numbers = []

        with pytest.raises(ConnectionError):
            async with within(5):
                async for attempt in Retry(10, backoff=2):
                    with attempt:
                        numbers.append(attempt.number)
                        raise ConnectionError

        assert numbers == [1, 2, 3]

    run_virtual(main())


def test_a_plain_loop_blocks_its_thread() -> None:
    pauses: list[float] = []
    numbers = []

    for attempt in Retry(5, backoff=2, block=pauses.append):
        with attempt:
            numbers.append(attempt.number)

            if attempt.number < 3:
                raise ConnectionError

    assert (numbers, pauses) == ([1, 2, 3], [2, 2])

    with pytest.raises(DefinitionError, match="async for"):
        iter(Retry(attempt_timeout=1))


async def test_blocks_share_the_budget_and_are_counted() -> None:
    retry = Retry(3, backoff=0, budget=RetryBudget(0, minimum=1))

    async for attempt in retry:
        with attempt:
            if attempt.number == 1:
                raise ConnectionError

    with pytest.raises(ConnectionError) as caught:
        async for attempt in retry:
            with attempt:
                raise ConnectionError

    assert caught.value.__notes__ == ["tried once by a block: the retry budget is used up"]
    assert retry.statistics() == {"retried": 1, "recovered": 1, "gave_up": 1, "over_budget": 1}


async def test_cancelling_leaves_no_deadline_behind() -> None:
    async def work() -> None:
        async for attempt in Retry(2, timeout=60, attempt_timeout=30, backoff=0):
            with attempt:
                await asyncio.sleep(0)

                if attempt.number == 1:
                    raise ConnectionError

    def check() -> None:
        assert remaining() is None

    assert (await cancel_sweep(work, check)).suspensions == 3


def test_an_attempt_says_which_it_is() -> None:
    for attempt in Retry(name="orders"):
        assert repr(attempt) == "<Attempt 1 of orders>"
