"""Hygiene of every test: what a test starts, it ends; what goes wrong behind its back fails it."""

import asyncio
import gc
import importlib.util
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
GRACE = 2.0
"""Seconds that threads and children which have been told to end may take for it."""

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


LOOPS: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}

if importlib.util.find_spec("uvloop") is not None:
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start from a process in which what is opened once and kept has been opened."""
    for new_loop in LOOPS.values():
        new_loop().close()

    collect_garbage()


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Tests that stay in this process run on every loop; those that start servers choose theirs themselves."""
    if item.path.relative_to(HERE).parts[0] in {"extend", "facade"}:
        return LOOPS

    return {"asyncio": LOOPS["asyncio"]}


def collect_garbage() -> None:
    """Collect, and spare later collections the objects that have survived: that keeps one per test affordable."""
    gc.collect()
    gc.freeze()


def descriptors() -> Counter[str]:
    """Count the open file descriptors of this process by kind: socket, pipe, eventpoll, the path of a file."""
    kinds: Counter[str] = Counter()

    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the descriptor that listed the folder
            continue

        kinds[target.removeprefix("anon_inode:").partition(":[")[0]] += 1

    return kinds


def children() -> set[int]:
    """Return the process ids of the children of this process."""
    found: set[int] = set()

    for thread in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
            found.update(map(int, (thread / "children").read_text().split()))

    return found


def resources() -> dict[str, Any]:
    """Return what a test could leave behind in this process."""
    found: dict[str, Any] = {"threads": {thread for thread in threading.enumerate() if thread.is_alive()}}

    if Path("/proc/self/fd").exists():
        found["children"] = children()
        found["descriptors"] = descriptors()

    return found


def leaked(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return, by kind, what `after` holds beyond `before`."""
    return {kind: left for kind in after if (left := after[kind] - before.get(kind, type(after[kind])()))}


@pytest.fixture(autouse=True)
def ends_what_it_starts() -> Iterator[None]:
    """A test leaves no thread, child process or file descriptor behind."""
    before = resources()
    yield
    left = leaked(before, resources())
    deadline = time.monotonic() + GRACE

    while left and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
        left = leaked(before, resources())

    collect_garbage()

    if left:
        pytest.fail(f"left behind: {left}", pytrace=False)


@pytest.fixture
async def _loop_watch(ends_what_it_starts: None) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    before = asyncio.all_tasks()
    yield

    # A task that has been cancelled needs a turn or two of the loop to notice.
    for _ in range(10):
        await asyncio.sleep(0)

    gc.collect()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}

    if left:
        pytest.fail(f"tasks left behind: {left}", pytrace=False)

    if errors:
        pytest.fail(f"errors that reached the loop: {errors}", pytrace=False)


@pytest.fixture(autouse=True)
def ends_its_tasks(request: pytest.FixtureRequest, ends_what_it_starts: None) -> None:
    """An asynchronous test leaves no task behind, and no error reaches the loop unhandled."""
    if request.node.get_closest_marker("asyncio") is not None:
        request.getfixturevalue("_loop_watch")
