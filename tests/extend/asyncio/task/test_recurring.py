"""The life of a recurring task: its start and stop, its errors, its runs."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from hagworm.extend.asyncio.task import IntervalTask, Run, current_run
from hagworm.testing.sweep import cancel_sweep
from tests.extend.asyncio.task.clockwork import Clockwork, settle


def timer(clock: Clockwork, body: Any, **options: Any) -> IntervalTask:
    return IntervalTask(10.0, body, clock=clock.time, sleep=clock.sleep, **options)


async def test_it_runs_from_start_to_stop() -> None:
    clock = Clockwork()
    seen: list[float] = []
    task = timer(clock, lambda: seen.append(clock.now), name="pulse")
    assert (task.state, repr(task)) == ("stopped", "<IntervalTask pulse, stopped, 0 runs>")
    task.start()
    task.start()
    assert (task.state, task.is_running) == ("running", True)
    await clock.advance(25)
    await task.stop()
    await task.stop()
    assert repr(task) == "<IntervalTask pulse, stopped, 2 runs>"
    await clock.advance(50)

    assert seen == [10.0, 20.0]


async def test_it_can_be_started_again_and_its_grid_begins_anew() -> None:
    clock = Clockwork()
    seen: list[float] = []
    task = timer(clock, lambda: seen.append(clock.now))

    async with task:
        await clock.advance(13)

    await clock.advance(2)

    async with task:
        await clock.advance(13)

    assert seen == [10.0, 25.0]


async def test_stopping_cancels_and_awaits_its_runs() -> None:
    clock = Clockwork()
    steps: list[str] = []

    async def body() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("cleaning up")
            await asyncio.sleep(0)
            steps.append("clean")

    async with timer(clock, body) as task:
        await clock.advance(10)
        await task.stop()

    assert steps == ["cleaning up", "clean"]
    assert (task.statistics().cancelled, task.statistics().running) == (1, 0)


async def test_x19_runs_can_be_given_time_to_end() -> None:
    """X19: stopping did not wait for the running job."""
    clock = Clockwork()
    ended: list[int] = []
    gate = asyncio.Event()

    async def body() -> None:
        await gate.wait()
        ended.append(current_run().number)

    task = timer(clock, body, overlap="queue")
    task.start()
    await clock.advance(25)
    stopping = asyncio.create_task(task.stop(grace=None))
    await settle()
    assert task.state == "stopping"
    gate.set()
    await stopping

    assert ended == [1], "the one that waited is not started any more"
    assert task.statistics().skipped == 1


async def test_but_not_more_than_they_are_given() -> None:
    clock = Clockwork()
    task = timer(clock, asyncio.Event().wait)
    task.start()
    await clock.advance(10)
    await task.stop(grace=0.001)

    assert task.statistics().cancelled == 1


async def test_a_stop_that_is_cancelled_cancels_the_runs() -> None:
    clock = Clockwork()
    task = timer(clock, asyncio.Event().wait)
    task.start()
    await clock.advance(10)
    stopping = asyncio.create_task(task.stop(grace=None))
    await settle()
    stopping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await stopping

    await task.idle()

    assert task.statistics().cancelled == 1


@pytest.mark.parametrize("in_a_task_of_its_own", [False, True])
async def test_a_run_can_stop_its_own_task_and_goes_on(in_a_task_of_its_own: bool) -> None:
    clock = Clockwork()
    steps: list[str] = []

    async def body() -> None:
        if in_a_task_of_its_own:
            await asyncio.create_task(task.stop())
        else:
            await task.stop()

        steps.append("after stop")

    task = timer(clock, body)
    task.start()
    await clock.advance(40)
    await task.wait()

    assert steps == ["after stop"]
    assert task.statistics().started == 1


async def test_an_error_is_logged_and_the_next_run_takes_place(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clockwork()

    def body() -> None:
        raise ValueError("no")

    async with timer(clock, body, name="pulse") as task:
        await clock.advance(25)
        assert (task.statistics().failed, task.state) == (2, "running")

    assert [record.getMessage() for record in caplog.records] == ["run 1 of pulse failed", "run 2 of pulse failed"]
    assert all(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)


async def test_or_it_stops_the_task_and_is_raised_where_that_is_awaited() -> None:
    clock = Clockwork()

    def body() -> None:
        raise ValueError("no")

    task = timer(clock, body, on_error="stop")
    task.start()
    await clock.advance(25)

    with pytest.raises(ValueError, match="no"):
        await task.wait()

    assert (task.statistics().started, task.state, task.is_running) == (1, "failed", False)
    task.start()
    assert task.error is None
    await task.stop()


async def test_or_a_function_is_asked_which_stops_the_task_by_raising() -> None:
    clock = Clockwork()
    told: list[tuple[int, str]] = []

    def body() -> None:
        raise ValueError("no")

    def judge(run: Run, error: BaseException) -> None:
        told.append((run.number, str(error)))

        if run.number == 2:
            raise RuntimeError("enough") from error

    task = timer(clock, body, on_error=judge)
    task.start()
    await clock.advance(55)

    with pytest.raises(RuntimeError, match="enough"):
        await task.wait()

    assert told == [(1, "no"), (2, "no")]


async def test_other_runs_go_on_when_an_error_stops_the_task() -> None:
    clock = Clockwork()
    ended: list[int] = []

    async def body() -> None:
        if current_run().number == 2:
            raise ValueError("no")

        await clock.sleep(15.0)
        ended.append(current_run().number)

    task = timer(clock, body, on_error="stop", overlap="concurrent")
    task.start()
    await clock.advance(20)
    assert task.state == "stopping"
    await clock.advance(20)

    with pytest.raises(ValueError, match="no"):
        await task.wait()

    assert ended == [1]


async def test_a_run_that_takes_too_long_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clockwork()

    async with timer(clock, asyncio.Event().wait, timeout=0.001) as task:
        await clock.advance(10)
        await task.idle()
        assert (task.statistics().failed, task.statistics().cancelled) == (1, 0)

    assert "TimeoutError" in caplog.text


async def test_a_cancellation_that_nobody_asked_for_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clockwork()

    async def body() -> None:
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    async with timer(clock, body) as task:
        await clock.advance(10)
        assert (task.statistics().failed, task.statistics().cancelled) == (1, 0)

    assert "CancelledError" in caplog.text


async def test_a_broken_clock_is_an_error_of_the_task(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clockwork()

    async def sleep(seconds: float) -> None:
        raise OSError("no timer")

    task = IntervalTask(1.0, print, clock=clock.time, sleep=sleep, name="pulse")
    task.start()

    with pytest.raises(OSError, match="no timer"):
        await task.wait()

    assert "pulse is broken and has stopped" in caplog.text


async def test_x19_a_plain_function_runs_on_the_loop_unless_there_is_an_executor() -> None:
    """X19: plain functions ran in a thread without being asked."""
    clock = Clockwork()
    threads: list[bool] = []

    def body() -> None:
        threads.append(threading.current_thread() is threading.main_thread())
        current_run()

    async with timer(clock, body) as task:
        await clock.advance(10)

    with ThreadPoolExecutor(1) as executor:
        async with timer(clock, body, executor=executor) as task:
            await clock.advance(10)
            await task.idle()
            assert task.statistics().succeeded == 1

    assert threads == [True, False]


async def test_a_run_in_a_thread_ends_when_the_thread_does() -> None:
    clock = Clockwork()
    begun, gate = threading.Event(), threading.Event()

    def body() -> None:
        begun.set()
        gate.wait(10)

    with ThreadPoolExecutor(1) as executor:
        task = timer(clock, body, executor=executor)
        task.start()
        await clock.advance(10)
        assert await asyncio.to_thread(begun.wait, 10)
        stopping = asyncio.create_task(task.stop())
        await settle()
        assert (stopping.done(), task.statistics().running) == (False, 1)
        gate.set()
        await stopping

    assert (task.statistics().cancelled, task.statistics().running) == (1, 0)


async def test_a_run_that_has_not_got_its_thread_yet_is_taken_back() -> None:
    clock = Clockwork()
    gate = threading.Event()
    calls: list[int] = []

    with ThreadPoolExecutor(1) as executor:
        occupied = executor.submit(gate.wait, 10)
        task = timer(clock, lambda: calls.append(1), executor=executor)
        task.start()
        await clock.advance(10)
        await task.stop()
        gate.set()
        occupied.result()

    assert calls == []
    assert task.statistics().cancelled == 1


async def test_an_error_of_a_thread_is_an_error_of_the_run() -> None:
    clock = Clockwork()
    errors: list[BaseException] = []

    def body() -> None:
        raise ValueError("no")

    with ThreadPoolExecutor(1) as executor:
        async with timer(clock, body, executor=executor, on_error=lambda _, error: errors.append(error)) as task:
            await clock.advance(10)
            await task.idle()

    assert [str(error) for error in errors] == ["no"]


async def test_each_run_knows_itself_and_nobody_else_does() -> None:
    clock = Clockwork()
    runs: list[Run] = []

    async with timer(clock, lambda: runs.append(current_run()), name="pulse"):
        await clock.advance(20)

    assert runs == [Run("pulse", 1, 10.0, 0.0), Run("pulse", 2, 20.0, 0.0)]

    with pytest.raises(LookupError):
        current_run()


async def test_a_task_is_called_like_its_function() -> None:
    def body() -> None: ...

    class Callable:
        def __call__(self) -> None: ...

    expected = f"{__name__}.test_a_task_is_called_like_its_function.<locals>"

    assert IntervalTask(1.0, body).name == f"{expected}.body"
    assert IntervalTask(1.0, partial(partial(body))).name == f"{expected}.body"
    assert IntervalTask(1.0, Callable()).name == f"{expected}.Callable"


def test_a_task_needs_a_function_and_a_loop() -> None:
    with pytest.raises(TypeError, match="calls a function"):
        IntervalTask(1.0, "print")  # type: ignore[arg-type]  # that is the point

    with pytest.raises(RuntimeError, match="no running event loop"):
        IntervalTask(1.0, print).start()


async def test_who_waits_for_a_task_that_was_never_started_does_not_wait() -> None:
    task = IntervalTask(1.0, print)
    await task.wait()
    await task.idle()
    await task.stop()


async def test_an_error_in_the_block_stops_the_task_too() -> None:
    clock = Clockwork()

    with pytest.raises(ValueError, match="no"):
        async with timer(clock, asyncio.Event().wait) as task:
            await clock.advance(10)
            raise ValueError("no")

    assert task.state == "stopped"


async def test_a_cancellation_anywhere_leaves_nothing_behind() -> None:
    gate = asyncio.Event()
    tasks: list[IntervalTask] = []

    async def body() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)

    async def use() -> None:
        task = IntervalTask(60.0, body, overlap="queue")
        tasks.append(task)

        async with task:
            task.trigger()
            task.trigger()
            await asyncio.sleep(0)
            waiting = asyncio.create_task(task.wait())
            await asyncio.sleep(0)
            gate.set()
            await task.stop(grace=0.001)
            await waiting
            await task.idle()

    async def check() -> None:
        await tasks[-1].wait()
        assert (tasks[-1].state, tasks[-1].statistics().running, tasks[-1].statistics().waiting) == ("stopped", 0, 0)

    await cancel_sweep(use, check)
    assert len(tasks) > 8
