"""A real FastAPI application behind the facade, on real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

import fastapi
import pytest
from starlette.requests import ClientDisconnect

from hagworm import App, HTTPError
from hagworm.extend.error import StartupFailed
from hagworm.facade.engine import load_engine
from hagworm.facade.limits import Limits
from hagworm.facade.serving import Server
from hagworm.facade.settings import FrameSettings, ServerSettings
from hagworm.frame.fastapi import ENGINE
from hagworm.testing import Connection, RawWebSocket
from hagworm.testing.frames import CLOSE, TEXT

PARSERS = ["httptools", "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol", "h11"]


@pytest.fixture(params=PARSERS, ids=["direct", "httptools", "h11"])
def http(request: pytest.FixtureRequest) -> str:
    """Every way from uvicorn to the facade."""
    name: str = request.param
    return name


def make(**options: Any) -> App:
    app = App(title="Orders", version="2.0", description="of a shop", **options)
    app.configure(FrameSettings(server=ServerSettings(engine="fastapi", access_log=False)))

    @app.get("/facade")
    async def facade() -> dict[str, str]:
        return {"by": "facade"}

    return app


@asynccontextmanager
async def serving(app: App, http: str = "auto") -> AsyncIterator[Server]:
    async with Server(app, engine="fastapi", port=0, http=http) as server:
        yield server


async def ask(server: Server, data: bytes, method: str = "GET") -> Any:
    async with await Connection.open("127.0.0.1", server.port) as connection:
        await connection.send(data)
        return await connection.read_response(method)


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


def post(path: str, body: bytes, *lines: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def test_is_found_by_name() -> None:
    assert load_engine("fastapi") is ENGINE
    assert ENGINE.declare("uvicorn-h11") == load_engine("asgi").declare("uvicorn-h11")  # type: ignore[call-arg]


def test_the_native_application_is_made_once_and_knows_who_it_is() -> None:
    app = make()
    native = app.native("fastapi")
    assert isinstance(native, fastapi.FastAPI)
    assert ENGINE.native(app) is native is app.native("fastapi")
    assert (native.title, native.version, native.description) == ("Orders", "2.0", "of a shop")
    assert [route.path for route in native.routes] == []  # no documents and no pages of its own


def test_two_applications_do_not_share_one() -> None:
    assert make().native("fastapi") is not make().native("fastapi")


async def test_nothing_stands_behind_before_somebody_asks(http: str) -> None:
    app = make()

    async with serving(app, http) as server:
        assert (await ask(server, get("/native"))).status == 404
        assert app.natives == {}


async def test_facade_and_native_answer_beside_each_other(http: str) -> None:
    app = make()
    native = app.native("fastapi")
    router = fastapi.APIRouter(prefix="/native")

    def double(number: int) -> int:
        return number * 2

    @router.get("/{number}")
    async def read(number: int, doubled: Annotated[int, fastapi.Depends(double)]) -> dict[str, int]:
        return {"number": number, "doubled": doubled}

    @router.post("/echo")
    async def echo(request: fastapi.Request) -> fastapi.Response:
        return fastapi.Response(await request.body(), media_type="text/plain")

    @native.get("/facade")
    async def hidden() -> str:
        return "hidden"

    native.include_router(router)

    async with serving(app, http) as server:
        assert json.loads((await ask(server, get("/facade"))).body) == {"by": "facade"}
        response = await ask(server, get("/native/21"))
        assert (response.status, json.loads(response.body)) == (200, {"number": 21, "doubled": 42})
        assert len(response.headers.all("x-request-id")) == len(response.headers.all("date")) == 1
        assert (await ask(server, get("/native/x"))).status == 422
        assert (await ask(server, get("/nowhere"))).status == 404
        assert (await ask(server, post("/native/echo", b"x" * 200_000))).body == b"x" * 200_000


async def test_an_application_may_be_assigned(http: str) -> None:
    app = make()
    app.natives["fastapi"] = existing = fastapi.FastAPI()

    @existing.get("/old")
    def old(request: fastapi.Request) -> dict[str, str]:
        return {"root": request.scope["root_path"], "path": request.url.path}

    async with serving(app, http) as server:
        assert json.loads((await ask(server, get("/old?x=1"))).body) == {"root": "", "path": "/old"}
        assert (await ask(server, get("/docs"))).headers["content-type"].startswith("text/html")


async def test_its_middleware_and_exception_handlers_work(http: str) -> None:
    app = make()
    native = app.native("fastapi")

    class Refused(Exception):
        pass

    @native.middleware("http")
    async def mark(request: fastapi.Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-native"] = "1"
        return response

    @native.exception_handler(Refused)
    async def refused(request: fastapi.Request, error: Refused) -> fastapi.Response:
        return fastapi.Response("refused", 418)

    @native.get("/refuse")
    async def refuse() -> None:
        raise Refused

    async with serving(app, http) as server:
        response = await ask(server, get("/refuse"))
        assert (response.status, response.body, response.headers["x-native"]) == (418, b"refused", "1")
        assert "x-native" not in (await ask(server, get("/facade"))).headers


async def test_an_error_is_500_and_one_record(http: str, caplog: pytest.LogCaptureFixture) -> None:
    app = make()

    @app.native("fastapi").get("/fail")
    async def fail() -> None:
        raise ValueError("broken")

    async with serving(app, http) as server, await Connection.open("127.0.0.1", server.port) as connection:
        for _ in range(2):
            await connection.send(get("/fail"))
            assert (await connection.read_response()).status == 500

    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR", "ERROR"]


async def test_a_stream_is_sent_as_it_is_made_and_stops_with_its_client(http: str) -> None:
    app = make()
    stopped = asyncio.Event()

    @app.native("fastapi").get("/stream")
    async def stream() -> fastapi.responses.StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 1000
                    await asyncio.sleep(0)
            finally:
                stopped.set()

        return fastapi.responses.StreamingResponse(pieces())

    async with serving(app, http) as server, await Connection.open("127.0.0.1", server.port) as connection:
        await connection.send(get("/stream"))
        head = await connection.read_head()
        assert await connection.read_piece(connection.body(head))
        connection.reset()

        async with asyncio.timeout(5):
            await stopped.wait()


async def test_a_client_that_leaves_during_the_body_is_told_to_it(http: str, caplog: pytest.LogCaptureFixture) -> None:
    app = make()
    seen: list[Any] = []
    reached = asyncio.Event()

    @app.native("fastapi").post("/slow")
    async def slow(request: fastapi.Request) -> None:
        reached.set()

        try:
            await request.body()
        except ClientDisconnect as exc:
            seen.append(exc)
            raise

    async with serving(app, http) as server:
        async with await Connection.open("127.0.0.1", server.port) as connection:
            await connection.send(post("/slow", b"half").replace(b"Length: 4", b"Length: 10"))
            await reached.wait()

        async with asyncio.timeout(5):
            while not seen:
                await asyncio.sleep(0.001)

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("framing", ["announced", "chunked"])
async def test_a_body_larger_than_the_limit_is_the_facades_413(http: str, framing: str) -> None:
    app = make(limits=Limits(body=1000))

    @app.native("fastapi").post("/echo")
    async def echo(request: fastapi.Request) -> int:
        return len(await request.body())

    data = post("/echo", b"x" * 1001)

    if framing == "chunked":
        head = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        data = head + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"

    async with serving(app, http) as server:
        response = await ask(server, data)
        assert (response.status, response.headers["content-type"]) == (413, "application/problem+json")
        assert (await ask(server, post("/echo", b"x" * 1000))).body == b"1000"


async def test_its_lifespan_runs_inside_ours(http: str) -> None:
    log: list[str] = []

    @asynccontextmanager
    async def native_lifespan(native: fastapi.FastAPI) -> AsyncIterator[dict[str, str]]:
        log.append("native begins")
        yield {"made": "here"}
        log.append("native ends")

    app = make()
    app.natives["fastapi"] = native = fastapi.FastAPI(lifespan=native_lifespan)

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        log.append("facade begins")
        yield
        log.append("facade ends")

    @native.get("/state")
    async def state(request: fastapi.Request) -> str:
        return str(request.state.made)

    async with serving(app, http) as server:
        assert json.loads((await ask(server, get("/state"))).body) == "here"

    assert log == ["facade begins", "native begins", "native ends", "facade ends"]


async def test_a_lifespan_of_its_own_that_fails_fails_the_start() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def native_lifespan(native: fastapi.FastAPI) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    app = make()
    app.natives["fastapi"] = fastapi.FastAPI(lifespan=native_lifespan)

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        yield
        log.append("closed")

    with pytest.raises(StartupFailed, match="no database"):
        async with serving(app):
            raise AssertionError("started")

    assert log == ["closed"]


async def test_its_websockets_work_beside_ours(http: str) -> None:
    app = make()

    @app.websocket("/ours")
    async def ours(socket: Any) -> None:
        raise HTTPError(404)

    @app.native("fastapi").websocket("/native/{name}")
    async def native(socket: fastapi.WebSocket, name: str) -> None:
        await socket.accept(headers=[(b"x-native", b"1")])
        await socket.send_text(f"hello {name}")
        await socket.send_text(await socket.receive_text())
        await socket.close(4000)

    async with serving(app, http) as server:
        connection = await Connection.open("127.0.0.1", server.port)
        socket = await RawWebSocket.open(connection, b"/native/you", [(b"host", b"a")])
        names = [name for name, _ in socket.headers]
        assert (names.count(b"x-native"), names.count(b"x-request-id")) == (1, 1)
        assert (await socket.receive_frame()).payload == b"hello you"
        await socket.send_frame(TEXT, b"echo")
        assert (await socket.receive_frame()).payload == b"echo"
        assert (await socket.receive_frame()).opcode == CLOSE
        connection.close()


async def test_an_endpoint_that_asks_whether_the_client_is_there_is_told(http: str) -> None:
    app = make()

    @app.native("fastapi").get("/there")
    async def there(request: fastapi.Request) -> bool:
        return not await request.is_disconnected()

    async with serving(app, http) as server, await Connection.open("127.0.0.1", server.port) as connection:
        for _ in range(2):
            await connection.send(get("/there"))
            assert (await connection.read_response()).body == b"true"


async def test_a_draining_service_closes_the_connections_of_native_requests(http: str) -> None:
    app = make()
    reached, go_on = asyncio.Event(), asyncio.Event()

    @app.native("fastapi").get("/slow")
    async def slow() -> str:
        reached.set()
        await go_on.wait()
        return "done"

    async with serving(app, http) as server:
        connection = await Connection.open("127.0.0.1", server.port)
        await connection.send(get("/slow"))
        await reached.wait()
        stopping = asyncio.ensure_future(server.stop())

        while not app.freeze().draining:
            await asyncio.sleep(0)

        go_on.set()
        response = await connection.read_response()
        assert (response.body, response.headers["connection"]) == (b'"done"', "close")
        assert await stopping
        connection.close()


def test_its_openapi_document_is_told_without_a_path_of_its_own() -> None:
    app = make()
    assert ENGINE.native_openapi(app) is None
    native = app.native("fastapi")
    assert ENGINE.native_openapi(app) is None

    @native.get("/native/{number}")
    async def read(number: int) -> int:
        return number

    document = ENGINE.native_openapi(app)
    assert document is not None
    assert list(document["paths"]) == ["/native/{number}"]
    assert "HTTPValidationError" in document["components"]["schemas"]


def test_what_cannot_describe_itself_is_not_described() -> None:
    app = make()
    app.natives["fastapi"] = lambda scope, receive, send: None
    assert ENGINE.native_openapi(app) is None


async def test_the_application_is_an_asgi_application_for_any_server() -> None:
    """Without a lifespan and without a listener of ours, native application included."""
    app = make()

    @app.native("fastapi").get("/native")
    async def native() -> str:
        return "native"

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/native",
        "query_string": b"",
        "headers": [(b"host", b"a")],
    }
    await app(scope, receive, send)
    await app.freeze().shutdown()
    assert (sent[0]["status"], sent[1]["body"]) == (200, b'"native"')


def test_the_sections_of_the_settings_stay_as_they_are() -> None:
    settings = FrameSettings()
    assert replace(settings) == settings
