"""One HTTP/1.1 request of our own protocol for uvicorn: the verbs of the waist, straight onto the transport."""

import asyncio
from typing import TYPE_CHECKING, Any

from hagworm.facade.exchange import Address, BodyError, Capabilities, ClientDisconnected, HeaderPairs
from hagworm.frame.asgi.guest import http_scope
from hagworm.frame.asgi.protocol import Scope

if TYPE_CHECKING:
    from hagworm.frame.asgi.http1 import Http1Protocol

__all__ = ("DirectExchange",)

CAPS: Capabilities = frozenset({"raw_path"})
CLOSE = (b"connection", b"close")
HIGH_WATER = 64 * 1024
"""Bytes of a body that wait unread before the socket is no longer read."""
COPY_LIMIT = 16 * 1024
"""Up to here a body is cheaper to copy behind its head than to send as a piece of its own."""
WRITES_PER_TURN = 4


class DirectExchange:
    """One request. One is made for each, so it keeps what is at hand and computes nothing."""

    __slots__ = (
        "_scope",
        "arrived",
        "chunked",
        "complete",
        "departure",
        "failure",
        "headers",
        "inbox",
        "keep_alive",
        "method",
        "path",
        "protocol",
        "query",
        "remaining",
        "started",
        "unread",
        "version",
        "waits",
    )

    caps = CAPS

    def __init__(
        self, protocol: "Http1Protocol", method: str, target: bytes, version: str, headers: list[tuple[bytes, bytes]]
    ) -> None:
        self.protocol = protocol
        self.method = method
        self.path, _, self.query = target.partition(b"?")
        self.version = version
        self.headers: HeaderPairs = headers
        self.keep_alive = True
        self.started = False
        self.complete = False
        # None once the whole body has been handed over; the pieces that wait, before.
        self.unread = True
        self.inbox: bytes = b""
        self.failure: BodyError | None = None
        self.arrived: asyncio.Future[None] | None = None
        self.departure: asyncio.Future[None] | None = None
        self._scope: Scope | None = None
