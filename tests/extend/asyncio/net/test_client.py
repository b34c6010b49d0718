"""The client asks as often as is safe, believes nobody too much, and leaves nothing open."""

import asyncio
import gzip
import json as standard_json
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.net.client import HTTPClient, default_breaker, default_retry
from hagworm.extend.asyncio.net.upload import Upload
from hagworm.extend.asyncio.resilience import CircuitBreaker, Retry
from hagworm.extend.error import (
    BodyDamaged,
    BodyTooLong,
    CircuitOpen,
    Closed,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    FrameError,
    Overloaded,
    PeerSilent,
    StatusFailed,
    TooManyRedirects,
    URLRefused,
)
from hagworm.extend.net.policy import URLPolicy
from hagworm.extend.resilience.budget import RetryBudget
from hagworm.testing.proxy import FaultProxy, Faults
from hagworm.testing.sweep import cancel_sweep
from tests.extend.asyncio.net.web import close_at_once, serve, serve_canned, serve_raw, silent


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello", headers={"X-A": "1"})


async def fail(request: web.Request) -> web.Response:
    return web.Response(status=503, text="come again")


def patient(attempts: int = 3) -> Retry:
    return Retry(attempts, on=default_retry().errors.classes, backoff=0.001)


async def test_an_answer_has_a_status_headers_and_a_body_as_bytes_and_text() -> None:
    async with serve(hello) as server, HTTPClient(server.url) as client:
        answer = await client.get("/a", params={"q": [1, "ä b"], "t": True})
        assert (answer.status, answer.bytes, answer.text(), answer.headers["x-A"]) == (200, b"hello", "hello", "1")
        assert answer.is_success and answer.url.startswith(f"{server.url}/a?")
        assert server.seen[0].path == "/a?q=1&q=%C3%A4+b&t=true"


async def test_json_is_read_as_the_type_that_is_wanted() -> None:
    @dataclass
    class Order:
        number: int

    async def orders(request: web.Request) -> web.Response:
        return web.json_response([{"number": 7}])

    async with serve(orders) as server, HTTPClient(server.url) as client:
        answer = await client.get("/")
        assert answer.json() == [{"number": 7}]
        assert answer.json(list[Order]) == [Order(7)]

        with pytest.raises(BodyDamaged, match="not the JSON that is wanted"):
            answer.json(list[str])


async def test_text_in_the_charset_that_is_told() -> None:
    async def latin(request: web.Request) -> web.Response:
        return web.Response(body="ä".encode("latin-1"), headers={"content-type": 'text/plain; charset="latin-1"'})

    async with serve(latin) as server, HTTPClient(server.url) as client:
        answer = await client.get("/")
        assert answer.text() == "ä"

        with pytest.raises(BodyDamaged, match="no text"):
            answer.text("utf-8")


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_b8_an_error_status_raises_with_the_beginning_of_the_body(status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=b"no " * 100_000, headers={"X-A": "1"})

    async with serve(answer) as server, HTTPClient(server.url, retry=None) as client:
        with pytest.raises(StatusFailed, match=f"GET {server.url}/x\\?… answers {status}: no no") as caught:
            await client.get("/x?token=secret")

        assert caught.value.status == status and caught.value.headers["x-a"] == "1"
        assert 0 < len(caught.value.body) <= 8192
        assert "secret" not in repr(caught.value)
        whole = await client.get("/x", check=False)
        assert whole.status == status and len(whole.bytes) == 300_000 and whole.url == f"{server.url}/x"

        with pytest.raises(StatusFailed):
            whole.raise_for_status()


async def test_b8_what_is_busy_is_asked_again() -> None:
    async def answer(request: web.Request) -> web.Response:
        return await (fail if len(server.seen) < 3 else hello)(request)

    async with serve(answer) as server, HTTPClient(server.url, retry=patient()) as client:
        assert (await client.get("/")).status == 200
        assert len(server.seen) == 3 and client.statistics().retried == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_h1_a_post_is_sent_once_whatever_comes_back(method: str) -> None:
    async with serve(fail) as server, HTTPClient(server.url, retry=patient()) as client:
        with pytest.raises(StatusFailed):
            await client.request(method, "/", json={"pay": 1})

        assert len(server.seen) == 1


async def test_h1_a_post_with_an_idempotency_key_is_asked_again() -> None:
    async with serve(fail) as server, HTTPClient(server.url, retry=patient()) as client:
        for options in ({"headers": {"Idempotency-Key": "7"}}, {"idempotent": True}):
            with pytest.raises(StatusFailed):
                await client.post("/", json=1, **options)

        assert len(server.seen) == 6


