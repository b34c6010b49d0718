"""Laws of a connection, over real sockets."""

import asyncio
import socket
from pathlib import Path

import pytest

from hagworm import Request
from hagworm.facade.serving import Server
from hagworm.testing import Connection, StreamEnded
from hagworm.testing.stream import Stream
from tests.frame.tornado.service import ask, make_app, note, serving

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def test_a_connection_serves_one_request_after_the_other() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        for _ in range(3):
            await connection.send(GET)
            assert (await connection.read_response()).body == b'"hello"'


async def test_a_request_may_arrive_byte_by_byte() -> None:
    request = b"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    async with serving(make_app()) as client, await client.connect() as connection:
        for at in range(len(request)):
            await connection.send(request[at : at + 1])
            await asyncio.sleep(0)

        assert (await connection.read_response("POST")).body == b"abcde"
        assert await connection.state() == "kept"


async def test_pipelined_requests_are_answered_in_order_however_long_each_takes() -> None:
    app = make_app()

    async with serving(app) as client, await client.connect() as connection:
        await ask(connection, "/wait")
        await connection.send(GET + b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + GET)
        assert await note(app) == "waiting"
        app.state.gate.set()

        assert [(await connection.read_response()).body for _ in range(4)] == [
            b'"waited"',
            b'"hello"',
            b"abc",
            b'"hello"',
        ]
        assert await connection.state() == "kept"


async def test_many_pipelined_requests_do_not_deepen_the_stack() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        sending = asyncio.ensure_future(connection.send(GET * 3000))

        for _ in range(3000):
            assert (await connection.read_response()).status == 200

        assert await sending


