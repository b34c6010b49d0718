"""Regular files on disk, as what serves them needs them: looked at, identified, and read piece by piece."""

import hashlib
import os
import stat
import threading
from dataclasses import dataclass
from errno import EACCES, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from functools import lru_cache
from io import BufferedReader

__all__ = ("ABSENT", "FileChanged", "Found", "Source", "look", "open_regular", "resolve")

ABSENT = frozenset((EACCES, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR))
"""Error numbers that mean, to somebody who asks by name, that there is no such file."""

# A pipe must not hold up the thread that opens it: nobody may ever write to it.
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class FileChanged(RuntimeError):
    """A file is no longer what it was when the response began."""


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file as it was when it was looked at."""

    path: str
    identity: tuple[int, int, int, int]
    """Device, inode, size and time of modification in nanoseconds."""
    etag: bytes | None
    data: bytes | None
    """The content, where the file is small enough."""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.identity[2]

    @property
    def modified(self) -> int:
        """Seconds since 1970."""
        return self.identity[3] // 1_000_000_000


def open_regular(path: str) -> tuple[BufferedReader, tuple[int, int, int, int]]:
    """Open a file for reading and return it with its identity. Raises OSError, also where it is no regular file."""
    number = os.open(path, FLAGS)

    info = os.fstat(number)

    if not stat.S_ISREG(info.st_mode):
        os.close(number)
        raise IsADirectoryError(EISDIR, "not a regular file", path)

    return os.fdopen(number, "rb"), (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)


def look(path: str, *, limit: int, etag: str | None, mark: str = "") -> Found:
    """Return what `path` is now, with its content where that is at most `limit` bytes.

    `etag` says what the entity tag is made of: `stat` (size and time of modification) or `content` (a hash of it); None
    makes none, and a tag in quotes is taken as it is. `mark` tells apart what has the same size and time. Blocks.
    Raises OSError.
    """
    file, identity = open_regular(path)

    with file:
        data = file.read(identity[2]) if identity[2] <= limit else None

    if data is not None and len(data) != identity[2]:
        raise FileChanged(f"{path} was changed while it was read")

    if etag == "stat":
        tag: str | None = f'"{identity[2]}-{identity[3]}{mark}"'
    elif etag == "content":
        tag = f'"{digest(path, identity)}{mark}"'
    else:
        tag = etag

    return Found(path, identity, None if tag is None else tag.encode("latin-1"), data)


@lru_cache(maxsize=1024)
def digest(path: str, identity: tuple[int, int, int, int]) -> str:
    file, now = open_regular(path)

    with file:
        if now != identity:
            raise FileChanged(f"{path} was changed while it was read")

        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def resolve(root: str | None, path: str) -> str:
    """Return `path` with every link followed; `root` must be so already, None lets links lead anywhere.

    Raises FileNotFoundError where the path leads out of `root`, and other OSErrors.
    """
    if root is None:
        return path

    real = os.path.realpath(path, strict=True)

    if real != root and not real.startswith(root.rstrip(os.sep) + os.sep):
        raise FileNotFoundError(ENOENT, "leads out of the folder that is served", path)

    return real


class Source:
    """The file of a response that has begun. Its methods block, and may be called from any thread at any time."""

    __slots__ = ("closed", "file", "found", "lock")

    def __init__(self, found: Found) -> None:
        self.found = found
        self.file: BufferedReader | None = None
        self.lock = threading.Lock()
        self.closed = False

    def read(self, start: int, size: int) -> bytes:
        """Return `size` bytes from `start` on. Raises `FileChanged` where it is another file now, or too short."""
        with self.lock:
            if self.closed:
                return b""

            if self.file is None:
                self.file, identity = open_regular(self.found.path)

                if identity != self.found.identity:
                    raise FileChanged(f"{self.found.path} was changed before it was sent")

            if self.file.tell() != start:
                self.file.seek(start)

            data = self.file.read(size)

        if len(data) != size:
            raise FileChanged(f"{self.found.path} was cut short while it was sent")

        return data

    def close(self) -> None:
        """Close the file, once a read that is under way has ended; nothing opens it again."""
        with self.lock:
            self.closed = True

            if self.file is not None:
                self.file.close()
