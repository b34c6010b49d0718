"""One WebSocket of an ASGI server."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from hagworm.facade.exchange import ClientDisconnected, Closed, HeaderPairs
from hagworm.frame.asgi.head import REJECT_BODY, AsgiHead, raw_path
from hagworm.frame.asgi.profiles import note_refusal, profile_of
from hagworm.frame.asgi.protocol import Message, Receive, Scope, Send

if TYPE_CHECKING:
    from hagworm.frame.asgi.entrance import Entrance

__all__ = ("AsgiSocket",)

NO_STATUS = 1005
ABNORMAL = 1006


class AsgiSocket(AsgiHead):
    """One handshake and the connection behind it."""

    __slots__ = (
        "closed",
        "closing",
        "connected",
        "entrance",
        "method",
        "receive",
        "send_message",
        "subprotocols",
        "waiting",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, entrance: "Entrance") -> None:
        self.native = scope
        self.receive = receive
        self.send_message = send
        self.entrance = entrance
        self.method = scope.get("method", "GET")
        self.version = scope.get("http_version", "1.1")
        self.path = raw_path(scope)
        self.query = scope.get("query_string", b"")
        self.headers = tuple(scope["headers"])
        self.subprotocols: Sequence[str] = tuple(scope.get("subprotocols") or ())
        self.connected = False
        self.waiting: Awaitable[Message] | None = None
        self.closed: Closed | None = None
        self.closing: asyncio.Future[None] | None = None

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        """Complete the handshake. Raises `ClientDisconnected`."""
        await self.connect()
        await self.push({"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers})

    async def reject(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        """Refuse the handshake with an HTTP response, or with 403 where the server knows no other."""
        await self.connect()

        if REJECT_BODY in (self.native.get("extensions") or ()):
            await self.push({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await self.push({"type": "websocket.http.response.body", "body": body})
            note_refusal(self.send_message)
        else:
            await self.push({"type": "websocket.close", "code": 1000, "reason": ""})

        self.closed = Closed(ABNORMAL)

    async def recv(self) -> str | bytes | Closed:
        """Return the next message, or how the connection ended."""
        if self.closed is None:
            self.waiting = self.receive()

            try:
                message = await self.waiting
            except asyncio.CancelledError:
                if (ended := self.ended()) is None or self.closing is None or is_cancelled():
                    raise

                # Were the handler to end before the close is out, the server would send one of its own.
                await asyncio.wait((self.closing,))
                return ended
            finally:
                self.waiting = None

            if message["type"] == "websocket.receive":
                text: str | None = message.get("text")
                data: bytes = message.get("bytes") or b""
                return data if text is None else text

            self.note_end(message)

        # Whoever closed the connection while this waited has said how it ended.
        assert self.closed is not None, "noted, here or there"
        return self.closed

    def ended(self) -> Closed | None:
        return self.closed

    async def send(self, data: str | bytes) -> None:
        """Send one message and wait until the transport takes more. Raises `ClientDisconnected`."""
        if self.closed is not None:
            raise ClientDisconnected(f"the WebSocket has ended with code {self.closed.code}")

        await self.push({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame; without effect on a connection that has ended."""
        if self.closed is not None:
            return

        self.closed = Closed(code, reason)

        self.closing = asyncio.get_running_loop().create_future()

        if self.waiting is not None and profile_of(self.receive).receives_alone:
            cancel: Callable[[], object] = self.waiting.cancel  # type: ignore[attr-defined]  # granian's is a future
            cancel()

        try:
            await self.push({"type": "websocket.close", "code": code, "reason": reason})
        except ClientDisconnected:
            # It ended at the same moment, from the other side.
            self.closed = Closed(ABNORMAL)
        finally:
            self.closing.set_result(None)

    async def connect(self) -> None:
        """Take the message that opens the handshake. Raises `ClientDisconnected`."""
        if not self.connected:
            self.connected = True
            message = await self.receive()

            if message["type"] != "websocket.connect":
                self.note_end(message)
                raise ClientDisconnected("the client went away during the handshake")

    async def push(self, message: Message) -> None:
        # After the end of a connection uvicorn raises OSError, the others RuntimeError or nothing.
        try:
            await self.send_message(message)
        except (OSError, RuntimeError) as exc:
            raise ClientDisconnected("the WebSocket has ended") from exc

    def note_end(self, message: Message) -> None:
        """Remember how the connection ended: with 1006 where no close frame is known to have come."""
        if self.closed is None:
            code = int(message.get("code", NO_STATUS))
            reason = message.get("reason")

            if code == NO_STATUS and reason is None and not profile_of(self.receive).trusts_1005:
                code = ABNORMAL

            self.closed = Closed(code, reason or "")

    @property
    def has_native(self) -> bool:
        """Whether an application of the framework stands behind."""
        return self.entrance.native() is not None

    async def pass_on(self, headers: HeaderPairs) -> int:
        """Let the native application take the handshake and what follows; return the status of the handshake."""
        native = self.entrance.native()
        assert native is not None, "pass_on is for has_native"
        return await native.websocket(self, headers)


def is_cancelled() -> bool:
    """Whether somebody has asked for the end of this very task, rather than of what it waits for."""
    return (task := asyncio.current_task()) is not None and bool(task.cancelling())
