"""The way out has one order, whatever cuts it short."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hagworm.facade.serving.drain import drain


class Fake:
    """A runtime and a listener that write down what is asked of them."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.connections = 0
        self.done = asyncio.Event()
        self.done.set()
        self.ports = ()

    def start_draining(self) -> None:
        self.calls.append("start_draining")

    async def drained(self, timeout: float) -> bool:
        self.calls.append("drained")

        try:
            async with asyncio.timeout(timeout):
                await self.done.wait()
        except TimeoutError:
            return False

        return True

    def stop_accepting(self) -> None:
        if "stop_accepting" not in self.calls:
            self.calls.append("stop_accepting")

    def close_idle(self) -> None:
        if self.calls[-1] != "close_idle":
            self.calls.append("close_idle")

    async def kill(self) -> None:
        await asyncio.sleep(0)
        self.calls.append("kill")

    async def drain(
        self, *, timeout: float = 5, linger: float = 0, hurry: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        fake: Any = self
        return await drain(fake, fake, [], timeout=timeout, linger=linger, hurry=hurry)


ORDER = ["start_draining", "stop_accepting", "close_idle", "drained", "close_idle", "drained", "close_idle", "kill"]


async def test_nothing_to_wait_for_goes_through_every_step_in_order() -> None:
    fake = Fake()

    assert await fake.drain() is True
    assert fake.calls == ORDER


async def test_connections_that_may_bring_a_request_are_left_alone_for_a_while() -> None:
    fake = Fake()
    fake.connections = 1
    draining = asyncio.ensure_future(fake.drain(linger=60, timeout=60))
    await asyncio.sleep(0.05)
    assert fake.calls == ORDER[:2]
    fake.connections = 0

    async with asyncio.timeout(5):
        assert await draining is True


async def test_what_is_written_still_is_waited_for() -> None:
    fake = Fake()
    fake.connections = 1
    draining = asyncio.ensure_future(fake.drain())

    async with asyncio.timeout(5):
        while "drained" not in fake.calls:
            await asyncio.sleep(0)

        await asyncio.sleep(0.02)
        assert not draining.done() and "kill" not in fake.calls
        fake.connections = 0
        assert await draining is True


@pytest.mark.parametrize("busy", ["requests", "connections"])
async def test_the_time_ends_what_does_not_end(busy: str) -> None:
    fake = Fake()

    if busy == "requests":
        fake.done.clear()
    else:
        fake.connections = 1

    async with asyncio.timeout(5):
        assert await fake.drain(timeout=0.02) is False

    assert fake.calls[-1] == "kill"


async def test_who_is_in_a_hurry_drops_what_is_open() -> None:
    fake = Fake()
    fake.done.clear()
    hurry = asyncio.Event()

    async def hurried() -> None:
        await hurry.wait()

    draining = asyncio.ensure_future(fake.drain(hurry=hurried))

    async with asyncio.timeout(5):
        while "drained" not in fake.calls:
            await asyncio.sleep(0)

        hurry.set()
        assert await draining is False

    assert fake.calls[-1] == "kill"


async def test_a_cancellation_leaves_nothing_open() -> None:
    fake = Fake()
    fake.done.clear()
    draining = asyncio.ensure_future(fake.drain())

    async with asyncio.timeout(5):
        while "drained" not in fake.calls:
            await asyncio.sleep(0)

        draining.cancel()

        with pytest.raises(asyncio.CancelledError):
            await draining

    assert fake.calls[-1] == "kill"
