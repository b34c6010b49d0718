"""A pool makes every call once, tells its caller how that went, and keeps no more threads and calls than it says."""

import asyncio
import concurrent.futures
import contextvars
import gc
import logging
import random
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hagworm.extend.asyncio.future import ThreadPool, check_cancelled, shared_pool
from hagworm.extend.error import ExecutorClosed, Overloaded
from hagworm.testing import cancel_sweep
from tests.extend.asyncio.future.blocking import PATIENCE, Block, happens, turns

word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")


def name_of_thread() -> str:
    return threading.current_thread().name


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads take turns as often as can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


async def is_collected(ref: Callable[[], Any], *, with_cycles: bool = True) -> None:
    """Wait until what `ref` refers to is no more: the loop and the thread have to let go of it, too."""
    async with asyncio.timeout(PATIENCE):
        while ref() is not None:
            await asyncio.sleep(0)

            if with_cycles:
                gc.collect()


# Calls ----------------------------------------------------------------------------------------------------------------


async def test_a_call_returns_what_its_function_returns_and_raises_what_it_raises() -> None:
    async with ThreadPool(1) as pool:
        assert await pool.run(divmod, 7, 2) == (3, 1)
        assert await pool.run(int, "11", base=2) == 3

        with pytest.raises(ZeroDivisionError):
            await pool.run(divmod, 7, 0)


async def test_a_traceback_leads_from_the_caller_to_the_function_and_names_no_worker() -> None:
    def outer() -> None:
        inner()

    def inner() -> None:
        raise ValueError("no")

    async with ThreadPool(1) as pool:
        with pytest.raises(ValueError, match="no") as caught:
            await pool.run(outer)

    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-2:] == ["outer", "inner"]
    assert "work_off" not in names


async def test_results_arrive_for_those_who_asked_for_them() -> None:
    async with ThreadPool(4) as pool:
        assert await asyncio.gather(*[pool.run(abs, -number) for number in range(5000)]) == list(range(5000))
        assert pool.statistics().succeeded == 5000


async def test_x14_functions_see_the_context_of_their_caller_and_change_a_copy_of_it() -> None:
    def change() -> str:
        before = word.get()
        word.set("changed")
        return before

    async with ThreadPool(1) as pool:
        assert await pool.run(change) == "none"
        assert await pool.run(change) == "none"
        token = word.set("caller")
        assert await pool.run(change) == "caller"
        assert pool.submit(change).result(PATIENCE) == "caller"
        assert list(pool.map(lambda _: change(), range(2))) == ["caller", "caller"]
        assert word.get() == "caller"
        word.reset(token)


@pytest.mark.parametrize("error", [StopIteration(3), asyncio.CancelledError()])
async def test_an_error_that_an_await_would_mistake_comes_as_the_cause_of_a_runtime_error(
    error: BaseException,
) -> None:
    def fail() -> None:
        raise error

    async with ThreadPool(1) as pool:
        with pytest.raises(RuntimeError, match=f"fail raised {type(error).__name__}") as caught:
            await pool.run(fail)

    assert caught.value.__cause__ is error
    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]  # a test is a task


async def test_an_idle_pool_keeps_neither_arguments_nor_results_nor_errors_alive() -> None:
    class Thing:
        pass

    class Error(Exception):
        pass

    def fail(thing: Thing) -> None:
        raise Error(thing)

    async with ThreadPool(2) as pool:
        thing = Thing()
        alive = [weakref.ref(thing)]
        result = await pool.run(lambda thing: [thing, Thing()], thing)
        alive.append(weakref.ref(result[1]))

        with pytest.raises(Error) as caught:
            await pool.run(fail, thing)

        alive.append(weakref.ref(caught.value))
        del thing, result, caught

        for ref in alive:
            await is_collected(ref)


