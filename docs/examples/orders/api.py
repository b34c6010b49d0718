"""The routes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from hagworm import (
    App,
    BackgroundTasks,
    Conflict,
    Depends,
    EventStream,
    Header,
    NotFound,
    Request,
    Response,
    Router,
    ServerSentEvent,
    Unauthorized,
    WebSocket,
    WebSocketClosed,
)
from orders.database import Database
from orders.dependencies import Reading, Writing, require_token
from orders.export import XLSX, write_workbook
from orders.feed import Feed, Listener, TooSlow
from orders.schemas import MOVES, Change, NewOrder, Order, OrderChange, OrderPage, Status, blank_as
from orders.store import Store

__all__ = ("router",)

router = Router()

LARGEST = 2**63 - 1

# What the documentation says of a route beside its success.
REFUSED = {401: Unauthorized}
MISSING = {404: NotFound}
CLASHING = {409: Conflict}
EVENTS = {204: "Nothing more can happen to the order."}
SPREADSHEET = {200: {"description": "xlsx", "content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}}}
FAILING = {503: {"model": dict[str, str], "description": "The database cannot be reached."}}

writes = Router(dependencies=[Depends(require_token)])


@writes.post("/orders", status=201, tags=["orders"], responses=REFUSED)
async def create_order(
    order: NewOrder, store: Writing, request: Request, response: Response, background: BackgroundTasks
) -> Order:
    """Place an order."""
    placed = await store.create(order)
    response.headers["location"] = request.app.url("read_order", order_id=placed.id)
    background.add(thank, request.app.state.database, placed)
    return placed


@router.get("/orders", tags=["orders"])
async def list_orders(
    store: Reading,
    status: Annotated[Status | None, blank_as(None)] = None,
    limit: Annotated[int, Field(ge=1, le=100), blank_as(20)] = 20,
    after: Annotated[int, Field(ge=0, le=LARGEST), blank_as(0)] = 0,
) -> OrderPage:
    """List orders, lowest number first, a page at a time."""
    return await store.page(status=status, limit=limit, after=after)


@router.get("/orders/export.xlsx", tags=["orders"], responses=SPREADSHEET)
async def export_orders(store: Reading) -> Response:
    """Return all orders as a spreadsheet."""
    content = await asyncio.to_thread(write_workbook, await store.all())
    return Response(content, headers={"content-disposition": 'attachment; filename="orders.xlsx"'}, media_type=XLSX)


@router.get("/orders/{order_id:int}", tags=["orders"], responses=MISSING)
async def read_order(order_id: int, store: Reading) -> Order:
    """Return an order."""
    return await store.read(order_id)


@writes.patch("/orders/{order_id:int}", tags=["orders"], responses=REFUSED | MISSING | CLASHING)
async def change_order(order_id: int, change: OrderChange, store: Writing) -> Order:
    """Take an order to another status: new → paid → shipped; new and paid orders may be cancelled."""
    return await store.move(order_id, change)


@writes.delete("/orders/{order_id:int}", status=204, tags=["orders"], responses=REFUSED | MISSING | CLASHING)
async def delete_order(order_id: int, store: Writing) -> None:
    """Remove an order for good."""
    await store.delete(order_id)


@router.get("/orders/{order_id:int}/events", tags=["orders"], responses=MISSING | EVENTS)
async def order_events(
    order_id: int, app: App, store: Reading, last_event_id: Annotated[int, Header(ge=0, le=LARGEST)] = 0
) -> EventStream | Response:
    """Tell what happens to an order, from its beginning or from `Last-Event-ID` on, until nothing more can happen."""
    order = await store.read(order_id)

    if not MOVES[order.status] and last_event_id >= order.version:
        # A browser comes back when a stream has ended, unless it is told that there is nothing more (WHATWG HTML 9.2).
        return Response(status=204)

    return EventStream(follow(app.state.database, app.state.feed, order_id, last_event_id))


@router.websocket("/feed")
async def feed(ws: WebSocket) -> None:
    """Send every change of every order as it is made."""
    async with ws.app.state.feed.listen() as changes:
        await ws.accept()

        async with asyncio.TaskGroup() as tasks:
            teller = tasks.create_task(tell(ws, changes))

            async for _ in ws:
                """Nothing is expected of the client but that it leaves, which ends the loop."""

            teller.cancel()


@router.get("/health", tags=["service"], responses=FAILING)
async def health(app: App, response: Response) -> dict[str, str]:
    """Say whether the service can do its work."""
    try:
        kind = await app.state.database.ping()
    except SQLAlchemyError:
        response.status = 503
        return {"status": "failing", "database": "unreachable"}

    return {"status": "ok", "database": kind}


router.include(writes)


async def thank(database: Database, order: Order) -> None:
    """Leave a message for the customer, once the answer is on its way."""
    async with database.write() as session:
        await Store(session).queue_mail(order.id, order.customer, f"We have received your order {order.id}.")


async def follow(database: Database, feed: Feed, order_id: int, version: int) -> AsyncIterator[ServerSentEvent]:
    async with feed.listen() as changes:
        async with database.read() as session:
            history = await Store(session).history(order_id, after_version=version)

        for change in history:
            yield event(change)
            version = change.version

            if change.is_last:
                return

        # A listener that falls behind is cut off; it comes back with the number of the last event it has seen.
        async for change in changes:
            if change.order_id == order_id and change.version > version:
                yield event(change)
                version = change.version

                if change.is_last:
                    return


def event(change: Change) -> ServerSentEvent:
    return ServerSentEvent(change.model_dump(mode="json"), event=change.status, id=str(change.version))


async def tell(ws: WebSocket, changes: Listener) -> None:
    try:
        async for change in changes:
            await ws.send_json(change.model_dump(mode="json"))
    except TooSlow:
        await ws.close(1013, "too slow")
    except WebSocketClosed:
        return
