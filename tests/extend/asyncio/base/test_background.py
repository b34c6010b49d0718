"""What runs in the background is owned, named, and heard of when it fails."""

import asyncio
import gc
from contextvars import ContextVar
from typing import Any

import pytest

from hagworm.extend.asyncio.base.background import Background, default_background, spawn
from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.extend.error import Closed
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual

number: ContextVar[int] = ContextVar("number", default=0)


async def forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise OSError("no")


async def stubborn(ended: list[str], turns: int = 3) -> None:
    """Take some turns of the loop to end."""
    try:
        await forever()
    finally:
        await yield_now(turns)
        ended.append("ended")


async def test_p10_a_task_that_nobody_holds_is_held() -> None:
    """P10: 10 of 10 coroutines that waited for something out of reach were destroyed by the garbage collector."""
    tasks = [id(spawn(forever())) for _ in range(10)]
    await yield_now()
    gc.collect()
    held = [task for task in default_background().tasks if id(task) in tasks]
    assert len(held) == 10
    assert await cancel_tasks(held) == set()


async def test_an_error_is_told_to_the_loop_at_once() -> None:
    loop = asyncio.get_running_loop()
    told: list[dict[str, Any]] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context))
    task = spawn(fail(), name="mailer")
    await yield_now(3)
    loop.set_exception_handler(before)
    assert [(context["message"], str(context["exception"])) for context in told] == [
        ("background task 'mailer' failed", "no")
    ]
    assert told[0]["task"] is task


async def test_a_background_ends_with_its_block() -> None:
    ended: list[str] = []

    async with Background() as background:
        background.spawn(stubborn(ended), name="b")
        background.spawn(forever(), name="a")
        await yield_now()
        assert repr(background) == "<Background 2 running: a, b>"

    assert ended == ["ended"]
    assert repr(background) == "<Background closed, 0 running>"
    statistics = background.statistics()
    assert (statistics.running, statistics.started, statistics.cancelled) == (0, 2, 2)

    with pytest.raises(Closed):
        background.spawn(forever())


async def test_an_error_goes_to_whoever_is_named_for_it() -> None:
    errors: list[BaseException] = []

    async with Background(on_error=lambda _, error: errors.append(error)) as background:
        background.spawn(fail())
        await background.wait_idle()

    assert [str(error) for error in errors] == ["no"]
    assert background.statistics().failed == 1


def test_closing_waits_for_what_ends_in_time_and_names_what_does_not() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        background = Background()
        quick = background.spawn(asyncio.sleep(3, "done"))
        deaf = background.spawn(ignore_cancellation())
        assert await background.aclose(grace=5, timeout=2) == {deaf}
        assert quick.result() == "done"
        assert loop.time() == 7

        with pytest.raises(TimeoutError):
            await background.wait_idle(timeout=1)

        await background.wait_idle()

    run_virtual(main())


async def ignore_cancellation() -> None:
    for _ in range(2):
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            continue


async def test_any_awaitable_can_be_spawned_and_nothing_else() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = spawn(future, policy="inherit")
    future.set_result(1)
    assert await task == 1
    wrong: Any = 7

    with pytest.raises(TypeError, match="7"):
        spawn(wrong)


def test_a_coroutine_that_cannot_start_is_closed() -> None:
    # One that is never awaited would fail this test by its warning.
    with pytest.raises(RuntimeError):
        spawn(forever())

    with pytest.raises(RuntimeError):
        Background().spawn(forever())


async def test_a_task_has_the_context_that_its_background_gives() -> None:
    async def look() -> int:
        return number.get()

    number.set(1)

    async with Background() as detached, Background(policy="inherit") as inheriting:
        tasks = [detached.spawn(look()), inheriting.spawn(look()), detached.spawn(look(), policy="inherit")]
        assert [await task for task in tasks] == [0, 1, 1]


async def test_cancelling_waits_until_all_have_ended() -> None:
    ended: list[str] = []
    tasks = [asyncio.create_task(stubborn(ended)) for _ in range(3)]
    done = asyncio.create_task(asyncio.sleep(0))
    await yield_now(2)
    assert await cancel_tasks([*tasks, done]) == set()
    assert ended == ["ended"] * 3
    assert [task.cancelled() for task in tasks] == [True] * 3


async def test_a_task_that_cancels_all_does_not_cancel_itself() -> None:
    own = asyncio.current_task()
    assert own is not None
    assert await cancel_tasks([own]) == set()
    assert own.cancelling() == 0


async def test_an_interrupted_cancelling_goes_on_until_all_have_ended() -> None:
    ended: list[str] = []
    tasks: list[asyncio.Task[None]] = []

    async def scene() -> None:
        tasks[:] = [asyncio.create_task(stubborn(ended, 3))]
        await asyncio.sleep(0)
        await cancel_tasks(tasks)

    async def check() -> None:
        if tasks and not tasks[0].cancelling():
            await cancel_tasks(tasks)

        assert all(task.done() for task in tasks)

    await cancel_sweep(scene, check)


async def test_no_cancellation_of_closing_leaves_a_task_behind() -> None:
    background: Background

    async def scene() -> None:
        nonlocal background
        background = Background()
        background.spawn(stubborn([], 2))
        await asyncio.sleep(0)
        await background.aclose(grace=0.001)

    async def check() -> None:
        if not background.is_closed:
            await background.aclose()

        assert not background.tasks

    await cancel_sweep(scene, check)


async def test_each_loop_has_a_background_of_its_own() -> None:
    mine = default_background()
    assert default_background() is mine

    async def other() -> Background:
        return default_background()

    assert await asyncio.to_thread(lambda: asyncio.run(other())) is not mine


async def test_a_cancellation_of_cancelling_is_handed_on_to_the_tasks() -> None:
    async def deaf_once() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            await forever()

    task = asyncio.create_task(deaf_once())
    await yield_now()
    cancelling = asyncio.create_task(cancel_tasks([task]))
    await yield_now(3)
    assert not task.done()
    cancelling.cancel()
    await asyncio.wait([cancelling], timeout=5)
    done = task.done()
    task.cancel()
    await asyncio.wait([task, cancelling])
    assert done and cancelling.cancelled()