async def test_an_error_and_its_call_form_no_cycle() -> None:
    def fail() -> None:
        raise ValueError

    async with ThreadPool(1) as pool:
        gc.collect()
        gc.disable()

        try:
            call = pool.run(fail)
            alive = weakref.ref(call)

            try:
                await call
            except ValueError:
                del call

            await is_collected(alive, with_cycles=False)
        finally:
            gc.enable()


# Cancellation ---------------------------------------------------------------------------------------------------------


async def test_a_call_that_is_cancelled_before_a_thread_has_begun_is_never_made() -> None:
    async with ThreadPool(1) as pool:
        block, made = Block(), Block()
        first = pool.run(block)
        await block.has_begun()
        second = pool.run(made)
        assert repr(second) == "<Call of Block: queued>"
        assert second.cancel()
        assert not second.cancel()
        block.go.set()
        await first

        with pytest.raises(asyncio.CancelledError):
            await second

    assert made.calls == []
    assert pool.statistics().withdrawn == 1


async def test_a_cancelled_call_leaves_its_place_in_the_queue_at_once() -> None:
    async with ThreadPool(1, queue=2, when_full="raise") as pool:
        block = Block()
        first = pool.run(block)
        await block.has_begun()
        calls = [pool.run(abs, -1) for _ in range(2)]

        with pytest.raises(Overloaded):
            pool.run(abs, -1)

        calls[0].cancel()
        third = pool.run(abs, -3)
        block.go.set()
        assert await first is None
        assert await calls[1] == 1
        assert await third == 3
        assert pool.statistics().refused == 1


async def test_a_function_whose_caller_has_left_goes_on_and_its_error_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    block = Block(OSError("disk full"))

    async with ThreadPool(1) as pool:
        task = asyncio.ensure_future(pool.run(block, 5))
        await block.has_begun()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task

        assert pool.statistics().running == 1
        block.go.set()
        await pool.run(abs, 1)

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "Block failed after its caller had left" in record.message
    assert record.exc_info is not None
    assert record.exc_info[1] is block.error


async def test_a_patient_caller_is_cancelled_when_the_function_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    block = Block(OSError("disk full"))

    async def caller() -> None:
        await pool.run_patiently(block)

    async with ThreadPool(1) as pool:
        task = asyncio.ensure_future(caller())
        await block.has_begun()
        task.cancel()
        await turns()
        assert not task.done()
        block.go.set()

        with pytest.raises(asyncio.CancelledError):
            await task

    assert "Block failed after its caller had left" in caplog.text


async def test_a_patient_caller_takes_a_call_back_that_has_not_begun() -> None:
    async with ThreadPool(1) as pool:
        block, made = Block(), Block()
        first = pool.run(block)
        await block.has_begun()
        second = pool.run_patiently(made)
        assert second.cancel()
        assert second.cancelled()
        block.go.set()
        await first

    assert made.calls == []


async def test_check_cancelled_ends_a_function_that_nobody_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    entered, left = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()

        try:
            while True:
                check_cancelled()
                time.sleep(0)
        finally:
            left.set()

    async with ThreadPool(2) as pool:
        for run in (pool.run, pool.run_patiently):
            task = asyncio.ensure_future(run(work))
            await happens(entered)
            task.cancel()
            await happens(left)
            await asyncio.wait({task})
            assert task.cancelled() or isinstance(task.exception(), RuntimeError)
            entered.clear()
            left.clear()

    assert caplog.records == []


async def test_timeouts_take_back_what_has_not_begun() -> None:
    async with ThreadPool(1) as pool:
        block = Block()
        first = pool.run(block)
        await block.has_begun()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await pool.run(block)

        assert pool.statistics().queued == 0
        block.go.set()
        await first

    assert len(block.calls) == 1


