"""A deadline is seen by everything inside, can only be shortened, and ends its block at the right moment."""

import asyncio
import pickle
import threading
from collections.abc import Awaitable, Callable

import pytest

from hagworm.extend.asyncio.base.deadline import (
    call_by,
    deadline,
    moment,
    patiently,
    remaining,
    unbounded,
    within,
)
from hagworm.extend.error import DeadlineExceeded
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_p2_a_block_ends_when_its_time_is_over() -> None:
    async def main() -> None:
        with pytest.raises(DeadlineExceeded) as caught:
            async with within(2.0):
                await forever()

        assert isinstance(caught.value, TimeoutError)
        assert moment() == 2.0
        assert (caught.value.seconds, caught.value.end) == (2.0, 2.0)
        assert str(caught.value) == "not done within 2 s"
        assert remaining() is None

    run_virtual(main())


def test_what_is_inside_sees_how_much_is_left() -> None:
    async def main() -> None:
        assert remaining() is None

        async with within(10.0) as scope:
            await asyncio.sleep(4)
            assert remaining() == 6
            assert deadline() == scope.end == 10
            assert await asyncio.create_task(look()) == 6

        assert deadline() is None

    async def look() -> float | None:
        return remaining()

    run_virtual(main())


def test_a_block_inside_can_only_shorten() -> None:
    async def main() -> None:
        async with within(3.0):
            async with within(100.0):
                assert remaining() == 3

            async with within(1.0):
                assert remaining() == 1

            async with within(None):
                assert remaining() == 3

            assert remaining() == 3

    run_virtual(main())


def test_the_outer_block_ends_where_both_are_over_at_once() -> None:
    async def main() -> str:
        try:
            async with within(1.0):
                try:
                    async with within(5.0):
                        await forever()
                except DeadlineExceeded:
                    return "inner"
        except DeadlineExceeded:
            return "outer"

        return "none"

    assert run_virtual(main()) == "outer"


def test_the_inner_block_ends_alone_where_it_is_shorter() -> None:
    async def main() -> None:
        async with within(5.0):
            with pytest.raises(DeadlineExceeded):
                async with within(1.0):
                    await forever()

            assert remaining() == 4

    run_virtual(main())


def test_without_time_left_a_block_is_not_entered() -> None:
    async def main() -> None:
        for seconds in (0.0, -1.0):
            with pytest.raises(DeadlineExceeded):
                async with within(seconds):
                    raise AssertionError("entered")

        with pytest.raises(DeadlineExceeded):
            async with within(1.0):
                try:
                    await forever()
                finally:
                    with pytest.raises(DeadlineExceeded):
                        async with within(1.0):
                            raise AssertionError("entered")

    run_virtual(main())


def test_cleaning_up_may_take_its_own_time() -> None:
    async def main() -> None:
        with pytest.raises(DeadlineExceeded):
            async with within(1.0):
                try:
                    await forever()
                finally:
                    with unbounded():
                        assert remaining() is None

                        async with within(3.0):
                            await asyncio.sleep(2)

        assert moment() == 3.0

    run_virtual(main())


async def test_a_cancellation_from_elsewhere_passes_through() -> None:
    async def work() -> None:
        async with within(60.0):
            await forever()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_cancellation_in_the_turn_in_which_the_time_is_over_is_not_lost() -> None:
    async def main() -> None:
        async def work() -> None:
            async with within(1.0):
                await forever()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_at(1.0, task.cancel)

        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())


def test_p2_an_error_of_the_block_is_not_covered_by_the_time() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="mine"):
            async with within(1.0):
                try:
                    await forever()
                except asyncio.CancelledError:
                    raise ValueError("mine") from None

        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run_virtual(main())


def test_a_thread_without_a_loop_can_look() -> None:
    seen: list[float | None] = []

    def work() -> None:
        with within(60.0):
            seen.append(remaining())

        seen.append(remaining())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen[0] is not None
    assert 59 < seen[0] <= 60
    assert seen[1] is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: asyncio.sleep(5, "done"),
        lambda: asyncio.ensure_future(asyncio.sleep(5, "done")),
        lambda: Waits(5),
    ],
    ids=["coroutine", "task", "awaitable"],
)
def test_whatever_can_be_awaited_can_be_given_a_moment(make: Callable[[], Awaitable[str]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        with pytest.raises(DeadlineExceeded):
            await call_by(make(), loop, loop.time() + 2, 2)

        assert loop.time() == 2
        assert await call_by(make(), loop, loop.time() + 10, 10) == "done"
        assert loop.time() == 7
        assert deadline() is None

    run_virtual(main())


class Waits:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __await__(self):  # type: ignore[no-untyped-def]  # what asyncio yields is its own
        return asyncio.sleep(self.seconds, "done").__await__()


async def test_what_never_suspends_needs_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def quick() -> float | None:
        return remaining()

    loop = asyncio.get_running_loop()
    end = loop.time() + 60
    wrong = AssertionError("a timer was set")

    class NoTimers:
        def call_at(self, *_: object) -> None:
            raise wrong

        def time(self) -> float:
            return loop.time()

    left = await call_by(quick(), NoTimers(), end, 60)  # type: ignore[arg-type]  # a loop without timers

    assert left is not None
    assert 0 < left <= 60


async def test_cancelling_leaves_no_deadline_and_no_timer_behind() -> None:
    loop = asyncio.get_running_loop()

    async def work() -> None:
        async with within(30):
            await asyncio.sleep(0)
            await call_by(twice(), loop, loop.time() + 20, 20)

    async def twice() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def check() -> None:
        assert deadline() is None

    sweep = await cancel_sweep(work, check)
    assert sweep.suspensions == 3


def test_patience_is_for_what_waits() -> None:
    async def main() -> None:
        assert await patiently(asyncio.sleep(0, "done"), 1.0) == "done"

        with pytest.raises(TimeoutError):
            await patiently(forever(), 1.0)

    run_virtual(main())


def test_only_a_task_can_be_interrupted() -> None:
    loop = asyncio.new_event_loop()
    errors: list[BaseException] = []

    def callback() -> None:
        try:
            with within(1.0):
                raise AssertionError("entered")
        except RuntimeError as error:
            errors.append(error)

    try:
        loop.call_soon(callback)
        loop.call_soon(loop.stop)
        loop.run_forever()
    finally:
        loop.close()

    assert "task" in str(errors[0])


def test_the_error_travels() -> None:
    error = pickle.loads(pickle.dumps(DeadlineExceeded(1.5, end=7.0)))

    assert (error.seconds, error.end, str(error)) == (1.5, 7.0, "not done within 1.5 s")
    assert str(DeadlineExceeded()) == "the deadline has passed"
