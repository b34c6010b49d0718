"""Files that are read and written in threads, and lines that are there before they are asked for."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor
from contextvars import Context
from types import TracebackType
from typing import IO, Any, Generic, Literal, Self, TypeVar, cast, overload

from hagworm.extend.asyncio.file.compression import Compression, compression_of, open_binary
from hagworm.extend.asyncio.file.lane import Lane
from hagworm.extend.error import Closed

__all__ = ("AsyncFile", "Lines", "open_file")

S = TypeVar("S", str, bytes)

BATCH = 1 << 17
CHUNK = 1 << 16


class AsyncFile(Generic[S]):
    """A file whose every method is a coroutine; `open_file` makes one, `async with` opens and closes it.

    Its methods may be called by several tasks: they are done in the order of the calls. A cancelled call that had not
    begun is not done. A write that had begun is finished; what a cancelled read has read comes first in the next one.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        mode: str,
        compression: Compression,
        encoding: str | None,
        errors: str | None,
        newline: str | None,
        executor: Executor | None,
    ) -> None:
        self.path = path
        self.mode = mode
        self.compression = compression
        self.encoding = encoding
        self.errors = errors
        self.newline = newline
        self.lane: Lane[Any] = Lane(executor)
        self.file: IO[Any] | None = None
        self.is_text = "b" not in mode
        # What a cancelled read has left: whole pieces, in order.
        self.left: list[S] = []

    def __repr__(self) -> str:
        return f"<AsyncFile {os.fspath(self.path)!r} {self.mode!r} {'closed' if self.file is None else 'open'}>"

    async def __aenter__(self) -> Self:
        await self.lane.run(self.open_now, lambda _: self.close_now())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> "Lines[S]":
        return self.lines()

    async def read(self, size: int = -1) -> S:
        """Return at most `size` bytes, or characters of a text file (-1: all that is left); nothing at the end."""
        return cast(S, await self.lane.run(lambda: self.read_now(size), self.keep))

    async def readline(self) -> S:
        """Return the next line with its end; nothing at the end. For many lines, iterate: that is far faster."""
        return cast(S, await self.lane.run(self.readline_now, self.keep))

    def lines(self, *, batch_bytes: int = BATCH) -> "Lines[S]":
        """Return the lines that are left, with their ends, to be iterated: `async for line in file`.

        They are read about `batch_bytes` at a time, and the next batch while this one is being used. Leaving the loop
        early leaves the file somewhere behind the last line.
        """
        return Lines(self, batch_bytes)

    async def chunks(self, size: int = CHUNK) -> AsyncIterator[S]:
        """Iterate over what is left, at most `size` bytes or characters at a time."""
        while data := await self.read(size):
            yield data

    async def write(self, data: S) -> int:
        """Write `data`; return how many bytes or characters that were."""
        return cast(int, await self.lane.run(lambda: self.opened().write(data)))

    async def writelines(self, lines: Iterable[S]) -> None:
        """Write all of `lines`, which bring their ends along."""
        pieces = list(lines)
        await self.lane.run(lambda: self.opened().writelines(pieces))

    async def flush(self) -> None:
        """Give what has been written to the system."""
        await self.lane.run(lambda: self.opened().flush())

    async def sync(self) -> None:
        """Give what has been written to the disk. Of a compressed file, what its compressor holds back is not."""
        await self.lane.run(self.sync_now)

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position; return it."""
        return cast(int, await self.lane.run(lambda: self.seek_now(offset, whence)))

    async def tell(self) -> int:
        """Return the position. Raises OSError while a cancelled read has left something to be read."""
        return cast(int, await self.lane.run(self.tell_now))

    async def truncate(self, size: int | None = None) -> int:
        """Cut the file at `size` (None: here); return its size."""
        return cast(int, await self.lane.run(lambda: self.opened().truncate(size)))

    async def aclose(self) -> None:
        """Close the file, after what was asked for before. It is closed even when this is cancelled."""
        if self.file is not None or self.lane.running or self.lane.jobs:
            await asyncio.shield(self.lane.submit(self.close_now))

    def opened(self) -> IO[Any]:
        if self.file is None:
            raise Closed(f"{self!r} is used while it is not open")

        return self.file

    def open_now(self) -> None:
        if self.file is not None:
            raise RuntimeError(f"{self!r} is open already")

        file: Any = open_binary(self.path, self.mode.replace("t", "").replace("b", "") + "b", self.compression)

        if self.is_text:
            file = io.TextIOWrapper(file, self.encoding or "utf-8", self.errors, self.newline)

        self.file = file

    def close_now(self) -> None:
        file, self.file = self.file, None

        if file is not None:
            file.close()

    def keep(self, data: S) -> None:
        if data:
            self.left.append(data)

    def read_now(self, size: int) -> S:
        file = self.opened()

        if not self.left:
            return cast(S, file.read(size))

        data = self.left.pop(0)

        if size < 0:
            parts: list[Any] = [data, *self.left, file.read()]
            self.left.clear()
            return data[:0].join(parts)

        if len(data) > size:
            self.left.insert(0, data[size:])

        return data[:size]

    def readline_now(self) -> S:
        end: Any = "\n" if self.is_text else b"\n"

        if not self.left:
            return cast(S, self.opened().readline())

        data = self.left[0][:0].join(self.left)
        self.left.clear()
        line, found, rest = data.partition(end)

        if not found:
            return data + cast(S, self.opened().readline())

        if rest:
            self.left.append(rest)

        return line + found

    def readlines_now(self, size: int) -> list[S]:
        if self.left:
            lines = []

            while self.left:
                lines.append(self.readline_now())

            return lines

        return cast(list[S], self.opened().readlines(size))

    def sync_now(self) -> None:
        file: Any = self.opened()
        file.flush()
        os.fsync(file.fileno())

    def seek_now(self, offset: int, whence: int) -> int:
        if whence == os.SEEK_CUR and self.left:
            raise OSError("a cancelled read has left something: the position is not known")

        self.left.clear()
        return self.opened().seek(offset, whence)

    def tell_now(self) -> int:
        if self.left:
            raise OSError("a cancelled read has left something: the position is not known")

        return self.opened().tell()


class Lines(Generic[S]):
    """The lines of a file, read in batches, one batch ahead."""

    __slots__ = ("ahead", "batch_bytes", "file", "lines")

    def __init__(self, file: AsyncFile[S], batch_bytes: int) -> None:
        self.file: AsyncFile[S] = file
        self.batch_bytes = batch_bytes
        self.lines: list[S] = []
        self.ahead: asyncio.Future[list[S]] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> S:
        if self.lines:
            return self.lines.pop()

        batch = await self.next_batch()

        if not batch:
            raise StopAsyncIteration

        batch.reverse()
        self.lines = batch
        return batch.pop()

    async def next_batch(self) -> list[S]:
        """Return many lines at once, those that have been read ahead; none at the end. A cancelled call takes none."""
        if self.lines:
            batch, self.lines = self.lines, []
            batch.reverse()
            return batch

        if self.ahead is None:
            self.ahead = self.read_ahead()

        # Who is cancelled leaves the batch to the next call.
        batch = await asyncio.shield(self.ahead)
        self.ahead = self.read_ahead() if batch else None
        return batch

    def read_ahead(self) -> "asyncio.Future[list[S]]":
        future: asyncio.Future[list[S]] = self.file.lane.submit(lambda: self.file.readlines_now(self.batch_bytes))
        future.add_done_callback(see, context=Context())
        return future


def see(future: "asyncio.Future[Any]") -> None:
    """Look at an error that nobody may ask for any more."""
    if not future.cancelled():
        future.exception()


@overload
def open_file(
    path: str | os.PathLike[str],
    mode: Literal["rb", "wb", "ab", "xb", "r+b", "w+b", "a+b", "x+b", "rb+", "wb+", "ab+", "xb+"] = "rb",
    *,
    compression: Compression = ...,
    executor: Executor | None = ...,
) -> AsyncFile[bytes]: ...


@overload
def open_file(
    path: str | os.PathLike[str],
    mode: Literal["r", "w", "a", "x", "rt", "wt", "at", "xt", "r+", "w+", "a+", "x+"],
    *,
    compression: Compression = ...,
    encoding: str | None = ...,
    errors: str | None = ...,
    newline: str | None = ...,
    executor: Executor | None = ...,
) -> AsyncFile[str]: ...


def open_file(
    path: str | os.PathLike[str],
    mode: str = "rb",
    *,
    compression: Compression = "none",
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    executor: Executor | None = None,
) -> AsyncFile[Any]:
    """Return a file to be entered: `async with open_file(path) as file: …`.

    `mode` is that of `open`; the default reads bytes. `compression` is `gzip`, `bz2`, `lzma`, `zstd` (with the extra
    `compress`), or `auto` for what the suffix says; such files are read or written from their beginning to their end.
    Text is UTF-8 unless `encoding` says otherwise. The work is done in `executor` (None: the loop's default one).
    Entering raises OSError.
    """
    return AsyncFile(path, mode, compression_of(path, compression), encoding, errors, newline, executor)
