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
    """An exchange whose path begins behind the prefix of a mount, which is the end of its `base_path`."""

    __slots__ = ("base_path", "path")

    def __init__(self, exchange: Any, prefix: str) -> None:
        super().__init__(exchange)
        self.base_path: str = getattr(exchange, "base_path", "") + prefix
        self.path = below(exchange.path, prefix)

    @property
    def has_native(self) -> bool:
        """False: a mount is terminal; what it does not answer is nobody else's."""
        return False


def below(target: bytes, prefix: str) -> bytes:
    """Return a raw target without the segments of `prefix`, which may be spelled with escapes there."""
    start = 0 if target.startswith(b"/") else target.find(b"/", target.find(b"://") + 3)
    depth = prefix.count("/") + 1
    segments = target[start:].split(b"/", depth) if start >= 0 else []
    return target[: max(start, 0)] + b"/" + (segments[depth] if len(segments) > depth else b"")


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
