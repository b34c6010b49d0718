"""Functions that block their thread for as long as a test wants."""

import asyncio
import threading
from typing import Any

PATIENCE = 10.0
"""Seconds after which something that should have come has not."""


class Block:
    """A function that blocks until it is let go, and then returns, or raises, what it was given."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.error = error
        self.calls: list[Any] = []

    def __call__(self, value: Any = None) -> Any:
        self.calls.append(value)
        self.begun.release()
        assert self.go.wait(PATIENCE), "nobody lets it go"

        if self.error is not None:
            raise self.error

        return value

    async def has_begun(self) -> None:
        """Wait until one more thread blocks in it."""
        assert await asyncio.to_thread(self.begun.acquire, True, PATIENCE)


async def happens(event: threading.Event) -> None:
    """Wait until `event` is set."""
    assert await asyncio.to_thread(event.wait, PATIENCE)


async def turns(count: int = 10) -> None:
    """Let the loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)
