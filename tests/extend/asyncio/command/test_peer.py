"""A call is answered, cancelled or known to be lost; only what is offered can be called."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import msgpack

from hagworm.extend.asyncio.command import Peer, rpc
from hagworm.extend.asyncio.command import peer as room
from hagworm.extend.asyncio.command.endpoint import endpoints
from hagworm.extend.error import ProcessError, TaskFailed, WorkerDied
from hagworm.testing import cancel_sweep


@dataclass
class Point:
    """Something with a type."""

    x: int
    y: int


class Service:
    """What can be called."""

    def __init__(self) -> None:
        self.running = self.cancelled = 0

    @rpc
    async def add(self, *numbers: int) -> int:
        await asyncio.sleep(0)
        return sum(numbers)

    @rpc
    def mirror(self, point: Point, **named: float) -> Point:
        return Point(point.y, point.x)

    @rpc
    async def wait(self) -> None:
        self.running += 1

        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

    @rpc
    def unsendable(self) -> object:
        return object()

    def hidden(self) -> None:
        raise AssertionError("not to be called")


class Wire:
    """A link to a peer in this process, which wants to be waited for."""

    def __init__(self) -> None:
        self.other: Peer | None = None
        self.is_full = True
        self.is_closed = False

    def write(self, message: bytes) -> None:
        if self.is_closed:
            raise ConnectionResetError

        assert self.other is not None
        asyncio.get_running_loop().call_soon(self.other.take, msgpack.decode(message))

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        self.is_closed = True


def pair() -> tuple[Peer, Peer, Service]:
    service = Service()
    here, there = Wire(), Wire()
    caller, callee = Peer(here, {}, slot=3, pid=42), Peer(there, endpoints(service))
    here.other, there.other = callee, caller
    return caller, callee, service


async def closed(*peers: Peer) -> None:
    for peer in peers:
        await peer.aclose()


async def test_a_call_has_the_types_of_the_method() -> None:
    caller, callee, _ = pair()
    assert await caller.call(Service.add, 1, 2, 3) == 6
    assert await caller.call(Service.mirror, Point(1, 2), scale=2.5) == Point(2, 1)
    assert await caller.call("mirror", {"x": 1, "y": 2}) == {"x": 2, "y": 1}
    await closed(caller, callee)


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "kind"),
    (
        ("hidden", (), {}, "DefinitionError"),
        ("__init__", (), {}, "DefinitionError"),
        ("nothing", (), {}, "DefinitionError"),
        ("add", ("1",), {}, "ValidationError"),
        ("mirror", ({"x": 1},), {}, "ValidationError"),
        ("mirror", ({"x": 1, "y": 2},), {"scale": "big"}, "ValidationError"),
        ("mirror", (), {}, "TypeError"),
        ("unsendable", (), {}, "TypeError"),
    ),
)
async def test_x1_only_what_is_offered_can_be_called(name: str, args: Any, kwargs: Any, kind: str) -> None:
    caller, callee, _ = pair()

    with pytest.raises(TaskFailed) as caught:
        await caller.call(name, *args, **kwargs)

    assert caught.value.kind == kind
    await closed(caller, callee)


async def test_what_cannot_travel_is_the_callers_error() -> None:
    caller, callee, _ = pair()

    with pytest.raises(TypeError):
        await caller.call("add", object())

    assert not caller.waiting
    await closed(caller, callee)


@pytest.mark.parametrize("message", ([], [99], [3, 1], [3, "x", "add", [], {}], "text", {"a": 1}, [4], [5, 1, 2, 3, 4]))
async def test_what_is_no_message_is_refused(message: Any) -> None:
    caller, callee, _ = pair()

    with pytest.raises(ProcessError, match="what is no message"):
        callee.take(message)

    await closed(caller, callee)


async def test_an_answer_that_is_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    caller, callee, _ = pair()
    whole = Wire.write

    def write(self: Wire, message: bytes) -> None:
        if len(message) < 30 and self is callee.link:
            raise ProcessError("too long, to try it")

        whole(self, message)

    monkeypatch.setattr(Wire, "write", write)

    with pytest.raises(TaskFailed, match="too long, to try it"):
        await caller.call(Service.add, 1)

    await closed(caller, callee)


async def test_too_many_calls_at_a_time_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "INCOMING", 1)
    caller, callee, service = pair()
    first = asyncio.create_task(caller.call(Service.wait))

    while not service.running:
        await asyncio.sleep(0)

    with pytest.raises(TaskFailed, match="Overloaded: 1 calls run already"):
        await caller.call(Service.add)

    caller.lose(7)

    with pytest.raises(WorkerDied, match="process 42, exit code 7"):
        await first

    with pytest.raises(WorkerDied):
        await caller.call(Service.add)

    await closed(caller, callee)
    assert repr(caller) == "<Peer child 3, process 42: 0 calls out, 0 in, lost>"


async def test_a_cancelled_call_is_cancelled_over_there() -> None:
    caller, callee, service = pair()
    call = asyncio.create_task(caller.call(Service.wait))

    while not service.running:
        await asyncio.sleep(0)

    call.cancel()

    while service.running:
        await asyncio.sleep(0)

    assert service.cancelled == 1
    assert call.cancelled()
    await caller.finish()
    await closed(caller, callee)


async def test_a_cancellation_anywhere_leaves_no_call_behind() -> None:
    caller, callee, service = pair()

    async def use() -> None:
        assert await caller.call(Service.add, 1, 2) == 3
        assert await caller.call(Service.mirror, Point(1, 2)) == Point(2, 1)
        await caller.finish()

    async def check() -> None:
        async with asyncio.timeout(5):
            await caller.finish()
            await callee.finish()

            while caller.waiting or callee.running:
                await asyncio.sleep(0)

            assert await caller.call(Service.add, 4) == 4

    await cancel_sweep(use, check)
    await cancel_sweep(caller.aclose, lambda: None)
    await closed(callee)
