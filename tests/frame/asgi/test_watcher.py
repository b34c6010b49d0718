"""The one reader of an exchange whose client is watched."""

import asyncio
from typing import Any

import pytest

from hagworm.frame.asgi.watcher import DISCONNECT, Watcher
from tests.frame.asgi.play import turns


class Wire:
    """A `receive` that must never be called twice at a time."""

    def __init__(self, *messages: Any) -> None:
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.calls = 0
        self.waiting = False

        for message in messages:
            self.messages.put_nowait(message)

    async def receive(self) -> Any:
        assert not self.waiting, "two concurrent calls of receive"
        self.calls += 1
        self.waiting = True

        try:
            message = await self.messages.get()
        finally:
            self.waiting = False

        if isinstance(message, Exception):
            raise message

        return message


def piece(size: int, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


async def test_it_tells_that_the_client_has_left() -> None:
    wire = Wire(piece(1, more=False), {"type": DISCONNECT})
    watcher = Watcher(wire.receive)
    await watcher.gone
    assert (await watcher.next())["body"] == b"x"
    assert (await watcher.next())["type"] == DISCONNECT
    await watcher.close()


async def test_it_reads_ahead_no_more_than_its_bound() -> None:
    wire = Wire(*(piece(40_000) for _ in range(10)))
    watcher = Watcher(wire.receive)
    await turns()
    assert wire.calls == 2
    await watcher.next()
    await turns()
    assert wire.calls == 3
    await watcher.close()


async def test_held_it_reads_nothing_before_somebody_wants_the_body() -> None:
    wire = Wire(piece(1))
    watcher = Watcher(wire.receive, hold=True)
    await turns()
    assert wire.calls == 0
    assert (await watcher.next())["body"] == b"x"
    await watcher.close()


async def test_stopped_it_tells_nothing_any_more() -> None:
    wire = Wire()
    watcher = Watcher(wire.receive)
    await turns()
    wire.messages.put_nowait({"type": DISCONNECT})
    watcher.stop()
    await turns()
    assert not watcher.gone.done()
    assert (await watcher.next())["type"] == DISCONNECT
    await watcher.close()


async def test_a_reader_that_waits_is_released_by_the_end() -> None:
    watcher = Watcher(Wire().receive)
    reading = asyncio.ensure_future(watcher.next())
    await turns()
    await watcher.close()
    assert (await reading)["type"] == DISCONNECT


async def test_what_receive_fails_with_is_raised_at_the_end() -> None:
    watcher = Watcher(Wire(ValueError("server")).receive)
    await turns()
    assert watcher.gone.done()

    with pytest.raises(ValueError, match="server"):
        await watcher.close()
