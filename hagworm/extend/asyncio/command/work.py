"""Work that is handed out to children, and to another one where a child dies over it."""

import asyncio
import logging
from collections import deque
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Protocol

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import BufferClosed, WorkerDied

__all__ = ("Hand", "WorkQueue", "WorkQueueStatistics")

logger = logging.getLogger("hagworm")


class Hand(Protocol):
    """Whoever does work: `WorkerDied` says that nobody knows how far it came."""

    async def handle(self, item: Any) -> Any:
        """Do it, and return what comes of it."""


@dataclass(frozen=True, slots=True)
class WorkQueueStatistics:
    """What a queue of work is doing, and has done."""

    size: int
    """How many items nobody works on yet."""
    running: int
    hands: int
    done: int
    failed: int
    redelivered: int
    """How often an item was given to another one, as its child had died."""


class Job:
    """One item, and whoever waits for what comes of it."""

    __slots__ = ("attempts", "future", "item")

    def __init__(self, item: Any) -> None:
        self.item = item
        self.attempts = 0
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<Job {self.item!r:.60}, attempt {self.attempts}>"


class WorkQueue:
    """Gives items to hands, `per_hand` at a time to each, in order of arrival: whoever is free takes the next one.

    An item is done when a hand has answered. When the hand dies before that, the item goes to the next one, first in
    the queue: at least once. After `deliveries` deaths it fails with `WorkerDied`, as it may be what they die of. At
    most `maxsize` items are in the queue, those being worked on included; then whoever brings one waits.
    """

    def __init__(self, *, maxsize: int = 1024, per_hand: int = 1, deliveries: int = 3) -> None:
        if min(maxsize, per_hand, deliveries) < 1:
            raise ValueError(f"at least one of each is needed, not {maxsize}, {per_hand} and {deliveries}")

        self.maxsize = maxsize
        self.per_hand = per_hand
        self.deliveries = deliveries
        self.jobs: deque[Job] = deque()
        self.running: set[Job] = set()
        self.promised_jobs = self.promised_room = 0
        self.takers: Waiters[None] = Waiters()
        self.putters: Waiters[None] = Waiters()
        self.joiners: Waiters[None] = Waiters()
        self.hands: dict[Hand, set[asyncio.Task[None]]] = {}
        self.endings: dict[Hand, WorkerDied] = {}
        """Of hands that are being detached: how they ended."""
        self.is_closed = False
        self.done = self.failed = self.redelivered = 0

    def __repr__(self) -> str:
        state = ", closed" if self.is_closed else ""
        return f"<WorkQueue {len(self.running)} running, {len(self.jobs)} waiting, {len(self.hands)} hands{state}>"

    def __len__(self) -> int:
        return len(self.jobs) + len(self.running)

    async def submit(self, item: Any) -> Any:
        """Have `item` done, and return what comes of it.

        Raises what the hand raised (`TaskFailed`), `WorkerDied` where too many died over it, `BufferClosed` where it is
        not done any more. Cancelled before a hand has begun, it is taken back; later what comes of it is dropped.
        """
        job = await self.add(item)

        try:
            return await job.future
        finally:
            self.withdraw(job)

    async def put(self, item: Any) -> None:
        """Have `item` done some time; what comes of it is dropped, an error logged. Waits for room only."""
        job = await self.add(item)
        job.future.add_done_callback(lambda future: self.report(job, future), context=Context())

    async def add(self, item: Any) -> Job:
        if self.is_closed:
            raise self.make_error()

        if len(self) + self.promised_room >= self.maxsize:
            await self.putters.wait(None, self.return_room)
            self.promised_room -= 1

            if self.is_closed:
                raise self.make_error()

        job = Job(item)
        self.jobs.append(job)
        self.wake_taker()
        return job

    async def join(self) -> None:
        """Wait until there is nothing to do."""
        while len(self):
            await self.joiners.wait(None, no_gift)

    def attach(self, hand: Hand) -> None:
        """Let a hand take part."""
        loop = asyncio.get_running_loop()
        self.hands[hand] = {loop.create_task(self.pump(hand), context=Context()) for _ in range(self.per_hand)}

    async def detach(self, hand: Hand, error: WorkerDied) -> None:
        """Do without a hand; what it was doing goes to another one, or fails with `error` if that was often enough."""
        self.endings[hand] = error

        try:
            await cancel_tasks(self.hands.pop(hand, set()))
        finally:
            del self.endings[hand]

    def close(self) -> list[Any]:
        """Take nothing in, and give nothing out any more; return the items that nobody had begun.

        Their submitters get `BufferClosed`. What hands are doing may still be finished.
        """
        self.is_closed = True
        left = [job.item for job in self.jobs]

        while self.jobs:
            self.settle(self.jobs.popleft(), error=self.make_error())

        self.putters.fail(self.make_error)
        return left

    async def aclose(self) -> list[Any]:
        """Close, and do without all hands; return the items that were not done."""
        left = self.close()
        tasks = [task for tasks in self.hands.values() for task in tasks]
        begun = [*self.running]
        self.hands.clear()
        await cancel_tasks(tasks)
        return [job.item for job in begun if not job.future.cancelled() and job.future.exception() is not None] + left

    def statistics(self) -> WorkQueueStatistics:
        """Return what it is doing, and has done."""
        return WorkQueueStatistics(
            len(self.jobs), len(self.running), len(self.hands), self.done, self.failed, self.redelivered
        )

    async def pump(self, hand: Hand) -> None:
        """Give one item after another to a hand."""
        while True:
            while len(self.jobs) <= self.promised_jobs:
                await self.takers.wait(None, self.return_job)
                self.promised_jobs -= 1

            job = self.jobs.popleft()
            job.attempts += 1
            self.running.add(job)

            try:
                result = await hand.handle(job.item)
            except WorkerDied as exc:
                self.lost(job, exc)
                return
            except asyncio.CancelledError:
                self.lost(job, self.endings.get(hand) or WorkerDied("handle", None))
                raise
            except Exception as exc:
                self.settle(job, error=exc)
            else:
                self.settle(job, result)

    def lost(self, job: Job, error: WorkerDied) -> None:
        """Give a job to another hand, unless that has been tried often enough."""
        self.running.discard(job)

        if job.future.done():
            self.settle(job)
        elif self.is_closed:
            self.settle(job, error=self.make_error())
        elif job.attempts >= self.deliveries:
            self.settle(job, error=error)
        else:
            self.redelivered += 1
            self.jobs.appendleft(job)
            self.wake_taker()

    def settle(self, job: Job, result: Any = None, *, error: Exception | None = None) -> None:
        self.running.discard(job)

        if not job.future.done():
            if error is None:
                self.done += 1
                job.future.set_result(result)
            else:
                self.failed += 1
                job.future.set_exception(error)

        self.look_around()

    def withdraw(self, job: Job) -> None:
        """Take back a job that nobody waits for any more."""
        if job in self.running or job not in self.jobs:
            return

        self.jobs.remove(job)
        self.look_around()

    def look_around(self) -> None:
        if len(self) + self.promised_room < self.maxsize and self.putters.wake():
            self.promised_room += 1

        if not len(self):
            self.joiners.wake_all()

    def report(self, job: Job, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            if not isinstance(error, BufferClosed):
                logger.error("%r has failed", job, exc_info=error)

    def wake_taker(self) -> None:
        if len(self.jobs) > self.promised_jobs and self.takers.wake():
            self.promised_jobs += 1

    def return_job(self, _: None) -> None:
        self.promised_jobs -= 1
        self.wake_taker()

    def return_room(self, _: None) -> None:
        self.promised_room -= 1
        self.look_around()

    def make_error(self) -> BufferClosed:
        return BufferClosed(f"{self!r} is closed")


def no_gift(_: None) -> None:
    """Give nothing back: who waits for this takes nothing."""
