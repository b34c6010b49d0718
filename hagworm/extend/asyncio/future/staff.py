"""The workers of a pool: who is sent which task, what they answer, and what follows when one is stuck or dies."""

import asyncio
import os
import random
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any

from hagworm.extend.asyncio.future.hand import Hand, Phase, Task
from hagworm.extend.asyncio.future.nest import Nest
from hagworm.extend.error import (
    DeadlineExceeded,
    PoolBroken,
    PoolClosed,
    TaskFailed,
    TaskTimeout,
    WorkerDied,
    describe_end,
)
from hagworm.extend.process.wire import HEAD, Packet, read_spool, unpack
from hagworm.extend.process.worker import (
    DESCRIPTORS,
    LONGEST_MESSAGE,
    Ask,
    Say,
    WorkerRules,
    check_flags,
    descriptor_of,
)
from hagworm.extend.resilience.backoff import Backoff

__all__ = ("COUNTED", "LEAVE", "LONGEST_COPY", "Staff")

COUNTED = ("succeeded", "failed", "timeouts", "cancelled", "lost", "moved", "repeated", "deaths", "forks")
LONGEST_COPY = 4 * 1024 * 1024
"""Bytes that are copied on the loop; for more than that, a thread is asked."""
BATCH = 64
"""Answers of one worker that are taken in one turn of the loop."""
LAST_PATIENCE = 5.0
"""Seconds that the process which forks workers may take to do what it is told."""
LEAVE = 2.0
"""Seconds in which a worker that has nothing to do leaves when it is told to."""
MOST_REFUSALS = 3
MOST_DEATHS = 10
"""How many workers in a row may fail to start: by what their initializer does, or because something prevents them."""
MOST_STALE = 64
"""How many tasks whose callers have gone stay in the queue, beside one for each whose caller has not."""
RESPAWN = Backoff(first=0.05, longest=5.0, jitter=0.5)


