"""Datagrams: single messages that may be lost, doubled or come in another order."""

import asyncio
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import Closed, ConnectFailed

__all__ = ("Datagram", "DatagramEndpoint", "DatagramStatistics", "open_datagram")

Place = tuple[Any, ...]
LONGEST = 65_507
"""The most that UDP over IPv4 can carry: RFC 768, RFC 791."""


class Datagram(NamedTuple):
    """What came, and from where."""

    data: bytes
    address: Place


@dataclass(frozen=True, slots=True)
class DatagramStatistics:
    """What an endpoint has done."""

    sent: int
    received: int
    waiting: int
    dropped: int
    """Datagrams that had to make room for newer ones."""
    errors: int
    """What the system told about datagrams that did not arrive."""


class DatagramEndpoint(asyncio.DatagramProtocol):
    """A UDP socket: `send`, `receive`. `open_datagram` makes one.

    At most `limit` datagrams wait to be received; the oldest ones make room for new ones, and are counted. Where the
    endpoint is bound to a `remote` side the system lets nothing in from elsewhere.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.waiting: deque[Datagram] = deque()
        self.readers: Waiters[None] = Waiters()
        self.transport: asyncio.DatagramTransport | None = None
        self.problem: Exception | None = None
        self.is_abandoned = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent = self.received = self.dropped = self.errors = 0

    def __repr__(self) -> str:
        state = "closed" if self.closed.done() else f"{len(self.waiting)} waiting, limit {self.limit}"
        return f"<DatagramEndpoint {state}, {self.dropped} dropped>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def address(self) -> Place:
        """The address that it is bound to."""
        return cast(Place, self.opened.get_extra_info("sockname"))

    @property
    def opened(self) -> asyncio.DatagramTransport:
        if self.transport is None or self.transport.is_closing():
            raise Closed(f"{self!r} is closed")

        return self.transport

    def statistics(self) -> DatagramStatistics:
        """Return what the endpoint has done."""
        return DatagramStatistics(self.sent, self.received, len(self.waiting), self.dropped, self.errors)

    def send(self, data: bytes, address: Place | None = None) -> None:
        """Send a datagram to `address`, or to the remote side. Nobody tells whether it arrives."""
        if len(data) > LONGEST:
            raise ValueError(f"a datagram has at most {LONGEST} bytes, not {len(data)}")

        self.opened.sendto(data, address)
        self.sent += 1

    async def receive(self) -> Datagram:
        """Return the next datagram. Raises `ConnectFailed` where the system says that one of ours did not arrive."""
        while not self.waiting:
            if (problem := self.problem) is not None:
                self.problem = None
                raise ConnectFailed(f"{self!r}: {problem}") from problem

            if self.closed.done() or self.opened.is_closing():
                raise Closed(f"{self!r} is closed")

            # Whoever is woken looks again, so that nothing has to be given back.
            await self.readers.wait(None, lambda _: None)

        return self.waiting.popleft()

    async def aclose(self) -> None:
        """Close the socket; what has not been received is lost."""
        if self.transport is not None:
            self.transport.abort()
            await asyncio.shield(self.closed)

    def abandon(self) -> None:
        """Close the socket now, or as soon as there is one."""
        self.is_abandoned = True

        if self.transport is not None:
            self.transport.abort()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

        if self.is_abandoned:
            self.transport.abort()

    def datagram_received(self, data: bytes, addr: Place) -> None:
        self.received += 1

        if len(self.waiting) >= self.limit:
            self.waiting.popleft()
            self.dropped += 1

        self.waiting.append(Datagram(data, addr))
        self.readers.wake_all()

    def error_received(self, exc: Exception) -> None:
        self.errors += 1
        self.problem = exc
        self.readers.wake_all()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

        self.readers.wake_all()


async def open_datagram(
    *, local: tuple[str, int] | None = None, remote: tuple[str, int] | None = None, limit: int = 1000
) -> DatagramEndpoint:
    """Return a UDP socket bound to `local` (port 0: a free one), for one `remote` side or for any. Raises OSError."""
    if local is None and remote is None:
        raise ValueError("an endpoint has a local or a remote address, or both")

    if limit < 1:
        raise ValueError(f"limit: {limit!r} is not a number of at least 1")

    endpoint = DatagramEndpoint(limit)

    try:
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: endpoint, local_addr=local, remote_addr=remote
        )
    except BaseException:
        # Cancelled now, the loop may still hand over the socket at its next turn.
        endpoint.abandon()
        raise

    return endpoint
