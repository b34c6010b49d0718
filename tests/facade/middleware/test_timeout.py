"""An answer comes in time, or the client is told that it does not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hagworm import App, Stream
from hagworm.facade.middleware.timeout import Timeout
from hagworm.testing import Client


def application(seconds: float) -> tuple[App, list[str]]:
    app = App(middleware=[Timeout(seconds)])
    seen: list[str] = []

    @app.get("/slow")
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    @app.get("/quick")
    async def quick() -> str:
        return "done"

    @app.get("/other")
    async def other() -> None:
        raise TimeoutError("of a database")

    @app.get("/stream")
    async def stream() -> Stream:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a"
            # Longer than the limit, by the clock that the limit goes by.
            loop = asyncio.get_running_loop()
            over = loop.create_future()
            loop.call_later(seconds * 2, over.set_result, None)
            await over
            yield b"b"

        return Stream(pieces())

    return app, seen


async def test_what_takes_too_long_is_cancelled_and_answered() -> None:
    app, seen = application(0.01)

    async with Client(app) as client:
        response = await client.get("/slow")

    assert (response.status, response.json()["detail"]) == (504, "no answer within 0.01 seconds")
    assert seen == ["cancelled"]


async def test_what_comes_in_time_is_left_alone() -> None:
    async with Client(application(5)[0]) as client:
        assert (await client.get("/quick")).json() == "done"


async def test_the_time_of_somebody_else_is_not_ours() -> None:
    async with Client(application(5)[0]) as client:
        assert (await client.get("/other")).status == 500


async def test_a_stream_that_has_begun_may_go_on() -> None:
    async with Client(application(0.01)[0]) as client:
        assert (await client.get("/stream")).body == b"ab"


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_time_that_is_none_is_refused_at_the_start(seconds: Any) -> None:
    with pytest.raises(ValueError, match="seconds above zero"):
        Timeout(seconds)
