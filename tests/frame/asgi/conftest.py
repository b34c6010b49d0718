"""What the tests of the ASGI engine need of the machine."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.frame.asgi.play import SERVERS, Play, listening


@pytest.fixture(scope="session", autouse=True)
def granian_has_run() -> Iterator[None]:
    """granian's runtime keeps a few descriptors for good: they are there before any test counts."""

    async def run() -> None:
        async with listening(Play(), "granian") as listening_:
            await listening_.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    asyncio.run(run())
    yield


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest) -> str:
    """Every server, one after the other."""
    name: str = request.param
    return name
