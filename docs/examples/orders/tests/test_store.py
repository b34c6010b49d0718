"""Orders in the database, without a web."""

import asyncio
from datetime import UTC, datetime

import pytest

from orders.database import Database, open_database
from orders.feed import TooSlow, open_feed
from orders.schemas import Item, NewOrder, OrderChange, Status
from orders.store import IllegalMove, OrderChanged, OrderNotFound, Store

TEA = NewOrder(
    customer="Ada", items=[Item(sku="TEA", quantity=2, price_cents=450), Item(sku="CUP", quantity=1, price_cents=5)]
)


async def create(database: Database) -> int:
    async with database.write() as session:
        return (await Store(session).create(TEA)).id


async def move(database: Database, order_id: int, status: Status, version: int | None = None) -> str:
    try:
        async with database.write() as session:
            return (await Store(session).move(order_id, OrderChange(status=status, version=version))).status
    except (IllegalMove, OrderChanged) as refused:
        return type(refused).__name__


async def test_an_order_comes_back_as_it_was_placed(database: Database) -> None:
    moment = datetime(2026, 11, 22, 12, 30, 0, 123456, tzinfo=UTC)

    async with database.write() as session:
        placed = await Store(session, now=lambda: moment).create(TEA)

    async with database.read() as session:
        found = await Store(session).read(placed.id)

    assert found == placed
    assert found.model_dump(mode="json") == {
        "id": 1,
        "customer": "Ada",
        "status": "new",
        "items": [{"sku": "TEA", "quantity": 2, "price_cents": 450}, {"sku": "CUP", "quantity": 1, "price_cents": 5}],
        "version": 1,
        "created_at": "2026-11-22T12:30:00.123456Z",
        "updated_at": "2026-11-22T12:30:00.123456Z",
        "total_cents": 905,
    }


async def test_a_writer_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.write() as session:
            await Store(session).create(TEA)
            raise ZeroDivisionError

    async with database.read() as session:
        assert (await Store(session).page()).orders == []


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
async def test_only_the_moves_of_the_table_are_made(database: Database, before: Status, after: Status) -> None:
    ways = {Status.NEW: [], Status.PAID: [Status.PAID], Status.SHIPPED: [Status.PAID, Status.SHIPPED]}
    order_id = await create(database)

    for status in ways.get(before, [Status.CANCELLED]):
        await move(database, order_id, status)

    legal = {("new", "paid"), ("new", "cancelled"), ("paid", "shipped"), ("paid", "cancelled")}
    expected = str(after) if (before, after) in legal else "IllegalMove"

    assert await move(database, order_id, after) == expected


async def test_of_rivals_for_one_order_exactly_one_wins_each_version(database: Database) -> None:
    order_id = await create(database)
    outcomes = await asyncio.gather(*(move(database, order_id, Status.PAID, version=1) for _ in range(20)))

    assert sorted(outcomes) == ["OrderChanged"] * 19 + ["paid"]


async def test_no_move_is_lost_among_rivals(database: Database) -> None:
    order_id = await create(database)
    wanted = [Status.PAID, Status.CANCELLED, Status.SHIPPED] * 10
    outcomes = await asyncio.gather(*(move(database, order_id, status) for status in wanted))

    async with database.read() as session:
        order = await Store(session).read(order_id)
        history = await Store(session).history(order_id)

    made = [outcome for outcome in outcomes if outcome in {"paid", "cancelled", "shipped"}]
    assert sorted(change.status for change in history) == sorted(["new", *made])
    assert [change.version for change in history] == list(range(1, order.version + 1))
    assert history[-1].status == order.status


async def test_one_who_has_read_an_older_version_writes_nothing(database: Database) -> None:
    order_id = await create(database)
    await move(database, order_id, Status.PAID)

    assert await move(database, order_id, Status.SHIPPED, version=1) == "OrderChanged"


async def test_a_deleted_number_is_never_given_again(database: Database) -> None:
    first = await create(database)

    async with database.write() as session:
        await Store(session).delete(first)

    async with database.read() as session:
        with pytest.raises(OrderNotFound):
            await Store(session).read(first)

        assert [change.status for change in await Store(session).history(first)] == ["new", "deleted"]

    assert await create(database) == first + 1


async def test_pages_follow_each_other_without_gap_or_repetition(database: Database) -> None:
    numbers = [await create(database) for _ in range(7)]
    await move(database, numbers[3], Status.PAID)
    found: list[int] = []
    after = 0

    async with database.read() as session:
        while True:
            page = await Store(session).page(status=Status.NEW, limit=2, after=after)
            found += [order.id for order in page.orders]

            if page.next_after is None:
                break

            after = page.next_after

    assert found == [number for number in numbers if number != numbers[3]]


async def test_processes_may_make_the_tables_at_the_same_time(url: str) -> None:
    async def start() -> str:
        async with open_database(url) as database:
            return await database.ping()

    assert await asyncio.gather(*(start() for _ in range(8))) == [url.partition("+")[0]] * 8


async def test_a_listener_hears_what_is_committed_after_it_came(database: Database) -> None:
    await create(database)

    async with open_feed(database, interval=60) as feed, feed.listen() as listener:
        order_id = await create(database)
        feed.wake()
        created = await anext(listener)
        await move(database, order_id, Status.CANCELLED)
        feed.wake()
        cancelled = await anext(listener)

    assert (created.order_id, created.status, created.is_last) == (order_id, "new", False)
    assert (cancelled.order_id, cancelled.status, cancelled.is_last) == (order_id, "cancelled", True)


async def test_a_listener_hears_of_other_processes_too(database: Database) -> None:
    async with open_feed(database, interval=0.01) as feed, feed.listen() as listener:
        order_id = await create(database)

        assert (await anext(listener)).order_id == order_id


async def test_a_listener_that_falls_behind_is_told_so(database: Database) -> None:
    async with open_feed(database, interval=60) as feed:
        feed.room = 2

        async with feed.listen() as listener:
            for _ in range(3):
                await create(database)

            await feed.look()

            assert [(await anext(listener)).order_id for _ in range(2)] == [1, 2]

            with pytest.raises(TooSlow):
                await anext(listener)
