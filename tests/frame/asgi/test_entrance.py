"""The ASGI callable, called as a server calls it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hagworm.extend.error import ConfigError, StartupFailed
from hagworm.facade.context import current
from hagworm.facade.engine import load_engine
from hagworm.facade.settings import ServerSettings
from hagworm.frame.asgi import ENGINE
from hagworm.frame.asgi.profiles import PROFILES
from tests.frame.asgi.play import Play, text

Message = dict[str, Any]


def http_scope(**changes: Any) -> Message:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"a")],
    }
    return {**scope, **changes}


class Caller:
    """A server with one connection."""

    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return self.messages.pop(0) if self.messages else await asyncio.get_running_loop().create_future()

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def call(self, app: Callable[..., Awaitable[None]], scope: Message) -> list[Message]:
        await app(scope, self.receive, self.send)
        return self.sent


async def head_of(scope: Message) -> Any:
    """Return the exchange that is made of `scope`."""
    seen: list[Any] = []

    async def act(exchange: Any) -> None:
        seen.append(exchange)
        await text(exchange)

    play = Play(act)
    play.started = True
    await Caller().call(ENGINE.build(play), scope)
    return seen[0]


def test_is_found_by_name() -> None:
    assert load_engine("asgi") is ENGINE
    assert ENGINE.declare("granian") == PROFILES["granian"].outcomes


def test_nothing_stands_behind_it() -> None:
    play = Play()
    assert ENGINE.native(play) is play


async def test_an_unknown_server_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"'uvicron' is none of .* \(did you mean 'uvicorn'\?\)"):
        await ENGINE.listen(Play(), [], ServerSettings(asgi_server="uvicron"))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"raw_path": b"/a%2Fb", "path": "/a/b"}, b"/a%2Fb"),
        ({"raw_path": b"/a?x=1", "path": "/a"}, b"/a"),
        ({"path": "/a b/ü%"}, b"/a%20b/%C3%BC%25"),
        ({"raw_path": b"", "path": "/a"}, b"/a"),
        ({"raw_path": b"/api/x", "path": "/api/x", "root_path": "/api"}, b"/x"),
        ({"raw_path": b"/api", "path": "/api", "root_path": "/api"}, b"/"),
        ({"raw_path": b"/apis", "path": "/apis", "root_path": "/api"}, b"/apis"),
        ({"raw_path": b"/x", "path": "/x", "root_path": "/api/"}, b"/x"),
        ({"raw_path": b"/%C3%BC/x", "path": "/ü/x", "root_path": "/ü"}, b"/x"),
        ({"path": "/api/x", "root_path": "/api"}, b"/x"),
    ],
)
async def test_the_path_is_the_one_of_the_wire_below_the_mount(changes: Message, path: bytes) -> None:
    assert (await head_of(http_scope(**changes))).path == path


async def test_a_path_made_anew_is_told_by_the_capabilities() -> None:
    assert "raw_path" not in (await head_of(http_scope())).caps
    assert "raw_path" in (await head_of(http_scope(raw_path=b"/"))).caps


@pytest.mark.parametrize(
    ("told", "address"),
    [
        (("1.2.3.4", 5), ("1.2.3.4", 5)),
        (["::1", 5], ("::1", 5)),
        (("1.2.3.4", "5"), ("1.2.3.4", 5)),
        (None, None),
        (("/run/a.sock", None), None),
        (("unix:/run/a.sock", -1), None),
        (("", 0), None),
    ],
)
async def test_addresses_are_of_the_internet_or_none(told: Any, address: Any) -> None:
    exchange = await head_of(http_scope(client=told, server=told))
    assert (exchange.peer, exchange.local) == (address, address)


async def test_the_lifespan_starts_and_stops_the_application() -> None:
    play = Play()
    caller = Caller({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    sent = await caller.call(ENGINE.build(play), {"type": "lifespan"})
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert play.log == ["startup", "draining", "shutdown"]


async def test_a_failed_start_is_reported_and_never_raised() -> None:
    play = Play()
    play.failure = StartupFailed("OSError: no database")
    sent = await Caller({"type": "lifespan.startup"}).call(ENGINE.build(play), {"type": "lifespan"})
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    assert sent[0]["message"].startswith("StartupFailed: OSError: no database\nTraceback")


async def test_a_failed_stop_is_reported_and_never_raised() -> None:
    class Failing(Play):
        async def shutdown(self) -> None:
            raise RuntimeError("stuck")

    caller = Caller({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    sent = await caller.call(ENGINE.build(Failing()), {"type": "lifespan"})
    assert sent[-1]["type"] == "lifespan.shutdown.failed"
    assert "stuck" in sent[-1]["message"]


async def test_a_server_that_cancels_the_lifespan_stops_the_application() -> None:
    play = Play()
    caller = Caller({"type": "lifespan.startup"})
    task = asyncio.ensure_future(caller.call(ENGINE.build(play), {"type": "lifespan"}))

    while not caller.sent:
        await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert play.log == ["startup", "shutdown"]


async def test_an_application_that_others_have_started_is_left_to_them() -> None:
    play = Play()
    play.started = True
    caller = Caller({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    sent = await caller.call(ENGINE.build(play), {"type": "lifespan"})
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert (play.log, play.started) == ([], True)


async def test_a_server_without_lifespans_starts_with_the_first_request_and_once() -> None:
    play = Play()
    app = ENGINE.build(play)
    answers = await asyncio.gather(*(Caller().call(app, http_scope()) for _ in range(3)))
    assert [sent[0]["status"] for sent in answers] == [200, 200, 200]
    assert play.log == ["startup"]


async def test_a_start_that_fails_with_the_first_request_is_503_for_all(caplog: pytest.LogCaptureFixture) -> None:
    play = Play()
    play.failure = RuntimeError("no database")
    app = ENGINE.build(play)

    for method in ("GET", "HEAD"):
        start, body = await Caller().call(app, http_scope(method=method))
        assert (start["status"], bool(body["body"])) == (503, method == "GET")

    sent = await Caller({"type": "websocket.connect"}).call(app, http_scope(type="websocket"))
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert [record.exc_info and str(record.exc_info[1]) for record in caplog.records] == ["no database"]


async def test_a_context_that_has_leaked_is_not_served_in() -> None:
    seen: list[Any] = []

    class Watching(Play):
        async def http(self, exchange: Any) -> None:
            seen.append(current.get())
            await super().http(exchange)

        async def websocket(self, exchange: Any) -> None:
            seen.append(current.get())

    play = Watching()
    app = ENGINE.build(play)
    token = current.set(object())  # type: ignore[arg-type]  # stands for the request before

    try:
        await Caller().call(app, http_scope())
        await Caller().call(app, http_scope(type="websocket"))
    finally:
        current.reset(token)

    assert seen == [None, None]


async def test_a_request_in_a_clean_context_is_cancelled_with_its_server() -> None:
    reached = asyncio.Event()
    ended: list[str] = []

    async def act(exchange: Any) -> None:
        reached.set()

        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    play = Play(act)
    play.started = True
    token = current.set(object())  # type: ignore[arg-type]  # stands for the request before

    try:
        task = asyncio.ensure_future(Caller().call(ENGINE.build(play), http_scope()))
    finally:
        current.reset(token)

    await reached.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended == ["cancelled"]


async def test_a_body_that_comes_in_empty_pieces_does_not_end_early() -> None:
    seen: list[bytes] = []

    async def act(exchange: Any) -> None:
        seen.extend([await exchange.read(), await exchange.read(), await exchange.read()])
        await text(exchange)

    play = Play(act)
    play.started = True
    caller = Caller(
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request"},
    )
    await caller.call(ENGINE.build(play), http_scope(method="POST"))
    assert seen == [b"a", b"", b""]
