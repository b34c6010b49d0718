"""Bytes on their way from one who writes to one who reads, in memory and, when they pile up, on disk."""

import asyncio
from collections import deque
from contextvars import Context
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.error import BufferClosed

__all__ = ("FileBuffer", "SpoolStatistics")

CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class SpoolStatistics:
    """How many bytes are where."""

    memory: int
    disk: int
    written: int
    read: int
    slices: int
    """How many files there are."""
    is_finished: bool


class Slice:
    """A file without a name that is written once and read once. Its methods block."""

    __slots__ = ("file", "got", "put")

    def __init__(self, folder: str | None) -> None:
        import tempfile

        self.file: Any = tempfile.TemporaryFile(buffering=0, dir=folder)
        self.put = 0
        self.got = 0

    def write(self, data: bytes) -> None:
        self.file.seek(self.put)
        view = memoryview(data)

        while view:
            view = view[self.file.write(view) :]

        self.put += len(data)

    def read(self, size: int) -> bytes:
        self.file.seek(self.got)
        data: bytes = self.file.read(min(size, self.put - self.got))
        self.got += len(data)
        return data


class FileBuffer:
    """A pipe of bytes: `write` at one end, `read` at the other, in order, and `finish` when all is written.

    Up to about `max_memory` bytes stay in memory; what is beyond goes to nameless temporary files of `slice_size` in
    `folder` (default: the system's), in threads. With `max_bytes` writers wait while so many are in it. `read` returns
    `b""` at the end and nowhere else; an `error` given to `finish` is raised there, so that what is incomplete is
    not taken for complete.
    """

    def __init__(
        self,
        slice_size: int = 16 << 20,
        *,
        max_memory: int = 1 << 20,
        max_bytes: int | None = None,
        folder: str | None = None,
    ) -> None:
        if slice_size < 1 or max_memory < 1 or (max_bytes is not None and max_bytes < 1):
            raise ValueError("the sizes of a FileBuffer are at least 1 byte")

        self.slice_size = slice_size
        self.max_memory = max_memory
        self.max_bytes = max_bytes
        self.folder = folder
        # What is read first comes first: what has been loaded, what is on disk, what has been written last.
        self.head: deque[bytes] = deque()
        self.head_size = 0
        self.slices: deque[Slice] = deque()
        self.spilled = 0
        self.moving = 0
        self.tail: list[bytes] = []
        self.tail_size = 0
        self.readers: Waiters[None] = Waiters()
        self.writers: Waiters[None] = Waiters()
        self.task: asyncio.Task[None] | None = None
        self.is_finished = False
        self.is_closed = False
        self.error: BaseException | None = None
        self.written = 0
        self.read_ = 0

    def __repr__(self) -> str:
        state = ", closed" if self.is_closed else ", finished" if self.is_finished else ""
        return f"<FileBuffer {len(self)} bytes, {self.spilled} of them on disk{state}>"

    def __len__(self) -> int:
        return self.written - self.read_

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if data := await self.read(CHUNK):
            return data

        raise StopAsyncIteration

    async def write(self, data: bytes) -> None:
        """Write `data`, waiting for room. After an error or a cancellation nothing of it is written.

        Raises `BufferClosed` after `finish` or `aclose`, and the OSError of the disk.
        """
        size = len(data)

        while True:
            if self.is_closed or self.is_finished:
                if self.error is not None:
                    raise self.error

                raise BufferClosed(f"{self!r} takes no more bytes")

            if self.max_bytes is not None and len(self) and len(self) + size > self.max_bytes:
                await self.writers.wait(None, self.wake_writers)
            elif self.tail_size >= self.max_memory:
                self.start()
                await self.writers.wait(None, self.wake_writers)
            else:
                break

        if size:
            self.tail.append(bytes(data))
            self.tail_size += size
            self.written += size
            self.readers.wake()

        # The next one that waits may fit, too.
        self.wake_writers()

    async def read(self, size: int = -1) -> bytes:
        """Return at least one byte and at most `size` of them (-1: all up to the end); `b""` only at the end.

        Raises the error that `finish` was given, and `BufferClosed`. A cancelled read has taken nothing.
        """
        if size == 0:
            return b""

        if size < 0:
            return await self.read_all()

        await self.wait_for_bytes()

        if not self.head:
            return b""

        chunk = self.head.popleft()

        if len(chunk) > size:
            self.head.appendleft(chunk[size:])
            chunk = chunk[:size]
        elif len(chunk) < size and self.head:
            parts = [chunk]
            left = size - len(chunk)

            while left and self.head:
                part = self.head.popleft()

                if len(part) > left:
                    self.head.appendleft(part[left:])
                    part = part[:left]

                parts.append(part)
                left -= len(part)

            chunk = b"".join(parts)

        self.head_size -= len(chunk)
        self.read_ += len(chunk)
        self.wake_writers()

        if len(self) or self.is_finished:
            self.readers.wake()

        return chunk

    async def readinto(self, target: "bytearray | memoryview") -> int:
        """Read into `target`; return how many bytes, 0 only at the end."""
        data = await self.read(len(target))
        target[: len(data)] = data
        return len(data)

    async def read_all(self) -> bytes:
        parts: list[bytes] = []

        try:
            while data := await self.read(CHUNK):
                parts.append(data)
        except BaseException:
            # What was taken is the beginning of what is left.
            self.head.extendleft(reversed(parts))
            size = sum(map(len, parts))
            self.head_size += size
            self.read_ -= size
            raise

        return b"".join(parts)

    def finish(self, error: BaseException | None = None) -> None:
        """Say that nothing more will be written: readers get what is left, then `b""`, or `error`."""
        if not self.is_finished:
            self.is_finished = True
            self.error = error
            self.readers.wake_all()
            self.writers.wake_all()

    async def aclose(self) -> None:
        """Throw everything away, and close the files. Cancelled, it may be called again."""
        if not self.is_closed:
            self.is_closed = True
            self.readers.wake_all()
            self.writers.wake_all()

        while self.task is not None:
            await asyncio.wait((self.task,))

        slices, self.slices = list(self.slices), deque()

        for part in slices:
            part.file.close()

        self.head.clear()
        self.tail.clear()

    def statistics(self) -> SpoolStatistics:
        """Return how many bytes are where."""
        return SpoolStatistics(
            self.head_size + self.tail_size + self.moving,
            self.spilled,
            self.written,
            self.read_,
            len(self.slices),
            self.is_finished,
        )

    async def wait_for_bytes(self) -> None:
        """Wait until the next bytes are at the head, or the end is reached."""
        while not self.head:
            if self.is_closed:
                raise BufferClosed(f"{self!r} is closed")

            if self.spilled or self.moving:
                self.start()
            elif self.tail:
                self.head.extend(self.tail)
                self.head_size, self.tail_size = self.tail_size, 0
                self.tail.clear()
                self.wake_writers()
                return
            elif self.is_finished:
                if self.error is not None:
                    raise self.error

                return

            await self.readers.wait(None, self.wake_reader)

    def wake_reader(self, _: None = None) -> None:
        self.readers.wake()

    def wake_writers(self, _: None = None) -> None:
        if self.tail_size < self.max_memory and (self.max_bytes is None or len(self) < self.max_bytes):
            self.writers.wake()

    def start(self) -> None:
        """Move bytes between memory and disk, if that is not being done."""
        if self.task is None and not self.is_closed:
            self.task = asyncio.get_running_loop().create_task(self.work(), context=Context())

    async def work(self) -> None:
        """Load what is read next; store what is too much."""
        loop = asyncio.get_running_loop()

        try:
            while not self.is_closed:
                if not self.head and self.spilled:
                    data = await loop.run_in_executor(None, self.load)
                    self.spilled -= len(data)
                    self.head.append(data)
                    self.head_size += len(data)
                    self.readers.wake()
                elif self.tail_size >= self.max_memory:
                    parts, self.tail = self.tail, []
                    self.moving, self.tail_size = self.tail_size, 0
                    self.writers.wake()
                    await loop.run_in_executor(None, self.store, parts)
                    self.spilled += self.moving
                    self.moving = 0
                else:
                    break
        except OSError as error:
            self.is_finished = True
            self.error = error
            # What comes after a gap must not be read.
            self.spilled = self.moving = self.tail_size = 0
            self.tail.clear()
            self.writers.wake_all()
        finally:
            self.task = None
            self.readers.wake()

    def load(self) -> bytes:
        part = self.slices[0]
        data = part.read(CHUNK)

        if part.got == part.put and len(self.slices) > 1:
            self.slices.popleft().file.close()
        elif part.got == part.put >= self.slice_size:
            self.slices.popleft().file.close()

        return data

    def store(self, parts: list[bytes]) -> None:
        for data in parts:
            while data:
                if not self.slices or self.slices[-1].put >= self.slice_size:
                    self.slices.append(Slice(self.folder))

                part = self.slices[-1]
                room = self.slice_size - part.put
                part.write(data[:room])
                data = data[room:]
