"""Many at a time, no more than may, in order; and when one fails or all are cancelled, nothing goes on behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from hagworm.extend.asyncio.base.group import (
    MultiTasks,
    QueueTasks,
    SliceTasks,
    TaskGroup,
    TaskStatus,
    amap,
    as_completed,
    chunks,
    gather_limited,
)
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.testing.sweep import cancel_sweep

number: ContextVar[int] = ContextVar("number", default=0)


class Site:
    """Counts the jobs that run, have run and were cancelled."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.begun = 0
        self.cancelled = 0

    async def job(self, result: int, turns: int = 1, error: BaseException | None = None) -> int:
        self.begun += 1
        self.running += 1
        self.most = max(self.most, self.running)

        try:
            await yield_now(turns)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

        if error is not None:
            raise error

        return result


async def test_results_come_in_the_order_of_the_jobs_and_no_more_run_than_may() -> None:
    site = Site()
    assert await gather_limited([site.job(n, 5 - n % 4) for n in range(20)], 3) == list(range(20))
    assert (site.most, site.running) == (3, 0)


async def test_without_a_limit_all_run_at_once() -> None:
    site = Site()
    assert await gather_limited(site.job(n) for n in range(20)) == list(range(20))
    assert site.most == 20


async def test_a_generator_is_read_only_as_fast_as_there_is_room() -> None:
    site = Site()
    read = 0

    def jobs() -> Iterator[Awaitable[int]]:
        nonlocal read

        for n in range(10):
            assert read - (site.begun - site.running) <= 2
            read += 1
            yield site.job(n, 3)

    assert await gather_limited(jobs(), 2) == list(range(10))


async def test_an_async_generator_is_read_while_jobs_run() -> None:
    site = Site()
    closed = False

    async def jobs() -> AsyncIterator[Awaitable[int]]:
        nonlocal closed

        try:
            for n in range(10):
                await yield_now(n % 3)
                number.set(number.get() + 1)
                assert number.get() == n + 1
                yield site.job(n, 9)
        finally:
            closed = True

    assert await gather_limited(jobs(), 3) == list(range(10))
    assert closed and site.most == 3


async def test_p15_of_nothing_comes_an_empty_list() -> None:
    """P15: `await MultiTasks()` was None."""
    assert await gather_limited([], 3) == []
    assert await MultiTasks() == []
    assert await SliceTasks(2) == await QueueTasks(2) == []

    async def nothing() -> AsyncIterator[Awaitable[int]]:
        for job in ():
            yield job

    assert await gather_limited(nothing()) == []


@pytest.mark.parametrize("wrap", [list, iter], ids=["list", "iterator"])
async def test_p13_the_first_error_ends_all_that_runs_and_what_has_not_begun(wrap: Any) -> None:
    """P13: an error surfaced only when everything had run, and the rest was "never awaited"."""
    site = Site()
    jobs = [site.job(n, 1 if n == 1 else 9, OSError(n) if n == 1 else None) for n in range(10)]

    # Coroutines that nobody awaits would fail this test by their warning.
    with pytest.raises(OSError, match="1"):
        await gather_limited(wrap(jobs), 3)

    assert (site.begun, site.cancelled, site.running) == (3, 2, 0)

    if wrap is iter:
        for job in jobs:
            job.close()


async def test_p13_a_cancelled_group_starts_nothing_any_more() -> None:
    """P13: a cancelled `QueueTasks` went on to start what was queued."""
    site = Site()
    task = asyncio.create_task(gather_limited([site.job(n, 9) for n in range(10)], 3))
    await yield_now(2)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert (site.begun, site.cancelled, site.running) == (3, 3, 0)


async def test_p15_the_others_have_ended_when_the_error_is_raised() -> None:
    """P15: siblings were cancelled but not awaited."""
    cleaned: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await yield_now(5)
            cleaned.append("slow")

    with pytest.raises(OSError, match="now"):
        await gather_limited([slow(), Site().job(1, 2, OSError("now"))])

    assert cleaned == ["slow"]


async def test_errors_that_come_with_the_first_one_are_noted() -> None:
    site = Site()

    with pytest.raises(OSError, match="0") as caught:
        await gather_limited([site.job(n, 1, OSError(n)) for n in range(6)])

    assert caught.value.__notes__ == ["5 more failed: OSError(1), OSError(2), OSError(3), …"]


async def test_errors_may_be_results() -> None:
    site = Site()
    cancelled = asyncio.create_task(site.job(0, 99))
    asyncio.get_running_loop().call_soon(cancelled.cancel)
    results = await gather_limited([site.job(1), site.job(2, 1, OSError()), cancelled], 2, return_exceptions=True)
    assert [type(result) for result in results] == [int, OSError, asyncio.CancelledError]


