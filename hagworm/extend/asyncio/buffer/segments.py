"""The files of a journal: numbered segments in a folder that one process has to itself."""

import errno
import logging
import os
from collections import deque
from pathlib import Path

from hagworm.extend.error import JournalError
from hagworm.extend.journal import HEADER_BYTES, Damaged, encode_header, encode_item, encode_mark, scan

__all__ = ("Segments",)

logger = logging.getLogger("hagworm")

SUFFIX = ".segment"


class Segments:
    """What a journal does to its files. Every method blocks; none may be called while another one runs.

    A folder holds `00000000000000000042.segment` (the number is that of the first item) and a `lock`. What cannot be
    read is never guessed at: a segment is read up to its last whole record. A new process begins a new segment.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self.lock: int | None = None
        self.file: int | None = None
        self.size = 0
        self.next = 0
        self.settled = 0
        self.marked = 0
        self.old: deque[tuple[Path, int]] = deque()
        self.path: Path | None = None
        self.failure: BaseException | None = None
        self.torn = 0
        self.damaged = 0
        self.unsynced = False

    def open(self) -> list[bytes]:
        """Take the folder and return the items that have not been settled, in order.

        Raises `JournalError` where another process has the folder, and OSError.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)

        try:
            self.take_lock(self.lock)
            return self.recover()
        except BaseException:
            self.close()
            raise

    def take_lock(self, number: int) -> None:
        import fcntl

        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise JournalError(
                f"the journal in {self.folder} is in use by another process, or twice in this one"
            ) from exc

    def recover(self) -> list[bytes]:
        found: list[tuple[int, list[bytes]]] = []

        for path in sorted(self.folder.glob("*" + SUFFIX)):
            data = path.read_bytes()

            try:
                segment = scan(data)
            except Damaged as exc:
                if len(data) < HEADER_BYTES:  # the process was killed before anything was in it
                    path.unlink()
                    continue

                self.damaged += 1
                logger.error("%s: %s; it is set aside", path, exc)
                path.rename(path.with_suffix(".damaged"))
                continue

            self.torn += segment.is_torn
            self.settled = max(self.settled, segment.settled)
            self.next = max(self.next, segment.first + len(segment.items))
            found.append((segment.first, segment.items))
            self.old.append((path, segment.first + len(segment.items)))

        self.marked = self.settled
        self.next = max(self.next, self.settled)
        items: list[bytes] = []

        for first, payloads in found:
            items += payloads[max(0, self.settled - first) :]

        self.drop_old()

        if self.numbers_are_whole(found):
            self.settled = self.marked = self.next - len(items)
        else:
            self.rewrite(items)

        return items

    def numbers_are_whole(self, found: list[tuple[int, list[bytes]]]) -> bool:
        expected: int | None = None

        for first, payloads in found:
            if first + len(payloads) <= self.settled:
                continue

            if expected is not None and first != expected:
                return False

            expected = first + len(payloads)

        return True

    def rewrite(self, items: list[bytes]) -> None:
        """Write items whose numbers have gaps, as a segment was damaged, anew; only then forget where they were."""
        start = self.next
        self.commit(items, self.settled, sync=True)
        self.commit([], start, sync=True)

    def commit(self, payloads: list[bytes], settled: int, *, sync: bool) -> None:
        """Write items, and how far the earlier ones are settled. After an error nothing of it counts.

        Raises `JournalError`; when it could not even be undone, every later call does.
        """
        if self.failure is not None:
            raise JournalError(f"the journal in {self.folder} has failed before") from self.failure

        records = [encode_item(number, payload) for number, payload in enumerate(payloads, self.next)]

        if settled > self.marked:
            records.append(encode_mark(settled))

        data = b"".join(records)

        try:
            if self.file is None or (self.size + len(data) > self.limit and self.size > HEADER_BYTES):
                self.rotate()

            assert self.file is not None

            try:
                write_all(self.file, data)
            except OSError:
                os.ftruncate(self.file, self.size)
                os.lseek(self.file, self.size, os.SEEK_SET)
                raise

        except OSError as exc:
            # Only a lack of space is known to have left everything else as it was.
            if exc.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                self.failure = exc

            raise self.make_error(exc) from exc

        self.size += len(data)
        self.unsynced = True

        if sync:
            try:
                self.sync()
            except OSError as exc:
                # What a disk has refused once it may have thrown away (fsync(2), "fsyncgate").
                self.failure = exc
                raise self.make_error(exc) from exc

        self.next += len(payloads)

        if settled > self.marked:
            self.marked = self.settled = settled
            self.drop_old()

    def make_error(self, error: OSError) -> JournalError:
        return JournalError(f"nothing can be written to the journal in {self.folder}: {error}")

    def sync(self) -> None:
        """Bring to the disk what has been written."""
        if self.file is not None:
            os.fdatasync(self.file) if hasattr(os, "fdatasync") else os.fsync(self.file)

        self.unsynced = False

    def rotate(self) -> None:
        """Begin a new segment."""
        if self.file is not None and self.path is not None:
            self.sync()
            os.close(self.file)
            self.file = None
            self.old.append((self.path, self.next))

        path = self.folder / f"{self.next:020d}{SUFFIX}"

        # A segment of which nothing but the header was written has the number of the next one.
        if self.old and self.old[-1][0] == path:
            self.old.pop()

        header = encode_header(self.next, self.settled)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
        number = os.open(path, flags, 0o600)

        try:
            write_all(number, header)
            self.sync_folder()
        except BaseException:
            os.close(number)
            path.unlink(missing_ok=True)
            raise

        self.file, self.path, self.size = number, path, len(header)

    def drop_old(self) -> None:
        """Remove the segments of which everything is settled."""
        while self.old and self.old[0][1] <= self.settled:
            self.old.popleft()[0].unlink(missing_ok=True)

    def sync_folder(self) -> None:
        number = os.open(self.folder, os.O_RDONLY)

        try:
            os.fsync(number)
        finally:
            os.close(number)

    def close(self) -> None:
        """Close the files, and remove the segments if everything in them is settled."""
        try:
            if self.file is not None:
                if self.failure is None and self.unsynced:
                    self.sync()

                os.close(self.file)
                self.file = None

                if self.settled == self.next and self.path is not None:
                    self.drop_old()
                    self.path.unlink(missing_ok=True)
        finally:
            if self.lock is not None:
                os.close(self.lock)
                self.lock = None


def write_all(number: int, data: bytes) -> None:
    view = memoryview(data)

    while view:
        view = view[os.write(number, view) :]
