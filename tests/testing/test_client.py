"""The test client does the same on every engine, in memory and over a loopback socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest

from hagworm import (
    App,
    BackgroundTasks,
    Header,
    Request,
    Response,
    Stream,
    Text,
    UploadFile,
    WebSocket,
    WebSocketClosed,
)
from hagworm.extend.error import StartupFailed
from hagworm.testing import Client, HandshakeRefused, canonical, canonical_answer

ENGINES = ["memory", "asgi", "fastapi", "tornado"]
everywhere = pytest.mark.parametrize("engine", ENGINES)


def make_app() -> App:
    app = App(title="Client")
    app.state.log = []

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        app.state.log.append("started")
        app.state.left = asyncio.Event()
        yield
        app.state.log.append("stopped")

    @app.get("/echo/{x}")
    async def echo(request: Request, x: str, x_a: Annotated[str, Header()] = "none") -> dict[str, Any]:
        return {"x": x, "query": request.query.multi_items(), "x-a": x_a, "cookies": dict(request.cookies)}

    @app.post("/body")
    async def body(request: Request) -> dict[str, Any]:
        data = await request.body()
        return {"type": request.headers.get("content-type"), "size": len(data), "start": data[:20].decode()}

    @app.post("/form")
    async def form(request: Request) -> list[Any]:
        fields = (await request.form()).multi_items()
        return [[name, value.filename if isinstance(value, UploadFile) else value] for name, value in fields]

    @app.get("/login")
    async def login() -> Response:
        response = Text("in")
        response.set_cookie("session", "abc", path="/echo")
        response.set_cookie("other", "1", path="/elsewhere")
        return response

    @app.get("/logout")
    async def logout() -> Response:
        response = Text("out")
        response.delete_cookie("session", path="/echo")
        return response

    @app.get("/stream")
    async def stream() -> Stream:
        return Stream(endless(app))

    @app.get("/cut")
    async def cut() -> Stream:
        return Stream(broken())

    @app.get("/fail")
    async def fail() -> None:
        raise LookupError("nothing like that")

    @app.get("/later")
    async def later(tasks: BackgroundTasks) -> None:
        tasks.add(note, app)

    @app.websocket("/ws")
    async def talk(ws: WebSocket) -> None:
        await ws.accept(subprotocol=ws.subprotocols[0] if ws.subprotocols else None, headers={"x-b": "c"})

        try:
            while True:
                await ws.send(await ws.recv())
        except WebSocketClosed as closed:
            app.state.log.append((closed.code, closed.reason))
            app.state.left.set()

    @app.websocket("/goodbye")
    async def goodbye(ws: WebSocket) -> None:
        await ws.accept()
        await ws.send_json({"last": ["words"]})
        await ws.close(4001, "bye")

    @app.websocket("/closed")
    async def closed(ws: WebSocket) -> None:
        await ws.reject(401, body="no")

    return app


async def endless(app: App) -> AsyncIterator[bytes]:
    try:
        while True:
            yield b"line one\nline two\n"
    finally:
        app.state.left.set()


async def broken() -> AsyncIterator[bytes]:
    yield b"half"
    raise RuntimeError("cut on purpose")


async def note(app: App) -> None:
    await asyncio.sleep(0)
    app.state.log.append("background")


@everywhere
async def test_it_starts_and_stops_the_application(engine: str) -> None:
    app = make_app()

    async with Client(app, engine=engine) as client:
        assert app.state.log == ["started"]
        assert (await client.get("/later")).status == 204

    assert app.state.log == ["started", "background", "stopped"]


@everywhere
async def test_a_start_that_fails_is_raised(engine: str) -> None:
    app = App()

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    with pytest.raises(StartupFailed, match="no database"):
        async with Client(app, engine=engine):
            pass


@everywhere
async def test_a_request_carries_what_it_is_given(engine: str) -> None:
    async with Client(make_app(), engine=engine, headers={"X-A": "always"}, cookies={"a": "1"}) as client:
        response = await client.get("/echo/a%2Fb", params={"q": [1, "ü"]}, cookies={"b": "2"})
        assert response.json() == {
            "x": "a/b",
            "query": [["q", "1"], ["q", "ü"]],
            "x-a": "always",
            "cookies": {"a": "1", "b": "2"},
        }
        assert (await client.get("/echo/x", headers={"X-A": "once"})).json()["x-a"] == "once"
        assert (response.ok, response.status_code, response.content) == (True, 200, response.body)
        assert response.headers["Content-Type"] == "application/json"


@everywhere
async def test_every_kind_of_body_is_sent(engine: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b""
        yield b"two"

    async with Client(make_app(), engine=engine) as client:
        sent = [
            await client.post("/body", json={"a": "ü"}),
            await client.post("/body", content=pieces()),
            await client.post("/body", content="x" * 300_000),
            await client.post("/body"),
        ]
        assert [response.json() for response in sent] == [
            {"type": "application/json", "size": 10, "start": '{"a":"ü"}'},
            {"type": None, "size": 7, "start": "one two"},
            {"type": None, "size": 300_000, "start": "x" * 20},
            {"type": None, "size": 0, "start": ""},
        ]
        form = await client.post("/form", data={"a": "1"}, files={"f": ("ü.txt", b"data")})
        assert form.json() == [["a", "1"], ["f", "ü.txt"]]
        assert (await client.post("/form", data=[("a", "1"), ("a", 2)])).json() == [["a", "1"], ["a", "2"]]


@everywhere
async def test_every_method_has_a_verb(engine: str) -> None:
    app = App()

    @app.route("/x", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def method(request: Request) -> str:
        return request.method

    async with Client(app, engine=engine) as client:
        calls = (client.get, client.post, client.put, client.patch, client.delete)
        assert [(await call("/x")).json() for call in calls] == ["GET", "POST", "PUT", "PATCH", "DELETE"]
        head = await client.head("/x")
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "6")
        assert (await client.options("/x")).headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


@everywhere
async def test_cookies_are_kept_and_forgotten_as_the_service_says(engine: str) -> None:
    async with Client(make_app(), engine=engine) as client:
        await client.get("/login")
        assert (await client.get("/echo/x")).json()["cookies"] == {"session": "abc"}
        assert dict(client.cookies) == {"session": "abc", "other": "1"}
        await client.get("/logout")
        assert (await client.get("/echo/x")).json()["cookies"] == {}


@everywhere
async def test_leaving_a_stream_early_is_a_disconnect(engine: str) -> None:
    app = make_app()

    async with Client(app, engine=engine) as client:
        async with client.stream("GET", "/stream") as response:
            lines = response.lines()
            assert [await anext(lines), await anext(lines)] == ["line one", "line two"]
            await lines.aclose()

        async with asyncio.timeout(5):
            await app.state.left.wait()

        assert (await client.get("/echo/x")).status == 200


@everywhere
async def test_a_response_that_is_cut_is_an_error(engine: str) -> None:
    async with Client(make_app(), engine=engine) as client:
        with pytest.raises(ConnectionError):
            await client.get("/cut")


@everywhere
async def test_an_unhandled_error_is_a_500_or_raised(engine: str) -> None:
    async with Client(make_app(), engine=engine) as client:
        assert (await client.get("/fail")).status == 500

    async with Client(make_app(), engine=engine, raise_errors=True) as client:
        with pytest.raises(LookupError, match="nothing like that"):
            await client.get("/fail")

        assert (await client.get("/missing")).status == 404


@everywhere
async def test_a_websocket_is_a_conversation(engine: str) -> None:
    app = make_app()

    async with Client(app, engine=engine) as client:
        async with client.websocket("/ws", subprotocols=["a", "b"]) as ws:
            assert (ws.subprotocol, ws.headers["x-b"]) == ("a", "c")
            await ws.send_text("ü")
            await ws.send_bytes(b"\x00")
            await ws.send_json([1])
            assert [await ws.receive_text(), await ws.receive_bytes(), await ws.receive_json()] == ["ü", b"\x00", [1]]
            await ws.send("kind")

            with pytest.raises(TypeError, match="binary"):
                await ws.receive_bytes()

            assert ws.close_code is None

        async with asyncio.timeout(5):
            await app.state.left.wait()

        assert ws.close_code == 1000
        assert app.state.log[1] == (1000, "")


@everywhere
async def test_the_service_may_close_a_websocket(engine: str) -> None:
    async with Client(make_app(), engine=engine) as client, client.websocket("/goodbye") as ws:
        assert [message async for message in ws] == ['{"last":["words"]}']
        assert (ws.close_code, ws.close_reason) == (4001, "bye")

        with pytest.raises(WebSocketClosed, match="4001"):
            await ws.receive()


@everywhere
async def test_a_websocket_may_vanish(engine: str) -> None:
    app = make_app()

    async with Client(app, engine=engine) as client, client.websocket("/ws") as ws:
        ws.drop()

        async with asyncio.timeout(5):
            await app.state.left.wait()

        assert (ws.close_code, app.state.log[1]) == (1006, (1006, ""))


@everywhere
async def test_a_handshake_may_be_refused(engine: str) -> None:
    async with Client(make_app(), engine=engine) as client:
        with pytest.raises(HandshakeRefused) as caught:
            async with client.websocket("/closed"):
                pass

        assert (caught.value.response.status, caught.value.response.text) == (401, "no")


@everywhere
async def test_raw_bytes_are_answered_with_raw_bytes(engine: str) -> None:
    async with Client(make_app(), engine=engine) as client:
        good = b"GET /echo/x HTTP/1.1\r\nHost: a\r\n\r\n"
        answer = await client.raw(good)
        assert (answer.status, answer.connection) == (200, "kept")
        assert answer.data.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.data.endswith(answer.response.body)

        assert (await client.raw(b"NONSENSE\r\n\r\n", methods=["GET"])).connection == "closed"
        cut = await client.raw(b"GET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (cut.connection, cut.responses) == ("aborted", ())

        two = await client.raw(good * 2, methods=["GET", "GET"])
        assert len(two.responses) == 2


async def test_all_engines_answer_in_one_canonical_form() -> None:
    answers, whole = set(), set()

    for engine in ENGINES:
        async with Client(make_app(), engine=engine) as client:
            answers.add(canonical(await client.get("/missing")))
            whole.add(canonical_answer(await client.raw(b"GET /login HTTP/1.1\r\nHost: a\r\n\r\n")))

    assert len(answers) == len(whole) == 1
    assert b"x-request-id: <id>" in answers.pop()
    assert whole.pop().endswith(b"\n\nin\n\nkept")


async def test_requests_may_be_made_at_the_same_time() -> None:
    async with Client(make_app(), engine="tornado") as client:
        responses = await asyncio.gather(*(client.get(f"/echo/{n}") for n in range(20)))
        assert [response.json()["x"] for response in responses] == [str(n) for n in range(20)]
