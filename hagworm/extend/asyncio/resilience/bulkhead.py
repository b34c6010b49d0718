"""How many may be at it at once, and who waits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from hagworm.extend.asyncio.resilience.strategy import Strategy
from hagworm.extend.error import Overloaded
from hagworm.extend.resilience.adaptive import AdaptiveLimit
from hagworm.extend.resilience.line import Line

__all__ = ("Bulkhead", "ConcurrencyLimiter")

R = TypeVar("R")


class Bulkhead(Strategy):
    """Let at most `limit` calls run at once, so that one slow dependency cannot take everything with it.

        bulkhead = Bulkhead(10, waiting=20, wait=0.5)
        @bulkhead                                                   # coroutine functions
        await bulkhead.call(fetch, url)
        async with bulkhead: …                                      # bulkhead.slot(priority=1)

    Up to `waiting` more wait for their turn, the higher priority first and in order of arrival within one, each at most
    `wait` seconds (None: as long as the caller waits). Whoever is one too many raises `Overloaded`, at once. A place is
    free again when the call has ended, however it did: a cancelled one keeps it until it has cleaned up. A cancelled
    waiter leaves nothing behind, and takes nobody's turn. Belongs to one event loop while somebody is in it.
    """

    def __init__(self, limit: int, *, waiting: int = 0, wait: float | None = None, name: str = "") -> None:
        if waiting < 0:
            raise ValueError(f"waiting: {waiting!r} is below zero")

        if wait is not None and not wait > 0:
            raise ValueError(f"wait: {wait!r} is not a number of seconds above zero")

        self.most = checked(limit)
        self.waiting = waiting
        self.wait = wait
        self.name = name
        self.running = 0
        self.line: Line[asyncio.Future[None]] = Line()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.refused = self.expired = 0

    def __repr__(self) -> str:
        name = f" {self.name}" if self.name else ""
        return f"<{type(self).__name__}{name} {self.running} running, {len(self.line)} waiting, limit {self.most}>"

    @property
    def limit(self) -> int:
        """How many may run at once; may be set at any time. A lower one lets those that run end."""
        return self.most

    @limit.setter
    def limit(self, limit: int) -> None:
        self.most = checked(limit)

        while self.running < self.most and self.hand_over():
            self.running += 1

    @property
    def is_idle(self) -> bool:
        """Whether nobody is in it."""
        return not self.running and not self.line

    def statistics(self) -> dict[str, int]:
        """Return how many run and wait, how many may, and how many were refused or waited too long."""
        return {
            "running": self.running,
            "waiting": len(self.line),
            "limit": self.most,
            "refused": self.refused,
            "expired": self.expired,
        }

    def acquire_nowait(self) -> None:
        """Take a place. Raises `Overloaded` where none is free."""
        if self.running >= self.most:
            self.refused += 1
            raise self.refusal()

        self.running += 1

    async def acquire(self, *, priority: int = 0) -> None:
        """Take a place, after those that came before. Raises `Overloaded` where too many wait, or the wait is over."""
        if self.running < self.most:
            self.running += 1
            return

        if len(self.line) >= self.waiting:
            self.refused += 1
            raise self.refusal()

        await self.stand(priority)

    def release(self) -> None:
        """Give a place back; who is next has it at once. Raises RuntimeError where none is taken."""
        if self.running <= 0:
            raise RuntimeError(f"{self!r}: released more often than acquired")

        if self.running > self.most or not self.hand_over():
            self.running -= 1

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    @asynccontextmanager
    async def slot(self, *, priority: int = 0) -> AsyncIterator[None]:
        """Hold a place for the length of the block."""
        await self.acquire(priority=priority)

        try:
            yield
        finally:
            self.release()

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        async def call(*args: Any, **kwargs: Any) -> R:
            await self.acquire()

            try:
                return await function(*args, **kwargs)
            finally:
                self.release()

        return call

    async def stand(self, priority: int) -> None:
        loop = asyncio.get_running_loop()

        if loop is not self.loop:
            if self.line:
                raise RuntimeError(f"{self!r}: tasks of another event loop wait here")

            self.loop = loop

        turn: asyncio.Future[None] = loop.create_future()
        self.line.join(turn, priority)
        timer = None if self.wait is None else loop.call_later(self.wait, self.expire, turn)

        try:
            await turn
        except BaseException:
            # Who has been given the place in the very turn of the loop in which it is cancelled passes it on.
            if not self.line.leave(turn) and not turn.cancelled() and turn.exception() is None:
                self.release()

            raise
        finally:
            if timer is not None:
                timer.cancel()

    def expire(self, turn: "asyncio.Future[None]") -> None:
        if not turn.done():
            self.line.leave(turn)
            self.expired += 1
            turn.set_exception(Overloaded(f"{self.label()} waited {self.wait:g} s for its turn"))

    def hand_over(self) -> bool:
        """Give a place to who is next; return whether anybody was."""
        while self.line:
            turn = self.line.pop()

            if not turn.done():
                turn.set_result(None)
                return True

        return False

    def refusal(self) -> Overloaded:
        return Overloaded(f"{self.label()} {self.running} running and {len(self.line)} waiting are as many as may")

    def label(self) -> str:
        return f"{self.name or 'a ' + type(self).__name__}:"


class ConcurrencyLimiter(Bulkhead):
    """A bulkhead with a queue, whose limit may be learned: give it an `AdaptiveLimit` in place of a number.

    The limit is learned from calls and from blocks in `slot()`, by how long they take and whether they fail; what is
    held by `acquire` or `async with limiter` is counted, but teaches nothing.
    """

    def __init__(
        self,
        limit: int | AdaptiveLimit,
        *,
        waiting: int = 256,
        wait: float | None = None,
        name: str = "",
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.adaptive = limit if isinstance(limit, AdaptiveLimit) else None
        super().__init__(
            limit.limit if isinstance(limit, AdaptiveLimit) else limit, waiting=waiting, wait=wait, name=name
        )
        self.clock = clock

    @asynccontextmanager
    async def slot(self, *, priority: int = 0) -> AsyncIterator[None]:
        """Hold a place for the length of the block, and learn from it."""
        await self.acquire(priority=priority)
        began = self.clock()
        failed = False

        try:
            yield
        except Exception:
            failed = True
            raise
        finally:
            self.learn(began, failed=failed)
            self.release()

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        if self.adaptive is None:
            return super().wrap_async(function)

        async def call(*args: Any, **kwargs: Any) -> R:
            async with self.slot():
                return await function(*args, **kwargs)

        return call

    def learn(self, began: float, *, failed: bool) -> None:
        if self.adaptive is not None:
            now = self.clock()
            limit = self.adaptive.ended(now, now - began, running=self.running, failed=failed)

            if limit != self.most:
                self.limit = limit


def checked(limit: int) -> int:
    if limit < 1:
        raise ValueError(f"limit: {limit!r} is not a number of at least 1")

    return limit
