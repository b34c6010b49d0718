"""Again as soon as it has ended, and with some rest after errors."""

import asyncio
from typing import Any

import pytest

from hagworm.extend.asyncio.task import LoopTask
from hagworm.extend.error import ScheduleError
from tests.extend.asyncio.task.clockwork import Clockwork, settle


def loop_task(clock: Clockwork, body: Any, **options: Any) -> LoopTask:
    return LoopTask(body, clock=clock.time, sleep=clock.sleep, **options)


async def test_it_begins_again_the_delay_after_it_has_ended() -> None:
    clock = Clockwork()
    begun: list[float] = []

    async def body() -> None:
        begun.append(clock.now)
        await clock.sleep(2.0)

    async with loop_task(clock, body, delay=3.0):
        await clock.advance(11)

    assert begun == [0.0, 5.0, 10.0]


async def test_without_a_delay_others_have_their_turn_nevertheless() -> None:
    rounds = 0

    def body() -> None:
        nonlocal rounds
        rounds += 1

    async with LoopTask(body):
        await settle()
        assert 1 < rounds < 20


async def test_after_errors_it_rests_longer_and_longer_until_all_is_well() -> None:
    clock = Clockwork()
    begun: list[float] = []

    def body() -> None:
        begun.append(clock.now)

        if len(begun) in (1, 2, 3, 4, 6):
            raise ConnectionError("gone")

    task = loop_task(clock, body, delay=1.0, backoff=2.0, longest=6.0, on_error=lambda run, error: None)

    async with task:
        await clock.advance(24)

    # 2, 4, then 6 at most; 1 after a good one, and from 2 again.
    assert begun == [0.0, 2.0, 6.0, 12.0, 18.0, 19.0, 21.0, 22.0, 23.0, 24.0]


async def test_rest_can_be_ended_by_hand() -> None:
    clock = Clockwork()
    begun: list[float] = []
    gate = asyncio.Event()

    async def body() -> None:
        begun.append(clock.now)
        await gate.wait()

    async with loop_task(clock, body, delay=100.0) as task:
        await settle()
        assert not task.trigger(), "a run is going on"
        gate.set()
        await clock.advance(1)
        assert task.trigger()
        assert task.trigger()
        await clock.advance(1)
        assert begun == [0.0, 1.0]
        await clock.advance(100)
        assert begun == [0.0, 1.0, 101.0]

    with pytest.raises(RuntimeError, match="has not been started"):
        task.trigger()


async def test_a_paused_loop_begins_no_round() -> None:
    clock = Clockwork()
    begun: list[float] = []

    async with loop_task(clock, lambda: begun.append(clock.now), delay=1.0) as task:
        await clock.advance(2.5)
        task.pause()
        await clock.advance(5)
        assert begun == [0.0, 1.0, 2.0]
        task.trigger()
        await clock.advance(5)
        assert begun == [0.0, 1.0, 2.0, 7.5]
        task.resume()
        await clock.advance(1)
        assert begun == [0.0, 1.0, 2.0, 7.5, 12.5, 13.5]


async def test_an_error_can_end_it() -> None:
    def body() -> None:
        raise ValueError("no")

    task = LoopTask(body, on_error="stop")
    task.start()

    with pytest.raises(ValueError, match="no"):
        await task.wait()

    assert task.state == "failed"


@pytest.mark.parametrize("option", ["delay", "backoff", "longest"])
def test_no_rest_is_negative(option: str) -> None:
    with pytest.raises(ScheduleError, match="are seconds"):
        LoopTask(print, **{option: -1.0})  # type: ignore[arg-type]  # one of the three
