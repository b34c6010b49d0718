"""Exchanges seen from below a mount: with another path, or with a header added to whatever is answered."""

from collections.abc import Awaitable
from typing import Any

from hagworm.facade.exchange import HeaderPairs

__all__ = ("Prefixed", "Stamped")


class Proxy:
    """Everything of the exchange behind it."""

    __slots__ = ("exchange",)

    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self.exchange, name)


class Prefixed(Proxy):
    """An exchange whose path begins behind the prefix of a mount."""

    __slots__ = ("path",)

    def __init__(self, exchange: Any, prefix: str) -> None:
        super().__init__(exchange)
        self.path = exchange.path[len(prefix) :] or b"/"


class Stamped(Proxy):
    """An exchange whose response carries `stamp`, and that remembers its status."""

    __slots__ = ("stamp", "status")

    def __init__(self, exchange: Any, stamp: HeaderPairs) -> None:
        super().__init__(exchange)
        self.stamp = stamp
        self.status = 0

    def reply(self, status: int, headers: HeaderPairs, body: bytes) -> Awaitable[None] | None:
        self.status = status
        replied: Awaitable[None] | None = self.exchange.reply(status, [*headers, *self.stamp], body)
        return replied

    async def start(self, status: int, headers: HeaderPairs) -> None:
        self.status = status
        await self.exchange.start(status, [*headers, *self.stamp])

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        self.status = 101
        await self.exchange.accept(subprotocol, [*headers, *self.stamp])

    async def reject(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        self.status = status
        await self.exchange.reject(status, [*headers, *self.stamp], body)
