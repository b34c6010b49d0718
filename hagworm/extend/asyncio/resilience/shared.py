"""One rate for many processes, kept by Redis."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from math import ceil
from types import TracebackType
from typing import Any, Literal, TypeVar

from hagworm.extend.asyncio.base.deadline import remaining, within
from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker
from hagworm.extend.asyncio.resilience.bulkhead import Bulkhead
from hagworm.extend.asyncio.resilience.limiter import RESOLUTION
from hagworm.extend.asyncio.resilience.strategy import Strategy
from hagworm.extend.error import CircuitOpen, RateLimited, extra
from hagworm.extend.resilience.limiter import Decision, Gcra, Limit, SlidingWindow

__all__ = ("SharedRateLimiter",)

R = TypeVar("R")

LOG = logging.getLogger("hagworm.resilience")

# Both rules of hagworm.extend.resilience.limiter, in whole microseconds of the server's clock. Where that has been set
# back, what lies in the future counts as if it were now.
SCRIPT = """
local key, limit, per, burst, cost, take = KEYS[1], unpack(ARGV)
limit, per, burst, cost = tonumber(limit), tonumber(per), tonumber(burst), tonumber(cost)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

if burst > 0 then
    local interval = math.ceil(per / limit)
    local tolerance = interval * burst
    local arrival = tonumber(redis.call('GET', key) or now)
    arrival = math.min(math.max(arrival, now), now + tolerance)
    local after = arrival + interval * cost
    local wait = math.max(0, after - now - tolerance)

    if wait == 0 and take == '1' then
        arrival = after
        redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
    end

    return {wait, math.floor((tolerance - (arrival - now)) / interval), arrival - now}
end

local newest = tonumber(redis.call('LINDEX', key, 0) or 0)

if newest > now then
    local length = redis.call('LLEN', key)
    redis.call('DEL', key)

    for _ = 1, length do
        redis.call('LPUSH', key, string.format('%.0f', now))
    end
end

while true do
    local oldest = tonumber(redis.call('LINDEX', key, -1) or now)

    if oldest + per > now then
        break
    end

    redis.call('RPOP', key)
end

local used = redis.call('LLEN', key)
local missing = used + cost - limit
local wait = 0

if missing > 0 then
    wait = redis.call('LINDEX', key, -missing) + per - now
elseif take == '1' then
    for _ = 1, cost do
        redis.call('LPUSH', key, string.format('%.0f', now))
    end

    redis.call('PEXPIRE', key, math.ceil(per / 1000))
    used = used + cost
end