async def test_however_calls_are_cancelled_each_is_made_or_taken_back(hurried: None) -> None:
    made: set[int] = set()
    chance = random.Random(7)

    async with ThreadPool(3, queue=20) as pool:
        calls = {number: pool.run(made.add, number) for number in range(2000)}

        for number in chance.sample(range(2000), 1000):
            calls[number].cancel()

            if chance.random() < 0.05:
                await asyncio.sleep(0)

        await asyncio.gather(*calls.values(), return_exceptions=True)
        await turns()

    kept = {number for number, call in calls.items() if not call.cancelled()}
    statistics = pool.statistics()
    assert kept <= made
    assert statistics.withdrawn == 2000 - len(made)
    assert (statistics.succeeded, statistics.queued, statistics.waiting) == (len(made), 0, 0)


async def test_cancelling_at_every_await_leaves_nothing_behind() -> None:
    async with ThreadPool(2, queue=1) as pool:

        async def call() -> None:
            await pool.run(abs, -1)
            await pool.run_patiently(abs, -1)
            await asyncio.gather(*[pool.run(abs, -1) for _ in range(5)])

        async def check() -> None:
            assert await pool.run(abs, -2) == 2
            statistics = pool.statistics()
            assert (statistics.queued, statistics.waiting) == (0, 0)

        await cancel_sweep(call, check, may_finish=True)

    made: list[ThreadPool] = []

    async def close() -> None:
        made.append(ThreadPool(1))
        made[-1].run(abs, -1)
        await made[-1].aclose()

    async def is_closed() -> None:
        assert await made[-1].aclose() == []
        assert made[-1].statistics().threads == 0

    await cancel_sweep(close, is_closed)


# The executor ---------------------------------------------------------------------------------------------------------


def test_3a22_it_is_an_executor_in_every_thread() -> None:
    with ThreadPool(2) as pool:
        assert isinstance(pool, concurrent.futures.Executor)
        assert pool.submit(divmod, 7, 2).result(PATIENCE) == (3, 1)
        assert list(pool.map(pow, range(20), range(20))) == [number**number for number in range(20)]
        failing = pool.submit(divmod, 1, 0)
        assert isinstance(failing.exception(PATIENCE), ZeroDivisionError)
        futures = [pool.submit(abs, -number) for number in range(10)]
        done = concurrent.futures.as_completed(futures, timeout=PATIENCE)
        assert {future.result() for future in done} == set(range(10))

    with pytest.raises(RuntimeError):
        pool.submit(abs, 1)


def test_3a22_who_waits_for_a_cancelled_submission_is_told() -> None:
    with ThreadPool(1) as pool:
        block = Block()
        first = pool.submit(block)
        assert block.begun.acquire(timeout=PATIENCE)
        second = pool.submit(block)
        assert not first.cancel()
        assert second.cancel()
        done, waiting = concurrent.futures.wait([second], timeout=PATIENCE)
        assert (done, waiting) == ({second}, set())
        assert pool.statistics().queued == 0
        block.go.set()

    assert len(block.calls) == 1


async def test_it_serves_as_the_executor_of_a_loop() -> None:
    loop = asyncio.get_running_loop()
    pool = ThreadPool(2, name="default")
    assert (await loop.run_in_executor(pool, name_of_thread)).startswith("default-")
    loop.set_default_executor(pool)
    word.set("here")
    assert (await asyncio.to_thread(name_of_thread)).startswith("default-")
    assert await asyncio.to_thread(word.get) == "here"
    await loop.shutdown_default_executor()

    with pytest.raises(ExecutorClosed):
        pool.run(abs, 1)


def test_3a22_one_pool_serves_several_loops_and_threads() -> None:
    async def ask(pool: ThreadPool) -> int:
        return sum(await asyncio.gather(*[pool.run(abs, -1) for _ in range(200)]))

    with ThreadPool(2) as pool, ThreadPool(3) as others:
        sums = [others.submit(asyncio.run, ask(pool)) for _ in range(3)]
        plain = [pool.submit(abs, -1) for _ in range(200)]
        assert [future.result(PATIENCE) for future in sums] == [200] * 3
        assert sum(future.result(PATIENCE) for future in plain) == 200


