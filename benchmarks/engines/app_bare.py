"""The cases in plain ASGI with a fast JSON encoder: what the server alone costs."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

encode = msgspec.json.encode
JSON = [(b"content-type", b"application/json")]


class Item(msgspec.Struct):
    name: str
    price: float
    quantity: int
    tags: list[str]
    active: bool


decode_item = msgspec.json.Decoder(Item).decode


async def read(receive: Any) -> bytes:
    body = b""

    while True:
        message = await receive()
        body += message.get("body", b"")

        if not message.get("more_body"):
            return body


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return

    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})

        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

        return

    path = scope["path"]
    headers = JSON

    if path == "/json":
        body = encode({"message": "Hello, World!", "items": [1, 2, 3], "nested": {"ok": True, "value": None}})
    elif path.startswith("/params/"):
        query = dict(parse_qsl(scope["query_string"].decode()))
        body = encode(
            {
                "number": int(path[8:]),
                "q": query["q"],
                "limit": int(query.get("limit", 10)),
                "flag": query.get("flag") == "true",
            }
        )
    elif path == "/model":
        body = encode(decode_item(await read(receive)))
    elif path == "/deps":
        token = dict(scope["headers"])[b"x-token"]
        body = encode({"name": {b"secret": "token"}[token], "page": 1})
        headers = [*JSON, (b"x-inner", b"1"), (b"x-outer", b"1")]
    else:
        body = await read(receive)
        headers = [(b"content-type", b"application/octet-stream")]

    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
