"""A thread that waits for a coroutine gets what comes of it, and never waits in vain."""

import asyncio
import contextvars
import gc
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hagworm.extend.asyncio.base.loop import run
from hagworm.extend.asyncio.future import (
    ThreadPool,
    check_cancelled,
    sync_await,
    sync_wait_coroutine,
    threaded,
    threaded_separate,
    wait_coroutine,
)
from hagworm.extend.error import PortalClosed
from tests.extend.asyncio.future.blocking import PATIENCE, happens, turns

word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")


async def double(value: int) -> int:
    await asyncio.sleep(0)
    return 2 * value


async def forever(begun: Callable[[], object]) -> None:
    begun()
    await asyncio.get_running_loop().create_future()


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread of its own."""
    started: list[asyncio.AbstractEventLoop] = []
    begun = threading.Event()

    async def main() -> None:
        started.append(asyncio.get_running_loop())
        begun.set()
        stop = stops[0] = asyncio.Event()
        await stop.wait()

    stops: dict[int, asyncio.Event] = {}
    thread = threading.Thread(target=run, args=(main(),), kwargs={"loop": "asyncio"})
    thread.start()
    assert begun.wait(PATIENCE)

    try:
        yield started[0]
    finally:
        started[0].call_soon_threadsafe(lambda: stops[0].set())
        thread.join(PATIENCE)


# What comes of it -----------------------------------------------------------------------------------------------------


async def test_a_function_in_a_thread_awaits_coroutines_of_the_loop_that_called_it() -> None:
    loop = asyncio.get_running_loop()

    async def where() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def work() -> tuple[int, bool]:
        return sync_await(double, 4), sync_await(where) is loop

    assert await threaded(work)() == (8, True)
    assert await threaded_separate(work)() == (8, True)

    async with ThreadPool(1) as pool:
        assert await pool.run(work) == (8, True)
        assert await asyncio.wrap_future(pool.submit(work)) == (8, True)
        assert await loop.run_in_executor(pool, work) == (8, True)


async def test_coroutines_awaited_by_a_thread_see_its_context() -> None:
    async def see() -> str:
        before = word.get()
        word.set("theirs")
        return before

    def work() -> tuple[str, str]:
        word.set("mine")
        return sync_await(see), word.get()

    assert await threaded(work)() == ("mine", "mine")
    assert word.get() == "none"


async def test_errors_reach_the_thread_with_their_traceback() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("gone")

    def work() -> list[str]:
        try:
            sync_await(fail)
        except LookupError as exc:
            return [frame.name for frame in traceback.extract_tb(exc.__traceback__)]

        return []

    names = await threaded(work)()
    assert names[0] == "work"
    assert names[-1] == "fail"


def test_any_thread_may_wait_for_a_coroutine_of_any_loop() -> None:
    with running_loop() as loop:
        assert sync_wait_coroutine(loop, double, 3) == 6
        assert wait_coroutine(double(4), loop) == 8

        with ThreadPool(4) as pool:
            calls = [pool.submit(sync_wait_coroutine, loop, double, number) for number in range(200)]
            assert [call.result(PATIENCE) for call in calls] == [2 * number for number in range(200)]


async def test_wait_coroutine_runs_a_coroutine_that_is_there_already() -> None:
    assert await threaded(lambda: wait_coroutine(double(21)))() == 42


# Where nobody may wait ------------------------------------------------------------------------------------------------


async def test_3a23_waiting_in_the_thread_of_a_loop_is_an_error_and_no_deadlock() -> None:
    loop = asyncio.get_running_loop()

    for wait in (
        lambda: sync_await(double, 1),
        lambda: sync_wait_coroutine(loop, double, 1),
        lambda: wait_coroutine(double(1)),
        lambda: wait_coroutine(double(1), loop),
    ):
        with pytest.raises(RuntimeError, match="an event loop runs in this thread"):
            wait()


def test_a_thread_that_works_for_no_loop_has_to_say_for_which_it_waits() -> None:
    with pytest.raises(RuntimeError, match="works for no event loop"):
        sync_await(double, 1)

    # The coroutine is closed: else this would warn.
    with pytest.raises(RuntimeError, match="works for no event loop"):
        wait_coroutine(double(1))

    with ThreadPool(1) as pool:
        with pytest.raises(RuntimeError, match="not asked for on an event loop"):
            pool.submit(sync_await, double, 1).result(PATIENCE)


def test_check_cancelled_says_nothing_in_threads_of_others() -> None:
    check_cancelled()


# Callers that leave ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patient", [False, True])
async def test_3a23_cancelling_the_caller_cancels_the_coroutine(
    patient: bool, caplog: pytest.LogCaptureFixture
) -> None:
    begun, ended = asyncio.Event(), threading.Event()
    seen: list[str] = []

    async def wait() -> None:
        try:
            await forever(begun.set)
        except asyncio.CancelledError:
            seen.append("coroutine")
            raise

    def work() -> None:
        try:
            sync_await(wait)
        except asyncio.CancelledError:
            seen.append("function")
            raise
        finally:
            ended.set()

    task = asyncio.ensure_future(threaded(work, on_cancel="wait")() if patient else threaded(work)())  # type: ignore[call-overload]
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    await happens(ended)
    assert seen == ["coroutine", "function"]
    await turns()
    assert caplog.records == []


async def test_who_waits_after_the_caller_has_left_is_told_at_once() -> None:
    begun, go, seen = threading.Event(), threading.Event(), asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def work() -> None:
        begun.set()
        assert go.wait(PATIENCE)

        try:
            sync_await(double, 1)
        except asyncio.CancelledError:
            loop.call_soon_threadsafe(seen.set_result, "told")
            raise

    async with ThreadPool(1) as pool:
        call = pool.run(work)
        await happens(begun)
        call.cancel()
        go.set()
        assert await seen == "told"


async def test_a_coroutine_that_cancels_itself_does_not_look_like_a_cancelled_caller() -> None:
    async def leave() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="raised CancelledError"):
        await threaded(lambda: sync_await(leave))()


async def test_an_aborted_pool_cancels_what_its_functions_wait_for() -> None:
    begun = asyncio.Event()
    pool = ThreadPool(1)
    call = pool.run(sync_await, forever, begun.set)
    await begun.wait()
    pool.abort()

    with pytest.raises(RuntimeError):
        await call

    await pool.aclose()


# Loops that end -------------------------------------------------------------------------------------------------------


def closed_after(leave: Callable[[asyncio.AbstractEventLoop], object]) -> BaseException | None:
    """Let a thread wait for a coroutine that never ends, then `leave` the loop; return what the thread was told."""
    loop = asyncio.new_event_loop()

    with ThreadPool(1) as pool:
        begun = asyncio.Event()
        waiting = pool.submit(sync_wait_coroutine, loop, forever, begun.set)
        loop.run_until_complete(begun.wait())
        leave(loop)
        return waiting.exception(PATIENCE)


def shut_down(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_a_thread_that_waits_is_told_that_the_loop_was_shut_down() -> None:
    error = closed_after(shut_down)
    assert isinstance(error, PortalClosed | asyncio.CancelledError)


def test_a_thread_that_waits_is_told_when_a_closed_loop_is_found_by_the_next_one(
    recwarn: pytest.WarningsRecorder,
) -> None:
    def close(loop: asyncio.AbstractEventLoop) -> None:
        loop.close()

        async def work() -> None:
            async with ThreadPool(1) as pool:
                await pool.run(abs, 1)

        asyncio.run(work())

    assert isinstance(closed_after(close), PortalClosed)
    gc.collect()


def test_a_closed_loop_is_waited_for_by_nobody() -> None:
    loop = asyncio.new_event_loop()
    loop.close()

    with pytest.raises(PortalClosed):
        sync_wait_coroutine(loop, double, 1)

    with pytest.raises(PortalClosed):
        wait_coroutine(double(1), loop)


def test_a_coroutine_cancelled_with_its_loop_ends_the_waiting() -> None:
    async def main(pool: ThreadPool) -> Any:
        begun = asyncio.Event()
        waiting = pool.submit(sync_await, forever, begun.set)
        await begun.wait()
        return waiting

    with ThreadPool(1) as pool:
        waiting = asyncio.run(main(pool))
        assert isinstance(waiting.exception(PATIENCE), asyncio.CancelledError)
