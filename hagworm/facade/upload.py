"""Uploaded files: small ones in memory, large ones on disk, and never a loop that waits for the disk."""

import asyncio
import tempfile
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import nullcontext, suppress
from io import BytesIO
from typing import Any, BinaryIO, TypeVar

from hagworm.facade.exchange import HeaderPairs
from hagworm.facade.headers import Headers

__all__ = ("Spool", "UploadFile", "close_all", "in_file_thread", "make_safe_name")

T = TypeVar("T")

CHUNK = 64 * 1024
# A hop to a thread costs about as much as writing this much to the page cache.
WRITE = 256 * 1024
LONGEST_NAME = 200
FORBIDDEN = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
# Windows opens a device for these, whatever extension follows.
DEVICES = {"con", "prn", "aux", "nul"} | {f"{kind}{number}" for kind in ("com", "lpt") for number in range(10)}


async def in_file_thread(function: Callable[..., T], *args: Any) -> T:
    """Call `function` in the loop's own threads: those of the handlers may all be waiting for files."""
    return await asyncio.get_running_loop().run_in_executor(None, function, *args)


async def close_all(items: "Iterable[Spool | UploadFile]") -> None:
    """Free every file, all of them also where the caller is cancelled meanwhile; twice is as good as once."""
    on_disk = []

    for item in items:
        if item.on_disk:
            on_disk.append(item)
        else:
            item.discard()

    if on_disk:
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, discard_all, on_disk))


def discard_all(items: "Iterable[Spool | UploadFile]") -> None:
    for item in items:
        item.discard()


class Spool:
    """Bytes on their way into a file: in memory up to `limit`, in a nameless temporary file beyond."""

    __slots__ = ("file", "limit", "lock", "pending", "pending_size", "size")

    def __init__(self, limit: int) -> None:
        self.file: BinaryIO = BytesIO()
        self.limit = limit
        self.size = 0
        self.pending: list[bytes] = []
        self.pending_size = 0
        # Made when there is something to lock: a thread works on the file.
        self.lock: threading.Lock | None = None

    async def write(self, data: bytes) -> None:
        """Append `data`."""
        self.size += len(data)

        if self.size <= self.limit:
            self.file.write(data)
            return

        self.pending.append(data)
        self.pending_size += len(data)

        if self.pending_size >= WRITE:
            await self.flush()

    async def flush(self) -> None:
        pending, self.pending, self.pending_size = self.pending, [], 0
        lock = self.lock = self.lock or threading.Lock()
        await in_file_thread(self.write_to_disk, lock, pending)

    def write_to_disk(self, lock: threading.Lock, pending: list[bytes]) -> None:
        # A cancelled task leaves this running while its spool is closed: the second must see what the first has done.
        with lock:
            if self.file.closed:
                return

            if isinstance(self.file, BytesIO):
                memory = self.file.getvalue()
                self.file.close()
                self.file = tempfile.TemporaryFile()
                self.file.write(memory)

            self.file.writelines(pending)

    async def finish(self) -> BinaryIO:
        """Return the file, at its beginning; it belongs to the caller from here on."""
        if self.pending:
            await self.flush()

        if isinstance(self.file, BytesIO):
            self.file.seek(0)
        else:
            await in_file_thread(self.file.seek, 0)

        return self.file

    @property
    def on_disk(self) -> bool:
        """Whether freeing the file may have to wait."""
        return self.lock is not None

    def discard(self) -> None:
        """Free the file, once a thread that works on it has finished."""
        with self.lock or nullcontext(), suppress(OSError):  # a full disk has been reported when it was written to
            self.file.close()


class UploadFile:
    """A file of a form. It is closed when the request has been answered; what is needed longer must be copied.

    `filename` and `content_type` are what the client says, and may be anything; `size` is in bytes. `file` is the open
    file itself, for libraries that want one (in a `def` handler: it may be on disk).
    """

    __slots__ = ("content_type", "file", "filename", "headers", "size")

    def __init__(
        self,
        file: BinaryIO,
        *,
        filename: str = "",
        size: int,
        content_type: str | None = None,
        headers: HeaderPairs = (),
    ) -> None:
        self.file = file
        self.filename = filename
        self.size = size
        self.content_type = content_type
        self.headers = Headers(headers)

    def __repr__(self) -> str:
        return f"<UploadFile {self.filename!r} {self.content_type or 'of no type'}, {self.size} bytes>"

    @property
    def safe_name(self) -> str:
        """The file name as one that can be created in any folder, never empty; not unique."""
        return make_safe_name(self.filename)

    async def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes from where the last read ended, all that is left without it, `b""` at the end."""
        return await in_file_thread(self.file.read, size) if self.on_disk else self.file.read(size)

    async def seek(self, offset: int) -> None:
        """Read next from `offset`, in bytes from the beginning."""
        if self.on_disk:
            await in_file_thread(self.file.seek, offset)
        else:
            self.file.seek(offset)

    async def chunks(self, size: int = CHUNK) -> AsyncIterator[bytes]:
        """Yield what is left, `size` bytes at a time."""
        while chunk := await self.read(size):
            yield chunk

    @property
    def on_disk(self) -> bool:
        """Whether reading and freeing the file may have to wait."""
        return not isinstance(self.file, BytesIO)

    def discard(self) -> None:
        """Free the file, once a thread that reads it has finished: buffered files lock."""
        with suppress(OSError):  # a full disk has been reported when it was written to
            self.file.close()

    async def close(self) -> None:
        """Free the file; twice is as good as once. Reading it afterwards raises ValueError."""
        await close_all((self,))


def make_safe_name(name: str) -> str:
    """Return the last part of a path, without what any file system gives a meaning to; `file` where nothing is left."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # Category C: controls, and marks that make a name read backwards.
    name = "".join(character for character in name if unicodedata.category(character)[0] != "C")
    name = name.translate(FORBIDDEN).strip(" .") or "file"

    if name.partition(".")[0].rstrip().lower() in DEVICES:
        name = f"_{name}"

    if len(encoded := name.encode()) > LONGEST_NAME:
        stem, dot, extension = name.rpartition(".")
        tail = f"{dot}{extension}".encode() if stem and len(extension) <= 16 else b""
        # What a cut leaves of a character is dropped with it.
        name = encoded[: LONGEST_NAME - len(tail)].decode(errors="ignore").rstrip(" .") + tail.decode()

    return name
