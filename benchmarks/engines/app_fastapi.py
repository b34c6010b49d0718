"""The cases in FastAPI, as its documentation teaches; the middlewares are pure ASGI, the cheaper kind."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response, WebSocket, WebSocketDisconnect
from pydantic import BaseModel


class Item(BaseModel):
    name: str
    price: float
    quantity: int
    tags: list[str]
    active: bool


app = FastAPI(title="Cases")


async def settings() -> dict[str, str]:
    return {"secret": "token"}


async def token(x_token: Annotated[str, Header()], known: Annotated[dict[str, str], Depends(settings)]) -> str:
    return known[x_token]


async def user(name: Annotated[str, Depends(token)], page: int = 1) -> dict[str, Any]:
    return {"name": name, "page": page}


@app.get("/json")
async def json() -> dict[str, Any]:
    return {"message": "Hello, World!", "items": [1, 2, 3], "nested": {"ok": True, "value": None}}


@app.get("/params/{number}")
async def params(number: int, q: str, limit: int = 10, flag: bool = False) -> dict[str, Any]:
    return {"number": number, "q": q, "limit": limit, "flag": flag}


@app.post("/model")
async def model(item: Item) -> Item:
    return item


@app.get("/deps")
async def deps(who: Annotated[dict[str, Any], Depends(user)]) -> dict[str, Any]:
    return who


@app.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


@app.websocket("/ws")
async def feed(ws: WebSocket) -> None:
    await ws.accept()

    try:
        while True:
            await ws.send_text(await ws.receive_text())
    except WebSocketDisconnect:
        return


class AddHeader:
    """Adds one header to the responses of `/deps`."""

    def __init__(self, app: Any, header: tuple[bytes, bytes]) -> None:
        self.app = app
        self.header = header

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/deps":
            await self.app(scope, receive, send)
            return

        async def add(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append(self.header)

            await send(message)

        await self.app(scope, receive, add)


app.add_middleware(AddHeader, header=(b"x-inner", b"1"))
app.add_middleware(AddHeader, header=(b"x-outer", b"1"))
