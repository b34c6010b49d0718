"""Every task ends exactly once, every worker that dies is replaced, and nothing is left behind."""

import asyncio
import errno
import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.future import staff as room
from hagworm.extend.asyncio.future.worker_pool import WorkerPool
from hagworm.extend.error import (
    DefinitionError,
    PoolBroken,
    PoolClosed,
    TaskFailed,
    TaskTimeout,
    WorkerDied,
)
from hagworm.testing import cancel_sweep
from tests.extend.asyncio.future import jobs
from tests.extend.process.watching import eventually, eventually_sync, is_alive
from tests.tree import ROOT

LONG = bool(os.environ.get("HAGWORM_LONG"))


async def restored(pool: WorkerPool) -> None:
    """Wait until every worker is there again."""
    await eventually(lambda: pool.statistics().workers == pool.size)


# What goes there and comes back


async def test_a_function_runs_in_another_process() -> None:
    async with WorkerPool(1) as pool:
        assert await pool.run(jobs.echo, 1, "two", three=b"3") == ((1, "two"), {"three": b"3"})
        assert await pool.run(jobs.who) == pool.pids[0] != os.getpid()


async def test_a_coroutine_function_is_run_to_its_end() -> None:
    async with WorkerPool(1) as pool:
        assert await pool.run(jobs.double, 21) == 42


async def test_partials_classes_methods_and_builtins_have_names_too() -> None:
    async with WorkerPool(1) as pool:
        assert await pool.run(functools.partial(jobs.echo, 1, b=2), 3) == ((1, 3), {"b": 2})
        assert await pool.run(jobs.Place.of, "here") == "Place here"
        assert await pool.run(max, 1, 3) == 3
        assert await pool.run(complex, 1, 3) == 1 + 3j


async def test_what_no_name_leads_to_is_refused_before_anything_is_sent() -> None:
    def inside() -> None: ...

    async with WorkerPool(1) as pool:
        for function in (lambda: 1, inside, [].append):
            with pytest.raises(DefinitionError):
                await pool.run(function)

        assert pool.statistics().submitted == 0


@pytest.mark.parametrize("size", [0, 60_000, 70_000, 1_000_000, 5_000_000])
async def test_values_of_every_size_come_back_as_they_went(size: int) -> None:
    content = random.Random(size).randbytes(size)

    async with WorkerPool(1) as pool:
        assert await pool.run(jobs.echo, content) == content
        assert await pool.run(jobs.echo, [content], key=content) == (([content],), {"key": content})


async def test_buffers_out_of_band_come_back_writable() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(200_000).reshape(2, -1)

    async with WorkerPool(1) as pool:
        back = await pool.run(jobs.echo, array)
        assert (back == array).all()
        back[0, 0] = 7


async def test_memory_that_has_been_used_before_shows_nothing_of_that() -> None:
    async with WorkerPool(2) as pool:
        contents = [bytes([number]) * (100_000 + 50_000 * (number % 7)) for number in range(40)]

        for _ in range(3):
            assert await asyncio.gather(*(pool.run(jobs.echo, content) for content in contents)) == contents


async def test_what_takes_long_to_pickle_does_not_hold_the_loop() -> None:
    """3A.27: 400 000 dictionaries held it for half a second."""
    much = [{"number": number, "text": str(number)} for number in range(150_000)]
    turns = 0

    async with WorkerPool(1) as pool:
        running = asyncio.create_task(pool.run(len, much))  # type: ignore[arg-type]  # mypy: len is generic
        await asyncio.sleep(0)

        # It has been pickled when it waits for room.
        while pool.room.used and not pool.spools.used:
            await asyncio.sleep(0)
            turns += 1

        assert await running == len(much)

    assert turns > 20


async def test_the_values_of_named_variables_go_along_and_no_others() -> None:
    async with WorkerPool(1, context=["tests.extend.asyncio.future.jobs:MARK"]) as pool:
        assert await pool.run(jobs.mark) == "none"
        jobs.MARK.set("seen")
        assert await pool.run(jobs.mark) == "seen"
        assert await pool.run(jobs.mark_later) == "seen"

    async with WorkerPool(1) as pool:
        assert await pool.run(jobs.mark) == "none"