# Bounds ---------------------------------------------------------------------------------------------------------------


async def test_a_full_pool_refuses_at_once_where_it_is_told_to() -> None:
    async with ThreadPool(1, queue=1, when_full="raise") as pool:
        block = Block()
        first = pool.run(block)
        await block.has_begun()
        second = pool.run(block)

        for ask in (pool.run, pool.run_patiently, pool.submit):
            with pytest.raises(Overloaded, match="1 calls wait"):
                ask(block)

        block.go.set()
        await asyncio.gather(first, second)

    assert pool.statistics().refused == 3


async def test_a_full_pool_drops_the_call_that_has_waited_longest_where_it_is_told_to() -> None:
    async with ThreadPool(1, queue=2, when_full="drop_oldest") as pool:
        block = Block()
        first = pool.run(block)
        await block.has_begun()
        calls: list[Any] = [pool.run(abs, -1), asyncio.wrap_future(pool.submit(abs, -2))]
        calls += [pool.run(abs, -3), pool.run(abs, -4)]

        for dropped in calls[:2]:
            with pytest.raises(Overloaded, match="newer calls"):
                await dropped

        block.go.set()
        assert await asyncio.gather(first, *calls[2:]) == [None, 3, 4]

    assert pool.statistics().dropped == 2


async def test_coroutines_stand_in_line_for_a_full_pool_and_are_served_in_their_order() -> None:
    served: list[int] = []

    async with ThreadPool(1, queue=2) as pool:
        block = Block()
        first = pool.run(block)
        await block.has_begun()
        calls = [pool.run(served.append, number) for number in range(10)]
        statistics = pool.statistics()
        assert (statistics.queued, statistics.waiting) == (2, 8)
        assert repr(calls[5]) == "<Call of list.append: waiting for room>"
        calls[5].cancel()
        calls[0].cancel()
        assert pool.statistics().waiting == 6
        block.go.set()
        await asyncio.gather(first, *calls, return_exceptions=True)

    assert served == [1, 2, 3, 4, 6, 7, 8, 9]


def test_a_thread_that_submits_to_a_full_pool_waits_for_room() -> None:
    with ThreadPool(1, queue=1) as pool, ThreadPool(1) as other:
        block = Block()
        pool.submit(block)
        assert block.begun.acquire(timeout=PATIENCE)
        pool.submit(abs, -1)
        late = other.submit(pool.submit, abs, -2)

        # It stands in line, and its thread has not come back.
        while pool.statistics().waiting == 0:
            time.sleep(0)

        assert not late.done()
        block.go.set()
        assert late.result(PATIENCE).result(PATIENCE) == 2


async def test_a_loop_is_never_blocked_by_a_full_pool_nor_a_pool_by_itself() -> None:
    async with ThreadPool(1, queue=1) as pool:
        block = Block()

        def submit_more() -> str:
            block()

            try:
                pool.submit(abs, 1)
            except Overloaded:
                return "refused"

            return "taken"

        first = pool.run(submit_more)
        await block.has_begun()
        second = pool.run(abs, -1)

        with pytest.raises(Overloaded):
            pool.submit(abs, -1)

        block.go.set()
        assert await first == "refused"
        assert await second == 1


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"queue": 0}, {"when_full": "explode"}, {"keep": -1.0}, {"keep": float("nan")}]
)
def test_a_pool_that_cannot_be_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ThreadPool(**wrong)


