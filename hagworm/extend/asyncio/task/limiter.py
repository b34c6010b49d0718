"""Jobs of which only so many run at once."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from inspect import isawaitable
from types import CoroutineType, TracebackType
from typing import Any, Literal, NoReturn, Self, TypeVar, get_args, overload

from hagworm.extend.asyncio.task.job import Job
from hagworm.extend.asyncio.task.recurring import require
from hagworm.extend.asyncio.task.row import Row
from hagworm.extend.error import DuplicateJob, JobRefused, Overloaded
from hagworm.extend.schedule.roster import Placement, Roster

__all__ = ("Duplicate", "Full", "LimiterStatistics", "RateLimiter")

T = TypeVar("T")

Full = Literal["wait", "raise", "drop_oldest"]
"""What becomes of a job for which the queue has no room: its sender waits, it is refused, or the oldest one goes."""

Duplicate = Literal["raise", "skip", "replace"]
"""What becomes of a job whose name is there: it is refused, the other stands for it, or the other is cancelled."""

Place = asyncio.Future[Any]
"""Who waits for a place: a job, or what a caller awaits until it can run one itself."""

NOBODY = Context()


@dataclass(frozen=True, slots=True)
class LimiterStatistics:
    """What a limiter has done; all of it since it was made."""

    started: int
    succeeded: int
    failed: int
    cancelled: int
    """Jobs that were cancelled while they ran."""
    refused: int
    """Jobs that were not taken: no room, closed, or a name that was there."""
    dropped: int
    """Jobs that left the queue for newer ones."""
    expired: int
    """Jobs that waited longer than they may."""
    running: int
    waiting: int
    limit: int


class RateLimiter:
    """Runs at most `limit` jobs at once; up to `queue` others wait, by priority, in order among equals.

    A job is a function with its arguments; what it returns is awaited if that can be done. `call` runs one for its
    caller and returns the result, `submit` and `submit_nowait` return a `Job` to await or to cancel, which sees the
    context variables of its sender. A place is free again when a job has really ended, also if it was cancelled.
    Smaller priorities go first, as in `asyncio.PriorityQueue`; nobody is overtaken by a later job of the same priority.

    Where the queue has no room, `full` says what happens: `wait` (`submit_nowait` raises `Overloaded` nevertheless),
    `raise` (`Overloaded`), or `drop_oldest`: the job that has waited longest, of the least urgent, ends with
    `Overloaded`. A job that has waited for `queue_timeout` seconds ends with `Overloaded`, one that has run for
    `timeout` seconds with TimeoutError; None: no bound. Of jobs with a name there is one at a time: for another one of
    that name `duplicate` says whether it is refused (`raise`: `DuplicateJob`), is not made, as there is one already
    (`skip`), or takes its place (`replace`), starting when the cancelled one has ended.

    It limits how many run at once, not how many per second. Belongs to one event loop. Close it with `aclose`, or use
    it as an asynchronous context manager, which waits for its jobs.
    """

    def __init__(
        self,
        limit: int,
        *,
        queue: int = 1024,
        full: Full = "wait",
        duplicate: Duplicate = "raise",
        timeout: float | None = None,
        queue_timeout: float | None = None,
    ) -> None:
        require("policy for a full queue", full, get_args(Full))
        require("policy for duplicates", duplicate, get_args(Duplicate))
        self.roster: Roster[Place] = Roster(at_least(1, "limit", limit), at_least(0, "queue", queue))
        self.full = full
        self.duplicate = duplicate
        self.timeout = timeout
        self.queue_timeout = queue_timeout
        self.is_closed = False
        self.jobs: set[Job[Any]] = set()
        """The jobs with a task of their own."""
        self.named: dict[str, Job[Any]] = {}
        self.row = Row(self.is_full)
        self.for_rest: list[Place] = []
        """Those who wait until nothing runs or waits."""
        self.started = self.succeeded = self.failed = self.cancelled = 0
        self.refused = self.dropped = self.expired = 0

    def __repr__(self) -> str:
        return f"<RateLimiter {self.running} running, {self.waiting} waiting, limit {self.limit}>"

    @property
    def running(self) -> int:
        return self.roster.running

    @property
    def waiting(self) -> int:
        """How many jobs wait in the queue; those whose senders wait for room are not in it yet."""
        return self.roster.waiting

    @property
    def limit(self) -> int:
        """How many may run at once. Can be set at any time; what runs is not touched by that."""
        return self.roster.limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self.roster.limit = at_least(1, "limit", limit)
        self.advance()

    @property
    def queue(self) -> int:
        """How many may wait. Can be set at any time; who waits is not touched by that."""
        return self.roster.bound

    @queue.setter
    def queue(self, queue: int) -> None:
        self.roster.bound = at_least(0, "queue", queue)
        self.row.let_in()

    def statistics(self) -> LimiterStatistics:
        return LimiterStatistics(
            started=self.started,
            succeeded=self.succeeded,
            failed=self.failed,
            cancelled=self.cancelled,
            refused=self.refused,
            dropped=self.dropped,
            expired=self.expired,
            running=self.running,
            waiting=self.waiting,
            limit=self.limit,
        )

    @overload
    async def call(
        self, function: Callable[..., Awaitable[T]], *args: Any, priority: int = 0, name: str | None = None
    ) -> T: ...

    @overload
    async def call(self, function: Callable[..., T], *args: Any, priority: int = 0, name: str | None = None) -> T: ...

    async def call(self, function: Callable[..., Any], *args: Any, priority: int = 0, name: str | None = None) -> Any:
        """Run a job when its turn comes and return its result, or raise its error.

        It runs in the caller's task; cancelling that takes the job out of the queue or cancels it. A job with a name
        runs in a task of its own; with `duplicate="skip"` callers of a name share one run, which goes on if one of them
        is cancelled. Raises `Overloaded`, `DuplicateJob`, `JobRefused` (closed, or the run was cancelled by somebody
        else).
        """
        if name is not None:
            return await self.call_named(function, args, priority, name)

        if self.is_closed or self.row.waiters or not self.roster.enter():
            await self.turn(priority)

        try:
            return await self.run(function, args)
        finally:
            self.leave()

    @overload
    def submit_nowait(
        self, function: Callable[..., Awaitable[T]], *args: Any, priority: int = 0, name: str | None = None
    ) -> Job[T]: ...

    @overload
    def submit_nowait(
        self, function: Callable[..., T], *args: Any, priority: int = 0, name: str | None = None
    ) -> Job[T]: ...

    def submit_nowait(
        self, function: Callable[..., Any], *args: Any, priority: int = 0, name: str | None = None
    ) -> Job[Any]:
        """Start a job or put it into the queue, and return it.

        Raises `Overloaded` where there is no room, `DuplicateJob`, `JobRefused` after `aclose`.
        """
        job = self.enlist(function, args, priority, name)
        job.holders += 1  # for good: whoever has it may wait for it
        return job

    @overload
    async def submit(
        self, function: Callable[..., Awaitable[T]], *args: Any, priority: int = 0, name: str | None = None
    ) -> Job[T]: ...

    @overload
    async def submit(
        self, function: Callable[..., T], *args: Any, priority: int = 0, name: str | None = None
    ) -> Job[T]: ...

    async def submit(
        self, function: Callable[..., Any], *args: Any, priority: int = 0, name: str | None = None
    ) -> Job[Any]:
        """Start a job or put it into the queue as soon as that has room, and return it; see `submit_nowait`.

        Those who wait for room get it in order. A cancellation while waiting leaves nothing behind.
        """
        await self.find_room(name)
        return self.submit_nowait(function, *args, priority=priority, name=name)

    async def join(self) -> None:
        """Wait until nothing runs and nothing waits."""
        while not self.roster.is_idle:
            rest = asyncio.get_running_loop().create_future()
            self.for_rest.append(rest)

            try:
                await rest
            finally:
                if rest in self.for_rest:
                    self.for_rest.remove(rest)

    async def aclose(self, timeout: float | None = None) -> None:
        """Take no further jobs, and wait for those that there are.

        After `timeout` seconds (None: no bound) all are cancelled and awaited, but for what runs for `call`, which
        belongs to its caller and is left to it; calls that wait are refused. So it is if `aclose` is cancelled, but
        then nothing is awaited.
        """
        self.is_closed = True
        self.row.dismiss()

        try:
            async with asyncio.timeout(timeout):
                await self.join()
        except TimeoutError:
            self.give_up()

            if self.jobs:
                await asyncio.wait([*self.jobs])
        except asyncio.CancelledError:
            self.give_up()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose(None if kind is None else 0.0)

    async def call_named(self, function: Callable[..., Any], args: tuple[Any, ...], priority: int, name: str) -> Any:
        await self.find_room(name)
        job = self.enlist(function, args, priority, name)
        job.holders += 1

        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            caller = asyncio.current_task()

            if job.cancelled() and caller is not None and not caller.cancelling():
                raise JobRefused(f"the job called {name!r} has been cancelled or replaced") from None

            job.holders -= 1

            if not job.holders and job.cancel():
                await asyncio.wait((job,))

            raise

    def enlist(self, function: Callable[..., Any], args: tuple[Any, ...], priority: int, name: str | None) -> Job[Any]:
        """Return a new job that runs or waits, or the one that stands for it."""
        former = None if name is None else self.named.get(name)

        if former is not None and self.duplicate == "skip" and not former.is_leaving:
            return former

        if self.is_closed:
            self.refuse_closed()

        if former is not None:
            if self.duplicate == "raise":
                self.refused += 1
                raise DuplicateJob(str(name))

            if former.task is None:
                former.cancel()  # at once, for its place in the queue

        job: Job[Any] = Job(self, function, args, priority, name, asyncio.get_running_loop())

        if (placement := self.roster.place(job, priority)) == "run":
            self.begin(job)
        elif placement == "full" or self.queue_timeout is not None:
            job.timer = self.line_up(job, priority, placement)

        if name is not None:
            self.named[name] = job

            if former is not None:
                if not former.is_leaving:
                    former.cancel()

                job.formers = tuple(other for other in (former, *former.formers) if not other.done())

        return job

    def begin(self, job: Job[Any]) -> None:
        self.jobs.add(job)
        job.task = job.get_loop().create_task(self.perform(job), name=job.name or "job", context=job.context)

        if job.timer is not None:
            job.timer.cancel()

    async def perform(self, job: Job[Any]) -> None:
        """Run a job, in its own task, and tell it how that went."""
        job.has_begun = True
        started = 0

        try:
            if job.is_leaving:
                raise asyncio.CancelledError

            if job.formers:
                await asyncio.wait(job.formers)
                job.formers = ()

            self.started += (started := 1)

            # As in `run`, without the coroutine between: it would be a twentieth of what a small job costs.
            if self.timeout is None:
                result = job.function(*job.args)

                if type(result) is CoroutineType or isawaitable(result):
                    result = await result
            else:
                result = await within(self.timeout, job.function, job.args)
        except asyncio.CancelledError:
            self.cancelled += started
            job.was_cancelled()
        except BaseException as exc:
            self.failed += 1
            job.set_exception(exc)

            if isinstance(exc, KeyboardInterrupt | SystemExit):
                raise
        else:
            self.succeeded += 1
            job.set_result(result)
        finally:
            self.jobs.discard(job)

            if job.name is not None:
                self.unname(job)

            self.leave()

    async def run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Run a job in the caller's task."""
        self.started += 1

        try:
            if self.timeout is None:
                result = function(*args)

                if type(result) is CoroutineType or isawaitable(result):
                    result = await result
            else:
                result = await within(self.timeout, function, args)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        except BaseException:
            self.failed += 1
            raise

        self.succeeded += 1
        return result

    async def turn(self, priority: int) -> None:
        """Wait for a place."""
        await self.find_room(None)

        if self.is_closed:
            self.refuse_closed()

        place = asyncio.get_running_loop().create_future()

        if (placement := self.roster.place(place, priority)) == "run":
            return

        timer = self.line_up(place, priority, placement)

        try:
            await place
        except BaseException:
            if self.roster.withdraw(place, priority):
                self.after_withdrawal()
            elif place.done() and not place.cancelled() and place.exception() is None:
                self.leave()  # the place was given, and the caller cancelled before it heard of that

            raise
        finally:
            if timer is not None:
                timer.cancel()

    def line_up(self, place: Place, priority: int, placement: Placement) -> asyncio.TimerHandle | None:
        """Make room for who found none, if that is the policy; return the timer that ends the wait.

        Raises `Overloaded`.
        """
        while placement == "full":
            former = self.roster.evict(priority) if self.full == "drop_oldest" else None

            if former is None:
                self.refused += 1
                raise Overloaded(f"{self.running} jobs run and {self.waiting} wait: there is no room for another one")

            if not former.done():
                self.dropped += 1
                self.end_wait(former, Overloaded("dropped from the queue for a newer job"))

            placement = self.roster.place(place, priority)

        if self.queue_timeout is None:
            return None

        return place.get_loop().call_later(self.queue_timeout, self.expire, place, priority, context=NOBODY.copy())

    def expire(self, place: Place, priority: int) -> None:
        if not place.done() and self.roster.withdraw(place, priority):
            self.expired += 1
            self.end_wait(place, Overloaded(f"has waited for {self.queue_timeout:g} seconds in the queue"))
            self.after_withdrawal()

    def end_wait(self, place: Place, error: JobRefused) -> None:
        place.set_exception(error)

        if isinstance(place, Job):
            self.unname(place)
        else:
            place.exception()  # the caller may have been cancelled meanwhile: then nobody is to hear of it

    def forget(self, job: Job[Any]) -> None:
        """Take a job that waits out of the queue."""
        if self.roster.withdraw(job, job.priority):
            self.unname(job)
            self.after_withdrawal()

            if job.timer is not None:
                job.timer.cancel()

    def unname(self, job: Job[Any]) -> None:
        if job.name is not None and self.named.get(job.name) is job:
            del self.named[job.name]

    def leave(self) -> None:
        """Give a place back."""
        self.roster.finish()

        if self.roster.waiting:
            self.advance()
        elif self.row.waiters:
            self.row.let_in()

        if self.for_rest:
            self.tell_rest()

    def advance(self) -> None:
        """Give free places to those who wait."""
        while (place := self.roster.promote()) is not None:
            if isinstance(place, Job):
                self.begin(place)
            elif place.done():
                self.roster.finish()  # its caller was cancelled meanwhile
            else:
                place.set_result(None)

        if self.row.waiters:
            self.row.let_in()

    def after_withdrawal(self) -> None:
        self.row.let_in()
        self.tell_rest()

    def is_full(self) -> bool:
        """Whether a job that comes now could neither run nor wait."""
        return self.roster.waiting >= self.roster.bound and self.roster.running >= self.roster.limit

    async def find_room(self, name: str | None) -> None:
        """Wait until there is room for a job, if that is the policy and it is not the name that decides."""
        if self.full == "wait" and (name not in self.named or self.duplicate == "replace"):
            await self.row.pass_through()

    def give_up(self) -> None:
        """Cancel jobs, refuse calls that wait."""
        for place in self.roster.clear():
            if isinstance(place, Job):
                self.unname(place)
                place.cancel()
            elif not place.done():
                self.end_wait(place, JobRefused("the limiter has been closed"))

        for job in [*self.jobs]:
            job.cancel()

        self.tell_rest()

    def refuse_closed(self) -> NoReturn:
        self.refused += 1
        raise JobRefused("the limiter is closed")

    def tell_rest(self) -> None:
        if self.roster.is_idle:
            for rest in self.for_rest:
                if not rest.done():
                    rest.set_result(None)


async def within(seconds: float, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    async with asyncio.timeout(seconds):
        result = function(*args)
        return await result if isawaitable(result) else result


def at_least(least: int, what: str, value: int) -> int:
    if value < least:
        raise ValueError(f"the {what} of a limiter is a number from {least}, not {value!r}")

    return value