async def test_every_worker_is_initialized() -> None:
    async with WorkerPool(2, initializer=jobs.remember, initargs=("x" * 100_000,)) as pool:
        assert {len(found) async for found in pool.map(jobs.remembered_after, [0.01] * 8)} == {100_000}


async def test_modules_are_preloaded_once_and_no_thread_is_forked() -> None:
    async with WorkerPool(1, preload=["tests.extend.asyncio.future.jobs", "fractions"]) as pool:
        assert "fractions" in await pool.run(jobs.modules)
        assert await pool.run(jobs.threads) == 1


async def test_map_yields_in_order_and_ends_what_it_began() -> None:
    async with WorkerPool(2) as pool:
        assert [number async for number in pool.map(jobs.echo, range(100))] == [*range(100)]

        async with aclosing(pool.map(jobs.sleep, [0.0, 60.0, 60.0, 60.0])) as found:
            assert await anext(found) == 0.0

        assert await pool.run(jobs.echo, 1) == 1
        await eventually(lambda: pool.statistics().busy == 0)


# Errors


async def test_an_error_is_raised_as_what_it_is_with_the_traceback_of_the_worker_as_its_cause() -> None:
    async with WorkerPool(1) as pool:
        with pytest.raises(ValueError, match="^bad$") as caught:
            await pool.run(jobs.fail, "bad")

        cause = caught.value.__cause__
        assert isinstance(cause, TaskFailed)
        assert cause.kind == "ValueError"
        assert "in fail" in cause.trace
        assert "worker.py" not in cause.trace


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (jobs.raise_awkward, "tests.extend.asyncio.future.jobs.Awkward"),
        (jobs.raise_stubborn, "tests.extend.asyncio.future.jobs.Stubborn"),
        (jobs.raise_stop, "StopIteration"),
        (jobs.raise_cancelled, "asyncio.exceptions.CancelledError"),
        (functools.partial(jobs.leave, 0), "SystemExit"),
        (functools.partial(jobs.leave, 3), "SystemExit"),
        (jobs.unpicklable, "TypeError"),
    ],
)
async def test_3a26_an_error_that_cannot_be_carried_over_is_told_and_the_worker_lives(
    function: Callable[..., Any], kind: str
) -> None:
    async with WorkerPool(1) as pool:
        before = pool.pids

        for _ in range(3):
            with pytest.raises((TaskFailed, TypeError)) as caught:
                await pool.run(function)

            failed = caught.value if isinstance(caught.value, TaskFailed) else caught.value.__cause__
            assert isinstance(failed, TaskFailed)
            assert failed.kind == kind

        assert pool.pids == before
        assert pool.statistics().failed == 3


async def test_a_result_that_cannot_be_made_here_is_an_error_of_its_own() -> None:
    async with WorkerPool(1) as pool:
        with pytest.raises(TaskFailed, match="cannot be made here: poison"):
            await pool.run(jobs.poison)

        with pytest.raises(TaskFailed, match=r"SystemExit.*cannot be made here"):
            await pool.run(jobs.way_out)

        assert await pool.run(jobs.echo, 1) == 1


async def test_arguments_that_cannot_be_made_there_fail_there() -> None:
    async with WorkerPool(1) as pool:
        with pytest.raises(ValueError, match="poison"):
            await pool.run(jobs.echo, jobs.Poison())

        with pytest.raises(TypeError, match="pickle"):
            await pool.run(jobs.echo, (lock for lock in ()))

        assert await pool.run(jobs.echo, 1) == 1


@pytest.mark.parametrize(
    ("function", "returncode"),
    [
        (functools.partial(jobs.drop_dead, 0), 0),
        (functools.partial(jobs.drop_dead, 7), 7),
        (jobs.kill_myself, -signal.SIGKILL),
        (functools.partial(jobs.kill_myself, int(signal.SIGSEGV)), -signal.SIGSEGV),
    ],
)
async def test_t15_a_worker_that_dies_is_told_with_how_and_replaced(
    function: Callable[..., Any], returncode: int
) -> None:
    async with WorkerPool(2) as pool:
        for _ in range(4):
            with pytest.raises(WorkerDied) as caught:
                await pool.run(function)

            assert caught.value.returncode == returncode

        await restored(pool)
        assert await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(50))) == [*range(50)]
        assert pool.statistics().deaths == 4


