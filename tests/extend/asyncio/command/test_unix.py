"""A link over a Unix socket carries whole messages in order, waits for slow readers, and cuts off who lies."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.asyncio.command import unix
from hagworm.extend.asyncio.command.unix import SIZE, UnixHost, UnixLink, connect_unix
from hagworm.extend.error import ProcessError
from hagworm.testing import cancel_sweep


def framed(*messages: bytes) -> bytes:
    return b"".join(SIZE.pack(len(message)) + message for message in messages)


class Transport:
    """Notes what is done with it."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True


def link(taken: list[bytes]) -> tuple[UnixLink, Transport]:
    made, transport = UnixLink(lambda _, message: taken.append(message), lambda _: taken.append(b"lost")), Transport()
    made.transport = transport  # type: ignore[assignment]  # a stand-in
    made.is_open = True
    return made, transport


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_messages_arrive_whole_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    taken: list[bytes] = []
    made, _ = link(taken)
    data = framed(*messages)
    position = turn = 0

    while position < len(data):
        size = cuts[turn % len(cuts)]
        made.data_received(data[position : position + size])
        position += size
        turn += 1

    assert taken == messages
    assert not made.buffer


def test_x1_who_announces_too_much_is_cut_off() -> None:
    taken: list[bytes] = []
    made, transport = link(taken)
    made.data_received(framed(b"good") + SIZE.pack(unix.LONGEST + 1) + b"x" * 100 + framed(b"late"))
    assert taken == [b"good"]
    assert transport.is_closed and not made.is_open


def test_what_is_too_long_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix, "LONGEST", 3)
    made, transport = link([])

    with pytest.raises(ProcessError, match="at most 3 bytes, not 4"):
        made.write(b"1234")

    made.write(b"123")
    assert transport.written == framed(b"123")
    made.connection_lost(None)

    with pytest.raises(ConnectionResetError):
        made.write(b"1")


def test_the_end_is_told_once() -> None:
    taken: list[bytes] = []
    made, _ = link(taken)
    made.connection_lost(None)
    made.connection_lost(None)
    made.close()
    assert taken == [b"lost"]


async def test_who_writes_waits_while_the_other_is_slow() -> None:
    made, _ = link([])
    made.pause_writing()
    waiting = asyncio.create_task(made.drain())
    await asyncio.sleep(0)
    assert made.is_full and not waiting.done()
    made.resume_writing()
    await waiting
    assert not made.is_full


async def test_the_end_of_a_host_ends_its_links() -> None:
    lost, taken = asyncio.Event(), asyncio.Event()
    host = UnixHost(lambda pid: True, lambda *_: taken.set(), lambda *_: None)
    await host.open()
    other = await connect_unix(host.given, lambda *_: None, lambda _: lost.set())
    other.write(b"hello")
    await taken.wait()
    await host.aclose()
    await lost.wait()
    assert not host.folder.exists()


async def test_a_host_that_is_cancelled_anywhere_leaves_nothing() -> None:
    hosts: list[UnixHost] = []

    async def listen() -> None:
        hosts.append(host := UnixHost(lambda pid: True, lambda *_: None, lambda *_: None))

        try:
            await host.open()
        finally:
            await host.aclose()

    def check() -> None:
        assert not hosts.pop().folder.exists()

    await cancel_sweep(listen, check)
