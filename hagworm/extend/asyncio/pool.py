"""Objects that are expensive to open, lent to one task at a time and kept in good health."""

import asyncio
import logging
import random as chance
import sys
import warnings
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from types import CodeType, TracebackType
from typing import Any, Generic, Self, TypeVar, cast
from weakref import finalize, ref

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import Overloaded, PoolClosed

__all__ = ("Lease", "ObjectPool", "PoolStatistics")

logger = logging.getLogger("hagworm")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What a pool is doing, and has done."""

    maxsize: int
    idle: int
    """How many objects wait to be lent."""
    used: int
    """How many are lent."""
    opening: int
    closing: int
    waiting: int
    """How many tasks wait for one."""
    acquired: int
    """How often one has been lent."""
    opened: int
    closed: int
    failed_opens: int
    failed_checks: int
    expired: int
    """How many were closed as they had been open, or idle, for too long."""
    discarded: int
    """How many were closed as what was done with them had failed."""
    leaked: int
    """How many never came back: their lease was forgotten."""
    refused: int
    """How often a task was turned away as too many waited already."""
    waited_seconds: float
    """How long tasks have waited, all in all."""


class Member(Generic[T]):
    """An object of the pool, and what is known about it."""

    __slots__ = (
        "expires",
        "forgotten",
        "generation",
        "idle_since",
        "is_suspect",
        "place",
        "trace",
        "used_at",
        "value",
    )

    def __init__(self, value: T, expires: float, generation: int, pool: "ref[ObjectPool[T]]") -> None:
        self.value = value
        self.expires = expires
        self.generation = generation
        self.idle_since = 0.0
        self.used_at = 0.0
        self.is_suspect = False
        # While it is lent: what tells when the lease is forgotten, and where that was taken.
        self.trace: ref[Lease[T]] | None = None
        self.place: tuple[CodeType, int] | None = None
        self.forgotten: Callable[[ref[Lease[T]]], None] = partial(reclaim_forgotten, pool, self)


class Lease(Generic[T]):
    """The right to use one object: `async with pool.acquire() as thing`, or `lease = await pool.acquire()`.

    After the second one, `lease.value` is the object and `lease.release()` gives it back. A lease that is forgotten is
    reported by a ResourceWarning that names the place of its `acquire`, and its object is closed, never lent again.
    """

    __slots__ = ("__weakref__", "member", "place", "pool", "timeout")

    def __init__(self, pool: "ObjectPool[T]", timeout: float | None, place: tuple[CodeType, int]) -> None:
        self.pool = pool
        self.timeout = timeout
        self.place = place
        self.member: Member[T] | None = None

    def __repr__(self) -> str:
        state = "not held" if self.member is None else f"of {self.member.value!r}"
        return f"<Lease {state}, taken at {describe(self.place)}>"

    @property
    def value(self) -> T:
        """The object. Raises RuntimeError when it is not held, or no longer."""
        if self.member is None:
            raise RuntimeError(f"{self!r} is used outside of the time it is held")

        return self.member.value

    def __await__(self) -> Generator[Any, Any, Self]:
        yield from self.__aenter__().__await__()
        return self

    async def __aenter__(self) -> T:
        if self.member is not None:
            raise RuntimeError(f"{self!r} is held already")

        pool = self.pool
        idle = pool.idle

        # The object that was used last is the one most likely to be well, and leaves the others to become idle.
        if pool.free and idle and not pool.needs_care:
            pool.free -= 1
            member = idle.pop()
        else:
            member = await pool.take(self.timeout)

        pool.acquired += 1
        pool.busy.add(member)
        member.place = self.place
        member.trace = ref(self, member.forgotten)
        self.member = member
        return member.value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        member = self.member
        pool = self.pool

        if member is None:
            return

        # What nearly always happens; a closed pool needs care.
        if error is None and not pool.needs_care and not pool.waiters.futures and member.generation == pool.generation:
            self.member = member.trace = None
            pool.busy.discard(member)
            pool.idle.append(member)
            pool.free += 1
        else:
            self.release(error=error)

    def release(self, *, broken: bool = False, error: BaseException | None = None) -> None:
        """Give the object back; with `broken` it is closed. `error` is what its use has ended with.

        Nothing is waited for: the pool closes what must be closed in a task of its own. Releasing again does nothing.
        """
        member = self.member

        if member is None:
            return

        self.member = None
        self.pool.give_back(member, broken, error)


class ObjectPool(Generic[T]):
    """At most `maxsize` objects of one kind, each lent to one task at a time, in the order in which the tasks came.

    `open` makes one and `close` ends it; both may be coroutine functions or plain ones that do not block. `check` says
    whether one is well, before it is lent again after `check_after` idle seconds; one that is not is replaced. An
    object is closed when it is older than `max_lifetime` seconds (each up to a tenth sooner, by chance, so that they do
    not all end together), and when it has been idle for `max_idle` seconds while more than `minsize` are open.

    At most `max_waiting` tasks wait (None: any number): the next one gets `Overloaded`. `timeout` bounds their waiting
    unless `acquire` says otherwise, and so does the caller's deadline: `DeadlineExceeded`. `open_timeout` and
    `close_timeout` bound the opening and the closing of one object, in seconds.

    When the block that uses an object fails, the object is closed if the block was interrupted (a cancellation may have
    left half an answer on the wire), or if there is no `check` that could say whether it is well; otherwise it is
    checked before it is lent again. `keep_after(error)` decides that differently: True keeps it.

    Objects are opened in tasks of the pool: a task that is cancelled meanwhile leaves its object to the next one. An
    `open` that fails raises what it raised where it was waited for. `random` gives numbers in [0, 1).
    """

    def __init__(
        self,
        open: Callable[[], Awaitable[T] | T],
        *,
        close: Callable[[T], Awaitable[object] | object] | None = None,
        check: Callable[[T], Awaitable[bool] | bool] | None = None,
        keep_after: Callable[[BaseException], bool] | None = None,
        minsize: int = 0,
        maxsize: int = 10,
        max_waiting: int | None = 1024,
        timeout: float | None = None,
        max_lifetime: float | None = None,
        max_idle: float | None = None,
        check_after: float = 0.0,
        open_timeout: float | None = 30.0,
        close_timeout: float | None = 10.0,
        name: str = "",
        random: Callable[[], float] = chance.random,
    ) -> None:
        if not 0 <= minsize <= maxsize or maxsize < 1:
            raise ValueError(f"0 <= minsize <= maxsize and 1 <= maxsize are needed, got {minsize} and {maxsize}")

        self.open_object = open
        self.close_object = close
        self.check_object = check
        self.keep_after = keep_after
        self.minsize = minsize
        self.maxsize = maxsize
        self.max_waiting = max_waiting
        self.timeout = timeout
        self.max_lifetime = max_lifetime
        self.max_idle = max_idle
        self.check_after = check_after
        self.open_timeout = open_timeout
        self.close_timeout = close_timeout
        self.name = name
        self.random = random
        self.needs_care = check is not None or max_lifetime is not None or max_idle is not None

        # Who has a permit may take an idle object, or open one where there is none; an object that is being closed
        # keeps its permit until it is. So there are never more than `maxsize`.
        self.free = maxsize
        self.weak = ref(self)
        self.idle: deque[Member[T]] = deque()
        self.busy: set[Member[T]] = set()
        self.waiters: Waiters[None] = Waiters()
        self.returned: Waiters[None] = Waiters()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.openers: set[asyncio.Task[Any]] = set()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.is_closed = False
        self.generation = 0

        self.opening = self.closing = 0
        self.acquired = self.opened = self.closed = 0
        self.failed_opens = self.failed_checks = 0
        self.expired = self.discarded = self.leaked = self.refused = 0
        self.waited_seconds = 0.0
        caller = sys._getframe(1)
        finalize(self, report_unclosed, self.idle, (caller.f_code, caller.f_lineno)).atexit = False

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        state = ", closed" if self.is_closed else ""
        return (
            f"<ObjectPool{name} {len(self.busy)} lent, {len(self.idle)} idle, limit {self.maxsize}, "
            f"{len(self.waiters)} waiting{state}>"
        )

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Open `minsize` objects. Raises what `open` raises; what has been opened then stays for the next attempt."""
        for _ in range(self.minsize - self.size):
            if not self.free or self.is_closed:
                break

            self.free -= 1
            member = await self.open_member(None)
            self.put(member)

    @property
    def size(self) -> int:
        """How many objects there are: lent, idle, and on their way in or out."""
        return self.maxsize - self.free + len(self.idle)

    def acquire(self, *, timeout: float | None = None) -> Lease[T]:
        """Return the lease of an object, to be entered or awaited: `async with pool.acquire() as thing`.

        `timeout` is how many seconds to wait at most (None: as long as the pool says). Entering raises `PoolClosed`,
        `Overloaded`, `DeadlineExceeded`, and what opening raises. A cancelled caller holds nothing.
        """
        caller = sys._getframe(1)
        return Lease(self, self.timeout if timeout is None else timeout, (caller.f_code, caller.f_lineno))

    def expire(self) -> None:
        """Replace every object there is: the idle ones now, the lent ones when they come back."""
        self.generation += 1
        self.sweep()

    async def aclose(self, *, timeout: float | None = 10.0) -> None:
        """Lend nothing any more and close every object; lent ones have `timeout` seconds to come back (None: for ever).

        Those that do not are closed under the hands of who has them. Whoever waits gets `PoolClosed`. What happens in
        the background goes on when this is cancelled; another call waits for it.
        """
        if not self.is_closed:
            self.is_closed = True
            self.needs_care = True
            self.waiters.fail(self.make_error)

            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

            for opener in self.openers:
                opener.cancel()

            while self.idle:
                self.free -= 1
                self.retire(self.idle.pop())

        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self.busy:
                    await self.returned.wait(None, no_gift)

        for member in list(self.busy):
            logger.warning("%r: an object is closed while it is lent, taken at %s", self, describe(member.place))
            self.busy.discard(member)
            self.retire(member)

        while self.tasks:
            await asyncio.wait(self.tasks)

    def statistics(self) -> PoolStatistics:
        """Return what the pool is doing, and has done."""
        return PoolStatistics(
            self.maxsize,
            len(self.idle),
            len(self.busy),
            self.opening,
            self.closing,
            len(self.waiters),
            self.acquired,
            self.opened,
            self.closed,
            self.failed_opens,
            self.failed_checks,
            self.expired,
            self.discarded,
            self.leaked,
            self.refused,
            self.waited_seconds,
        )

    async def take(self, timeout: float | None) -> Member[T]:
        """Return an object that is well, with its permit."""
        if self.is_closed:
            raise self.make_error()

        idle = self.idle

        if self.free and idle:
            member = idle[-1]
            now = self.now()

            if not self.is_stale(member, now) and not self.is_due_for_check(member, now):
                self.free -= 1
                return idle.pop()

        with within(timeout):
            return await self.take_slowly()

    async def take_slowly(self) -> Member[T]:
        if self.free:
            self.free -= 1
        else:
            await self.wait_for_permit()

        closing: asyncio.Task[Any] | None = None

        if self.idle:
            member = self.idle.pop()
            now = self.now()

            if self.is_stale(member, now):
                self.expired += 1
                closing = self.retire(member, keeps_permit=True)
            elif not self.is_due_for_check(member, now) or await self.is_well(member):
                return member
            else:
                closing = self.retire(member, keeps_permit=True)

        if self.is_closed:
            if closing is None:
                self.return_permit()
            else:
                closing.add_done_callback(self.return_permit, context=Context())

            raise self.make_error()

        return await self.open_member(closing)

    async def wait_for_permit(self) -> None:
        if self.max_waiting is not None and len(self.waiters) >= self.max_waiting:
            self.refused += 1
            raise Overloaded(f"{len(self.waiters)} tasks wait for {self.maxsize} objects of {self!r} already")

        loop = asyncio.get_running_loop()
        start = loop.time()

        try:
            await self.waiters.wait(None, self.return_permit)
        finally:
            self.waited_seconds += loop.time() - start

    async def is_well(self, member: Member[T]) -> bool:
        """Ask the check. An object whose check is interrupted is closed: it may be in the middle of something."""
        assert self.check_object is not None

        try:
            result = self.check_object(member.value)
            well = bool(await result if isawaitable(result) else result)
        except Exception as error:
            logger.info("%r: an object is not well: %r", self, error)
            well = False
        except BaseException:
            self.retire(member)
            raise

        if well:
            member.is_suspect = False
        else:
            self.failed_checks += 1

        return well

    async def open_member(self, closing: asyncio.Task[Any] | None) -> Member[T]:
        """Open an object with the permit that the caller has, after `closing` has made room for it."""
        waiting: asyncio.Future[Member[T]] = asyncio.get_running_loop().create_future()
        opener = self.spawn(self.open_for(waiting, closing))
        self.openers.add(opener)
        opener.add_done_callback(self.openers.discard, context=Context())

        try:
            return await waiting
        except BaseException:
            # It came in the very moment in which its task was interrupted.
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self.put(waiting.result())

            waiting.cancel()
            raise

    async def open_for(self, waiting: "asyncio.Future[Member[T]]", closing: asyncio.Task[Any] | None) -> None:
        """Open an object for who is waiting; if nobody is any longer, for the next one."""
        self.opening += 1

        try:
            if closing is not None:
                await asyncio.wait((closing,))

            async with asyncio.timeout(self.open_timeout):
                result = self.open_object()
                value = cast(T, await result if isawaitable(result) else result)
        except BaseException as error:
            self.failed_opens += 1
            self.return_permit()

            if waiting.done():
                logger.warning("%r: no object could be opened: %r", self, error)
            elif isinstance(error, asyncio.CancelledError):
                waiting.set_exception(self.make_error())
            elif isinstance(error, StopIteration):
                waiting.set_exception(RuntimeError("open raised StopIteration"))
            else:
                waiting.set_exception(error)

            if not isinstance(error, Exception):
                raise

            return
        finally:
            self.opening -= 1

        self.opened += 1
        lifetime = self.max_lifetime
        expires = float("inf") if lifetime is None else self.now() + lifetime * (1.0 - 0.1 * self.random())
        member = Member(value, expires, self.generation, self.weak)

        if waiting.done():
            self.put(member)
        else:
            waiting.set_result(member)

    def is_due_for_check(self, member: Member[T], now: float) -> bool:
        return self.check_object is not None and (member.is_suspect or now - member.used_at >= self.check_after)

    def is_stale(self, member: Member[T], now: float) -> bool:
        return (
            member.generation != self.generation
            or now >= member.expires
            or (self.max_idle is not None and now - member.idle_since >= self.max_idle)
        )

    def now(self) -> float:
        assert self.loop is not None
        return self.loop.time()

    def give_back(self, member: Member[T], broken: bool, error: BaseException | None) -> None:
        """Take back what was lent."""
        member.trace = None

        if member not in self.busy:  # the pool was closed, and has closed it
            return

        self.busy.discard(member)

        if error is not None and not broken:
            if self.keep_after is not None:
                broken = not self.keep_after(error)
            else:
                broken = self.check_object is None or not isinstance(error, Exception)
                member.is_suspect = True

        if broken:
            self.discarded += 1

            if asyncio._get_running_loop() is None:
                # The coroutine that held it is closed by the garbage collector.
                with suppress(RuntimeError):
                    assert self.loop is not None
                    self.loop.call_soon_threadsafe(self.retire, member, context=Context())
            else:
                self.retire(member)
        elif self.needs_care or member.generation != self.generation:
            self.put(member)
        else:
            self.idle.append(member)

            if self.waiters.futures:
                self.return_permit()
            else:
                self.free += 1

        if self.is_closed and not self.busy:
            self.returned.wake_all()

    def put(self, member: Member[T]) -> None:
        """Make an object available, and pass its permit on."""
        if self.is_closed:
            self.retire(member)
            return

        if self.needs_care or member.generation != self.generation:
            now = self.now()

            if member.generation != self.generation or now >= member.expires:
                self.expired += 1
                self.retire(member)
                return

            member.idle_since = member.used_at = now

        self.idle.append(member)
        self.return_permit()

        if self.needs_care and self.timer is None:
            self.set_timer()

    def return_permit(self, _: object = None) -> None:
        if not self.waiters.wake():
            self.free += 1

    def retire(self, member: Member[T], *, keeps_permit: bool = False) -> asyncio.Task[Any]:
        """Close an object; its permit is passed on when that is done, unless the caller keeps it."""
        member.trace = None
        return self.spawn(self.close_member(member, keeps_permit))

    async def close_member(self, member: Member[T], keeps_permit: bool) -> None:
        self.closing += 1

        try:
            if self.close_object is not None:
                async with asyncio.timeout(self.close_timeout):
                    result = self.close_object(member.value)

                    if isawaitable(result):
                        await result
        except Exception as error:
            logger.warning("%r: an object could not be closed properly: %r", self, error)
        finally:
            self.closing -= 1
            self.closed += 1

            if not keeps_permit:
                self.return_permit()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[Any]:
        """Start a task of the pool, free of what the caller's context holds."""
        self.loop = asyncio.get_running_loop()
        task = self.loop.create_task(coroutine, context=Context())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard, context=Context())
        return task

    def forgotten(self, member: Member[T]) -> None:
        """Take back what a lease held that is no more. This may be called at any time, in any thread."""
        loop = self.loop

        if loop is not None:
            # A loop that is closed takes no call; what it had opened is lost with it.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self.reclaim, member, context=Context())

        warnings.warn(
            f"{self!r}: a lease was forgotten, taken at {describe(member.place)}", ResourceWarning, stacklevel=2
        )

    def reclaim(self, member: Member[T]) -> None:
        if member in self.busy:
            self.leaked += 1
            self.give_back(member, True, None)

    def set_timer(self) -> None:
        """Look after the idle objects when the first of them is due."""
        if self.is_closed or not self.idle or (self.max_idle is None and self.max_lifetime is None):
            return

        due = min(member.expires for member in self.idle)

        if self.max_idle is not None and self.size > self.minsize:
            due = min(due, self.idle[0].idle_since + self.max_idle)

        if due < float("inf"):
            assert self.loop is not None
            self.timer = self.loop.call_at(due, self.sweep, context=Context())

    def sweep(self) -> None:
        """Close the idle objects that are too old, and those that are not needed any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

        if self.is_closed or not self.idle:
            return

        now = self.now()
        kept: list[Member[T]] = []
        old: list[Member[T]] = []

        for member in self.idle:
            is_old = member.generation != self.generation or now >= member.expires
            is_idle = self.max_idle is not None and now - member.idle_since >= self.max_idle

            if is_idle and not is_old and self.size - len(old) <= self.minsize:
                member.idle_since = now  # it is one of the few that stay

            if is_old or (is_idle and member.idle_since != now):
                old.append(member)
            else:
                kept.append(member)

        kept.sort(key=lambda member: member.idle_since)
        self.idle.clear()
        self.idle.extend(kept)

        for member in old:
            self.free -= 1
            self.expired += 1
            self.retire(member)

        self.set_timer()

    def make_error(self) -> PoolClosed:
        return PoolClosed(f"{self!r} is closed")


def describe(place: tuple[CodeType, int] | None) -> str:
    if place is None:
        return "an unknown place"

    code, line = place
    return f"{code.co_filename}:{line} in {code.co_qualname}"


def reclaim_forgotten(pool: ref[ObjectPool[T]], member: Member[T], _: ref[Lease[T]]) -> None:
    if (owner := pool()) is not None:
        owner.forgotten(member)


def report_unclosed(idle: deque[Member[Any]], place: tuple[CodeType, int]) -> None:
    if idle:
        warnings.warn(
            f"a pool made at {describe(place)} was not closed; {len(idle)} objects in it are still open",
            ResourceWarning,
            stacklevel=2,
        )


def no_gift(_: None) -> None:
    """Give nothing back: who waits for this takes nothing."""