async def test_t15_an_idle_worker_that_is_killed_costs_no_task() -> None:
    async with WorkerPool(2) as pool:
        for pid in pool.pids:
            os.kill(pid, signal.SIGKILL)

        assert await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(50))) == [*range(50)]
        await restored(pool)
        assert pool.statistics().lost == 0


async def test_the_death_of_all_and_of_who_forks_them_is_survived() -> None:
    async with WorkerPool(2) as pool:
        assert pool.staff is not None and pool.staff.nest is not None
        os.kill(pool.staff.nest.pid, signal.SIGKILL)
        results = await asyncio.gather(*(pool.run(jobs.echo, n) for n in range(50)), return_exceptions=True)
        assert all(result == n or isinstance(result, WorkerDied) for n, result in enumerate(results))
        assert sum(isinstance(result, WorkerDied) for result in results) <= 2
        assert await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(50))) == [*range(50)]
        await restored(pool)


async def test_who_forks_them_and_does_not_listen_any_more_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LAST_PATIENCE", 0.1)

    async with WorkerPool(1, grace=0.0) as pool:
        before = pool.pids
        assert pool.staff is not None and pool.staff.nest is not None
        os.kill(pool.staff.nest.pid, signal.SIGSTOP)

        with pytest.raises(TaskTimeout):
            await pool.options(timeout=0.05).run(jobs.spin)

        assert await pool.run(jobs.echo, 1) == 1
        assert not is_alive(*before)


async def test_a_worker_that_does_not_get_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag = tmp_path / "flag"

    async with WorkerPool(1, initializer=jobs.hang_if, initargs=(str(flag),), preload=[jobs.__name__]) as pool:
        assert (staff := pool.staff) is not None
        monkeypatch.setattr(room, "MOST_REFUSALS", 1_000)
        staff.start_timeout = 0.05
        flag.touch()

        with pytest.raises(WorkerDied):
            await pool.run(jobs.kill_myself)

        await eventually(lambda: staff.failed_starts)
        staff.start_timeout = 60
        flag.unlink()
        assert await pool.run(jobs.echo, 1) == 1

        monkeypatch.setattr(room, "MOST_REFUSALS", 1)
        staff.start_timeout = 0.05
        flag.touch()

        with pytest.raises(WorkerDied):
            await pool.run(jobs.kill_myself)

        with pytest.raises(PoolBroken, match=r"comes up: not done within 0\.05 s"):
            await pool.run(jobs.echo, 1)


