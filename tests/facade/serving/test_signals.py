"""The wish to stop only grows, and leaves no handler behind."""

import asyncio
import os
import signal
import threading
from itertools import count

import pytest

from hagworm.facade.serving.signals import DRAIN, DROP, EXIT, Stop

TERM, INT, QUIT = signal.SIGTERM, signal.SIGINT, signal.SIGQUIT
HANDLED = (TERM, INT, QUIT, signal.SIGHUP)


@pytest.mark.parametrize(
    ("supervised", "signals", "level"),
    [
        (False, (), 0),
        (False, (TERM,), 1),
        (False, (INT, QUIT), 2),
        (False, (TERM, TERM), 2),
        (True, (TERM,), 1),
        (True, (TERM, TERM, TERM, TERM), 1),  # gunicorn repeats itself
        (True, (INT, QUIT), 1),  # Ctrl-C, and the arbiter's echo of it
        (True, (TERM, QUIT), 2),
        (True, (QUIT, QUIT), 2),
    ],
)
def test_each_signal_is_one_wish_and_an_echo_is_none(supervised: bool, signals: tuple[int, ...], level: int) -> None:
    with Stop(supervised=supervised, clock=count(0, 1).__next__) as stop:
        for number in signals:
            os.kill(os.getpid(), number)

        assert stop.level == level


def test_the_same_signal_from_the_terminal_and_from_the_parent_is_one_wish() -> None:
    times = iter((0.0, 0.1, 5.0))

    with Stop(supervised=True, clock=times.__next__) as stop:
        levels = []

        for _ in range(3):
            os.kill(os.getpid(), QUIT)
            levels.append(stop.level)

    assert levels == [1, 1, 2]


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in HANDLED]

    with Stop() as stop:
        assert stop.is_catching
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert [signal.getsignal(number) for number in (TERM, INT, QUIT)] == [stop.handle] * 3

    assert [signal.getsignal(number) for number in HANDLED] == before
    assert not stop.is_catching


def test_another_thread_touches_no_signals() -> None:
    caught: list[bool] = []

    def enter() -> None:
        with Stop() as stop:
            caught.append(stop.is_catching)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()

    assert caught == [False]


async def test_who_waits_for_a_level_is_told_when_it_is_reached() -> None:
    with Stop() as stop:
        drain, drop = (asyncio.ensure_future(stop.reached(level)) for level in (DRAIN, DROP))
        await asyncio.sleep(0)
        os.kill(os.getpid(), TERM)

        async with asyncio.timeout(5):
            await drain

        assert not drop.done()
        os.kill(os.getpid(), TERM)

        async with asyncio.timeout(5):
            await drop
            await stop.reached(DRAIN)


async def test_code_may_ask_as_a_signal_does() -> None:
    stop = Stop()
    waiting = asyncio.ensure_future(stop.reached(DRAIN))
    await asyncio.sleep(0)
    stop.request()

    async with asyncio.timeout(5):
        await waiting

    assert stop.level == DRAIN < DROP < EXIT
    stop.request(DROP)
    stop.request(DRAIN)
    assert stop.level == DROP


async def test_a_waiter_that_is_cancelled_is_forgotten() -> None:
    stop = Stop()
    waiting = asyncio.ensure_future(stop.reached(DRAIN))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    stop.request()

    assert stop.waiting == []
