"""What goes over the wire, and which moves an order may make."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, computed_field

__all__ = (
    "MOVES",
    "Change",
    "Item",
    "NewOrder",
    "Order",
    "OrderChange",
    "OrderPage",
    "Status",
    "blank_as",
    "can_move",
)


class Status(StrEnum):
    """Where an order stands."""

    NEW = "new"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


MOVES: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.PAID, Status.CANCELLED}),
    Status.PAID: frozenset({Status.SHIPPED, Status.CANCELLED}),
    Status.SHIPPED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""From each status, those that may follow it; an order from which none does is closed."""


def can_move(current: Status, wanted: Status) -> bool:
    """Tell whether an order may go from `current` to `wanted`; staying is not a move."""
    return wanted in MOVES[current]


def blank_as(default: Any) -> BeforeValidator:
    """Take a filter that was left empty (`?status=&limit=`), as forms send it, for one that is not there."""
    return BeforeValidator(lambda value: default if value == "" else value)


Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Strict(BaseModel):
    """A request body: what it does not name is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Item(Strict):
    """One line of an order; money is in whole cents."""

    sku: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["TEA-100"])]
    quantity: Annotated[int, Field(ge=1, le=10_000)]
    price_cents: Annotated[int, Field(ge=0, le=100_000_000, description="Price of one piece, in cents.")]


class NewOrder(Strict):
    """An order to be placed."""

    customer: Annotated[Text, Field(examples=["Ada Lovelace"])]
    items: Annotated[list[Item], Field(min_length=1, max_length=100)]


class OrderChange(Strict):
    """A move of an order to another status."""

    status: Status
    version: Annotated[
        int | None,
        Field(ge=1, description="The version that the caller has read: 409 if the order has changed since."),
    ] = None


class Order(BaseModel):
    """An order."""

    id: int
    customer: str
    status: Status
    items: list[Item]
    version: int
    created_at: datetime
    updated_at: datetime

    @computed_field(description="What the items cost together, in cents.")  # type: ignore[prop-decorator]  # pydantic's
    @property
    def total_cents(self) -> int:
        return sum(item.quantity * item.price_cents for item in self.items)


class OrderPage(BaseModel):
    """Some orders, oldest first."""

    orders: list[Order]
    next_after: Annotated[int | None, Field(description="`after` of the next page, null on the last one.")]


class Change(BaseModel):
    """Something that has happened to an order: it has reached a status, or it has been `deleted`."""

    order_id: int
    version: int
    status: str
    at: datetime

    @property
    def is_last(self) -> bool:
        """Whether nothing can follow it."""
        return self.status == "deleted" or not MOVES[Status(self.status)]
