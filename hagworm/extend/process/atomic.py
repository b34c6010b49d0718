"""Bytes that processes share: read whole, and written whole even by those who are killed in the middle of it."""

import mmap
import os
import threading

from hagworm.extend.error import SegmentError

__all__ = ("WORDS", "AtomicMemory", "fence")

WORDS = 16
"""Numbers of eight bytes at the beginning; those from `SEQUENCE` on are used here, those before by whoever maps it."""
SEQUENCE, FIRST, LENGTH, REPAIRS = 8, 9, 10, 11
TRIES = 100
"""How often a reader tries before it wants the writers to wait."""

ORDERED = os.uname().machine in ("x86_64", "amd64", "i386", "i686")
"""Whether this machine shows the stores of one processor to the others in their order."""

BARRIER = threading.Lock()


def fence() -> None:
    """Have what was stored before seen before what is stored after."""
    # What stands before an unlock is seen before it, what stands after a lock after it, and the two in this order.
    with BARRIER:
        pass

    with BARRIER:
        pass


class AtomicMemory:
    """A sequence lock with a log (redo), in memory that is zero at first: `WORDS` numbers, the data, and the log.

    A writer puts what it writes into the log, makes the sequence odd, then changes the data, then makes it even again.
    A reader that finds the same sequence before and after has seen one state; while it is odd, the log is part of it.
    So nobody ever waits for a writer that was stopped or killed: before the sequence is odd, nothing has been written,
    and after that everything; the next writer finishes it. Only one may write at a time: that is the caller's care.
    Aligned numbers of eight bytes are stored in one step, as every 64-bit machine that CPython runs on does.
    """

    __slots__ = ("data", "log", "memory", "size", "words")

    def __init__(self, memory: "mmap.mmap | bytearray", size: int) -> None:
        self.memory = memory
        self.words = memoryview(memory)[: WORDS * 8].cast("Q")
        self.size = size
        self.data = WORDS * 8
        self.log = self.data + -(-size // 8) * 8

    def __repr__(self) -> str:
        return f"<AtomicMemory {self.size} bytes, {self.writes} writes, {self.repairs} repairs>"

    @staticmethod
    def needed(size: int) -> int:
        """Return how many bytes of memory `size` bytes of data take."""
        return WORDS * 8 + -(-size // 8) * 16

    @property
    def writes(self) -> int:
        """How often it has been written."""
        return self.words[SEQUENCE] + 1 >> 1

    @property
    def repairs(self) -> int:
        """How often somebody has finished what a writer that was killed had begun."""
        return self.words[REPAIRS]

    @property
    def is_torn(self) -> bool:
        """Whether a write has been begun and not finished: it is being made now, or its writer is dead or stopped."""
        return bool(self.words[SEQUENCE] & 1)

    def close(self) -> None:
        """Let go of the memory."""
        self.words.release()

    def read(self, offset: int, size: int) -> bytes | None:
        """Return `size` bytes as they were at one moment; None after `TRIES` attempts during which others wrote."""
        words, memory = self.words, self.memory
        start = self.data + offset

        for _ in range(TRIES):
            sequence = words[SEQUENCE]

            if not ORDERED:
                fence()

            piece = memory[start : start + size]

            if sequence & 1:
                piece = self.overlay(piece, offset)

            if not ORDERED:
                fence()

            if words[SEQUENCE] == sequence:
                return bytes(piece)

        return None

    def overlay(self, piece: bytes | bytearray, offset: int) -> bytes:
        """Return `piece`, which begins at `offset`, with the write that has been begun."""
        first, length = self.words[FIRST], self.words[LENGTH]
        start, stop = max(first, offset), min(first + length, offset + len(piece))

        # Of numbers that belong to two writes nothing good comes; they are looked at again.
        if start >= stop or length > self.size:
            return bytes(piece)

        new = self.memory[self.log + start - first : self.log + stop - first]
        return bytes(piece[: start - offset]) + bytes(new) + bytes(piece[stop - offset :])

    def write(self, offset: int, piece: "bytes | bytearray | memoryview") -> None:
        """Write `piece`. Whoever is interrupted in the middle has written all of it or nothing."""
        words, memory = self.words, self.memory
        sequence = words[SEQUENCE]

        if sequence & 1:
            self.repair()
            sequence = words[SEQUENCE]

        size = len(piece)
        start = self.data + offset
        memory[self.log : self.log + size] = piece
        words[FIRST] = offset
        words[LENGTH] = size

        if not ORDERED:
            fence()

        words[SEQUENCE] = sequence + 1

        if not ORDERED:
            fence()

        memory[start : start + size] = piece

        if not ORDERED:
            fence()

        words[SEQUENCE] = sequence + 2

    def repair(self) -> bool:
        """Finish what a writer has begun that is gone; return whether there was something. Only for who may write."""
        words, memory = self.words, self.memory

        if not words[SEQUENCE] & 1:
            return False

        first, length = words[FIRST], words[LENGTH]

        if first + length > self.size:
            raise SegmentError(f"the log says {length} bytes at {first}, and there are {self.size}")

        memory[self.data + first : self.data + first + length] = memory[self.log : self.log + length]
        words[REPAIRS] += 1

        if not ORDERED:
            fence()

        words[SEQUENCE] += 1
        return True
