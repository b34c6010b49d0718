"""The first one wins; what it brought, and what is wrong with it, is not lost; the others have ended."""

import asyncio
from typing import Any

import pytest

from hagworm.extend.asyncio.base.queues import ClosableQueue
from hagworm.extend.asyncio.base.selection import Winner, race, select
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual

ended: list[str] = []


@pytest.fixture(autouse=True)
def nobody_has_ended() -> None:
    ended.clear()


async def runner(name: str, turns: int, error: BaseException | None = None, cleaning: int = 2) -> str:
    try:
        await yield_now(turns)

        if error is not None:
            raise error

        return name
    finally:
        await yield_now(cleaning)
        ended.append(name)


async def test_p16_the_winner_brings_its_result_and_the_others_have_ended() -> None:
    """P16: the result of the winner was lost, and the losers were not awaited."""
    assert await race(runner("slow", 50), runner("quick", 1)) == Winner(1, "quick")
    assert ended == ["quick", "slow"]


async def test_p16_the_error_of_the_winner_is_raised() -> None:
    """P16: an error of the winner was lost."""
    with pytest.raises(OSError, match="first"):
        await race(runner("slow", 50), runner("quick", 1, OSError("first")))

    assert "slow" in ended


async def test_the_first_to_succeed_may_win_instead() -> None:
    winner = await race(runner("a", 1, OSError("a")), runner("b", 20), runner("c", 60), until="succeeded")
    assert winner == (1, "b")

    with pytest.raises(ExceptionGroup) as caught:
        await race(runner("a", 9, OSError("a")), runner("b", 1, KeyError("b")), until="succeeded")

    assert [type(error) for error in caught.value.exceptions] == [KeyError, OSError]


async def test_a_loser_that_fails_over_its_end_is_told_to_the_loop() -> None:
    told: list[str] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))

    async def sore() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("sore loser")

    assert await race(sore(), runner("quick", 1)) == (1, "quick")
    loop.set_exception_handler(before)
    assert told == ["sore loser"]


def test_a_race_ends_with_its_time() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await race(asyncio.sleep(10), asyncio.sleep(20), timeout=5)

        assert asyncio.get_running_loop().time() == 5
        assert len(asyncio.all_tasks()) == 1

    run_virtual(main())


async def test_a_selection_holds_what_has_finished() -> None:
    found = await select(runner("slow", 50), runner("quick", 1))
    assert (found.index, found.result(), list(found), found[0], len(found)) == (1, "quick", [None, "quick"], None, 2)
    assert ended == ["quick", "slow"]
    assert repr(found) == "<Selected 1 of 2, 0 failed>"


def test_3a36_when_time_is_over_it_is_told() -> None:
    """3A.36: aiomisc's `select(timeout=)` returned a result that was not done, whose value was None."""

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await select(asyncio.sleep(10), timeout=5)

        assert len(asyncio.all_tasks()) == 1

    run_virtual(main())


async def test_3a36_no_error_is_dropped() -> None:
    """3A.36: aiomisc's `select` dropped all errors but the first one."""
    first, second = (runner(name, 1, OSError(name), 0) for name in "ab")

    with pytest.raises(OSError, match="a") as caught:
        await select(first, second)

    assert caught.value.__notes__ == ["1 more failed: OSError('b')"]

    found = await select(
        runner("a", 1, OSError("a"), 0), runner("b", 1, OSError("b"), 0), runner("c", 9), return_exceptions=True
    )
    assert [type(entry) for entry in found] == [OSError, OSError, type(None)]

    with pytest.raises(OSError, match="a"):
        found.result()


async def test_tasks_may_go_on_when_one_has_been_selected() -> None:
    task = asyncio.create_task(runner("slow", 50))
    found = await select(task, runner("quick", 1), runner("other", 60), cancel=False)
    assert found.result() == "quick"
    assert not task.done() and "other" in ended
    assert await task == "slow"


async def test_one_that_is_cancelled_on_its_own_is_told() -> None:
    task = asyncio.create_task(asyncio.Event().wait())
    asyncio.get_running_loop().call_soon(task.cancel)

    with pytest.raises(asyncio.CancelledError):
        await select(task, runner("slow", 50))

    task = asyncio.create_task(asyncio.Event().wait())
    asyncio.get_running_loop().call_soon(task.cancel)
    found: Any = await select(task, runner("slow", 50), return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)


async def test_nothing_is_no_race() -> None:
    for contest in (race(), select()):
        with pytest.raises(ValueError, match="nothing"):
            await contest


async def test_no_item_is_lost_to_a_selection() -> None:
    one: ClosableQueue[int] = ClosableQueue(9)
    two: ClosableQueue[int] = ClosableQueue(9)
    loop = asyncio.get_running_loop()

    for put in (one, two):
        loop.call_soon(loop.call_soon, put.put_nowait, 1)

    found = await select(one.get(), two.get())
    taken = [entry for entry in found if entry is not None]
    assert len(taken) + len(one) + len(two) == 2


async def test_no_cancellation_leaves_a_runner_behind() -> None:
    begun = 0

    async def run(turns: int) -> None:
        nonlocal begun
        begun += 1

        try:
            await yield_now(turns)
        finally:
            begun -= 1

    def check() -> None:
        assert begun == 0

    await cancel_sweep(lambda: race(run(3), run(9)), check)
    await cancel_sweep(lambda: race(run(3), run(9), until="succeeded", timeout=60), check)
    await cancel_sweep(lambda: select(run(3), run(9)), check)
