"""A sweep cancels at every suspension, and finds what was planted."""

import asyncio

import pytest

from hagworm.testing.sweep import MOMENTS, cancel_sweep


async def test_every_suspension_is_cut_once_at_each_moment() -> None:
    async def three() -> str:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        return "done"

    sweep = await cancel_sweep(three)

    assert sweep.suspensions == 3
    assert sweep.cuts[0].result == "done"
    assert [(cut.moment, cut.number) for cut in sweep.cuts[1:]] == [
        (moment, number) for moment in MOMENTS for number in (1, 2, 3)
    ]
    assert {cut.outcome for cut in sweep.cuts[1:]} == {"cancelled"}


async def test_a_leaked_permit_is_found() -> None:
    permits = asyncio.Semaphore(2)

    async def leaky() -> None:
        await permits.acquire()
        await asyncio.sleep(0)
        permits.release()

    def check() -> None:
        assert permits._value == 2

    with pytest.raises(AssertionError) as failure:
        await cancel_sweep(leaky, check)

    assert "suspension 1 (waiting)" in failure.value.__notes__[0]


async def test_an_item_that_is_lost_between_its_coming_and_its_taking_is_found() -> None:
    """The race that only `woken` meets: the future has its item when the task that waits for it is cancelled."""
    taken: list[int] = []
    futures: list[asyncio.Future[int]] = []

    async def take() -> None:
        future = asyncio.get_running_loop().create_future()
        futures.append(future)
        asyncio.get_running_loop().call_soon(lambda: future.done() or future.set_result(1))
        taken.append(await future)

    def check() -> None:
        for future in futures:
            assert future.cancelled() or taken.pop() == future.result()

        futures.clear()

    await cancel_sweep(take, check, moments=("waiting",))

    with pytest.raises(IndexError) as failure:
        await cancel_sweep(take, check, moments=("woken",))

    assert "(woken)" in failure.value.__notes__[0]


async def test_a_swallowed_cancellation_is_found() -> None:
    async def deaf() -> str:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return "never mind"

        return "done"

    with pytest.raises(AssertionError, match="swallowed the cancellation: it returned"):
        await cancel_sweep(deaf)

    assert len((await cancel_sweep(deaf, may_finish=True)).cuts) == 4


async def test_a_clean_up_that_is_itself_cancelled_is_seen() -> None:
    open_files: set[object] = set()

    async def work() -> None:
        file = object()
        open_files.add(file)

        try:
            await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            open_files.discard(file)

    def check() -> None:
        assert not open_files

    # The second suspension is cut in every mode: the clean-up of a run that was not cancelled.
    with pytest.raises(AssertionError):
        await cancel_sweep(work, check, moments=("waiting",))

    open_files.clear()

    with pytest.raises(AssertionError) as failure:
        await cancel_sweep(work, check, moments=("twice",))

    assert "suspension 1 (twice)" in failure.value.__notes__[0]


async def test_a_task_that_is_left_behind_is_found() -> None:
    started: list[asyncio.Task[None]] = []

    async def start() -> None:
        started.append(asyncio.create_task(asyncio.sleep(3600)))
        await asyncio.sleep(0)
        started.pop().cancel()

    with pytest.raises(AssertionError, match="tasks left behind"):
        await cancel_sweep(start)

    started.pop().cancel()


async def test_what_hangs_when_cancelled_is_found_with_its_place() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    with pytest.raises(AssertionError, match=r"has not ended after 0\.01 s; it waits in .*wait"):
        await cancel_sweep(stubborn, timeout=0.01)


async def test_a_timeout_inside_keeps_the_cancellation_apart_from_its_own() -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await asyncio.sleep(0)

    assert (await cancel_sweep(bounded)).suspensions == 1


async def test_the_error_of_the_undisturbed_run_is_raised() -> None:
    async def broken() -> None:
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        await cancel_sweep(broken)


async def test_more_suspensions_than_allowed_are_refused() -> None:
    async def long() -> None:
        for _ in range(6):
            await asyncio.sleep(0)

    with pytest.raises(AssertionError, match="more than 5 suspensions"):
        await cancel_sweep(long, limit=5)


async def test_a_check_may_be_a_coroutine_function() -> None:
    calls = 0

    async def check() -> None:
        nonlocal calls
        await asyncio.sleep(0)
        calls += 1

    sweep = await cancel_sweep(lambda: asyncio.sleep(0), check)

    # At each moment one more run finds that there is no further suspension.
    assert (calls, len(sweep.cuts)) == (1 + 3 * 2, 1 + 3)
