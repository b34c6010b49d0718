"""How often something may happen."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from threading import Lock
from types import TracebackType
from typing import Any, TypeVar

from hagworm.extend.asyncio.base.deadline import remaining
from hagworm.extend.asyncio.resilience.strategy import Strategy
from hagworm.extend.error import RateLimited
from hagworm.extend.resilience.limiter import Decision, Gcra, Limit, SlidingWindow
from hagworm.extend.resilience.line import Line

__all__ = ("RESOLUTION", "RateLimiter")

R = TypeVar("R")


RESOLUTION = 0.001
"""The shortest time, in seconds, that is waited: event loops round to it, and would otherwise spin through the rest."""


class RateLimiter(Strategy):
    """Let something happen at most `limit` times in `per` seconds.

        limiter = RateLimiter(100, per=60)
        @limiter                                                    # plain and coroutine functions
        await limiter.call(fetch, url)                              # limiter.call_sync(…) blocks its thread
        async with limiter: …                                       # await limiter.acquire(cost=5)
        if wait := limiter.take(): …                                # 0 and counted, or in how many seconds

    Any `per` seconds see at most `limit`, wherever they begin (sliding window). With `burst` they come evenly spaced,
    of which so many at once (GCRA): less to remember, and no waves, but then a stretch of `per` seconds may see
    `limit + burst`. Timers are good to a millisecond, so that more than 1000 a second are reached with a burst only.

    Up to `waiting` tasks wait for their turn, the higher priority first and in order of arrival within one. Whoever is
    one too many raises `RateLimited` at once, as does who would have to wait longer than `wait` seconds or than the
    caller does. A cancelled waiter uses nothing up and takes nobody's turn. Tasks of one event loop wait at a time;
    `take` and `call_sync` may be used from any thread.
    """

    def __init__(
        self,
        limit: int,
        per: float = 1.0,
        *,
        burst: int | None = None,
        waiting: int = 1000,
        wait: float | None = None,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
        block: Callable[[float], object] = time.sleep,
    ) -> None:
        if waiting < 0:
            raise ValueError(f"waiting: {waiting!r} is below zero")

        self.rule: Limit = SlidingWindow(limit, per) if burst is None else Gcra(limit, per, burst)
        self.waiting = waiting
        self.wait = wait
        self.name = name
        self.clock = clock
        self.block = block
        self.lock = Lock()
        self.line: Line[Turn] = Line()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.refused = 0

    def __repr__(self) -> str:
        name = f" {self.name}" if self.name else ""
        return f"<RateLimiter{name} {self.peek().remaining} free, {len(self.line)} waiting, {self.rule!r}>"

    @property
    def is_idle(self) -> bool:
        """Whether forgetting it would change nothing."""
        return not self.line and self.rule.is_idle(self.clock())

    def statistics(self) -> dict[str, float]:
        """Return how often it may happen now, how many wait, and how many were refused."""
        return {"remaining": self.peek().remaining, "waiting": len(self.line), "refused": self.refused}

    def peek(self, cost: int = 1) -> Decision:
        """Return what `take` would say now, and what HTTP's rate limit fields want to know."""
        with self.lock:
            return self.rule.peek(self.clock(), cost)

    def take(self, cost: int = 1) -> float:
        """Return 0 and count `cost` times, or return in how many seconds that may be and count nothing.

        It looks at no queue. Raises ValueError for a cost that can never be had.
        """
        if not 0 < cost <= self.rule.most:
            raise ValueError(f"cost: {cost!r} can never be had of {self.rule.most}")

        with self.lock:
            return self.rule.take(self.clock(), cost)

    async def acquire(self, cost: int = 1, *, priority: int = 0) -> None:
        """Wait until it may happen `cost` times more. Raises `RateLimited` as the class says."""
        if self.line.places:
            await self.stand(cost, priority, self.peek(cost).retry_after)
        elif wait := self.take(cost):
            await self.stand(cost, priority, wait)

    def acquire_nowait(self, cost: int = 1) -> None:
        """Count `cost` times. Raises `RateLimited` where that may not be now, or others wait for it."""
        if self.line or (wait := self.take(cost)):
            self.refused += 1
            raise self.refusal(self.peek(cost).retry_after if self.line else wait)

    async def __aenter__(self) -> None:
        if self.line.places:
            await self.acquire()
            return

        with self.lock:
            wait = self.rule.take(self.clock())

        if wait:
            await self.stand(1, 0, wait)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        async def call(*args: Any, **kwargs: Any) -> R:
            await self.acquire()
            return await function(*args, **kwargs)

        return call

    def wrap_sync(self, function: Callable[..., R]) -> Callable[..., R]:
        def call(*args: Any, **kwargs: Any) -> R:
            while wait := self.take():
                if self.is_too_long(wait):
                    self.refused += 1
                    raise self.refusal(wait)

                self.block(max(wait, RESOLUTION))

            return function(*args, **kwargs)

        return call

    async def stand(self, cost: int, priority: int, wait: float) -> None:
        if len(self.line) >= self.waiting or self.is_too_long(wait):
            self.refused += 1
            raise self.refusal(wait)

        loop = asyncio.get_running_loop()

        if loop is not self.loop:
            if self.line:
                raise RuntimeError(f"{self!r}: tasks of another event loop wait here")

            self.loop = loop

        turn = Turn(loop.create_future(), cost)
        self.line.join(turn, priority)

        if self.timer is None or self.line.first() is turn:
            self.move_on()

        timer = None if self.wait is None else loop.call_later(self.wait, self.expire, turn)

        try:
            await turn.future
        except BaseException:
            if not self.line.leave(turn) and turn.had is not None:
                self.give_back(turn)

            self.move_on()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def move_on(self) -> None:
        """Let happen what may, and come back when the next one may."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

        while self.line:
            turn = self.line.first()

            if turn.future.done():
                self.line.pop()
                continue

            with self.lock:
                now = self.clock()
                wait = self.rule.take(now, turn.cost)

            if wait:
                assert self.loop is not None
                # An empty context: the timer is nobody's, and may outlive whoever came to wait first.
                self.timer = self.loop.call_later(max(wait, RESOLUTION), self.move_on, context=Context())
                return

            self.line.pop()
            turn.had = now
            turn.future.set_result(None)

    def expire(self, turn: "Turn") -> None:
        if not turn.future.done():
            self.line.leave(turn)
            self.refused += 1
            turn.future.set_exception(self.refusal(self.peek(turn.cost).retry_after))

    def give_back(self, turn: "Turn") -> None:
        with self.lock:
            assert turn.had is not None
            self.rule.give_back(turn.had, turn.cost)

    def is_too_long(self, wait: float) -> bool:
        left = remaining()
        return (self.wait is not None and wait > self.wait) or (left is not None and wait > left)

    def refusal(self, wait: float) -> RateLimited:
        name = f"{self.name}: " if self.name else ""
        return RateLimited(
            f"{name}{self.rule.limit} in {self.rule.per:g} s are used up, {len(self.line)} wait", retry_after=wait
        )


class Turn:
    """A task that waits; `had` is the moment at which it was let through."""

    __slots__ = ("cost", "future", "had")

    def __init__(self, future: "asyncio.Future[None]", cost: int) -> None:
        self.future = future
        self.cost = cost
        self.had: float | None = None
