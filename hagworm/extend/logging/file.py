"""A log file that several processes write to, and that whoever finds it full puts aside."""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from hagworm.extend.logging.rotation import Aside, Rotation
from hagworm.extend.logging.sink import encode_lines, measure, write_bytes, write_on

__all__ = ("FileSink",)

PIECE = 256 * 1024
"""Bytes that are compressed at a time."""


class FileSink:
    """Appends to `path`, whose folder is made if it is missing; the file is opened at the first line.

    A lock on the file itself (flock) keeps processes apart, so that lines stay whole, and lets nobody write to a file
    that has been put aside: it can be compressed then, which a thread does. A file that somebody else has moved away is
    begun anew. Where the file system has no locks (some NFS), one process should write to it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        rotation: Rotation | None = None,
        *,
        compress: bool = False,
        mode: int = 0o640,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path).absolute()
        self.rotation = rotation or Rotation()
        self.compress = compress
        self.mode = mode
        self.clock = clock
        self.descriptor: int | None = None
        self.rest = b""
        """The end of a line whose beginning a pipe has taken."""
        self.is_due = False
        """Whether files were put aside that nobody has compressed yet."""
        self.thread: Thread | None = None

    def __repr__(self) -> str:
        return f"<FileSink {self.path}>"

    def write(self, lines: Sequence[str]) -> int:
        """Take lines; raise OSError where the disk is full or the file cannot be opened."""
        data = encode_lines(lines)

        with self.locked() as descriptor:
            status = os.fstat(descriptor)

            if not stat.S_ISREG(status.st_mode):
                taken, self.rest = write_on(descriptor, self.rest, lines)
                return taken

            room = self.rotation.max_bytes - status.st_size

            if self.rotation.max_bytes and len(data) > room:
                # What does not fit comes back, and begins the next file.
                lines = lines[: measure(lines, room)[0] or 1]
                data = encode_lines(lines)

            if not self.rotation.is_due(status.st_size, status.st_mtime, len(data), self.clock()):
                return append(descriptor, lines, data, status.st_size)

            self.put_aside(status.st_mtime)

        return 0

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the lock of the file that is at `path` now."""
        while True:
            descriptor = self.opened()
            lock(descriptor, True)

            try:
                if self.is_current(descriptor):
                    yield descriptor
                    return
            finally:
                lock(descriptor, False)

            self.close_file()

    def opened(self) -> int:
        if self.descriptor is None:
            # Not to wait where the path is that of a pipe.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK

            try:
                self.descriptor = os.open(self.path, flags, self.mode)
            except FileNotFoundError:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.descriptor = os.open(self.path, flags, self.mode)

        return self.descriptor

    def is_current(self, descriptor: int) -> bool:
        ours = os.fstat(descriptor)

        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False

        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)

    def put_aside(self, changed: float) -> None:
        """Rename the file, whose lock is held, and see to those that were put aside before."""
        names = [name for name in os.listdir(self.path.parent) if self.rotation.is_aside(self.path.name, name)]
        name = self.rotation.name_aside(self.path.name, changed, names)
        os.rename(self.path, self.path.parent / name)

        if self.compress:
            self.is_due = True
            self.start_compressing()
        else:
            self.tidy()

    def start_compressing(self) -> None:
        if self.is_due and (self.thread is None or not self.thread.is_alive()):
            self.thread = Thread(target=self.compress_and_tidy, name="log-compress", daemon=True)

            # An interpreter that is ending starts no threads; the next rotation sees to it.
            with suppress(RuntimeError):
                self.thread.start()

    def asides(self) -> list[Aside]:
        """Return the files that were put aside."""
        found = []

        for name in os.listdir(self.path.parent):
            if self.rotation.is_aside(self.path.name, name):
                with suppress(FileNotFoundError):  # another process was faster
                    status = os.stat(self.path.parent / name)
                    found.append(Aside(name, status.st_size, status.st_mtime))

        return found

    def tidy(self) -> None:
        for name in self.rotation.expired(self.asides(), self.clock()):
            with suppress(FileNotFoundError):
                os.unlink(self.path.parent / name)

    def compress_and_tidy(self) -> None:
        try:
            while self.is_due:
                self.is_due = False

                for aside in sorted(self.asides(), key=lambda file: file.changed):
                    if not aside.name.endswith(".gz"):
                        compress_file(self.path.parent / aside.name)

                self.tidy()
        except OSError:
            # No room for the copy: the file stays as it is, and the next rotation tries again.
            return

    def close_file(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def reopen(self) -> None:
        """Open the file anew with the next line: a lock that was taken over a fork would be the parent's too."""
        self.close_file()
        self.rest = b""
        self.is_due = False
        self.thread = None

    def close(self) -> None:
        """Close the file, once what is being compressed is done, for which there are 10 seconds."""
        for _ in range(2):  # the thread may have been ending when it was due again
            if self.thread is not None and self.thread.is_alive():
                self.thread.join(10)

            self.start_compressing()

        self.close_file()


def append(descriptor: int, lines: Sequence[str], data: bytes, size: int) -> int:
    """Add lines, which are `data`, to a file of `size` bytes and return how many it took; none of them in part."""
    done = write_bytes(descriptor, data, may_block=False)

    if done == len(data):
        return len(lines)

    number, used = measure(lines, done)
    os.ftruncate(descriptor, size + used)

    if not number:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return number


def lock(descriptor: int, take: bool) -> None:
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX if take else fcntl.LOCK_UN)
    except (ImportError, OSError):  # no such thing here, or not on this file system
        return


def compress_file(path: Path) -> None:
    """Replace a file by its gzip, with its time."""
    import gzip
    import shutil

    part = path.with_name(f"{path.name}.gz.part")

    with suppress(FileNotFoundError), open(path, "rb") as source:
        # Whoever writes to it is about to notice that it has been put aside; another process may be compressing it.
        lock(source.fileno(), True)
        status = os.fstat(source.fileno())

        if not status.st_nlink:  # compressed by another process between our look and our lock
            return

        try:
            with open(part, "wb") as raw, gzip.GzipFile(path.name, "wb", 6, raw, status.st_mtime) as target:
                shutil.copyfileobj(source, target, PIECE)

            os.chmod(part, status.st_mode & 0o777)
            os.utime(part, (status.st_mtime, status.st_mtime))
            os.replace(part, f"{path}.gz")
            os.unlink(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