async def test_h1_a_lost_post_is_not_sent_again_and_a_lost_get_exactly_as_often_as_may_be() -> None:
    requests = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        await close_at_once(reader, writer)

    async with serve_raw(hang_up) as server, HTTPClient(server.url, retry=patient()) as client:
        with pytest.raises(ConnectionLost) as caught:
            await client.post("/", data="x")

        assert requests == 1 and caught.value.retryable is False

        with pytest.raises(ConnectionLost):
            await client.get("/")

        assert requests == 4


async def test_what_was_never_sent_is_sent_again_whatever_the_method() -> None:
    async with serve(hello) as server:
        async with FaultProxy("127.0.0.1", server.port) as proxy:
            port = proxy.port

        seen = []
        retry = Retry(3, on=ConnectFailed, backoff=0.001, on_retry=seen.append)

        async with HTTPClient(f"http://127.0.0.1:{port}", retry=retry) as client:
            with pytest.raises(ConnectFailed, match="127.0.0.1"):
                await client.post("/", json=1)

        assert len(seen) == 2


async def test_h1_time_that_is_asked_for_is_waited_and_not_more_than_there_is() -> None:
    async def later(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "20"})

    async with serve(later) as server, HTTPClient(server.url, timeout=5) as client:
        with pytest.raises(StatusFailed) as caught:
            await client.get("/")

        assert len(server.seen) == 1 and caught.value.retry_after == 20.0


async def test_h1_one_budget_bounds_the_retries_of_all_calls() -> None:
    retry = Retry(5, on=StatusFailed, backoff=0.0, budget=RetryBudget(0.0, minimum=3))

    async with serve(fail) as server, HTTPClient(server.url, retry=retry, breaker=None) as client:
        for _ in range(4):
            with pytest.raises(StatusFailed):
                await client.get("/")

        assert len(server.seen) == 4 + 3


async def test_h1_one_deadline_bounds_everything() -> None:
    async with serve_raw(silent) as server, HTTPClient(server.url, timeout=60) as client:
        with pytest.raises(DeadlineExceeded):
            await client.get("/", timeout=0.05)

        with pytest.raises(DeadlineExceeded):
            async with within(0.05):
                await client.get("/")

        assert client.statistics().active == 0


async def test_silence_is_an_error_of_its_own() -> None:
    async with serve_raw(silent) as server, HTTPClient(server.url, read_timeout=0.05, retry=None) as client:
        with pytest.raises(PeerSilent) as caught:
            await client.post("/", json=1)

        assert isinstance(caught.value, TimeoutError) and not caught.value.retryable


async def test_h2_one_connection_serves_many_requests_and_the_headers_given_stay_as_they_are() -> None:
    given = {"X-Token": "1"}
    connections = set()

    async def count(request: web.Request) -> web.Response:
        assert request.transport is not None
        connections.add(request.transport.get_extra_info("peername"))
        return await hello(request)

    async with serve(count) as server, HTTPClient(server.url, headers=given) as client:
        for _ in range(5):
            await client.get("/", headers=given)
            await client.post("/", json={})

        assert len(connections) == 1 and given == {"X-Token": "1"}
        assert {seen.headers["x-token"] for seen in server.seen} == {"1"}


async def test_h2_cookies_are_kept_where_that_is_wanted() -> None:
    async def login(request: web.Request) -> web.Response:
        return web.Response(headers={"Set-Cookie": "session=7; Path=/"})

    async with serve(login, host="localhost") as server:
        for cookies, expected in (("ignore", None), ("keep", "session=7")):
            async with HTTPClient(server.url, cookies=cookies) as client:  # type: ignore[arg-type]  # one of the two
                await client.get("/")
                await client.get("/")
                assert server.seen[-1].headers.get("cookie") == expected


async def test_a_truncated_body_is_an_error_and_a_get_is_asked_again() -> None:
    requests = 0

    async def truncate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")
        await writer.drain()
        writer.close()

    async with serve_raw(truncate) as server, HTTPClient(server.url, retry=patient()) as client:
        with pytest.raises(BodyDamaged, match="incomplete"):
            await client.get("/")

        assert requests == 3


