"""What an ASGI application says, as verbs of the waist, and what it hears."""

import asyncio
import logging
from collections.abc import Iterable

from hagworm.facade.exchange import (
    BodyError,
    ClientDisconnected,
    Closed,
    HeaderPairs,
    HttpExchange,
    WsExchange,
    reply_whole,
)
from hagworm.facade.failure import HTTPError, PayloadTooLarge
from hagworm.facade.headers import FIELD_VALUE, TOKEN
from hagworm.frame.asgi.protocol import Message

__all__ = ("REJECTION", "HttpConversation", "Pairs", "SocketConversation", "check_length", "clean")

BODILESS = (204, 304)
PATIENCE = 16
REJECTION = "websocket.http.response"

logger = logging.getLogger("hagworm.mount")

Pairs = list[tuple[bytes, bytes]]


class HttpConversation:
    """One request: a response that is whole with its first message goes out as one, any other in pieces.

    What an application sends that asks for more than `limit` bytes of body is dropped: the answer to that is 413.
    """

    __slots__ = (
        "begun",
        "complete",
        "departed",
        "exchange",
        "failure",
        "finished",
        "head",
        "ignored",
        "limit",
        "taken",
        "unread",
    )

    def __init__(self, exchange: HttpExchange, limit: int | None = None) -> None:
        self.exchange = exchange
        self.limit = limit
        self.taken = 0
        self.unread = True
        self.head: tuple[int, Pairs] | None = None
        self.begun = False
        self.complete = False
        self.departed = False
        self.ignored = 0
        self.finished: asyncio.Future[None] | None = None
        self.failure: HTTPError | None = None

    async def receive(self) -> Message:
        """Return the next message of the client: a piece of the body, then that it has left or was answered."""
        if self.unread and not self.complete:
            try:
                piece = await self.read()
            except ClientDisconnected:
                self.departed = True
            except HTTPError as exc:
                # ASGI has no message for it: the application hears that the client has left.
                self.failure = exc
            else:
                self.unread = bool(piece)
                return {"type": "http.request", "body": piece, "more_body": self.unread}

            self.unread = False
        elif not self.complete and self.failure is None:
            await self.departure()

        return {"type": "http.disconnect"}

    async def read(self) -> bytes:
        try:
            piece = await self.exchange.read()
        except BodyError as exc:
            raise HTTPError(exc.status, exc.detail) from exc

        self.taken += len(piece)

        if self.limit is not None and self.taken > self.limit:
            raise PayloadTooLarge(f"the body is larger than {self.limit} bytes")

        return piece

    async def departure(self) -> None:
        """Wait until the client leaves or the response is complete."""
        if self.finished is None:
            self.finished = asyncio.get_running_loop().create_future()

        gone = self.exchange.gone
        await asyncio.wait((gone, self.finished), return_when=asyncio.FIRST_COMPLETED)
        self.departed = gone.done() and not self.complete

    async def send(self, message: Message) -> None:
        """Take one message. Raises RuntimeError for one that must not come now, `ClientDisconnected`."""
        kind = message["type"]

        if self.failure is not None and not self.begun:
            return

        if self.departed:
            self.ignore(kind)
        elif kind == "http.response.start" and self.head is None:
            self.head = message["status"], clean(message.get("headers", ()))
        elif kind == "http.response.body" and self.head is not None and not self.complete:
            try:
                await self.send_body(bytes(message.get("body", b"")), more=bool(message.get("more_body", False)))
            except ClientDisconnected:
                self.departed = True
        else:
            raise RuntimeError(f"unexpected ASGI message {kind!r}")

    def ignore(self, kind: str) -> None:
        """Pass over what is said to a client that has left, but not for ever.

        Applications that listen for the departure are about to be told. Were they interrupted here, and not where they
        wait, the generators of their streams would be left behind unclosed.
        """
        self.ignored += 1

        if self.ignored > PATIENCE:
            raise ClientDisconnected(f"{kind} to a client that has left")

    async def send_body(self, body: bytes, *, more: bool) -> None:
        assert self.head is not None, "checked by send"
        status, headers = self.head

        if not more:
            self.complete = True

            if self.finished is not None and not self.finished.done():
                self.finished.set_result(None)

        if not self.begun:
            if not more:
                await self.reply(status, headers, body)
                return

            if status in BODILESS or self.exchange.method == "HEAD":
                return

            self.begun = True
            await self.exchange.start(status, headers)

        if body:
            await self.exchange.write(body)

        if not more:
            await self.exchange.finish()

    async def reply(self, status: int, headers: Pairs, body: bytes) -> None:
        if status in BODILESS:
            headers = [pair for pair in headers if pair[0] != b"content-length"]
            body = b""
        elif self.exchange.method == "HEAD":
            body = b""
        elif not any(name == b"content-length" for name, _ in headers):
            headers = [*headers, (b"content-length", b"%d" % len(body))]

        self.begun = True
        await reply_whole(self.exchange, status, headers, body)

    def settle(self, error: Exception | None = None) -> None:
        """Look at what the application, which has ended or raised `error`, has left undone.

        Raises what is to be answered instead; drops the connection where a response has begun and is not complete.
        """
        if self.departed:
            logger.info("%s: the client has left", self.exchange.path.decode("latin-1"))
        elif self.failure is not None and not self.begun:
            raise self.failure
        elif error is not None and not self.begun:
            raise error
        elif error is not None:
            logger.error("%s: the application failed", self.exchange.path.decode("latin-1"), exc_info=error)
        elif not self.begun:
            raise RuntimeError("the mounted application has not answered")

        self.abandon()

    def abandon(self) -> None:
        """Drop the connection unless the response is complete."""
        if not self.complete:
            self.exchange.abort()


