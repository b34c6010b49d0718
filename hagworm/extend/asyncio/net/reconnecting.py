"""A client that has a connection again after it has lost one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.net.connection import FramedConnection
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.error import Closed, ConnectionLost, FrameError, NetworkError

__all__ = ("ReconnectingClient",)

Session = Callable[[FramedConnection], Awaitable[object]]


async def nothing(connection: FramedConnection) -> None:
    """Greet nobody."""


class ReconnectingClient:
    """One connection at a time, made anew when it is needed and the last one is lost.

        async with ReconnectingClient(lambda: connect("127.0.0.1", 7000, codec="json"), session=log_in) as client:
            answer = await client.request({"what": "time"})

    Entering raises what connecting raises. `session(connection)` is awaited with each new connection before anything
    else uses it: to log in, to subscribe. Connecting is tried again by `retry` (default: 5 attempts).

    `request` sends a message and returns the next one that comes. When the connection is lost, or the caller is
    cancelled in between, that connection is given up: no answer is ever taken for that to another request. A request
    that was sent and not answered raises `ConnectionLost`, and is not sent again. `async for message in client` goes
    on with the next connection where one ends; what was sent meanwhile by the other side is lost.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[FramedConnection]],
        *,
        session: Session = nothing,
        retry: Retry | None = None,
        name: str = "",
    ) -> None:
        self.connect = connect
        self.session = session
        self.retry = retry or Retry(5, on=NetworkError, name=name or "ReconnectingClient")
        self.name = name
        self.connection: FramedConnection | None = None
        self.turn = asyncio.Lock()
        self.opening = asyncio.Lock()
        self.is_closed = False
        self.sessions = self.lost = 0
        self.open_again = self.retry.wrap_async(self.open)

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "connected" if self.is_connected else "not connected"
        return f"<ReconnectingClient {self.name or id(self)}, {state}, {self.sessions} sessions, {self.lost} lost>"

    async def __aenter__(self) -> Self:
        await self.ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as that is known."""
        return self.connection is not None and self.connection.is_usable

    def statistics(self) -> dict[str, int]:
        """Return how many connections there have been, and how many of them were lost."""
        return {"sessions": self.sessions, "lost": self.lost}

    async def request(self, message: Any, *, timeout: float | None = None) -> Any:
        """Send a message and return what comes back, one request at a time. Raises `ConnectionLost`, `FrameError`."""
        async with within(timeout), self.turn:
            connection = await self.ready()

            try:
                await connection.send(message)
                return await connection.receive()
            except BaseException as error:
                self.give_up(connection)

                if isinstance(error, ConnectionLost):
                    # Nobody knows whether it has been acted on.
                    error.retryable = False

                raise

    async def send(self, message: Any) -> None:
        """Send a message that nobody answers, over a new connection where the last one is lost."""
        connection = await self.ready()

        try:
            await connection.send(message)
        except NetworkError:
            self.give_up(connection)
            raise

    async def __aiter__(self) -> AsyncIterator[Any]:
        while not self.is_closed:
            connection = await self.ready()

            try:
                async for message in connection:
                    yield message
            except FrameError:
                self.give_up(connection)
                raise
            except (NetworkError, Closed):
                pass

            self.give_up(connection)

    async def ready(self) -> FramedConnection:
        """Return a connection that is open, as far as that is known."""
        async with self.opening:
            if self.is_closed:
                raise Closed(f"{self!r} is closed")

            if self.connection is not None:
                if self.connection.is_usable:
                    return self.connection

                self.give_up(self.connection)

            self.connection = await self.open_again()
            self.sessions += 1
            return self.connection

    async def open(self) -> FramedConnection:
        connection = await self.connect()

        try:
            await self.session(connection)
        except BaseException:
            connection.abort()
            raise

        if self.is_closed:
            connection.abort()
            raise Closed(f"{self!r} is closed")

        return connection

    def give_up(self, connection: FramedConnection) -> None:
        """Close a connection, and have no more to do with it."""
        connection.abort()

        if self.connection is connection:
            self.connection = None
            self.lost += not self.is_closed

    async def aclose(self) -> None:
        """Close the connection; may be called more than once."""
        self.is_closed = True

        if (connection := self.connection) is not None:
            self.connection = None
            await connection.aclose()
