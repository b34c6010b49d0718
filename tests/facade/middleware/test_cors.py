"""A page may read what its origin is allowed to, errors included, and caches keep the origins apart (WHATWG Fetch)."""

from typing import Any

import pytest

from hagworm import JSON, App, HTTPError, Limits, Request, Response
from hagworm.extend.error import DefinitionError
from hagworm.facade.middleware.cors import CORS
from hagworm.testing import Client

ORIGIN = "https://shop.example"
PREFLIGHT = {"origin": ORIGIN, "access-control-request-method": "PUT"}
SHARED = JSON({"shared": True})


def application(*arguments: Any, **options: Any) -> App:
    app = App(middleware=[CORS(*arguments, **options)], limits=Limits(body=10))

    @app.get("/orders/{order_id:int}")
    async def read(order_id: int) -> int:
        return order_id

    @app.put("/orders")
    async def change(order: dict[str, Any]) -> None: ...

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPError(409, "twice")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    @app.get("/shared")
    async def shared() -> Response:
        return SHARED

    @app.get("/varied")
    async def varied() -> Response:
        return Response(headers={"vary": "Accept"})

    return app


def marks(response: Any) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
    }


async def preflight(app: App, path: str = "/orders", **headers: str) -> Any:
    async with Client(app) as client:
        return await client.options(path, headers=PREFLIGHT | {k.replace("_", "-"): v for k, v in headers.items()})


async def test_a_preflight_is_answered_without_the_handler() -> None:
    response = await preflight(application([ORIGIN], headers=["X-Token", "content-type"], max_age=60))

    assert response.status == 204
    assert marks(response) == {
        "allow-origin": ORIGIN,
        "allow-methods": "DELETE, GET, HEAD, PATCH, POST, PUT",
        "allow-headers": "content-type, X-Token",
        "max-age": "60",
    }
    assert response.headers["vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


@pytest.mark.parametrize("path", ["/orders", "/orders/1", "/nothing"])
async def test_a_preflight_is_answered_for_every_path(path: str) -> None:
    assert marks(await preflight(application([ORIGIN]), path))["allow-origin"] == ORIGIN


async def test_a_preflight_of_another_origin_is_answered_without_leave() -> None:
    response = await preflight(application(["https://other.example"]))
    assert (response.status, marks(response)) == (204, {})
    assert "Origin" in response.headers["vary"]


async def test_whatever_the_page_asks_for_may_be_allowed() -> None:
    app = application("*", methods="*", headers="*")
    response = await preflight(app, access_control_request_headers="x-one, x-two")

    assert marks(response)["allow-origin"] == "*"
    assert marks(response)["allow-methods"] == "PUT"
    assert marks(response)["allow-headers"] == "x-one, x-two"


@pytest.mark.parametrize(("allowed", "mark"), [(True, "true"), (False, None)])
async def test_a_private_network_is_opened_only_where_that_is_said(allowed: bool, mark: str | None) -> None:
    app = application([ORIGIN], private_network=allowed)
    response = await preflight(app, access_control_request_private_network="true")
    assert marks(response).get("allow-private-network") == mark


async def test_options_without_a_request_method_is_no_preflight() -> None:
    async with Client(application([ORIGIN])) as client:
        response = await client.options("/orders", headers={"origin": ORIGIN})

    assert "PUT" in response.headers["allow"]
    assert marks(response) == {"allow-origin": ORIGIN}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/orders/1", 200),
        ("GET", "/orders/x", 404),
        ("GET", "/nothing", 404),
        ("POST", "/orders/1", 405),
        ("GET", "/refused", 409),
        ("GET", "/broken", 500),
        ("PUT", "/orders", 415),
    ],
)
async def test_every_answer_is_marked_errors_included(method: str, path: str, status: int) -> None:
    async with Client(application([ORIGIN], expose=["x-request-id"])) as client:
        response = await client.request(method, path, headers={"origin": ORIGIN, "content-type": "text/plain"})

    assert response.status == status
    assert marks(response) == {"allow-origin": ORIGIN, "expose-headers": "x-request-id"}
    assert response.headers["vary"] == "Origin"


