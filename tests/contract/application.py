"""The one application of the contract suite: whatever a row asks for, without a word about an engine."""

import asyncio
import contextvars
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from hagworm import (
    HTML,
    JSON,
    App,
    BackgroundTasks,
    Body,
    ClientDisconnected,
    Cookie,
    Depends,
    EventStream,
    Form,
    Handler,
    Header,
    HTTPError,
    Limits,
    Query,
    Redirect,
    Request,
    Response,
    Router,
    ServerSentEvent,
    Stream,
    Text,
    UploadFile,
    WebSocket,
    WebSocketClosed,
)
from hagworm.facade.failure import Unauthorized
from hagworm.facade.middleware.cors import CORS

app = App(
    title="Contract",
    version="1.0",
    limits=Limits(body=200_000, body_idle=10.0, query_params=50, form_fields=20, field_bytes=2000, ws_message=5000),
    websocket_origins=["https://friend.example"],
)

visits: contextvars.ContextVar[int] = contextvars.ContextVar("visits", default=0)


# What happened on the server's side, for a client that asks on another connection ----------------------------------


class Journal:
    """Notes by key; reading waits until a note is there."""

    def open(self) -> None:
        """Begin anew, in the running loop."""
        self.notes: dict[str, list[str]] = {}
        self.changed = asyncio.Condition()

    async def write(self, key: str, note: str) -> None:
        self.notes.setdefault(key, []).append(note)

        async with self.changed:
            self.changed.notify_all()

    async def read(self, key: str, count: int) -> list[str]:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.notes.get(key, ())) >= count)

        return self.notes[key]


journal = Journal()


@app.get("/journal/{key}", timeout=5)
async def read_journal(key: str, count: int = 1) -> list[str]:
    return await journal.read(key, count)


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    journal.open()
    yield
    sys.stderr.write(os.environ.get("CONTRACT_FAREWELL", ""))


# Path and routing --------------------------------------------------------------------------------------------------


@app.get("/echo/{x}", name="echo")
async def echo(x: str) -> dict[str, str]:
    return {"x": x}


@app.get("/int/{n:int}")
async def whole(n: int) -> dict[str, int]:
    return {"n": n}


@app.get("/annotated/{n}")
async def annotated(n: int) -> dict[str, int]:
    return {"n": n}


@app.get("/files/{rest:path}")
async def rest_of_path(rest: str) -> dict[str, str]:
    return {"rest": rest}


@app.get("/only")
async def only() -> dict[str, str]:
    return {"path": "/only"}


@app.get("/users/{id}")
async def user(id: str) -> dict[str, str]:
    return {"user": id}


@app.get("/users/me")
async def me() -> dict[str, str]:
    return {"user": "it is me"}


@app.get("/methods")
async def get_method() -> dict[str, str]:
    return {"method": "GET"}


@app.post("/methods")
async def post_method() -> dict[str, str]:
    return {"method": "POST"}


@app.delete("/methods", status=204)
async def delete_method() -> None:
    return None


@app.get("/url")
async def url(request: Request) -> dict[str, str]:
    return {"url": app.url("echo", x="a/b ü")}


@app.get("/where")
async def where(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "raw": request.raw_path.decode("latin-1"),
        "host": request.host,
        "scheme": request.scheme,
        "client": request.client,
    }


@app.get("/host/{name}")
async def host(request: Request, name: str) -> dict[str, str]:
    if request.host != name:
        raise HTTPError(421, f"the host is {request.host}")

    return {"host": name}


class Things(Handler):
    """The class style."""

    async def get(self, n: int) -> dict[str, int]:
        return {"thing": n}

    async def put(self, n: int, value: Annotated[int, Body(embed=True)]) -> dict[str, int]:
        return {"thing": n, "value": value}


app.add("/things/{n:int}", Things)

slashes = App(title="Slashes", trailing_slash="redirect", limits=app.limits)


@slashes.get("/only")
async def only_with_redirect() -> dict[str, str]:
    return {"path": "/only"}


@slashes.get("/echo/{x}")
async def echo_with_redirect(x: str) -> dict[str, str]:
    return {"x": x}


@slashes.post("/only")
async def post_only_with_redirect(request: Request) -> dict[str, str]:
    return {"body": await request.text()}


