"""Scenarios, run by a plan: users in a closed model, arrivals in an open one."""

import asyncio
import time
from collections.abc import Iterator
from itertools import count
from math import inf
from random import Random

from hagworm.extend.error import RequestFailed
from hagworm.frame.stress_tests.alarm import Alarm
from hagworm.frame.stress_tests.feeder import Feeder
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.plan import Closed, Open
from hagworm.frame.stress_tests.scenario import Scenario, load_scenarios, reason_of
from hagworm.frame.stress_tests.seat import Desk, Seat
from hagworm.frame.stress_tests.tally import Tally

__all__ = ("TEAR_DOWN", "ScriptedLoad")

TEAR_DOWN = 5.0
"""How many seconds all tear-downs of a process have together."""
TURN = 0.005
"""After so many seconds a user lets the others have theirs, also where its runs wait for nothing."""

clock = time.monotonic


class ScriptedLoad:
    """Runs the scenarios of an order by its plan; made inside the loop that carries them.

    In the open model each arrival is a run by a user who is free, or by a new one while there are places; when all are
    taken, it starts as soon as one is free, and its times run from the moment that was intended.
    """

    def __init__(self, order: Order, tally: Tally) -> None:
        self.order = order
        self.tally = tally
        self.classes: list[type[Scenario]] = [one for path in order.scenarios for one in load_scenarios(path)]
        self.weights = [one.weight for one in self.classes]
        self.random = Random(f"{order.seed}/{order.share.index}")
        self.loop = asyncio.get_running_loop()
        self.desk = Desk(order, tally)
        self.alarm = Alarm(self.loop, self.pump)
        self.numbers = count(order.share.index, order.share.parts)
        self.seats: list[Seat] = []
        self.free: list[Seat] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.done = self.loop.create_future()
        self.measured = 0
        """Runs under way that are not of the warm-up."""
        self.over = False
        self.full = False
        """A run is due, and there is no place for it."""
        self.due = inf
        self.zero = self.end = 0.0
        self.arrivals: Iterator[float] = iter(())

    def __repr__(self) -> str:
        return f"<ScriptedLoad {len(self.tasks)} running, {len(self.seats)} users{', all places taken' * self.full}>"

    async def prepare(self) -> None:
        """Do what comes before the load. Raises whatever a scenario's `begin` raises."""
        for scenario in self.classes:
            for name in dir(scenario):
                if isinstance(feeder := getattr(scenario, name, None), Feeder):
                    feeder.share(self.order.share, self.order.seed)

            await scenario.begin()

    async def run(self, zero: float) -> None:
        """Carry out the plan; measuring begins at `zero` (`time.monotonic()`), the warm-up before.

        What is late may start for another timeout after the plan's end, and what is under way has one more. Returns
        when every run has ended, or been cut off; cancelled, it cuts off all.
        """
        plan = self.order.plan
        self.zero = self.desk.zero = zero
        self.end = zero + plan.seconds
        left = self.end + self.order.timeout - clock()
        timers = [
            self.loop.call_later(left, self.miss),
            self.loop.call_later(left + self.order.timeout, self.stop),
        ]

        try:
            if isinstance(plan, Open):
                self.arrivals = plan.arrivals(self.order.share, self.random)
                self.advance()
                self.pump()
            else:
                for user in plan.users_of(self.order.share):
                    self.spawn(self.live(Seat(self.desk, user), plan, zero + plan.entry(user)))

                self.finish_if_idle()

            await self.done
        finally:
            self.over = self.desk.over = True
            self.alarm.close()

            for timer in timers:
                timer.cancel()

            for task in self.tasks.copy():
                task.cancel()

            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def close(self) -> None:
        """Tear down, within `TEAR_DOWN` seconds, and close every connection."""
        try:
            async with asyncio.timeout(TEAR_DOWN):
                for seat in self.seats:
                    for scenario in seat.scenarios.values():
                        await scenario.tear_down()

                for one in self.classes:
                    await one.end()
        finally:
            await self.desk.close()

    def miss(self) -> None:
        """Start nothing more: what is due was missed."""
        now = clock()

        while self.due <= now:
            self.tally.missed += self.due >= self.zero
            self.advance()

        self.due = inf
        self.full = False

    def stop(self) -> None:
        """End now: what is due was missed, what is under way stays unfinished."""
        if self.over:
            return

        self.miss()
        self.tally.unfinished += self.measured
        self.measured = 0
        self.finish()

    def finish(self) -> None:
        self.over = self.desk.over = True

        if not self.done.done():
            self.done.set_result(None)

    def finish_if_idle(self) -> None:
        if not self.tasks and self.due == inf and not self.over:
            self.finish()

    def advance(self) -> None:
        self.due = self.zero + next(self.arrivals, inf)

    def pump(self) -> None:
        """Start what is due, as far as there are places, and see to it that the rest will be."""
        now = clock()
        self.full = False

        while self.due <= now:
            if self.free:
                seat = self.free.pop()
            elif len(self.seats) < self.order.places:
                seat = Seat(self.desk, next(self.numbers))
                self.seats.append(seat)
            else:
                self.full = True
                return

            self.spawn(self.work(seat, self.due))
            self.advance()
            now = clock()

        if self.due < inf:
            self.alarm.set(self.due)
        else:
            self.finish_if_idle()

    def spawn(self, coroutine: "asyncio._CoroutineLike[None]") -> None:
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.ended)

    def ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)

        if not task.cancelled() and (exc := task.exception()) is not None and not self.done.done():
            self.done.set_exception(exc)

        if self.full:
            self.pump()
        else:
            self.finish_if_idle()

    async def work(self, seat: Seat, intended: float) -> None:
        """Run once, and on as long as something is due."""
        rested = clock()
        await self.iterate(seat, intended)

        while self.due <= (now := clock()) and not self.over:
            if now - rested > TURN:
                await asyncio.sleep(0)
                rested = clock()
                continue

            intended = self.due
            self.tally.held += self.full and intended >= self.zero
            self.advance()
            await self.iterate(seat, intended)

        self.free.append(seat)

    async def live(self, seat: Seat, plan: Closed, entry: float) -> None:
        """Be a user of the closed model."""
        await asyncio.sleep(entry - clock())
        self.seats.append(seat)
        rested = clock()

        while (now := clock()) < self.end and not self.over:
            # A timer may be early by its resolution: the first run belongs where it was planned.
            await self.iterate(seat, max(now, entry))
            pause = plan.think.draw(seat.random)

            if pause or now - rested > TURN:
                await asyncio.sleep(min(pause, max(0.0, self.end - clock())))
                rested = clock()

    async def iterate(self, seat: Seat, intended: float) -> None:
        kind = self.classes[0] if len(self.classes) == 1 else self.random.choices(self.classes, self.weights)[0]
        warm = intended < self.zero
        tally = self.tally
        seat.warm = warm
        seat.lag = None
        began = clock()

        if not warm:
            self.measured += 1
            tally.start()

        failed = False

        try:
            if (scenario := seat.scenarios.get(kind)) is None:
                scenario = kind()
                scenario.seat = seat
                await scenario.set_up()
                seat.scenarios[kind] = scenario
                intended += clock() - began
                began = clock()

            if self.desk.is_open:
                seat.lag = max(0.0, began - intended)

                if not warm:
                    tally.lag.record(seat.lag)

            await scenario.run()
        except RequestFailed:
            failed = True
        except Exception as exc:
            failed = True

            if seat.counted is not exc:
                seat.failure(kind.name, clock() - began, reason_of(exc))

            seat.counted = None

        if not warm and not self.over:
            self.measured -= 1
            tally.finished += 1
            tally.failed += failed
            tally.duration.record(clock() - began)
