"""Plain HTTP is sent on to HTTPS, and to nowhere else."""

from typing import Any

import pytest

from hagworm import App, WebSocket
from hagworm.facade.middleware.https import HTTPSRedirect
from hagworm.facade.settings import FrameSettings, ServerSettings
from hagworm.testing import Client
from hagworm.testing.websocket import HandshakeRefused

SECURE = {"x-forwarded-proto": "https"}


def application(**options: Any) -> App:
    app = App(middleware=[HTTPSRedirect(**options)])
    app.configure(FrameSettings(server=ServerSettings(trusted_proxies=("127.0.0.0/8", "::1"))))

    @app.post("/orders")
    async def create() -> str:
        return "created"

    @app.websocket("/feed")
    async def feed(ws: WebSocket) -> None:
        await ws.accept()

    return app


@pytest.mark.parametrize(
    ("target", "host", "options", "location"),
    [
        ("/orders", "shop.example", {}, "https://shop.example/orders"),
        ("/orders?a=1&b=%2F", "shop.example:8000", {}, "https://shop.example/orders?a=1&b=%2F"),
        ("/orders", "shop.example", {"port": 8443}, "https://shop.example:8443/orders"),
        ("/orders", "[::1]:80", {}, "https://[::1]/orders"),
        ("/orders", "evil.example", {"host": "shop.example"}, "https://shop.example/orders"),
        ("/%6Frders/%2F", "shop.example", {}, "https://shop.example/%6Frders/%2F"),
        ("//evil.example/x", "shop.example", {}, "https://shop.example//evil.example/x"),
        ("/nothing", "shop.example", {}, "https://shop.example/nothing"),
    ],
)
async def test_plain_http_is_sent_to_the_same_url_under_https(
    target: str, host: str, options: dict[str, Any], location: str
) -> None:
    async with Client(application(**options)) as client:
        response = await client.post(target, headers={"host": host})

    assert (response.status, response.headers["location"]) == (308, location)


async def test_https_is_answered() -> None:
    async with Client(application()) as client:
        response = await client.post("/orders", headers=SECURE)

    assert (response.status, response.body) == (200, b'"created"')


async def test_who_is_exempt_is_answered_without_tls() -> None:
    async with Client(application()) as client:
        assert (await client.get("/-/live")).status == 200

    async with Client(application(exempt=())) as client:
        assert (await client.get("/-/live")).status == 308


async def test_a_websocket_without_tls_is_refused() -> None:
    async with Client(application()) as client:
        with pytest.raises(HandshakeRefused) as refused:
            async with client.websocket("/feed"):
                raise AssertionError("unreachable")

        async with client.websocket("/feed", headers=SECURE):
            assert refused.value.response.status == 403


async def test_a_request_that_names_no_host_cannot_be_sent_anywhere() -> None:
    async with Client(application()) as client:
        answer = await client.raw(b"POST /orders HTTP/1.0\r\ncontent-length: 0\r\n\r\n")

    assert answer.responses[0].status == 400
