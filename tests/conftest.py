"""Hygiene of every test: what a test starts, it ends; what goes wrong behind its back fails it."""

import asyncio
import gc
import importlib.util
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hagworm.testing.leaks import LeakError, Resources, left_since, no_task_leaks

HERE = Path(__file__).parent
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

# How long an example takes says more about the machine than about the code: no timing fails a test.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

LOOPS: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}

if importlib.util.find_spec("uvloop") is not None:
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start from a process in which what is opened once and kept has been opened."""
    for new_loop in LOOPS.values():
        new_loop().close()

    resource_tracker.ensure_running()
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


@pytest.fixture(autouse=True)
def ends_what_it_starts() -> Iterator[None]:
    """A test leaves no thread, child process, file descriptor or shared memory behind."""
    before = Resources.take()
    yield
    left = left_since(before)
    collect_garbage()

    if left:
        pytest.fail(f"left behind: {left}", pytrace=False)


@pytest.fixture
async def _loop_watch(ends_what_it_starts: None) -> AsyncIterator[None]:
    watch = no_task_leaks()
    await watch.__aenter__()
    yield

    try:
        await watch.__aexit__(None, None, None)
    except LeakError as exc:
        pytest.fail(str(exc), pytrace=False)


@pytest.fixture(autouse=True)
def ends_its_tasks(request: pytest.FixtureRequest, ends_what_it_starts: None) -> None:
    """An asynchronous test leaves no task behind, and no error reaches the loop unhandled."""
    if request.node.get_closest_marker("asyncio") is not None:
        request.getfixturevalue("_loop_watch")
