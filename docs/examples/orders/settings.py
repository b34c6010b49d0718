"""What can be configured."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from hagworm.extend.config import Range, Secret

__all__ = ("DatabaseSettings", "OrdersSettings", "Settings")

DEFAULT_TOKEN = "demo"


@dataclass(frozen=True, slots=True)
class OrdersSettings:
    """Section `orders`."""

    token: Secret = Secret(DEFAULT_TOKEN)
    """Whoever writes sends it as the header `X-Token`."""
    look_interval: Annotated[float, Range(0.01)] = 1.0
    """Seconds after which `/feed` and `/orders/{id}/events` show what another process has changed."""

    def validate(self, environment: str) -> Iterator[str]:
        """Refuse a token that anybody can guess."""
        if not self.token:
            yield "token: must not be empty"

        if environment == "production" and self.token == DEFAULT_TOKEN:
            yield "token: 'demo' is for trying things out; set one of your own in production (HAGWORM_ORDERS__TOKEN)"


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Section `database`."""

    url: str = "sqlite+aiosqlite:///orders.db"
    """For MySQL: `mysql+aiomysql://user:password@host/orders`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections of this service; those of hagworm stand beside them."""

    orders: OrdersSettings = field(default_factory=OrdersSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
