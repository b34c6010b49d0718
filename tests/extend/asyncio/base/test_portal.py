"""Threads get into a loop and out again: with the result, the error, or the news that the loop has gone."""

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest

from hagworm.extend.asyncio.base.loop import run
from hagworm.extend.asyncio.base.portal import Portal, open_portal
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.extend.error import ConfigError, PortalClosed

trace: ContextVar[str] = ContextVar("trace", default="none")


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return number * 2


async def fail() -> None:
    raise OSError("broken")


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.fixture(params=["asyncio", "uvloop"])
def portal(request: pytest.FixtureRequest) -> Iterator[Portal]:
    with open_portal(loop=request.param) as portal:
        yield portal


def test_p9_any_thread_calls_coroutines_and_functions_of_the_loop(portal: Portal) -> None:
    """P9: the original looked the loop up in the calling thread, which has none."""
    assert portal.call(double, 21) == 42
    assert portal.call(len, "four") == 4
    assert portal.call(threading.get_ident) == portal.thread

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda number: portal.call(double, number), range(50))) == list(range(0, 100, 2))

    assert portal.statistics().calls == 53


def test_errors_reach_the_caller(portal: Portal) -> None:
    with pytest.raises(OSError, match="broken"):
        portal.call(fail)

    with pytest.raises(ZeroDivisionError):
        portal.call(lambda: 1 // 0)


def test_a_time_out_cancels_the_coroutine(portal: Portal) -> None:
    cancelled = threading.Event()

    async def slow() -> None:
        try:
            await forever()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError):
        portal.call(slow, timeout=0.01)

    assert cancelled.wait(5)


def test_a_time_out_of_the_coroutine_itself_is_its_error(portal: Portal) -> None:
    async def give_up() -> None:
        raise TimeoutError("inside")

    with pytest.raises(TimeoutError, match="inside"):
        portal.call(give_up, timeout=5)


def test_what_is_submitted_can_be_waited_for_and_cancelled(portal: Portal) -> None:
    cancelled = threading.Event()
    begun = threading.Event()

    async def slow() -> None:
        begun.set()

        try:
            await forever()
        finally:
            cancelled.set()

    quick, lasting = portal.submit(double, 4), portal.submit(slow)
    assert quick.result(5) == 8
    assert begun.wait(5)
    assert lasting.cancel()
    assert cancelled.wait(5)
    done, left = concurrent.futures.wait([quick, lasting], timeout=5)
    assert not left


def test_one_that_is_cancelled_before_it_begins_does_not_begin(portal: Portal) -> None:
    blocked, blocking = threading.Event(), threading.Event()

    def block() -> None:
        blocking.set()
        blocked.wait(5)

    portal.call_soon(block)
    assert blocking.wait(5)
    never = portal.submit(pytest.fail, "called")
    assert never.cancel()
    blocked.set()
    assert concurrent.futures.wait([never], timeout=5).done == {never}


def test_a_coroutine_that_cancels_itself_cancels_its_future(portal: Portal) -> None:
    async def leave() -> None:
        raise asyncio.CancelledError

    with pytest.raises(concurrent.futures.CancelledError):
        portal.call(leave)


def test_calls_have_the_context_of_their_caller(portal: Portal) -> None:
    async def look() -> str:
        await asyncio.sleep(0)
        return trace.get()

    def set_and_look() -> Any:
        trace.set("changed")
        return look()

    token = trace.set("mine")
    assert portal.call(look) == "mine"
    assert portal.call(set_and_look) == "changed"
    assert portal.call(look) == "mine"
    trace.reset(token)


async def test_the_thread_of_the_loop_is_told_that_it_would_wait_for_itself() -> None:
    async with Portal() as portal:
        with pytest.raises(RuntimeError, match="wait for itself"):
            portal.call(double, 1)


async def test_closing_ends_what_runs_and_tells_its_callers() -> None:
    portal = Portal()
    running = portal.submit(forever)
    await yield_now(3)
    assert repr(portal) == "<Portal open, 1 running, 1 calls>"
    waiting = portal.submit(double, 1)
    await portal.aclose()
    await yield_now()

    for future in (running, waiting):
        with pytest.raises(PortalClosed):
            future.result(0)

    with pytest.raises(PortalClosed):
        portal.submit(double, 1)

    with pytest.raises(PortalClosed):
        portal.call_soon(print)

    assert repr(portal) == "<Portal closed, 0 running, 2 calls>"


async def test_closing_waits_for_what_ends_in_time() -> None:
    async with Portal() as portal:
        future = portal.submit(double, 2)
        await yield_now(2)
        await portal.aclose(grace=5)
        assert future.result(0) == 4


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_nobody_waits_in_vain_when_the_loop_is_closed(loop: str) -> None:
    async def main() -> tuple[Portal, Any]:
        portal = Portal()
        running = portal.submit(forever)
        await yield_now(3)
        return portal, running

    portal, running = run(main(), loop=loop)

    with pytest.raises(PortalClosed, match="before the call had ended"):
        running.result(5)

    with pytest.raises(PortalClosed, match="is closed"):
        portal.submit(double, 1)


def test_a_call_that_a_loop_did_not_get_to_is_told() -> None:
    loop = asyncio.new_event_loop()

    async def make() -> Portal:
        return Portal()

    portal = loop.run_until_complete(make())
    portal.thread = -1
    future = portal.submit(double, 1)
    loop.close()

    with pytest.raises(PortalClosed, match="closed before"):
        future.result(5)


def test_what_still_runs_when_the_block_is_left_is_cancelled() -> None:
    with open_portal() as portal:
        future = portal.submit(forever)

    with pytest.raises(PortalClosed):
        future.result(0)


def test_a_loop_that_cannot_be_made_is_told() -> None:
    with pytest.raises(ConfigError, match="unknown event loop"), open_portal(loop="quick"):
        pytest.fail("entered")


def test_a_portal_belongs_to_a_loop() -> None:
    with pytest.raises(RuntimeError):
        Portal()


def test_an_idle_portal_costs_nothing(portal: Portal) -> None:
    before = time.process_time()
    threading.Event().wait(0.2)
    assert time.process_time() - before < 0.02


def test_an_error_of_call_soon_reaches_the_loop(portal: Portal) -> None:
    told = threading.Event()
    portal.call(lambda: portal.loop.set_exception_handler(lambda _, context: told.set()))
    portal.call_soon(fail_now)
    assert told.wait(5)


def fail_now() -> None:
    raise OSError("broken")


def test_an_interrupted_caller_cancels_its_call(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow() -> None:
        await forever()

    def interrupt(self: Any, timeout: float | None = None) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("hagworm.extend.asyncio.base.portal.Reply.result", interrupt)

    with pytest.raises(KeyboardInterrupt):
        portal.call(slow)

    monkeypatch.undo()
    portal.call(yield_now, 3)
    assert portal.call(portal.statistics).running == 0


def test_threads_that_call_while_the_portal_closes_all_get_an_answer() -> None:
    answers: list[str] = []
    started = threading.Barrier(5)

    def work(portal: Portal) -> None:
        started.wait(5)

        for number in range(10000):
            try:
                assert portal.call(double, number) == number * 2
            except PortalClosed:
                answers.append("closed")
                return

        answers.append("all")

    with open_portal() as portal:
        threads = [threading.Thread(target=work, args=(portal,)) for _ in range(4)]

        for thread in threads:
            thread.start()

        started.wait(5)

    for thread in threads:
        thread.join(10)

    assert len(answers) == 4
