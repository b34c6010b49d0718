"""A journal on disk that many tasks write to, and that writes for all of them at once."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hagworm.extend.asyncio.buffer.segments import Segments
from hagworm.extend.error import BufferClosed

__all__ = ("Journal", "JournalStatistics")

logger = logging.getLogger("hagworm")


@dataclass(frozen=True, slots=True)
class JournalStatistics:
    """What a journal is doing, and has done."""

    next: int
    """The number of the next item."""
    settled: int
    """Every item below this number has been dealt with."""
    waiting: int
    """How many items wait to be written."""
    commits: int
    """How often the disk was written to."""
    recovered: int
    """How many items were found when it was opened."""
    torn: int
    """How many segments ended, when it was opened, in what was not a whole record."""
    damaged: int
    """How many could not be read at all; they were renamed to `*.damaged`."""


class Entry(NamedTuple):
    """An item on its way to the disk."""

    payload: bytes
    written: Callable[[], None]
    future: "asyncio.Future[None]"


class Journal:
    """Items in a folder that survive the process: what has been written is found again by `open`, until it is settled.

    `fsync` says when the disk itself is waited for: `"always"` before a write returns (what has been written survives
    a loss of power), a number for at most so many seconds later, `"never"` leaves it to the system. Whatever it says,
    what has been written survives a kill -9. A segment is as long as `segment_bytes`; it is removed when all that is in
    it is settled. Tasks that write at the same time share one write, and one wait for the disk.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        fsync: Literal["always", "never"] | float = "always",
        segment_bytes: int = 16 << 20,
    ) -> None:
        if isinstance(fsync, str) and fsync not in ("always", "never"):
            raise ValueError(f"fsync is 'always', 'never' or a number of seconds, not {fsync!r}")

        self.folder = Path(folder)
        self.fsync = fsync
        self.segments = Segments(self.folder, segment_bytes)
        self.entries: list[Entry] = []
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.settled = 0
        self.commits = 0
        self.recovered = 0
        self.is_open = False
        self.must_sync = False

    def __repr__(self) -> str:
        return (
            f"<Journal {self.folder} {'open' if self.is_open else 'closed'}, {self.segments.next - self.settled} items>"
        )

    async def open(self) -> list[bytes]:
        """Take the folder; return the items that have not been settled, in the order in which they were written.

        Raises `JournalError` where another process has it, and OSError. A cancellation leaves it closed.
        """
        job = asyncio.get_running_loop().run_in_executor(None, self.segments.open)

        try:
            items = await asyncio.shield(job)
        except asyncio.CancelledError:
            await settled(job)

            if not job.cancelled() and job.exception() is None:
                self.segments.close()

            raise

        self.settled = self.segments.settled
        self.recovered = len(items)
        self.is_open = True
        return items

    async def write(self, payload: bytes, written: Callable[[], None]) -> None:
        """Write one item, and call `written` at the moment when it is safe; both happen in the order of the calls.

        Raises `JournalError`, then nothing was written. When this is cancelled before the item is on its way, nothing
        will be; afterwards it is written, and `written` is called, all the same.
        """
        if not self.is_open:
            raise BufferClosed(f"{self!r} is closed")

        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.entries.append(Entry(payload, written, future))
        self.start()
        await future

    def settle(self, number: int) -> None:
        """Say that every item below `number` has been dealt with; it is written down soon."""
        if number > self.settled:
            self.settled = number
            self.start()

    def start(self) -> None:
        if self.task is None and self.is_open:
            self.task = asyncio.get_running_loop().create_task(self.work(), context=Context())

    async def work(self) -> None:
        """Write until there is nothing to write."""
        try:
            while self.entries or self.settled > self.segments.marked or self.must_sync:
                await self.commit()

                if not self.entries and self.segments.failure is not None:
                    break
        finally:
            self.task = None

    async def commit(self) -> None:
        entries = [entry for entry in self.entries if not entry.future.done()]
        self.entries.clear()
        sync = self.must_sync or (self.fsync == "always" and bool(entries))
        self.must_sync = False
        loop = asyncio.get_running_loop()
        payloads = [entry.payload for entry in entries]
        error: BaseException | None = None
        job = loop.run_in_executor(None, lambda: self.segments.commit(payloads, self.settled, sync=sync))

        try:
            await asyncio.shield(job)
        except asyncio.CancelledError:
            # Only the end of the loop cancels this task; what is under way ends first.
            await settled(job)
            raise
        except Exception as exc:
            error = exc

            if not entries:
                logger.error("%r: what is settled could not be written down: %s", self, exc)

        self.commits += 1

        for entry in entries:
            if error is None:
                entry.written()

                if not entry.future.done():
                    entry.future.set_result(None)
            elif not entry.future.done():
                entry.future.set_exception(error)

        if error is not None and not entries:
            # Otherwise it would be tried for ever; the next item that is written takes it along.
            self.settled = min(self.settled, self.segments.marked)

        if not sync and isinstance(self.fsync, int | float) and self.timer is None and self.segments.unsynced:
            self.timer = loop.call_later(self.fsync, self.sync_later, context=Context())

    def sync_later(self) -> None:
        self.timer = None
        self.must_sync = True
        self.start()

    async def aclose(self) -> None:
        """Write what is waiting, and leave the folder to others. Cancelled, it may be called again."""
        while self.task is not None:
            await asyncio.wait((self.task,))

        if self.is_open:
            self.is_open = False

            if self.timer is not None:
                self.timer.cancel()

            job = asyncio.get_running_loop().run_in_executor(None, self.segments.close)

            try:
                await asyncio.shield(job)
            except asyncio.CancelledError:
                await settled(job)
                raise

    def statistics(self) -> JournalStatistics:
        """Return what the journal is doing, and has done."""
        return JournalStatistics(
            self.segments.next,
            self.settled,
            len(self.entries),
            self.commits,
            self.recovered,
            self.segments.torn,
            self.segments.damaged,
        )


async def settled(job: "asyncio.Future[Any]") -> None:
    """Wait until a thread has done its job, however often the caller is cancelled: at most as long as a disk takes."""
    while not job.done():
        try:
            await asyncio.wait((job,))
        except asyncio.CancelledError:
            continue
