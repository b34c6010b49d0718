"""What an exchange and a WebSocket need of the connection below them, whoever reads it."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from hagworm.facade.exchange import Address, HeaderPairs

if TYPE_CHECKING:
    from hagworm.facade.runtime import Runtime
    from hagworm.frame.tornado.body import Body
    from hagworm.frame.tornado.socket import Socket

__all__ = ("DISCARD_LIMIT", "LINGER", "Carrier", "Host", "Native", "Outlet", "Way")

DISCARD_LIMIT = 64 * 1024
"""How much of a body nobody read is thrown away so that the connection can be used again."""

LINGER = 1.0
"""How long a client that still sends is listened to after the last byte to it, so that it can read that byte."""


class Way(Protocol):
    """The way to a handler."""

    async def run(self, headers: HeaderPairs) -> int:
        """Let the handler answer, with `headers` added; return the status. Raises `ClientDisconnected`, `HTTPError`."""


class Native(Protocol):
    """What stands behind the facade."""

    def find_handler(self, exchange: Any) -> Way | None:
        """Return the way to what answers `exchange`, None where nothing does."""

    def find_socket(self, socket: Any) -> Way | None:
        """Return the way to what takes the handshake of `socket`, None where nothing does."""


class Host(Protocol):
    """Who serves."""

    ping_interval: float
    """How often a silent WebSocket is asked for a sign of life, in seconds."""

    @property
    def runtime(self) -> "Runtime":
        """What is served."""

    @property
    def behind(self) -> Native:
        """What stands behind the facade."""

    @property
    def closing(self) -> bool:
        """Whether connections are closed after their response."""

    @property
    def tail(self) -> Callable[[bytes], bytes]:
        """What ends the head of a response."""


class Outlet(Protocol):
    """The way to the client."""

    def send(self, data: bytes) -> asyncio.Future[None] | None:
        """Hand over `data`: None if the kernel took all of it, else what to wait for. Raises `ClientDisconnected`."""

    def write(self, data: bytes) -> asyncio.Future[None]:
        """Queue `data` behind what waits to be sent."""

    def writing(self) -> bool:
        """Return whether something waits to be sent."""

    def turn(self, sink: Callable[[bytes], None]) -> None:
        """Hand every piece that arrives to `sink` from now on."""

    def pause(self) -> None:
        """Stop taking bytes from the socket."""

    def resume(self) -> None:
        """Take bytes again."""

    def closed(self) -> bool:
        """Return whether the connection has ended."""

    def close(self) -> None:
        """End the connection."""

    def reset(self) -> None:
        """End the connection in a way that nobody takes for a clean end."""


class Carrier(Protocol):
    """One connection."""

    buffer: bytes
    """What has arrived and not been used."""
    deadline: float
    """When, on the clock of the loop, a WebSocket wants its `tick`."""
    loop: asyncio.AbstractEventLoop
    scheme: str

    @property
    def server(self) -> Host:
        """Who serves it."""

    @property
    def stream(self) -> Outlet:
        """The way to the client."""

    @property
    def peer(self) -> Address | None:
        """The other end of the socket, None on a Unix socket."""

    @property
    def local(self) -> Address | None:
        """This end of the socket, None on a Unix socket."""

    def take(self) -> bytes:
        """Return what has arrived and not been used, and forget it."""

    async def wait(self) -> None:
        """Return when bytes are there to be taken. Raises `ClientDisconnected`."""

    def can_discard(self, body: "Body") -> bool:
        """Return whether what is still to come of `body` may be small enough to be thrown away."""

    def open_socket(self, socket: "Socket") -> None:
        """Leave the bytes from here on to `socket`."""

    def detach(self, socket: "Socket") -> Any:
        """Give the stream away, an `IOStream` that is asked for its bytes; `socket` is told of its end."""

    def hang_up(self) -> None:
        """Close once everything has been sent, in a way that lets the client read it."""