async def test_what_is_no_http_is_not_taken_for_it() -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()

    async with serve_raw(nonsense) as server, HTTPClient(server.url, retry=patient()) as client:
        with pytest.raises(FrameError, match="no HTTP"):
            await client.get("/")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_a_body_that_is_too_long_is_not_read(chunked: bool) -> None:
    async def much(request: web.Request) -> web.StreamResponse:
        if not chunked:
            return web.Response(body=b"x" * 100_000)

        answer = web.StreamResponse()
        await answer.prepare(request)

        try:
            while True:
                await answer.write(b"x" * 10_000)
        except ConnectionError:
            return answer

    async with serve(much) as server, HTTPClient(server.url, max_bytes=50_000) as client:
        with pytest.raises(BodyTooLong, match="more than 50000 bytes"):
            await client.get("/")

        with pytest.raises(BodyTooLong):
            async with client.stream("GET", "/", max_bytes=1000) as answer:
                await answer.read()

        assert len(server.seen) == 2


async def test_a_body_that_unpacks_to_too_much_is_not_unpacked() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()

    async def explode(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with serve(explode) as server, HTTPClient(server.url, max_bytes=1 << 20) as client:
        with pytest.raises(BodyTooLong):
            await client.get("/")


async def test_a_packed_body_is_unpacked() -> None:
    async def packed(request: web.Request) -> web.Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        return web.Response(body=gzip.compress(b"hello" * 100), headers={"Content-Encoding": "gzip"})

    async with serve(packed) as server, HTTPClient(server.url) as client:
        assert (await client.get("/")).bytes == b"hello" * 100


async def test_head_brings_headers_and_no_body() -> None:
    async def large(request: web.Request) -> web.Response:
        return web.Response(headers={"Content-Length": str(10**12)})

    async with serve(large) as server, HTTPClient(server.url) as client:
        answer = await client.head("/")
        assert answer.headers["content-length"] == str(10**12) and answer.bytes == b""


async def test_a_redirection_to_another_origin_gets_no_credentials() -> None:
    secrets = {"Authorization": "Bearer s3", "Cookie": "c=s3", "X-Api-Key": "s3", "Accept": "text/plain"}

    async with serve(hello) as other:

        async def move(request: web.Request) -> web.Response:
            raise web.HTTPFound("/here" if request.path == "/" else f"{other.url}/there")

        async with serve(move) as server, HTTPClient(server.url, headers={"X-Default": "s3"}) as client:
            answer = await client.post("/", headers=secrets, json={"a": "s3"})
            assert answer.url == f"{other.url}/there" and answer.text() == "hello"
            assert "s3" in str(server.seen[1].headers)
            assert [seen.method for seen in server.seen + other.seen] == ["POST", "GET", "GET"]
            assert "s3" not in str(other.seen) and other.seen[0].headers["accept"] == "text/plain"
            assert client.statistics().redirected == 2


async def test_a_redirection_that_keeps_the_method_sends_the_body_again_if_it_can() -> None:
    async def move(request: web.Request) -> web.Response:
        if request.path == "/":
            raise web.HTTPTemporaryRedirect("/again")

        return await hello(request)

    async def once() -> AsyncIterator[bytes]:
        yield b"body"

    async with serve(move) as server, HTTPClient(server.url) as client:
        await client.post("/", data="body")
        await client.post("/", data=once)
        assert [seen.body for seen in server.seen] == [b"body"] * 4

        with pytest.raises(URLRefused, match="cannot be sent twice"):
            await client.post("/", data=once())


async def test_redirections_end() -> None:
    async def move(request: web.Request) -> web.Response:
        raise web.HTTPFound("/")

    async with serve(move) as server, HTTPClient(server.url, redirects=3) as client:
        with pytest.raises(TooManyRedirects):
            await client.get("/")

        assert len(server.seen) == 4
        assert (await client.get("/", redirects=0)).status == 302


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("file:///etc/passwd", URLRefused),
        ("http://[", (URLRefused, BodyDamaged)),
        ("http://h:99999/", (URLRefused, BodyDamaged)),
    ],
)
async def test_a_redirection_to_what_cannot_be_asked_is_refused(location: str, error: type[Exception]) -> None:
    async def move(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serve(move) as server, HTTPClient(server.url) as client:
        with pytest.raises(error):
            await client.get("/")


async def test_a_redirection_is_held_against_the_policy() -> None:
    async with serve(hello) as inside:

        async def move(request: web.Request) -> web.Response:
            raise web.HTTPFound(f"http://127.0.0.2:{inside.port}/")

        policy = URLPolicy(ports=None, networks=["127.0.0.1/32"])

        async with serve(move) as server, HTTPClient(policy=policy) as client:
            with pytest.raises(URLRefused, match=r"127\.0\.0\.2"):
                await client.get(server.url)

        assert inside.seen == []


async def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to() -> None:
    answers = [["127.0.0.1"], ["127.0.0.2"]]

    async def rebind(host: str, port: int) -> list[str]:
        return answers.pop(0)

    policy = URLPolicy(ports=None, networks=["127.0.0.1/32"])

    async with serve(hello) as server, HTTPClient(policy=policy, lookup=rebind) as client:
        url = f"http://rebind.example:{server.port}/"
        assert (await client.get(url)).status == 200
        assert server.seen[0].headers["host"].startswith("rebind.example")
        client.resolver.known.clear()
        assert client.opened is not None
        await client.opened.close()
        client.opened = None

        with pytest.raises(URLRefused):
            await client.get(url)


async def test_default_headers_with_secrets_go_to_their_origin_only() -> None:
    async with serve(hello) as server, serve(hello) as other:
        async with HTTPClient(server.url, headers={"Authorization": "s3", "User-Agent": "me"}) as client:
            await client.get("/")
            await client.get(f"{other.url}/")

        assert server.seen[0].headers["authorization"] == "s3"
        assert "authorization" not in other.seen[0].headers and other.seen[0].headers["user-agent"] == "me"


async def test_a_login_in_a_url_is_sent_as_a_header_and_shown_nowhere() -> None:
    async with serve(hello) as server, HTTPClient() as client:
        answer = await client.get(server.url.replace("://", "://user:s3@"))
        assert server.seen[0].headers["authorization"] == "Basic dXNlcjpzMw=="
        assert "s3" not in answer.url


async def test_bodies_of_every_kind_arrive(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"p" * 200_000)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece "
        yield b"by piece"

    async with serve(hello) as server, HTTPClient(server.url) as client:
        await client.post("/", json={"a": [1]})
        await client.post("/", form={"a": ["1", "2"], "b": "ä"})
        await client.post("/", data="täxt")
        await client.post("/", data=pieces())
        await client.post("/", form={"a": 1}, files={"photo": photo, "note": Upload(b"n", "n.txt", "text/plain")})
        json, form, text, streamed, multipart = server.seen
        assert standard_json.loads(json.body) == {"a": [1]} and json.headers["content-type"] == "application/json"
        assert form.body == b"a=1&a=2&b=%C3%A4" and "urlencoded" in form.headers["content-type"]
        assert text.body == "täxt".encode()
        assert streamed.body == b"piece by piece" and "content-length" not in streamed.headers
        assert multipart.headers["content-length"] == str(len(multipart.body)) and b"p" * 200_000 in multipart.body
        assert b'filename="photo.jpg"' in multipart.body and b"text/plain" in multipart.body


async def test_the_error_of_what_should_be_sent_is_the_callers() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("the disk is gone")

    async with serve(hello) as server, HTTPClient(server.url, retry=patient()) as client:
        with pytest.raises(OSError, match="the disk is gone"):
            await client.put("/", data=broken())


@pytest.mark.parametrize(
    "options",
    [{"json": 1, "data": b"x"}, {"form": {}, "data": b"x"}, {"data": 7}, {"headers": {"a": "b\r\nc: d"}}],
    ids=["two bodies", "form and data", "a number", "a line break"],
)
async def test_what_cannot_be_sent_is_not(options: dict[str, object]) -> None:
    async with serve(hello) as server, HTTPClient(server.url) as client:
        with pytest.raises((ValueError, TypeError)):
            await client.request("POST", "/", **options)  # type: ignore[arg-type]  # what is tested

        with pytest.raises(ValueError):
            await client.request("GET /", "/")

        assert server.seen == []


async def test_a_circuit_opens_for_one_host_and_not_for_another() -> None:
    def breaker(origin: str) -> CircuitBreaker:
        return CircuitBreaker(minimum_calls=4, open_for=60, on=default_breaker("").failures.matches, name=origin)

    async with serve(fail) as bad, serve(hello) as good:
        async with HTTPClient(retry=None, breaker=breaker) as client:
            for _ in range(4):
                await client.get(bad.url, check=False)

            with pytest.raises(CircuitOpen) as caught:
                await client.get(bad.url)

            assert caught.value.retry_after is not None and len(bad.seen) == 4
            assert (await client.get(good.url)).status == 200
            assert client.statistics().circuits == {bad.url: "open", good.url: "closed"}


async def test_mistakes_of_ours_open_no_circuit() -> None:
    async def missing(request: web.Request) -> web.Response:
        raise web.HTTPNotFound

    async with serve(missing) as server, HTTPClient(server.url) as client:
        for _ in range(30):
            assert (await client.get("/", check=False)).status == 404

        assert set(client.statistics().circuits.values()) == {"closed"}


async def test_a_slow_get_is_hedged_and_a_post_is_not() -> None:
    async def slow_at_first(request: web.Request) -> web.Response:
        if len(server.seen) % 2:
            await asyncio.sleep(0.3)

        return await hello(request)

    async with serve(slow_at_first) as server, HTTPClient(server.url, hedge=0.02, retry=None) as client:
        assert (await client.get("/")).status == 200
        assert len(server.seen) == 2
        await client.post("/")
        assert len(server.seen) == 3


async def test_no_more_connections_to_a_host_than_may_be() -> None:
    running = most = 0

    async def count(request: web.Request) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return await hello(request)

    async with serve(count) as server, HTTPClient(server.url, limit=10, limit_per_host=3) as client:
        await asyncio.gather(*(client.get("/") for _ in range(12)))
        assert most == 3


async def test_who_finds_too_many_waiting_is_refused_at_once() -> None:
    async with serve(hello) as server, HTTPClient(server.url, limit=1, limit_per_host=1, waiting=1) as client:
        outcomes = await asyncio.gather(*(client.get("/") for _ in range(5)), return_exceptions=True)
        assert sum(isinstance(outcome, Overloaded) for outcome in outcomes) == 3
        assert client.statistics().refused == 3


async def test_a_stream_comes_piece_by_piece_and_its_connection_is_closed_or_given_back() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"first")

        try:
            while request.path == "/endless":
                await answer.write(b"x" * 1000)
                await asyncio.sleep(0)
        except ConnectionError:
            return answer

        return answer

    async with serve(endless) as server, HTTPClient(server.url) as client:
        async with client.stream("GET", "/endless") as answer:
            assert (await anext(answer.chunks())).startswith(b"first")

        async with client.stream("GET", "/") as answer:
            assert await answer.read() == b"first"

        assert client.statistics().active == 0


