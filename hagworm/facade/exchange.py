"""The waist: what one request, one WebSocket and one server look like to the facade.

An engine turns its own objects into these and nothing else; everything observable above bytes belongs
to the facade. Six verbs carry HTTP (`read`, `reply`, `start`, `write`, `finish`, `abort`, and the `gone`
future), five carry a WebSocket (`accept`, `reject`, `recv`, `send`, `close`).
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = (
    "Address",
    "BodyError",
    "Capabilities",
    "ClientDisconnected",
    "Closed",
    "Head",
    "HeaderPairs",
    "HttpExchange",
    "WsExchange",
    "reply_whole",
)

HeaderPairs = Sequence[tuple[bytes, bytes]]
"""Header names in lower case and their values, in the order of the wire, duplicates kept."""

Address = tuple[str, int]
Capabilities = frozenset[str]


class ClientDisconnected(ConnectionError):
    """The peer is gone: nothing more can be read from it or written to it."""


class BodyError(Exception):
    """The request body cannot be read to its end; `status` is what the client should be told."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Closed:
    """A WebSocket has ended: 1005 where the close frame had no code, 1006 where there was no close frame."""

    code: int
    reason: str = ""


class Head(Protocol):
    """What is known before the first byte of a body. Attributes are read, never written."""

    method: str
    """As sent, case preserved."""
    path: bytes
    """The raw target up to `?`, never percent-decoded: origin-form, absolute-form, or `*`."""
    query: bytes
    """The raw target behind the first `?`, empty where there is none."""
    version: str
    """`"1.0"`, `"1.1"`, `"2"` or `"3"`."""
    headers: HeaderPairs
    """A snapshot: trailers that arrive later are never merged in."""

    @property
    def native(self) -> Any:
        """The engine's own object (the ASGI scope, the Tornado connection)."""

    @property
    def caps(self) -> Capabilities:
        """What is possible on this connection beyond what every engine promises."""

    @property
    def scheme(self) -> str:
        """`http` or `https`, also for a WebSocket, as the engine's own socket saw it."""

    @property
    def peer(self) -> Address | None:
        """The other end of the socket, None on a Unix socket."""

    @property
    def local(self) -> Address | None:
        """This end of the socket, None on a Unix socket."""


class HttpExchange(Head, Protocol):
    """One HTTP request and the way to answer it."""

    async def read(self) -> bytes:
        """Return the next piece of the body, `b""` at its end and ever after.

        The first call releases `100 Continue` where the client waits for it. Pulling is the back-pressure:
        what is not read stays in the socket. Raises `ClientDisconnected`, or `BodyError` (400 framing, 408 idle).
        """

    def reply(self, status: int, headers: HeaderPairs, body: bytes) -> Awaitable[None] | None:
        """Send a whole response at once: the hot path. None says that it is sent already.

        The caller has set every header (`content-length` too) and passes `b""` for HEAD, 204 and 304. A header
        `connection: close` asks the engine to close when done. Raises `ClientDisconnected`.
        """

    async def start(self, status: int, headers: HeaderPairs) -> None:
        """Send the head of a response whose body follows in pieces; chunked where there is no `content-length`."""

    async def write(self, chunk: bytes) -> None:
        """Send one piece and wait until the transport takes more. Raises `ClientDisconnected`."""

    async def finish(self) -> None:
        """End the response cleanly."""

    def abort(self) -> None:
        """Drop the connection without a clean end, so that a truncated body never looks complete."""

    @property
    def gone(self) -> asyncio.Future[None]:
        """Resolved when the client goes away; armed on first use, so it costs nothing unless asked for.

        Asking for it before the whole body has been read is allowed; the engine owns the one reader.
        """

    @property
    def has_native(self) -> bool:
        """Whether a native application stands behind the facade and takes what no facade route matches."""

    async def pass_on(self, headers: HeaderPairs) -> int:
        """Let the native application answer, with `headers` added to its response; return the status it sent."""


class WsExchange(Head, Protocol):
    """One WebSocket handshake and the connection behind it."""

    subprotocols: Sequence[str]

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        """Complete the handshake. Raises `ClientDisconnected`."""

    async def reject(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        """Refuse the handshake with an HTTP response; an engine without the capability `ws_reject_body` sends 403."""

    async def recv(self) -> str | bytes | Closed:
        """Return the next message, or how the connection ended (again and again, once it has)."""

    async def send(self, data: str | bytes) -> None:
        """Send one message and wait until the transport takes more. Raises `ClientDisconnected`."""

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame; without effect on a connection that has ended."""

    @property
    def has_native(self) -> bool:
        """As `HttpExchange.has_native`."""

    async def pass_on(self, headers: HeaderPairs) -> int:
        """Let the native application take the handshake and what follows."""


async def reply_whole(exchange: HttpExchange, status: int, headers: HeaderPairs, body: bytes) -> None:
    """Send a whole response, whichever way the engine does it. Raises `ClientDisconnected`."""
    if (sending := exchange.reply(status, headers, body)) is not None:
        await sending