def test_no_call_is_forgotten_whichever_way_threads_meet(hurried: None) -> None:
    """The bounds are as narrow as can be, so that everybody waits for everybody."""
    with ThreadPool(2, queue=1, keep=0.0) as pool, ThreadPool(3, queue=2, reuse=False) as fresh:

        async def ask(chosen: ThreadPool) -> int:
            return sum(await asyncio.gather(*[chosen.run(abs, -1) for _ in range(100)]))

        def plain() -> int:
            return sum(pool.submit(abs, -1).result(PATIENCE) for _ in range(100))

        def runner(chosen: ThreadPool) -> Callable[[], int]:
            return lambda: asyncio.run(ask(chosen))

        with concurrent.futures.ThreadPoolExecutor(6) as crowd:
            work = [runner(pool), runner(pool), plain, plain, runner(fresh), runner(fresh)]
            sums = [crowd.submit(function) for function in work]
            assert [future.result(3 * PATIENCE) for future in sums] == [100] * 6


# Threads --------------------------------------------------------------------------------------------------------------


async def test_who_asks_for_one_call_after_another_needs_one_thread() -> None:
    async with ThreadPool(8, name="frugal") as pool:
        assert {await pool.run(name_of_thread) for _ in range(200)} == {"frugal-1"}


async def test_threads_come_when_they_are_needed_and_no_more_than_may() -> None:
    async with ThreadPool(3) as pool:
        assert pool.statistics().threads == 0
        block = Block()
        calls = [pool.run(block) for _ in range(5)]

        for _ in range(3):
            await block.has_begun()

        statistics = pool.statistics()
        assert (statistics.threads, statistics.running, statistics.queued) == (3, 3, 2)
        assert repr(pool) == "<ThreadPool 'hagworm-pool': 3 running, 2 queued, 3 of 3 threads>"
        block.go.set()
        await asyncio.gather(*calls)


async def test_idle_threads_leave() -> None:
    async with ThreadPool(3, keep=0.0) as pool:
        await asyncio.gather(*[pool.run(abs, 1) for _ in range(10)])

        async with asyncio.timeout(PATIENCE):
            while pool.statistics().threads:
                await asyncio.sleep(0)

        assert await pool.run(abs, -1) == 1
        assert pool.statistics().succeeded == 11


async def test_each_call_may_have_a_thread_of_its_own() -> None:
    async with ThreadPool(2, reuse=False, name="own") as pool:
        names = await asyncio.gather(*[pool.run(name_of_thread) for _ in range(20)])
        assert len(set(names)) == 20

        # None is kept for later.
        async with asyncio.timeout(PATIENCE):
            while pool.statistics().threads:
                await asyncio.sleep(0)


async def test_a_pool_that_gets_no_thread_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with ThreadPool(2) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)

            with pytest.raises(Overloaded, match="no thread can be started"):
                await pool.run(abs, 1)

            with pytest.raises(Overloaded, match="no thread can be started"):
                pool.submit(abs, 1).result(PATIENCE)

        block = Block()
        first = pool.run(block)
        await block.has_begun()

        with monkeypatch.context() as patch:
            # One thread is there: it will do the work.
            patch.setattr(threading.Thread, "start", refuse)
            second = pool.run(abs, -2)

        block.go.set()
        assert await asyncio.gather(first, second) == [None, 2]


def test_a_forgotten_pool_ends_its_threads_after_its_calls() -> None:
    pool = ThreadPool(2)
    block = Block()
    pool.submit(block)
    assert block.begun.acquire(timeout=PATIENCE)
    last = pool.submit(abs, -1)
    (worker, *_) = [worker for worker in pool.crew.workers if worker.job is not None]
    gone = weakref.ref(pool)
    del pool
    gc.collect()
    assert gone() is None
    block.go.set()
    assert last.result(PATIENCE) == 1
    worker.thread.join(PATIENCE)
    assert not worker.thread.is_alive()


# Closing --------------------------------------------------------------------------------------------------------------


