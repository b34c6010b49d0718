"""The tables."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ("ChangeRow", "ItemRow", "MailRow", "OrderRow", "Table")

Id = BigInteger().with_variant(Integer(), "sqlite")


class Moment(TypeDecorator[datetime]):
    """A point in time to the microsecond; kept in UTC, since neither SQLite nor MySQL keeps an offset."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DATETIME(fsp=6) if dialect.name in ("mysql", "mariadb") else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Table(DeclarativeBase):
    """What all tables share."""

    type_annotation_map = {datetime: Moment}


class OrderRow(Table):
    """An order as it is now."""

    __tablename__ = "orders"
    __table_args__ = (
        # Serves `WHERE status = ? AND id > ?`. A constraint rather than an index: it comes with the table in one
        # statement, so that processes which start together cannot meet between the two.
        UniqueConstraint("status", "id"),
        # A number that was given to one order is never given to another.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    customer: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    items: Mapped[list["ItemRow"]] = relationship(
        order_by="ItemRow.position", cascade="all, delete-orphan", lazy="selectin", passive_deletes=True
    )


class ItemRow(Table):
    """One line of an order."""

    __tablename__ = "order_items"

    order_id: Mapped[int] = mapped_column(Id, ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(64))
    quantity: Mapped[int]
    price_cents: Mapped[int] = mapped_column(BigInteger)


class ChangeRow(Table):
    """What has happened to an order, written in the transaction that did it; it outlives the order."""

    __tablename__ = "order_changes"
    __table_args__ = (UniqueConstraint("order_id", "version"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    order_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]


class MailRow(Table):
    """A message to a customer, waiting to be sent."""

    __tablename__ = "mails"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    order_id: Mapped[int] = mapped_column(BigInteger)
    customer: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]
