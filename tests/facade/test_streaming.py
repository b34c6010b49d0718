"""Streams: pieces, pings, and how they end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from hagworm import App, EventStream, Stream
from hagworm.extend.asyncio.net import HTTPClient
from hagworm.facade.streaming import with_pings
from hagworm.testing import Client
from hagworm.testing.proxy import FaultProxy, Faults
from tests.extend.asyncio.net.web import serve


async def forever(log: list[str]) -> AsyncIterator[str]:
    try:
        yield "first"
        await asyncio.get_running_loop().create_future()
    finally:
        log.append("closed")


async def test_silence_is_filled_with_pings() -> None:
    log: list[str] = []
    source = forever(log)
    items = with_pings(source, 0.001)

    assert [await anext(items) for _ in range(3)] == ["first", None, None]

    await items.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert log == ["closed"]


async def test_items_end_when_they_are_told_to() -> None:
    log: list[str] = []
    ending = asyncio.Event()
    items = with_pings(forever(log), None, ending)

    assert await anext(items) == "first"

    ending.set()
    assert [item async for item in items] == []
    assert log == ["closed"]


async def test_what_comes_with_the_end_is_still_sent() -> None:
    ending = asyncio.Event()

    async def last_word() -> AsyncIterator[str]:
        ending.set()
        yield "last"
        yield "too late"

    assert [item async for item in with_pings(last_word(), 10, ending)] == ["last"]


async def test_an_error_of_the_source_comes_through() -> None:
    async def broken() -> AsyncIterator[str]:
        yield "first"
        raise LookupError

    items = with_pings(broken(), 10, asyncio.Event())
    assert await anext(items) == "first"

    with pytest.raises(LookupError):
        await anext(items)


async def test_an_event_stream_ends_when_the_service_stops() -> None:
    app = App()
    log: list[str] = []

    @app.get("/events")
    async def events() -> EventStream:
        return EventStream(forever(log))

    async with Client(app) as client, client.stream("GET", "/events") as response:
        lines = response.lines()
        assert await anext(lines) == "data: first"

        app.freeze().start_draining()
        assert [line async for line in lines] == [""]

    assert log == ["closed"]


@pytest.mark.parametrize("engine", ["asgi", "tornado"])
async def test_h6_a_download_that_is_handed_on_is_whole_or_visibly_broken(engine: str) -> None:
    """H6, Q5: of 40 MiB 16.8 arrived, with a clean end; what had come was kept on the disk, without a bound."""
    content = bytes(range(256)) * 8192

    async def give(request: web.Request) -> web.Response:
        return web.Response(body=content)

    async with (
        serve(give) as server,
        FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=500_000)) as proxy,
        HTTPClient(timeout=10) as source,
    ):
        app = App()

        @app.get("/{port:int}")
        async def hand_on(port: int) -> Stream:
            async def pieces() -> AsyncIterator[bytes]:
                async with source.stream("GET", f"http://127.0.0.1:{port}/") as answer:
                    async for piece in answer.chunks():
                        yield piece

            return Stream(pieces(), media_type="application/octet-stream")

        async with Client(app, engine=engine) as client:
            assert (await client.get(f"/{server.port}")).body == content

            with pytest.raises(ConnectionError):
                await client.get(f"/{proxy.port}")
