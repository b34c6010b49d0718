"""Loops that do something again and again, and know when to stop."""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from hagworm.extend.schedule.grid import Grid

__all__ = ("AsyncCirculator", "AsyncCirculatorForSecond", "Ticker", "TickerStatistics")


@dataclass(frozen=True, slots=True)
class TickerStatistics:
    """How a ticker has run."""

    steps: int
    """How many rounds have begun."""
    skipped: int
    """How many moments passed while a round was going on, and were left out."""
    lag: float
    """How many seconds late the last round began."""


class Circulation:
    """What loops with a bound have in common: `async for step in …` gives 1, 2, 3, …, the first at once.

    It ends after `max_times` rounds, or when the next one could not begin within `timeout` seconds (None or 0: without
    bound): it waits neither after the last round nor for a round that does not come. Time is that of the running loop.
    """

    __slots__ = ("end", "expired", "loop", "max_times", "start", "step", "timeout")

    def __init__(self, timeout: float | None, max_times: int | None) -> None:
        if (timeout or 0) < 0 or (max_times or 0) < 0:
            raise ValueError("neither timeout nor max_times can be negative")

        self.timeout = timeout or math.inf
        self.max_times = max_times or math.inf
        self.step = 0
        self.start = 0.0
        self.end = math.inf
        self.expired = False
        """Whether it has ended because its time was over."""
        self.loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        bound = "" if self.max_times == math.inf else f" of {self.max_times}"
        state = ", expired" if self.expired else ""
        return f"<{type(self).__name__} step {self.step}{bound}{state}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
            self.start = self.loop.time()
            self.end = self.start + self.timeout
        elif self.expired or self.step >= self.max_times or not await self.pause(self.loop):
            raise StopAsyncIteration

        self.step += 1
        return self.step

    async def pause(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Wait for the next round. Returns False when there is no time left for one."""
        now = loop.time()
        when = self.next_moment(now)

        if when >= self.end:
            self.expired = True
            return False

        # A timer may fire a little early.
        while (left := when - now) > 0:
            await asyncio.sleep(left)
            now = loop.time()

        self.begin(when, now)
        return True

    def next_moment(self, now: float) -> float:
        raise NotImplementedError

    def begin(self, when: float, now: float) -> None:
        """Note that a round that was due at `when` begins `now`."""


class Ticker(Circulation):
    """Rounds at equal distances: `async for step in Ticker(1.0, timeout=60):`, every `interval` seconds.

    The moments lie on a grid that begins with the first round, so that what a round takes does not add up; moments that
    pass during a round are left out and counted. Each may be late by a random part of `jitter` seconds. See
    `Circulation` for the bounds.
    """

    __slots__ = ("due", "grid", "interval", "jitter", "lag", "random", "skipped")

    def __init__(
        self,
        interval: float,
        *,
        timeout: float | None = None,
        max_times: int | None = None,
        jitter: float = 0.0,
        random: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(timeout, max_times)
        self.grid = Grid(interval)
        self.interval = interval
        self.jitter = jitter
        self.random = random
        self.due = 0.0
        self.skipped = 0
        self.lag = 0.0

    def statistics(self) -> TickerStatistics:
        """Return how it has run."""
        return TickerStatistics(self.step, self.skipped, self.lag)

    def next_moment(self, now: float) -> float:
        # The grid counts from the first round: small numbers keep their decimals.
        passed = max(self.due, now - self.start)
        self.skipped += self.grid.count_between(self.due, passed)
        due = self.grid.next_after(passed)
        assert due is not None
        self.due = due
        return self.start + due + (self.jitter * self.random() if self.jitter else 0.0)

    def begin(self, when: float, now: float) -> None:
        self.lag = now - when


class AsyncCirculatorForSecond(Ticker):
    """`Ticker` as hagworm 4 spelt it: a round every `interval` seconds, for `timeout` seconds or `max_times` rounds."""

    __slots__ = ()

    def __init__(self, timeout: float = 0, interval: float = 1.0, max_times: int = 0) -> None:
        super().__init__(interval, timeout=timeout, max_times=max_times)


class AsyncCirculator(Circulation):
    """Rounds that follow soon at first and then less and less often, to wait for something that tells nobody.

    The first pause lasts `shortest` seconds, each one is twice as long as the one before, none longer than `longest`,
    and each is shortened by a random part of up to a quarter, so that many who wait do not all look at once. See
    `Circulation` for the bounds. Where something can tell, an event is better than looking again and again.
    """

    __slots__ = ("longest", "random", "shortest")

    def __init__(
        self,
        timeout: float = 0,
        *,
        max_times: int = 0,
        shortest: float = 0.001,
        longest: float = 0.1,
        random: Callable[[], float] = random.random,
    ) -> None:
        if not 0 < shortest <= longest:
            raise ValueError(f"0 < shortest <= longest, not {shortest} and {longest}")

        super().__init__(timeout, max_times)
        self.shortest = shortest
        self.longest = longest
        self.random = random

    def next_moment(self, now: float) -> float:
        pause = min(self.longest, self.shortest * 2.0 ** min(self.step - 1, 60))
        return now + pause * (1.0 - 0.25 * self.random())
