"""What a type checker makes of business code: it is checked, never run."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, assert_type

from hagworm import (
    JSON,
    App,
    BackgroundTasks,
    Depends,
    EventStream,
    Handler,
    Header,
    HTTPError,
    Limits,
    Query,
    Request,
    Response,
    Router,
    ServerSentEvent,
    UploadFile,
    WebSocket,
)
from hagworm.testing import Client, ClientResponse

app = App(title="Shop", limits=Limits(body=1000))
router = Router(prefix="/v1")


@dataclass
class Tea:
    name: str


async def connection() -> AsyncIterator[str]:
    yield "open"


# A decorator returns what it decorates, so that a handler stays a function that tests can call.
@app.get("/teas/{number:int}", status=200, limits=Limits(), dependencies=[Depends(connection)])
async def read_tea(
    number: int,
    connection: Annotated[str, Depends(connection)],
    names: Annotated[list[str], Query(min_length=1)],
    token: Annotated[str | None, Header("X-Token")] = None,
) -> Tea:
    assert_type(token, str | None)
    return Tea(connection)


@router.websocket("/feed")
async def feed(ws: WebSocket) -> None:
    async for message in ws:
        assert_type(message, str | bytes)

    assert_type(await ws.receive_text(), str)
    assert_type(ws.app, App)


@app.middleware
async def mark(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    assert_type(response.headers.get("x"), str | None)
    return response


@app.exception_handler(KeyError)
async def missing(request: Request, error: KeyError) -> Response:
    raise HTTPError(404, extra={"key": str(error)})


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    app.state.anything = 1
    yield


@app.post("/photos")
def add_photo(photo: UploadFile, background: BackgroundTasks) -> JSON:
    background.add(print, photo.safe_name)
    assert_type(photo.size, int)
    return JSON({"size": photo.size})


class Hello(Handler):
    async def get(self, name: str) -> dict[str, str]:
        assert_type(self.request, Request)
        return {"hello": name}


app.add("/hello", Hello)
app.include(router, prefix="/shop")
assert_type(app.url("read_tea", number=1), str)


async def news() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent({"a": 1}, event="a", id="1")


@app.get("/news")
async def read_news(request: Request) -> EventStream:
    assert_type(await request.body(), bytes)
    assert_type(request.id, str)
    return EventStream(news())


async def talk() -> None:
    assert_type(await read_tea(1, "open", ["a"]), Tea)
    await read_tea("1", "open", ["a"])  # type: ignore[arg-type]  # a path is text, but the handler gets an int

    async with Client(app, engine="tornado") as client:
        response = await client.get("/teas/1", params={"names": "a"}, headers={"x-token": "t"})
        assert_type(response, ClientResponse)
        assert_type(response.status, int)
        assert_type(response.body, bytes)
        assert_type(response.json(), Any)

        async with client.websocket("/shop/v1/feed") as socket:
            await socket.send("hi")


App(tittle="Shop")  # type: ignore[call-arg]  # a name that is wrong is found before the start
Limits(body="1")  # type: ignore[arg-type]
HTTPError("404")  # type: ignore[arg-type]
