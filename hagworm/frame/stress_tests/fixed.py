"""One request, sent again and again, without a coroutine for each."""

import asyncio
import heapq
import time
from collections.abc import Iterator
from functools import partial
from math import inf
from random import Random

from hagworm.frame.stress_tests.alarm import Alarm
from hagworm.frame.stress_tests.connection import Connection
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.plan import NO_THINK, Closed, Open
from hagworm.frame.stress_tests.pool import Pool
from hagworm.frame.stress_tests.tally import Tally

__all__ = ("RETRY", "FixedLoad")

RETRY = 0.1
"""How many seconds a user of the closed model waits who got no connection."""

clock = time.monotonic


class FixedLoad:
    """Sends the request of an order by its plan; made inside the loop that carries it.

    In the open model each request starts when its moment has come, if there is a place; when all places are taken, it
    starts as soon as one is free, and its response time runs from the moment that was intended. Nothing is queued: the
    schedule is a function, and we are where we are in it.
    """

    def __init__(self, order: Order, tally: Tally) -> None:
        self.order = order
        self.tally = tally
        self.request = order.request.to_bytes(order.target)
        self.bodiless = order.request.method == "HEAD"
        self.expect = frozenset(order.request.expect)
        self.random = Random(f"{order.seed}/{order.share.index}")
        self.loop = asyncio.get_running_loop()
        self.pool = Pool(
            order.target,
            order.address,
            timeout=order.timeout,
            answered=self.answered,
            broken=self.broken,
            keeps_body=False,
            verify=order.verify,
        )
        self.alarm = Alarm(self.loop, self.pump)
        self.row = tally.row(f"{order.request.method} {order.target.path.partition('?')[0]}")
        self.done = self.loop.create_future()
        self.timeout = order.timeout
        self.running = 0
        """Requests that are out, or wait for a connection that is being opened."""
        self.measured = 0
        """Those of them that are not of the warm-up."""
        self.over = False
        self.full = False
        """A request is due, and there is no place for it."""
        self.due = inf
        """When the next request is intended."""
        self.zero = self.end = 0.0
        self.users: list[float] = []
        """When users of the closed model who are not waiting for an answer do something, as a heap."""
        self.arrivals: Iterator[float] = iter(())
        self.is_open = isinstance(order.plan, Open)
        self.thinks = isinstance(order.plan, Closed) and order.plan.think != NO_THINK
        self.places = order.places

    def __repr__(self) -> str:
        return f"<FixedLoad {self.order.target}: {self.running} running{', all places taken' * self.full}>"

    async def prepare(self) -> None:
        """Do nothing: there is nothing to be done before."""

    async def close(self) -> None:
        """Close every connection; may be called again."""
        self.alarm.close()
        await self.pool.close()

    async def run(self, zero: float) -> None:
        """Carry out the plan; measuring begins at `zero` (`time.monotonic()`), the warm-up before.

        What is late may start for another timeout after the plan's end. Returns when every answer has come, or its time
        is over; cancelled, it breaks off what is out.
        """
        plan = self.order.plan
        self.zero = zero
        self.end = zero + plan.seconds

        if isinstance(plan, Closed):
            users = plan.users_of(self.order.share)
            self.users = sorted(zero + plan.entry(user) for user in users)
            self.places = len(users)
        else:
            self.arrivals = plan.arrivals(self.order.share, self.random)

        self.advance()
        doors = self.loop.call_later(self.end + self.timeout - clock(), self.miss)

        try:
            self.pump()
            await self.done
        finally:
            self.over = True
            doors.cancel()
            self.alarm.close()
            await self.pool.close()

    def miss(self) -> None:
        """Start nothing more: what is due was missed."""
        now = clock()

        while self.is_open and self.due <= now:
            self.tally.missed += self.due >= self.zero
            self.advance()

        self.due = inf
        self.full = False

        if not self.running:
            self.finish()

    def stop(self) -> None:
        """End now: what is due was missed, what is out stays unfinished."""
        if self.over:
            return

        self.miss()
        self.tally.unfinished += self.measured
        self.measured = 0
        self.finish()

    def finish(self) -> None:
        self.over = True

        if not self.done.done():
            self.done.set_result(None)

    def advance(self) -> None:
        if self.is_open:
            self.due = self.zero + next(self.arrivals, inf)
        else:
            self.due = heapq.heappop(self.users) if self.users else inf

    def pump(self) -> None:
        """Start what is due, as far as there are places, and see to it that the rest will be."""
        now = clock()
        self.full = False

        while self.due <= now:
            if (connection := self.pool.take()) is not None:
                self.enter(self.due)
                self.start(connection, self.due)
            elif self.pool.size < self.places:
                self.enter(self.due)
                began = now
                self.pool.open(
                    partial(self.start, intended=self.due, began=began),
                    partial(self.refused, intended=self.due, began=began),
                )
            else:
                self.full = True
                return

            self.advance()
            now = clock()

        if self.due < inf:
            self.alarm.set(self.due)
        elif not self.running:
            self.finish()

    def enter(self, intended: float) -> None:
        self.running += 1

        if intended >= self.zero:
            self.measured += 1
            self.tally.start()

    def start(self, connection: Connection, intended: float, began: float = 0.0) -> None:
        """Send the request; it counts from `began`, where a connection had to be opened for it."""
        connection.intended = intended
        row = self.row if intended >= self.zero else self.tally.warmth
        connection.send(self.request, row, clock() + self.timeout, bodiless=self.bodiless)

        if began:
            connection.started = began

        if self.is_open and intended >= self.zero:
            self.tally.lag.record(max(0.0, connection.started - intended))

    def leave(self, intended: float, now: float) -> None:
        self.running -= 1

        if intended >= self.zero:
            self.measured -= 1
            self.tally.finished += 1

    def answered(self, connection: Connection) -> None:
        if self.over:
            return

        now = clock()
        intended = connection.intended
        status = connection.head.status
        response = now - intended if self.is_open else None

        if status in self.expect if self.expect else status < 400:
            connection.row.success(now - connection.started, response, now - self.zero)
        else:
            connection.row.failure(now - connection.started, response, now - self.zero, f"status {status}")

        self.leave(intended, now)
        self.go_on(connection, now)

    def broken(self, connection: Connection, reason: str) -> None:
        if self.over:
            return

        now = clock()
        intended = connection.intended
        response = now - intended if self.is_open else None
        connection.row.failure(now - connection.started, response, now - self.zero, reason)
        self.leave(intended, now)
        self.go_on(connection, now)

    def refused(self, reason: str, *, intended: float, began: float) -> None:
        """Count a request for which no connection could be opened."""
        if self.over:
            return

        now = clock()
        response = now - intended if self.is_open else None
        row = self.row if intended >= self.zero else self.tally.warmth
        row.failure(now - began, response, now - self.zero, reason)
        self.leave(intended, now)

        if not self.is_open:
            self.come_back(now + RETRY)

        self.pump()

    def go_on(self, connection: Connection, now: float) -> None:
        """Use a connection that is free for what is due, or keep it."""
        if not self.is_open:
            if not self.thinks and connection.alive and now < self.end:
                self.enter(now)
                self.start(connection, now)
                return

            self.come_back(now)

        if self.due <= now and connection.alive:
            self.tally.held += self.full and self.due >= self.zero
            self.enter(self.due)
            self.start(connection, self.due)
            self.advance()
        else:
            self.pool.put(connection)

        if self.full or self.due <= now or not self.running:
            self.pump()

    def come_back(self, moment: float) -> None:
        """Let a user of the closed model think, and do the next thing."""
        if isinstance(self.order.plan, Closed):
            moment += self.order.plan.think.draw(self.random)

        if moment < self.end:
            heapq.heappush(self.users, moment)

            if moment < self.due:
                if self.due < inf:
                    heapq.heappush(self.users, self.due)

                self.advance()
                self.alarm.set(self.due)