app.mount("/slashes", slashes)
app.static("/static", str(Path(__file__).parent / "public"))

pages = App(
    title="Pages of others",
    limits=app.limits,
    middleware=[CORS(["https://friend.example"], methods=["GET", "PUT"], headers=["X-Token"], expose=["X-Extra"])],
)


@pages.get("/open")
async def open_to_friends() -> dict[str, str]:
    return {"open": "to friends"}


@pages.get("/fail")
async def fail_before_friends() -> None:
    raise RuntimeError("also when it fails")


app.mount("/pages", pages)


# Query, headers, cookies -------------------------------------------------------------------------------------------


@app.get("/query")
async def query(request: Request) -> list[tuple[str, str]]:
    return request.query.multi_items()


@app.get("/typed")
async def typed(
    n: int,
    names: Annotated[list[str], Query(alias="name")] = [],  # noqa: B006  # a default that is never changed
    flag: bool = False,
    limit: int | None = None,
) -> dict[str, Any]:
    return {"n": n, "names": names, "flag": flag, "limit": limit}


class Page(BaseModel, extra="forbid"):
    offset: int = 0
    limit: int = 10


@app.get("/page")
async def page(page: Annotated[Page, Query()]) -> Page:
    return page


@app.get("/headers")
async def headers(request: Request) -> dict[str, Any]:
    return {
        name: request.headers.all(name)
        for name in sorted(request.headers)
        if name not in ("host", "connection", "content-length", "transfer-encoding")
    }


@app.get("/header")
async def header(x_a: Annotated[str, Header()], number: Annotated[int, Header(alias="X-Number")] = 7) -> dict[str, Any]:
    return {"x-a": x_a, "number": number}


@app.get("/cookies")
async def cookies(request: Request) -> dict[str, Any]:
    return {name: request.cookies.all(name) for name in request.cookies}


@app.get("/cookie")
async def cookie(a: Annotated[str, Cookie()], n: Annotated[int, Cookie()] = 3) -> dict[str, Any]:
    return {"a": a, "n": n}


@app.get("/set-cookie")
async def set_cookie(
    name: str = "name",
    value: str = "value",
    twice: bool = False,
    samesite: str | None = "Lax",
    secure: bool = False,
    percent: bool = False,
) -> Response:
    response = Text("set")
    encode = {"encode": "percent"} if percent else {}
    response.set_cookie("first", "1")

    if twice:
        response.set_cookie(name, "before")

    response.set_cookie(name, value, samesite=samesite, secure=secure, **encode)
    return response


@app.get("/set-cookie/full")
async def set_full_cookie() -> Response:
    response = Text("set")
    response.set_cookie(
        "name",
        "value",
        path="/a",
        domain="example.org",
        max_age=60,
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )
    return response


@app.get("/delete-cookie")
async def delete_cookie() -> Response:
    response = Text("deleted")
    response.delete_cookie("name")
    return response


@app.post("/trailers")
async def trailers(request: Request) -> dict[str, str]:
    body = await request.text()

    if "x-late" in request.headers:
        raise HTTPError(409, "a trailer has become a header")

    return {"body": body}


# Bodies ------------------------------------------------------------------------------------------------------------


class Item(BaseModel):
    name: str
    price: float
    tags: list[str] = []


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


@app.post("/item", status=201)
async def item(item: Item) -> Item:
    return item


@app.post("/point")
async def point(point: Point) -> Point:
    return point


@app.post("/two")
async def two(item: Item, note: Annotated[str, Body()], n: int = 1) -> dict[str, Any]:
    return {"item": item, "note": note, "n": n}


@app.post("/json")
async def any_json(request: Request) -> Any:
    return await request.json()


@app.post("/body")
async def body(request: Request) -> dict[str, Any]:
    data = await request.body()
    again = await request.body()
    return {"size": len(data), "start": data[:20].decode("latin-1"), "same": data is again}


@app.post("/small", limits=Limits(body=10))
async def small(request: Request) -> dict[str, int]:
    return {"size": len(await request.body())}


@app.post("/unread", limits=Limits(body=None))
async def unread() -> dict[str, str]:
    return {"body": "not read"}


