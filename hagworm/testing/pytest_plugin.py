"""Fixtures and leak checks for pytest, each of which does nothing until a test asks for it."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hagworm.facade.application import App
    from hagworm.testing.client import Client
    from hagworm.testing.proxy import FaultProxy

# The plugin is loaded wherever hagworm is installed: what it offers is imported by the tests that use it.

__all__ = (
    "hagworm_client",
    "hagworm_no_leaks",
    "hagworm_proxy",
    "hagworm_virtual",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
)

MARKER = "hagworm_no_leaks(grace=2.0): fail the test that leaves threads, children, descriptors, shared memory behind"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--hagworm-engine`, `--hagworm-seed`, and the setting `hagworm_no_leaks`."""
    group = parser.getgroup("hagworm")
    group.addoption("--hagworm-engine", default="memory", metavar="NAME", help="the engine that hagworm_client starts")
    group.addoption("--hagworm-seed", default="0", metavar="TEXT", help="the seed of hagworm_proxy")
    parser.addini("hagworm_no_leaks", "hold every test to what the marker hagworm_no_leaks does", "bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the leak check around tests that are marked, or around all where the setting says so."""
    everywhere = config.getini("hagworm_no_leaks")
    watched = [item for item in items if everywhere or item.get_closest_marker("hagworm_no_leaks")]

    if watched:
        settle()

    for item in watched:
        # First, so that it sees what every other fixture has opened closed again.
        names: list[str] | None = getattr(item, "fixturenames", None)

        if names is not None and "hagworm_no_leaks" not in names:
            names.insert(0, "hagworm_no_leaks")


def settle() -> None:
    """Open what a process opens once and keeps: the tracker of shared memory, and what an event loop imports."""
    from multiprocessing import resource_tracker

    asyncio.new_event_loop().close()
    resource_tracker.ensure_running()


@pytest.fixture
def hagworm_client(request: pytest.FixtureRequest) -> "Callable[..., Client]":
    """Return what makes clients: `async with hagworm_client(app) as client:`, on the engine of `--hagworm-engine`."""
    from hagworm.testing.client import Client

    engine: str = request.config.getoption("--hagworm-engine")

    def make(app: "App", **options: Any) -> "Client":
        return Client(app, **{"engine": engine, **options})

    return make


@pytest.fixture
def hagworm_proxy(request: pytest.FixtureRequest) -> "Callable[..., FaultProxy]":
    """Return what makes fault proxies: `async with hagworm_proxy("127.0.0.1", 6379) as proxy:`.

    Their seed is that of `--hagworm-seed` and the test's name; another one gives other faults, the same one the same.
    """
    from hagworm.testing.proxy import FaultProxy

    seed = f"{request.config.getoption('--hagworm-seed')}/{request.node.name}"
    return partial(FaultProxy, seed=seed)


@pytest.fixture
def hagworm_virtual() -> Callable[..., Any]:
    """Return `run_virtual`, which runs a coroutine on virtual time from a plain test."""
    from hagworm.testing.virtual_time import run_virtual

    return run_virtual


@pytest.fixture
def hagworm_no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves a thread, a child process, a file descriptor or shared memory behind."""
    from hagworm.testing.leaks import GRACE, Resources, left_since

    marker = request.node.get_closest_marker("hagworm_no_leaks")
    grace = marker.kwargs.get("grace", GRACE) if marker is not None else GRACE
    before = Resources.take()
    yield

    if left := left_since(before, grace=grace):
        pytest.fail(f"left behind: {left}", pytrace=False)
