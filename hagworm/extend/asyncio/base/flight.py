"""One run of a function for all who want its result at the same time."""

import asyncio
import copy
import threading
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hagworm.extend.asyncio.base.background import add_done_callback, spawn

__all__ = ("FlightStatistics", "Flights", "ThreadFlights", "apart")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FlightStatistics:
    """What is under way, and has been."""

    running: int
    """How many keys are being worked on."""
    waiting: int
    """How many callers wait for somebody else's run."""
    runs: int
    """How often the function has been called."""
    shared: int
    """How many callers got, or waited for, the result of another one's run."""
    handed_over: int
    """How often a caller had to begin again, as the one that it waited for had been cancelled."""


def apart(error: Exception) -> Exception:
    """Return a copy of `error` to raise somewhere else, so that tracebacks do not grow together.

    That is `error` itself where it cannot be copied. The copy has its cause, its context and its traceback so far.
    """
    try:
        twin = copy.copy(error)

        if type(twin) is not type(error) or twin.args != error.args:
            return error

        twin.__cause__ = error.__cause__
        twin.__context__ = error.__context__
        twin.__suppress_context__ = error.__suppress_context__
        return twin.with_traceback(error.__traceback__)
    except Exception:  # an error may be made in any way, and then it may not be possible to make another one
        return error


class Flight(Generic[T]):
    """A run that is under way, and who waits for it."""

    __slots__ = ("error", "leader", "loop", "result", "waiters")

    def __init__(self, loop: asyncio.AbstractEventLoop, leader: "asyncio.Task[Any] | None") -> None:
        self.loop = loop
        self.leader = leader
        # A waiter is told True: go on in the place of the leader, or False: there is a result, or an error.
        self.waiters: dict[asyncio.Future[bool], None] = {}
        self.result: Any = None
        self.error: Exception | None = None


