"""A byte array that processes share by its name."""

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from hagworm.extend.error import Closed, SegmentError
from hagworm.extend.process.segment import Segment, create, join

__all__ = ("Cursor", "SharedByteArray", "SharedStatistics", "View", "Word")

PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class SharedStatistics:
    """What has become of shared memory, over all processes."""

    size: int
    writes: int
    repairs: int
    """How often a write was finished whose writer had died."""
    is_torn: bool
    """Whether a write is being made, or was begun by one who is stopped or dead; readers see it as made."""


class Cursor:
    """A position in shared memory; what is read or written there moves it on."""

    __slots__ = ("array", "position")

    def __init__(self, array: "SharedByteArray", position: int = 0) -> None:
        self.array = array
        self.position = 0
        self.seek(position)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.position} of {len(self.array)}>"

    def tell(self) -> int:
        """Return the position, in bytes from the beginning."""
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as files do, and return the position. Raises `SegmentError` beyond either end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: len(self.array)}[whence]
        self.array.check(base + offset, 0)
        self.position = base + offset
        return self.position

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, -1 for all that are left. Raises `SegmentError` where there are fewer."""
        length = len(self.array) - self.position if size < 0 else size
        piece = self.array.read_at(self.position, length)
        self.position += length
        return piece

    def write(self, piece: bytes | bytearray | memoryview) -> int:
        """Write all of `piece`, or nothing, and return its length. Raises `SegmentError` where it does not fit."""
        self.array.write_at(self.position, piece)
        self.position += len(piece)
        return len(piece)


class View:
    """Values of the types of `struct`, at one place: read together, and written together."""

    __slots__ = ("array", "offset", "struct")

    def __init__(self, array: "SharedByteArray", layout: str, offset: int) -> None:
        self.array = array
        self.struct = struct.Struct(layout)
        self.offset = offset
        array.check(offset, self.struct.size)

    def __repr__(self) -> str:
        return f"<View {self.struct.format!r} at {self.offset}>"

    def get(self) -> tuple[Any, ...]:
        """Return the values as they were at one moment."""
        return self.struct.unpack(self.array.read_at(self.offset, self.struct.size))

    def set(self, *values: Any) -> None:
        """Write all values, or none. Raises struct.error for what the types cannot hold."""
        self.array.write_at(self.offset, self.struct.pack(*values))

    def update(self, change: Callable[..., tuple[Any, ...]]) -> tuple[Any, ...]:
        """Write what `change(*values)` returns, while nobody else writes; return it."""
        with self.array.lock():
            values = change(*self.get())
            self.set(*values)
            return values


class Word:
    """A number from 0 to 2**64 - 1 that is read and written in one step, without a lock.

    Nobody may write its eight bytes in another way.
    """

    __slots__ = ("index", "words")

    def __init__(self, array: "SharedByteArray", offset: int) -> None:
        array.check(offset, 8)

        if offset % 8:
            raise SegmentError(f"a word begins at a multiple of 8, not at {offset}")

        self.words = array.words
        self.index = offset // 8

    def __repr__(self) -> str:
        return f"<Word at {self.index * 8}>"

    def get(self) -> int:
        """Return the number. Raises ValueError when the memory is closed."""
        return self.words[self.index]

    def set(self, number: int) -> None:
        """Write the number. Raises ValueError when the memory is closed."""
        self.words[self.index] = number


class SharedByteArray:
    """Bytes with a name that the processes of one user share; made by `create` and by `attach`.

    A write is whole: readers see all of it or nothing, also where its writer is stopped or killed in the middle; the
    next writer completes it then. Readers wait for nobody, writers for each other, at most `timeout` seconds each, then
    they raise `SegmentBusy`. It takes twice its size. No view of the memory leaves this object, so it can always be
    closed. The name goes when the process that created it closes it; other processes may come and end as they please,
    and who has it mapped keeps it. Where the creator was killed, the name goes with its last user, or as soon as any
    process of the user creates shared memory.
    """

    __slots__ = ("cursor", "segment", "timeout", "words")

    def __init__(self, segment: Segment, *, timeout: float = PATIENCE) -> None:
        self.segment: Segment | None = segment
        self.timeout = timeout
        content = segment.content
        self.words = memoryview(segment.memory)[content.data : content.log].cast("Q")
        self.cursor = Cursor(self)

    @classmethod
    def create(cls, name: str | None = None, size: int = 4096, *, timeout: float = PATIENCE) -> Self:
        """Make `size` bytes, all zero, under a name (None: a random one).

        Raises `SegmentError` where that is in use, or is no name, OSError where there is no room. The memory is this
        user's alone (mode 0600).
        """
        return cls(create(name, size), timeout=timeout)

    @classmethod
    def attach(cls, name: str, *, timeout: float = PATIENCE) -> Self:
        """Use what another process, or this one, has created. Raises `SegmentError` where it is not there."""
        return cls(join(name), timeout=timeout)

    def __repr__(self) -> str:
        if self.segment is None:
            return "<SharedByteArray closed>"

        part = "created" if self.segment.is_owner else "attached"
        return f"<SharedByteArray {self.segment.name!r} {len(self)} bytes, {part}>"

    def __len__(self) -> int:
        return self.open().content.size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "segment", None) is not None:
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).attach, (self.name,)

    @property
    def name(self) -> str:
        """What others attach it by."""
        return self.open().name

    @property
    def position(self) -> int:
        """Where `read` and `write` go on."""
        return self.cursor.position

    def at(self, offset: int) -> Cursor:
        """Return a position of its own at `offset`."""
        return Cursor(self, offset)

    def view(self, layout: str, offset: int = 0) -> View:
        """Return the values of a `struct` format at `offset`."""
        return View(self, layout, offset)

    def word(self, offset: int) -> Word:
        """Return the number of eight bytes at `offset`, a multiple of 8."""
        return Word(self, offset)

    def tell(self) -> int:
        """Return where `read` and `write` go on."""
        return self.cursor.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Let `read` and `write` go on elsewhere, as files do."""
        return self.cursor.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, -1 for all that are left."""
        return self.cursor.read(size)

    def write(self, piece: bytes | bytearray | memoryview) -> int:
        """Write all of `piece` where the last one ended, or nothing; return its length."""
        return self.cursor.write(piece)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes as they were at one moment. Raises `SegmentError` out of bounds."""
        content = (self.segment or self.open()).content

        if not 0 <= offset <= offset + size <= content.size:
            self.check(offset, size)

        piece = content.read(offset, size)

        if piece is not None:
            return piece

        # Others write without pause: they wait for this one.
        with self.lock():
            content.repair()
            piece = content.read(offset, size)

        assert piece is not None, "nobody writes without the lock"
        return piece

    def write_at(self, offset: int, piece: bytes | bytearray | memoryview) -> None:
        """Write all of `piece` or nothing. Raises `SegmentError` out of bounds, and `SegmentBusy`."""
        segment = self.segment or self.open()

        if isinstance(piece, memoryview):
            piece = piece.cast("B")

        if not 0 <= offset <= offset + len(piece) <= segment.content.size:
            self.check(offset, len(piece))

        segment.acquire(self.timeout)

        try:
            segment.content.write(offset, piece)
        finally:
            segment.release()

    @contextmanager
    def lock(self, timeout: float | None = None) -> Iterator[None]:
        """Keep everybody else from writing; may be nested. Raises `SegmentBusy` after `timeout` seconds (None: usual).

        Each write inside is whole by itself. The lock ends with its process.
        """
        segment = self.open()
        segment.acquire(self.timeout if timeout is None else timeout)

        try:
            yield
        finally:
            segment.release()

    def statistics(self) -> SharedStatistics:
        """Return what has become of it."""
        content = self.open().content
        return SharedStatistics(content.size, content.writes, content.repairs, content.is_torn)

    def close(self) -> None:
        """Use it no more; the one who has created it removes its name. May be called again."""
        if self.segment is not None:
            segment, self.segment = self.segment, None
            self.words.release()
            segment.leave()

    def open(self) -> Segment:
        if self.segment is None:
            raise Closed("the shared memory is closed")

        return self.segment

    def check(self, offset: int, size: int) -> None:
        """Raise `SegmentError` unless `size` bytes at `offset` are inside."""
        if not 0 <= offset <= offset + size <= len(self):
            raise SegmentError(f"{size} bytes at {offset} are not inside of {len(self)} bytes")
