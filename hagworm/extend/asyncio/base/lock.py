"""Locks that asyncio does not have: for many readers or one writer, and one per key."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import Overloaded

__all__ = ("KeyedLock", "KeyedLockStatistics", "Preference", "RWLock", "RWLockStatistics")

Preference = Literal["fair", "readers", "writers"]
"""`fair`: in order of arrival; `readers`: a writer waits while anybody reads; `writers`: no reader passes a writer."""


@dataclass(frozen=True, slots=True)
class RWLockStatistics:
    """What a lock for readers and writers is doing, and has done."""

    readers: int
    """How many read."""
    writers: int
    """How many write: 0 or 1."""
    waiting_readers: int
    waiting_writers: int
    read: int
    """How often it has been taken for reading."""
    written: int
    """How often it has been taken for writing."""


class RWLock:
    """Many may read at the same time, or one may write: `async with lock.reader:`, `async with lock.writer:`.

    `prefer="fair"` (the default) lets nobody starve: who comes later never passes who waits, and readers that stand
    next to each other read together. `readers` may starve writers, `writers` may starve readers; use them where the
    preferred ones are few. A task that holds the lock and wants to write gets a RuntimeError instead of waiting for
    itself, so does a writer that wants to read: it calls `downgrade()`.
    """

    __slots__ = ("foreign", "owner", "prefer", "read", "reader", "reading", "tasks", "tickets", "writer", "written")

    def __init__(self, *, prefer: Preference = "fair") -> None:
        if prefer not in ("fair", "readers", "writers"):
            raise ValueError(f"a lock prefers 'fair', 'readers' or 'writers', not {prefer!r}")

        self.prefer = prefer
        self.reading = 0
        self.owner: asyncio.Task[Any] | None = None
        # Which tasks read, to tell one that it would wait for itself. A task may release what another one has taken;
        # from then on, until nobody reads, this is not known.
        self.tasks: dict[asyncio.Task[Any] | None, int] = {}
        self.foreign = False
        self.tickets = 0
        self.read = 0
        self.written = 0
        self.reader = ReadSide(self)
        self.writer = WriteSide(self)

    def __repr__(self) -> str:
        state = "a writer" if self.owner is not None else f"{self.reading} readers" if self.reading else "nobody"
        waiting = f"{len(self.reader.waiters)} readers and {len(self.writer.waiters)} writers waiting"
        return f"<RWLock held by {state}, {waiting}>"

    def downgrade(self) -> None:
        """Turn the writer into a reader, with nobody in between. Raises RuntimeError for a task that does not write."""
        if self.owner is None or self.owner is not asyncio.current_task():
            raise RuntimeError("only the task that writes can go on as a reader")

        self.owner = None
        self.add_reader(asyncio.current_task())
        self.admit()

    def statistics(self) -> RWLockStatistics:
        """Return what the lock is doing, and has done."""
        return RWLockStatistics(
            self.reading,
            int(self.owner is not None),
            len(self.reader.waiters),
            len(self.writer.waiters),
            self.read,
            self.written,
        )

    def may_read(self) -> bool:
        """Whether a newcomer may read at once."""
        if self.owner is not None:
            return False

        return self.prefer == "readers" or not (self.writer.waiters or self.reader.waiters)

    def may_write(self) -> bool:
        """Whether a newcomer may write at once."""
        if self.owner is not None or self.reading or self.writer.waiters:
            return False

        return self.prefer == "writers" or not self.reader.waiters

    def add_reader(self, task: asyncio.Task[Any] | None) -> None:
        self.reading += 1
        self.read += 1
        self.tasks[task] = self.tasks.get(task, 0) + 1

    def remove_reader(self, task: asyncio.Task[Any] | None) -> None:
        self.reading -= 1

        if not self.reading:
            self.tasks.clear()
            self.foreign = False
        elif (count := self.tasks.get(task, 0)) > 1:
            self.tasks[task] = count - 1
        elif count:
            del self.tasks[task]
        else:
            self.foreign = True

    def admit(self) -> None:
        """Let in whoever is next, and those who may come along."""
        if self.owner is not None:
            return

        readers, writers = self.reader.waiters, self.writer.waiters

        while (ticket := readers.first()) is not None:
            rival = writers.first()

            if rival is not None and self.prefer != "readers" and (self.prefer == "writers" or rival[0] < ticket[0]):
                break

            self.add_reader(ticket[1])
            readers.wake()

        if not self.reading and (ticket := writers.first()) is not None:
            self.owner = ticket[1]
            self.written += 1
            writers.wake()

    def next_ticket(self) -> "Ticket":
        self.tickets += 1
        # The task cannot be None: it is about to wait for a future, which only a task can do.
        task = asyncio.current_task()
        assert task is not None
        return self.tickets, task


Ticket = tuple[int, asyncio.Task[Any]]


class ReadSide:
    """What a reader holds while it reads."""

    __slots__ = ("lock", "waiters")

    def __init__(self, lock: RWLock) -> None:
        self.lock = lock
        self.waiters: Waiters[Ticket] = Waiters()

    def __repr__(self) -> str:
        return f"<reader of {self.lock!r}>"

    async def acquire(self, *, timeout: float | None = None) -> None:
        """Wait until reading is allowed, at most `timeout` seconds (None: without end).

        Raises TimeoutError, and RuntimeError in the task that writes. After a cancellation nothing is held.
        """
        lock = self.lock
        task = asyncio.current_task()

        # Who reads already does not queue behind a writer, which waits for it to end.
        if lock.may_read() or (task in lock.tasks and not lock.foreign):
            lock.add_reader(task)
            return

        if lock.owner is task:
            raise RuntimeError("this task writes: it would wait for itself; downgrade() makes it a reader")

        try:
            await self.waiters.wait(lock.next_ticket(), self.give_back, timeout)
        except BaseException:
            lock.admit()
            raise

    def acquire_nowait(self) -> None:
        """Begin to read; raises `Overloaded` where that is not possible at once."""
        if not self.lock.may_read():
            raise Overloaded(f"cannot read at once: {self.lock!r}")

        self.lock.add_reader(asyncio.current_task())

    def release(self) -> None:
        """End reading. Raises RuntimeError if nobody reads."""
        if not self.lock.reading:
            raise RuntimeError("nobody reads")

        self.lock.remove_reader(asyncio.current_task())

        if not self.lock.reading:
            self.lock.admit()

    def give_back(self, ticket: Ticket) -> None:
        self.lock.read -= 1
        self.lock.remove_reader(ticket[1])

    async def __aenter__(self) -> None:
        lock = self.lock

        if lock.owner is None and not self.waiters and not lock.writer.waiters:
            lock.add_reader(asyncio.current_task())
        else:
            await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class WriteSide:
    """What the writer holds while it writes."""

    __slots__ = ("lock", "waiters")

    def __init__(self, lock: RWLock) -> None:
        self.lock = lock
        self.waiters: Waiters[Ticket] = Waiters()

    def __repr__(self) -> str:
        return f"<writer of {self.lock!r}>"

    async def acquire(self, *, timeout: float | None = None) -> None:
        """Wait until writing is allowed, at most `timeout` seconds (None: without end).

        Raises TimeoutError, and RuntimeError in a task that reads or writes. After a cancellation nothing is held.
        """
        lock = self.lock

        if lock.may_write():
            self.acquire_nowait()
            return

        if lock.owner is asyncio.current_task():
            raise RuntimeError("this task writes already: it would wait for itself")

        if asyncio.current_task() in lock.tasks and not lock.foreign:
            raise RuntimeError("this task reads: it would wait for itself; release the reader first")

        try:
            await self.waiters.wait(lock.next_ticket(), self.give_back, timeout)
        except BaseException:
            # Readers may have stood behind this writer.
            lock.admit()
            raise

    def acquire_nowait(self) -> None:
        """Begin to write; raises `Overloaded` where that is not possible at once, RuntimeError outside of a task."""
        lock = self.lock

        if not lock.may_write():
            raise Overloaded(f"cannot write at once: {lock!r}")

        if (task := asyncio.current_task()) is None:
            raise RuntimeError("only a task can write")

        lock.owner = task
        lock.written += 1

    def release(self) -> None:
        """End writing. Raises RuntimeError if nobody writes."""
        if self.lock.owner is None:
            raise RuntimeError("nobody writes")

        self.lock.owner = None
        self.lock.admit()

    def give_back(self, ticket: Ticket) -> None:
        self.lock.written -= 1
        self.lock.owner = None

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


@dataclass(frozen=True, slots=True)
class KeyedLockStatistics:
    """What a lock per key is doing, and has done."""

    held: int
    """How many keys are locked."""
    waiting: int
    """How many tasks wait for one."""
    acquired: int
    """How often a key has been locked."""
    waited: int
    """How often a task had to wait for that."""


class KeyedLock:
    """One lock per key, for as long as somebody holds it or waits for it: `async with locks.hold("invoice:7"):`.

    Keys are hashable values; nothing is kept of one that nobody uses. Tasks get a key in the order in which they asked
    for it. A task that asks for a key that it holds waits for itself; whoever needs several keys takes them in an order
    that is the same everywhere.
    """

    __slots__ = ("acquired", "queues", "waited")

    def __init__(self) -> None:
        self.queues: dict[Hashable, Waiters[Hashable] | None] = {}
        self.acquired = 0
        self.waited = 0

    def __repr__(self) -> str:
        return f"<KeyedLock {len(self.queues)} keys held, {self.waiting} waiting>"

    @property
    def waiting(self) -> int:
        """How many tasks wait."""
        return sum(len(queue) for queue in self.queues.values() if queue is not None)

    def is_held(self, key: Hashable) -> bool:
        """Whether somebody holds `key`."""
        return key in self.queues

    def hold(self, key: Hashable, *, timeout: float | None = None) -> "HeldKey":
        """Return an async context manager that acquires `key` and releases it; see `acquire`."""
        return HeldKey(self, key, timeout)

    async def acquire(self, key: Hashable, *, timeout: float | None = None) -> None:
        """Wait until nobody else holds `key`, at most `timeout` seconds (None: without end), and hold it.

        Raises TimeoutError. After a cancellation or an error the key is not held.
        """
        queues = self.queues

        if key not in queues:
            queues[key] = None
            self.acquired += 1
            return

        if (queue := queues[key]) is None:
            queue = queues[key] = Waiters()

        self.waited += 1
        await queue.wait(key, self.give_back, timeout)

    def acquire_nowait(self, key: Hashable) -> None:
        """Hold `key`; raises `Overloaded` where somebody else does."""
        if key in self.queues:
            raise Overloaded(f"{key!r} is held")

        self.queues[key] = None
        self.acquired += 1

    def release(self, key: Hashable) -> None:
        """Let the next one hold `key`. Raises RuntimeError if nobody holds it."""
        try:
            queue = self.queues[key]
        except KeyError:
            raise RuntimeError(f"nobody holds {key!r}") from None

        if queue is not None and queue.wake():
            self.acquired += 1
        else:
            del self.queues[key]

    def statistics(self) -> KeyedLockStatistics:
        """Return what the lock is doing, and has done."""
        return KeyedLockStatistics(len(self.queues), self.waiting, self.acquired, self.waited)

    def give_back(self, key: Hashable) -> None:
        self.acquired -= 1
        self.release(key)


class HeldKey:
    """A key, held for the length of a block."""

    __slots__ = ("key", "locks", "timeout")

    def __init__(self, locks: KeyedLock, key: Hashable, timeout: float | None) -> None:
        self.locks = locks
        self.key = key
        self.timeout = timeout

    async def __aenter__(self) -> None:
        await self.locks.acquire(self.key, timeout=self.timeout)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.locks.release(self.key)