@app.post("/idle", limits=Limits(body_idle=0.3))
async def idle(request: Request) -> dict[str, int]:
    return {"size": len(await request.body())}


@app.post("/upstream")
async def upstream(request: Request) -> dict[str, int]:
    size = 0

    async for piece in request.stream():
        size += len(piece)

    try:
        await request.body()
    except RuntimeError:
        return {"size": size}

    return {"size": -1}


@app.post("/gone/{key}")
async def read_until_gone(request: Request, key: str) -> None:
    try:
        await request.body()
    except ClientDisconnected:
        await journal.write(key, "disconnected")
        raise
    except HTTPError as error:
        await journal.write(key, f"told as {error.status}")
        raise


@app.route("/form", methods=["GET", "POST", "DELETE"])
async def form(request: Request) -> list[Any]:
    fields: list[Any] = []

    for name, value in (await request.form()).multi_items():
        if isinstance(value, UploadFile):
            content = (await value.read()).decode("latin-1")
            fields.append([name, {"file": value.filename, "type": value.content_type, "content": content}])
        else:
            fields.append([name, value])

    return fields


@app.post("/login")
async def login(
    user: Annotated[str, Form()], age: Annotated[int, Form()] = 0, avatar: UploadFile | None = None
) -> dict[str, Any]:
    return {"user": user, "age": age, "avatar": avatar.filename if avatar else None}


@app.post("/upload")
async def upload(file: UploadFile) -> dict[str, Any]:
    return {"name": file.filename, "size": file.size, "safe": file.safe_name}


# Responses ---------------------------------------------------------------------------------------------------------


@app.get("/text")
async def text() -> Text:
    return Text("Grüße")


@app.get("/html")
async def html() -> HTML:
    return HTML("<p>hi</p>")


@app.get("/bytes")
async def raw_bytes() -> Response:
    return Response(b"\x00\x01")


@app.get("/empty")
async def empty() -> Response:
    return Response()


@app.get("/none")
async def none() -> None:
    return None


@app.get("/null")
async def null() -> Any:
    return None


@app.get("/values")
async def values() -> dict[str, Any]:
    return {"text": "Grüße <b>", "list": [1, 2.5, True, None], "point": Point(1, 2)}


@app.get("/nan")
async def nan() -> Any:
    return {"x": float("nan")}


@app.get("/status/{code:int}")
async def status(code: int) -> Response:
    return Response(b"", code, {"etag": '"1"'} if code == 304 else None)


@app.get("/body-with-204")
async def body_with_204() -> Response:
    return Response("body", 204)


@app.get("/close")
async def close() -> Response:
    return Text("closing", close=True)


@app.get("/set-header")
async def set_header(name: str, value: str) -> Response:
    return Text("set", headers={name: value})


@app.get("/template")
async def template(response: Response) -> dict[str, str]:
    response.status = 202
    response.headers["x-extra"] = "yes"
    response.set_cookie("a", "b")
    return {"set": "on the parameter"}


@app.route("/redirect", methods=["GET", "POST"])
async def redirect(to: str, status: int | None = None) -> Redirect:
    return Redirect(to, status)


async def numbers(count: int, failing: bool) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"%d\n" % number

    if failing:
        raise RuntimeError("the stream fails on purpose")


@app.get("/stream")
async def stream(count: int = 3, failing: bool = False) -> Stream:
    return Stream(numbers(count, failing), media_type="text/plain")


@app.get("/stream/sync")
async def stream_sync() -> Stream:
    return Stream(iter(["one ", "two ", "three"]), media_type="text/plain")


@app.get("/stream/length")
async def stream_length(length: int) -> Stream:
    return Stream(numbers(3, False), headers={"content-length": str(length)}, media_type="text/plain")


async def endless(key: str) -> AsyncIterator[bytes]:
    try:
        while True:
            yield b"x" * 10_000
    finally:
        await journal.write(key, "closed")


async def heavy(key: str) -> AsyncIterator[bytes]:
    for number in range(1000):
        produced[key] = number
        yield b"x" * 1_000_000


produced: dict[str, int] = {}


@app.get("/produced/{key}")
async def count_produced(key: str) -> dict[str, bool]:
    """More than all buffers between two sockets hold has not been asked for."""
    return {"held back": produced.pop(key) < 20}


