"""The cases in Tornado, as RequestHandlers with the same checks written by hand."""

import json
from typing import Any

from pydantic import BaseModel
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler


class Item(BaseModel):
    name: str
    price: float
    quantity: int
    tags: list[str]
    active: bool


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class Answer(RequestHandler):
    def answer(self, body: bytes) -> None:
        self.set_header("content-type", "application/json")
        self.finish(body)


class Json(Answer):
    async def get(self) -> None:
        self.answer(compact({"message": "Hello, World!", "items": [1, 2, 3], "nested": {"ok": True, "value": None}}))


class Params(Answer):
    async def get(self, number: str) -> None:
        values = {
            "number": int(number),
            "q": self.get_query_argument("q"),
            "limit": int(self.get_query_argument("limit", "10")),
            "flag": self.get_query_argument("flag", "false") == "true",
        }
        self.answer(compact(values))


class Model(Answer):
    async def post(self) -> None:
        item = Item.model_validate_json(self.request.body)
        self.answer(item.model_dump_json().encode())


async def settings() -> dict[str, str]:
    return {"secret": "token"}


async def token(handler: RequestHandler, known: dict[str, str]) -> str:
    return known[handler.request.headers["X-Token"]]


async def user(handler: RequestHandler, name: str) -> dict[str, Any]:
    return {"name": name, "page": int(handler.get_query_argument("page", "1"))}


class Deps(Answer):
    async def prepare(self) -> None:
        self.set_header("x-inner", "1")
        self.set_header("x-outer", "1")

    async def get(self) -> None:
        self.answer(compact(await user(self, await token(self, await settings()))))


class Echo(RequestHandler):
    async def post(self) -> None:
        self.set_header("content-type", "application/octet-stream")
        self.finish(self.request.body)


class Feed(WebSocketHandler):
    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message)


def make() -> Application:
    return Application(
        [
            (r"/json", Json),
            (r"/params/(\d+)", Params),
            (r"/model", Model),
            (r"/deps", Deps),
            (r"/echo", Echo),
            (r"/ws", Feed),
        ],
        log_function=lambda handler: None,
    )
