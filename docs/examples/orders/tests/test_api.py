"""The service as its clients see it, on every engine."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy.exc import OperationalError

from hagworm import App
from hagworm.extend.error import ConfigError
from hagworm.testing import Client, canonical
from orders.database import open_database
from orders.store import Store
from orders.tests.conftest import ENGINES, Serve

TEA = {"customer": "Ada", "items": [{"sku": "TEA", "quantity": 2, "price_cents": 450}]}
NOBODY = {"x-token": "guess"}


async def place(client: Client, **changes: Any) -> int:
    response = await client.post("/orders", json=TEA | changes)
    assert response.status == 201
    number: int = response.json()["id"]
    return number


async def move(client: Client, order_id: int, *statuses: str) -> int:
    status = 0

    for wanted in statuses:
        status = (await client.patch(f"/orders/{order_id}", json={"status": wanted})).status

    return status


async def test_a_placed_order_is_found_where_the_answer_says(client: Client) -> None:
    placed = await client.post("/orders", json=TEA)
    found = await client.get(placed.headers["location"])

    assert (placed.status, placed.headers["location"]) == (201, "/orders/1")
    assert found.body == placed.body
    assert found.json() == {
        "id": 1,
        "customer": "Ada",
        "status": "new",
        "items": [{"sku": "TEA", "quantity": 2, "price_cents": 450}],
        "version": 1,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
        "total_cents": 900,
    }


async def test_everything_wrong_with_an_order_is_said_at_once(client: Client) -> None:
    wrong = {"customer": " ", "items": [{"sku": "TEA", "quantity": 0, "price_cents": -1}], "discount": 5}
    response = await client.post("/orders", json=wrong)

    assert (response.status, response.headers["content-type"]) == (422, "application/problem+json")
    assert [".".join(map(str, problem["loc"])) for problem in response.json()["errors"]] == [
        "body.customer",
        "body.items.0.quantity",
        "body.items.0.price_cents",
        "body.discount",
    ]


@pytest.mark.parametrize("headers", [NOBODY, {"x-token": ""}])
async def test_who_does_not_know_the_token_changes_nothing(client: Client, headers: dict[str, str]) -> None:
    order_id = await place(client)
    answers = [
        await client.post("/orders", json=TEA, headers=headers),
        await client.post("/orders", json={"wrong": True}, headers=headers),
        await client.patch(f"/orders/{order_id}", json={"status": "paid"}, headers=headers),
        await client.delete(f"/orders/{order_id}", headers=headers),
    ]

    assert [answer.status for answer in answers] == [401] * 4
    assert (await client.get(f"/orders/{order_id}", headers=headers)).json()["status"] == "new"


async def test_an_order_moves_as_the_shop_works(client: Client) -> None:
    order_id = await place(client)
    refused = await client.patch(f"/orders/{order_id}", json={"status": "shipped"})
    problem = refused.json()

    assert (refused.status, refused.headers["cache-control"]) == (409, "no-store")
    assert (problem["status_now"], problem["allowed"]) == ("new", ["cancelled", "paid"])
    assert await move(client, order_id, "paid", "shipped") == 200
    assert await move(client, order_id, "cancelled") == 409
    assert (await client.patch("/orders/77", json={"status": "paid"})).status == 404


async def test_rivals_do_not_overwrite_each_other(client: Client) -> None:
    order_id = await place(client)
    wanted = {"status": "paid", "version": 1}
    answers = await asyncio.gather(*(client.patch(f"/orders/{order_id}", json=wanted) for _ in range(8)))

    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    assert (await client.get(f"/orders/{order_id}")).json()["version"] == 2


async def test_a_deleted_order_is_gone(client: Client) -> None:
    order_id = await place(client)
    deleted = await client.delete(f"/orders/{order_id}")

    assert (deleted.status, deleted.body) == (204, b"")
    assert (await client.delete(f"/orders/{order_id}")).status == 404


@pytest.mark.parametrize("path", ["/orders/0", "/orders/99999999999999999999", "/orders/tea", "/orders/1/"])
async def test_what_is_not_there_is_404(client: Client, path: str) -> None:
    await place(client)
    response = await client.get(path)

    assert (response.status, response.headers["content-type"]) == (404, "application/problem+json")


async def test_pages_follow_each_other(client: Client) -> None:
    for _ in range(5):
        await place(client)

    await move(client, 2, "paid")
    first = (await client.get("/orders?status=new&limit=2&after=")).json()
    second = (await client.get("/orders", params={"status": "new", "limit": 2, "after": first["next_after"]})).json()

    assert [order["id"] for order in first["orders"] + second["orders"]] == [1, 3, 4, 5]
    assert second["next_after"] is None
    assert len((await client.get("/orders?status=&limit=&after=")).json()["orders"]) == 5


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "after=-1", "after=9223372036854775808", "status=lost"])
async def test_a_filter_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    response = await client.get(f"/orders?{query}")

    assert response.status == 422
    assert response.json()["errors"][0]["loc"] == ["query", query.partition("=")[0]]


async def test_the_spreadsheet_holds_every_order(client: Client) -> None:
    await place(client, customer="=1+1")
    response = await client.get("/orders/export.xlsx")
    cell = load_workbook(BytesIO(response.body)).active["B2"]

    assert response.headers["content-disposition"] == 'attachment; filename="orders.xlsx"'
    assert (cell.value, cell.data_type) == ("=1+1", "s")


async def test_events_tell_what_has_happened_and_end_when_nothing_can_follow(client: Client) -> None:
    order_id = await place(client)
    await move(client, order_id, "paid", "cancelled")
    response = await client.get(f"/orders/{order_id}/events")
    rest = await client.get(f"/orders/{order_id}/events", headers={"last-event-id": "2"})

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [line for line in response.text.split("\n") if line[:3] in ("eve", "id:")] == [
        *("event: new", "id: 1"),
        *("event: paid", "id: 2"),
        *("event: cancelled", "id: 3"),
    ]
    assert rest.text == (
        'event: cancelled\ndata: {"order_id":1,"version":3,"status":"cancelled","at":"2026-11-22T12:00:02Z"}\nid: 3\n\n'
    )


async def test_who_has_seen_everything_is_told_not_to_come_back(client: Client) -> None:
    order_id = await place(client)
    await move(client, order_id, "cancelled")

    assert (await client.get(f"/orders/{order_id}/events", headers={"last-event-id": "2"})).status == 204


async def test_events_arrive_while_they_happen(client: Client) -> None:
    order_id = await place(client)

    async with client.stream("GET", f"/orders/{order_id}/events") as response:
        lines = response.lines()
        assert await anext(lines) == "event: new"
        await client.delete(f"/orders/{order_id}")
        rest = [line async for line in lines]

    assert rest[-4] == "event: deleted"


async def test_events_of_no_order_are_404(client: Client) -> None:
    assert (await client.get("/orders/1/events")).status == 404


async def test_the_feed_tells_everybody_every_change(client: Client) -> None:
    async with client.websocket("/feed") as one, client.websocket("/feed") as other:
        order_id = await place(client)
        await move(client, order_id, "paid")
        heard = [[await socket.receive_json() for _ in range(2)] for socket in (one, other)]

    assert heard[0] == heard[1]
    assert [(change["order_id"], change["status"]) for change in heard[0]] == [(order_id, "new"), (order_id, "paid")]


async def test_who_has_left_the_feed_is_forgotten(client: Client) -> None:
    feed = client.app.state.feed

    async with client.websocket("/feed") as socket:
        await place(client)
        await socket.receive_json()
        assert len(feed.listeners) == 1

    async with asyncio.timeout(5):
        while feed.listeners:  # noqa: ASYNC110  # nobody announces it
            await asyncio.sleep(0)


@pytest.mark.parametrize("engine", ENGINES)
async def test_the_customer_gets_a_message_after_the_answer(serve: Serve, engine: str, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/orders.db"

    async with serve(engine, database__url=url) as client:
        order_id = await place(client)

    # A service that stops has finished its background work.
    async with open_database(url) as database, database.read() as session:
        assert await Store(session).mails(order_id) == [f"We have received your order {order_id}."]


async def test_a_healthy_service_says_so(client: Client) -> None:
    response = await client.get("/health")

    assert (response.status, response.json()) == (200, {"status": "ok", "database": "sqlite"})


async def test_a_service_without_its_database_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail() -> str:
        raise OperationalError("SELECT 1", {}, OSError("gone"))

    monkeypatch.setattr(client.app.state.database, "ping", fail)
    response = await client.get("/health")

    assert (response.status, response.json()) == (503, {"status": "failing", "database": "unreachable"})


@pytest.mark.parametrize("engine", ENGINES)
async def test_who_cannot_write_in_time_is_told_to_come_back(
    serve: Serve, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.database.BUSY", 0.01)

    async with serve(engine, database__url=f"sqlite+aiosqlite:///{tmp_path}/orders.db") as client:
        with closing(sqlite3.connect(tmp_path / "orders.db")) as rival:
            rival.execute("BEGIN IMMEDIATE")
            refused = await client.post("/orders", json=TEA)

        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert (await client.post("/orders", json=TEA)).status == 201


@pytest.mark.parametrize("token", ["demo", ""])
def test_production_refuses_a_token_that_everybody_knows(configured: Callable[..., App], token: str) -> None:
    with pytest.raises(ConfigError, match="orders.token: .*HAGWORM_ORDERS__TOKEN|orders.token: must not be empty"):
        configured(environment="production", orders__token=token)


def test_production_refuses_the_default_token(configured: Callable[..., App]) -> None:
    with pytest.raises(ConfigError, match=r"orders\.token"):
        configured(environment="production")


async def converse(client: Client) -> list[bytes]:
    """One of everything, in order."""
    await client.post("/orders", json=TEA)
    await client.post("/orders", json=TEA | {"customer": "Grüße 🍵"})
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/orders", {"json": TEA, "headers": NOBODY}),
        ("POST", "/orders", {"json": {"customer": 1}}),
        ("POST", "/orders", {"content": b"{", "headers": {"content-type": "application/json"}}),
        ("GET", "/orders?limit=1", {}),
        ("GET", "/orders/2", {}),
        ("HEAD", "/orders/2", {}),
        ("OPTIONS", "/orders/2", {}),
        ("PUT", "/orders/2", {}),
        ("GET", "/orders/3", {}),
        ("PATCH", "/orders/1", {"json": {"status": "shipped"}}),
        ("PATCH", "/orders/1", {"json": {"status": "cancelled"}}),
        ("GET", "/orders/1/events", {}),
        ("GET", "/orders/export.xlsx", {}),
        ("DELETE", "/orders/2", {}),
        ("GET", "/health", {}),
        ("GET", "/feed", {}),
        ("GET", "/openapi.json", {}),
        ("GET", "/docs", {}),
        ("GET", "/-/ready", {}),
        ("GET", "/nothing", {"headers": {"accept": "text/html"}}),
    ]
    answers = [canonical(await client.request(method, url, **options)) for method, url, options in requests]

    async with client.websocket("/feed") as socket:
        await client.post("/orders", json=TEA)
        answers.append((await socket.receive_text()).encode())

    return answers


async def test_every_engine_answers_alike(serve: Serve) -> None:
    said: dict[str, list[bytes]] = {}

    for engine in ENGINES:
        async with serve(engine) as client:
            said[engine] = await converse(client)

    for engine in ENGINES[1:]:
        for expected, answer in zip(said["memory"], said[engine], strict=True):
            assert answer == expected, engine
