"""The cases through the facade; the engine is configuration."""

from typing import Annotated, Any

from pydantic import BaseModel

from hagworm import App, Body, Depends, Header, Request, Response, WebSocket


class Item(BaseModel):
    name: str
    price: float
    quantity: int
    tags: list[str]
    active: bool


app = App(title="Cases")


async def settings() -> dict[str, str]:
    return {"secret": "token"}


async def token(x_token: Annotated[str, Header()], known: Annotated[dict[str, str], Depends(settings)]) -> str:
    return known[x_token]


async def user(name: Annotated[str, Depends(token)], page: int = 1) -> dict[str, Any]:
    return {"name": name, "page": page}


async def json() -> dict[str, Any]:
    return {"message": "Hello, World!", "items": [1, 2, 3], "nested": {"ok": True, "value": None}}


async def params(number: int, q: str, limit: int = 10, flag: bool = False) -> dict[str, Any]:
    return {"number": number, "q": q, "limit": limit, "flag": flag}


async def model(item: Item) -> Item:
    return item


async def deps(who: Annotated[dict[str, Any], Depends(user)]) -> dict[str, Any]:
    return who


async def echo(data: Annotated[bytes, Body()]) -> Response:
    return Response(data)


async def feed(ws: WebSocket) -> None:
    await ws.accept()

    async for message in ws:
        await ws.send(message)


async def outer(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    response.raw_headers.append((b"x-outer", b"1"))
    return response


async def inner(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    response.raw_headers.append((b"x-inner", b"1"))
    return response


for number in range(1000):
    app.get(f"/route{number}/{{number:int}}")(params)

app.get("/json")(json)
app.get("/params/{number:int}")(params)
app.post("/model")(model)
app.get("/deps", middleware=[outer, inner])(deps)
app.post("/echo")(echo)
app.websocket("/ws")(feed)
