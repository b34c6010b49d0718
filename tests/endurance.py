"""What many operations leave in memory, and what waiting costs."""

import asyncio
import gc
import os
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

from hagworm.extend.asyncio.base.loop import run
from hagworm.extend.asyncio.base.wrapper import yield_now

__all__ = ("ALLOWED", "LONG", "Scene", "bytes_left_by", "share_used_while_waiting")

LONG = os.environ.get("HAGWORM_LONG") == "1"
ALLOWED = 64 * 1024
"""Bytes that may be left over at the end: caches of the interpreter, not one byte per operation."""

Scene = Callable[[int], Awaitable[object]]


async def bytes_left_by(scene: Scene, rounds: int) -> int:
    """Return how many more bytes are in use after so many rounds than before them, when `scene` has warmed up."""

    async def play(rounds: int) -> None:
        for number in range(rounds):
            await scene(number)

        await yield_now(3)
        gc.collect()

    await play(300)
    tracemalloc.start()

    try:
        await play(100)
        before = tracemalloc.get_traced_memory()[0]
        await play(rounds)
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def share_used_while_waiting(waiting: Callable[[], Awaitable[list[Awaitable[Any]]]], loop: str) -> float:
    """Return the share of a processor that the process takes while those wait, the least of three looks."""
    seconds = 5.0 if LONG else 0.5

    async def look() -> float:
        tasks = [asyncio.ensure_future(one) for one in await waiting()]
        await yield_now(5)
        before = time.process_time()
        await asyncio.sleep(seconds)
        used = time.process_time() - before
        over = [task for task in tasks if task.done()]

        for task in tasks:
            task.cancel()

        await asyncio.wait(tasks)
        assert not over, f"these did not wait: {over}"
        return used

    # What the process does besides, collecting garbage for example, counts too.
    return min(run(look(), loop=loop) for _ in range(3)) / seconds
