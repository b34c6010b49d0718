"""ASGI applications mounted over exchanges of any engine; here, those of the memory engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hagworm.extend.error import StartupFailed
from hagworm.facade.context import current
from hagworm.facade.exchange import BodyError, Closed
from hagworm.facade.failure import HTTPError, PayloadTooLarge
from hagworm.facade.limits import Limits
from hagworm.frame.asgi import ENGINE
from hagworm.frame.asgi.mount import AsgiMount, mount
from hagworm.frame.memory import Accepted, MemoryExchange, MemorySocket, Refused
from tests.frame.asgi.play import Play, text, turns

START = {"type": "http.response.start", "status": 200}
BODY = {"type": "http.response.body"}


def header(name: str, value: str) -> tuple[bytes, bytes]:
    return name.encode(), value.encode()


async def run(app: Any, exchange: MemoryExchange, prefix: str = "") -> None:
    await mount(app, prefix).http(exchange)


async def whole(exchange: MemoryExchange) -> tuple[int, dict[bytes, bytes], bytes]:
    status, headers = await exchange.head()
    pieces = []

    while piece := await exchange.chunk():
        pieces.append(piece)

    return status, dict(headers), b"".join(pieces)


def answering(*messages: dict[str, Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


class Serving:
    """What is being served, as far as a mount looks at it."""

    def __init__(self, **limits: Any) -> None:
        self.limits = Limits(**limits)


@asynccontextmanager
async def limited(**limits: Any) -> AsyncIterator[None]:
    token = current.set(Serving(**limits))  # type: ignore[arg-type]  # only its limits are looked at

    try:
        yield
    finally:
        current.reset(token)


async def test_the_scope_has_whole_paths_and_says_what_belongs_to_the_mount() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send(START)
        await send(BODY)

    exchange = MemoryExchange("GET", b"/api/a%2Fb/%C3%BC?x=1", [(b"host", b"a")], scheme="https")
    await run(app, exchange, "/api")
    scope = scopes[0]
    assert (scope["type"], scope["method"], scope["http_version"], scope["scheme"]) == ("http", "GET", "1.1", "https")
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/api", "/api/a/b/ü", b"/api/a%2Fb/%C3%BC")
    assert (scope["query_string"], scope["headers"]) == (b"x=1", [(b"host", b"a")])
    assert (scope["client"], scope["server"]) == (exchange.peer, exchange.local)


async def test_the_path_of_an_absolute_target_is_its_path() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["path"], scope["raw_path"]))
        await send(START)
        await send(BODY)

    await run(app, MemoryExchange("GET", b"http://b/echo"))
    assert seen == [("/echo", b"/echo")]


async def test_a_response_known_at_once_is_sent_whole() -> None:
    exchange = MemoryExchange("GET", b"/")
    await run(answering({**START, "headers": [header("X-A", "b")]}, {**BODY, "body": b"hello"}), exchange)
    assert await whole(exchange) == (200, {b"x-a": b"b", b"content-length": b"5"}, b"hello")


async def test_a_response_in_pieces_is_sent_in_pieces() -> None:
    exchange = MemoryExchange("GET", b"/")
    pieces = [{**BODY, "body": piece, "more_body": True} for piece in (b"one", b"", b"two")]
    await run(answering(START, *pieces, BODY), exchange)
    assert await whole(exchange) == (200, {}, b"onetwo")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_where_there_is_no_body_none_is_sent(method: str, status: int) -> None:
    for more in ([], [{**BODY, "body": b"a", "more_body": True}]):
        exchange = MemoryExchange(method, b"/")
        start = {**START, "status": status, "headers": [header("content-length", "5")]}
        await run(answering(start, *more, {**BODY, "body": b"hello"}), exchange)
        seen = await whole(exchange)
        assert seen == (status, {b"content-length": b"5"} if method == "HEAD" else {}, b"")


async def test_headers_of_the_connection_stay_with_the_engine() -> None:
    exchange = MemoryExchange("GET", b"/")
    headers = [header("Transfer-Encoding", "chunked"), header("Connection", "Close"), header("Keep-Alive", "x")]
    await run(answering({**START, "headers": headers}, BODY), exchange)
    assert (await exchange.head())[1] == ((b"connection", b"close"), (b"content-length", b"0"))


@pytest.mark.parametrize("bad", [header("x y", "1"), header("x", "1\r\nset-x: 2"), header("", "1")])
async def test_a_header_that_would_break_the_response_is_an_error(bad: tuple[bytes, bytes]) -> None:
    exchange = MemoryExchange("GET", b"/")

    with pytest.raises(ValueError, match="malformed"):
        await run(answering({**START, "headers": [bad]}, BODY), exchange)

    assert not exchange.status


async def test_the_body_arrives_in_pieces_and_then_the_departure() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while len(seen) < 4:
            seen.append(await receive())

    exchange = MemoryExchange("POST", b"/")
    await exchange.feed(b"one")
    await exchange.feed(b"two")
    exchange.feed_end()
    task = asyncio.ensure_future(run(app, exchange))
    await turns()
    assert [(message["body"], message["more_body"]) for message in seen] == [
        (b"one", True),
        (b"two", True),
        (b"", False),
    ]
    exchange.vanish()
    await task
    assert seen[3] == {"type": "http.disconnect"}


async def test_receive_tells_the_end_once_the_response_is_complete() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        listener = asyncio.ensure_future(receive())
        await turns()
        await send(START)
        await send(BODY)
        seen.append(await listener)

    exchange = MemoryExchange("GET", b"/")
    exchange.feed_end()
    await run(app, exchange)
    assert seen == [{"type": "http.disconnect"}]


async def test_an_exception_before_the_response_is_for_the_facade() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        raise ValueError("broken")

    exchange = MemoryExchange("GET", b"/")

    with pytest.raises(ValueError, match="broken"):
        await run(app, exchange)

    assert not exchange.status


async def test_an_exception_during_the_response_is_logged_and_cuts_it(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "body": b"half", "more_body": True})
        raise ValueError("broken")

    exchange = MemoryExchange("GET", b"/")
    await run(app, exchange)
    assert exchange.aborted
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_an_exception_after_the_response_is_logged_and_cuts_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Starlette answers 500 and raises then."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "status": 500})
        await send(BODY)
        raise ValueError("broken")

    exchange = MemoryExchange("GET", b"/")
    await run(app, exchange)
    assert (exchange.status, exchange.complete, exchange.aborted) == (500, True, False)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_no_response_at_all_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="not answered"):
        await run(answering(), MemoryExchange("GET", b"/"))


@pytest.mark.parametrize("messages", [[BODY], [START, START], [START, BODY, BODY], [{"type": "http.nonsense"}]])
async def test_messages_out_of_order_are_errors(messages: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    errors: list[Exception] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            for message in messages:
                await send(message)
        except RuntimeError as exc:
            errors.append(exc)
            raise

    exchange = MemoryExchange("GET", b"/")

    try:
        await run(app, exchange)
    except RuntimeError as exc:
        assert exc is errors[0]

    assert "unexpected ASGI message" in str(errors[0])


async def test_a_client_that_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert message["type"] == "http.disconnect"
        raise OSError("gone")

    caplog.set_level("INFO")
    exchange = MemoryExchange("POST", b"/")
    exchange.vanish()
    await run(app, exchange)
    assert [record.levelname for record in caplog.records] == ["INFO"]


async def test_what_is_said_to_a_client_that_left_is_passed_over_but_not_for_ever() -> None:
    """An application that listens is told first; one that does not must not stream into nothing."""
    said = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal said
        await send(START)

        while True:
            await send({**BODY, "body": b"x", "more_body": True})
            said += 1

    exchange = MemoryExchange("GET", b"/")
    exchange.vanish()
    await run(app, exchange)
    assert 1 <= said <= 20


async def test_a_body_that_breaks_is_the_facades_answer_whatever_the_application_makes_of_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.disconnect"
        await send({**START, "status": 500})
        await send(BODY)

    exchange = MemoryExchange("POST", b"/")
    exchange.fail(BodyError(400, "bad chunk"))

    with pytest.raises(HTTPError) as error:
        await run(app, exchange)

    assert (error.value.status, exchange.status) == (400, 0)


async def test_a_body_larger_than_the_limit_is_413() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "http.request":
            pass

        raise OSError("gone")

    exchange = MemoryExchange("POST", b"/")
    await exchange.feed(b"x" * 11)
    exchange.feed_end()

    async with limited(body=10):
        with pytest.raises(PayloadTooLarge):
            await run(app, exchange)


async def test_a_body_announced_larger_than_the_limit_is_413_before_the_application_runs() -> None:
    async with limited(body=10):
        with pytest.raises(PayloadTooLarge):
            await run(answering(), MemoryExchange("POST", b"/", [header("content-length", "11")]))


async def test_cancelling_cuts_a_response_that_has_begun() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "body": b"x", "more_body": True})
        await asyncio.get_running_loop().create_future()

    exchange = MemoryExchange("GET", b"/")
    task = asyncio.ensure_future(run(app, exchange))
    await turns()
    task.cancel()
    await asyncio.wait((task,))
    assert (exchange.aborted, task.cancelled()) == (True, True)


async def test_an_application_of_hagworm_inside_another_keeps_contexts_apart() -> None:
    inner = Play()
    inner.started = True
    exchange = MemoryExchange("GET", b"/in/x")

    async with limited():
        outer = current.get()
        await run(ENGINE.build(inner), exchange, "/in")
        assert current.get() is outer

    assert await whole(exchange) == (200, {b"content-length": b"2"}, b"ok")


async def test_an_application_of_hagworm_inside_another_sees_the_path_below_the_mount() -> None:
    inner = Play(lambda exchange: text(exchange, exchange.path))
    inner.started = True
    exchange = MemoryExchange("GET", b"/in/a%2Fb")
    await run(ENGINE.build(inner), exchange, "/in")
    assert (await whole(exchange))[2] == b"/a%2Fb"


# Lifespans ------------------------------------------------------------------------------------------------------------


class Life:
    """An application with a lifespan, as the test wants it."""

    def __init__(self, *, start: str = "complete", stop: str = "complete", crash: bool = False) -> None:
        self.start, self.stop, self.crash = start, stop, crash
        self.log: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        scope["state"]["made"] = "here"
        self.log.append((await receive())["type"])

        if self.crash:
            raise ValueError("crash")

        await send({"type": f"lifespan.startup.{self.start}", "message": "no database"})

        if self.start == "complete":
            self.log.append((await receive())["type"])
            await send({"type": f"lifespan.shutdown.{self.stop}", "message": "stuck"})


async def test_the_lifespan_is_run_and_its_state_reaches_the_requests() -> None:
    states: list[Any] = []
    life = Life()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await life(scope, receive, send)
        else:
            states.append(scope["state"])
            await send(START)
            await send(BODY)

    mounted = mount(app, "/")
    await mounted.startup()
    await mounted.http(MemoryExchange("GET", b"/"))
    await mounted.http(MemoryExchange("GET", b"/"))
    await mounted.shutdown()
    assert life.log == ["lifespan.startup", "lifespan.shutdown"]
    assert states == [{"made": "here"}, {"made": "here"}]
    assert states[0] is not states[1]


async def test_a_lifespan_that_fails_fails_the_start() -> None:
    with pytest.raises(StartupFailed, match="no database"):
        await mount(Life(start="failed"), "/").startup()


async def test_an_application_without_a_lifespan_is_served_all_the_same() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    for app in (Life(crash=True), silent):
        mounted = mount(app, "/")
        await mounted.startup()
        await mounted.shutdown()


async def test_a_lifespan_that_fails_to_stop_says_so() -> None:
    mounted = mount(Life(stop="failed"), "/")
    await mounted.startup()

    with pytest.raises(RuntimeError, match="stuck"):
        await mounted.shutdown()


async def test_a_start_that_is_cancelled_leaves_no_task() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.get_running_loop().create_future()

    task = asyncio.ensure_future(mount(slow, "/").startup())
    await turns()
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()


async def test_a_mount_that_was_never_started_stops_quietly() -> None:
    await mount(Life(), "/").shutdown()


# WebSockets -----------------------------------------------------------------------------------------------------------


async def talk(app: Any, socket: MemorySocket) -> None:
    await AsgiMount(app, "/ws").websocket(socket)


async def test_a_websocket_is_accepted_and_talks() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", "subprotocol": "b", "headers": [header("x-a", "1")]})

        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})

        scopes.append(message)

    socket = MemorySocket(b"/ws/a", [(b"host", b"a")], subprotocols=("a", "b"), scheme="https")
    task = asyncio.ensure_future(talk(app, socket))
    assert await socket.handshake() == Accepted("b", (header("x-a", "1"),))
    await socket.deliver("text")
    await socket.deliver(b"bytes")
    assert [await socket.take(), await socket.take()] == ["text", b"bytes"]
    socket.leave(4000, "bye")
    await task
    scope, end = scopes
    assert (scope["type"], scope["scheme"], scope["root_path"], scope["path"]) == ("websocket", "wss", "/ws", "/ws/a")
    assert scope["subprotocols"] == ["a", "b"]
    assert end == {"type": "websocket.disconnect", "code": 4000, "reason": "bye"}


async def test_a_websocket_is_refused_with_403_or_a_response() -> None:
    socket = MemorySocket(b"/ws")
    await talk(answering({"type": "websocket.close"}), socket)
    assert await socket.handshake() == Refused(403, (header("content-length", "0"),), b"")
    start = {"type": "websocket.http.response.start", "status": 401, "headers": [header("x-a", "1")]}
    body = {"type": "websocket.http.response.body"}
    socket = MemorySocket(b"/ws")
    await talk(answering(start, {**body, "body": b"n", "more_body": True}, {**body, "body": b"o"}), socket)
    assert await socket.handshake() == Refused(401, (header("x-a", "1"), header("content-length", "2")), b"no")


async def test_the_applications_close_is_sent_and_nothing_after_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4001, "reason": "bye"})

        with pytest.raises(OSError, match="after the end"):
            await send({"type": "websocket.send", "text": "late"})

    socket = MemorySocket(b"/ws")
    await talk(app, socket)
    assert await socket.take() == Closed(4001, "bye")


async def test_an_application_that_returns_closes_with_1000() -> None:
    socket = MemorySocket(b"/ws")
    await talk(answering({"type": "websocket.accept"}), socket)
    assert await socket.take() == Closed(1000)


async def test_an_application_that_never_answers_is_a_403() -> None:
    socket = MemorySocket(b"/ws")
    await talk(answering(), socket)
    assert isinstance(answer := await socket.handshake(), Refused)
    assert answer.status == 403


async def test_an_exception_is_1011_after_the_handshake_and_500_before(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        raise ValueError("broken")

    async def failing_early(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("broken")

    socket = MemorySocket(b"/ws")
    await talk(failing, socket)
    assert await socket.take() == Closed(1011)
    socket = MemorySocket(b"/ws")
    await talk(failing_early, socket)
    assert isinstance(answer := await socket.handshake(), Refused)
    assert answer.status == 500
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


async def test_a_send_to_a_peer_that_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        socket.leave()
        await send({"type": "websocket.send", "text": "late"})

    socket = MemorySocket(b"/ws")
    await talk(app, socket)
    assert not caplog.records


async def test_websocket_messages_out_of_order_are_errors(caplog: pytest.LogCaptureFixture) -> None:
    socket = MemorySocket(b"/ws")
    await talk(answering({"type": "websocket.send", "text": "early"}), socket)
    assert "unexpected ASGI message" in caplog.text
