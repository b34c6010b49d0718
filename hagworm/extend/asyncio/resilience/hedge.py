"""Sending a slow call once more, and taking the answer that comes first."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.resilience.outcomes import Errors, read_errors
from hagworm.extend.asyncio.resilience.strategy import Strategy, name_of
from hagworm.extend.resilience.budget import RetryBudget
from hagworm.extend.resilience.hedge import HedgeRules, Latencies

__all__ = ("Hedge",)

R = TypeVar("R")


class Hedge(Strategy):
    """Send a call again that has not been answered after `delay` seconds, up to `copies` times; the first answer wins.

        @Hedge(0.05)                                                # coroutine functions that may safely run twice
        await Hedge(0.05, quantile=0.95).call(fetch, url)

    With `quantile` the delay becomes the time below which that share of the last calls stayed, once ten are known
    (Dean and Barroso, "The Tail at Scale", 2013). Where all that were sent have failed with errors that `on` means, the
    next is sent at once; when there is none left, the first of the errors is raised. Any other error ends the call.
    `budget` bounds how many copies all calls that share it may send.

    The losers are cancelled, and awaited before the answer is given: none outlives the call, cancelled or not.
    """

    def __init__(
        self,
        delay: float,
        *,
        copies: int = 1,
        quantile: float | None = None,
        on: Errors = Exception,
        budget: RetryBudget | None = None,
    ) -> None:
        self.rules = HedgeRules(delay, copies)
        self.latencies = None if quantile is None else Latencies(quantile)
        self.errors = read_errors(on)
        self.budget = budget
        self.hedged = self.won = 0

    def __repr__(self) -> str:
        return f"<Hedge after {self.delay:g} s, {self.hedged} copies sent, {self.won} won>"

    @property
    def delay(self) -> float:
        """After how many seconds without an answer a copy is sent."""
        known = None if self.latencies is None else self.latencies.value()
        return self.rules.delay if known is None else known

    def statistics(self) -> dict[str, float]:
        """Return the delay, how many copies were sent, and how many of them won."""
        return {"delay": self.delay, "hedged": self.hedged, "won": self.won}

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        async def send(args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
            return await function(*args, **kwargs)

        name = name_of(function)

        async def call(*args: Any, **kwargs: Any) -> R:
            label = f"hedged {name or name_of(args[0])}"
            race: Race[R] = Race(self, lambda: asyncio.create_task(send(args, kwargs), name=label))

            try:
                return await race.run()
            finally:
                await cancel_tasks(race.running)

        return call


class Race(Generic[R]):
    """One call, and its copies."""

    __slots__ = ("began", "clock", "delay", "failed", "first_error", "hedge", "running", "send", "sent", "stopped")

    def __init__(self, hedge: Hedge, send: Callable[[], "asyncio.Task[R]"]) -> None:
        self.hedge = hedge
        self.send = send
        # By the clock that the pauses are measured by.
        self.clock = asyncio.get_running_loop().time
        self.began = self.clock()
        self.delay = hedge.delay
        self.sent: dict[asyncio.Task[R], float] = {}
        self.running: set[asyncio.Task[R]] = set()
        self.failed = 0
        self.first_error: Exception | None = None
        self.stopped = False

    async def run(self) -> R:
        if self.hedge.budget is not None:
            self.hedge.budget.call(self.began)

        self.start()

        while True:
            due = self.due()

            if due == 0:
                self.start_copy()
            elif self.running:
                done, _ = await asyncio.wait(self.running, timeout=due, return_when=asyncio.FIRST_COMPLETED)

                if not done:
                    # It is due now, even where the clock, rounding, is a little behind its timers.
                    self.start_copy()

                for task in done:
                    if self.is_answer(task):
                        return task.result()
            else:
                self.surrender()

    def due(self) -> float | None:
        """Return in how many seconds the next copy is due, or None where there is none any more."""
        if self.stopped:
            return None

        return self.hedge.rules.next_in(len(self.sent), self.clock() - self.began, delay=self.delay, failed=self.failed)

    def start(self) -> None:
        task = self.send()
        task.add_done_callback(retrieve)
        self.sent[task] = self.clock()
        self.running.add(task)

    def start_copy(self) -> None:
        if self.hedge.budget is not None and not self.hedge.budget.spend(self.clock()):
            self.stopped = True
            return

        self.hedge.hedged += 1
        self.start()

    def is_answer(self, task: "asyncio.Task[R]") -> bool:
        """Return whether `task` ends the call, with what it has: a result, or an error that no copy can mend."""
        self.running.discard(task)
        error = None if task.cancelled() else task.exception()

        if isinstance(error, Exception) and error in self.hedge.errors:
            self.failed += 1
            self.first_error = self.first_error or error
            return False

        if not task.cancelled() and error is None:
            self.hedge.won += task is not next(iter(self.sent))

            if self.hedge.latencies is not None:
                self.hedge.latencies.add(self.clock() - self.sent[task])

        return True

    def surrender(self) -> None:
        error, self.first_error = self.first_error, None
        assert error is not None

        try:
            raise error
        finally:
            del error


def retrieve(task: "asyncio.Task[Any]") -> None:
    """Look at the error of a task, so that nobody is told that nobody did."""
    if not task.cancelled():
        task.exception()