async def test_what_one_request_sets_the_next_does_not_see() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await connection.send(b"GET /visits HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        bodies = [(await connection.read_response()).body for _ in range(2)]
        # A body is waited for inside of a request: what is scheduled there must not pass its context on.
        await ask(connection, "/body", "Content-Length: 300000", method="POST")
        await connection.send(b"x" * 300000)
        await connection.read_response("POST")
        await ask(connection, "/visits")
        bodies.append((await connection.read_response()).body)

    assert bodies == [b"1"] * 3


async def test_a_body_is_taken_as_it_is_read_and_not_before() -> None:
    app = make_app(body=None)

    async with serving(app) as client, await client.connect() as connection:
        connection.stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        await ask(connection, "/slow", "Content-Length: 50000000", method="POST")
        sent = 0

        async def push() -> None:
            nonlocal sent

            for _ in range(500):
                await connection.send(b"x" * 100_000)
                sent += 100_000

        pushing = asyncio.ensure_future(push())
        await note(app)
        before = -1

        while sent != before:
            before = sent
            await asyncio.sleep(0.05)

        assert sent < 12_000_000, "what nobody reads stays with the client, and in the buffers of the kernel"
        app.state.gate.set()
        assert (await connection.read_response("POST")).body == b'"50000000"'
        await pushing
        pieces = []

        while not app.state.notes.empty():
            pieces.append(int(await note(app)))

        assert max(pieces) <= 300_000


async def test_a_client_that_leaves_while_it_sends_ends_the_reading() -> None:
    app = make_app()

    async with serving(app) as client:
        connection = await client.connect()
        await ask(connection, "/slow", "Content-Length: 10", method="POST")
        await connection.send(b"half")
        assert await note(app) == "4"
        connection.close()
        app.state.gate.set()

        assert await note(app) == "left"


async def test_a_client_that_leaves_while_it_waits_is_noticed() -> None:
    app = make_app()

    async with serving(app) as client:
        connection = await client.connect()
        await ask(connection, "/gone")
        assert await note(app) == "waiting"
        connection.close()

        assert await note(app) == "gone"


async def test_a_client_that_leaves_with_a_body_unread_is_noticed() -> None:
    app = make_app()

    async with serving(app) as client:
        connection = await client.connect()
        await ask(connection, "/gone", "Content-Length: 5", body=b"")
        await connection.send(b"12345")
        assert await note(app) == "waiting"
        connection.close()

        assert await note(app) == "gone"


async def test_a_stream_to_a_client_that_left_ends() -> None:
    app = make_app()

    async with serving(app) as client:
        connection = await client.connect()
        await ask(connection, "/stream?pieces=100000000&size=65536")
        assert await note(app) == "piece"
        connection.reset()

        while (seen := await note(app)) == "piece":
            pass

        assert seen == "closed"


async def test_a_stream_waits_for_a_client_that_does_not_read() -> None:
    app = make_app()

    async with serving(app) as client, await client.connect() as connection:
        await ask(connection, "/stream?pieces=100000&size=65536")
        before = -1

        while app.state.notes.qsize() != before:
            before = app.state.notes.qsize()
            await asyncio.sleep(0.05)

        assert before < 1000


async def test_a_stream_that_fails_never_looks_complete() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await ask(connection, "/stream?fail=1")
        body = connection.body(await connection.read_head())

        with pytest.raises(StreamEnded):
            while await connection.read_piece(body):
                pass


async def test_not_even_where_only_the_end_of_the_connection_tells() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await connection.send(b"GET /stream?fail=1 HTTP/1.0\r\n\r\n")

        assert not await connection.ended()


async def test_an_old_client_reads_a_stream_to_the_end_of_the_connection() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await connection.send(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head = await connection.read_head()
        body = connection.body(head)

        assert await connection.read_piece(body) + await connection.read_piece(body) + await connection.read_piece(body)
        assert (b"connection", b"close") in head.headers
        assert await connection.ended()


async def test_an_old_client_may_keep_its_connection() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        for _ in range(2):
            await connection.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            response = await connection.read_response()
            assert response.headers["connection"] == "keep-alive"


@pytest.mark.parametrize("size", [1, 60_000])
@pytest.mark.parametrize("at_once", [False, True])
async def test_a_body_that_nobody_reads_is_skipped(size: int, at_once: bool) -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await ask(connection, "/unread", f"Content-Length: {size}", method="POST")

        if at_once:
            await connection.send(b"x" * size + GET)

        response = await connection.read_response("POST")

        if not at_once:
            await connection.send(b"x" * size + GET)

        assert "connection" not in response.headers
        assert (await connection.read_response()).body == b'"hello"'


async def test_chunks_that_nobody_reads_are_skipped_up_to_a_limit() -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"

    async with serving(make_app()) as client:
        for count, state in ((1, "kept"), (10, "closed")):
            async with await client.connect() as connection:
                await ask(connection, "/unread", "Transfer-Encoding: chunked", method="POST")
                assert (await connection.read_response("POST")).status == 200
                await connection.send(chunk * count + b"0\r\n\r\n")
                assert await connection.state() == state


async def test_broken_chunks_that_nobody_reads_end_the_connection() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await ask(connection, "/unread", "Transfer-Encoding: chunked", method="POST")
        assert (await connection.read_response("POST")).status == 200
        await connection.send(b"xyz\r\n")
        assert await connection.state() == "closed"


async def test_a_client_that_sends_too_much_can_read_why_it_is_refused() -> None:
    async with serving(make_app(body=1000)) as client, await client.connect() as connection:
        await ask(connection, "/body", "Content-Length: 3000000", method="POST")
        pushing = asyncio.ensure_future(connection.send(b"x" * 3_000_000))
        response = await connection.read_response("POST")

        assert response.status == 413
        assert response.headers["connection"] == "close"
        await pushing
        connection.half_close()
        assert await connection.ended()


async def test_who_expects_to_be_told_is_told_when_the_body_is_read() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await ask(connection, "/body", "Content-Length: 3", "Expect: 100-continue", method="POST")
        assert await connection.read_interim() == 100
        await connection.send(b"abc")
        assert (await connection.read_response("POST")).body == b"abc"
        assert connection.interim == [100]
        assert await connection.state() == "kept"


async def test_and_is_not_told_where_nobody_reads() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await ask(connection, "/unread", "Content-Length: 3", "Expect: 100-continue", method="POST")
        response = await connection.read_response("POST")

        assert response.headers["connection"] == "close"
        assert connection.interim == []
        assert await connection.state() == "closed"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"\nGET / HTTP/1.1\nHost: a\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n", 400),
        (b"GET /" + b"x" * 200_000, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_no_request_is_refused(data: bytes, status: int) -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await connection.send(data)
        response = await connection.read_response()

        assert response.status == status
        assert response.headers["connection"] == "close"
        assert response.headers["content-length"] == "0"
        assert "date" in response.headers
        connection.half_close()
        assert await connection.ended()


async def test_a_head_beyond_the_limits_is_answered_by_the_facade() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        await connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n")
        response = await connection.read_response()

        assert response.status == 431
        assert response.headers["content-type"] == "application/problem+json"


async def test_empty_lines_before_a_request_are_skipped() -> None:
    async with serving(make_app()) as client, await client.connect() as connection:
        for piece in (b"\r", b"\n", b"\r\n\r\n", b"\r\n" + GET + b"\r\n" + GET):
            await connection.send(piece)
            await asyncio.sleep(0.01)

        assert (await connection.read_response()).status == 200
        assert (await connection.read_response()).status == 200


async def test_a_head_that_takes_too_long_is_refused() -> None:
    async with serving(make_app(), header_timeout=0.05) as client, await client.connect() as connection:
        await connection.send(b"GET / HTTP/1.1\r\nHost:")

        assert (await connection.read_response()).status == 408


async def test_a_connection_without_a_request_is_closed_after_a_while() -> None:
    async with serving(make_app(), keep_alive=0.05) as client:
        async with await client.connect() as connection:
            assert await connection.ended()

        async with await client.connect() as connection:
            await connection.send(GET)
            assert (await connection.read_response()).status == 200
            assert await connection.ended()


async def test_a_request_takes_as_long_as_it_takes() -> None:
    app = make_app()

    async with serving(app, keep_alive=0.05, header_timeout=0.05) as client, await client.connect() as connection:
        await ask(connection, "/wait")
        await note(app)
        # Longer than every limit, and than the pause between two looks at the deadlines.
        await asyncio.sleep(0.7)
        app.state.gate.set()

        assert (await connection.read_response()).body == b'"waited"'


async def test_there_is_one_date_and_no_server() -> None:
    async with serving(make_app()) as client:
        response = await client.get("/")
        assert len(response.headers.all("date")) == 1
        assert "server" not in response.headers
        assert (await client.get("/dated")).headers.all("date") == ["Sun, 06 Nov 1994 08:49:37 GMT"]


async def test_a_server_says_its_name_where_it_has_one() -> None:
    async with serving(make_app(), server_header="orders/1") as client:
        assert (await client.get("/")).headers["server"] == "orders/1"


async def test_a_unix_socket_has_no_peer(tmp_path: Path) -> None:
    app = make_app()

    @app.get("/peer")
    async def peer(request: Request) -> list[object]:
        return [request.exchange.peer, request.exchange.local, request.exchange.scheme]

    path = f"{tmp_path}/s"

    async with Server(app, engine="tornado", uds=path):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, path)
        async with Connection(Stream(sock)) as connection:
            await ask(connection, "/peer")
            assert (await connection.read_response()).body == b'[null,null,"http"]'


async def test_a_tcp_socket_has_two_ends() -> None:
    app = make_app()

    @app.get("/peer")
    async def peer(request: Request) -> list[object]:
        return [request.exchange.peer, request.exchange.local]

    async with serving(app) as client, await client.connect() as connection:
        await ask(connection, "/peer")
        ours = connection.stream.sock

        assert (await connection.read_response()).json() == [[*ours.getsockname()], [*ours.getpeername()]]


async def test_bytes_behind_a_response_that_closes_do_not_cut_it_off() -> None:
    async with serving(make_app()) as client:
        for _ in range(20):
            async with await client.connect() as connection:
                await connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET * 1000)
                assert (await connection.read_response()).body == b'"hello"'


async def test_a_client_that_sends_no_more_still_gets_the_answer_to_what_it_sent() -> None:
    async with serving(make_app()) as client:
        for _ in range(20):
            async with await client.connect() as connection:
                await connection.send(GET)
                connection.half_close()
                assert (await connection.read_response()).body == b'"hello"'


async def test_a_request_that_has_begun_to_arrive_is_no_idleness() -> None:
    app = make_app()

    async with serving(app) as client, await client.connect() as connection, await client.connect() as probe:
        await connection.send(GET[:10])
        # What another connection has been answered to since then was read after it.
        await probe.send(GET)
        await probe.read_response()
        stopping = asyncio.ensure_future(client.transport.close())
        assert await probe.ended()
        await connection.send(GET[10:])
        response = await connection.read_response()

        assert response.status == 200
        assert response.headers["connection"] == "close"
        await stopping
