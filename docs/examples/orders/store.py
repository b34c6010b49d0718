"""What can be done with orders, in terms of one database session."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Result, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from orders.models import ChangeRow, ItemRow, MailRow, OrderRow
from orders.schemas import MOVES, Change, NewOrder, Order, OrderChange, OrderPage, Status, can_move

__all__ = ("CHANGES_AT_ONCE", "OVERLAP", "IllegalMove", "OrderChanged", "OrderNotFound", "Store", "utc_now")

CHANGES_AT_ONCE = 1000
OVERLAP = 100
"""How many changes before a position are read again: one with a smaller number may be committed later."""


class OrderNotFound(LookupError):
    """There is no order of this number."""

    def __init__(self, order_id: int) -> None:
        super().__init__(order_id)
        self.order_id = order_id

    def __str__(self) -> str:
        return f"There is no order {self.order_id}."


class IllegalMove(ValueError):
    """An order cannot go from its status to the wanted one."""

    def __init__(self, current: Status, wanted: Status) -> None:
        super().__init__(current, wanted)
        self.current = current
        self.wanted = wanted
        self.allowed = sorted(MOVES[current])

    def __str__(self) -> str:
        return f"An order that is {self.current} cannot become {self.wanted}."


class OrderChanged(RuntimeError):
    """The order is not any more as the caller has read it; nothing was written."""

    def __init__(self, order_id: int) -> None:
        super().__init__(order_id)
        self.order_id = order_id

    def __str__(self) -> str:
        return f"Order {self.order_id} has changed meanwhile: read it again."


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


class Store:
    """The orders, as one session sees them. Whoever opened the session commits it."""

    def __init__(self, session: AsyncSession, now: Callable[[], datetime] = utc_now) -> None:
        self.session = session
        self.now = now

    async def create(self, order: NewOrder) -> Order:
        """Place an order; its number is known at once, others see it after the commit."""
        now = self.now()
        row = OrderRow(
            customer=order.customer,
            status=Status.NEW,
            version=1,
            created_at=now,
            updated_at=now,
            items=[ItemRow(position=position, **item.model_dump()) for position, item in enumerate(order.items)],
        )
        self.session.add(row)
        await self.session.flush()
        self.record(row.id, 1, Status.NEW, now)
        return Order.model_validate(row, from_attributes=True)

    async def read(self, order_id: int) -> Order:
        """Return an order. Raises OrderNotFound."""
        return Order.model_validate(await self.find(order_id), from_attributes=True)

    async def all(self) -> list[Order]:
        """Return every order, lowest number first."""
        rows = await self.session.scalars(select(OrderRow).order_by(OrderRow.id))
        return [Order.model_validate(row, from_attributes=True) for row in rows]

    async def page(self, *, status: Status | None = None, limit: int = 20, after: int = 0) -> OrderPage:
        """Return up to `limit` orders of a number greater than `after`, lowest number first."""
        query = select(OrderRow).where(OrderRow.id > after).order_by(OrderRow.id).limit(limit + 1)

        if status is not None:
            query = query.where(OrderRow.status == status)

        rows = (await self.session.scalars(query)).all()
        orders = [Order.model_validate(row, from_attributes=True) for row in rows[:limit]]
        return OrderPage(orders=orders, next_after=orders[-1].id if len(rows) > limit else None)

    async def move(self, order_id: int, change: OrderChange) -> Order:
        """Take an order to another status.

        Of several that try at once one succeeds; the others raise IllegalMove if they see its result, OrderChanged if
        they had read the order before. Raises OrderNotFound too.
        """
        row = await self.find(order_id)
        current = Status(row.status)

        if change.version is not None and change.version != row.version:
            raise OrderChanged(order_id)

        if not can_move(current, change.status):
            raise IllegalMove(current, change.status)

        now = self.now()
        await self.write_over(row, status=change.status, updated_at=now)
        self.record(row.id, row.version, change.status, now)
        return Order.model_validate(row, from_attributes=True)

    async def delete(self, order_id: int) -> None:
        """Remove an order for good; what happened to it stays on record. Raises OrderNotFound, OrderChanged."""
        row = await self.find(order_id)
        version = row.version
        result = await self.session.execute(
            delete(OrderRow).where(OrderRow.id == order_id, OrderRow.version == version)
        )

        if rows_of(result) != 1:
            raise OrderChanged(order_id)

        self.record(order_id, version + 1, "deleted", self.now())

    async def history(self, order_id: int, *, after_version: int = 0) -> list[Change]:
        """Return what has happened to an order since a version, oldest first."""
        query = (
            select(ChangeRow)
            .where(ChangeRow.order_id == order_id, ChangeRow.version > after_version)
            .order_by(ChangeRow.version)
        )
        return [Change.model_validate(row, from_attributes=True) for row in await self.session.scalars(query)]

    async def last_change(self) -> int:
        """Return the number of the newest change, 0 where there is none."""
        return await self.session.scalar(select(func.max(ChangeRow.id))) or 0

    async def changes_around(self, position: int) -> Sequence[tuple[int, Change]]:
        """Return the changes from a little before `position` on, each with its number, in order of their numbers."""
        query = select(ChangeRow).where(ChangeRow.id > position - OVERLAP).order_by(ChangeRow.id).limit(CHANGES_AT_ONCE)
        return [(row.id, Change.model_validate(row, from_attributes=True)) for row in await self.session.scalars(query)]

    async def queue_mail(self, order_id: int, customer: str, subject: str) -> None:
        """Leave a message for the one who sends mail."""
        self.session.add(MailRow(order_id=order_id, customer=customer, subject=subject, at=self.now()))
        await self.session.flush()

    async def mails(self, order_id: int) -> list[str]:
        """Return the subjects of the messages about an order."""
        query = select(MailRow.subject).where(MailRow.order_id == order_id).order_by(MailRow.id)
        return list(await self.session.scalars(query))

    async def find(self, order_id: int) -> OrderRow:
        # No database has a number for what is larger.
        if order_id >= 2**63 or (row := await self.session.get(OrderRow, order_id)) is None:
            raise OrderNotFound(order_id)

        return row

    async def write_over(self, row: OrderRow, **values: object) -> None:
        """Change a row on the condition that it still has the version that was read."""
        result = await self.session.execute(
            update(OrderRow)
            .where(OrderRow.id == row.id, OrderRow.version == row.version)
            .values(version=row.version + 1, **values)
            .execution_options(synchronize_session=False)
        )

        if rows_of(result) != 1:
            raise OrderChanged(row.id)

        await self.session.refresh(row)

    def record(self, order_id: int, version: int, status: str, at: datetime) -> None:
        self.session.add(ChangeRow(order_id=order_id, version=version, status=status, at=at))


def rows_of(result: Result[Any]) -> int:
    return cast("CursorResult[Any]", result).rowcount