class Staff:
    """Keeps `size` workers, and has every task that is submitted ended: exactly once, by its future."""

    def __init__(
        self,
        size: int,
        rules: WorkerRules,
        *,
        grace: float,
        max_tasks: int | None,
        start_timeout: float,
        ended: Callable[[], None],
    ) -> None:
        self.size = size
        self.rules = rules
        self.grace = grace
        self.max_tasks = max_tasks
        self.start_timeout = start_timeout
        self.ended = ended
        """Told that a worker has ended and is not replaced."""
        self.loop = asyncio.get_running_loop()
        self.nest: Nest | None = None
        self.slots: list[int] = []
        """Places of the board where no worker writes."""
        self.hands: dict[int, Hand] = {}
        self.idle: dict[Hand, None] = {}
        """Those that have nothing to do, who has waited longest first."""
        self.queue: deque[Task] = deque()
        """What no worker has been sent, some of it by now without a caller."""
        self.stale = 0
        """How many tasks in the queue have no caller any more, or less."""
        self.buffer = bytearray(LONGEST_MESSAGE)
        self.view = memoryview(self.buffer)
        self.complete: asyncio.Future[None] = self.loop.create_future()
        """Done when all are ready for the first time, or never will be."""
        self.broken: PoolBroken | None = None
        self.is_closed = False
        self.failed_starts = 0
        """How many workers in a row have ended before they were ready."""
        self.idle_deaths = 0
        """How many in a row have ended without having been given a task."""
        self.spare: list[int] = []
        """Memory that has been used, and is quicker to use again than to get anew."""
        self.timers: set[asyncio.TimerHandle] = set()
        self.patience: asyncio.TimerHandle | None = None
        self.number = 0
        self.counts = dict.fromkeys(COUNTED, 0)

    def __repr__(self) -> str:
        busy = sum(1 for hand in self.hands.values() if hand.sent)
        return f"<Staff {busy} of {self.size} busy, {len(self.queue)} waiting>"

    # Tasks to workers

    def submit(self, task: Task) -> None:
        """Have a task done."""
        self.queue.append(task)

        if self.idle:
            self.dispatch()

    def spool(self, task: Task, packet: Packet) -> None:
        """Put the arguments of a task into memory."""
        spare = self.spare.pop() if self.spare else -1

        try:
            task.spool(packet, spare)
        except BaseException:
            close(spare)
            raise

    def clear(self, task: Task) -> None:
        """Give the memory of a task back."""
        if task.descriptor < 0:
            return

        if task.is_read and not self.is_closed and len(self.spare) < self.size + 2:
            if os.fstat(task.descriptor).st_size <= LONGEST_COPY:
                self.spare.append(task.descriptor)
                task.descriptor = -1

        close(task.descriptor)
        task.descriptor = -1

    def dispatch(self) -> None:
        """Send what waits to workers that have nothing to do."""
        while self.idle and (task := self.next_task()) is not None:
            self.give(next(iter(self.idle)), task)

    def next_task(self) -> Task | None:
        queue = self.queue

        while queue:
            task = queue.popleft()

            if not task.future.done():
                return task

            self.stale = max(0, self.stale - 1)

        return None

    def drop(self) -> None:
        """Drop a task of the queue whose caller has gone: at its turn, or together with others."""
        self.stale += 1

        if self.stale > MOST_STALE + len(self.queue) // 2:
            self.queue = deque(task for task in self.queue if not task.future.done())
            self.stale = 0

    def give(self, hand: Hand, task: Task) -> bool:
        try:
            is_sent = hand.send(task)
        except OSError as exc:
            # The system has no room for the descriptor that goes along.
            self.fail(task, exc)
            return False

        if not is_sent:
            self.queue.appendleft(task)
            return False

        if len(hand.sent) == 1:
            self.idle.pop(hand, None)
            hand.since = self.loop.time()

            if task.timeout is not None:
                self.set_alarm(hand, task.timeout)

        return True

    def settle(self, hand: Hand) -> None:
        """See to it that a worker which has answered has something to do."""
        if hand.phase is not Phase.READY:
            return

        if hand.is_worn:
            if not hand.sent:
                self.dismiss(hand)

            self.dispatch()
            return

        sent = hand.sent

        if self.queue and len(sent) <= (depth := hand.depth) // 2:
            if self.max_tasks is not None:
                depth = min(depth, self.max_tasks - hand.done)

            while len(sent) < depth and (task := self.next_task()) is not None:
                if not self.give(hand, task):
                    break

        if not sent:
            self.idle[hand] = None
            self.relieve()

    def relieve(self) -> None:
        """Take back what the worker with the longest line has not begun, while another one has nothing to do."""
        if not self.queue:
            longest = max(self.hands.values(), key=lambda hand: len(hand.sent))

            if len(longest.sent) > 1:
                self.take_back(longest)

        self.dispatch()

    def take_back(self, hand: Hand) -> None:
        taken = [task for task in hand.take_back() if not task.future.done()]
        self.counts["moved"] += len(taken)
        self.queue.extendleft(reversed(taken))

    # Workers to tasks

    def answers(self, hand: Hand) -> None:
        """Take what a worker has to say."""
        try:
            for _ in range(BATCH):
                if not self.answer(hand):
                    break

            self.settle(hand)
        except Exception as exc:
            # Nobody is to wait for what a mistake of ours has lost.
            self.give_up(repr(exc))
            raise

    def answer(self, hand: Hand) -> bool:
        try:
            size, ancillary, flags, _ = hand.channel.recvmsg_into((self.buffer,), DESCRIPTORS)
        except OSError:
            # There is nothing, or the worker is gone, which its nursery tells.
            return False

        if not size:
            return False

        kind, number = HEAD.unpack_from(self.buffer)
        body = self.view[HEAD.size : size]

        if kind == Say.RESULT:
            task = self.answered(hand, number)

            if not task.future.done():
                self.take(task, unpack, body)
        elif kind == Say.FAILURE:
            error, is_spoilt = told(hand.sent[0].name, body)
            self.fail(self.answered(hand, number), error)

            if is_spoilt:
                # What it had been sent goes to others, and it leaves when it has been settled.
                hand.is_worn = True

                if hand.phase is Phase.READY:
                    self.take_back(hand)
        elif kind == Say.SPOOLED:
            task = self.answered(hand, number)

            try:
                check_flags(flags)
            except OSError as exc:
                self.fail(task, exc)
            else:
                self.take_spooled(task, descriptor_of(ancillary) if ancillary else -1, bytes(body))
        elif kind == Say.READY:
            self.ready(hand, number)
        elif kind == Say.UNFIT:
            hand.reason = described("the initializer", body)
        elif hand.phase is Phase.INTERRUPTED:
            # The signal has come: the next task is safe from it.
            hand.set_timer(None)
            hand.phase = Phase.READY

        return True

    def answered(self, hand: Hand, number: int) -> Task:
        sent = hand.sent
        task = sent.popleft()
        assert task.number == number, "a worker answers in the order in which it is asked"
        task.is_read = True
        now = self.loop.time()
        hand.pace += ((now - hand.since) - hand.pace) * (0.2 if hand.done else 1.0)
        hand.since = now
        hand.done += 1
        self.idle_deaths = 0

        if hand.done == self.max_tasks:
            hand.is_worn = True

        if sent and (timeout := sent[0].timeout) is not None:
            self.set_alarm(hand, timeout)

        return task

    def take(self, task: Task, read: Callable[..., Any], *content: Any) -> None:
        try:
            value = read(*content)
        except BaseException as exc:
            # Whatever making it does, it ends this task and nothing else, unless a person has asked for that.
            self.fail(task, not_rebuilt(task, exc))

            if isinstance(exc, KeyboardInterrupt):
                raise
        else:
            self.counts["succeeded"] += 1
            task.future.set_result(value)

    def take_spooled(self, task: Task, descriptor: int, about: bytes) -> None:
        """Take a result that is in the memory of `descriptor`, or where the arguments were."""
        if task.future.done():
            close(descriptor)
            return

        memory = task.descriptor if descriptor < 0 else descriptor

        if os.fstat(memory).st_size <= LONGEST_COPY:
            self.take(task, read_spool, memory, about)
            close(descriptor)
        else:
            # The task gives its own back as soon as its caller does not wait any more.
            task.is_read = False
            reading = self.loop.run_in_executor(None, read_and_close, os.dup(memory), about)
            close(descriptor)
            reading.add_done_callback(partial(self.take_read, task), context=Context())

    def take_read(self, task: Task, reading: "asyncio.Future[Any]") -> None:
        if reading.cancelled():
            self.fail(task, PoolClosed("the event loop is being closed"))
        elif not task.future.done():
            self.take(task, reading.result)
        else:
            # Nobody wants to know any more what is wrong with it.
            reading.exception()

    def fail(self, task: Task, error: BaseException, kind: str = "failed") -> None:
        if not task.future.done():
            self.counts[kind] += 1
            task.future.set_exception(error)

    # Tasks that have to be stopped

    def set_alarm(self, hand: Hand, timeout: float) -> None:
        """Look at a worker when its task may be over its time; at the earliest of such moments, the others follow."""
        when = hand.since + timeout

        if hand.phase is Phase.READY and (hand.timer is None or hand.timer.when() > when):
            hand.set_timer(self.loop.call_at(when, self.look, hand, context=Context()))

    def look(self, hand: Hand) -> None:
        hand.timer = None

        # What it has answered in the meantime counts.
        while self.answer(hand):
            continue

        if hand.phase is Phase.READY and hand.sent and (timeout := hand.sent[0].timeout) is not None:
            task = hand.sent[0]

            if self.loop.time() < hand.since + timeout:
                self.set_alarm(hand, timeout)
            elif self.isolate(hand, task):
                self.fail(task, TaskTimeout(task.name, timeout), "timeouts")
                self.interrupt(hand)

        self.settle(hand)

    def isolate(self, hand: Hand, task: Task) -> bool:
        """Leave a worker alone with `task`; return False where it has just ended that."""
        self.take_back(hand)

        while self.answer(hand):
            continue

        return bool(hand.sent) and hand.sent[0] is task and hand.phase is Phase.READY

    def abandon(self, task: Task) -> None:
        """Do without a task whose caller has gone."""
        self.counts["cancelled"] += 1

        if not task.future.cancelled():
            # It ended in the same turn of the loop; nobody else will look at how.
            task.future.exception()

        hand = task.hand

        if hand is None:
            self.drop()
        elif hand.phase is Phase.READY and task in hand.sent:
            if self.isolate(hand, task):
                self.interrupt(hand)

            self.settle(hand)
            self.dispatch()

    def interrupt(self, hand: Hand) -> None:
        """Make a worker drop its one task, at the price of its life if need be."""
        if self.grace <= 0 or self.nest is None:
            self.kill(hand)
            return

        hand.phase = Phase.INTERRUPTED
        self.nest.send_signal(hand.number, signal.SIGINT)
        hand.set_timer(self.loop.call_later(self.grace, self.kill, hand, context=Context()))

    def worker_signalled(self, number: int, what: int) -> None:
        """A signal is on its way to a worker."""
        if (hand := self.hands.get(number)) is None:
            return

        if what == signal.SIGKILL:
            hand.set_timer(None)
        elif hand.phase is Phase.INTERRUPTED:
            hand.ask(Ask.SYNC)

    def dismiss(self, hand: Hand) -> None:
        """Let a worker go that has nothing to do."""
        hand.phase = Phase.LEAVING
        self.idle.pop(hand, None)
        hand.ask(Ask.STOP)
        hand.set_timer(self.loop.call_later(LEAVE, self.kill, hand, context=Context()))

    def kill(self, hand: Hand) -> None:
        hand.set_timer(None)
        hand.phase = Phase.DYING
        self.idle.pop(hand, None)

        if self.nest is not None:
            self.nest.send_signal(hand.number, signal.SIGKILL)
            # Where it does not even answer, it will not bury the worker either.
            hand.set_timer(self.loop.call_later(LAST_PATIENCE, self.nest.kill, context=Context()))

    # Workers that come and go

    def open(self) -> None:
        """Start what is needed to have workers. Raises OSError where no process can be started."""
        nest = self.nest = Nest(self, self.rules, self.size)
        self.slots = [*range(self.size)]
        self.set_patience(self.loop.call_later(self.start_timeout, nest.kill, context=Context()))

    def set_patience(self, timer: asyncio.TimerHandle | None) -> None:
        """Replace the moment at which workers can be forked, or never will be."""
        if self.patience is not None:
            self.patience.cancel()

        self.patience = timer

    def nest_up(self) -> None:
        """Workers can be forked."""
        self.set_patience(None)

        for _ in range(self.size - len(self.hands)):
            self.fork()

    def nest_unfit(self, content: memoryview) -> None:
        """What was to be preloaded failed."""
        self.give_up(str(described("preloading", content)))

    def nest_gone(self, returncode: int | None) -> None:
        """The nursery has been killed, and the kernel has killed its workers."""
        nest, self.nest = self.nest, None
        self.set_patience(None)

        for hand in [*self.hands.values()]:
            self.bury(hand, -signal.SIGKILL)

        if nest is not None:
            nest.clear()

        if self.is_needed:
            self.reopen_later(f"the process that forks them ends again and again: {describe_end(returncode)}")

    def reopen_later(self, reason: str) -> None:
        """Start who forks workers again, unless that has been tried too often."""
        self.failed_starts += 1

        if self.failed_starts > MOST_DEATHS:
            self.give_up(reason)
        else:
            self.later(self.reopen, self.failed_starts)

    def reopen(self) -> None:
        try:
            self.open()
        except OSError as exc:
            self.reopen_later(f"no process can be started: {exc}")

    @property
    def is_needed(self) -> bool:
        """Whether who ends is to be replaced."""
        return not self.is_closed and self.broken is None

    def fork(self) -> None:
        """Have one more worker forked."""
        if self.nest is None or not self.is_needed or len(self.hands) >= self.size:
            return

        self.number += 1
        slot = self.slots.pop()
        self.nest.board[slot] = 0

        try:
            hand = self.hands[self.number] = Hand(self.number, self.nest.board, slot)
        except OSError as exc:
            self.slots.append(slot)
            self.start_again(exc)
            return

        self.counts["forks"] += 1
        Context().run(self.loop.add_reader, hand.channel.fileno(), self.answers, hand)
        hand.set_timer(self.loop.call_later(self.start_timeout, self.hurry, hand, context=Context()))
        self.nest.fork(self.number, hand.back, slot)

    def hurry(self, hand: Hand) -> None:
        """Do without a worker that does not get ready."""
        hand.reason = DeadlineExceeded(self.start_timeout)
        self.kill(hand)

    def start_again(self, reason: BaseException) -> None:
        """Try to have a worker after one that did not get ready, unless that were too many of them."""
        self.failed_starts += 1
        most = MOST_REFUSALS if isinstance(reason, TaskFailed | TimeoutError) else MOST_DEATHS

        if not self.complete.done() or self.failed_starts > most:
            self.give_up(str(reason))
        else:
            self.later(self.fork, self.failed_starts)

    def worker_forked(self, number: int, pid: int) -> None:
        """A worker has a process, or the system has no room for one."""
        if (hand := self.hands.get(number)) is None:
            return

        if pid > 0:
            hand.pid = pid
        else:
            hand.reason = OSError(-pid, os.strerror(-pid))
            self.worker_ended(number, 1)

    def ready(self, hand: Hand, pid: int) -> None:
        hand.pid = pid
        hand.phase = Phase.READY
        hand.set_timer(None)
        self.failed_starts = 0

        if not self.complete.done() and all(hand.phase is Phase.READY for hand in self.hands.values()):
            self.complete.set_result(None)

    def worker_ended(self, number: int, returncode: int) -> None:
        """A worker has ended."""
        if (hand := self.hands.get(number)) is None:
            return

        had_task = bool(hand.sent)

        # It may say why.
        while self.answer(hand):
            continue

        phase = hand.phase
        self.bury(hand, returncode)

        if not self.is_needed:
            self.ended()
        elif hand.reason is not None or phase is Phase.STARTING:
            self.start_again(hand.reason or WorkerDied("its start", returncode, hand.pid))
        elif had_task or phase is Phase.LEAVING:
            self.fork()
        else:
            # Where it was no task that killed it, it may well happen again at once.
            self.idle_deaths += 1
            self.later(self.fork, self.idle_deaths - self.size)

    def bury(self, hand: Hand, returncode: int) -> None:
        """Settle what a worker leaves that has ended."""
        while self.answer(hand):
            continue

        self.idle.pop(hand, None)
        self.hands.pop(hand.number, None)
        self.take_back(hand)

        for task in hand.sent:
            task.hand = None

            if task.future.done():
                continue

            if not hand.has_begun(task):
                self.counts["moved"] += 1
                self.queue.appendleft(task)
            elif task.repeats > 0:
                task.repeats -= 1
                self.counts["repeated"] += 1
                self.queue.appendleft(task)
            else:
                self.fail(task, WorkerDied(task.name, returncode, hand.pid), "lost")

        if hand.phase is not Phase.LEAVING and not self.is_closed:
            self.counts["deaths"] += 1

        hand.sent.clear()
        self.slots.append(hand.slot)
        self.loop.remove_reader(hand.channel.fileno())
        hand.close()
        self.dispatch()

    def later(self, action: Callable[[], None], times: int) -> None:
        """Do something after a pause that grows with `times`; there is none below 1."""
        if times < 1:
            action()
            return

        def act() -> None:
            self.timers.discard(timer)
            action()

        timer = self.loop.call_later(RESPAWN.pause(times, random.random()), act, context=Context())
        self.timers.add(timer)

    def give_up(self, reason: str) -> None:
        """Let every task fail: no worker comes up."""
        if not self.is_needed:
            return

        self.broken = PoolBroken(f"no worker of the pool comes up: {reason}")
        self.end_tasks(self.new_broken)

        if not self.complete.done():
            self.complete.set_result(None)

    def new_broken(self) -> PoolBroken:
        """Return an error of its own for each who has to be told that no worker comes up."""
        assert self.broken is not None
        return PoolBroken(*self.broken.args)

    def end_tasks(self, make_error: Callable[[], BaseException]) -> None:
        """Let everything fail that has not ended."""
        for hand in self.hands.values():
            for task in hand.sent:
                self.fail(task, make_error())

        while self.queue:
            self.fail(self.queue.popleft(), make_error())

    # The end

    def send_home(self) -> None:
        """Replace nobody any more, and let those go who have nothing to do; what they have written is flushed."""
        self.is_closed = True
        self.set_patience(None)

        for timer in self.timers:
            timer.cancel()

        for hand in [*self.hands.values()]:
            if hand.phase is Phase.READY and not hand.sent:
                self.dismiss(hand)

    @property
    def is_leaving(self) -> bool:
        """Whether somebody who was told to go is still there."""
        return any(hand.phase is Phase.LEAVING for hand in self.hands.values())

    async def close(self) -> None:
        """End all workers, whatever they do, and wait until they have ended."""
        self.is_closed = True

        if (nest := self.nest) is not None:
            self.nest = None
            nest.close()
            await asyncio.wait((nest.gone,), timeout=LAST_PATIENCE)

            if not nest.gone.done():
                nest.kill()
                await asyncio.wait((nest.gone,), timeout=LAST_PATIENCE)

        for hand in [*self.hands.values()]:
            self.bury(hand, -signal.SIGKILL)

        if nest is not None:
            nest.clear()

        while self.spare:
            os.close(self.spare.pop())

        if not self.complete.done():
            # Who waits for its start is told by what it finds.
            self.complete.set_result(None)


def close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def read_and_close(descriptor: int, about: bytes) -> Any:
    try:
        return read_spool(descriptor, about)
    finally:
        os.close(descriptor)


def described(task: str, body: memoryview) -> TaskFailed:
    """Return what a worker tells of an error, in words."""
    _, kind, text, trace, _ = unpack(body)
    return TaskFailed(task, kind, text, trace)


def told(task: str, body: memoryview) -> tuple[BaseException, bool]:
    """Return the error that a worker tells of, itself where it can be made again; and whether it is spoilt."""
    content, *_, is_spoilt = unpack(body)
    in_words = described(task, body)

    if content is not None:
        # What the worker could make again, this process may not be able to.
        with suppress(Exception):
            error = unpack(content)

            if isinstance(error, Exception):
                error.__cause__ = in_words
                return error, is_spoilt

    return in_words, is_spoilt


def not_rebuilt(task: Task, exc: BaseException) -> TaskFailed:
    failed = TaskFailed(task.name, type(exc).__qualname__, f"its result cannot be made here: {exc}")
    failed.__cause__ = exc
    return failed
