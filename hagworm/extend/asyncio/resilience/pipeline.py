"""Strategies in the order in which they make sense, put together once."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker
from hagworm.extend.asyncio.resilience.bulkhead import Bulkhead
from hagworm.extend.asyncio.resilience.fallback import Fallback
from hagworm.extend.asyncio.resilience.hedge import Hedge
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.asyncio.resilience.strategy import Strategy, name_of
from hagworm.extend.asyncio.resilience.timeout import Timeout

__all__ = ("Policy",)

R = TypeVar("R")


class Policy(Strategy):
    """Everything that stands between a caller and a dependency, as one object.

        payments = Policy(retry=Retry(3, timeout=10), breaker=CircuitBreaker(name="payments"), timeout=2, bulkhead=20)
        @payments                                                   # put together once, here
        await payments.call(fetch, url)

    From the outside in: `fallback`; `deadline`, the seconds for everything; `retry`; `limiter`; `bulkhead`; `breaker`;
    `timeout`, of each attempt; `hedge`. So a retry waits for its rate and its place again, waiting counts against the
    deadline but not as slowness of the other side, and an open circuit refuses before anything is used up. Numbers
    stand for the plainest strategy: attempts, seconds, places, the delay of a hedge. A policy is a strategy, and may
    be put around plain functions where all its parts can.
    """

    def __init__(
        self,
        *,
        fallback: Fallback | None = None,
        deadline: Timeout | float | None = None,
        retry: Retry | int | None = None,
        limiter: Strategy | None = None,
        bulkhead: Bulkhead | int | None = None,
        breaker: CircuitBreaker | None = None,
        timeout: Timeout | float | None = None,
        hedge: Hedge | float | None = None,
    ) -> None:
        self.fallback = fallback
        self.deadline = Timeout(deadline) if isinstance(deadline, int | float) else deadline
        self.retry = Retry(retry) if isinstance(retry, int) else retry
        self.limiter = limiter
        self.bulkhead = Bulkhead(bulkhead) if isinstance(bulkhead, int) else bulkhead
        self.breaker = breaker
        self.timeout = Timeout(timeout) if isinstance(timeout, int | float) else timeout
        self.hedge = Hedge(hedge) if isinstance(hedge, int | float) else hedge
        gate = Gate(breaker) if breaker is not None and (limiter or bulkhead) else None
        self.layers: tuple[Strategy, ...] = tuple(
            layer
            for layer in (
                self.fallback,
                self.deadline,
                self.retry,
                gate,
                self.limiter,
                self.bulkhead,
                self.breaker,
                self.timeout,
                self.hedge,
            )
            if layer is not None
        )

    def __repr__(self) -> str:
        return f"<Policy {' > '.join(map(repr, self.parts().values()))}>"

    def parts(self) -> dict[str, Strategy]:
        """Return its strategies by name, from the outside in."""
        names = ("fallback", "deadline", "retry", "limiter", "bulkhead", "breaker", "timeout", "hedge")
        return {name: part for name in names if (part := getattr(self, name)) is not None}

    @property
    def is_idle(self) -> bool:
        """Whether all its parts are."""
        return all(part.is_idle for part in self.parts().values())

    def statistics(self) -> dict[str, Any]:
        """Return the statistics of each part."""
        return {name: part.statistics() for name, part in self.parts().items()}

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        wrapped: Any = function

        for layer in reversed(self.layers):
            wrapped = layer.wrap_async(wrapped)
            wrapped.__qualname__ = name_of(function)

        call: Callable[..., Coroutine[Any, Any, R]] = wrapped
        return call

    def wrap_sync(self, function: Callable[..., R]) -> Callable[..., R]:
        wrapped = function

        for layer in reversed(self.layers):
            wrapped = layer.wrap_sync(wrapped)
            wrapped.__qualname__ = name_of(function)

        return wrapped


class Gate(Strategy):
    """What an open circuit refuses, before a rate or a place is used up; the breaker itself stands further in."""

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.breaker = breaker

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        breaker = self.breaker

        async def call(*args: Any, **kwargs: Any) -> R:
            if breaker.record is None:
                breaker.check()

            return await function(*args, **kwargs)

        return call

    def wrap_sync(self, function: Callable[..., R]) -> Callable[..., R]:
        breaker = self.breaker

        def call(*args: Any, **kwargs: Any) -> R:
            if breaker.record is None:
                breaker.check()

            return function(*args, **kwargs)

        return call
