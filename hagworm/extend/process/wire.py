"""What a process and the children that it has forked say to each other over a socket that nobody else can reach.

The values are pickled: this is for the two ends of one socketpair inside one program, never for a network or a store.
"""

import os
import pickle
import struct
from io import FileIO
from typing import Any

__all__ = ("HEAD", "INLINE", "OVERHEAD", "Packet", "TooMuchWork", "new_memory", "pack", "read_spool", "spool", "unpack")

HEAD = struct.Struct("=BQ")
"""How every message begins: its kind, and the number of the task it is about."""
SPOOLED = struct.Struct("=QQ")
INLINE = 64 * 1024
"""Bytes up to which a value travels inside its message. What is longer goes through memory that both ends see."""
OVERHEAD = HEAD.size + SPOOLED.size
FRAME = 64 * 1024
OUT_OF_BAND = 32 * 1024
VECTORS = 512


class TooMuchWork(Exception):
    """Pickling a value takes longer than was wanted, which says nothing about the value."""


class Sink:
    """Where a pickler writes; long byte strings arrive as they are, without having been copied."""

    __slots__ = ("limit", "pieces", "work")

    def __init__(self, limit: float) -> None:
        self.pieces: list[bytes] = []
        self.work = 0
        self.limit = limit

    def write(self, piece: bytes) -> None:
        # A frame is full at 64 KiB: what is longer is one byte string, which has cost nothing yet.
        self.work += min(len(piece), FRAME)

        if self.work > self.limit:
            raise TooMuchWork

        self.pieces.append(piece)


class Packet:
    """A pickled value: a stream in pieces, and the buffers that pickle protocol 5 left out of it."""

    __slots__ = ("buffers", "length", "pieces")

    def __init__(self, pieces: list[bytes], buffers: list[pickle.PickleBuffer]) -> None:
        self.pieces = pieces
        self.buffers = [buffer.raw() for buffer in buffers]
        self.length = sum(map(len, pieces))

    def __repr__(self) -> str:
        return f"<Packet of {self.size} bytes, {len(self.buffers)} buffers apart>"

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.length + sum(buffer.nbytes for buffer in self.buffers)

    @property
    def is_inline(self) -> bool:
        """Whether it fits into a message."""
        return not self.buffers and self.length <= INLINE


def pack(value: Any, limit: float = float("inf")) -> Packet:
    """Pickle a value. Raises `TooMuchWork` after about `limit` bytes that had to be made, not just taken over.

    Raises what pickle raises for values that it cannot carry.
    """
    sink = Sink(limit)
    buffers: list[pickle.PickleBuffer] = []

    def take(buffer: pickle.PickleBuffer) -> bool:
        with buffer.raw() as content:
            inside = content.nbytes < OUT_OF_BAND

        if not inside:
            buffers.append(buffer)

        return inside

    pickle.Pickler(sink, 5, buffer_callback=take).dump(value)
    return Packet(sink.pieces, buffers)


def unpack(stream: Any) -> Any:
    """Return the value of an inline packet. Raises whatever its parts raise while they are made."""
    return pickle.loads(stream)


def spool(packet: Packet, descriptor: int = -1) -> tuple[int, bytes]:
    """Write a packet into memory without a name; return its descriptor, and what `read_spool` needs besides.

    That is the memory of `descriptor`, whose old content nobody reads any more, or else a new one. It is freed with the
    last descriptor, whoever dies first. Raises OSError where there is no room.
    """
    memory = new_memory() if descriptor < 0 else descriptor

    try:
        table = struct.pack(f"={len(packet.buffers)}Q", *(buffer.nbytes for buffer in packet.buffers))
        write_all(memory, [*packet.pieces, table, *packet.buffers])
    except BaseException:
        if descriptor < 0:
            os.close(memory)

        raise

    return memory, SPOOLED.pack(packet.length, len(packet.buffers))


def new_memory() -> int:
    """Return a descriptor of memory without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("hagworm", os.MFD_CLOEXEC)

    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def write_all(descriptor: int, pieces: list[Any]) -> None:
    """Write at the beginning, and leave the position where it is: the reader has the same one."""
    offset = 0

    while pieces:
        written = os.pwritev(descriptor, pieces[:VECTORS], offset)
        offset += written
        done = 0

        for piece in pieces:
            length = memoryview(piece).nbytes

            if length > written:
                break

            written -= length
            done += 1

        del pieces[:done]

        if written:
            pieces[0] = memoryview(pieces[0]).cast("B")[written:]


def read_spool(descriptor: int, about: bytes | memoryview) -> Any:
    """Return the value of a spooled packet, and leave its memory as it is."""
    with FileIO(descriptor, "rb", closefd=False) as file:
        length, count = SPOOLED.unpack(about)
        sizes = struct.unpack(f"={count}Q", os.pread(descriptor, count * 8, length))
        offset = length + count * 8
        # Who has read it before has moved the one position that there is.
        file.seek(0)
        buffers = []

        for size in sizes:
            buffer = bytearray(size)
            read_into(descriptor, buffer, offset)
            buffers.append(buffer)
            offset += size

        return pickle.Unpickler(file, buffers=buffers).load()


def read_into(descriptor: int, buffer: bytearray, offset: int) -> None:
    view = memoryview(buffer)

    while view:
        size = os.preadv(descriptor, [view], offset)

        if not size:
            raise EOFError("the memory is shorter than was said")

        view = view[size:]
        offset += size
