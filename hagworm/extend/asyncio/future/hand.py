"""One worker process of a pool as the event loop sees it, and the tasks that it has been sent."""

import asyncio
import os
import socket
from collections import deque
from enum import Enum
from typing import Any

from hagworm.extend.process.wire import HEAD, Packet, spool
from hagworm.extend.process.worker import DESCRIPTORS, LONGEST_MESSAGE, Ask, descriptor_of

__all__ = ("Hand", "Phase", "Task")

DEPTH = 16
"""How many tasks a worker is sent ahead when they are quick."""
QUICK = 0.002
"""Seconds per task up to which that pays; whoever waits longer than that is better off with a worker that is free."""


class Phase(Enum):
    """What a worker is up to."""

    STARTING = "starting"
    READY = "ready"
    INTERRUPTED = "interrupted"
    """Told to drop its task; it gets no other one before it has said that the signal has come."""
    LEAVING = "leaving"
    """Told to stop, with no task."""
    DYING = "dying"
    """Killed."""


class Task:
    """One call that a worker is to make."""

    __slots__ = ("about", "body", "descriptor", "future", "hand", "is_read", "name", "number", "repeats", "timeout")

    def __init__(
        self,
        number: int,
        name: str,
        timeout: float | None,
        repeats: int,
        future: "asyncio.Future[Any]",
    ) -> None:
        self.number = number
        self.name = name
        self.timeout = timeout
        self.repeats = repeats
        """How often it may be begun again after its worker has died."""
        self.future = future
        self.body: bytes | None = None
        self.hand: Hand | None = None
        self.descriptor = -1
        self.about = b""
        self.is_read = False
        """Whether nobody reads its memory any more, neither arguments nor result."""

    def __repr__(self) -> str:
        state = "done" if self.future.done() else "waiting" if self.hand is None else f"sent to {self.hand.pid}"
        return f"<Task {self.number} {self.name}: {state}>"

    def spool(self, packet: Packet, descriptor: int = -1) -> None:
        """Put its arguments into memory that its worker is given: that of `descriptor`, else a new one."""
        self.descriptor, self.about = spool(packet, descriptor)


class Hand:
    """The pool's end of one worker.

    What has been sent stays in the kernel until the worker takes it, one message for each task and one task at a time.
    The pool holds the worker's end as well and can take back what has not been taken. What has been taken and not begun
    by a worker that was dying, its place on the board tells: whether a task was begun is never a guess.
    """

    __slots__ = (
        "back",
        "channel",
        "done",
        "is_worn",
        "number",
        "pace",
        "phase",
        "pid",
        "place",
        "reason",
        "sent",
        "since",
        "slot",
        "timer",
    )

    def __init__(self, number: int, board: memoryview, slot: int) -> None:
        self.number = number
        self.slot = slot
        self.place = board[slot : slot + 1]
        """Where it writes which task it has begun."""
        self.channel, self.back = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Only this end: the other one shares its flags with the worker.
        self.channel.setblocking(False)
        self.pid: int | None = None
        self.phase = Phase.STARTING
        self.sent: deque[Task] = deque()
        """What it has not answered yet. It is at the first of these, unless it has not taken that yet."""
        self.since = 0.0
        """When it began with the first of them."""
        self.pace = 1.0
        """Seconds that a task takes, the last ones more than those before."""
        self.done = 0
        self.is_worn = False
        """Whether it should be replaced, as soon as it has nothing to do."""
        self.reason: BaseException | None = None
        """Why it could not begin to work."""
        self.timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Hand {self.pid} {self.phase.value}, {len(self.sent)} sent, {self.done} done>"

    @property
    def depth(self) -> int:
        """How many tasks it should have at a time."""
        return 0 if self.is_worn else DEPTH if self.pace < QUICK else 1

    def send(self, task: Task) -> bool:
        """Send a task; return False where there is no room for it before an answer has come."""
        try:
            if task.body is not None:
                self.channel.send(HEAD.pack(Ask.TASK, task.number) + task.body)
            else:
                head = HEAD.pack(Ask.LENT if task.repeats else Ask.SPOOLED, task.number)
                socket.send_fds(self.channel, [head, task.about], [task.descriptor])
        except BlockingIOError:
            return False

        self.sent.append(task)
        task.hand = self
        return True

    def ask(self, what: Ask) -> None:
        """Send something else than a task, to a worker that has at most one and therefore room."""
        self.channel.send(HEAD.pack(what, 0))

    def take_back(self) -> list[Task]:
        """Take back what the worker has not begun, in the order in which it was sent."""
        numbers: set[int] = set()

        while True:
            try:
                message, ancillary, _, _ = self.back.recvmsg(LONGEST_MESSAGE, DESCRIPTORS, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break

            if ancillary:
                os.close(descriptor_of(ancillary))

            kind, number = HEAD.unpack_from(message)

            if kind in (Ask.TASK, Ask.SPOOLED, Ask.LENT):
                numbers.add(number)

        # Not always the last ones: between two of these messages the worker may have taken one for itself.
        taken = [task for task in self.sent if task.number in numbers]

        if taken:
            self.sent = deque(task for task in self.sent if task.number not in numbers)

        for task in taken:
            task.hand = None

        return taken

    def has_begun(self, task: Task) -> bool:
        """Return whether a worker that has ended had begun `task`, which it has not answered."""
        return bool(self.place[0] == task.number)

    def set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        """Replace the moment at which something has to be done about it."""
        if self.timer is not None:
            self.timer.cancel()

        self.timer = timer

    def close(self) -> None:
        """Give back what it is held by here."""
        self.set_timer(None)
        self.channel.close()
        self.back.close()
        self.place.release()
