"""The ends of pipes to a child process, read and written as far as somebody asks for it."""

import asyncio
import os
import warnings
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from typing import Any

from hagworm.extend.error import OutputTooLong

__all__ = ("CHUNK", "LONGEST_LINE", "Lines", "PipeReader", "PipeWriter")

CHUNK = 64 * 1024
LONGEST_LINE = 1024 * 1024


class PipeEnd:
    """A descriptor that does not block, waited for without keeping anything between two waits.

    `source` is kept alive as long as this is. Forgotten, the descriptor is closed, with a ResourceWarning.
    """

    __slots__ = ("descriptor", "loop", "name", "source", "waiter")

    def __init__(self, descriptor: int, name: str, source: object = None) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.name = name
        self.source = source
        self.loop = asyncio.get_running_loop()
        self.waiter: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        state = "closed" if self.descriptor < 0 else "waiting" if self.waiter is not None else "open"
        return f"<{type(self).__name__} {self.name}: {state}>"

    def __del__(self) -> None:
        if getattr(self, "descriptor", -1) >= 0:
            warnings.warn(f"{self!r} was left open, and is closed now", ResourceWarning, source=self, stacklevel=1)
            os.close(self.descriptor)
            # Whoever keeps the warning keeps this.
            self.descriptor = -1
            self.source = None

    def close(self) -> None:
        """Give the descriptor back; who waits for it sees the end of the pipe. May be called again."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

        if self.descriptor >= 0:
            self.forget()
            os.close(self.descriptor)
            self.descriptor = -1
            self.source = None

    def forget(self) -> None:
        raise NotImplementedError

    async def ready(self, add: Callable[..., Any]) -> None:
        if self.waiter is not None:
            raise RuntimeError(f"{self!r}: another task waits for it already")

        self.waiter = self.loop.create_future()
        Context().run(add, self.descriptor, self.wake)

        try:
            await self.waiter
        finally:
            self.waiter = None

            if self.descriptor >= 0:
                self.forget()

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class PipeReader(PipeEnd):
    """What a process writes. Nothing is read that nobody asks for: a process that is not listened to has to wait."""

    __slots__ = ("is_ahead",)

    def __init__(self, descriptor: int, name: str, source: object = None) -> None:
        super().__init__(descriptor, name, source)
        self.is_ahead = False
        """Whether the process writes faster than it is read."""

    def forget(self) -> None:
        self.loop.remove_reader(self.descriptor)

    async def read(self, size: int = CHUNK) -> bytes:
        """Return what there is, at most `size` bytes, waiting for the first; empty at the end.

        Cancelled, it has taken nothing.
        """
        if self.is_ahead:
            # It never has to be waited for, and others want to run as well.
            await asyncio.sleep(0)

        while self.descriptor >= 0:
            try:
                piece = os.read(self.descriptor, size)
            except BlockingIOError:
                self.is_ahead = False
                await self.ready(self.loop.add_reader)
            else:
                self.is_ahead = True
                return piece

        return b""

    async def read_all(self, limit: int | None = None) -> bytes:
        """Return all that comes until the end. Raises `OutputTooLong` beyond `limit` bytes (None: no bound)."""
        pieces: list[bytes] = []
        await self.collect(pieces, limit)
        return b"".join(pieces)

    async def collect(self, pieces: list[bytes], limit: int | None = None) -> None:
        """Add all that comes until the end to `pieces`, as `read_all` does; a cancellation leaves there what came."""
        length = 0

        while piece := await self.read():
            length += len(piece)

            if limit is not None and length > limit:
                raise OutputTooLong(self.name, limit)

            pieces.append(piece)

    def lines(self, *, encoding: str = "utf-8", errors: str = "replace", limit: int = LONGEST_LINE) -> "Lines":
        """Iterate over the lines, without their ends. One of more than `limit` bytes comes in pieces of that length."""
        return Lines(self, encoding, errors, limit)


class Lines(AsyncIterator[str]):
    """The lines that a process writes, several at a time where they come quickly."""

    __slots__ = ("encoding", "errors", "found", "is_over", "limit", "reader", "rest")

    def __init__(self, reader: PipeReader, encoding: str, errors: str, limit: int) -> None:
        self.reader = reader
        self.encoding = encoding
        self.errors = errors
        self.limit = limit
        self.found: deque[bytes] = deque()
        self.rest: list[bytes] = []
        self.is_over = False

    def __repr__(self) -> str:
        return f"<Lines of {self.reader.name}: {len(self.found)} ready>"

    async def __anext__(self) -> str:
        while not self.found:
            if self.is_over:
                raise StopAsyncIteration

            self.take(await self.reader.read())

        return self.found.popleft().decode(self.encoding, self.errors)

    def take(self, piece: bytes) -> None:
        if not piece:
            self.is_over = True

            if self.rest:
                self.put(b"".join(self.rest))

            return

        first, *more = piece.split(b"\n")
        self.rest.append(first)

        if more:
            self.put(b"".join(self.rest))
            *whole, last = more
            self.rest = [last] if last else []

            for line in whole:
                self.put(line)
        elif sum(map(len, self.rest)) >= self.limit:
            text = b"".join(self.rest)
            cut = len(text) // self.limit * self.limit
            self.put(text[:cut])
            self.rest = [text[cut:]] if len(text) > cut else []

    def put(self, line: bytes) -> None:
        limit = self.limit

        if len(line) <= limit:
            self.found.append(line.removesuffix(b"\r"))
        else:
            self.found.extend(line[start : start + limit] for start in range(0, len(line), limit))


class PipeWriter(PipeEnd):
    """What a process reads."""

    __slots__ = ()

    def forget(self) -> None:
        self.loop.remove_writer(self.descriptor)

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of `data`, waiting for the process to read it. Raises BrokenPipeError where it does not any more.

        Cancelled, it has written a part.
        """
        left = memoryview(data).cast("B")

        while left:
            if self.descriptor < 0:
                raise BrokenPipeError(f"{self!r} is closed")

            try:
                left = left[os.write(self.descriptor, left[: 1024 * 1024]) :]
            except BlockingIOError:
                await self.ready(self.loop.add_writer)
