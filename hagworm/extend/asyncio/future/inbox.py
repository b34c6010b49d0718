"""What threads bring to their event loop: one wake-up for however much has come together."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from contextvars import Context
from typing import Any, Protocol
from weakref import WeakSet

__all__ = ("INBOXES", "Ending", "Inbox", "Letter", "inbox", "inbox_of")

BATCH = 256
"""How many letters are opened in one turn of the loop, so that a flood of them leaves it time for others."""


class Letter(Protocol):
    """Something a thread has done that matters to the loop. Both methods raise nothing."""

    def land(self) -> None:
        """Do on the loop what has to be done there."""

    def strand(self) -> None:
        """Do without the loop what can be done: it has been closed. Runs in any thread."""


class Ending(Protocol):
    """Something that must not outlive the loop it was made on."""

    def end(self) -> None:
        """Begin to end, without waiting; raises nothing. Runs in any thread."""


class Inbox:
    """The letters to one event loop, opened in the order in which they came.

    Safe in any thread. The loop may be closed at any time; letters are stranded then.
    """

    __slots__ = ("context", "ended", "endings", "held", "items", "keeper", "loop", "pool", "rung")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.items: deque[Letter] = deque()
        # Whether the loop has been woken and has not looked yet.
        self.rung = False
        # What waits for the loop has nothing to do with whatever context the thread was in.
        self.context = Context()
        self.endings: WeakSet[Ending] = WeakSet()
        # Of what runs on the loop on behalf of a thread, the loop itself has weak references only.
        self.held: set[Ending] = set()
        # The pool that is shared on this loop, once there is one.
        self.pool: Any = None
        self.ended = False
        self.keeper: AsyncGenerator[None, None] | None = None

    def __repr__(self) -> str:
        return f"<Inbox {len(self.items)} letters, {len(self.held)} threads waiting for {self.loop!r}>"

    def post(self, letter: Letter) -> None:
        """Have `letter` landed on the loop, soon; it is stranded at once where the loop is closed."""
        self.items.append(letter)

        if not self.rung:
            self.ring()

    def ring(self) -> None:
        self.rung = True

        try:
            self.loop.call_soon_threadsafe(self.open, context=self.context)
        except RuntimeError:
            # Only a closed loop refuses.
            self.strand()

    def open(self) -> None:
        items = self.items

        if self.keeper is None:
            self.start_keeping()

        again = len(items) > BATCH

        if again:
            count = BATCH
        else:
            # From here on a thread has to ring again; what it has brought before that is counted.
            self.rung = False
            count = len(items)

        try:
            for _ in range(count):
                items.popleft().land()
        except BaseException:
            again = True
            raise
        finally:
            if again:
                self.rung = True
                self.loop.call_soon(self.open, context=self.context)

    def strand(self) -> None:
        """Give up every letter: the loop is closed."""
        # Later ones will be told so when they ring.
        self.rung = False

        while self.items:
            try:
                letter = self.items.popleft()
            except IndexError:  # another thread was faster
                break

            letter.strand()

    def end_all(self) -> None:
        """Let everything end that must not outlive the loop; wait for nothing."""
        for ending in [*self.endings, *self.held]:
            ending.end()

    def start_keeping(self) -> None:
        """Have the loop close this when it is shut down. Runs on the loop."""
        self.keeper = keeper = self.keep()

        # Its first step, by hand: it does not suspend, and from then on the loop knows of it.
        with suppress(StopIteration):
            keeper.__anext__().send(None)

    async def keep(self) -> AsyncGenerator[None, None]:
        """Do nothing until the loop is shut down, which closes its asynchronous generators: then let all end."""
        try:
            yield
        finally:
            self.ended = True
            self.end_all()

            if (pool := self.pool) is not None:
                self.pool = None
                await pool.aclose(timeout=GRACE)


GRACE = 5.0
"""Seconds that a loop which is shut down waits for the calls in its shared pool, before they are abandoned."""

INBOXES: dict[asyncio.AbstractEventLoop, Inbox] = {}


def inbox() -> Inbox:
    """Return the inbox of the running loop. Raises RuntimeError where none runs."""
    loop = asyncio.get_running_loop()

    if (found := INBOXES.get(loop)) is None:
        found = inbox_of(loop)
        found.start_keeping()

    return found


def inbox_of(loop: asyncio.AbstractEventLoop) -> Inbox:
    """Return the inbox of `loop`, and forget those of loops that have been closed. Safe in any thread."""
    for other in [*INBOXES]:
        if other.is_closed() and (old := INBOXES.pop(other, None)) is not None:
            old.end_all()
            old.strand()

    return INBOXES.setdefault(loop, Inbox(loop))
