"""Streams: pieces, pings, and how they end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hagworm import App, EventStream
from hagworm.facade.streaming import with_pings
from hagworm.testing import Client


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
