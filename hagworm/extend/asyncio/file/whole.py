"""Files as a whole: read at once, and replaced so that nobody ever sees half of one."""

import asyncio
import os
import stat
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from hagworm.extend.asyncio.file.compression import Compression, compression_of, open_binary
from hagworm.extend.asyncio.file.lane import Lane
from hagworm.extend.asyncio.file.stream import AsyncFile

__all__ = ("Replacement", "read_file", "read_now", "replace_file", "write_file")


async def read_file(
    path: str | os.PathLike[str],
    *,
    compression: Compression = "none",
    max_bytes: int | None = None,
    executor: Executor | None = None,
) -> bytes:
    """Return what is in a file. Raises OSError; for more than `max_bytes` (None: no bound), decompressed, EFBIG."""
    kind = compression_of(path, compression)
    return await asyncio.get_running_loop().run_in_executor(executor, read_now, path, kind, max_bytes)


def read_now(path: str | os.PathLike[str], kind: Compression, max_bytes: int | None) -> bytes:
    """Do what `read_file` does, and block."""
    with open_binary(path, "rb", kind) as file:
        if max_bytes is None:
            return file.read()

        data = file.read(max_bytes + 1)

    if len(data) > max_bytes:
        import errno

        raise OSError(errno.EFBIG, f"more than {max_bytes} bytes", os.fspath(path))

    return data


async def write_file(
    path: str | os.PathLike[str],
    data: bytes,
    *,
    compression: Compression = "none",
    sync: bool = True,
    executor: Executor | None = None,
) -> None:
    """Replace the content of a file by `data`, or make the file, as `replace_file` does."""
    async with replace_file(path, compression=compression, sync=sync, executor=executor) as file:
        await file.write(data)


def replace_file(
    path: str | os.PathLike[str],
    *,
    compression: Compression = "none",
    sync: bool = True,
    executor: Executor | None = None,
) -> "Replacement":
    """Return the next version of a file, to be written: `async with replace_file(path) as file: await file.write(…)`.

    At the end of the block it takes the place of the old one at once, with that one's permissions; whoever reads sees
    the old file or the new one, both whole. When the block fails or is cancelled the old one stays as it is. With
    `sync` the new one survives a loss of power from then on. Raises OSError.
    """
    return Replacement(path, compression, sync, executor)


class Replacement:
    """The block in which a file is written anew."""

    __slots__ = ("compression", "executor", "file", "lane", "path", "sync", "temporary")

    def __init__(
        self, path: str | os.PathLike[str], compression: Compression, sync: bool, executor: Executor | None
    ) -> None:
        self.path = Path(path)
        self.compression = compression_of(path, compression)
        self.sync = sync
        self.executor = executor
        self.lane: Lane[None] = Lane(executor)
        self.temporary: str | None = None

    def __repr__(self) -> str:
        return f"<Replacement of {str(self.path)!r}>"

    async def __aenter__(self) -> AsyncFile[bytes]:
        # Links lead to the file that is meant.
        await self.lane.run(self.make, lambda _: self.remove())
        assert self.temporary is not None
        self.file: AsyncFile[bytes] = AsyncFile(self.temporary, "wb", self.compression, None, None, None, self.executor)

        try:
            return await self.file.__aenter__()
        except BaseException:
            # In the lane of the file: an opening that is still under way would make it anew.
            await asyncio.shield(self.file.lane.submit(self.remove))
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.file.aclose()
        except BaseException:
            await asyncio.shield(self.file.lane.submit(self.remove))
            raise

        await asyncio.shield(self.lane.submit(self.remove if kind is not None else self.put_in_place))

    def make(self) -> None:
        import tempfile

        self.path = Path(os.path.realpath(self.path))
        number, self.temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", suffix=".new", dir=self.path.parent)
        os.close(number)

    def remove(self) -> None:
        if self.temporary is not None:
            with suppress(FileNotFoundError):
                os.unlink(self.temporary)

            self.temporary = None

    def put_in_place(self) -> None:
        assert self.temporary is not None

        try:
            os.chmod(self.temporary, permissions(self.path))

            if self.sync:
                sync_path(self.temporary, os.O_RDWR)

            os.replace(self.temporary, self.path)
            self.temporary = None
        except BaseException:
            self.remove()
            raise

        if self.sync and os.name == "posix":
            sync_path(str(self.path.parent), os.O_RDONLY)


def permissions(path: Path) -> int:
    """Return those of the file at `path`; where there is none, readable to all as far as the folder lets them."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0o644


def sync_path(path: str, flags: int) -> None:
    number = os.open(path, flags)

    try:
        os.fsync(number)
    finally:
        os.close(number)
