"""The end of the interpreter waits for what was asked for, and never hangs; a fork begins without threads."""

import os
import subprocess
import sys
import textwrap
import time

import pytest

from tests.tree import ROOT

PREPARED = """
import asyncio, threading, time
from hagworm.extend.asyncio.future import *
from hagworm.extend.asyncio.future import farewell
never = threading.Event()
"""


def run_script(text: str, *, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PREPARED + textwrap.dedent(text)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def test_what_was_asked_for_is_done_before_the_end() -> None:
    done = run_script(
        """
        pool = ThreadPool(1)
        for number in range(50):
            pool.submit(print, number)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(number) for number in range(50)]
    assert done.stderr == ""


@pytest.mark.parametrize(
    "stuck",
    [
        "ThreadPool(2).submit(never.wait)",
        "pools = [ThreadPool(1)]; pools[0].submit(never.wait); pools[0].submit(print, 'never')",
        "Thread(lambda stopping: never.wait()).start()",
        "asyncio.run(asyncio.wait_for(threaded_separate(never.wait)(), 0.2))",
    ],
)
def test_the_end_does_not_wait_for_ever_and_says_for_what_it_did_not(stuck: str) -> None:
    began = time.monotonic()
    done = run_script(
        f"""
        farewell.EXIT_SECONDS = 0.2

        try:
            {stuck}
        except TimeoutError:
            pass

        time.sleep(0.1)
        """
    )
    assert done.returncode == 0, done.stderr
    assert "leaving 1 calls behind that have not ended: " in done.stderr
    assert time.monotonic() - began < 10


def test_what_can_be_told_to_end_does_not_hold_the_end_up() -> None:
    done = run_script(
        """
        def endless():
            try:
                while True:
                    yield 1
            finally:
                print("closed")

        async def forever():
            await asyncio.sleep(3600)

        loop = asyncio.new_event_loop()
        begun = threading.Event()

        async def main():
            iterator = threaded_iterable(endless)()
            await anext(iterator)
            kept.append(iterator)
            pool.submit(sync_wait_coroutine, loop, forever)
            await asyncio.sleep(0.05)

        kept, pool = [], ThreadPool(2)
        Thread(lambda stopping: stopping.wait()).start()
        loop.run_until_complete(main())
        began = time.monotonic()
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "closed\n"
    assert "leaving" not in done.stderr


def test_a_fork_begins_without_threads_and_without_what_they_had_to_do() -> None:
    done = run_script(
        """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        pool = ThreadPool(1)
        pool.submit(never.wait, 20)
        queued = pool.submit(print, "queued in the parent")
        time.sleep(0.05)

        if (child := os.fork()) == 0:
            statistics = pool.statistics()
            assert (statistics.threads, statistics.queued, statistics.running) == (0, 0, 0), statistics
            assert pool.submit(abs, -3).result(10) == 3
            assert asyncio.run(threaded(abs)(-4)) == 4
            pool.shutdown()
            os._exit(7)

        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        never.set()
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["7", "queued in the parent"]