@app.get("/heavy/{key}")
async def heavy_stream(key: str) -> Stream:
    return Stream(heavy(key))


@app.get("/endless/{key}")
async def endless_stream(key: str) -> Stream:
    return Stream(endless(key))


async def ticks() -> AsyncIterator[Any]:
    yield "two\nlines"
    yield {"json": [1, "ü"]}
    yield ServerSentEvent("named", event="tick", id="7", retry=3000)


@app.get("/events")
async def events() -> EventStream:
    return EventStream(ticks())


@app.get("/wait/{key}")
async def wait(request: Request, key: str) -> None:
    await journal.write(key, "waiting")
    await request.disconnected
    await journal.write(key, "disconnected")
    raise ClientDisconnected


@app.get("/cancelled/{key}", cancel_on_disconnect=True)
async def cancelled(key: str) -> None:
    await journal.write(key, "waiting")

    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await journal.write(key, "cancelled")
        raise


@app.get("/background/{key}")
async def background(key: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add(journal.write, key, "background")
    return {"response": "first"}


# Errors ------------------------------------------------------------------------------------------------------------


@app.get("/slow/{key}")
async def slow(key: str) -> dict[str, str]:
    await journal.write(key, "begun")
    await asyncio.sleep(1)
    return {"slow": "done"}


class Known(Exception):
    """An error with a handler of its own."""


class KnownChild(Known):
    """Found through its parent's handler."""


@app.exception_handler(Known)
async def known(request: Request, error: Known) -> Response:
    return JSON({"known": str(error), "path": request.path}, 418)


class Hopeless(Exception):
    """Its handler fails too."""


@app.exception_handler(Hopeless)
async def hopeless(request: Request, error: Hopeless) -> Response:
    raise RuntimeError("the handler of the error fails as well")


@app.get("/raise/{kind}")
async def raise_it(kind: str) -> None:
    match kind:
        case "http":
            raise HTTPError(403, "Nope", type="urn:example:nope", headers={"x-why": "because"}, extra={"limit": 3})
        case "plain":
            raise HTTPError(404)
        case "204":
            raise HTTPError(204)
        case "401":
            raise Unauthorized("Basic realm=x")
        case "known":
            raise KnownChild("child")
        case "hopeless":
            raise Hopeless
        case "group":
            raise ExceptionGroup("one", [ExceptionGroup("leaf", [Known("in a group")])])
        case "cancelled":
            task = asyncio.ensure_future(asyncio.Event().wait())
            task.cancel()
            await task
        case _:
            raise RuntimeError("secret detail")


@app.get("/raise-sync")
def raise_sync() -> None:
    raise Known("from a thread")


@app.get("/wrong-model")
async def wrong_model() -> Point:
    return JSON  # type: ignore[return-value]  # what the row is about


@app.get("/timeout", timeout=0.1)
async def too_slow() -> None:
    await asyncio.Event().wait()


# Middleware, dependencies, context ---------------------------------------------------------------------------------


async def shout(request: Request, call_next: Any) -> Response:
    request.state.order = ["outer"]
    visits.set(visits.get() + 100)
    response: Response = await call_next(request)
    response.headers["x-order"] = ",".join([*request.state.order, str(visits.get())])
    return response


async def refuse(request: Request, call_next: Any) -> Response:
    if request.query.get("refuse") == "response":
        return Text("refused", 409)

    if request.query.get("refuse") == "error":
        raise Known("in middleware")

    if request.query.get("refuse") == "unknown":
        raise RuntimeError("in middleware")

    request.state.order.append("inner")
    response: Response = await call_next(request)
    return response


router = Router(prefix="/onion", middleware=[shout, refuse], tags=["onion"])


@router.get("/core")
async def core(request: Request) -> dict[str, Any]:
    request.state.order.append("core")
    visits.set(visits.get() + 1)
    return {"visits": visits.get()}


app.include(router)


@app.get("/visits")
async def count_visits() -> dict[str, int]:
    visits.set(visits.get() + 1)
    return {"visits": visits.get()}


@app.get("/sync")
def sync(n: int = 1) -> dict[str, int]:
    return {"visits": visits.get(), "n": n}


async def request_scope(request: Request, key: str) -> AsyncIterator[str]:
    yield "request"
    await journal.write(key, "request scope closed")


async def call_scope(key: str) -> AsyncIterator[str]:
    yield "call"
    await journal.write(key, "call scope closed")


@app.get("/scopes/{key}")
async def scopes(
    key: str,
    tasks: BackgroundTasks,
    outer: Annotated[str, Depends(request_scope)],
    inner: Annotated[str, Depends(call_scope, scope="call")],
) -> Stream:
    tasks.add(journal.write, key, "background")

    async def body() -> AsyncIterator[bytes]:
        await journal.write(key, "first byte")
        yield f"{outer} {inner}".encode()
        await journal.write(key, "last byte")

    return Stream(body(), media_type="text/plain")


def token(x_token: Annotated[str, Header()]) -> str:
    if x_token != "good":
        raise HTTPError(403, "bad token")

    return x_token


def generator() -> Iterator[str]:
    yield "generated"


@app.get("/depends")
async def depends(token: Annotated[str, Depends(token)], generated: str = Depends(generator)) -> dict[str, str]:
    return {"token": token, "generated": generated}


# WebSockets --------------------------------------------------------------------------------------------------------


@app.websocket("/ws/echo")
async def ws_echo(ws: WebSocket) -> None:
    await ws.accept()

    async for message in ws:
        await ws.send(message)


@app.websocket("/ws/room/{n:int}")
async def ws_room(ws: WebSocket, n: int, q: str = "none", x_a: Annotated[str, Header()] = "none") -> None:
    await ws.accept()
    await ws.send_json({"n": n, "q": q, "x-a": x_a})


@app.websocket("/ws/needs")
async def ws_needs(ws: WebSocket, q: int) -> None:
    await ws.accept()


@app.websocket("/ws/auth")
async def ws_auth(ws: WebSocket, token: Annotated[str, Depends(token)]) -> None:
    await ws.accept()
    await ws.send_text(token)


@app.websocket("/ws/protocols")
async def ws_protocols(ws: WebSocket) -> None:
    chosen = next((name for name in ("superchat", "chat") if name in ws.subprotocols), None)
    await ws.accept(subprotocol=chosen, headers={"x-extra": "yes"})
    await ws.send_json({"offered": list(ws.subprotocols), "chosen": chosen})


@app.websocket("/ws/close")
async def ws_close(ws: WebSocket, code: int = 4001, reason: str = "bye") -> None:
    await ws.accept()
    await ws.close(code, reason)


@app.websocket("/ws/reject")
async def ws_reject(ws: WebSocket) -> None:
    await ws.reject(401, {"www-authenticate": "Basic", "content-type": "text/plain"}, "not you")


@app.websocket("/ws/ignore")
async def ws_ignore(ws: WebSocket) -> None:
    return None


@app.websocket("/ws/error")
async def ws_error(ws: WebSocket) -> None:
    await ws.accept()
    raise RuntimeError("the handler of the WebSocket fails on purpose")


@app.websocket("/ws/json")
async def ws_json(ws: WebSocket) -> None:
    await ws.accept()
    await ws.send_json({"got": await ws.recv_json()})


@app.websocket("/ws/text-only")
async def ws_text_only(ws: WebSocket) -> None:
    await ws.accept()
    await ws.send_text(await ws.recv_text())


@app.websocket("/ws/observed/{key}")
async def ws_observed(ws: WebSocket, key: str) -> None:
    """Notes how the connection ended, and what sending says afterwards."""
    await ws.accept()

    try:
        while True:
            await ws.recv()
    except WebSocketClosed as closed:
        await journal.write(key, f"{closed.code} {closed.reason}".strip())

    try:
        await ws.send("too late")
    except WebSocketClosed as closed:
        await journal.write(key, f"send: {closed.code}")


@app.websocket("/ws/receivers")
async def ws_receivers(ws: WebSocket) -> None:
    await ws.accept()
    first = asyncio.ensure_future(ws.recv())
    await asyncio.sleep(0)

    try:
        await ws.recv()
    except RuntimeError:
        await ws.send("refused")

    await ws.send(await first)


@app.websocket("/ws/flood")
async def ws_flood(ws: WebSocket, count: int = 100) -> None:
    await ws.accept()

    for number in range(count):
        await ws.send_text(str(number))