async def test_a_body_that_is_too_large_is_refused_in_a_way_that_the_page_may_read() -> None:
    async with Client(application([ORIGIN])) as client:
        response = await client.put("/orders", headers={"origin": ORIGIN}, json={"long": "x" * 20})

    assert (response.status, marks(response)) == (413, {"allow-origin": ORIGIN})


async def test_an_error_is_logged_once_though_it_is_answered_inside(caplog: pytest.LogCaptureFixture) -> None:
    async with Client(application([ORIGIN])) as client:
        await client.get("/broken", headers={"origin": ORIGIN})

    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


@pytest.mark.parametrize("headers", [{}, {"origin": "https://other.example"}, {"origin": "null"}])
async def test_others_get_the_answer_without_leave_and_caches_know(headers: dict[str, str]) -> None:
    async with Client(application([ORIGIN], credentials=True)) as client:
        response = await client.get("/orders/1", headers=headers)

    assert (response.status, marks(response)) == (200, {})
    assert response.headers["vary"] == "Origin"


async def test_for_everyone_answers_do_not_vary() -> None:
    async with Client(application("*")) as client:
        response = await client.get("/orders/1", headers={"origin": ORIGIN})

    assert marks(response) == {"allow-origin": "*"}
    assert "vary" not in response.headers


async def test_what_an_answer_varies_by_already_is_kept() -> None:
    async with Client(application([ORIGIN])) as client:
        assert (await client.get("/varied")).headers["vary"] == "Accept, Origin"


async def test_credentials_are_allowed_to_named_origins() -> None:
    async with Client(application([ORIGIN], credentials=True)) as client:
        response = await client.get("/orders/1", headers={"origin": ORIGIN})

    assert marks(response) == {"allow-origin": ORIGIN, "allow-credentials": "true"}


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://a.shop.example", True),
        ("https://shop.example.evil.example", False),
        ("https://evil.example/?https://a.shop.example", False),
    ],
)
async def test_a_pattern_must_match_the_whole_origin(origin: str, allowed: bool) -> None:
    async with Client(application(origin_pattern=r"https://[a-z]+\.shop\.example")) as client:
        response = await client.get("/orders/1", headers={"origin": origin})

    assert ("allow-origin" in marks(response)) is allowed


async def test_a_response_that_is_returned_again_and_again_is_marked_once() -> None:
    async with Client(application([ORIGIN, "https://b.example"])) as client:
        answers = [await client.get("/shared", headers={"origin": o}) for o in (ORIGIN, "https://b.example", ORIGIN)]

    assert [answer.headers.all("access-control-allow-origin") for answer in answers] == [
        [ORIGIN],
        ["https://b.example"],
        [ORIGIN],
    ]


async def test_a_response_that_is_returned_again_keeps_no_leave_of_another_origin() -> None:
    async with Client(application([ORIGIN])) as client:
        await client.get("/shared", headers={"origin": ORIGIN})
        response = await client.get("/shared", headers={"origin": "https://other.example"})

    assert marks(response) == {}


def test_h9_everyone_with_credentials_is_refused_at_the_start() -> None:
    with pytest.raises(DefinitionError, match="credentials"):
        CORS("*", credentials=True)


def test_everyone_with_credentials_can_be_said_explicitly() -> None:
    assert CORS(origin_pattern=".*", credentials=True).allows(b"https://anything.example")


@pytest.mark.parametrize("origin", ["https://shop.example/", "shop.example", "https://shop.example/x", ""])
def test_an_origin_that_no_browser_sends_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(DefinitionError, match="is not an origin"):
        CORS([origin])


async def test_other_middleware_sees_the_error_as_a_response() -> None:
    seen = []

    async def outer(request: Request, call_next: Any) -> Response:
        response = await call_next(request)
        seen.append(response.status)
        return response

    app = App(middleware=[outer, CORS([ORIGIN])])

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    async with Client(app) as client:
        await client.get("/broken")

    assert seen == [500]
