"""Browsers are told to be careful, unless the handler has said something else."""

from typing import Any

import pytest

from hagworm import App, Response, Text
from hagworm.facade.middleware.security import HSTS, SecurityHeaders
from hagworm.facade.settings import FrameSettings, ServerSettings
from hagworm.testing import Client

# The client of a test stands for a proxy that the service trusts.
BEHIND_PROXY = FrameSettings(server=ServerSettings(trusted_proxies=("127.0.0.0/8", "::1")))


async def ask(path: str = "/x", headers: dict[str, str] | None = None, **options: Any) -> Any:
    app = App(middleware=[SecurityHeaders(**options)])
    app.configure(BEHIND_PROXY)

    @app.get("/x")
    async def handle() -> Response:
        return Text("x")

    @app.get("/framed")
    async def framed() -> Response:
        return Text("x", headers={"X-Frame-Options": "SAMEORIGIN"})

    async with Client(app) as client:
        return await client.get(path, headers=headers or {})


async def test_the_defaults_suit_most_services() -> None:
    found = (await ask()).headers
    assert found["x-content-type-options"] == "nosniff"
    assert found["x-frame-options"] == "DENY"
    assert found["referrer-policy"] == "strict-origin-when-cross-origin"
    assert found["cross-origin-opener-policy"] == "same-origin"
    assert "content-security-policy" not in found


async def test_what_the_handler_says_stands() -> None:
    assert (await ask("/framed")).headers.all("x-frame-options") == ["SAMEORIGIN"]


async def test_errors_are_covered_too() -> None:
    assert (await ask("/nothing")).headers["x-content-type-options"] == "nosniff"


async def test_each_can_be_changed_or_left_out() -> None:
    found = (await ask(sniff=True, frames="", content="default-src 'self'", more={"X-Own": "1"})).headers
    assert "x-content-type-options" not in found
    assert "x-frame-options" not in found
    assert found["content-security-policy"] == "default-src 'self'"
    assert found["x-own"] == "1"


@pytest.mark.parametrize(("scheme", "is_sent"), [("https", True), ("http", False)])
async def test_hsts_is_sent_over_https_only(scheme: str, is_sent: bool) -> None:
    response = await ask(headers={"x-forwarded-proto": scheme}, hsts=HSTS(subdomains=True))
    assert response.headers.get("strict-transport-security") == (
        "max-age=31536000; includeSubDomains" if is_sent else None
    )


@pytest.mark.parametrize(
    ("hsts", "value"),
    [
        (HSTS(60), "max-age=60"),
        (HSTS(0), "max-age=0"),
        (HSTS(subdomains=True, preload=True), "max-age=31536000; includeSubDomains; preload"),
    ],
)
def test_hsts_says_what_it_is(hsts: HSTS, value: str) -> None:
    assert hsts.value == value


@pytest.mark.parametrize("options", [{"preload": True}, {"preload": True, "subdomains": True, "max_age": 60}])
def test_preload_needs_what_the_list_asks_for(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="preload"):
        HSTS(**options)


def test_a_value_that_may_not_be_sent_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="content-security-policy"):
        SecurityHeaders(content="a\nb")
