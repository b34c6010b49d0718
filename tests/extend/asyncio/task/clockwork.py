"""A clock that goes as a test says, and sleeps that end by the time that really passes."""

import asyncio
import heapq
from itertools import count

__all__ = ("Clockwork", "settle")


async def settle() -> None:
    """Let everybody do what can be done now."""
    for _ in range(12):
        await asyncio.sleep(0)


class Clockwork:
    """Shows `now`, gains `rate` seconds in a second, can be set; time passes in `advance` only."""

    def __init__(self, now: float = 0.0, *, rate: float = 1.0) -> None:
        self.now = now
        self.rate = rate
        self.passed = 0.0
        self.numbers = count()
        self.sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self.naps: list[float] = []
        """How long every sleep was to be."""

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.passed + seconds, next(self.numbers), waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking sleepers when theirs has come."""
        end = self.passed + seconds
        await settle()

        while self.sleepers and self.sleepers[0][0] <= end:
            at, _, waiter = heapq.heappop(self.sleepers)

            if not waiter.done():
                self.move(at)
                waiter.set_result(None)
                await settle()

        self.move(end)
        await settle()

    def move(self, to: float) -> None:
        self.now += (to - self.passed) * self.rate
        self.passed = to