@pytest.mark.parametrize("place", ["Hand", "Nest", "fork"])
async def test_a_system_that_has_no_room_for_a_process_is_asked_again(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [OSError(errno.EAGAIN, "no room") for _ in range(2)]

    async with WorkerPool(1) as pool:
        assert (staff := pool.staff) is not None and staff.nest is not None

        if place == "fork":
            forked = staff.worker_forked

            def refuse(number: int, pid: int) -> None:
                forked(number, -errno.EAGAIN if refusals and refusals.pop() else pid)

            monkeypatch.setattr(staff, "worker_forked", refuse)
        else:
            made = getattr(room, place)

            def make(*args: Any) -> Any:
                if refusals:
                    raise refusals.pop()

                return made(*args)

            monkeypatch.setattr(room, place, make)

        os.kill(staff.nest.pid if place == "Nest" else pool.pids[0], signal.SIGKILL)
        await eventually(lambda: not refusals)
        assert await pool.run(jobs.echo, 1) == 1


async def test_a_worker_without_a_free_descriptor_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async with WorkerPool(1) as pool:
        await pool.run(jobs.open_everything, str(tmp_path / "file"))

        with pytest.raises(OSError, match="Too many open files"):
            await pool.run(jobs.echo, bytes(100_000))

        assert await pool.run(jobs.echo, 1) == 1


async def test_memory_beyond_the_limit_is_an_error_and_the_worker_is_replaced() -> None:
    async with WorkerPool(1, max_memory=200 << 20) as pool:
        before = pool.pids
        assert await pool.run(jobs.limits) == (200 << 20, 200 << 20)

        with pytest.raises(MemoryError):
            await pool.run(jobs.eat)

        assert await pool.run(jobs.echo, 1) == 1
        assert pool.pids != before
        assert pool.statistics().deaths == 0


async def test_a_worker_is_replaced_after_so_many_tasks() -> None:
    async with WorkerPool(2, max_tasks=5) as pool:
        ran = Counter(await asyncio.gather(*(pool.run(jobs.who) for _ in range(43))))
        assert sum(ran.values()) == 43
        assert max(ran.values()) == 5
        await restored(pool)
        assert pool.statistics().deaths == 0


# Time


async def test_a_task_beyond_its_time_is_stopped_and_its_worker_lives() -> None:
    async with WorkerPool(1, timeout=0.05, grace=20, preload=[jobs.__name__]) as pool:
        before = pool.pids
        start = time.monotonic()

        with pytest.raises(TaskTimeout, match=r"not done within 0\.05 s"):
            await pool.run(jobs.spin)

        assert 0.05 <= time.monotonic() - start < 5
        pool.timeout = None
        assert await pool.run(jobs.echo, 1) == 1
        assert pool.pids == before


async def test_a_task_that_does_not_listen_is_killed_with_what_it_has_started(tmp_path: Path) -> None:
    async with WorkerPool(1, grace=0.1) as pool:
        quick = pool.options(timeout=0.1)

        with pytest.raises(TaskTimeout):
            await quick.run(jobs.sleep_stubbornly, 60)

        trace = tmp_path / "child"
        calling = asyncio.create_task(pool.run(jobs.start_a_child_and_spin, str(trace)))
        await eventually(lambda: trace.exists() and trace.read_text())
        child = int(trace.read_text())
        assert is_alive(child)
        os.kill(pool.pids[0], signal.SIGKILL)

        with pytest.raises(WorkerDied):
            await calling

        await eventually(lambda: not is_alive(child))
        await restored(pool)


async def test_without_grace_a_task_is_killed_at_once() -> None:
    async with WorkerPool(1, grace=0.0) as pool:
        before = pool.pids

        with pytest.raises(TaskTimeout):
            await pool.options(timeout=0.05).run(jobs.sleep_stubbornly, 60)

        assert await pool.run(jobs.echo, 1) == 1
        assert pool.pids != before


async def test_time_that_is_spent_waiting_does_not_count() -> None:
    async with WorkerPool(1, timeout=1.0, preload=[jobs.__name__]) as pool:
        assert await asyncio.gather(*(pool.run(jobs.sleep, 0.1) for _ in range(12))) == [0.1] * 12


async def test_the_deadline_of_the_caller_holds_for_the_task() -> None:
    async with WorkerPool(1) as pool:
        with pytest.raises(TimeoutError):
            with within(0.05):
                await pool.run(jobs.spin)

        assert await pool.run(jobs.echo, 1) == 1


# Cancellation


async def test_who_is_cancelled_while_waiting_is_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    async with WorkerPool(1) as pool:
        busy = asyncio.create_task(pool.run(jobs.sleep, 0.1))
        waiting = [asyncio.create_task(pool.run(jobs.append, str(trace), "x")) for _ in range(5)]
        await asyncio.sleep(0)

        for task in waiting:
            task.cancel()

        await asyncio.wait(waiting)
        await busy
        assert await pool.run(jobs.echo, 1) == 1

    assert not trace.exists()


@pytest.mark.parametrize("function", [jobs.tidy_up, jobs.tidy_up_later])
async def test_a_running_task_is_interrupted_in_its_place_and_no_other(
    function: Callable[..., Any], tmp_path: Path
) -> None:
    """3A.27: a signal to a process, without a word about which task is meant, hits the next one."""
    trace = tmp_path / "trace"

    async with WorkerPool(1, grace=10, preload=[jobs.__name__]) as pool:
        before = pool.pids
        running = asyncio.create_task(pool.run(function, str(trace)))
        await eventually((tmp_path / "trace.begun").exists)
        running.cancel()

        with pytest.raises(asyncio.CancelledError):
            await running

        assert await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(20))) == [*range(20)]
        assert trace.read_text() == "tidy"
        assert pool.pids == before


