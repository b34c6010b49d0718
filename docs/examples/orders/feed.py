"""Changes of orders, told to everybody who listens."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from orders.database import Database
from orders.schemas import Change
from orders.store import CHANGES_AT_ONCE, OVERLAP, Store

__all__ = ("Feed", "Listener", "TooSlow", "open_feed")

logger = logging.getLogger("orders")


class TooSlow(Exception):
    """A listener has left more changes untaken than are kept for it."""


class Listener:
    """Iterate to receive the changes made since it was opened; ends with TooSlow when it falls behind."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.waiting: deque[Change] = deque()
        self.news = asyncio.Event()
        self.has_lost = False

    def put(self, change: Change) -> None:
        """Keep a change until it is taken."""
        if len(self.waiting) < self.room:
            self.waiting.append(change)
        else:
            self.has_lost = True

        self.news.set()

    def __aiter__(self) -> "Listener":
        return self

    async def __anext__(self) -> Change:
        while not self.waiting:
            if self.has_lost:
                raise TooSlow

            self.news.clear()
            await self.news.wait()

        return self.waiting.popleft()


class Feed:
    """Reads changes from the database, where every process leaves them, and hands each to every listener.

    It looks when somebody in this process says that there is something to see, and otherwise every `interval`
    seconds; while nobody listens it does not look at all.
    """

    def __init__(self, database: Database, *, interval: float, room: int = 256) -> None:
        self.database = database
        self.interval = interval
        self.room = room
        self.listeners: set[Listener] = set()
        self.position = 0
        self.seen: set[int] = set()
        self.wanted = asyncio.Event()
        self.turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Feed {len(self.listeners)} listening, at {self.position}>"

    def wake(self) -> None:
        """Say that something has been committed."""
        self.wanted.set()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listener]:
        """Open a listener for the changes that are committed from now on."""
        listener = Listener(self.room)

        async with self.turn:
            if not self.listeners:
                await self.go_to_end()

            self.listeners.add(listener)

        self.wake()

        try:
            yield listener
        finally:
            self.listeners.discard(listener)

    async def run(self) -> None:
        """Look and tell, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.interval if self.listeners else None):
                    await self.wanted.wait()

            self.wanted.clear()

            try:
                await self.look()
            except SQLAlchemyError:  # the next look finds what this one has missed
                logger.exception("the feed cannot read the changes of orders")

    async def look(self) -> None:
        """Tell the listeners what is new."""
        async with self.turn:
            if not self.listeners:
                return

            async with self.database.read() as session:
                changes = await Store(session).changes_around(self.position)

            for number, change in changes:
                if number not in self.seen:
                    self.see(number)

                    for listener in self.listeners:
                        listener.put(change)

            self.seen = {number for number in self.seen if number > self.position - OVERLAP}

            if len(changes) == CHANGES_AT_ONCE:
                self.wake()

    async def go_to_end(self) -> None:
        """Take for seen what is there now."""
        async with self.database.read() as session:
            store = Store(session)
            self.position = await store.last_change()

            for number, _ in await store.changes_around(self.position):
                self.see(number)

    def see(self, number: int) -> None:
        self.seen.add(number)
        self.position = max(self.position, number)


@asynccontextmanager
async def open_feed(database: Database, *, interval: float) -> AsyncIterator[Feed]:
    """Run a feed for the time of the block."""
    feed = Feed(database, interval=interval)
    task = asyncio.create_task(feed.run(), name="orders feed")

    try:
        yield feed
    finally:
        task.cancel()
        await asyncio.wait([task])