async def test_a_child_that_is_cancelled_on_its_own_cancels_the_group() -> None:
    site = Site()
    lonely = asyncio.create_task(asyncio.Event().wait())
    asyncio.get_running_loop().call_soon(lonely.cancel)

    with pytest.raises(asyncio.CancelledError):
        await gather_limited([lonely, site.job(1, 99)])

    assert site.running == 0


async def test_each_job_has_a_copy_of_the_caller_s_context() -> None:
    async def job() -> int:
        number.set(number.get() + 1)
        await asyncio.sleep(0)
        return number.get()

    number.set(1)
    assert await amap(lambda _: job(), range(5), 2) == [2] * 5
    assert number.get() == 1


async def test_mapping_makes_a_coroutine_only_when_it_begins() -> None:
    site = Site()

    async def items() -> AsyncIterator[int]:
        for n in range(5):
            yield n

    assert await amap(site.job, range(5), 2) == await amap(site.job, items(), 2) == list(range(5))

    with pytest.raises(OSError, match="bad"):
        await amap(lambda n: site.job(n, 1, OSError("bad")), range(10**9), 2)


async def test_an_error_of_the_source_ends_all() -> None:
    site = Site()

    def broken() -> Iterator[Awaitable[int]]:
        yield site.job(1, 9)
        raise OSError("source")

    async def abroken() -> AsyncIterator[Awaitable[int]]:
        yield site.job(1, 9)
        await asyncio.sleep(0)
        raise OSError("source")

    for source in (broken(), abroken()):
        with pytest.raises(OSError, match="source"):
            await gather_limited(source)

    assert (site.cancelled, site.running) == (1, 0)


def test_a_limit_is_at_least_one() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="not 0"):
            await gather_limited([], 0)

    asyncio.run(main())

    with pytest.raises(ValueError, match="not 0"):
        SliceTasks(0)


async def test_tasks_give_their_results_as_they_finish() -> None:
    site = Site()

    async with as_completed([site.job(n, 9 - n) for n in range(5)]) as finished:
        assert [task.result() async for task in finished] == [4, 3, 2, 1, 0]


async def test_leaving_early_ends_what_still_runs_and_closes_what_has_not_begun() -> None:
    site = Site()

    async with as_completed([site.job(n, n) for n in range(10)], 3) as finished:
        async for task in finished:
            assert task.result() == 0
            break

    assert site.running == 0 and site.begun <= 4
    assert repr(finished).startswith("<Completed <Crew 0 running")


async def test_one_whose_results_are_not_taken_waits() -> None:
    site = Site()

    async with as_completed((site.job(n, 0) for n in range(100)), 2) as finished:
        first = await anext(finished)
        await yield_now(20)
        assert first.result() == 0
        assert site.begun <= 3

    assert site.begun <= 3


async def test_finished_tasks_are_given_only_to_those_who_end_what_they_start() -> None:
    finished = as_completed([])

    with pytest.raises(RuntimeError, match="async with"):
        await anext(finished)

    assert repr(finished) == "<Completed not entered>"


async def test_an_error_in_the_block_notes_those_of_the_tasks() -> None:
    with pytest.raises(KeyError) as caught:
        async with as_completed([Site().job(1, 1, OSError("lost"))]) as finished:
            await yield_now(5)
            assert finished is not None
            raise KeyError

    assert caught.value.__notes__ == ["1 more failed: OSError('lost')"]


async def test_p14_after_it_was_awaited_it_is_the_list_of_its_results() -> None:
    """P14: `bool(tasks)` was False and its length 0 although there were results."""
    site = Site()
    tasks: MultiTasks[int] = MultiTasks(site.job(1), site.job(2))
    tasks.append(site.job(3))
    tasks.extend([site.job(4)])
    assert repr(tasks) == "<MultiTasks 4 to run, 0 results>"
    assert await tasks == [1, 2, 3, 4]
    assert all(tasks) and bool(tasks)
    assert (len(tasks), tasks[0], tasks[-1], list(tasks)) == (4, 1, 4, [1, 2, 3, 4])
    assert await tasks == [1, 2, 3, 4]
    tasks.append(site.job(5))
    assert await tasks == [1, 2, 3, 4, 5]


async def test_of_queue_tasks_the_next_begins_when_one_ends() -> None:
    log: list[str] = []

    async def job(n: int) -> None:
        log.append(f"+{n}")
        await yield_now(20 if n == 0 else 1)
        log.append(f"-{n}")

    await QueueTasks(2, *(job(n) for n in range(4)))
    assert log == ["+0", "+1", "-1", "+2", "-2", "+3", "-3", "-0"]


async def test_slices_do_not_overlap() -> None:
    log: list[str] = []

    async def job(n: int) -> None:
        log.append(f"+{n}")
        await yield_now(3 if n % 2 else 1)
        log.append(f"-{n}")

    await SliceTasks(2, *(job(n) for n in range(4)))
    assert log == ["+0", "+1", "-0", "-1", "+2", "+3", "-2", "-3"]