newest = tonumber(redis.call('LINDEX', key, 0) or (now - per))
return {wait, limit - used, newest + per - now}
"""

Failure = Literal["local", "allow", "deny"]


class SharedRateLimiter(Strategy):
    """Let something happen at most `limit` times in `per` seconds, in all processes that share a Redis and a `name`.

        limiter = SharedRateLimiter("redis://localhost", 100, per=60, name="mails")
        @limiter                                                    # coroutine functions
        if wait := await limiter.take(): …                          # 0 and counted, or in how many seconds

    The rules are those of `RateLimiter`; one script decides, by the clock of the server, and costs one round trip. Of
    the tasks that wait in a process only the next one asks, and again when the server said that it may: nobody polls,
    and processes do not queue behind each other. With `burst` the interval is rounded up to a whole microsecond.
    Setting back the server's clock holds up for `per` seconds at most.

    `on_failure` says what happens where Redis does not answer within `timeout` seconds: "local" limits each process by
    itself (so many processes let through so many times the rate), "allow" lets through, "deny" raises `RateLimited`.
    After a few failures Redis is left alone for a second at a time (`breaker`, which limiters may share). What is
    cancelled while Redis is asked may have been counted.

    `redis` is a URL or a `redis.asyncio.Redis`; `aclose` closes what was made of a URL. Raises `MissingExtra` where the
    extra `redis` is not installed.
    """

    def __init__(
        self,
        redis: Any,
        limit: int,
        per: float = 1.0,
        *,
        name: str,
        burst: int | None = None,
        waiting: int = 1000,
        wait: float | None = None,
        timeout: float = 0.5,
        on_failure: Failure = "local",
        breaker: CircuitBreaker | None = None,
        prefix: str = "hagworm:rate:",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        with extra("redis"):
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError

        self.errors = (RedisError, OSError)
        self.owns = isinstance(redis, str)
        # What may have been counted is not asked for again.
        self.redis: Any = Redis.from_url(redis, retry=Retry(NoBackoff(), 0)) if isinstance(redis, str) else redis
        self.script = self.redis.register_script(SCRIPT)
        self.rule: Limit = SlidingWindow(limit, per) if burst is None else Gcra(limit, per, burst)
        self.wait = wait
        self.timeout = timeout
        self.on_failure = on_failure
        self.name = name
        self.key = f"{prefix}{name}"
        self.clock = clock
        # Only who is next in this process asks Redis; the place is held while waiting for the time that it said.
        self.line = Bulkhead(1, waiting=waiting, wait=wait, name=name)
        self.breaker = breaker or CircuitBreaker(window=20, minimum_calls=3, open_for=1.0, probes=1, name="redis")
        self.failures = self.refused = 0

    def __repr__(self) -> str:
        waiting = len(self.line.line) + self.line.running
        return f"<SharedRateLimiter {self.name}, {waiting} waiting, {self.rule!r}, {self.failures} failures of Redis>"

    @property
    def is_idle(self) -> bool:
        """Whether nobody here waits: what has happened is known to Redis."""
        return self.line.is_idle

    def statistics(self) -> dict[str, int]:
        """Return how many wait here, were refused, and found no Redis."""
        return {
            "waiting": len(self.line.line) + self.line.running,
            "refused": self.refused + self.line.refused + self.line.expired,
            "failures": self.failures,
        }

    async def take(self, cost: int = 1) -> float:
        """Return 0 and count `cost` times, or return in how many seconds that may be and count nothing.

        It looks at no queue. Raises ValueError for a cost that can never be had, and `RateLimited` where Redis does not
        answer and that is what `on_failure` says.
        """
        decision = await self.ask(cost, take=True)
        return decision.retry_after

    async def peek(self, cost: int = 1) -> Decision:
        """Return what `take` would say now, and what HTTP's rate limit fields want to know."""
        return await self.ask(cost, take=False)

    async def acquire(self, cost: int = 1, *, priority: int = 0) -> None:
        """Wait until it may happen `cost` times more, after those of this process that came before.

        Raises `Overloaded` or `RateLimited` where too many wait, or it would take longer than `wait` or the caller.
        """
        async with self.line.slot(priority=priority):
            end = None if self.wait is None else self.clock() + self.wait

            while pause := await self.take(cost):
                left = remaining()

                if (left is not None and pause > left) or (end is not None and self.clock() + pause > end):
                    self.refused += 1
                    raise RateLimited(f"{self.name}: {self.rule.limit} in {self.rule.per:g} s", retry_after=pause)

                await asyncio.sleep(max(pause, RESOLUTION))

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    async def aclose(self) -> None:
        """Close the connections, if they were made here."""
        if self.owns:
            await self.redis.aclose()

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        async def call(*args: Any, **kwargs: Any) -> R:
            await self.acquire()
            return await function(*args, **kwargs)

        return call

    async def ask(self, cost: int, *, take: bool) -> Decision:
        rule = self.rule

        if not 0 < cost <= rule.most:
            raise ValueError(f"cost: {cost!r} can never be had of {rule.most}")

        burst = rule.burst if isinstance(rule, Gcra) else 0
        arguments = [rule.limit, ceil(rule.per * 1e6), burst, cost, int(take)]

        try:
            async with self.breaker.guard(), within(self.timeout):
                wait, left, reset = await not_swallowing(self.script(keys=[self.key], args=arguments))
        except (CircuitOpen, *self.errors) as error:
            if remaining() == 0:
                raise  # it is the caller whose time is over

            return self.without_redis(error, cost, take=take)

        return Decision(wait == 0, rule.most, left, wait / 1e6, reset / 1e6)

    def without_redis(self, error: Exception, cost: int, *, take: bool) -> Decision:
        self.failures += 1

        if not isinstance(error, CircuitOpen):
            LOG.warning("%s: Redis does not answer (%r): %s", self.name, error, self.on_failure)

        if self.on_failure == "deny":
            raise RateLimited(f"{self.name}: Redis does not answer", retry_after=self.timeout) from error

        if self.on_failure == "allow":
            return Decision(True, self.rule.most, self.rule.most, 0.0, 0.0)

        now = self.clock()
        decision = self.rule.peek(now, cost)

        if take:
            self.rule.take(now, cost)

        return decision


async def not_swallowing(awaitable: Awaitable[R]) -> R:
    """Return the result, unless a cancellation came while it was awaited and has been lost.

    The client uses asyncio.wait_for, which does that on Python 3.11.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    result = await awaitable

    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError

    return result