async def test_3a22_closing_makes_what_was_taken_and_takes_nothing_more() -> None:
    pool = ThreadPool(1, queue=2)
    block = Block()
    calls = [pool.run(block, number) for number in range(5)]
    await block.has_begun()
    closing = asyncio.ensure_future(pool.aclose())
    await turns()
    assert not closing.done()

    for ask in (pool.run, pool.run_patiently, pool.submit):
        with pytest.raises(ExecutorClosed):
            ask(abs, 1)

    assert repr(pool).endswith("1 of 1 threads, closing>")
    block.go.set()
    assert await closing == []
    assert await asyncio.gather(*calls) == [0, 1, 2, 3, 4]
    assert await pool.aclose() == []
    assert pool.statistics().threads == 0


async def test_3a22_closing_does_not_block_the_loop() -> None:
    pool = ThreadPool(1)
    block = Block()
    pool.run(block)
    await block.has_begun()
    closing = asyncio.ensure_future(pool.aclose())
    # The loop turns: else nobody would let the function go.
    await turns()
    block.go.set()
    await closing


async def test_closing_in_time_or_giving_up_with_the_names_of_what_hangs() -> None:
    pool = ThreadPool(1)
    block = Block()
    running = pool.run(block)
    submitted = pool.submit(abs, 1)
    queued = pool.run(abs, 1)
    await block.has_begun()
    assert await pool.aclose(timeout=0.001) == ["Block"]

    with pytest.raises(ExecutorClosed) as caught:
        await running

    assert caught.value.began

    for not_begun in (asyncio.wrap_future(submitted), queued):
        with pytest.raises(ExecutorClosed) as caught:
            await not_begun

        assert not caught.value.began

    assert pool.statistics().dropped == 2
    block.go.set()
    assert await pool.aclose() == []


async def test_aborting_tells_every_caller_and_functions_that_ask(caplog: pytest.LogCaptureFixture) -> None:
    pool = ThreadPool(2)
    entered = threading.Barrier(3)

    def ask() -> None:
        entered.wait(PATIENCE)

        while True:
            check_cancelled()
            time.sleep(0)

    call, submission = pool.run(ask), pool.submit(ask)
    await asyncio.to_thread(entered.wait, PATIENCE)
    assert pool.abort() == [ask.__qualname__] * 2
    assert isinstance(submission.exception(PATIENCE), ExecutorClosed)

    with pytest.raises(ExecutorClosed):
        await call

    await pool.aclose()
    assert [record for record in caplog.records if "failed" in record.message] == []


def test_shutdown_waits_or_does_not_and_cancels_what_has_not_begun() -> None:
    pool = ThreadPool(1)
    block = Block()
    first = pool.submit(block, 1)
    assert block.begun.acquire(timeout=PATIENCE)
    second = pool.submit(block, 2)
    pool.shutdown(wait=False, cancel_futures=True)
    assert second.cancelled()
    assert not first.done()
    block.go.set()
    pool.shutdown()
    assert first.result() == 1
    assert pool.statistics().threads == 0


async def test_3a27_a_cancelled_queue_does_not_look_like_a_cancelled_caller() -> None:
    pool = ThreadPool(1)
    block = Block()
    first = pool.run(block)
    await block.has_begun()
    second = pool.run(block)
    pool.shutdown(wait=False, cancel_futures=True)

    with pytest.raises(ExecutorClosed):
        await second

    block.go.set()
    await first
    await pool.aclose()


async def test_a_pool_may_be_shut_down_by_one_of_its_own_calls() -> None:
    pool = ThreadPool(2)
    await pool.run(pool.shutdown)
    await pool.aclose()


async def test_many_may_wait_for_the_end() -> None:
    pool = ThreadPool(1)
    block = Block()
    call = pool.run(block)
    await block.has_begun()
    closing = [asyncio.ensure_future(pool.aclose()) for _ in range(3)]
    await turns()
    closing[1].cancel()
    block.go.set()
    await asyncio.wait(closing)
    assert closing[1].cancelled()
    assert [closing[0].result(), closing[2].result()] == [[], []]
    await call


# Loops that end -------------------------------------------------------------------------------------------------------


