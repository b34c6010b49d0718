"""Laws of serving: whatever happens, a request gets one answer and leaves nothing behind."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
import pytest
from pydantic import BaseModel, Field

from hagworm import (
    HTML,
    JSON,
    App,
    BackgroundTasks,
    EventStream,
    HTTPError,
    Limits,
    Redirect,
    Request,
    Response,
    Router,
    ServerSentEvent,
    Stream,
    Text,
    WebSocket,
    WebSocketClosed,
    current_request,
)
from hagworm.extend.error import DefinitionError, StartupFailed
from hagworm.facade.failure import Unauthorized
from hagworm.testing import Client, HandshakeRefused


class Item(BaseModel):
    name: Annotated[str, Field(alias="Name")]


class Wide(Item):
    secret: str = "s"


async def test_what_the_return_type_describes_is_what_is_sent() -> None:
    @dataclasses.dataclass
    class Row:
        Name: str
        extra: int = 1

    class Struct(msgspec.Struct):
        number: int

    app = App()

    @app.get("/subclass")
    async def subclass() -> Item:
        return Wide(Name="n")

    @app.get("/object")
    async def other() -> Item:
        return Row("n")  # type: ignore[return-value]  # any object with the attributes will do

    @app.get("/list")
    async def several() -> list[Item]:
        return [Item(Name="a"), Wide(Name="b")]

    @app.get("/struct")
    async def struct() -> Struct:
        return Struct(5)

    @app.get("/maybe")
    async def maybe() -> Item | None:
        return None

    @app.get("/none")
    async def none() -> None: ...

    @app.get("/nothing")
    async def nothing():  # type: ignore[no-untyped-def]  # as people write it
        return None

    @app.get("/wrong")
    async def wrong() -> Item:
        return 5  # type: ignore[return-value]  # the mistake under test

    @app.get("/nan")
    async def nan() -> Any:
        return {"x": float("nan")}

    @app.get("/word")
    async def word() -> Any:
        return {"x": "NaN", "s": Struct(1)}

    async with Client(app) as client:
        assert (await client.get("/subclass")).body == b'{"Name":"n"}'
        assert (await client.get("/object")).body == b'{"Name":"n"}'
        assert (await client.get("/list")).body == b'[{"Name":"a"},{"Name":"b"}]'
        assert (await client.get("/struct")).body == b'{"number":5}'
        assert (await client.get("/maybe")).body == b"null"
        assert (await client.get("/none")).status == 204
        assert (await client.get("/nothing")).body == b"null"
        assert (await client.get("/wrong")).status == 500
        assert (await client.get("/nan")).status == 500
        assert (await client.get("/word")).body == b'{"x":"NaN","s":{"number":1}}'


async def test_each_kind_of_response_says_what_it_is() -> None:
    app = App()
    responses: dict[str, Response] = {
        "json": JSON({"a": 1}, 201),
        "html": HTML("<b>"),
        "text": Text("é"),
        "bytes": Response(b"b"),
        "str": Response("s"),
        "empty": Response(),
        "redirect": Redirect("/é?a=b c"),
    }

    @app.get("/{name}")
    async def handler(name: str) -> Response:
        return responses[name]

    async with Client(app, follow_redirects=False) as client:
        found = {name: await client.get(f"/{name}") for name in responses}

    assert {name: answer.headers.get("content-type") for name, answer in found.items()} == {
        "json": "application/json",
        "html": "text/html; charset=utf-8",
        "text": "text/plain; charset=utf-8",
        "bytes": "application/octet-stream",
        "str": "text/plain; charset=utf-8",
        "empty": None,
        "redirect": None,
    }
    assert found["json"].status == 201
    assert found["redirect"].headers["location"] == "/%C3%A9?a=b%20c"


async def test_a_response_that_is_returned_twice_is_sent_twice_the_same() -> None:
    constant = Text("same")
    app = App()

    @app.get("/")
    async def handler() -> Response:
        return constant

    async with Client(app) as client:
        first, second = await client.get("/"), await client.get("/")

    assert [name for name, _ in first.headers.raw] == [name for name, _ in second.headers.raw]


@pytest.mark.parametrize("value", ["a\r\nb", "\u20ac", "a\0"])
def test_a_header_that_may_not_be_sent_is_refused_where_it_is_set(value: str) -> None:
    with pytest.raises(ValueError, match="x-own"):
        Response(headers={"x-own": value})

    with pytest.raises(ValueError, match="x-own"):
        Response().headers["x-own"] = value


def test_headers_of_the_connection_are_refused() -> None:
    with pytest.raises(ValueError, match="response.close"):
        Response(headers={"connection": "close"})


async def test_h20_errors_are_problems_and_pages_for_browsers() -> None:
    app = App()

    @app.get("/")
    async def handler() -> None:
        raise HTTPError(409, "taken <b>", type="urn:x", headers={"x-own": "1"}, extra={"until": 5})

    @app.get("/401")
    async def closed() -> None:
        raise Unauthorized("Bearer")

    async with Client(app) as client:
        problem = await client.get("/")
        page = await client.get("/", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        challenged = await client.get("/401")

    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.headers["x-own"] == "1"
    document = problem.json()
    assert document.pop("request_id") == problem.headers["x-request-id"]
    assert document == {"type": "urn:x", "title": "Conflict", "status": 409, "detail": "taken <b>", "until": 5}
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "taken &lt;b&gt;" in page.text
    assert challenged.headers["www-authenticate"] == "Bearer"


async def test_errors_have_fastapis_shapes_where_asked() -> None:
    app = App(compat="fastapi")

    @app.get("/{n}")
    async def handler(n: int) -> None:
        raise HTTPError(404, "gone")

    async with Client(app) as client:
        assert (await client.get("/1")).json() == {"detail": "gone"}
        found = (await client.get("/x")).json()["detail"][0]

    assert (found["type"], found["loc"]) == ("int_parsing", ["path", "n"])


async def test_h19_an_unforeseen_error_is_logged_once_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app = App()

    @app.get("/")
    async def handler() -> None:
        raise RuntimeError("password=1234")

    with caplog.at_level(logging.WARNING):
        async with Client(app) as client:
            response = await client.get("/")

    assert response.status == 500
    assert "1234" not in response.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert response.headers["x-request-id"] in caplog.text


@pytest.mark.parametrize("value", [object(), {"a": {1, object()}}, float("nan")], ids=["object", "nested", "nan"])
async def test_h12_what_cannot_be_written_is_a_500_and_no_empty_success(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """H12: it was 200 with an empty body."""
    app = App()

    @app.get("/")
    async def handler() -> Any:
        return value

    with caplog.at_level(logging.ERROR):
        async with Client(app) as client:
            response = await client.get("/")

    assert (response.status, response.headers["content-type"]) == (500, "application/problem+json")
    assert response.json()["request_id"] in caplog.text


async def test_debug_tells_the_traceback_to_this_machine() -> None:
    app = App(debug=True)

    @app.get("/")
    async def handler() -> None:
        raise RuntimeError("the reason")

    async with Client(app) as client:
        assert "the reason" in "".join((await client.get("/")).json()["traceback"])


async def test_handlers_of_errors_are_found_by_class_nearest_first() -> None:
    class Base(Exception): ...

    class Special(Base): ...

    app = App()
    router = Router(prefix="/r")

    @router.get("/{kind}")
    @app.get("/{kind}")
    async def handler(kind: str) -> None:
        raise {"base": Base, "special": Special, "group": lambda: ExceptionGroup("", [Special()])}[kind]()

    app.include(router)

    @app.exception_handler(Base)
    async def base(request: Request, error: Base) -> Response:
        return Text(f"app {type(error).__name__} on {request.path}", 418)

    @router.exception_handler(Special)
    def special(request: Request, error: Special) -> Response:
        return Text("router", 418)

    @app.exception_handler(404)
    async def missing(request: Request, error: HTTPError) -> Response:
        return Text("nothing here", 404)

    async with Client(app) as client:
        assert (await client.get("/special")).text == "app Special on /special"
        assert (await client.get("/group")).text == "app Special on /group"
        assert (await client.get("/r/special")).text == "router"
        assert (await client.get("/r/base")).text == "app Base on /r/base"
        assert (await client.get("/")).text == "nothing here"


async def test_an_error_handler_that_fails_is_answered_with_500() -> None:
    app = App()

    @app.get("/")
    async def handler() -> None:
        raise KeyError

    @app.exception_handler(KeyError)
    async def broken(request: Request, error: KeyError) -> Response:
        raise RuntimeError

    async with Client(app) as client:
        assert (await client.get("/")).status == 500


async def test_h7_middleware_is_an_onion_that_may_answer_itself_and_sees_errors() -> None:
    order: list[str] = []
    app = App()

    @app.middleware
    async def outer(request: Request, call_next: Any) -> Response:
        order.append("outer in")

        try:
            response: Response = await call_next(request)
        except ValueError:
            return Text("caught", 418)

        order.append("outer out")
        response.headers["x-outer"] = "1"
        return response

    async def inner(request: Request, call_next: Any) -> Response:
        if "stop" in request.query:
            return Text("stopped")

        order.append("inner")
        request.state.seen = True
        response: Response = await call_next(request)
        return response

    @app.get("/", middleware=[inner])
    async def handler(request: Request) -> Any:
        order.append("handler")

        if "fail" in request.query:
            raise ValueError

        return request.state.seen

    async with Client(app) as client:
        response = await client.get("/")
        assert (response.json(), response.headers["x-outer"]) == (True, "1")
        assert order == ["outer in", "inner", "handler", "outer out"]
        assert (await client.get("/?stop")).text == "stopped"
        assert (await client.get("/?fail")).text == "caught"
        assert (await client.get("/nowhere")).headers["x-outer"] == "1"


@pytest.mark.parametrize("middleware", [lambda request, call_next: None, 5])
def test_a_middleware_that_is_none_is_refused(middleware: Any) -> None:
    app = App(middleware=[middleware])
    app.get("/")(lambda: None)

    with pytest.raises(DefinitionError, match="a middleware is"):
        app.freeze()


async def test_background_work_begins_after_the_response_in_order_and_its_failure_is_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    order: list[str] = []
    done = asyncio.Event()

    async def broken() -> None:
        order.append("broken")
        raise RuntimeError

    async def last() -> None:
        order.append("last")
        done.set()

    app = App()

    @app.get("/")
    async def handler(tasks: BackgroundTasks) -> Response:
        tasks.add(broken)
        tasks.add(order.append, "plain")
        return Text("x", background=last)

    with caplog.at_level(logging.ERROR):
        async with Client(app) as client:
            await client.get("/")
            await done.wait()

    assert order == ["broken", "plain", "last"]
    assert "background work of GET /" in caplog.text


async def test_the_request_is_known_from_anywhere_in_its_task() -> None:
    app = App()

    @app.get("/a")
    async def handler() -> str:
        return current_request().path

    async with Client(app) as client:
        assert (await client.get("/a")).json() == "/a"


async def test_limits_of_a_route_win_over_those_of_the_application() -> None:
    app = App(limits=Limits(body=10))

    @app.post("/small")
    async def small(request: Request) -> int:
        return len(await request.body())

    @app.post("/large", limits=Limits(body=100))
    async def large(request: Request) -> int:
        return len(await request.body())

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x"

    async with Client(app) as client:
        refused = await client.post("/small", content=b"x" * 11)
        assert (refused.status, refused.headers["connection"]) == (413, "close")
        assert (await client.post("/small", content=pieces())).status == 413
        assert (await client.post("/small", content=b"x" * 10)).json() == 10
        assert (await client.post("/large", content=pieces())).json() == 20


async def test_a_route_that_takes_too_long_is_answered_with_504() -> None:
    app = App()

    @app.get("/slow", timeout=0.01)
    async def slow() -> None:
        await asyncio.Event().wait()

    @app.get("/own", timeout=5)
    async def own() -> None:
        raise TimeoutError("of the handler itself")

    async with Client(app) as client:
        assert (await client.get("/slow")).status == 504
        assert (await client.get("/own")).status == 500


async def test_requests_beyond_the_limit_of_concurrency_are_turned_away() -> None:
    app = App(limits=Limits(concurrency=1))
    entered, release = asyncio.Event(), asyncio.Event()

    @app.get("/")
    async def handler() -> str:
        entered.set()
        await release.wait()
        return "done"

    async with Client(app) as client:
        first = asyncio.create_task(client.get("/"))
        await entered.wait()
        turned_away = await client.get("/")
        release.set()

        assert (turned_away.status, turned_away.headers["retry-after"]) == (503, "1")
        assert (await first).json() == "done"


async def test_what_a_handler_awaits_may_be_cancelled_without_the_request() -> None:
    app = App()

    @app.get("/")
    async def handler() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    async with Client(app) as client:
        assert (await client.get("/")).status == 500


async def test_server_sent_events_are_written_as_browsers_read_them() -> None:
    app = App()

    @app.get("/")
    async def handler() -> EventStream:
        async def events() -> AsyncIterator[Any]:
            yield "plain"
            yield {"a": 1}
            yield ServerSentEvent("two\nlines", event="e", id="7")

        return EventStream(events())

    async with Client(app) as client:
        response = await client.get("/")

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert response.text.split("\n\n")[:2] == ["data: plain", 'data: {"a":1}']
    assert "data: two\ndata: lines" in response.text


async def test_an_event_stream_pings_while_nothing_happens_and_closes_its_source() -> None:
    app = App()
    closed = asyncio.Event()

    @app.get("/")
    async def handler() -> EventStream:
        async def events() -> AsyncIterator[Any]:
            try:
                await asyncio.sleep(0.05)
                yield "end"
            finally:
                closed.set()

        return EventStream(events(), ping=0.01)

    async with Client(app) as client:
        text = (await client.get("/")).text

    assert text.startswith(": ping\n\n")
    assert text.endswith("data: end\n\n")
    assert closed.is_set()


async def test_plain_iterators_stream_from_a_thread() -> None:
    app = App()

    @app.get("/")
    async def handler() -> Stream:
        return Stream((f"{number}," for number in range(1000)), media_type="text/plain")

    async with Client(app) as client:
        assert (await client.get("/")).text == "".join(f"{number}," for number in range(1000))


async def test_head_is_get_without_a_body_and_never_asks_a_stream() -> None:
    asked: list[int] = []
    app = App()

    @app.get("/whole")
    async def whole() -> Any:
        return {"a": 1}

    @app.get("/stream")
    async def stream() -> Stream:
        return Stream(asked.append(1) or b"x" for _ in range(3))

    async with Client(app) as client:
        head = await client.request("HEAD", "/whole")
        assert (head.status, head.headers["content-length"], head.body) == (200, "7", b"")
        assert (await client.request("HEAD", "/stream")).status == 200

    assert asked == []


async def test_urls_are_made_from_names() -> None:
    app = App()

    async def one(number: int, rest: str) -> None: ...

    app.get("/a/{number:int}/{rest:path}", name="one")(one)

    assert app.url("one", number=5, rest="b c/d") == "/a/5/b%20c/d"

    with pytest.raises(LookupError, match="did you mean 'one'"):
        app.url("onee")

    with pytest.raises(LookupError, match="rest"):
        app.url("one", number=5)


async def test_a_mounted_application_has_its_own_middleware_errors_state_and_lifespan() -> None:
    order: list[str] = []
    outer, inner = App(title="outer"), App(title="inner")

    @inner.lifespan
    async def inner_life(app: App) -> AsyncIterator[None]:
        order.append("inner up")
        app.state.value = 7
        yield
        order.append("inner down")

    @outer.lifespan
    async def outer_life() -> AsyncIterator[None]:
        order.append("outer up")
        yield
        order.append("outer down")

    @inner.middleware
    async def mark(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-inner"] = "1"
        return response

    @inner.get("/x")
    async def x(request: Request) -> Any:
        return [request.app.title, request.path, request.app.state.value, request.base_path]

    @outer.get("/sub/own")
    async def own() -> str:
        return "outer"

    outer.mount("/sub", inner)

    async with Client(outer) as client:
        response = await client.get("/sub/x")
        assert response.json() == ["inner", "/x", 7, "/sub"]
        assert response.headers["x-inner"] == "1"
        assert len(response.headers.all("x-request-id")) == 1
        assert (await client.get("/sub/own")).json() == "outer"
        assert (await client.get("/sub/none")).headers["x-inner"] == "1"
        assert "x-inner" not in (await client.get("/subway")).headers

    assert order == ["outer up", "inner up", "inner down", "outer down"]


async def test_a_failing_lifespan_stops_the_start_and_leaves_those_before_it() -> None:
    order: list[str] = []
    app = App()

    @app.lifespan
    async def first(app: App) -> AsyncIterator[None]:
        yield
        order.append("first left")

    @app.lifespan
    async def second(app: App) -> AsyncIterator[None]:
        raise OSError("no disk")
        yield

    with pytest.raises(StartupFailed, match="no disk") as caught:
        await app.freeze().startup()

    assert isinstance(caught.value.__cause__, OSError)
    assert order == ["first left"]


def test_a_frozen_application_takes_nothing_more() -> None:
    app = App()
    app.freeze()

    with pytest.raises(RuntimeError, match="frozen"):
        app.get("/")(lambda: None)


async def test_two_applications_do_not_see_each_other() -> None:
    one, two = App(title="one"), App(title="two")
    one.get("/x")(lambda: "one")
    two.get("/x")(lambda: "two")
    one.state.a = 1

    async with Client(one) as first, Client(two) as second:
        assert (await first.get("/x")).json() == "one"
        assert (await second.get("/x")).json() == "two"

    assert "a" not in two.state


async def test_a_slash_too_many_is_redirected_where_asked_and_never_to_another_host() -> None:
    app = App(trailing_slash="redirect")
    app.get("/only")(lambda: 1)

    async with Client(app, follow_redirects=False) as client:
        found = await client.get("/only/?a=b")
        assert (found.status, found.headers["location"]) == (308, "/only?a=b")
        assert (await client.get("//only/")).status == 404


async def test_websockets_carry_messages_and_end_with_a_code() -> None:
    app = App()

    @app.websocket("/echo")
    async def echo(ws: WebSocket) -> None:
        await ws.accept(subprotocol="b" if "b" in ws.subprotocols else None)

        async for message in ws:
            await ws.send(message)

    @app.websocket("/close")
    async def close(ws: WebSocket) -> None:
        await ws.accept()
        await ws.close(4001, "bye")

        with pytest.raises(WebSocketClosed):
            await ws.send("late")

    @app.websocket("/fail")
    async def fail(ws: WebSocket) -> None:
        await ws.accept()
        raise RuntimeError

    @app.websocket("/text")
    async def text(ws: WebSocket) -> None:
        await ws.accept()
        await ws.receive_text()

    @app.websocket("/refuse")
    async def refuse(ws: WebSocket, number: int) -> None: ...

    async with Client(app) as client:
        async with client.websocket("/echo", subprotocols=["a", "b"]) as session:
            assert session.subprotocol == "b"
            await session.send_text("é")
            assert await session.receive_text() == "é"
            await session.send_bytes(b"")
            assert await session.receive_bytes() == b""

        for path, code in (("/close", 4001), ("/fail", 1011)):
            async with client.websocket(path) as session:
                with pytest.raises(WebSocketClosed):
                    await session.receive()

                assert session.close_code == code

        async with client.websocket("/text") as session:
            await session.send_bytes(b"x")

            with pytest.raises(WebSocketClosed):
                await session.receive()

            assert session.close_code == 1003

        for path, status in (("/refuse?number=x", 422), ("/nowhere", 404)):
            with pytest.raises(HandshakeRefused) as caught:
                async with client.websocket(path):
                    pass

            assert caught.value.response.status == status


async def test_h9_a_foreign_origin_may_not_open_a_websocket() -> None:
    app = App(websocket_origins=["https://friend.example"])

    @app.websocket("/")
    async def feed(ws: WebSocket) -> None:
        await ws.accept()

    async with Client(app) as client:
        async with client.websocket("/", headers={"origin": "https://friend.example"}):
            pass

        with pytest.raises(HandshakeRefused) as caught:
            async with client.websocket("/", headers={"origin": "https://evil.example"}):
                pass

    assert caught.value.response.status == 403


async def test_a_stream_whose_head_fails_is_answered_like_any_error() -> None:
    from hagworm.facade.response import StreamedResponse

    class Broken(StreamedResponse):
        async def prepare(self, request: Request) -> None:
            raise HTTPError(410, "gone")

    app = App()

    @app.get("/")
    async def handler() -> Response:
        return Broken()

    async with Client(app) as client:
        assert (await client.get("/")).status == 410


async def test_a_cookie_is_secure_where_a_trusted_proxy_was_asked_over_https() -> None:
    from pathlib import Path

    from hagworm.extend.config import load_settings
    from hagworm.facade.settings import FrameSettings

    app = App()
    overrides = {"server.trusted_proxies": ("127.0.0.0/8",)}
    app.configure(load_settings(None, frame=FrameSettings, overrides=overrides, environ={}, directory=Path("/")))

    @app.get("/")
    async def handler(request: Request) -> Response:
        response = Text(f"{request.scheme} {request.client}")
        response.set_cookie("a", "b")
        return response

    async with Client(app) as client:
        forwarded = {"x-forwarded-proto": "https", "x-forwarded-for": "6.6.6.6, 9.9.9.9"}
        response = await client.get("/", headers=forwarded)
        assert response.text == "https 9.9.9.9"
        assert "Secure" in response.headers["set-cookie"]
        assert "Secure" not in (await client.get("/")).headers["set-cookie"]


async def test_what_a_mounted_application_does_not_answer_is_not_found() -> None:
    outer, inner = App(), App()
    outer.mount("/sub", inner)

    @outer.get("/")
    async def handler() -> None: ...

    async with Client(outer) as client:
        assert (await client.get("/sub/none")).status == 404


async def test_draining_waits_for_requests_sockets_and_background_work_also_for_late_ones() -> None:
    app = App()
    release, entered, order = asyncio.Event(), asyncio.Event(), []

    async def later() -> None:
        order.append("background")

    @app.get("/")
    async def handler(tasks: BackgroundTasks) -> None:
        tasks.add(later)
        entered.set()
        await release.wait()

    async with Client(app) as client:
        runtime = app.freeze()
        first = asyncio.create_task(client.get("/"))
        await entered.wait()
        runtime.start_draining()
        assert await runtime.drained(0.01) is False
        entered.clear()
        second = asyncio.create_task(client.get("/"))
        await entered.wait()
        release.set()
        assert await runtime.drained(5) is True
        assert order == ["background", "background"]
        assert (await first).headers["connection"] == "close"
        await second
        assert (await client.get("/-/ready")).status == 503
