"""Our own HTTP/1.1 protocol for uvicorn: what it does with connections, beyond the verbs of the waist."""

import asyncio
from typing import Any

import pytest

from hagworm.facade.exchange import BodyError
from hagworm.frame.asgi import http1
from hagworm.testing import Connection, StreamEnded
from tests.frame.asgi.play import Play, listening, text, until

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


async def echo_target(exchange: Any) -> None:
    await text(exchange, b"%b?%b" % (exchange.path, exchange.query))


async def echo_body(exchange: Any) -> None:
    pieces = []

    while piece := await exchange.read():
        pieces.append(piece)

    await text(exchange, b"".join(pieces))


async def exchange_bytes(connection: Connection, data: bytes) -> Any:
    await connection.send(data)
    return await connection.read_response()


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"http://b/echo?q", b"http://b/echo?q"),
        (b"/a#frag", b"/a#frag?"),
        (b"*", b"*?"),
        (b"//a//b/", b"//a//b/?"),
        (b"/%zz?a?b", b"/%zz?a?b"),
    ],
)
async def test_the_target_reaches_the_facade_as_it_was_sent(target: bytes, seen: bytes) -> None:
    async with listening(Play(echo_target)) as place:
        assert (await place.ask(b"OPTIONS %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)).body == seen


async def test_pipelined_requests_are_answered_in_order_and_one_at_a_time() -> None:
    running, most = 0, 0

    async def act(exchange: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        await echo_target(exchange)

    async with listening(Play(act)) as place, await place.connect() as connection:
        await connection.send(b"".join(GET % (b"%d" % number) for number in range(20)))
        bodies = [(await connection.read_response()).body for _ in range(20)]

    assert (bodies, most) == ([b"/%d?" % number for number in range(20)], 1)


async def test_bodies_of_pipelined_requests_stay_apart() -> None:
    async with listening(Play(echo_body)) as place, await place.connect() as connection:
        await connection.send(POST % 3 + b"one" + POST % 3 + b"two")
        assert [(await connection.read_response()).body for _ in range(2)] == [b"one", b"two"]


async def test_a_request_that_arrives_byte_by_byte_is_a_request() -> None:
    async with listening(Play(echo_body)) as place, await place.connect() as connection:
        for byte in POST % 2 + b"ok":
            await connection.send(bytes((byte,)))

        assert (await connection.read_response()).body == b"ok"


async def test_bytes_that_are_no_http_are_400_and_the_end() -> None:
    async with listening(Play()) as place, await place.connect() as connection:
        response = await exchange_bytes(connection, b"nonsense\r\n\r\n")
        assert (response.status, response.headers["connection"]) == (400, "close")
        assert await connection.ended()


async def test_what_was_asked_before_the_nonsense_is_answered_before_it() -> None:
    async def act(exchange: Any) -> None:
        await asyncio.sleep(0.001)
        await echo_target(exchange)

    async with listening(Play(act)) as place, await place.connect() as connection:
        await connection.send(GET % b"1" + GET % b"2" + b"nonsense\r\n\r\n")
        assert [(await connection.read_response()).status for _ in range(3)] == [200, 200, 400]
        assert await connection.ended()


async def test_a_broken_body_is_for_the_facade_to_answer() -> None:
    async def act(exchange: Any) -> None:
        with pytest.raises(BodyError) as error:
            await echo_body(exchange)

        await text(exchange, "own words", error.value.status)

    async with listening(Play(act)) as place, await place.connect() as connection:
        data = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"
        response = await exchange_bytes(connection, data)
        assert (response.status, response.body, response.headers["connection"]) == (400, b"own words", "close")
        assert await connection.ended()


async def test_a_head_that_never_ends_is_431() -> None:
    async with listening(Play()) as place, await place.connect() as connection:
        await connection.send(b"GET / HTTP/1.1\r\n")
        line = b"X: " + b"x" * 65536 + b"\r\n"

        for _ in range(5):
            await connection.send(line)

        assert (await connection.read_response()).status == 431


async def test_a_head_that_takes_too_long_ends_the_connection() -> None:
    async with listening(Play(), header_timeout=0.05) as place, await place.connect() as connection:
        await connection.send(b"GET / HTTP/1.1\r\nHost:")
        assert await connection.ended()


async def test_an_idle_connection_ends_after_keep_alive_and_a_busy_one_does_not() -> None:
    async def act(exchange: Any) -> None:
        await asyncio.sleep(0.3)
        await text(exchange)

    async with listening(Play(act), keep_alive=0.1) as place, await place.connect() as connection:
        assert (await exchange_bytes(connection, GET % b"")).status == 200
        assert (await exchange_bytes(connection, GET % b"")).status == 200
        assert await connection.ended()


async def test_http_1_0_is_answered_until_close() -> None:
    async def act(exchange: Any) -> None:
        assert exchange.version == "1.0"
        await exchange.start(200, [])
        await exchange.write(b"one")
        await exchange.write(b"two")
        await exchange.finish()

    async with listening(Play(act)) as place, await place.connect() as connection:
        response = await exchange_bytes(connection, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (response.body, "transfer-encoding" in response.headers) == (b"onetwo", False)
        assert await connection.ended()


async def test_a_client_that_asks_to_close_is_closed() -> None:
    async with listening(Play()) as place, await place.connect() as connection:
        data = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert (await exchange_bytes(connection, data)).headers["connection"] == "close"
        assert await connection.ended()


async def test_a_short_body_that_nobody_reads_is_read_over() -> None:
    async with listening(Play()) as place, await place.connect() as connection:
        await connection.send(POST % 1000)
        assert (await connection.read_response()).status == 200
        await connection.send(b"x" * 1000 + GET % b"")
        assert (await connection.read_response()).status == 200


async def test_a_long_body_that_nobody_reads_ends_the_connection_but_the_answer_arrives() -> None:
    """Closing a socket on unread bytes would reset it, and the client would lose what it was told."""
    async with listening(Play()) as place, await place.connect() as connection:
        await connection.send(POST % 10_000_000)

        for _ in range(20):
            await connection.send(b"x" * 65536)

        response = await connection.read_response()
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert await connection.ended()


async def test_an_endless_body_that_nobody_reads_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(Play()) as place, await place.connect() as connection:
        await connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert (await connection.read_response()).status == 200

        while await connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n"):
            await asyncio.sleep(0)


async def test_a_client_that_lingers_is_closed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "LINGER", 0.01)

    async with listening(Play()) as place, await place.connect() as connection:
        assert (await exchange_bytes(connection, POST % 10_000_000)).status == 200
        assert await connection.ended()
        await until(lambda: place.listener.connections == 0)


async def test_a_body_held_back_for_a_continue_that_never_came_ends_the_connection() -> None:
    async with listening(Play()) as place, await place.connect() as connection:
        data = (POST % 4).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
        response = await exchange_bytes(connection, data)
        assert (response.headers["connection"], connection.interim) == ("close", [])
        assert await connection.ended()


@pytest.mark.parametrize("body", [b"", b"body"])
async def test_an_upgrade_that_is_not_supported_is_not_heard_of(body: bytes) -> None:
    """`curl --http2` offers h2c with every request, bodies included (RFC 9110 7.8)."""
    framing = b"Content-Length: %d\r\n" % len(body) if body else b""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" + framing + b"\r\n"

    async with listening(Play(echo_body)) as place, await place.connect() as connection:
        assert (await exchange_bytes(connection, head + body)).body == body
        await connection.send(head)
        await connection.send(body)
        assert (await connection.read_response()).body == body
        await connection.send(head + body + POST % 3 + b"end")
        assert [(await connection.read_response()).body for _ in range(2)] == [body, b"end"]


async def test_connect_is_a_request_like_others() -> None:
    async with listening(Play(echo_target)) as place, await place.connect() as connection:
        response = await exchange_bytes(connection, b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert response.body == b"a:80?"


async def test_a_stream_shorter_than_it_said_is_an_error_and_is_cut() -> None:
    failures = []

    async def act(exchange: Any) -> None:
        await exchange.start(200, [(b"content-length", b"5")])
        await exchange.write(b"half")

        with pytest.raises(RuntimeError, match="shorter") as error:
            await exchange.finish()

        failures.append(error)

    async with listening(Play(act)) as place, await place.connect() as connection:
        await connection.send(GET % b"")

        with pytest.raises(StreamEnded):
            await connection.read_response()

    assert failures


async def test_a_stream_longer_than_it_said_is_an_error_and_the_rest_is_not_sent() -> None:
    async def act(exchange: Any) -> None:
        await exchange.start(200, [(b"content-length", b"3")])

        with pytest.raises(RuntimeError, match="longer"):
            await exchange.write(b"more")

        await exchange.write(b"yes")
        await exchange.finish()

    async with listening(Play(act)) as place:
        assert (await place.ask(GET % b"")).body == b"yes"


async def test_a_large_response_arrives_whole() -> None:
    body = bytes(range(256)) * 20_000

    async with listening(Play(lambda exchange: text(exchange, body))) as place, await place.connect() as connection:
        for _ in range(2):
            assert (await exchange_bytes(connection, GET % b"")).body == body


async def test_a_large_piece_arrives_whole() -> None:
    piece = b"x" * 1_000_000

    async def act(exchange: Any) -> None:
        await exchange.start(200, [])
        await exchange.write(piece)
        await exchange.finish()

    async with listening(Play(act)) as place:
        assert (await place.ask(GET % b"")).body == piece


async def test_a_client_that_pipelines_and_does_not_read_stalls_its_own_requests() -> None:
    begun = 0

    async def act(exchange: Any) -> None:
        nonlocal begun
        begun += 1
        await text(exchange, b"x" * 1_000_000)

    async with listening(Play(act)) as place, await place.connect() as connection:
        await connection.send(GET % b"" * 100)
        seen = -1

        while seen != begun:
            seen = begun
            await asyncio.sleep(0.05)

        assert begun < 50

        for _ in range(100):
            assert len((await connection.read_response()).body) == 1_000_000


async def test_a_handler_that_does_not_answer_ends_the_connection() -> None:
    async def act(exchange: Any) -> None:
        return

    async with listening(Play(act)) as place, await place.connect() as connection:
        await connection.send(GET % b"")

        with pytest.raises(StreamEnded):
            await connection.read_response()


async def test_native_is_the_scope_that_asgi_would_have() -> None:
    scopes: list[Any] = []

    async def act(exchange: Any) -> None:
        scopes.append(exchange.native)
        assert exchange.native is exchange.native
        await text(exchange)

    async with listening(Play(act)) as place:
        await place.ask(b"GET /a%2Fb?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")

    scope = scopes[0]
    assert (scope["type"], scope["path"], scope["raw_path"]) == ("http", "/a/b", b"/a%2Fb")
    assert (scope["query_string"], scope["headers"], scope["scheme"]) == (b"x=1", [(b"host", b"a")], "http")