class SocketConversation:
    """One WebSocket."""

    __slots__ = ("accepted", "closed", "exchange", "opened", "rejection")

    def __init__(self, exchange: WsExchange) -> None:
        self.exchange = exchange
        self.opened = False
        self.accepted = False
        self.closed = False
        self.rejection: tuple[int, Pairs, list[bytes]] | None = None

    async def receive(self) -> Message:
        """Return the next message of the client."""
        if not self.opened:
            self.opened = True
            return {"type": "websocket.connect"}

        message = await self.exchange.recv()

        if isinstance(message, Closed):
            self.closed = True
            return {"type": "websocket.disconnect", "code": message.code, "reason": message.reason}

        return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}

    async def send(self, message: Message) -> None:
        """Take one message. Raises RuntimeError for one that must not come now, `ClientDisconnected`."""
        kind = message["type"]

        if self.closed:
            raise ClientDisconnected(f"{kind} after the end of the WebSocket")

        if self.accepted and kind == "websocket.send":
            text: str | None = message.get("text")
            await self.exchange.send(bytes(message["bytes"]) if text is None else text)
        elif self.accepted and kind == "websocket.close":
            await self.close(message.get("code") or 1000, message.get("reason") or "")
        elif not self.accepted and kind == "websocket.accept":
            self.accepted = True
            await self.exchange.accept(message.get("subprotocol"), clean(message.get("headers", ())))
        elif not self.accepted and kind == "websocket.close":
            await self.reject(403, [], b"")
        elif not self.accepted and kind == f"{REJECTION}.start":
            self.rejection = message["status"], clean(message.get("headers", ())), []
        elif self.rejection is not None and kind == f"{REJECTION}.body":
            status, headers, pieces = self.rejection
            pieces.append(bytes(message.get("body", b"")))

            if not message.get("more_body", False):
                await self.reject(status, headers, b"".join(pieces))
        else:
            raise RuntimeError(f"unexpected ASGI message {kind!r}")

    async def reject(self, status: int, headers: Pairs, body: bytes) -> None:
        self.closed = True

        if not any(name == b"content-length" for name, _ in headers):
            headers = [*headers, (b"content-length", b"%d" % len(body))]

        await self.exchange.reject(status, headers, body)

    async def close(self, code: int, reason: str) -> None:
        self.closed = True
        await self.exchange.close(code, reason)

    async def settle(self, error: Exception | None = None) -> None:
        """End what the application, which has ended or raised `error`, has left open."""
        if isinstance(error, ClientDisconnected):
            logger.info("%s: the client has left", self.exchange.path.decode("latin-1"))
        elif error is not None:
            logger.error("%s: the application failed", self.exchange.path.decode("latin-1"), exc_info=error)

        if self.closed:
            return

        if self.accepted:
            await self.close(1000 if error is None else 1011, "")
        else:
            await self.reject(500 if error else 403, [], b"")


def clean(headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Return `headers` in lower case, without those of the connection. Raises ValueError for one that is malformed.

    Framing belongs to the engine; a line break in a value would let whoever wrote it write the rest of the response.
    """
    pairs = []

    for name, value in headers:
        name = bytes(name).lower()
        value = bytes(value)

        if not TOKEN.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} of a mounted application is malformed")

        if name == b"connection":
            if b"close" in [token.strip() for token in value.lower().split(b",")]:
                pairs.append((name, b"close"))
        elif name not in (b"transfer-encoding", b"keep-alive"):
            pairs.append((name, value))

    return pairs


def check_length(headers: HeaderPairs, limit: int | None) -> None:
    """Raise `PayloadTooLarge` where the client has announced more than `limit`, before a byte of it is read."""
    if limit is not None:
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > limit:
                raise PayloadTooLarge(f"the body is larger than {limit} bytes")