def test_the_loop_may_be_closed_while_threads_run(caplog: pytest.LogCaptureFixture) -> None:
    pool = ThreadPool(3)
    good, bad = Block(), Block(OSError("disk full"))
    loop = asyncio.new_event_loop()

    async def leave() -> None:
        # Nobody awaits these.
        pool.run(good)
        pool.run(bad)
        await good.has_begun()
        await bad.has_begun()

    loop.run_until_complete(leave())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    good.go.set()
    bad.go.set()
    pool.shutdown()
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "Block failed when its event loop had been closed"
    ]
    assert pool.statistics().succeeded == 1


def test_an_error_that_has_arrived_when_the_loop_was_closed_is_reported_too(caplog: pytest.LogCaptureFixture) -> None:
    pool = ThreadPool(1)
    loop = asyncio.new_event_loop()

    def fail() -> None:
        raise OSError("disk full")

    def leave() -> None:
        pool.run(fail)
        # It ends before this loop turns again, and this loop never does.
        pool.shutdown()
        loop.stop()

    loop.call_soon(leave)
    loop.run_forever()
    loop.close()

    async def later() -> None:
        async with ThreadPool(1) as other:
            await other.run(abs, 1)

    asyncio.run(later())
    assert "fail failed when its event loop had been closed" in caplog.text


# The shared pool ------------------------------------------------------------------------------------------------------


def test_the_shared_pool_is_one_for_each_loop_and_ends_with_it() -> None:
    seen: list[ThreadPool] = []

    async def main() -> None:
        assert shared_pool() is shared_pool()
        seen.append(shared_pool())
        assert (await shared_pool().run(name_of_thread)).startswith("hagworm-shared-")

    asyncio.run(main())
    asyncio.run(main())
    assert seen[0] is not seen[1]
    assert [pool.statistics().threads for pool in seen] == [0, 0]

    for pool in seen:
        with pytest.raises(ExecutorClosed):
            pool.submit(abs, 1)


def test_the_shared_pool_is_there_for_what_cleans_up_at_the_end() -> None:
    """Asynchronous generators that nobody has finished are closed with the pool, in no order."""
    done: list[int] = []

    async def opened() -> Any:
        try:
            yield
        finally:
            for number in range(5):
                await asyncio.sleep(0)
                done.append(await shared_pool().run(abs, -number))

    async def main() -> None:
        generator = opened()
        await anext(generator)
        await shared_pool().run(abs, 1)
        kept.append(generator)

    kept: list[Any] = []
    asyncio.run(main())
    assert done == [0, 1, 2, 3, 4]


# Statistics -----------------------------------------------------------------------------------------------------------


def test_t22_the_sums_are_exact_whoever_looks_meanwhile(hurried: None) -> None:
    def fail() -> None:
        raise ValueError

    with ThreadPool(4, queue=50) as pool, concurrent.futures.ThreadPoolExecutor(9) as crowd:
        over = threading.Event()

        def ask() -> None:
            for number in range(100):
                pool.submit(fail if number % 4 == 0 else time.perf_counter)

        def look() -> None:
            former = pool.statistics()

            while not over.is_set():
                statistics = pool.statistics()
                assert statistics.succeeded >= former.succeeded
                assert statistics.run_seconds >= former.run_seconds
                former = statistics

        looking = crowd.submit(look)
        asking = [crowd.submit(ask) for _ in range(8)]
        concurrent.futures.wait(asking, timeout=3 * PATIENCE)
        over.set()
        looking.result(PATIENCE)

    statistics = pool.statistics()
    assert (statistics.succeeded, statistics.failed, statistics.submitted) == (600, 200, 800)
    assert (statistics.running, statistics.queued, statistics.waiting, statistics.threads) == (0, 0, 0, 0)
    assert statistics.run_seconds > 0
    assert statistics.longest_wait > 0
    assert statistics.queue_seconds >= statistics.longest_wait
