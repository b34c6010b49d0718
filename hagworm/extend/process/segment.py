"""Memory with a name that the processes of one user share, and a lock that the death of its holder opens."""

import atexit
import fcntl
import mmap
import os
import re
import stat
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from hagworm.extend.error import Closed, SegmentBusy, SegmentError
from hagworm.extend.process.atomic import WORDS, AtomicMemory
from hagworm.extend.process.identity import Identity, current_identity, is_alive, space

__all__ = ("Segment", "create", "join", "sweep")

MAGIC = int.from_bytes(b"hagworm\x01", "big")
HEADER = struct.Struct("=5Q")
"""Magic, size of the data, the owner's process id and start, and the space in which these numbers mean something."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
FIRST_PAUSE, LONGEST_PAUSE = 0.0002, 0.005

if os.access("/dev/shm", os.W_OK | os.X_OK):
    FOLDER = Path("/dev/shm")
else:
    from tempfile import gettempdir

    FOLDER = Path(gettempdir())

REGISTER = threading.RLock()
SEGMENTS: dict[tuple[int, int], "Segment"] = {}
"""One per file. Closing any descriptor of a file opens the locks that this process holds on it (POSIX): so there is no
second one, and none is closed before the last user is done."""


class Segment:
    """One file mapped into this process; all who use it here share this object, and count in `users`."""

    __slots__ = ("content", "depth", "descriptor", "guard", "key", "memory", "name", "owner", "path", "spare", "users")

    def __init__(self, name: str, path: Path, descriptor: int) -> None:
        status = os.fstat(descriptor)
        self.key = (status.st_dev, status.st_ino)
        self.name = name
        self.path = path
        self.descriptor = descriptor
        self.spare: list[int] = []
        size, self.owner = examine(name, descriptor, status)
        self.memory = mmap.mmap(descriptor, AtomicMemory.needed(size))
        self.content = AtomicMemory(self.memory, size)
        self.guard = threading.RLock()
        self.depth = 0
        self.users = 0

    def __repr__(self) -> str:
        held = ", held" if self.depth else ""
        return f"<Segment {self.name!r} {self.content.size} bytes of process {self.owner[0]}, {self.users} users{held}>"

    @property
    def is_owner(self) -> bool:
        """Whether this process has created it; a child that was forked has not."""
        return self.owner[0] == os.getpid()

    def acquire(self, timeout: float) -> None:
        """Keep others from writing, of this process and of all others; may be nested.

        Raises `SegmentBusy` after `timeout` seconds. The lock ends with the process that holds it, however that ends,
        and is not passed on to children.
        """
        if not self.guard.acquire(timeout=timeout):
            raise SegmentBusy(self.name, timeout)

        if not self.depth:
            try:
                self.take(timeout)
            except BaseException:
                self.guard.release()
                raise

        self.depth += 1

    def take(self, timeout: float) -> None:
        if self.descriptor < 0:
            raise Closed(f"the shared memory {self.name!r} is closed")

        end = 0.0
        pause = FIRST_PAUSE

        while True:
            try:
                fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except (BlockingIOError, PermissionError):
                now = time.monotonic()
                end = end or now + timeout

                if now >= end:
                    raise SegmentBusy(self.name, timeout) from None

            time.sleep(min(pause, end - now))
            pause = min(pause * 2, LONGEST_PAUSE)

    def release(self) -> None:
        """Let others write."""
        self.depth -= 1

        if not self.depth and self.descriptor >= 0:
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN)

        self.guard.release()

    def leave(self) -> None:
        """Be used by one less. The last one unmaps it, and removes the name where the owner is this process or dead."""
        if sys.is_finalizing():
            # The names are gone, and the memory goes with the process.
            return

        with REGISTER:
            self.users -= 1

            if self.users:
                return

            self.tidy()
            del SEGMENTS[self.key]
            self.content.close()
            self.memory.close()

            for descriptor in (self.descriptor, *self.spare):
                os.close(descriptor)

            self.descriptor = -1

    def tidy(self) -> None:
        if self.is_owner or not is_alive(self.owner):
            self.unlink()

    def unlink(self) -> None:
        """Remove the name; who has it mapped keeps it."""
        with suppress(FileNotFoundError):
            status = self.path.stat()

            # Somebody may have given the name to another one.
            if (status.st_dev, status.st_ino) == self.key:
                self.path.unlink()

    def start_afresh(self) -> None:
        """Hold nothing: this is a child that was forked while perhaps a thread of its parent held something."""
        self.guard = threading.RLock()
        self.depth = 0


def create(name: str | None, size: int) -> Segment:
    """Make memory of `size` bytes, all zero, and give it a name (None: a random one), for this user only.

    Raises `SegmentError` where the name is taken by a process that lives, and for what is no name or size; OSError
    where there is no room. What processes of this user have left behind that were killed is removed first.
    """
    if size < 1:
        raise SegmentError(f"shared memory has at least one byte, not {size}")

    from secrets import token_hex

    given = token_hex(8) if name is None else name
    path = path_of(given)

    with REGISTER:
        sweep()
        descriptor = new_file(path)

        try:
            reserve(descriptor, AtomicMemory.needed(size))
            os.pwrite(descriptor, HEADER.pack(MAGIC, size, *current_identity(), space()), 0)
            publish(descriptor, path)
            segment = Segment(given, path, descriptor)
        except FileExistsError:
            os.close(descriptor)
            raise SegmentError(f"there is shared memory named {given!r} already, of a process that lives") from None
        except BaseException:
            os.close(descriptor)
            raise

        return enlist(segment)


def join(name: str) -> Segment:
    """Map the memory of that name. Raises `SegmentError` where there is none, or none that can be trusted."""
    path = path_of(name)

    with REGISTER:
        try:
            status = path.stat(follow_symlinks=False)

            if (known := SEGMENTS.get((status.st_dev, status.st_ino))) is not None:
                return enlist(known)

            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise SegmentError(f"there is no shared memory named {name!r}") from None
        except OSError as exc:
            raise SegmentError(f"shared memory {name!r} cannot be used: {exc}") from exc

        status = os.fstat(descriptor)

        # Put there since we looked.
        if (known := SEGMENTS.get((status.st_dev, status.st_ino))) is not None:
            known.spare.append(descriptor)
            return enlist(known)

        try:
            return enlist(Segment(name, path, descriptor))
        except BaseException:
            os.close(descriptor)
            raise


def enlist(segment: Segment) -> Segment:
    SEGMENTS[segment.key] = segment
    segment.users += 1
    return segment


def sweep() -> list[str]:
    """Remove what processes of this user have left behind that were killed; return the names."""
    swept = []

    with REGISTER:
        for path in FOLDER.glob(f"{prefix()}*"):
            try:
                status = path.stat(follow_symlinks=False)

                if (status.st_dev, status.st_ino) in SEGMENTS:
                    continue

                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError:
                # Gone meanwhile, or somebody else's.
                continue

            try:
                _, owner = examine(path.name, descriptor, os.fstat(descriptor))
            except SegmentError:
                continue
            finally:
                os.close(descriptor)

            if not is_alive(owner):
                path.unlink(missing_ok=True)
                swept.append(path.name.removeprefix(prefix()))

    return swept


def examine(name: str, descriptor: int, status: os.stat_result) -> tuple[int, Identity]:
    """Return the size of the data and the owner; raise `SegmentError` for what is not ours."""
    if status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise SegmentError(f"shared memory {name!r} is not this user's alone")

    head = os.pread(descriptor, HEADER.size, 0)

    if len(head) < HEADER.size:
        raise SegmentError(f"{name!r} is no shared memory of hagworm")

    magic, size, pid, started, where = HEADER.unpack(head)

    if magic != MAGIC or status.st_size != AtomicMemory.needed(size):
        raise SegmentError(f"{name!r} is no shared memory of hagworm, or of another version")

    if where != space():
        raise SegmentError(f"shared memory {name!r} belongs to another container")

    return size, (pid, started)


def new_file(path: Path) -> int:
    """Return the descriptor of a file that has no name yet, or, where there is no such thing, one beside `path`."""
    if hasattr(os, "O_TMPFILE"):
        return os.open(path.parent, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)

    return os.open(f"{path}~", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def reserve(descriptor: int, size: int) -> None:
    """Make a file so long, with room for all of it: to write where there is none would be the end of the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


def publish(descriptor: int, path: Path) -> None:
    """Give the file its name, in one step; raise FileExistsError where that is taken."""
    if hasattr(os, "O_TMPFILE"):
        # Only with a folder given, which an absolute path does not need, are links followed: linkat(2).
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)
        return

    try:
        os.link(f"{path}~", path)
    finally:
        os.unlink(f"{path}~")


def path_of(name: str) -> Path:
    if NAME.fullmatch(name) is None:
        raise SegmentError(f"{name!r} is no name of shared memory: up to 128 letters, digits, '_', '-' and '.' are one")

    return FOLDER / f"{prefix()}{name}"


def prefix() -> str:
    return f"hagworm-{os.geteuid()}-"


def start_afresh() -> None:
    global REGISTER
    REGISTER = threading.RLock()

    for segment in [*SEGMENTS.values()]:
        segment.start_afresh()


def tidy() -> None:
    for segment in [*SEGMENTS.values()]:
        segment.tidy()


assert HEADER.size <= WORDS * 8
atexit.register(tidy)
os.register_at_fork(after_in_child=start_afresh)
