"""A page of another site cannot make a visitor's browser change anything here."""

from typing import Any

import pytest

from hagworm import App
from hagworm.extend.error import DefinitionError
from hagworm.facade.middleware.csrf import CSRF
from hagworm.testing import Client

HOST = "shop.example"
COOKIE = {"host": HOST, "cookie": "session=1"}


async def ask(headers: dict[str, str], method: str = "POST", **options: Any) -> int:
    app = App(middleware=[CSRF(**options)])

    async def handle() -> None: ...

    app.add("/x", handle, methods=["GET", "POST", "DELETE", "PATCH", "PUT"])

    async with Client(app) as client:
        status: int = (await client.request(method, "/x", headers=headers)).status

    return status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 204),
        ({"sec-fetch-site": "none"}, 204),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "anything"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, 204),
        ({"origin": f"https://{HOST}"}, 204),
        ({"origin": f"http://{HOST.upper()}"}, 204),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": f"https://{HOST}.evil.example"}, 403),
        ({"origin": f"https://{HOST}:8443"}, 403),
        ({"origin": "null"}, 403),
        ({}, 204),
    ],
)
async def test_what_the_browser_says_decides(headers: dict[str, str], status: int) -> None:
    assert await ask(COOKIE | headers) == status


@pytest.mark.parametrize(
    ("method", "status"),
    [("GET", 204), ("HEAD", 204), ("OPTIONS", 204), ("POST", 403), ("DELETE", 403), ("PATCH", 403)],
)
async def test_methods_that_change_nothing_are_free(method: str, status: int) -> None:
    assert await ask(COOKIE | {"sec-fetch-site": "cross-site"}, method) == status


async def test_without_cookies_there_is_nothing_to_abuse_unless_it_is_said_so() -> None:
    headers = {"host": HOST, "sec-fetch-site": "cross-site"}
    assert await ask(headers) == 204
    assert await ask(headers, cookies_only=False) == 403


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {}])
async def test_a_trusted_origin_may(headers: dict[str, str]) -> None:
    origin = "https://partner.example"
    assert await ask(COOKIE | headers | {"origin": origin}, trusted=[origin]) == 204


async def test_a_refusal_is_a_problem_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert await ask(COOKIE | {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}) == 403
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "https://evil.example" in record.getMessage()


def test_an_origin_that_no_browser_sends_is_refused_at_the_start() -> None:
    with pytest.raises(DefinitionError, match="is not an origin"):
        CSRF(trusted=["partner.example"])
