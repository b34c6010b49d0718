"""Looking at processes from outside."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 20.0


def is_alive(pid: int) -> bool:
    """Return whether there is such a process, and it is not only waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE

    while not condition():
        assert time.monotonic() < end, "it does not become true"
        await asyncio.sleep(0.002)


def eventually_sync(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE

    while not condition():
        assert time.monotonic() < end, "it does not become true"
        time.sleep(0.002)