async def test_collected_jobs_that_are_not_run_can_be_closed() -> None:
    tasks: SliceTasks[int] = SliceTasks(1, Site().job(1), Site().job(2, 1, OSError()), Site().job(3))

    with pytest.raises(OSError):
        await tasks

    tasks.append(Site().job(4))
    tasks.append(asyncio.create_task(Site().job(5)))
    tasks.close()
    await yield_now(3)
    assert len(tasks) == 1


async def test_3b20_chunks_are_as_long_as_they_are_asked_for() -> None:
    """3B.20: mode's `chunks(it, 1)` gave one chunk with everything in it."""

    async def items() -> AsyncIterator[int]:
        for n in range(5):
            yield n

    for size, expected in [(1, [[0], [1], [2], [3], [4]]), (2, [[0, 1], [2, 3], [4]]), (5, [[0, 1, 2, 3, 4]])]:
        assert [chunk async for chunk in chunks(items(), size)] == expected
        assert [chunk async for chunk in chunks(range(5), size)] == expected

    with pytest.raises(ValueError, match="at least one"):
        await anext(chunks([], 0))


async def test_a_task_group_with_a_limit_lets_the_next_one_wait() -> None:
    site = Site()

    async with TaskGroup(limit=2) as group:
        tasks = [await group.spawn(site.job(n, 3), name=str(n)) for n in range(6)]
        assert site.most == 2

    assert [task.result() for task in tasks] == list(range(6))
    assert tasks[3].get_name() == "3"


async def test_what_cannot_be_spawned_is_closed() -> None:
    group = TaskGroup(limit=1)

    with pytest.raises(RuntimeError):
        await group.spawn(Site().job(1))

    assert group.limiter is not None and group.limiter.used == 0

    async with TaskGroup() as unbounded:
        assert await (await unbounded.spawn(Site().job(7))) == 7

    with pytest.raises(RuntimeError):
        await unbounded.spawn(Site().job(1))


async def serve(port: int, *, task_status: TaskStatus[str]) -> None:
    await asyncio.sleep(0)

    if port == 1:
        raise OSError("port in use")

    if port == 2:
        return

    assert repr(task_status) == "<TaskStatus not ready>"
    task_status.started(f"listening on {port}")

    with pytest.raises(RuntimeError, match="already"):
        task_status.started()

    if port == 3:
        raise OSError("crashed later")

    await asyncio.Event().wait()


async def test_a_task_tells_when_it_is_ready() -> None:
    async with TaskGroup() as group:
        assert await group.start(serve, 80, name="web") == "listening on 80"

        with pytest.raises(OSError, match="port in use"):
            await group.start(serve, 1)

        with pytest.raises(RuntimeError, match="without telling"):
            await group.start(serve, 2)

        for task in list(group._tasks):  # type: ignore[attr-defined]  # what asyncio's own group keeps
            task.cancel()


async def test_an_error_after_it_was_ready_ends_the_group() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with TaskGroup() as group:
            assert await group.start(serve, 3) == "listening on 3"
            await asyncio.Event().wait()

    assert [str(error) for error in caught.value.exceptions] == ["crashed later"]


@pytest.mark.parametrize("limit", [None, 1, 2])
@pytest.mark.parametrize("kind", ["list", "generator", "stream"])
async def test_no_cancellation_leaves_a_job_behind(limit: int | None, kind: str) -> None:
    site = Site()

    async def stream() -> AsyncIterator[Awaitable[int]]:
        for n in range(4):
            await asyncio.sleep(0)
            yield site.job(n, n)

    def jobs() -> Any:
        if kind == "stream":
            return stream()

        made = (site.job(n, n) for n in range(4))
        return made if kind == "generator" else list(made)

    async def gather() -> None:
        assert await gather_limited(jobs(), limit) == list(range(4))

    async def complete() -> None:
        async with as_completed(jobs(), limit) as finished:
            assert sorted([task.result() async for task in finished]) == list(range(4))

    async def collect() -> None:
        if kind == "list":
            await SliceTasks(limit or 9, *jobs())

    def check() -> None:
        assert site.running == 0

    scenes: list[Callable[[], Awaitable[None]]] = [gather, complete, collect]

    for scene in scenes:
        await cancel_sweep(scene, check)


async def test_no_cancellation_of_a_start_leaves_its_task_behind() -> None:
    site = Site()
    group: TaskGroup

    async def lazy(*, task_status: TaskStatus[int]) -> None:
        await site.job(1, 2)
        task_status.started(1)
        await site.job(2, 2)

    async def scene() -> None:
        nonlocal group

        async with TaskGroup(limit=1) as group:
            await group.spawn(site.job(0, 2))
            await group.start(lazy)
            await group.spawn(site.job(3, 2))

    def check() -> None:
        assert site.running == 0
        assert group.limiter is not None

    await cancel_sweep(scene, check)
