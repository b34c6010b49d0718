"""A connection shows what the server did, also where it is wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from hagworm.testing.connection import PROBE, Connection
from hagworm.testing.http1 import BadMessage
from hagworm.testing.stream import Stream, StreamEnded

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Connection, Stream]]:
    ours, theirs = socket.socketpair()
    connection, server = Connection(Stream(ours), timeout=2), Stream(theirs)
    yield connection, server
    connection.close()
    server.close()


async def answer(pair: tuple[Connection, Stream], data: bytes, *, end: bool = False) -> None:
    await pair[1].send(data)

    if end:
        pair[1].close()


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1;x=y\r\n!\r\n0\r\nt: 1\r\n\r\n", b"ok!"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304\r\ncontent-length: 5\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\n\r\nall of it", b"all of it"),
    ],
    ids=["length", "chunked", "204", "304", "until-close"],
)
async def test_a_body_is_framed_as_its_head_says(pair: tuple[Connection, Stream], data: bytes, body: bytes) -> None:
    await answer(pair, data, end=True)
    assert (await pair[0].read_response()).body == body


async def test_a_head_has_no_body_whatever_it_announces(pair: tuple[Connection, Stream]) -> None:
    await answer(pair, b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")
    response = await pair[0].read_response("HEAD")
    assert (response.body, response.headers["Content-Length"]) == (b"", "99")


async def test_interim_responses_are_noted(pair: tuple[Connection, Stream]) -> None:
    await answer(pair, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK)
    assert (await pair[0].read_response()).status == 200
    assert pair[0].interim == [100, 103]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxx\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused(pair: tuple[Connection, Stream], data: bytes) -> None:
    await answer(pair, data, end=True)

    with pytest.raises(BadMessage):
        await pair[0].read_response()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
    ],
)
async def test_a_response_that_is_cut_was_aborted(pair: tuple[Connection, Stream], data: bytes) -> None:
    await answer(pair, data, end=True)

    with pytest.raises(StreamEnded):
        await pair[0].read_response()

    assert await pair[0].state() == "aborted"


async def test_a_connection_that_answers_again_was_kept(pair: tuple[Connection, Stream]) -> None:
    await answer(pair, OK + b"HTTP/1.1 204 No Content\r\n\r\n")
    await pair[0].read_response()
    assert await pair[0].state() == "kept"
    assert await pair[1].read_exactly(len(PROBE)) == PROBE


async def test_a_connection_that_ends_behind_its_response_was_closed(pair: tuple[Connection, Stream]) -> None:
    await answer(pair, OK, end=True)
    await pair[0].read_response()
    assert await pair[0].state() == "closed"


async def serve(act: Callable[[Stream], Awaitable[None]]) -> tuple[Connection, asyncio.Task[None]]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)

    async def accept() -> None:
        sock, _ = await asyncio.get_running_loop().sock_accept(listener)
        listener.close()
        await act(Stream(sock))

    task = asyncio.ensure_future(accept())
    return await Connection.open("127.0.0.1", listener.getsockname()[1], timeout=5), task


async def test_an_answer_is_read_although_the_server_takes_no_more_of_the_request() -> None:
    async def refuse(stream: Stream) -> None:
        await stream.read_exactly(1)
        await stream.send(OK)
        # Closing with bytes unread resets a TCP connection.
        stream.close()

    connection, task = await serve(refuse)

    async with connection:
        while await connection.send(b"x" * 100_000):
            continue

        await task
        assert (await connection.read_response()).body == b"ok"
        assert await connection.state() == "closed"


async def test_a_reset_is_told_from_an_end() -> None:
    async def reset(stream: Stream) -> None:
        await stream.read_exactly(1)
        stream.reset()

    connection, task = await serve(reset)

    async with connection:
        await connection.send(b"x")
        await task
        assert await connection.ended() is False


async def test_reading_may_be_cancelled_without_losing_a_byte(pair: tuple[Connection, Stream]) -> None:
    reading = asyncio.ensure_future(pair[0].stream.read_some())
    await asyncio.sleep(0)
    await pair[1].send(b"kept")
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert await pair[0].stream.read_exactly(4) == b"kept"


async def test_closing_ends_a_read_and_frees_the_number_of_the_socket(pair: tuple[Connection, Stream]) -> None:
    connection, server = pair
    reading = asyncio.ensure_future(server.fill())
    await asyncio.sleep(0)
    server.close()
    assert await reading is False

    # The next socket has the same number, and must be heard.
    ours, theirs = map(Stream, socket.socketpair())
    reading = asyncio.ensure_future(theirs.read_exactly(2))
    await asyncio.sleep(0)
    await ours.send(b"ok")
    assert await reading == b"ok"
    ours.close()
    theirs.close()


def test_a_stream_works_on_uvloop() -> None:
    import uvloop

    async def talk() -> bytes:
        ours, theirs = map(Stream, socket.socketpair())
        await ours.send(b"a\r\nb")
        ours.half_close()
        line = await theirs.read_until(b"\r\n")
        rest = await theirs.read_some()
        assert not await theirs.fill()
        ours.close()
        theirs.close()
        return line + rest

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(talk()) == b"a\r\nb"
