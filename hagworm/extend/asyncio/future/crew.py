"""Threads that work off a queue of calls: they come when there is work, and go when there has been none for a while."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal, Protocol

from hagworm.extend.asyncio.future.call import HERE, Job, Submission, name_of
from hagworm.extend.asyncio.future.farewell import watch_over
from hagworm.extend.error import ExecutorClosed, Overloaded

__all__ = ("Crew", "PoolStatistics", "WhenFull", "Worker")

WhenFull = Literal["wait", "raise", "drop_oldest"]
"""What becomes of a call for which the queue has no room."""


class Lock(Protocol):
    """What `threading.Lock()` makes."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...
    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What a pool is doing, and has done. The sums are exact, whichever threads are busy meanwhile."""

    size: int
    """How many threads there may be."""
    threads: int
    """How many there are."""
    running: int
    """How many calls are being made."""
    queued: int
    """How many wait for a thread."""
    waiting: int
    """How many wait for room in the queue."""
    succeeded: int
    failed: int
    """How many have raised."""
    withdrawn: int
    """How many were cancelled before a thread began with them."""
    dropped: int
    """How many were given up for newer ones, or as the pool was closed."""
    refused: int
    """How many were turned away, as the queue was full."""
    queue_seconds: float
    """How long all calls together have waited for a thread."""
    run_seconds: float
    """How long all calls together have run."""
    longest_wait: float
    """How long the one that waited longest for a thread has waited, in seconds."""

    @property
    def submitted(self) -> int:
        """How many have been asked for and were not refused."""
        ended = self.succeeded + self.failed + self.withdrawn + self.dropped
        return ended + self.running + self.queued + self.waiting


class Tally:
    """What several workers have done together."""

    __slots__ = ("failed", "longest_wait", "queue_seconds", "run_seconds", "succeeded")

    def __init__(self) -> None:
        self.succeeded = 0
        self.failed = 0
        self.queue_seconds = 0.0
        self.run_seconds = 0.0
        self.longest_wait = 0.0

    def add(self, other: "Tally") -> None:
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.queue_seconds += other.queue_seconds
        self.run_seconds += other.run_seconds
        self.longest_wait = max(self.longest_wait, other.longest_wait)


class Worker(Tally):
    """One thread of a crew."""

    __slots__ = ("crew", "gate", "job", "thread")

    def __init__(self, crew: "Crew", name: str) -> None:
        super().__init__()
        self.crew = crew
        # Held while there is nothing to do; whoever releases it has taken the worker out of `idle` before.
        self.gate: Lock = threading.Lock()
        self.gate.acquire()
        self.job: Job | None = None
        # A daemon: the end of the interpreter waits for what it does as long as `EXIT_SECONDS`, not for ever.
        self.thread = threading.Thread(target=self.work, name=name, daemon=True)

    def __repr__(self) -> str:
        doing = "idle" if (job := self.job) is None else f"in {name_of(job.function)}"
        return f"<Worker {self.thread.name!r} {doing}>"

    def work(self) -> None:
        HERE.worker = self
        crew = self.crew

        try:
            self.work_off(crew)
        finally:
            HERE.worker = None
            crew.leave(self)

    def work_off(self, crew: "Crew") -> None:
        """Make one call after another, until there is none, and none is to be expected."""
        queue, idle, reuse = crew.queue, crew.idle, crew.reuse
        take = queue.popitem
        now = perf_counter()
        rests = False

        while True:
            try:
                job, _ = take(False)
            except KeyError:
                idle.append(self)
                rests = True
            else:
                if crew.line:
                    crew.advance()

                if job.must_begin and not job.begin():
                    crew.count_withdrawn()
                    continue

                self.job = job
                waited = now - job.since

                # It may have come after the one before it ended.
                if waited > 0.0:
                    self.queue_seconds += waited

                    if waited > self.longest_wait:
                        self.longest_wait = waited

                error = value = None
                context = job.context or Context()
                kwargs = job.kwargs

                try:
                    if kwargs is None:
                        value = context.run(job.function, *job.args)
                    else:
                        value = context.run(job.function, *job.args, **kwargs)
                except BaseException as exc:
                    self.failed += 1
                    # Without this frame, which lives on and would keep everything.
                    error = exc.with_traceback(exc.__traceback__ and exc.__traceback__.tb_next)
                else:
                    self.succeeded += 1

                began, now = now, perf_counter()
                self.run_seconds += now - began
                self.job = None

                # Who gets the result may ask for the next call at once, and should find this thread then.
                if not queue and reuse:
                    idle.append(self)
                    rests = True

                if error is None:
                    job.finish(value)
                else:
                    job.fail(error)

                # While it rests, a worker keeps nothing alive.
                del job, value, error, context, kwargs

                if not reuse:
                    return

            if rests:
                rests = False

                if not crew.rest(self):
                    return

                now = perf_counter()


class Crew:
    """The queue and the threads of a pool, without the pool: they hold this, so that a forgotten pool can be collected.

    Who takes a call out of the queue owns it: a worker that will make it, or whoever cancels, drops or refuses it.
    """

    __slots__ = (
        "__weakref__",
        "aborted",
        "bound",
        "closing",
        "departed",
        "dropped",
        "ended",
        "idle",
        "keep",
        "leaving",
        "line",
        "lock",
        "name",
        "numbers",
        "queue",
        "refused",
        "reuse",
        "size",
        "watchers",
        "when_full",
        "withdrawn",
        "workers",
    )

    def __init__(
        self, size: int, *, name: str, queue: int, when_full: WhenFull, keep: float | None, reuse: bool = True
    ) -> None:
        self.size = size
        self.name = name
        self.bound = queue
        self.when_full = when_full
        self.keep = keep
        # False: each call gets a thread that has made no other one.
        self.reuse = reuse
        self.withdrawn = 0
        self.dropped = 0
        self.refused = 0
        self.numbers = itertools.count(1)
        self.closing = False
        self.aborted = False
        self.start_afresh()
        watch_over(self)

    def __repr__(self) -> str:
        return f"<Crew {self.describe()}>"

    def describe(self) -> str:
        """Say in one line how things are."""
        running = sum(worker.job is not None for worker in [*self.workers])
        state = ", aborted" if self.aborted else ", closing" if self.closing else ""
        waiting = f", {len(self.line)} waiting for room" if self.line else ""
        threads = f"{len(self.workers)} of {self.size} threads"
        return f"{self.name!r}: {running} running, {len(self.queue)} queued{waiting}, {threads}{state}"

    def start_afresh(self) -> None:
        """Have no threads and nothing to do: what there was belongs to the process from which this one was forked."""
        self.lock = threading.Lock()
        self.queue: OrderedDict[Job, None] = OrderedDict()
        # Calls for which the queue has no room: their callers wait, those who hold a lock by blocking on it.
        self.line: OrderedDict[Job, Lock | None] = OrderedDict()
        # The one that has rested the shortest is woken first, so that the others get to leave.
        self.idle: list[Worker] = []
        self.workers: set[Worker] = set()
        self.departed = Tally()
        self.leaving: list[threading.Thread] = []
        self.ended = False
        self.watchers: list[Callable[[], None]] = []

    # Asking for calls -------------------------------------------------------------------------------------------------

    def take(self, job: Job, *, full: Literal["line", "block", "raise"] = "line") -> None:
        """Let `job` wait for a thread. Raises `ExecutorClosed`, and `Overloaded` where there is no room for it.

        Where the policy is to wait for room, `full` says how: it stands in line while its caller awaits it, this thread
        blocks until there is, or not at all.
        """
        queue = self.queue

        if self.closing:
            raise ExecutorClosed(f"the pool {self.name!r} is closed")

        if len(queue) >= self.bound or self.line:
            if self.when_full == "wait" and full != "raise":
                self.stand_in_line(job, blocking=full == "block")
            else:
                self.make_room(job)
        else:
            queue[job] = None

        if self.idle or len(self.workers) < self.size:
            self.rouse()

    def stand_in_line(self, job: Job, *, blocking: bool) -> None:
        gate: Lock | None = None

        if blocking:
            gate = threading.Lock()
            gate.acquire()

        with self.lock:
            self.line[job] = gate

        # Who has taken something out of the queue in between did not see this.
        self.advance()

        if gate is not None:
            gate.acquire()

    def make_room(self, job: Job) -> None:
        while True:
            with self.lock:
                if len(self.queue) < self.bound and not self.line:
                    self.queue[job] = None
                    return

                if self.when_full != "drop_oldest":
                    self.refused += 1
                    raise Overloaded(f"{len(self.queue)} calls wait for a thread of {self.name!r} already")

                try:
                    oldest, _ = self.queue.popitem(False)
                except KeyError:  # a thread was faster
                    continue

                self.dropped += 1

            oldest.fail(Overloaded(f"newer calls have taken the place of this one in the queue of {self.name!r}"))

    def advance(self) -> None:
        """Let those who wait for room take what there is, in the order in which they came."""
        moved = 0

        with self.lock:
            while self.line and len(self.queue) < self.bound:
                job, gate = self.line.popitem(False)
                self.queue[job] = None
                moved += 1

                if gate is not None:
                    gate.release()

        for _ in range(moved):
            self.rouse()

    def rouse(self) -> None:
        """Let one more thread look for work, if there is one, or may be one."""
        if self.idle:
            try:
                worker = self.idle.pop()
            except IndexError:  # another thread was faster
                pass
            else:
                worker.gate.release()
                return

        if len(self.workers) < self.size:
            self.grow()

    def grow(self) -> None:
        with self.lock:
            if len(self.workers) >= self.size:
                return

            if not self.ended:
                worker = Worker(self, f"{self.name}-{next(self.numbers)}")
                self.workers.add(worker)

        if self.ended:
            self.drop_queued(ExecutorClosed(f"the pool {self.name!r} is closed"))
            return

        try:
            worker.thread.start()
        except RuntimeError as exc:
            with self.lock:
                self.workers.discard(worker)

            # Others will do it, if there are others.
            if not self.workers:
                self.drop_queued(Overloaded(f"no thread can be started for the pool {self.name!r}: {exc}"))

    def withdraw(self, job: Job) -> bool:
        """Take `job` out of the queue; return False if it is not there, as a thread has begun with it."""
        with self.lock:
            if self.queue.pop(job, MISSING) is MISSING and self.line.pop(job, MISSING) is MISSING:
                return False

            self.withdrawn += 1

        if self.line:
            self.advance()

        return True

    def count_withdrawn(self) -> None:
        with self.lock:
            self.withdrawn += 1

    # Working them off -------------------------------------------------------------------------------------------------

    def rest(self, worker: Worker) -> bool:
        """Wait until there may be work for `worker`, which is in `idle`; return False when it is to leave."""
        # Who brings something puts it into the queue and then looks for an idle worker; this does it in reverse.
        hurry = bool(self.queue)

        if not hurry and not self.closing:
            if worker.gate.acquire(True, -1 if self.keep is None else self.keep):
                return True

        try:
            self.idle.remove(worker)
        except ValueError:
            # Somebody has called it meanwhile, and is about to open the gate.
            worker.gate.acquire()
            return True

        if self.line:
            self.advance()
            return True

        return hurry or bool(self.queue)

    def leave(self, worker: Worker) -> None:
        """Do without `worker`, which ends."""
        with self.lock:
            self.workers.discard(worker)
            self.departed.add(worker)

            if self.closing:
                self.leaving.append(worker.thread)

        # Who has brought something since it last looked may have counted on this one.
        if self.queue:
            self.rouse()

        self.look_empty()

    def look_empty(self) -> None:
        """Tell those who wait for the end, if it has come."""
        with self.lock:
            if not self.closing or self.workers or self.queue or self.line:
                return

            self.ended = True
            watchers, self.watchers = self.watchers, []

        for watcher in watchers:
            watcher()

    # Ending -----------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take no calls any more; those that have been taken are made, and the threads end."""
        self.closing = True

        while self.idle:
            try:
                worker = self.idle.pop()
            except IndexError:
                break

            worker.gate.release()

    def drop_queued(self, error: Exception) -> None:
        """Let every call that has not begun end with `error`."""
        with self.lock:
            jobs = [*self.line]
            gates = [gate for gate in self.line.values() if gate is not None]
            self.line.clear()

            while True:
                try:
                    jobs.append(self.queue.popitem(False)[0])
                except KeyError:
                    break

            self.dropped += len(jobs)

        for gate in gates:
            gate.release()

        for job in jobs:
            job.fail(error)

    def cancel_queued(self) -> None:
        """Let every call that has not begun end as `shutdown(cancel_futures=True)` has it.

        Those that are awaited end with `ExecutorClosed`: a cancellation would look as if their caller was cancelled.
        """
        for job in [*self.line, *self.queue]:
            if isinstance(job, Submission):
                job.cancel()

        self.drop_queued(ExecutorClosed(f"the pool {self.name!r} was closed before the call began"))

    def abort(self) -> list[str]:
        """Close, and let every call end with `ExecutorClosed`, also those that have begun; return what those are.

        Nothing can stop them: their threads end when they do, and what comes of them is lost.
        """
        self.close()
        self.drop_queued(ExecutorClosed(f"the pool {self.name!r} was closed before the call began"))
        # In this order: a function that hears of it may be gone at once.
        jobs = [job for worker in [*self.workers] if (job := worker.job) is not None]
        self.aborted = True

        for job in jobs:
            job.give_up(self.abortion())

        return [name_of(job.function) for job in jobs]

    def abortion(self) -> ExecutorClosed:
        """Return what the callers of calls that run are told when all is given up."""
        return ExecutorClosed(f"the pool {self.name!r} was aborted while the call was made", began=True)

    def join(self, deadline: float | None = None) -> bool:
        """Wait until every thread has ended, but the current one; return False where that is not so at `deadline`.

        The deadline is a moment of `perf_counter`; None: without end.
        """
        current = threading.current_thread()

        while threads := [worker.thread for worker in [*self.workers] if worker.thread is not current]:
            for thread in threads:
                # One that is being started is there, and cannot be joined yet.
                if thread.ident is not None:
                    thread.join(None if deadline is None else max(0.0, deadline - perf_counter()))

            if deadline is not None and perf_counter() >= deadline:
                return False

        with self.lock:
            leaving, self.leaving = self.leaving, []

        for thread in leaving:
            if thread is not current:
                thread.join()

        return True

    def has_ended_by(self, deadline: float) -> bool:
        return self.join(deadline)

    def when_ended(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` once every thread has ended: here, or in the last one. Close first."""
        with self.lock:
            self.watchers.append(watcher)

        self.look_empty()

    def busy(self) -> list[str]:
        """Return the names of the functions that run."""
        return [name_of(job.function) for worker in [*self.workers] if (job := worker.job) is not None]

    # Looking ----------------------------------------------------------------------------------------------------------

    def state_of(self, job: Any) -> str:
        """Say what has become of `job`."""
        if job.done():
            return "cancelled" if job.cancelled() else "done"

        if job in self.queue:
            return "queued"

        if job in self.line:
            return "waiting for room"

        thread = next((worker.thread.name for worker in [*self.workers] if worker.job is job), None)
        return "ending" if thread is None else f"running in {thread}"

    def statistics(self) -> PoolStatistics:
        """Return what is going on, and what has."""
        with self.lock:
            total = Tally()
            total.add(self.departed)
            running = 0

            for worker in self.workers:
                total.add(worker)
                running += worker.job is not None

            return PoolStatistics(
                size=self.size,
                threads=len(self.workers),
                running=running,
                queued=len(self.queue),
                waiting=len(self.line),
                succeeded=total.succeeded,
                failed=total.failed,
                withdrawn=self.withdrawn,
                dropped=self.dropped,
                refused=self.refused,
                queue_seconds=total.queue_seconds,
                run_seconds=total.run_seconds,
                longest_wait=total.longest_wait,
            )


MISSING = object()
