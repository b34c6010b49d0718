"""One HTTP request of an ASGI server, and the way to answer it."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from hagworm.facade.exchange import BodyError, ClientDisconnected, HeaderPairs
from hagworm.frame.asgi.head import AsgiHead, raw_path
from hagworm.frame.asgi.profiles import drop, profile_of
from hagworm.frame.asgi.protocol import Receive, Scope, Send
from hagworm.frame.asgi.shortcut import is_open, write_whole
from hagworm.frame.asgi.watcher import DISCONNECT, Watcher

if TYPE_CHECKING:
    from hagworm.frame.asgi.entrance import Entrance

__all__ = ("AsgiExchange",)

WRITES_PER_TURN = 4
BODILESS = ("GET", "HEAD", "OPTIONS")
CLOSE = (b"connection", b"close")
SKIPPED = 4
"""Digits of the length of a body that is skipped to keep its connection; a longer one ends it."""


def leaves_body(headers: HeaderPairs) -> bool:
    """Whether a body that nobody has read is to come: more than is worth skipping, or perhaps none at all."""
    return any(name == b"expect" or (name == b"content-length" and len(value) > SKIPPED) for name, value in headers)


class AsgiExchange(AsgiHead):
    """One request. One is made for each, so it keeps what is at hand and computes nothing."""

    __slots__ = ("entrance", "method", "reading", "receive", "send", "unread", "watcher", "writes")

    def __init__(self, scope: Scope, receive: Receive, send: Send, entrance: "Entrance") -> None:
        self.native = scope
        self.receive = receive
        self.send = send
        self.entrance = entrance
        self.method: str = scope["method"]
        # granian calls it "1".
        self.version = "1.0" if (version := scope["http_version"]) == "1" else version
        self.query = scope["query_string"]
        # A snapshot: uvicorn appends trailers to this very list while the body arrives.
        self.headers = tuple(scope["headers"])
        self.watcher: Watcher | None = None
        self.reading = False
        self.unread = True
        path: bytes | None = scope.get("raw_path")

        if not path or scope.get("root_path") or b"?" in path:
            path = raw_path(scope)

        self.path = path

    async def read(self) -> bytes:
        """Return the next piece of the body, `b""` at its end. Raises `ClientDisconnected` or `BodyError`."""
        self.reading = True

        while self.unread:
            message = await (self.receive() if self.watcher is None else self.watcher.next())

            if message["type"] == DISCONNECT:
                if profile_of(self.receive).hides_framing:
                    raise BodyError(400, "the request body is broken, or the client went away before its end")

                raise ClientDisconnected("the client went away before the request body was complete")

            self.unread = message.get("more_body", False)

            if piece := message.get("body", b""):
                return bytes(piece)

        return b""

    def reply(self, status: int, headers: HeaderPairs, body: bytes) -> Awaitable[None] | None:
        """Send a whole response. Raises `ClientDisconnected` where the server tells."""
        if self.watcher is not None:
            self.watcher.stop()

        if not self.reading and self.method not in BODILESS and leaves_body(self.headers):
            headers = [*headers, CLOSE]

        cycle = getattr(self.send, "__self__", None)

        if is_open(cycle):
            write_whole(cycle, status, headers, body)
            return None

        return self.send_messages(status, headers, body)

    async def send_messages(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        try:
            await self.send({"type": "http.response.start", "status": status, "headers": headers})
            await self.send({"type": "http.response.body", "body": body})
        except OSError as exc:
            raise ClientDisconnected("the client went away before the response") from exc

    async def start(self, status: int, headers: HeaderPairs) -> None:
        """Send the head of a response, and watch for the client from now on. Raises `ClientDisconnected`."""
        self.writes = 0

        if not self.reading and self.method not in BODILESS and leaves_body(self.headers):
            headers = [*headers, CLOSE]

        await self.push({"type": "http.response.start", "status": status, "headers": headers})

        if self.watcher is None:
            self.watcher = Watcher(self.receive)
        else:
            self.watcher.release()

    async def write(self, chunk: bytes) -> None:
        """Send one piece and wait until the transport takes more. Raises `ClientDisconnected`."""
        if not chunk:
            return

        await self.push({"type": "http.response.body", "body": chunk, "more_body": True})
        self.writes += 1

        if not self.writes % WRITES_PER_TURN:
            # A server that drops what is sent to a vanished client never suspends: the loop would never hear of it.
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """End the response cleanly. Raises `ClientDisconnected`."""
        await self.push({"type": "http.response.body", "body": b"", "more_body": False})

        if self.watcher is not None:
            self.watcher.stop()

    async def push(self, message: dict[str, object]) -> None:
        if self.watcher is not None and self.watcher.gone.done():
            raise ClientDisconnected("the client went away during the response")

        try:
            await self.send(message)
        except OSError as exc:
            raise ClientDisconnected("the client went away during the response") from exc

    def abort(self) -> None:
        """Drop the connection; where the server gives no way to it, it does so itself when the callable returns."""
        if self.watcher is not None:
            self.watcher.stop()

        drop(self.receive)

    @property
    def gone(self) -> "asyncio.Future[None]":
        """Resolved when the client goes away before the response is complete."""
        if self.watcher is None:
            # The first `receive` sends `100 Continue`, which only a read or a response may bring about.
            waits = not self.reading and any(name == b"expect" for name, _ in self.headers)
            self.watcher = Watcher(self.receive, hold=waits)

        return self.watcher.gone

    @property
    def has_native(self) -> bool:
        """Whether an application of the framework stands behind."""
        return self.entrance.native() is not None

    async def pass_on(self, headers: HeaderPairs) -> int:
        """Let the native application answer, with `headers` added to its response; return the status it sent.

        Raises, before anything is sent, what that application raises, and `HTTPError` for a body that is too large.
        """
        native = self.entrance.native()
        assert native is not None, "pass_on is for has_native"
        return await native.http(self, headers, self.entrance.runtime)
