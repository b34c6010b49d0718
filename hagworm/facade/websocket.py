"""One WebSocket, from handshake to close."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from hagworm.facade.connection import Connection
from hagworm.facade.exchange import ClientDisconnected, Closed, WsExchange
from hagworm.facade.headers import HeaderSource, encode_headers

if TYPE_CHECKING:
    from hagworm.facade.runtime import Runtime

__all__ = ("WebSocket", "WebSocketClosed", "drop")

MAX_REASON = 123


class WebSocketClosed(ConnectionError):
    """The connection has ended: `code` is 1005 for a close frame without one, 1006 where there was none at all."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"closed with {self.code}{f' ({self.reason})' if self.reason else ''}"


def is_close_code(code: int) -> bool:
    """Whether a server may send `code` in a close frame (RFC 6455 7.4)."""
    return code in (1000, 1001, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999


class WebSocket(Connection):
    """A WebSocket; iterate it for its messages, `str` or `bytes`, until it is closed."""

    __slots__ = ("_receiving", "accepted", "answered", "closed", "subprotocol")

    def __init__(self, runtime: "Runtime", exchange: WsExchange, id_bytes: bytes) -> None:
        super().__init__(runtime, exchange, id_bytes)
        self.accepted = False
        self.answered = False
        self.closed: Closed | None = None
        self.subprotocol: str | None = None
        self._receiving = False

    @property
    def subprotocols(self) -> Sequence[str]:
        """What the client offers, in its order."""
        offered: Sequence[str] = self.exchange.subprotocols
        return offered

    async def accept(self, subprotocol: str | None = None, headers: HeaderSource | None = None) -> None:
        """Complete the handshake. Raises ValueError for a subprotocol that was not offered, `WebSocketClosed` if the
        client has left."""
        if self.answered:
            raise RuntimeError("this WebSocket has been accepted or rejected already")

        if subprotocol is not None and subprotocol not in self.subprotocols:
            raise ValueError(
                f"subprotocol {subprotocol!r} was not offered; the client offers {list(self.subprotocols)!r}"
            )

        pairs = encode_headers(headers)
        self.answered = True

        try:
            await self.exchange.accept(subprotocol, [*pairs, (b"x-request-id", self.id_bytes)])
        except ClientDisconnected as exc:
            self.closed = Closed(1006)
            raise WebSocketClosed(1006) from exc

        self.accepted = True
        self.subprotocol = subprotocol

    async def reject(self, status: int = 403, headers: HeaderSource | None = None, body: bytes | str = b"") -> None:
        """Refuse the handshake with an HTTP response; a server that cannot sends a bare 403."""
        if self.answered:
            raise RuntimeError("this WebSocket has been accepted or rejected already")

        if not 300 <= status <= 599:
            raise ValueError(f"reject: {status} does not refuse anything (300 to 599)")

        data = body.encode() if isinstance(body, str) else body
        pairs = encode_headers(headers)
        self.answered = True
        self.closed = Closed(1006)
        pairs += [(b"content-length", b"%d" % len(data)), (b"x-request-id", self.id_bytes)]
        await self.exchange.reject(status, pairs, data)

    async def receive(self) -> str | bytes:
        """Return the next message. Raises `WebSocketClosed` after the last, RuntimeError for a second receiver."""
        if not self.accepted:
            raise RuntimeError("accept() this WebSocket before receiving from it")

        if self.closed is not None:
            raise WebSocketClosed(self.closed.code, self.closed.reason)

        if self._receiving:
            raise RuntimeError("another task receives from this WebSocket already; messages go to one receiver")

        self._receiving = True

        try:
            message: str | bytes | Closed = await self.exchange.recv()
        finally:
            self._receiving = False

        if isinstance(message, Closed):
            self.closed = message
            raise WebSocketClosed(message.code, message.reason)

        if len(message) > self.limits.ws_message:
            await self.close(1009, "message too big")
            raise WebSocketClosed(1009, "message too big")

        return message

    async def receive_text(self) -> str:
        """Return the next message as text; a binary one closes the connection with 1003."""
        message = await self.receive()

        if isinstance(message, str):
            return message

        await self.close(1003, "text expected")
        raise WebSocketClosed(1003, "text expected")

    async def receive_bytes(self) -> bytes:
        """Return the next message as bytes; a text one closes the connection with 1003."""
        message = await self.receive()

        if isinstance(message, bytes):
            return message

        await self.close(1003, "binary expected")
        raise WebSocketClosed(1003, "binary expected")

    async def receive_json(self) -> Any:
        """Return the next message parsed as JSON. Raises `HTTPError` 400 where it is not; uncaught, that closes."""
        from hagworm.facade.bodies import parse_json

        message = await self.receive()
        return parse_json(message.encode() if isinstance(message, str) else message)

    recv = receive
    recv_text = receive_text
    recv_bytes = receive_bytes
    recv_json = receive_json

    async def send(self, data: str | bytes) -> None:
        """Send one message and wait until the transport takes more. Raises `WebSocketClosed`."""
        if not self.accepted:
            raise RuntimeError("accept() this WebSocket before sending to it")

        if self.closed is not None:
            raise WebSocketClosed(self.closed.code, self.closed.reason)

        try:
            await self.exchange.send(data)
        except ClientDisconnected as exc:
            raise WebSocketClosed(1006) from exc

    async def send_text(self, data: str) -> None:
        """Send text. Raises as `send`."""
        await self.send(data)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message. Raises as `send`."""
        await self.send(data)

    async def send_json(self, value: Any) -> None:
        """Send `value` as JSON text. Raises as `send`, and as `hagworm.facade.encoding.to_json`."""
        from hagworm.facade.encoding import to_json

        await self.send(to_json(value).decode())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame, if the connection has not ended. Raises ValueError for a code nobody may send."""
        if not is_close_code(code):
            raise ValueError(f"close code {code} may not be sent; use 1000, 1001, 1003, 1007-1014 or 3000-4999")

        if len(reason.encode()) > MAX_REASON:
            raise ValueError(f"the reason of a close frame is at most {MAX_REASON} bytes long")

        if not self.answered:
            await self.reject(403)
            return

        if self.closed is None:
            self.closed = Closed(code, reason)
            await self.exchange.close(code, reason)

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        return self.messages()

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Yield every message until the connection is closed, by either side and however."""
        while True:
            try:
                message = await self.receive()
            except WebSocketClosed:
                return

            yield message


async def drop(socket: WebSocket, code: int, reason: str, seconds: float) -> None:
    """Close `socket` from outside of its handler, giving the peer at most `seconds`; refuse it before its handshake."""
    try:
        async with asyncio.timeout(seconds):
            if socket.answered:
                await socket.close(code, reason)
            else:
                await socket.reject(503)
    except TimeoutError:
        return