async def test_a_module_that_was_half_loaded_is_not_met_by_the_next_task(tmp_path: Path) -> None:
    """Its submodules would stay, without the module that knows them."""
    (tmp_path / "halves").mkdir()
    (tmp_path / "halves" / "__init__.py").write_text("from . import first\nfrom . import second\nprint(first.HALF)\n")
    (tmp_path / "halves" / "first.py").write_text("HALF = 1\n")
    (tmp_path / "halves" / "second.py").write_text(
        f"import pathlib, time\npathlib.Path({str(tmp_path / 'begun')!r}).touch()\ntime.sleep(60)\n"
    )

    async with WorkerPool(
        1, grace=20, preload=[jobs.__name__], initializer=jobs.find_in, initargs=(str(tmp_path),)
    ) as pool:
        before = pool.pids
        loading = asyncio.create_task(pool.run(jobs.load, "halves"))
        await eventually((tmp_path / "begun").exists)
        loading.cancel()
        (tmp_path / "halves" / "second.py").write_text("")
        assert "halves" in await pool.run(jobs.load, "halves")
        assert pool.pids != before
        assert pool.statistics().deaths == 0


async def test_cancelling_at_any_moment_loses_no_worker_and_hurts_no_other_task() -> None:
    chance = random.Random(4)

    async with WorkerPool(2, grace=5) as pool:
        for _ in range(30 if not LONG else 1000):
            tasks = [asyncio.create_task(pool.run(jobs.sometimes, number, 0.0002)) for number in range(20)]
            victims = chance.sample(tasks, 8)

            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)

            await asyncio.sleep(chance.random() * 0.003)

            for task in victims:
                task.cancel()

            results = await asyncio.gather(*tasks, return_exceptions=True)

            for number, (task, result) in enumerate(zip(tasks, results, strict=True)):
                if number == 7 and not isinstance(result, asyncio.CancelledError):
                    assert isinstance(result, ValueError)
                elif task not in victims:
                    assert result == number

        await eventually(lambda: pool.statistics().busy == 0)
        assert await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(20))) == [*range(20)]
        assert pool.statistics().deaths == 0
        assert pool.room.used == pool.open == 0


async def test_callers_that_give_up_while_nobody_is_free_are_not_kept() -> None:
    async with WorkerPool(1) as pool:
        busy = asyncio.create_task(pool.run(jobs.sleep, 60))
        patient = asyncio.create_task(pool.run(jobs.echo, 1))
        await asyncio.sleep(0)

        for _ in range(1_000):
            calling = asyncio.create_task(pool.run(jobs.echo, 2))
            await asyncio.sleep(0)
            calling.cancel()
            await asyncio.wait((calling,))

        assert pool.submitted == 1_002
        assert pool.staff is not None
        assert len(pool.staff.queue) < 200
        busy.cancel()
        assert await patient == 1


# Exactly once


async def test_a_task_that_was_not_begun_goes_to_another_worker_and_one_that_was_does_not(tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")

    async with WorkerPool(1) as pool:
        # Quick ones first, so that the worker is sent several tasks ahead.
        await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(100)))
        doomed = asyncio.create_task(pool.run(jobs.append_and_sleep, trace, "a", 60))
        others = [asyncio.create_task(pool.run(jobs.append_and_sleep, trace, text, 0)) for text in "bcdefgh"]
        await eventually(lambda: Path(trace).exists() and Path(trace).read_text())
        os.kill(pool.pids[0], signal.SIGKILL)

        with pytest.raises(WorkerDied):
            await doomed

        assert await asyncio.gather(*others) == [*"bcdefgh"]

    assert Path(trace).read_text() == "abcdefgh"


