"""The verbs of the waist over every ASGI server, on real sockets."""

import asyncio
from typing import Any

import pytest

from hagworm.facade.context import current
from hagworm.facade.exchange import BodyError, ClientDisconnected, reply_whole
from hagworm.testing import StreamEnded
from tests.frame.asgi.play import Play, listening, text, until

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = b"x" * 65536


class Found:
    """What a handler has seen, for the test to look at."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def __call__(self, value: Any) -> None:
        self.values.append(value)


async def read_all(exchange: Any) -> bytes:
    pieces = []

    while piece := await exchange.read():
        pieces.append(piece)

    return b"".join(pieces)


async def test_the_head_is_what_was_sent(server: str) -> None:
    heads: list[Any] = []

    async def act(exchange: Any) -> None:
        heads.append((exchange.method, exchange.path, exchange.query, exchange.version, list(exchange.headers)))
        heads.append((exchange.scheme, exchange.peer[0], exchange.local, exchange.has_native, exchange.caps))
        await text(exchange)

    async with listening(Play(act), server) as place:
        await place.ask(b"PUT /a%2Fb?x=1?y HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nx-two: 2\r\n\r\n", "PUT")

    headers = [(b"host", b"a"), (b"x-two", b"1"), (b"x-two", b"2")]
    assert heads[0] == ("PUT", b"/a%2Fb", b"x=1?y", "1.1", headers)
    scheme, peer, local, has_native, caps = heads[1]
    assert (scheme, peer, local, has_native) == ("http", "127.0.0.1", ("127.0.0.1", place.port), False)
    assert "raw_path" in caps


async def test_a_whole_response_keeps_the_connection(server: str) -> None:
    async def act(exchange: Any) -> None:
        await text(exchange, exchange.path, 201, [(b"x-a", b"b")])

    async with listening(Play(act), server) as place, await place.connect() as connection:
        for name in (b"one", b"two"):
            await connection.send(GET % name)
            response = await connection.read_response()
            assert (response.status, response.body, response.headers["x-a"]) == (201, b"/" + name, "b")
            assert len(response.headers.all("date")) == 1


async def test_a_response_that_asks_to_close_is_the_last(server: str) -> None:
    async def act(exchange: Any) -> None:
        await text(exchange, headers=[(b"connection", b"close")])

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send(GET % b"")
        assert (await connection.read_response()).headers["connection"] == "close"
        assert await connection.ended()


@pytest.mark.parametrize("head", [POST % 10, CHUNKED], ids=["content-length", "chunked"])
async def test_a_body_arrives_whole_and_then_ends_for_good(server: str, head: bytes) -> None:
    found = Found()

    async def act(exchange: Any) -> None:
        found(await read_all(exchange))
        found(await exchange.read())
        await text(exchange)

    async with listening(Play(act), server) as place:
        body = b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n" if head == CHUNKED else b"helloworld"
        await place.ask(head + body, "POST")

    assert found.values == [b"helloworld", b""]


async def test_trailers_are_never_merged_into_the_headers(server: str) -> None:
    found = Found()
    reached = asyncio.Event()

    async def act(exchange: Any) -> None:
        reached.set()
        await read_all(exchange)
        found([name for name, _ in exchange.headers])
        await text(exchange)

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send(CHUNKED + b"1\r\na\r\n")
        await reached.wait()
        await connection.send(b"0\r\nX-Admin: 1\r\n\r\n")
        await connection.read_response()
        await connection.send(GET % b"")
        await connection.read_response()

    assert found.values == [[b"host", b"transfer-encoding"], [b"host"]]


async def test_a_stream_is_framed_and_keeps_the_connection(server: str) -> None:
    async def act(exchange: Any) -> None:
        await exchange.start(200, [(b"content-type", b"text/plain")])

        for piece in (b"one", b"", b"two"):
            await exchange.write(piece)

        await exchange.finish()

    async with listening(Play(act), server) as place, await place.connect() as connection:
        for _ in range(2):
            await connection.send(GET % b"")
            response = await connection.read_response()
            assert (response.body, response.headers["transfer-encoding"].lower()) == (b"onetwo", "chunked")


async def test_a_stream_of_known_length_is_not_chunked(server: str) -> None:
    async def act(exchange: Any) -> None:
        await exchange.start(200, [(b"content-length", b"6")])
        await exchange.write(b"one")
        await exchange.write(b"two")
        await exchange.finish()

    async with listening(Play(act), server) as place:
        response = await place.ask(GET % b"")
        assert (response.body, "transfer-encoding" in response.headers) == (b"onetwo", False)


async def test_head_is_answered_without_a_body(server: str) -> None:
    async def act(exchange: Any) -> None:
        await reply_whole(exchange, 200, [(b"content-length", b"5")], b"")

    async with listening(Play(act), server) as place, await place.connect() as connection:
        for _ in range(2):
            await connection.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            response = await connection.read_response("HEAD")
            assert (response.headers["content-length"], response.body) == ("5", b"")


async def test_an_aborted_stream_never_looks_complete(server: str) -> None:
    async def act(exchange: Any) -> None:
        await exchange.start(200, [])
        await exchange.write(b"half")
        await exchange.read()
        exchange.abort()

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send(POST % 1)
        head = await connection.read_head()
        body = connection.body(head)
        assert await connection.read_piece(body) == b"half"
        await connection.send(b"!")

        with pytest.raises(StreamEnded):
            await connection.read_piece(body)


async def test_writes_to_a_client_that_has_left_raise(server: str) -> None:
    found = Found()

    async def act(exchange: Any) -> None:
        await exchange.start(200, [])

        try:
            while True:
                await exchange.write(PIECE)
        except ClientDisconnected as exc:
            found(exc)

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send(GET % b"")
        await connection.read_head()
        connection.reset()
        await until(lambda: bool(found.values))


async def test_gone_tells_that_a_silent_client_has_left(server: str) -> None:
    found = Found()
    reached = asyncio.Event()

    async def act(exchange: Any) -> None:
        gone = exchange.gone
        assert exchange.gone is gone
        reached.set()
        await gone
        found("gone")

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send(GET % b"")
        await reached.wait()
        connection.close()
        await until(lambda: found.values == ["gone"])


async def test_gone_stays_unresolved_where_the_client_stays(server: str) -> None:
    gone: list[Any] = []

    async def act(exchange: Any) -> None:
        gone.append(exchange.gone)
        await text(exchange, await read_all(exchange))

    async with listening(Play(act), server) as place, await place.connect() as connection:
        for _ in range(2):
            await connection.send(POST % 4 + b"body")
            assert (await connection.read_response()).body == b"body"

        assert [future.done() for future in gone] == [False, False]


async def test_gone_reads_ahead_no_more_than_the_handler_takes(server: str) -> None:
    """A body larger than any buffer arrives whole, though somebody watches the client from the start."""
    found = Found()

    async def act(exchange: Any) -> None:
        assert not exchange.gone.done()
        found(len(await read_all(exchange)))
        await text(exchange)

    async with listening(Play(act), server) as place:
        await place.ask(POST % (40 * len(PIECE)) + PIECE * 40, "POST")

    assert found.values == [40 * len(PIECE)]


async def test_a_body_that_ends_early_is_a_client_that_left(server: str) -> None:
    found = Found()

    async def act(exchange: Any) -> None:
        try:
            await read_all(exchange)
        except (ClientDisconnected, BodyError) as exc:
            found(type(exc))

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send(POST % 10 + b"half")
        connection.close()
        await until(lambda: bool(found.values))

    # granian tells a broken body and a client that left by the same message.
    assert found.values == [BodyError if server == "granian" else ClientDisconnected]


async def test_continue_is_sent_when_the_body_is_wanted(server: str) -> None:
    async def act(exchange: Any) -> None:
        await text(exchange, await read_all(exchange))

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send((POST % 4).replace(b"\r\n\r\n", b"\r\nExpect: 100-Continue\r\n\r\n"))
        assert await connection.read_interim() == 100
        await connection.send(b"body")
        assert (await connection.read_response()).body == b"body"


async def test_continue_is_not_sent_for_a_body_that_nobody_wants(server: str) -> None:
    async def act(exchange: Any) -> None:
        assert not exchange.gone.done()
        await text(exchange, status=413, headers=[(b"connection", b"close")])

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send((POST % 4).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        assert (await connection.read_response()).status == 413
        # hypercorn sends it with the head, whatever the application wants.
        assert connection.interim == ([100] if server == "hypercorn" else [])


async def test_a_client_that_does_not_read_stalls_the_handler(server: str) -> None:
    written = 0

    async def act(exchange: Any) -> None:
        nonlocal written
        await exchange.start(200, [])

        for _ in range(1000):
            await exchange.write(PIECE)
            written += 1

        await exchange.finish()

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send(GET % b"")
        head = await connection.read_head()
        seen = -1

        while seen != written:
            seen = written
            await asyncio.sleep(0.05)

        assert written < 500
        body, size = connection.body(head), 0

        while piece := await connection.read_piece(body):
            size += len(piece)

        assert size == 1000 * len(PIECE)


async def test_requests_of_one_connection_do_not_see_each_others_context(server: str) -> None:
    found = Found()

    class Watching(Play):
        async def http(self, exchange: Any) -> None:
            found(current.get())
            await super().http(exchange)

    async with listening(Watching(), server) as place, await place.connect() as connection:
        await connection.send(GET % b"1" + GET % b"2" + GET % b"3")

        for _ in range(3):
            assert (await connection.read_response()).status == 200

    assert found.values == [None, None, None]


async def test_a_paused_upload_does_not_leak_its_context(server: str) -> None:
    """asyncio hands the context of whoever resumes a transport to what is read from then on."""
    found = Found()

    class Watching(Play):
        async def http(self, exchange: Any) -> None:
            found(current.get())
            await super().http(exchange)

    async def act(exchange: Any) -> None:
        await asyncio.sleep(0.01)
        await read_all(exchange)
        await text(exchange)

    async with listening(Watching(act), server) as place, await place.connect() as connection:
        for _ in range(2):
            await connection.send(POST % (8 * len(PIECE)) + PIECE * 8)
            await connection.read_response()

    assert found.values == [None, None]
