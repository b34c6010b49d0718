"""A plain function becomes a coroutine function, called in a thread, that keeps its name and its errors."""

import asyncio
import contextvars
import functools
import inspect
import threading
import time
from typing import Any

import pytest

from hagworm.extend.asyncio.future import (
    Thread,
    ThreadPool,
    ThreadWorker,
    check_cancelled,
    shared_pool,
    threaded,
    threaded_separate,
)
from hagworm.extend.error import ExecutorClosed
from hagworm.testing import cancel_sweep
from tests.extend.asyncio.future.blocking import PATIENCE, Block, happens, turns

word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")


def name_of_thread() -> str:
    return threading.current_thread().name


class Callable:
    """An instance that can be called."""

    def __call__(self, value: int) -> int:
        return value


# threaded -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decorator", [threaded, threaded_separate])
async def test_it_is_a_coroutine_function_and_looks_like_the_one_it_calls(decorator: Any) -> None:
    @decorator
    def add(left: int, right: int = 1) -> int:
        """Add."""
        return left + right

    assert inspect.iscoroutinefunction(add)
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    assert await add(1, right=2) == 3
    assert await asyncio.create_task(add(1)) == 2
    assert add.__wrapped__(1) == 2

    with pytest.raises(TypeError):
        await add("1")


async def test_x14_functions_run_in_a_pool_that_everybody_shares_with_the_context_of_their_caller() -> None:
    word.set("mine")
    assert (await threaded(name_of_thread)()).startswith("hagworm-shared-")
    assert await threaded(word.get)() == "mine"
    assert shared_pool().statistics().succeeded == 2


@pytest.mark.parametrize("decorator", [threaded, threaded_separate])
async def test_it_works_on_methods_partials_and_instances(decorator: Any) -> None:
    class Shop:
        name = "tea"

        @decorator
        def plain(self) -> str:
            return self.name

        @classmethod
        @decorator
        def inside_class(cls) -> str:
            return cls.name

        @decorator
        @classmethod
        def outside_class(cls) -> str:
            return cls.name

        @staticmethod
        @decorator
        def inside_static() -> str:
            return "static"

        @decorator
        @staticmethod
        def outside_static() -> str:
            return "static"

    shop: Any = Shop()
    assert [await shop.plain(), await shop.inside_class(), await shop.outside_class()] == ["tea"] * 3
    assert [await Shop.inside_static(), await shop.outside_static()] == ["static"] * 2
    assert await decorator(Callable())(5) == 5


@pytest.mark.parametrize("decorator", [threaded, threaded_separate])
async def test_3a24_partials_and_other_functions_without_a_name_are_taken(decorator: Any) -> None:
    assert await decorator(functools.partial(int, base=2))("101") == 5
    assert decorator(functools.partial(divmod, 7)).__name__ == "divmod"


@pytest.mark.parametrize("decorator", [threaded, threaded_separate, ThreadWorker(1), Thread])
def test_p5_what_is_no_plain_function_is_refused_when_it_is_decorated(decorator: Any) -> None:
    async def coroutine() -> None: ...

    async def asynchronous() -> Any:
        yield 1

    class Handler:
        async def __call__(self) -> None: ...

    def generator() -> Any:
        yield 1

    for function in (coroutine, asynchronous, Handler(), functools.partial(coroutine)):
        with pytest.raises(TypeError, match="asynchronous already"):
            decorator(function)

    with pytest.raises(TypeError, match="use `threaded_iterable`"):
        decorator(generator)

    with pytest.raises(TypeError, match="a function is wanted"):
        decorator(3)


async def test_a_pool_of_its_own_a_timeout_and_what_a_cancellation_means_can_be_chosen() -> None:
    block = Block()

    async with ThreadPool(1, name="own") as pool:
        assert (await threaded(pool=pool)(name_of_thread)()) == "own-1"

        with pytest.raises(TimeoutError):
            await threaded(pool=pool, timeout=0.001)(block)()

        patient = asyncio.ensure_future(threaded(pool=pool, on_cancel="wait")(block)())
        await block.has_begun()
        block.go.set()
        assert await patient is None

    with pytest.raises(ValueError):
        threaded(on_cancel="explode")  # type: ignore[call-overload]  # that is the point


async def test_a_patient_timeout_comes_when_the_function_has_ended() -> None:
    noticed, go = threading.Event(), threading.Event()

    @threaded(on_cancel="wait", timeout=0.001)
    def work() -> None:
        with pytest.raises(asyncio.CancelledError):
            while True:
                check_cancelled()
                time.sleep(0)

        noticed.set()
        assert go.wait(PATIENCE)

    task = asyncio.ensure_future(work())
    await happens(noticed)
    await turns()
    assert not task.done()
    go.set()

    with pytest.raises(TimeoutError):
        await task