async def test_only_what_may_be_repeated_is_repeated(tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")

    async with WorkerPool(1) as pool:
        with pytest.raises(WorkerDied):
            await pool.run(jobs.append_and_die_at_first, trace, "x")

        Path(trace).unlink()
        assert await pool.options(idempotent=True).run(jobs.append_and_die_at_first, trace, "y") == "y"
        Path(trace).unlink()
        text = "z" * 100_000
        assert await pool.options(idempotent=True).run(jobs.append_and_die_at_first, trace, text) == text

        with pytest.raises(WorkerDied):
            await pool.options(idempotent=True).run(jobs.kill_myself)

        assert pool.statistics().repeated == 4


async def test_r46_tasks_under_random_kills_end_exactly_once(tmp_path: Path) -> None:
    count = 10_000 if LONG else 500
    chance = random.Random(46)
    trace = tmp_path / "trace"

    async with WorkerPool(2, preload=[jobs.__name__]) as pool:
        over = False

        async def kill() -> int:
            kills = 0

            while not over:
                await asyncio.sleep(chance.random() * 0.02)

                if pids := pool.pids:
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(pids), signal.SIGKILL)
                        kills += 1

            return kills

        killer = asyncio.create_task(kill())
        tasks = [pool.run(jobs.append_and_sleep, str(trace), f"{number}\n", 0.0005) for number in range(count)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        over = True
        kills = await killer

        await restored(pool)
        assert await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(50))) == [*range(50)]
        statistics = pool.statistics()

    begun = Counter(int(line) for line in trace.read_text().split())
    good = {number for number, result in enumerate(results) if result == f"{number}\n"}
    lost = {number for number, result in enumerate(results) if isinstance(result, WorkerDied)}

    assert kills > 0
    assert len(results) == len(good) + len(lost) == count
    assert max(begun.values()) == 1, "none is begun twice"
    assert good <= begun.keys(), "none succeeds that was not run"
    assert len(lost) <= kills
    assert statistics.lost == len(lost)


# The end


async def test_t15_what_is_in_flight_ends_with_the_pool_and_nothing_is_taken_afterwards() -> None:
    pool = WorkerPool(1)
    await pool.start()
    running = [asyncio.create_task(pool.run(jobs.sleep_stubbornly, 60)) for _ in range(3)]
    await asyncio.sleep(0.05)
    start = time.monotonic()
    await pool.aclose(drain=0.1)
    assert time.monotonic() - start < 10

    for task in running:
        with pytest.raises(PoolClosed):
            await task

        assert task.cancelling() == 0

    with pytest.raises(PoolClosed):
        await pool.run(jobs.echo, 1)

    await pool.aclose()


async def test_closing_waits_for_what_was_begun() -> None:
    async with WorkerPool(2) as pool:
        tasks = [asyncio.create_task(pool.run(jobs.sleep, 0.02)) for _ in range(10)]
        await asyncio.sleep(0)

    assert [task.result() for task in tasks] == [0.02] * 10


async def test_a_body_that_fails_does_not_wait() -> None:
    start = time.monotonic()

    with pytest.raises(KeyError):
        async with WorkerPool(1) as pool:
            task = asyncio.create_task(pool.run(jobs.sleep, 60))
            await asyncio.sleep(0)
            raise KeyError

    assert time.monotonic() - start < 10

    with pytest.raises(PoolClosed):
        await task


async def test_closing_that_is_cancelled_still_closes() -> None:
    pool = WorkerPool(1)
    await pool.start()
    pids = pool.pids
    task = asyncio.create_task(pool.run(jobs.sleep, 60))
    closing = asyncio.create_task(pool.aclose(drain=60))
    await asyncio.sleep(0.01)
    closing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await closing

    with pytest.raises(PoolClosed):
        await task

    assert not any(map(is_alive, pids))


async def test_closing_while_it_starts_ends_the_start() -> None:
    pool = WorkerPool(1)
    starting = asyncio.create_task(pool.start())
    await asyncio.sleep(0.005)
    await pool.aclose()

    with pytest.raises(PoolClosed):
        await starting


