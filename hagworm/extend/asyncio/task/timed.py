"""Tasks that run at the moments of a schedule."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Unpack, get_args

from hagworm.extend.asyncio.task.claim import RunLock
from hagworm.extend.asyncio.task.recurring import RecurringOptions, RecurringTask, require
from hagworm.extend.asyncio.task.run import Run
from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule.agenda import Agenda, Missed, Schedule
from hagworm.extend.schedule.overlap import Overlap, admit

__all__ = ("TimedOptions", "TimedTask")

logger = logging.getLogger("hagworm.task")

NAP = 0.001
"""No loop sleeps finer than this, in seconds; uvloop would spin instead."""


class TimedOptions(RecurringOptions, total=False):
    """What can be said of every task with a schedule; see `TimedTask`."""

    overlap: Overlap
    limit: int
    backlog: int
    missed: Missed
    lateness: float | None
    jitter: float
    lock: RunLock | None
    lock_ttl: float | None
    recheck: float
    since: float | None
    random: Callable[[], float]


class TimedTask(RecurringTask):
    """A function that is called at the moments of `schedule`, each time in a task and a context of its own.

    A run that is due while an earlier one goes on is left out (`overlap="skip"`), waits until that has ended (`queue`),
    starts beside it (`concurrent`, up to `limit` at once) or ends it (`cancel`). Moments that passed while nobody
    looked, as the loop was blocked, the machine asleep or the clock put forward, are left out but for the newest, if
    that is not older than `lateness` seconds (`missed="skip"`), or made up for in order (`catch_up`). At most `backlog`
    runs wait, the newest ones. Each moment is delayed by up to `jitter` seconds, chosen by `random`, which the grid
    does not remember.

    With a `lock` and a `name`, a run takes place in the one process that gets its claim, kept for `lock_ttl` seconds;
    that must be longer than clocks of machines differ, `jitter` and `lateness` together. An error of the lock is an
    error of the run, which then does not take place. Runs asked for by hand do not ask the lock.

    No run is early, and no moment is run twice by one task, also where the clock is changed; a change is noticed within
    `recheck` seconds where the clock is not the loop's own. There, moments later than `since` (Unix time) count as
    missed when the task is first started: say when the process last ran, and it makes up for what came up meanwhile.
    See `RecurringTask` for the rest.
    """

    def __init__(
        self,
        schedule: Schedule,
        function: Callable[[], Any],
        *,
        overlap: Overlap = "skip",
        limit: int = 16,
        backlog: int = 16,
        missed: Missed = "skip",
        lateness: float | None = None,
        jitter: float = 0.0,
        lock: RunLock | None = None,
        lock_ttl: float | None = None,
        recheck: float = 60.0,
        since: float | None = None,
        random: Callable[[], float] = random.random,
        **options: Unpack[RecurringOptions],
    ) -> None:
        super().__init__(function, **options)
        require("overlap policy", overlap, get_args(Overlap))
        require("policy for missed runs", missed, get_args(Missed))

        if limit < 1 or backlog < 1:
            raise ScheduleError(f"limit and backlog are numbers from 1, not {limit!r} and {backlog!r}")

        if jitter < 0 or recheck <= 0:
            raise ScheduleError(f"jitter and recheck are seconds, not {jitter!r} and {recheck!r}")

        if lock is not None and not options.get("name"):
            raise ScheduleError("a task with a lock needs a name: by it, processes know that they mean the same task")

        self.schedule = schedule
        self.overlap = overlap
        self.limit = limit
        self.backlog = backlog
        self.missed = missed
        self.lateness = lateness
        self.jitter = jitter
        self.lock = lock
        # The later of two machines may ask this much after the earlier one; a minute for their clocks.
        self.lock_ttl = lock_ttl or 60.0 + jitter + (86_400.0 if lateness is None else lateness)
        self.recheck = recheck
        self.since = since
        self.random = random
        self.queue: deque[tuple[float | None, float | None]] = deque()
        """The runs that wait: their moments, and when they were due."""
        self.agenda: Agenda = self.plan(schedule)
        self.was_late = False

        if since is not None and not self.on_wall_clock:
            raise ScheduleError("only moments of Unix time can have come up before the start: aligned=True")

    @property
    def on_wall_clock(self) -> bool:
        """Whether moments are Unix time, on a clock that others can change."""
        return False

    @property
    def next_run(self) -> datetime | None:
        """When the next run is due, as far as clocks go now; None if the task does not run or is paused."""
        due = self.agenda.due

        if not self.is_running or self.is_paused or due is None:
            return None

        if self.on_wall_clock:
            return datetime.fromtimestamp(due, UTC)

        return datetime.now(UTC) + timedelta(seconds=due - self.clock())

    def trigger(self) -> bool:
        """Ask for a run now, paused or not; return whether it was started or waits, as the overlap policy says.

        Raises RuntimeError if the task does not run.
        """
        if not self.is_running:
            raise RuntimeError(f"{self.name} has not been started")

        return self.offer(None, None)

    def reschedule(self, schedule: Schedule) -> None:
        """Follow another schedule from now on. Runs go on, and those that wait will follow."""
        self.schedule = schedule
        self.agenda = self.plan(schedule)

        if self.is_running:
            self.begin()
            self.set_off()

    # What a recurring task asks for.

    def plan(self, schedule: Schedule) -> Agenda:
        return Agenda(
            schedule,
            missed=self.missed,
            lateness=self.lateness,
            backlog=self.backlog,
            jitter=self.jitter,
            bound=self.recheck if self.on_wall_clock else None,
            # The loop's clock may tick in milliseconds; arithmetic on it is not exact.
            tolerance=0.0 if self.on_wall_clock else 1e-6,
        )

    def begin(self) -> None:
        self.agenda.begin(self.clock() if self.since is None else self.since, self.share())
        self.since = None

    def default_clock(self, loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
        if not self.on_wall_clock:
            return super().default_clock(loop)

        # A loop that makes its own time may make its own wall clock too, as the one in hagworm.testing does.
        own: Callable[[], float] = getattr(getattr(loop, "clock", None), "time", time.time)
        return own

    def share(self) -> float:
        return self.random() if self.jitter else 0.0

    async def drive(self) -> None:
        agenda = self.agenda

        while (ahead := agenda.wait(self.clock(), self.share())) is not None:
            if ahead > 0:
                await self.sleep(max(ahead, NAP))
            elif self.resumption is not None:
                await asyncio.shield(self.resumption)
                self.counts.skipped += agenda.skip_to(self.clock(), self.share())
            else:
                self.take()

                if agenda.wait(self.clock(), self.share()) == 0:
                    await self.sleep(NAP)  # the schedule is denser than the time that this takes

    def take(self) -> None:
        """Offer what is due."""
        due_at = self.agenda.due
        due = self.agenda.take(self.clock(), self.share())
        self.counts.missed += due.missed
        several = len(due.moments) > 1

        for moment in due.moments:
            self.offer(moment, moment if several or due.missed else due_at, owed=several)

        self.tell_missed(due.missed)

    def offer(self, moment: float | None, late_from: float | None, *, owed: bool = False) -> bool:
        """Start a run or let it wait, as the overlap policy says; return whether it will take place.

        One that is `owed` waits rather than being left out.
        """
        verdict = admit(
            self.overlap, running=len(self.runs), waiting=len(self.queue), limit=self.limit, backlog=self.backlog
        )

        if verdict == "start":
            self.launch(moment, late_from)
            return True

        if verdict == "skip" and not owed:
            self.counts.skipped += 1
            return False

        if verdict == "replace" and not owed:
            self.drop_waiting()

            for run in self.runs:
                run.cancel()
        elif len(self.queue) >= self.backlog:
            self.queue.popleft()
            self.counts.skipped += 1

        self.queue.append((moment, late_from))
        return True

    def follow(self) -> None:
        while self.queue and len(self.runs) < (self.limit if self.overlap == "concurrent" else 1):
            self.launch(*self.queue.popleft())

    def waiting_runs(self) -> int:
        return len(self.queue)

    def drop_waiting(self) -> None:
        self.counts.skipped += len(self.queue)
        self.queue.clear()

    async def may_run(self, run: Run) -> bool:
        if self.lock is None or run.moment is None:
            return True

        return await self.lock.claim(self.claim_key(run.moment), self.lock_ttl)

    def claim_key(self, moment: float) -> str:
        """Return what the run of a moment is called in all processes."""
        return f"{self.name}@{datetime.fromtimestamp(moment, UTC).isoformat()}"

    def tell_missed(self, missed: int) -> None:
        # Once when it begins: a fast task on a slow machine would fill the log.
        if missed and not self.was_late:
            logger.warning("%s is late: %d moments have passed unseen", self.name, missed)

        self.was_late = missed > 0
