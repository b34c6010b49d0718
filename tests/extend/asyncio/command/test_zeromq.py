"""A link over ZeroMQ is set before it is bound, loses nothing that was sent before its end, and ends once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import zmq

from hagworm.extend.asyncio.command.zeromq import LAST_WORDS, LONGEST, ZmqHost, connect_zmq

URLS = ("zmq+ipc:", "zmq+tcp://127.0.0.1")


class Post:
    """Keeps the messages that come."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[tuple[Any, bytes]] = asyncio.Queue()

    def __call__(self, link: Any, message: bytes) -> None:
        self.messages.put_nowait((link, message))


@asynccontextmanager
async def opened(url: str, post: Post) -> AsyncIterator[ZmqHost]:
    host = ZmqHost(url, post)

    try:
        await host.open()
        yield host
    finally:
        await host.aclose()


@pytest.mark.parametrize("url", URLS)
async def test_x2_a_socket_has_its_options_before_it_is_bound(url: str) -> None:
    """X2: what was set after binding held for none of the connections, and how long to linger was left open."""
    async with opened(url, Post()) as host:
        bound, client = host.wire.socket, connect_zmq(host.given, Post())

        try:
            for socket, linger in ((bound, 0), (client.wire.socket, LAST_WORDS)):
                assert socket.get(zmq.LINGER) == linger
                assert socket.get(zmq.SNDHWM) == socket.get(zmq.RCVHWM) == 0
                assert socket.get(zmq.MAXMSGSIZE) == LONGEST
        finally:
            client.close()


@pytest.mark.parametrize("url", URLS)
async def test_x4_closing_twice_or_what_was_never_opened_is_nothing(url: str) -> None:
    """X4: it was an AttributeError, printed once more at the end of the interpreter."""
    post = Post()
    never = ZmqHost(url, post)
    await never.aclose()
    await never.aclose()

    async with opened(url, post) as host:
        client = connect_zmq(host.given, post)
        client.close()
        client.close()

        with pytest.raises(ConnectionError, match="closed"):
            client.write(b"late")

    await host.aclose()


@pytest.mark.parametrize("url", URLS)
async def test_x5_what_was_sent_before_the_end_arrives(url: str) -> None:
    """X5: closing left behind what was on its way."""
    post = Post()

    async with opened(url, post) as host:
        client = connect_zmq(host.given, Post())
        client.write(b"hello")
        assert (await post.messages.get())[1] == b"hello"

        for number in range(500):
            client.write(number.to_bytes(2) * 1000)

        client.close()

        for number in range(500):
            assert (await post.messages.get())[1] == number.to_bytes(2) * 1000


@pytest.mark.parametrize("url", URLS)
async def test_x3_messages_go_to_whom_they_are_meant_for(url: str) -> None:
    """X3: whoever was to be addressed was looked for in the bytes of the content."""
    post, boxes = Post(), [Post(), Post()]

    async with opened(url, post) as host:
        clients = [connect_zmq(host.given, box) for box in boxes]

        try:
            for name, client in zip((b"a", b"b"), clients, strict=True):
                client.write(name)

            links = {message: link for link, message in [await post.messages.get(), await post.messages.get()]}
            links[b"b"].write(b"for b")
            links[b"a"].write(b"for a")
            assert [(await box.messages.get())[1] for box in boxes] == [b"for a", b"for b"]
            assert all(box.messages.empty() for box in boxes)
        finally:
            for client in clients:
                client.close()