async def test_what_a_worker_has_written_is_flushed(tmp_path: Path) -> None:
    async with WorkerPool(1, initializer=jobs.redirect, initargs=(str(tmp_path / "out"),)) as pool:
        await pool.run(jobs.say, "hello")

    assert (tmp_path / "out").read_text() == "hello"


async def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    for turns in range(0, 12, 3):
        pool = WorkerPool(1)
        starting = asyncio.create_task(pool.start())

        for _ in range(turns):
            await asyncio.sleep(0.005)

        starting.cancel()
        await asyncio.wait((starting,))
        await pool.aclose()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"initializer": jobs.fail, "initargs": ("no luck",)}, "the initializer raised ValueError: no luck"),
        ({"initializer": jobs.drop_dead, "initargs": (5,)}, "exit code 5"),
        ({"preload": ["nowhere.at_all"]}, "No module named 'nowhere'"),
        ({"preload": ["tests.extend.asyncio.future.threading_module"]}, "have started threads"),
    ],
)
async def test_a_pool_whose_workers_do_not_come_up_says_why(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(PoolBroken, match=reason):
        async with WorkerPool(2, **options):
            raise AssertionError("it is not open")


async def test_a_pool_whose_workers_do_not_come_up_any_more_lets_its_calls_fail(tmp_path: Path) -> None:
    flag = tmp_path / "flag"

    async with WorkerPool(1, initializer=jobs.fail_if, initargs=(str(flag),)) as pool:
        flag.touch()

        with pytest.raises(WorkerDied):
            await pool.run(jobs.kill_myself)

        with pytest.raises(PoolBroken, match="the initializer raised"):
            await pool.run(jobs.echo, 1)


def test_a_pool_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        WorkerPool(0)


async def test_a_pool_says_what_it_does() -> None:
    pool = WorkerPool(2, queue=3)
    assert repr(pool) == "<WorkerPool new, 2 workers>"

    with pytest.raises(PoolClosed, match="before it has been started"):
        await pool.run(jobs.echo, 1)

    async with pool:
        tasks = [asyncio.create_task(pool.run(jobs.sleep, 0.1)) for _ in range(6)]
        await eventually(lambda: pool.statistics().busy == 2)
        assert repr(pool) == "<WorkerPool open, 2 of 2 workers busy, 1 tasks waiting>"
        assert pool.statistics().waiting == 1, "three wait outside, as there is room for three only"
        await asyncio.gather(*tasks)

    assert repr(pool) == "<WorkerPool closed, 0 of 2 workers busy, 0 tasks waiting>"


async def test_a_pool_that_has_nothing_to_do_does_nothing() -> None:
    async with WorkerPool(2) as pool:
        await pool.run(jobs.echo, 1)
        before = [Path(f"/proc/{pid}/stat").read_text().split()[13:15] for pid in pool.pids]
        start = time.process_time()
        await asyncio.sleep(0.3)
        assert time.process_time() - start < 0.02
        assert [Path(f"/proc/{pid}/stat").read_text().split()[13:15] for pid in pool.pids] == before


# Orphans


PARENT = """
import asyncio, sys
from hagworm.extend.asyncio.future.worker_pool import WorkerPool
from tests.extend.asyncio.future import jobs

async def main():
    async with WorkerPool(3) as pool:
        grandchild = await pool.run(jobs.start_a_child)
        running = [asyncio.create_task(pool.run(jobs.sleep_stubbornly, 60)) for _ in range(2)]
        print(grandchild, pool.staff.nest.pid, *pool.pids, flush=True)
        await asyncio.gather(*running)

asyncio.run(main())
"""


def test_h15_no_worker_nor_what_it_started_outlives_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None

    with parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 5 and all(map(is_alive, pids))
        parent.kill()

    eventually_sync(lambda: not any(map(is_alive, pids)))


STARTING = """
import asyncio, sys
from hagworm.extend.asyncio.future.worker_pool import WorkerPool
from tests.extend.asyncio.future import jobs

async def main():
    print("ready", flush=True)
    async with WorkerPool(2, initializer=jobs.echo, initargs=(sys.argv[1],)) as pool:
        await pool.run(jobs.sleep, 60)

asyncio.run(main())
"""


@pytest.mark.parametrize("milliseconds", [0, 20, 50, 80])
def test_no_worker_outlives_a_parent_that_is_killed_in_the_middle_of_starting_it(milliseconds: int) -> None:
    parent = subprocess.Popen([sys.executable, "-c", STARTING, "x"], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None

    with parent:
        parent.stdout.readline()
        time.sleep(milliseconds / 1000)
        born = descendants(parent.pid)
        parent.kill()

    eventually_sync(lambda: not any(map(is_alive, born)))


SCRIPT = """
import asyncio
from hagworm.extend.asyncio.future import WorkerPool

print("loaded")

def double(number):
    return 2 * number

class Mine(Exception):
    pass

def fail():
    raise Mine("here")

async def main():
    async with WorkerPool(1) as pool:
        print(await pool.run(double, 21))
        try:
            await pool.run(fail)
        except Mine as exc:
            print("caught", exc)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_3a27_functions_and_errors_of_the_main_module_are_found(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=30)

    assert (done.stderr, done.returncode) == ("", 0)
    assert sorted(done.stdout.split("\n")) == ["", "42", "caught here", "loaded", "loaded"]


# Cancellation everywhere


async def test_t15_a_call_that_is_cancelled_anywhere_loses_no_worker() -> None:
    async with WorkerPool(2, queue=2, grace=10, preload=[jobs.__name__]) as pool:
        payload = bytes(200_000)
        much = [{"number": number} for number in range(40_000)]

        async def check() -> None:
            assert pool.open == pool.room.used == pool.spools.used == 0
            await eventually(lambda: pool.statistics().workers == 2 and not pool.statistics().busy)

        await cancel_sweep(lambda: pool.run(jobs.echo, 1), check)
        await cancel_sweep(lambda: pool.options(timeout=5).run(jobs.echo, 1), check)
        await cancel_sweep(lambda: pool.run(jobs.sleep, 0.001), check)
        await cancel_sweep(lambda: pool.run(jobs.echo, payload), check)
        await cancel_sweep(lambda: pool.run(jobs.echo, bytes(5_000_000)), check)
        await cancel_sweep(lambda: pool.run(len, much), check)  # type: ignore[arg-type]  # mypy: len is generic
        assert await pool.run(jobs.echo, payload) == payload
        # One that was interrupted where it could not be trusted any more, in an import say, has been replaced.
        assert len(pool.pids) == 2

        busy = [asyncio.create_task(pool.run(jobs.sleep, 60)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting = asyncio.create_task(pool.run(jobs.echo, 1))
        await asyncio.sleep(0)

        async def has_room() -> None:
            assert pool.room.used == 2

        async def wait_in_vain() -> None:
            with suppress(TimeoutError), within(0.001):
                await pool.run(jobs.echo, 1)

        await cancel_sweep(wait_in_vain, has_room)
        busy[0].cancel()
        assert await waiting == 1
        busy[1].cancel()
        await asyncio.wait(busy)


async def test_a_map_that_is_cancelled_anywhere_ends_what_it_began() -> None:
    async with WorkerPool(2) as pool:

        async def read() -> list[int]:
            async with aclosing(pool.map(jobs.echo, range(5), ahead=2)) as found:
                return [number async for number in found]

        async def check() -> None:
            assert pool.open == pool.room.used == 0
            await eventually(lambda: pool.statistics().workers == 2)

        await cancel_sweep(read, check)


async def test_a_pool_that_is_cancelled_anywhere_while_it_starts_or_closes_leaves_nothing() -> None:
    made: list[WorkerPool] = []

    async def use() -> None:
        made.append(WorkerPool(1))

        async with made[-1] as pool:
            assert await pool.run(jobs.echo, 1) == 1

    async def check() -> None:
        await made[-1].aclose()
        assert made[-1].pids == ()

    await cancel_sweep(use, check)


def descendants(pid: int) -> list[int]:
    """Return the processes that this one has started, and those that they have."""
    found = []

    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, path.read_text().split()):
                found += [child, *descendants(child)]

    return found
