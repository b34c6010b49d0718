"""WSGI applications mounted over exchanges of any engine; here, those of the memory engine."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from wsgiref.validate import validator

import pytest

from hagworm.facade.context import current
from hagworm.facade.exchange import BodyError
from hagworm.facade.failure import HTTPError, PayloadTooLarge
from hagworm.facade.limits import Limits
from hagworm.frame.asgi.mount import mount_wsgi
from hagworm.frame.asgi.wsgi import WsgiMount
from hagworm.frame.memory import MemoryExchange, MemorySocket, Refused
from tests.frame.asgi.play import until

Environ = dict[str, Any]


@asynccontextmanager
async def mounted(app: Any, prefix: str = "", **options: Any) -> AsyncIterator[WsgiMount]:
    place = mount_wsgi(app, prefix, **options)
    await place.startup()

    try:
        yield place
    finally:
        await place.shutdown()


async def ask(app: Any, exchange: MemoryExchange, prefix: str = "") -> tuple[int, dict[bytes, bytes], bytes]:
    async with mounted(app, prefix) as place:
        serving = asyncio.ensure_future(place.http(exchange))
        pieces = []

        try:
            status, headers = await exchange.head()

            while piece := await exchange.chunk():
                pieces.append(piece)
        finally:
            await serving

    return status, dict(headers), b"".join(pieces)


def echo(environ: Environ, start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("201 Created", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def test_the_environ_is_the_one_of_pep_3333() -> None:
    environs: list[Environ] = []

    @validator
    def app(environ: Environ, start_response: Any) -> list[bytes]:
        environs.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    headers = [
        (b"host", b"a"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"0"),
        (b"x-two", b"1"),
        (b"x-two", b"2"),
        (b"x_two", b"forged"),
        (b"proxy", b"http://evil"),
    ]
    exchange = MemoryExchange("GET", b"/api/a%2Fb/%C3%BC?x=%20", headers, scheme="https")
    exchange.feed_end()
    assert (await ask(app, exchange, "/api"))[2] == b"ok"
    environ = environs[0]
    assert (environ["REQUEST_METHOD"], environ["SCRIPT_NAME"]) == ("GET", "/api")
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a/b/ü"
    assert (environ["QUERY_STRING"], environ["SERVER_PROTOCOL"]) == ("x=%20", "HTTP/1.1")
    assert (environ["wsgi.url_scheme"], environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == (
        "https",
        "text/plain",
        "0",
    )
    assert (environ["HTTP_HOST"], environ["HTTP_X_TWO"], environ["REMOTE_ADDR"]) == ("a", "1, 2", "127.0.0.1")
    assert "HTTP_PROXY" not in environ


async def test_a_body_goes_in_and_out() -> None:
    exchange = MemoryExchange("POST", b"/")
    await exchange.feed(b"one")
    await exchange.feed(b"two")
    exchange.feed_end()
    status, headers, body = await ask(echo, exchange)
    assert (status, headers[b"content-length"], body) == (201, b"6", b"onetwo")


async def test_a_body_is_read_as_the_application_asks_for_it() -> None:
    seen: list[bytes] = []

    def app(environ: Environ, start_response: Any) -> list[bytes]:
        file = environ["wsgi.input"]
        seen.extend([file.readline(), file.read(3), *file])
        start_response("200 OK", [])
        return []

    exchange = MemoryExchange("POST", b"/")
    await exchange.feed(b"line\nthree")
    await exchange.feed(b"rest\nlast")
    exchange.feed_end()
    await ask(app, exchange)
    assert seen == [b"line\n", b"thr", b"eerest\n", b"last"]


async def test_a_stream_is_sent_piece_by_piece_as_it_is_made() -> None:
    go_on = threading.Event()

    def app(environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"one"
        go_on.wait(5)
        yield b""
        yield b"two"

    exchange = MemoryExchange("GET", b"/")

    async with mounted(app) as place:
        serving = asyncio.ensure_future(place.http(exchange))
        assert await exchange.chunk() == b"one"
        go_on.set()
        assert [await exchange.chunk(), await exchange.chunk()] == [b"two", b""]
        await serving
        assert b"content-length" not in dict(exchange.response_headers)


async def test_the_one_piece_of_an_iterator_is_a_whole_response() -> None:
    def app(environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        return iter([b"hello"])

    exchange = MemoryExchange("GET", b"/")
    assert await ask(app, exchange) == (200, {b"content-length": b"5"}, b"hello")


async def test_write_is_as_good_as_an_iterator() -> None:
    def app(environ: Environ, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"one")
        write(b"two")
        return [b"three"]

    assert (await ask(app, MemoryExchange("GET", b"/")))[2] == b"onetwothree"


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 -")])
@pytest.mark.parametrize("kind", [list, iter])
async def test_where_there_is_no_body_none_is_sent(method: str, status: str, kind: Callable[..., Any]) -> None:
    def app(environ: Environ, start_response: Any) -> Any:
        start_response(status, [("Content-Length", "5")])
        return kind([b"he", b"llo"])

    seen = await ask(app, MemoryExchange(method, b"/"))
    assert seen == (int(status[:3]), {b"content-length": b"5"} if method == "HEAD" else {}, b"")


async def test_what_has_close_is_closed_however_it_ends() -> None:
    closed: list[str] = []

    class Result:
        def __init__(self, *, fails: bool) -> None:
            self.fails = fails

        def __iter__(self) -> Iterator[bytes]:
            if self.fails:
                raise ValueError("broken")

            return iter([b"a"])

        def close(self) -> None:
            closed.append("closed")

    for fails in (False, True):

        def app(environ: Environ, start_response: Any, fails: bool = fails) -> Result:
            start_response("200 OK", [])
            return Result(fails=fails)

        async with mounted(app) as place:
            if fails:
                with pytest.raises(ValueError, match="broken"):
                    await place.http(MemoryExchange("GET", b"/"))
            else:
                await place.http(MemoryExchange("GET", b"/"))

    assert closed == ["closed", "closed"]


async def test_an_exception_during_the_response_is_logged_and_cuts_it(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"half"
        raise ValueError("broken")

    exchange = MemoryExchange("GET", b"/")

    async with mounted(app) as place:
        await place.http(exchange)

    assert exchange.aborted
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_an_error_may_replace_a_head_that_was_not_sent() -> None:
    def app(environ: Environ, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])

        try:
            raise ValueError("broken")
        except ValueError as exc:
            start_response("500 Oops", [], (type(exc), exc, exc.__traceback__))

        return [b"sorry"]

    status, _, body = await ask(app, MemoryExchange("GET", b"/"))
    assert (status, body) == (500, b"sorry")


async def test_a_second_start_response_without_an_error_is_an_error() -> None:
    def app(environ: Environ, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    async with mounted(app) as place:
        with pytest.raises(AssertionError, match="already"):
            await place.http(MemoryExchange("GET", b"/"))


async def test_no_start_response_is_an_error() -> None:
    async with mounted(lambda environ, start_response: [b"a"]) as place:
        with pytest.raises(RuntimeError, match="start_response"):
            await place.http(MemoryExchange("GET", b"/"))


async def test_a_client_that_leaves_ends_the_application(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    closed = threading.Event()

    def app(environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])

        try:
            while True:
                yield b"x" * 65536
        finally:
            closed.set()

    exchange = MemoryExchange("GET", b"/")

    async with mounted(app) as place:
        serving = asyncio.ensure_future(place.http(exchange))
        await exchange.chunk()
        exchange.vanish()
        await serving

    assert closed.is_set()
    assert [record.levelname for record in caplog.records] == ["INFO"]


async def test_a_body_that_breaks_is_the_facades_answer() -> None:
    exchange = MemoryExchange("POST", b"/")
    exchange.fail(BodyError(400, "bad chunk"))

    async with mounted(echo) as place:
        with pytest.raises(HTTPError) as error:
            await place.http(exchange)

    assert error.value.status == 400


async def test_a_body_larger_than_the_limit_is_413() -> None:
    class Serving:
        limits = Limits(body=10)

    async def serve(place: WsgiMount, exchange: MemoryExchange) -> None:
        current.set(Serving())  # type: ignore[arg-type]  # only its limits are looked at
        await place.http(exchange)

    exchange = MemoryExchange("POST", b"/")
    await exchange.feed(b"x" * 11)
    exchange.feed_end()

    async with mounted(echo) as place:
        for request in (exchange, MemoryExchange("POST", b"/", [(b"content-length", b"11")])):
            with pytest.raises(PayloadTooLarge):
                await asyncio.create_task(serve(place, request))


async def test_cancelling_leaves_the_thread_to_find_out() -> None:
    reached, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def app(environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])

        try:
            yield b"one"
            reached.set()
            go_on.wait(5)
            yield b"two"
        finally:
            ended.set()

    exchange = MemoryExchange("GET", b"/")

    async with mounted(app) as place:
        serving = asyncio.ensure_future(place.http(exchange))
        await until(reached.is_set)
        serving.cancel()
        await asyncio.wait((serving,))
        assert (serving.cancelled(), exchange.aborted) == (True, True)
        go_on.set()
        await until(ended.is_set)


async def test_no_more_run_at_a_time_than_there_are_threads() -> None:
    lock, running, most = threading.Lock(), 0, 0
    go_on = threading.Event()

    def app(environ: Environ, start_response: Any) -> list[bytes]:
        nonlocal running, most

        with lock:
            running += 1
            most = max(most, running)

        go_on.wait(5)

        with lock:
            running -= 1

        start_response("200 OK", [])
        return [b"ok"]

    async with mounted(app, threads=2) as place:
        serving = [asyncio.ensure_future(place.http(MemoryExchange("GET", b"/"))) for _ in range(5)]
        await until(lambda: running == 2)
        go_on.set()
        await asyncio.gather(*serving)

    assert most == 2


async def test_the_context_of_the_request_is_seen_in_the_thread() -> None:
    variable = contextvars.ContextVar[str]("variable")
    seen: list[str] = []

    def app(environ: Environ, start_response: Any) -> list[bytes]:
        seen.append(variable.get())
        start_response("200 OK", [])
        return []

    variable.set("request")
    await ask(app, MemoryExchange("GET", b"/"))
    assert seen == ["request"]


async def test_a_websocket_is_refused() -> None:
    async with mounted(echo) as place:
        socket = MemorySocket(b"/")
        await place.websocket(socket)
        assert isinstance(answer := await socket.handshake(), Refused)
        assert answer.status == 404


async def test_it_must_be_started() -> None:
    with pytest.raises(RuntimeError, match="started"):
        await mount_wsgi(echo, "/").http(MemoryExchange("GET", b"/"))
