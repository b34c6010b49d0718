"""A call takes no longer than it may."""

import asyncio

import pytest

from hagworm.extend.asyncio.base.deadline import remaining, within
from hagworm.extend.asyncio.resilience.timeout import Timeout
from hagworm.extend.error import DeadlineExceeded, DefinitionError
from hagworm.testing.virtual_time import run_virtual


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_a_call_that_takes_too_long_is_cancelled() -> None:
    async def main() -> None:
        ended: list[float] = []

        @Timeout(2)
        async def hang() -> None:
            try:
                await forever()
            finally:
                ended.append(asyncio.get_running_loop().time())

        with pytest.raises(DeadlineExceeded, match="not done within 2 s"):
            await hang()

        assert ended == [2]
        assert await Timeout(2).call(asyncio.sleep, 1, "done") == "done"

    run_virtual(main())


def test_the_time_may_depend_on_the_arguments() -> None:
    async def main() -> None:
        @Timeout(lambda seconds, **_: seconds)
        async def look(seconds: float | None, *, extra: int = 0) -> float | None:
            return remaining()

        assert await look(3, extra=1) == 3
        assert await look(None) is None

        async with within(1):
            assert await look(3) == 1
            assert await look(None) == 1

    run_virtual(main())


def test_a_call_for_which_no_time_is_left_is_not_made() -> None:
    async def main() -> None:
        calls = 0

        async def count() -> None:
            nonlocal calls
            calls += 1

        with pytest.raises(DeadlineExceeded):
            async with within(1):
                try:
                    await forever()
                finally:
                    await Timeout(5).call(count)

        assert calls == 0

    run_virtual(main())


def test_a_plain_function_cannot_be_interrupted() -> None:
    with pytest.raises(DefinitionError, match="Timeout cannot be put around"):
        Timeout(1)(print)

    with pytest.raises(DefinitionError):
        Timeout(1).call_sync(print)


def test_a_time_that_is_none_is_refused() -> None:
    for seconds in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="Timeout"):
            Timeout(seconds)
