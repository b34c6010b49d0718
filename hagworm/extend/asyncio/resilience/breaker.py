"""Not calling what is broken, and finding out when it is whole again."""

import asyncio
import random as chance
from collections.abc import Awaitable, Callable, Coroutine
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from hagworm.extend.asyncio.resilience.listeners import tell
from hagworm.extend.asyncio.resilience.outcomes import Errors, read_errors
from hagworm.extend.asyncio.resilience.strategy import Strategy
from hagworm.extend.error import CircuitOpen, Refused
from hagworm.extend.resilience.backoff import Backoff
from hagworm.extend.resilience.breaker import BreakerRules, Change, Circuit, Probes, State
from hagworm.extend.resilience.window import FAILED, OK, SLOW, CountWindow, TimeWindow

__all__ = ("CircuitBreaker",)

R = TypeVar("R")

Record = Callable[[int], object]


class CircuitBreaker(Strategy):
    """Call as long as that goes well; when too many of the last calls have failed, refuse at once for a while.

        breaker = CircuitBreaker(window=100, failure_rate=0.5, open_for=10)
        @breaker                                                    # plain and coroutine functions
        await breaker.call(fetch, url)                              # breaker.call_sync(…)
        with breaker.guard():                                       # a block, with or without awaits

    The numbers are those of `BreakerRules`. While the circuit is open, calls raise `CircuitOpen` with `retry_after`.
    The outcome of a call is recorded when it ends. `on` says which errors are failures; those in `ignore`, every
    `Refused` and all other errors say nothing about the other side, and are not counted. `reject` makes a failure of a
    result. A call that was cancelled counts as failed if it had lasted `patience` seconds (None: never): callers that
    wait in vain and leave are how a dependency that hangs looks from here.

    Half open, exactly `probes` calls are let through; one that says nothing gives its permit to another.

    `isolate`, `disable`, `observe` and `reset` change the state by hand. `on_change` is called with every `Change`.
    May be shared by threads and loops. Cancelling a call leaves nothing behind.
    """

    def __init__(
        self,
        *,
        failure_rate: float = 0.5,
        slow_rate: float = 1.0,
        slow_after: float | None = None,
        window: int = 100,
        period: float | None = None,
        minimum_calls: int = 10,
        open_for: float | Backoff = 30.0,
        probes: int = 5,
        on: Errors = Exception,
        ignore: Errors = (),
        reject: Callable[[Any], bool] | None = None,
        patience: float | None = 0.01,
        on_change: Callable[[Change], object] | None = None,
        name: str = "",
        clock: Callable[[], float] = monotonic,
        random: Callable[[], float] = chance.random,
    ) -> None:
        rules = BreakerRules(failure_rate, slow_rate, slow_after, window, period, minimum_calls, open_for, probes)
        self.circuit = Circuit(rules, name)
        self.slow_after = slow_after
        self.failures = read_errors(on)
        self.ignored = read_errors(ignore)
        self.reject = reject
        self.patience = patience
        self.listeners = () if on_change is None else (on_change,)
        self.clock = clock
        self.random = random
        self.lock = Lock()
        self.opened = self.refused = 0
        self.reason = ""
        # Where the outcomes of calls go that need not ask before: None while they have to.
        self.record: Record | None = self.open_record()

    def __repr__(self) -> str:
        facts = self.statistics()
        name = f" {self.name}" if self.name else ""
        return (
            f"<CircuitBreaker{name} {facts['state']}: {facts['failed']} of {facts['calls']} failed, "
            f"{facts['slow']} slow; opened {self.opened} times, {self.refused} refused>"
        )

    @property
    def name(self) -> str:
        return self.circuit.name

    @property
    def state(self) -> State:
        """The state; an open circuit becomes half open when the next call comes, not before."""
        return self.circuit.state

    @property
    def is_idle(self) -> bool:
        """Whether it is closed, and no call has failed lately."""
        return self.circuit.state is State.CLOSED and not self.statistics()["failed"]

    def statistics(self) -> dict[str, int | str]:
        """Return the state, what is known of the last calls, and how often it opened and refused."""
        with self.lock:
            circuit = self.circuit
            tally = (circuit.probes or circuit.window).tally(self.clock())
            return {
                "state": circuit.state.value,
                **tally._asdict(),
                "opened": self.opened,
                "refused": self.refused,
            }

    def isolate(self, reason: str = "isolated by hand") -> None:
        """Refuse every call from now on."""
        self.turn(State.ISOLATED, reason)

    def disable(self, reason: str = "disabled by hand") -> None:
        """Let every call through from now on, and do not watch."""
        self.turn(State.DISABLED, reason)

    def observe(self, reason: str = "observing by hand") -> None:
        """Let every call through from now on, watch, and never open."""
        self.turn(State.OBSERVING, reason)

    def reset(self, reason: str = "reset by hand") -> None:
        """Close, with nothing known about the past."""
        self.turn(State.CLOSED, reason)

    def open(self, reason: str = "opened by hand") -> None:
        """Refuse every call for as long as if too many had failed."""
        with self.lock:
            change = self.change(self.circuit.open(self.clock(), reason, self.random()))

        tell(self.listeners, change)

    def check(self) -> None:
        """Raise `CircuitOpen` where a call would be refused now, and take no permit."""
        with self.lock:
            circuit = self.circuit
            now = self.clock()

            if circuit.state is State.ISOLATED or (circuit.state is State.OPEN and now < circuit.until):
                raise self.refusal(now)

    def guard(self) -> "Guard":
        """Return the block that is one call: `with breaker.guard(): …`, with or without awaits in it."""
        return Guard(self)

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        clock = self.clock
        looks = self.reject is not None or self.slow_after is not None

        async def call(*args: Any, **kwargs: Any) -> R:
            record = self.record

            if record is None:
                record = self.ask()

            began = clock()

            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                self.failed(record, error, began)
                raise

            if looks:
                self.look(record, result, began)
            else:
                record(OK)

            return result

        return call

    def wrap_sync(self, function: Callable[..., R]) -> Callable[..., R]:
        clock = self.clock

        def call(*args: Any, **kwargs: Any) -> R:
            record = self.record or self.ask()
            began = clock()

            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                self.failed(record, error, began)
                raise

            self.look(record, result, began)
            return result

        return call

    def ask(self) -> Record:
        """Return where the outcome of a call goes. Raises `CircuitOpen` where there is to be none."""
        with self.lock:
            now = self.clock()
            window, change = self.circuit.admit(now)

            if change is not None:
                self.change(change)

            if isinstance(window, Probes):
                record: Record = Permit(self, window)
            elif window is not None:  # it has closed between the look and the lock
                record = self.record or self.open_record() or forget
            else:
                self.refused += 1

        if change is not None:
            tell(self.listeners, change)

        if window is None:
            raise self.refusal(now)

        return record

    def refusal(self, now: float) -> CircuitOpen:
        who = f"{self.name}: " if self.name else ""
        return CircuitOpen(
            f"{who}the circuit is {self.circuit.state.value} ({self.reason})", retry_after=self.circuit.wait(now)
        )

    def look(self, record: Record, result: Any, began: float) -> None:
        """Record a call that returned, which may still have failed or been slow."""
        outcome = OK

        if self.slow_after is not None and self.clock() - began >= self.slow_after:
            outcome = SLOW

        if self.reject is not None and self.reject(result):
            outcome |= FAILED

        self.settle(record, outcome)

    def failed(self, record: Record, error: BaseException, began: float) -> None:
        """Record a call that raised, where that says something about the other side."""
        seconds = self.clock() - began

        if isinstance(error, asyncio.CancelledError):
            counts = self.patience is not None and seconds >= self.patience
        else:
            counts = error in self.failures and not isinstance(error, Refused) and error not in self.ignored

        if counts:
            slow = self.slow_after is not None and seconds >= self.slow_after
            self.settle(record, FAILED | SLOW if slow else FAILED)
        elif isinstance(record, Permit):
            record.give_back()

    def settle(self, record: Record, outcome: int) -> None:
        record(outcome)

        # What a call has to say that began before the last change goes to a window that counts no more.
        if outcome != OK and record is self.record:
            with self.lock:
                change = self.circuit.review(self.circuit.window, self.clock(), self.random())

                if change is not None:
                    self.change(change)

            if change is not None:
                tell(self.listeners, change)

    def settle_probe(self, probes: Probes, outcome: int | None) -> None:
        with self.lock:
            probes.record(outcome)
            change = self.circuit.review(probes, self.clock(), self.random())

            if change is not None:
                self.change(change)

        if change is not None:
            tell(self.listeners, change)

    def turn(self, state: State, reason: str) -> None:
        with self.lock:
            change = self.change(self.circuit.turn(state, self.clock(), reason))

        tell(self.listeners, change)

    def change(self, change: Change) -> Change:
        """Take in a change of the circuit; the lock is held."""
        self.opened += change.after is State.OPEN
        self.reason = change.reason
        self.record = self.open_record()
        return change

    def open_record(self) -> Record | None:
        match self.circuit.state, self.circuit.window:
            case State.CLOSED | State.OBSERVING, CountWindow() as window:
                return window.record
            case State.CLOSED | State.OBSERVING, TimeWindow() as window:
                return lambda outcome: window.record(outcome, self.clock())
            case State.DISABLED, _:
                return forget
            case _:
                return None


class Permit:
    """Where the outcome of a probe goes."""

    __slots__ = ("breaker", "probes")

    def __init__(self, breaker: CircuitBreaker, probes: Probes) -> None:
        self.breaker = breaker
        self.probes = probes

    def __call__(self, outcome: int) -> None:
        self.breaker.settle_probe(self.probes, outcome)

    def give_back(self) -> None:
        self.breaker.settle_probe(self.probes, None)


class Guard:
    """A block that is one call of a breaker."""

    __slots__ = ("began", "breaker", "record")

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.breaker = breaker

    def __enter__(self) -> None:
        breaker = self.breaker
        self.record: Record = breaker.record or breaker.ask()
        self.began = breaker.clock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.breaker.look(self.record, None, self.began)
        else:
            self.breaker.failed(self.record, error, self.began)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def forget(outcome: int) -> None:
    """Take an outcome in which nobody is interested."""