async def test_an_error_status_of_a_stream_raises_before_it_begins() -> None:
    async with serve(fail) as server, HTTPClient(server.url, retry=patient(2)) as client:
        with pytest.raises(StatusFailed):
            async with client.stream("GET", "/"):
                raise AssertionError

        async with client.stream("GET", "/", check=False) as answer:
            assert (answer.status, await answer.read()) == (503, b"come again")

        assert len(server.seen) == 3


async def test_a_stream_that_is_cut_is_not_taken_for_complete() -> None:
    async def much(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 500_000)

    async with serve(much) as server:
        async with FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=100_000)) as proxy:
            async with HTTPClient(f"http://127.0.0.1:{proxy.port}") as client:
                with pytest.raises(BodyDamaged):
                    async with client.stream("GET", "/") as answer:
                        await answer.read()


async def test_a_closed_client_sends_nothing() -> None:
    client = HTTPClient("http://127.0.0.1:1")
    await client.aclose()
    await client.aclose()

    with pytest.raises(Closed):
        await client.get("/")

    assert "closed" in repr(client)


@pytest.mark.parametrize(
    "options",
    [{"limit": 0}, {"limit_per_host": 200}, {"cookies": "some"}, {"timeout": 0}, {"max_bytes": 0}, {"base_url": "x"}],
    ids=lambda options: next(iter(options)),
)
def test_what_makes_no_sense_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        HTTPClient(**options)  # type: ignore[arg-type]  # what is tested


async def test_a_cancelled_request_leaves_nothing_behind() -> None:
    async with serve_canned() as server, HTTPClient(server.url) as client:

        async def stream() -> bytes:
            async with client.stream("POST", "/", data=b"x" * 100_000) as answer:
                return await answer.read()

        def idle() -> None:
            assert client.statistics().active == 0

        await cancel_sweep(lambda: client.get("/"), idle)
        await cancel_sweep(stream, idle)
        assert (await client.get("/")).status == 200


async def test_a_client_that_is_closed_while_cancelled_is_closed() -> None:
    async with serve_canned() as server:
        clients: list[HTTPClient] = []

        async def use() -> None:
            clients.append(client := HTTPClient(server.url))

            async with client:
                await client.get("/")

        await cancel_sweep(use, lambda: None)
        assert all(client.is_closed for client in clients)

        for client in clients:
            await client.aclose()