class Flights(Generic[T]):
    """Runs a function once for all who call with the same key at the same time.

    The first caller runs it, in its own task and context; the others wait. Each gets the result, or a copy of the
    error. A caller that is cancelled while it waits hurts nobody. When the one that runs is cancelled, its run is over,
    and the caller that has waited longest begins anew: what is not to run twice is run `detached`, in a task of its
    own, which is cancelled only when nobody waits any more. Each caller waits at most `timeout` seconds (None: without
    end) and then gets TimeoutError, whoever runs. A run belongs to the event loop that it was begun in.
    """

    __slots__ = ("detached", "flights", "handed_over", "runs", "shared", "timeout")

    def __init__(self, *, timeout: float | None = None, detached: bool = False) -> None:
        self.timeout = timeout
        self.detached = detached
        self.flights: dict[Hashable, Flight[T]] = {}
        self.runs = 0
        self.shared = 0
        self.handed_over = 0

    def __repr__(self) -> str:
        return f"<Flights {len(self.flights)} running, {self.waiting} waiting>"

    @property
    def waiting(self) -> int:
        """How many callers wait."""
        return sum(len(flight.waiters) for flight in self.flights.values())

    async def run(self, key: Hashable, function: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Return what `await function(*args, **kwargs)` returns, or what a run for `key` does that is under way."""
        flight = self.flights.get(key)
        loop = asyncio.get_running_loop()

        if flight is not None and flight.loop is loop:
            task = asyncio.current_task()

            # A function that calls itself with the same key would wait for itself.
            if flight.leader is None or flight.leader is not task:
                self.shared += 1
                return await self.within(self.follow(key, flight, function, args, kwargs))

            return await function(*args, **kwargs)

        if self.detached:
            flight = self.flights[key] = Flight(loop, None)
            self.launch(key, flight, function, args, kwargs)
            return await self.within(self.follow(key, flight, function, args, kwargs))

        flight = self.flights[key] = Flight(loop, asyncio.current_task())

        if self.timeout is not None:
            return await self.within(self.lead(key, flight, function, args, kwargs))

        # What `lead` does, once more: a coroutine less for the most frequent case.
        self.runs += 1

        try:
            result = flight.result = await function(*args, **kwargs)
        except Exception as exc:
            flight.error = exc
            self.land(key, flight)
            raise
        except BaseException:
            self.hand_over(key, flight)
            raise

        self.land(key, flight)
        return result

    def forget(self, key: Hashable) -> bool:
        """Let the next caller begin a run of its own; who waits still gets the result. Returns False if none runs."""
        return self.flights.pop(key, None) is not None

    def statistics(self) -> FlightStatistics:
        """Return what is under way, and has been."""
        return FlightStatistics(len(self.flights), self.waiting, self.runs, self.shared, self.handed_over)

    async def within(self, waiting: Awaitable[T]) -> T:
        if self.timeout is None:
            return await waiting

        async with asyncio.timeout(self.timeout):
            return await waiting

    async def lead(
        self,
        key: Hashable,
        flight: "Flight[T]",
        function: Callable[..., Awaitable[T]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> T:
        """Run the function, and tell the others how that ended."""
        self.runs += 1

        try:
            result = flight.result = await function(*args, **kwargs)
        except Exception as exc:
            flight.error = exc
            self.land(key, flight)
            raise
        except BaseException:
            self.hand_over(key, flight)
            raise

        self.land(key, flight)
        return result

    async def follow(
        self,
        key: Hashable,
        flight: "Flight[T]",
        function: Callable[..., Awaitable[T]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> T:
        """Wait for the result of a run, or to take its place."""
        future: asyncio.Future[bool] = flight.loop.create_future()
        flight.waiters[future] = None

        try:
            is_next = await future
        except BaseException:
            flight.waiters.pop(future, None)

            if future.done() and not future.cancelled() and future.result():
                self.hand_over(key, flight)
            elif self.detached and not flight.waiters:
                self.abandon(key, flight)

            raise

        if is_next:
            flight.leader = asyncio.current_task()
            return await self.lead(key, flight, function, args, kwargs)

        if flight.error is not None:
            raise apart(flight.error)

        result: T = flight.result
        return result

    def launch(
        self,
        key: Hashable,
        flight: "Flight[T]",
        function: Callable[..., Awaitable[T]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Run the function in a task of its own."""

        async def fly() -> None:
            self.runs += 1

            try:
                flight.result = await function(*args, **kwargs)
            except Exception as exc:
                if not flight.waiters:
                    # Nobody is left to be told but the one who owns the task.
                    raise

                flight.error = exc

        def end(task: "asyncio.Future[None]") -> None:
            if task.cancelled() or task.exception() is not None:
                for waiter in flight.waiters:
                    waiter.cancel()

            self.land(key, flight)

        flight.leader = spawn(fly(), name=f"flight of {getattr(function, '__qualname__', function)}")
        add_done_callback(flight.leader, end)

    def land(self, key: Hashable, flight: "Flight[T]") -> None:
        """Tell all who wait that there is a result, or an error."""
        if self.flights.get(key) is flight:
            del self.flights[key]

        for waiter in flight.waiters:
            if not waiter.done():
                waiter.set_result(False)

        flight.waiters.clear()

    def hand_over(self, key: Hashable, flight: "Flight[T]") -> None:
        """Let the one who has waited longest run the function."""
        flight.leader = None

        while flight.waiters:
            waiter = next(iter(flight.waiters))
            del flight.waiters[waiter]

            if not waiter.done():
                waiter.set_result(True)
                self.handed_over += 1
                return

        if self.flights.get(key) is flight:
            del self.flights[key]

    def abandon(self, key: Hashable, flight: "Flight[T]") -> None:
        """Cancel a run that nobody waits for any more."""
        if self.flights.get(key) is flight:
            del self.flights[key]

        if flight.leader is not None:
            flight.leader.cancel()


class ThreadFlight(Generic[T]):
    """A run that is under way in a thread."""

    __slots__ = ("changed", "error", "is_over", "owner", "result", "waiting")

    def __init__(self, lock: threading.Lock) -> None:
        self.changed = threading.Condition(lock)
        self.owner: int | None = threading.get_ident()
        """The thread that runs it; None while nobody does, as the last one was interrupted."""
        self.is_over = False
        self.waiting = 0
        self.result: Any = None
        self.error: Exception | None = None


class ThreadFlights(Generic[T]):
    """What `Flights` is for coroutine functions, for plain functions that several threads call.

    When the thread that runs the function is interrupted (KeyboardInterrupt, SystemExit), another one begins anew.
    """

    __slots__ = ("flights", "handed_over", "lock", "runs", "shared", "timeout")

    def __init__(self, *, timeout: float | None = None) -> None:
        self.timeout = timeout
        self.lock = threading.Lock()
        self.flights: dict[Hashable, ThreadFlight[T]] = {}
        self.runs = 0
        self.shared = 0
        self.handed_over = 0

    def __repr__(self) -> str:
        return f"<ThreadFlights {len(self.flights)} running, {self.waiting} waiting>"

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        return sum(flight.waiting for flight in list(self.flights.values()))

    def run(self, key: Hashable, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Return what `function(*args, **kwargs)` returns, or what a run for `key` does that is under way."""
        with self.lock:
            if (flight := self.flights.get(key)) is None:
                flight = self.flights[key] = ThreadFlight(self.lock)
                leads = True
            elif flight.owner == threading.get_ident():
                leads = None
            else:
                self.shared += 1
                leads = self.wait(key, flight)

        if leads is None:
            # A function that calls itself with the same key would wait for itself.
            return function(*args, **kwargs)

        if leads:
            return self.lead(key, flight, function, args, kwargs)

        if flight.error is not None:
            raise apart(flight.error)

        result: T = flight.result
        return result

    def forget(self, key: Hashable) -> bool:
        """Let the next caller begin a run of its own; who waits still gets the result. Returns False if none runs."""
        with self.lock:
            return self.flights.pop(key, None) is not None

    def statistics(self) -> FlightStatistics:
        """Return what is under way, and has been."""
        with self.lock:
            return FlightStatistics(len(self.flights), self.waiting, self.runs, self.shared, self.handed_over)

    def wait(self, key: Hashable, flight: "ThreadFlight[T]") -> bool:
        """Wait, with the lock held, for the end of a run; returns True if this thread is to go on with it."""
        end = None if self.timeout is None else time.monotonic() + self.timeout
        flight.waiting += 1

        try:
            while flight.owner is not None:
                left = None if end is None else end - time.monotonic()

                if (left is not None and left <= 0) or not flight.changed.wait(left):
                    raise TimeoutError
        except BaseException:
            flight.waiting -= 1
            self.discard(key, flight)
            raise

        flight.waiting -= 1

        if flight.is_over:
            return False

        flight.owner = threading.get_ident()
        self.handed_over += 1
        return True

    def discard(self, key: Hashable, flight: "ThreadFlight[T]") -> None:
        """Forget a run, with the lock held, if nobody runs it or will."""
        if flight.owner is None and (flight.is_over or not flight.waiting) and self.flights.get(key) is flight:
            del self.flights[key]

    def lead(
        self,
        key: Hashable,
        flight: "ThreadFlight[T]",
        function: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> T:
        """Run the function, and tell the others how that ended."""
        with self.lock:
            self.runs += 1

        try:
            result = flight.result = function(*args, **kwargs)
            flight.is_over = True
            return result
        except Exception as exc:
            flight.error = exc
            flight.is_over = True
            raise
        finally:
            with self.lock:
                flight.owner = None
                self.discard(key, flight)
                flight.changed.notify_all()