async def test_cancelling_at_every_await_leaves_nothing_behind() -> None:
    made = threaded(abs)
    separate = threaded_separate(limit=1)(abs)
    patient = threaded(on_cancel="wait")(abs)

    async def use() -> None:
        await made(-1)
        await separate(-1)
        await patient(-1)

    async def check() -> None:
        assert (await made(-3), await separate(-3), await patient(-3)) == (3, 3, 3)

    await cancel_sweep(use, check, may_finish=True)


def test_outside_of_a_loop_nothing_happens_until_there_is_one() -> None:
    assert asyncio.run(threaded(abs)(-3)) == 3


# threaded_separate ----------------------------------------------------------------------------------------------------


async def test_each_call_has_a_thread_named_after_its_function_that_ends_with_it() -> None:
    seen: list[threading.Thread] = []

    @threaded_separate
    def look() -> str:
        seen.append(threading.current_thread())
        return name_of_thread()

    names = [await look() for _ in range(3)]
    assert len(set(names)) == 3
    assert all("look" in name for name in names)

    for thread in seen:
        await asyncio.to_thread(thread.join, PATIENCE)

    assert not any(thread.is_alive() for thread in seen)


async def test_3a24_no_more_than_so_many_threads_at_a_time() -> None:
    block = Block()
    limited = threaded_separate(limit=2)(block)
    calls = [asyncio.ensure_future(limited(number)) for number in range(5)]

    for _ in range(2):
        await block.has_begun()

    await turns()
    assert len(block.calls) == 2
    block.go.set()
    assert await asyncio.gather(*calls) == list(range(5))


async def test_long_calls_do_not_keep_the_shared_pool_from_others() -> None:
    block = Block()
    calls = [asyncio.ensure_future(threaded_separate(block)()) for _ in range(40)]
    await block.has_begun()
    assert await threaded(abs)(-1) == 1
    block.go.set()
    await asyncio.gather(*calls)


# ThreadWorker ---------------------------------------------------------------------------------------------------------


async def test_x14_a_worker_is_a_pool_for_some_functions_and_can_be_closed() -> None:
    worker = ThreadWorker(1, name="files")

    @worker
    def first() -> str:
        return name_of_thread()

    @worker
    def second() -> str:
        return name_of_thread()

    assert inspect.iscoroutinefunction(first)
    assert await asyncio.gather(first(), second()) == ["files-1"] * 2
    assert repr(worker) == "<ThreadWorker 'files': 0 running, 0 queued, 1 of 1 threads>"
    assert await worker.aclose() == []

    with pytest.raises(ExecutorClosed):
        await first()


# Thread ---------------------------------------------------------------------------------------------------------------


async def test_a_thread_is_told_to_stop_and_waited_for_without_blocking_the_loop() -> None:
    begun = threading.Event()
    seen: list[Any] = []

    def work(stopping: threading.Event, item: int, *, key: str) -> None:
        seen.append((item, key, word.get()))
        begun.set()
        stopping.wait()

    word.set("mine")
    thread = Thread(work, 1, key="k")
    assert repr(thread).endswith("work' new>")
    thread.start()
    await happens(begun)
    assert repr(thread).endswith("work' runs>")
    assert await thread.aclose()
    assert not thread.is_alive()
    assert repr(thread).endswith("work' ended>")
    assert seen == [(1, "k", "mine")]
    assert await thread.aclose()


async def test_x24_closing_says_whether_the_thread_has_ended() -> None:
    block = Block()
    thread = Thread(lambda stopping: block())
    thread.start()
    await block.has_begun()
    assert not await thread.aclose(timeout=0.001)
    assert thread.is_alive()
    block.go.set()
    assert await thread.aclose()
    assert not thread.is_alive()


async def test_an_error_of_a_thread_is_raised_where_somebody_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    def fail(stopping: threading.Event) -> None:
        stopping.wait()
        raise OSError("disk full")

    thread = Thread(fail)
    thread.start()

    with pytest.raises(OSError, match="disk full"):
        await thread.aclose()

    assert await thread.aclose()
    assert caplog.records == []


async def test_an_error_of_a_thread_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(stopping: threading.Event) -> None:
        raise OSError("disk full")

    thread = Thread(fail, name="pump")
    thread.start()
    thread.join(PATIENCE)
    assert isinstance(thread.error, OSError)
    assert "the thread 'pump' failed" in caplog.text


async def test_a_thread_that_was_never_started_is_closed_at_once() -> None:
    assert await Thread(lambda stopping: None).aclose()


async def test_closing_a_thread_can_be_cancelled_at_every_await() -> None:
    threads: list[Thread] = []

    async def use() -> None:
        threads.append(Thread(lambda stopping: stopping.wait()))
        threads[-1].start()
        await threads[-1].aclose()

    async def check() -> None:
        assert await threads[-1].aclose()
        assert threads[-1].watchers == []

    await cancel_sweep(use, check)
