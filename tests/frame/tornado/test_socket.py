"""Laws of a WebSocket on this engine; what every engine has in common is in the contract."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest

from hagworm import WebSocket
from hagworm.facade.exchange import Closed
from hagworm.frame.tornado import server as module
from hagworm.frame.tornado import socket as sockets
from hagworm.frame.tornado.socket import check_handshake
from hagworm.testing import Client, Connection, StreamEnded
from hagworm.testing.frames import BINARY, CLOSE, PING, PONG, TEXT, encode_close, encode_frame
from hagworm.testing.websocket import RawWebSocket, handshake_request
from tests.frame.tornado.service import make_app, note, serving

HOST = [(b"host", b"a")]
KEY = b"\0\0\0\0"
VERSION, GOOD_KEY = (b"sec-websocket-version", b"13"), (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")


Open = Callable[[Client, bytes], Awaitable[RawWebSocket]]


@pytest.fixture
def open_socket() -> Iterator[Open]:
    """Returns an open WebSocket, and ends it with the test if nobody else has."""
    opened: list[Connection] = []

    async def open_one(client: Client, target: bytes) -> RawWebSocket:
        opened.append(await client.connect())
        return await RawWebSocket.open(opened[-1], target, HOST)

    yield open_one

    for connection in opened:
        connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([VERSION, GOOD_KEY], None),
        ([GOOD_KEY], 426),
        ([(b"sec-websocket-version", b"8"), GOOD_KEY], 426),
        ([VERSION], 400),
        ([VERSION, (b"sec-websocket-key", b"abc")], 400),
        ([VERSION, (b"sec-websocket-key", b"dGhlIHNhbXBsZQ==")], 400),
        ([VERSION, (b"sec-websocket-key", b"!!!!" * 6)], 400),
        ([VERSION, (b"sec-websocket-key", b"\xff")], 400),
    ],
)
def test_a_handshake_that_is_none_is_refused(headers: list[tuple[bytes, bytes]], status: int | None) -> None:
    refusal = check_handshake(headers)

    assert (None if refusal is None else refusal[0]) == status


async def test_a_refused_handshake_leaves_the_connection_to_further_requests() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await connection.send(handshake_request(b"/echo", HOST).replace(b"13", b"12"))
        response = await connection.read_response()
        assert response.status == 426
        assert response.headers["sec-websocket-version"] == "13"
        websocket = await RawWebSocket.open(connection, b"/echo", HOST)
        await websocket.send("hi")
        assert await websocket.receive() == "hi"


async def test_the_answer_to_a_handshake_is_the_one_of_the_standard() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        request = b"GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        await connection.send(request + b"".join(b"%b: %b\r\n" % pair for pair in (VERSION, GOOD_KEY)) + b"\r\n")
        head = await connection.read_head()

        assert (b"sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") in head.headers


async def test_frames_behind_the_handshake_are_not_lost() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await connection.send(handshake_request(b"/echo", HOST) + encode_frame(TEXT, b"early", mask=KEY))
        websocket = await RawWebSocket.join(connection)
        assert await websocket.receive() == "early"


async def test_frames_may_arrive_byte_by_byte(open_socket: Open) -> None:
    async with serving(make_app()) as client:
        websocket = await open_socket(client, b"/echo")
        wire = encode_frame(TEXT, b"a" * 200, mask=KEY) + encode_frame(BINARY, b"b", mask=KEY)

        for at in range(len(wire)):
            await websocket.connection.send(wire[at : at + 1])
            await asyncio.sleep(0)

        assert await websocket.receive() == "a" * 200
        assert await websocket.receive() == b"b"
        websocket.drop()


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 1_000_000])
async def test_messages_of_every_size_come_back(open_socket: Open, size: int) -> None:
    async with serving(make_app()) as client:
        websocket = await open_socket(client, b"/echo")
        sending = asyncio.ensure_future(websocket.send(b"x" * size))
        assert await websocket.receive() == b"x" * size
        await sending
        websocket.drop()


async def test_a_close_is_answered_with_its_code_and_the_server_ends_the_connection(open_socket: Open) -> None:
    app = make_app()

    async with serving(app) as client:
        websocket = await open_socket(client, b"/echo")
        await websocket.close(1000, "bye")

        assert await websocket.receive() == Closed(1000, "bye")
        assert await websocket.connection.ended()
        assert await note(app) == "1000 bye"


async def test_the_server_closes_first_and_the_client_answers(open_socket: Open) -> None:
    async with serving(make_app()) as client:
        websocket = await open_socket(client, b"/bye")

        assert await websocket.receive() == Closed(4001, "enough")
        assert await websocket.connection.ended()


async def test_messages_before_the_answer_to_a_close_do_not_keep_it_from_being_seen(open_socket: Open) -> None:
    async with serving(make_app()) as client:
        websocket = await open_socket(client, b"/bye")
        frame = await websocket.receive_frame()
        assert frame.opcode == CLOSE

        for _ in range(50):
            await websocket.send("more")

        await websocket.send_frame(CLOSE, encode_close(4001))
        assert await websocket.connection.ended()


async def test_a_client_that_never_answers_a_close_is_left(open_socket: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CLOSE_TIMEOUT", 0.05)

    async with serving(make_app()) as client:
        websocket = await open_socket(client, b"/bye")
        assert (await websocket.receive_frame()).opcode == CLOSE
        await websocket.connection.ended()


async def test_a_lost_connection_is_1006(open_socket: Open) -> None:
    app = make_app()

    async with serving(app) as client:
        websocket = await open_socket(client, b"/echo")
        websocket.drop()

        assert await note(app) == "1006"


async def test_a_message_that_is_too_big_can_be_told_so_while_it_is_being_sent(open_socket: Open) -> None:
    app = make_app(ws_message=1000)

    async with serving(app) as client:
        websocket = await open_socket(client, b"/echo")
        sending = asyncio.ensure_future(websocket.send(b"x" * 3_000_000))

        assert await websocket.receive() == Closed(1009, "message too big")
        await sending
        websocket.connection.half_close()
        assert await websocket.connection.ended()
        assert await note(app) == "1006"


async def test_what_breaks_the_protocol_is_told_and_dropped(open_socket: Open) -> None:
    async with serving(make_app()) as client:
        websocket = await open_socket(client, b"/echo")
        await websocket.send_frame(TEXT, b"x", masked=False)

        assert await websocket.receive() == Closed(1002, "unmasked frame")
        websocket.connection.half_close()
        assert await websocket.connection.ended()


async def test_messages_that_nobody_receives_stay_with_the_client(open_socket: Open) -> None:
    app = make_app(ws_queue=4)

    async with serving(app) as client:
        websocket = await open_socket(client, b"/hold")
        websocket.connection.stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        assert await note(app) == "open"
        sent = 0

        async def push() -> None:
            nonlocal sent

            for _ in range(200):
                await websocket.send(b"x" * 100_000)
                sent += 1

            await websocket.close(1000, "")

        pushing = asyncio.ensure_future(push())
        before = -1

        while sent != before:
            before = sent
            await asyncio.sleep(0.05)

        assert sent < 150
        app.state.gate.set()

        assert [await note(app) for _ in range(200)] == ["100000"] * 200
        assert await note(app) == "closed 1000"
        await pushing


async def test_small_messages_wait_in_order_behind_a_full_queue_and_so_does_the_close(open_socket: Open) -> None:
    app = make_app(ws_queue=4)

    async with serving(app) as client:
        websocket = await open_socket(client, b"/hold")
        assert await note(app) == "open"
        wire = b"".join(encode_frame(TEXT, b"x" * size, mask=KEY) for size in range(100))
        await websocket.connection.send(wire + encode_frame(CLOSE, encode_close(4002), mask=KEY))
        websocket.connection.close()
        app.state.gate.set()

        assert [await note(app) for _ in range(100)] == [str(size) for size in range(100)]
        assert await note(app) == "closed 4002"


async def test_who_sends_waits_for_a_client_that_does_not_read(open_socket: Open) -> None:
    app = make_app()

    async with serving(app) as client:
        websocket = await open_socket(client, b"/flood")
        before = -1

        while getattr(app.state, "sent", 0) != before:
            before = getattr(app.state, "sent", 0)
            await asyncio.sleep(0.05)

        assert before < 1000
        websocket.drop()
        assert await note(app) == "stopped"


async def test_a_ping_is_answered_even_if_nobody_receives(open_socket: Open) -> None:
    app = make_app()

    async with serving(app) as client:
        websocket = await open_socket(client, b"/hold")
        await websocket.send_frame(PING, b"are you there")
        frame = await websocket.receive_frame()

        assert (frame.opcode, frame.payload) == (PONG, b"are you there")
        app.state.gate.set()
        websocket.drop()


async def test_pings_of_a_client_that_does_not_read_are_not_hoarded(open_socket: Open) -> None:
    app = make_app()

    async with serving(app) as client:
        websocket = await open_socket(client, b"/flood")
        before = -1

        while getattr(app.state, "sent", 0) != before:
            before = getattr(app.state, "sent", 0)
            await asyncio.sleep(0.05)

        for number in range(1000):
            await websocket.send_frame(PING, str(number).encode())
            await asyncio.sleep(0)

        # All of them have been read by now, and nothing of an answer could be sent: the last is the one that counts.
        pongs: list[bytes] = []

        while not pongs or pongs[-1] != b"999":
            frame = await websocket.receive_frame()

            if frame.opcode == PONG:
                pongs.append(frame.payload)

        assert len(pongs) < 100
        websocket.drop()
        assert await note(app) == "stopped"


async def test_a_silent_client_is_asked_and_one_that_does_not_answer_is_left(
    open_socket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_INTERVAL", 0.05)
    monkeypatch.setattr(module, "_SWEEP", 0.02)
    app = make_app()

    async with serving(app) as client:
        websocket = await open_socket(client, b"/echo")

        for _ in range(3):
            assert (await websocket.receive_frame()).opcode == PING
            await websocket.send_frame(PONG)

        assert (await websocket.receive_frame()).opcode == PING
        frame = await websocket.receive_frame()
        assert (frame.opcode, frame.payload[:2]) == (CLOSE, (1011).to_bytes(2, "big"))
        assert await note(app) == "1006"
        websocket.drop()


async def test_one_task_receives_at_a_time(open_socket: Open) -> None:
    app = make_app()

    @app.websocket("/twice")
    async def twice(ws: WebSocket) -> None:
        await ws.accept()
        first = asyncio.ensure_future(ws.exchange.recv())
        await asyncio.sleep(0)

        with pytest.raises(RuntimeError, match="another task"):
            await ws.exchange.recv()

        await ws.send(await first)

    async with serving(app) as client:
        websocket = await open_socket(client, b"/twice")
        await websocket.send("once")
        assert await websocket.receive() == "once"
        websocket.drop()


async def test_who_receives_while_another_task_closes_learns_how_it_ended(open_socket: Open) -> None:
    app = make_app()

    @app.websocket("/both")
    async def both(ws: WebSocket) -> None:
        await ws.accept()
        receiving = asyncio.ensure_future(ws.exchange.recv())
        await asyncio.sleep(0)
        app.state.notes.put_nowait("open")
        await app.state.gate.wait()
        await ws.exchange.close(4003, "")
        app.state.notes.put_nowait(repr(await receiving))

    async with serving(app) as client:
        websocket = await open_socket(client, b"/both")
        assert await note(app) == "open"
        app.state.gate.set()
        await websocket.send("dropped")

        assert await websocket.receive() == Closed(4003)
        assert await note(app) == repr(Closed(4003))


async def test_a_client_that_leaves_during_the_handshake_is_no_error(
    open_socket: Open, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()

    async with serving(app) as client:
        connection = await client.connect()
        await connection.send(handshake_request(b"/echo", HOST))
        connection.reset()
        websocket = await open_socket(client, b"/bye")

        with pytest.raises(StreamEnded):
            while True:
                await websocket.receive_frame()
                await websocket.close(4001, "")

    assert [record for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []
