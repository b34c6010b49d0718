"""Those who wait until there is room for what they bring."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context

__all__ = ("Row",)

EMPTY = Context()


class Row:
    """Senders in order of arrival; the first is let in when `is_full` says no, the others keep their places.

    Who comes after `dismiss` does not wait. A sender that is cancelled leaves nothing behind.
    """

    __slots__ = ("is_dismissed", "is_full", "waiters")

    def __init__(self, is_full: Callable[[], bool]) -> None:
        self.is_full = is_full
        self.is_dismissed = False
        self.waiters: deque[asyncio.Future[None]] = deque()

    def __bool__(self) -> bool:
        """Whether somebody waits."""
        return bool(self.waiters)

    async def pass_through(self) -> None:
        """Return when there is room, and nobody who came before still waits for it; what is brought goes in at once."""
        if not self.blocks() and (self.is_dismissed or not self.waiters):
            return

        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self.waiters.append(waiter)

        try:
            await waiter

            # Somebody who does not wait in the row may have been faster.
            while self.blocks():
                waiter = self.waiters[0] = loop.create_future()
                await waiter
        finally:
            self.waiters.remove(waiter)
            loop.call_soon(self.let_in, context=EMPTY.copy())  # the next one, when this one is in

    def let_in(self) -> None:
        """Wake the first one, if there is room."""
        if self.waiters and not self.waiters[0].done() and not self.blocks():
            self.waiters[0].set_result(None)

    def blocks(self) -> bool:
        """Whether who is first has to wait."""
        return not self.is_dismissed and self.is_full()

    def dismiss(self) -> None:
        """Let nobody wait any longer."""
        self.is_dismissed = True

        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
