"""The connections of one process to one target, kept alive between requests."""

import asyncio
import os
import ssl
import time
from collections.abc import Callable
from functools import partial

from hagworm.frame.stress_tests.answer import Head
from hagworm.frame.stress_tests.connection import Connection
from hagworm.frame.stress_tests.target import Target

__all__ = ("SWEEP", "Pool", "describe_refusal")

SWEEP = 0.05
"""How often requests that take too long are looked for: they end by so many seconds late at most."""

clock = time.monotonic


class Pool:
    """Opens connections, keeps those that are idle, and breaks off those whose time is over.

    One timer looks after all of them. `answered` and `broken` are those of `Connection`.
    """

    def __init__(
        self,
        target: Target,
        address: tuple[str, int],
        *,
        timeout: float,
        answered: Callable[[Connection], None],
        broken: Callable[[Connection, str], None],
        keeps_body: bool,
        verify: bool = True,
    ) -> None:
        self.target = target
        self.address = address
        self.timeout = timeout
        self.loop = asyncio.get_running_loop()
        self.tls: ssl.SSLContext | None = target.tls(verify=verify)
        self.idle: list[Connection] = []
        self.connections: set[Connection] = set()
        self.opening: set[asyncio.Task[None]] = set()
        self.empty = asyncio.Event()
        memo: dict[bytes, Head] = {}
        self.make = partial(Connection, answered, broken, self.gone, memo, keeps_body=keeps_body)
        self.sweeper: asyncio.TimerHandle | None = self.loop.call_later(SWEEP, self.sweep)

    def __repr__(self) -> str:
        return f"<Pool {self.target}: {len(self.connections)} connections, {len(self.opening)} opening>"

    @property
    def size(self) -> int:
        """How many connections there are or soon will be."""
        return len(self.connections) + len(self.opening)

    def take(self) -> Connection | None:
        """Return a connection that is idle, the last used first; None where there is none."""
        while self.idle:
            connection = self.idle.pop()

            if connection.alive:
                return connection

        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection for the next request, if it can carry one."""
        if connection.alive:
            self.idle.append(connection)

    def open(self, ready: Callable[[Connection], None], failed: Callable[[str], None]) -> None:
        """Open one more connection, and call one of the two."""

        async def attempt() -> None:
            try:
                connection = await self.connect()
            except OSError as exc:
                self.opening.discard(task)
                failed(describe_refusal(exc, self.timeout))
            else:
                self.opening.discard(task)
                ready(connection)

        task = self.loop.create_task(attempt())
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def connect(self) -> Connection:
        """Open one more connection and return it. Raises `OSError`; cancelled, it leaves none behind."""
        async with asyncio.timeout(self.timeout):
            _, connection = await self.loop.create_connection(
                self.make,
                *self.address,
                ssl=self.tls,
                server_hostname=self.target.host if self.tls else None,
            )

        if connection.alive:
            self.connections.add(connection)

        return connection

    def sweep(self) -> None:
        """Break off what has taken too long."""
        now = clock()

        for connection in [one for one in self.connections if one.busy and one.deadline <= now]:
            connection.fail(f"no answer within {self.timeout:g} s")

        self.sweeper = self.loop.call_later(SWEEP, self.sweep)

    async def close(self) -> None:
        """Close every connection, also those with a request out, and open no more; may be called again."""
        if self.sweeper is not None:
            self.sweeper.cancel()
            self.sweeper = None

        for task in self.opening.copy():
            task.cancel()

        await asyncio.gather(*self.opening, return_exceptions=True)

        self.empty.clear()

        for connection in self.connections.copy():
            connection.drop()

        if self.connections:
            await self.empty.wait()

    def gone(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.connections.discard(connection)

        if not self.connections:
            self.empty.set()


def describe_refusal(exc: OSError, timeout: float) -> str:
    """Return the reason that a connection which could not be opened counts under."""
    if isinstance(exc, TimeoutError):
        return f"no connection within {timeout:g} s"

    if isinstance(exc, ssl.SSLError):
        return f"no connection: TLS: {exc.reason or exc}"

    # asyncio puts the address into `strerror`, and many errors into one without any number.
    return f"no connection: {os.strerror(exc.errno) if exc.errno else exc}"
