"""Raw bytes reach the memory engine as HTTP/1.1 and WebSocket, read strictly."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hagworm.facade.exchange import BodyError, ClientDisconnected, Closed
from hagworm.facade.limits import Limits
from hagworm.frame.memory import MemoryExchange, MemoryServer, MemorySocket
from hagworm.testing.connection import Connection
from hagworm.testing.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, encode_close
from hagworm.testing.stream import Stream, StreamEnded
from hagworm.testing.websocket import HandshakeRefused, RawWebSocket
from hagworm.testing.wire import MemoryWire, accept_key

GET = b"GET /x?y HTTP/1.1\r\nHost: t\r\n"
HOST = [(b"host", b"t")]


class Script:
    """A runtime that does what the test says."""

    def __init__(self, act: Callable[[Any], Awaitable[None]]) -> None:
        self.act = act

    async def http(self, exchange: MemoryExchange) -> None:
        await self.act(exchange)

    async def websocket(self, exchange: MemorySocket) -> None:
        await self.act(exchange)


async def echo(exchange: MemoryExchange) -> None:
    body = [exchange.method.encode(), exchange.path, exchange.query]

    while piece := await exchange.read():
        body.append(piece)

    text = b" ".join(body)
    await exchange.reply(200, [(b"content-length", b"%d" % len(text))], text)


@asynccontextmanager
async def connected(act: Callable[[Any], Awaitable[None]], limits: Limits | None = None) -> AsyncIterator[Connection]:
    server = MemoryServer(Script(act))
    ours, theirs = socket.socketpair()
    wire = asyncio.ensure_future(MemoryWire(Stream(theirs), server, limits or Limits()).run())

    async with Connection(Stream(ours), timeout=5) as connection:
        yield connection

    await wire
    await server.close()


async def test_a_request_is_answered_and_the_connection_kept() -> None:
    async with connected(echo) as connection:
        await connection.send(GET + b"\r\n")
        response = await connection.read_response()
        assert (response.status, response.body) == (200, b"GET /x y")
        assert "date" in response.headers
        assert await connection.state() == "kept"


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with connected(echo) as connection:
        await connection.send(GET + b"\r\nPOST /b HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\nhi" + GET + b"\r\n")
        bodies = [(await connection.read_response()).body for _ in range(3)]
        assert bodies == [b"GET /x y", b"POST /b  hi", b"GET /x y"]


@pytest.mark.parametrize(
    ("request_bytes", "state"),
    [
        (GET + b"Connection: close\r\n\r\n", "closed"),
        (b"GET / HTTP/1.0\r\n\r\n", "closed"),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "kept"),
    ],
)
async def test_the_client_decides_whether_the_connection_is_kept(request_bytes: bytes, state: str) -> None:
    async with connected(echo) as connection:
        await connection.send(request_bytes)
        await connection.read_response()
        assert await connection.state() == state


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\r\n\r\n",
        b"G@T / HTTP/1.1\r\nhost: t\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nhost: t\r\n\r\n",
        b"GET / HTTP/1.1\nhost: t\n\n",
        GET + b"name : x\r\n\r\n",
        GET + b"name: x\r\n folded\r\n\r\n",
        GET + b"name: \0\r\n\r\n",
        GET + b"content-length: +3\r\n\r\nabc",
        GET + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        GET + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused_and_the_connection_closed(data: bytes) -> None:
    async with connected(echo) as connection:
        await connection.send(data)
        assert (await connection.read_response()).status == 400
        assert await connection.state() == "closed"


async def test_chunks_are_decoded_and_extensions_ignored() -> None:
    async with connected(echo) as connection:
        await connection.send(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nt: x\r\n\r\n")
        assert (await connection.read_response()).body == b"POST /  hi"
        assert await connection.state() == "kept"


async def test_broken_chunks_are_told_to_the_reader() -> None:
    async def read(exchange: MemoryExchange) -> None:
        with pytest.raises(BodyError, match="chunk size") as caught:
            await exchange.read()

        await exchange.reply(caught.value.status, [(b"content-length", b"0"), (b"connection", b"close")], b"")

    async with connected(read) as connection:
        await connection.send(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxx\r\n")
        assert (await connection.read_response()).status == 400
        assert await connection.state() == "closed"


async def test_continue_is_sent_when_the_body_is_read_and_only_then() -> None:
    head = b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"

    async with connected(echo) as connection:
        await connection.send(head)
        assert await connection.read_interim() == 100
        await connection.send(b"hi")
        assert (await connection.read_response()).body == b"POST /  hi"
        assert await connection.state() == "kept"

    async def refuse(exchange: MemoryExchange) -> None:
        await exchange.reply(413, [(b"content-length", b"0")], b"")

    async with connected(refuse) as connection:
        await connection.send(head)
        assert (await connection.read_response()).status == 413
        assert (connection.interim, await connection.state()) == ([], "closed")


async def test_a_little_unread_body_is_skipped() -> None:
    async def ignore(exchange: MemoryExchange) -> None:
        await exchange.reply(200, [(b"content-length", b"0")], b"")

    async with connected(ignore) as connection:
        await connection.send(b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc")
        await connection.read_response()
        assert await connection.state() == "kept"


async def test_a_stream_is_chunked_for_1_1_and_runs_to_the_end_for_1_0() -> None:
    async def stream(exchange: MemoryExchange) -> None:
        await exchange.start(200, [])
        await exchange.write(b"one")
        await exchange.write(b"two")
        await exchange.finish()

    for line, framing in ((b"GET / HTTP/1.1\r\n\r\n", "chunked"), (b"GET / HTTP/1.0\r\n\r\n", None)):
        async with connected(stream) as connection:
            await connection.send(line)
            response = await connection.read_response()
            assert (response.body, response.headers.get("transfer-encoding")) == (b"onetwo", framing)


async def test_an_abort_cuts_the_response() -> None:
    async def fail(exchange: MemoryExchange) -> None:
        await exchange.start(200, [])
        await exchange.write(b"half")
        exchange.abort()

    async with connected(fail) as connection:
        await connection.send(GET + b"\r\n")

        with pytest.raises(StreamEnded):
            await connection.read_response()

        assert await connection.state() == "aborted"


async def test_a_client_that_leaves_is_noticed() -> None:
    seen = asyncio.Event()

    async def wait(exchange: MemoryExchange) -> None:
        await exchange.gone
        seen.set()

    async with connected(wait) as connection:
        await connection.send(GET + b"\r\n")
        connection.close()
        await seen.wait()


async def test_a_body_that_ends_early_is_a_disconnect() -> None:
    async def read(exchange: MemoryExchange) -> None:
        assert await exchange.read() == b"ab"

        with pytest.raises(ClientDisconnected):
            await exchange.read()

    async with connected(read) as connection:
        await connection.send(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nab")
        connection.half_close()
        assert not await connection.stream.read_some()


async def talk(exchange: MemorySocket) -> None:
    await exchange.accept(exchange.subprotocols[-1] if exchange.subprotocols else None, [(b"x", b"y")])

    while not isinstance(message := await exchange.recv(), Closed):
        await exchange.send(message)


def test_the_accept_key_is_that_of_the_rfc() -> None:
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_a_websocket_echoes_pongs_and_closes() -> None:
    async with connected(talk) as connection:
        socket = await RawWebSocket.open(connection, b"/feed", HOST, ["a", "b"])
        assert (socket.subprotocol, dict(socket.headers)[b"x"]) == ("b", b"y")
        await socket.send_frame(TEXT, b"one ", final=False)
        await socket.send_frame(PING, b"?")
        await socket.send_frame(CONTINUATION, b"two")
        assert await socket.receive_frame() == Frame(PONG, b"?")
        assert await socket.receive() == "one two"
        await socket.send(b"\x00")
        assert await socket.receive() == b"\x00"
        await socket.close(4001, "bye")
        assert await socket.receive() == Closed(4001, "bye")
        assert await connection.ended()


async def test_the_server_may_close_first() -> None:
    async def close(exchange: MemorySocket) -> None:
        await exchange.accept(None, [])
        await exchange.close(1012, "restart")
        assert await exchange.recv() == Closed(1012, "restart")

    async with connected(close) as connection:
        socket = await RawWebSocket.open(connection, b"/", HOST)
        assert await socket.receive() == Closed(1012, "restart")


@pytest.mark.parametrize(
    ("opcode", "payload", "options", "code"),
    [
        (TEXT, b"x", {"masked": False}, 1002),
        (3, b"", {}, 1002),
        (TEXT, b"\xff", {}, 1007),
        (CLOSE, encode_close(1005), {}, 1002),
        (TEXT, b"x" * 101, {}, 1009),
    ],
)
async def test_a_broken_frame_ends_the_connection_with_its_code(
    opcode: int, payload: bytes, options: dict[str, Any], code: int
) -> None:
    async with connected(talk, Limits(ws_message=100)) as connection:
        socket = await RawWebSocket.open(connection, b"/", HOST)
        await socket.send_frame(opcode, payload, **options)
        assert await socket.receive() == Closed(code)


async def test_a_peer_that_is_lost_is_1006() -> None:
    seen: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def wait(exchange: MemorySocket) -> None:
        await exchange.accept(None, [])
        seen.set_result(await exchange.recv())

    async with connected(wait) as connection:
        socket = await RawWebSocket.open(connection, b"/", HOST)
        socket.drop()
        assert await seen == Closed(1006)


async def test_a_handshake_is_checked_before_it_is_handed_over() -> None:
    handshake = GET + b"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"

    async with connected(talk) as connection:
        await connection.send(handshake + b"Sec-WebSocket-Version: 12\r\n\r\n")
        response = await connection.read_response()
        assert (response.status, response.headers["sec-websocket-version"]) == (426, "13")
        await connection.send(handshake + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n")
        assert (await connection.read_response()).status == 400


async def test_a_refusal_is_an_http_response() -> None:
    async def refuse(exchange: MemorySocket) -> None:
        await exchange.reject(401, [(b"content-length", b"2")], b"no")

    async with connected(refuse) as connection:
        with pytest.raises(HandshakeRefused) as caught:
            await RawWebSocket.open(connection, b"/", HOST)

        assert (caught.value.response.status, caught.value.response.body) == (401, b"no")
