"""Where lines go: what a sink promises, and the one that writes to a stream."""

import os
import select
import stat
from collections.abc import Sequence
from typing import Protocol, TextIO

__all__ = ("PATIENCE", "Sink", "StreamSink", "encode_lines", "measure", "write_bytes", "write_on")

PATIENCE = 0.5
"""Seconds that one write waits for a reader which does not read."""
PIECE = 4096
"""Bytes that a pipe takes at once when it says that it takes any (PIPE_BUF on Linux; POSIX asks for 512)."""


class Sink(Protocol):
    """Takes finished lines. Only one thread at a time calls it."""

    def write(self, lines: Sequence[str]) -> int:
        """Take lines from the beginning and return how many; raise OSError or ValueError where it takes none.

        Returns within a few seconds, whatever is on the other side.
        """
        ...

    def reopen(self) -> None:
        """Start anew: this process is a copy of another one, or somebody has moved the file away."""
        ...

    def close(self) -> None:
        """Release what it holds; a sink that is written to afterwards opens again."""
        ...


def encode_lines(lines: Sequence[str]) -> bytes:
    """Return lines as they are written; characters that are none (lone surrogates) are spelled out."""
    return "\n".join((*lines, "")).encode("utf-8", "backslashreplace")


def measure(lines: Sequence[str], room: int) -> tuple[int, int]:
    """Return how many lines from the beginning fit into so many bytes, and how many bytes they are."""
    used = 0

    for number, line in enumerate(lines):
        size = len(line.encode("utf-8", "backslashreplace")) + 1

        if used + size > room:
            return number, used

        used += size

    return len(lines), used


def write_on(descriptor: int, rest: bytes, lines: Sequence[str], *, patience: float = PATIENCE) -> tuple[int, bytes]:
    """Write lines to a descriptor that cannot be wound back, after the `rest` of one that was begun earlier.

    Return how many it took, the last of which may have been begun only, and the rest of that.
    """
    whole = rest + encode_lines(lines)
    may_block = not stat.S_ISREG(os.fstat(descriptor).st_mode)
    done = write_bytes(descriptor, whole, may_block=may_block, patience=patience)

    if done == len(whole):
        return len(lines), b""

    if done < len(rest):
        return 0, rest[done:]

    number, used = measure(lines, done - len(rest))

    if len(rest) + used == done:
        return number, b""

    end = len(rest) + measure(lines[: number + 1], len(whole))[1]
    return number + 1, whole[done:end]


def write_bytes(descriptor: int, data: bytes, *, may_block: bool, patience: float = PATIENCE) -> int:
    """Write to a descriptor and return how many bytes it took; raise OSError where that is none.

    With `may_block`, waits at most `patience` seconds at a time for whoever reads on the other side.
    """
    view = memoryview(data)
    done = 0

    while done < len(data):
        try:
            if may_block and not is_writable(descriptor, patience):
                raise BlockingIOError("nobody reads what is logged")

            done += os.write(descriptor, view[done : done + PIECE] if may_block else view[done:])
        except InterruptedError:
            continue
        except OSError:
            if not done:
                raise

            break

    return done


def is_writable(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


class StreamSink:
    """Writes to a text stream, past its buffer where it stands for a file descriptor (stderr, stdout)."""

    def __init__(self, stream: TextIO | None, *, patience: float = PATIENCE) -> None:
        self.stream = stream
        self.patience = patience
        self.rest = b""
        """The end of a line whose beginning has been taken."""

    def __repr__(self) -> str:
        return f"<StreamSink {getattr(self.stream, 'name', self.stream)}>"

    def write(self, lines: Sequence[str]) -> int:
        """Take lines; raise OSError or ValueError where the stream is full, broken, closed, or nobody reads it."""
        if self.stream is None:  # a process without a stderr has none in Python either
            raise ValueError("there is no stream to write to")

        try:
            descriptor = self.stream.fileno()
        except (AttributeError, OSError):
            self.stream.write("\n".join((*lines, "")))
            self.stream.flush()
            return len(lines)

        # What others have printed comes first.
        self.stream.flush()
        taken, self.rest = write_on(descriptor, self.rest, lines, patience=self.patience)
        return taken

    def reopen(self) -> None:
        """Leave the end of the other process's line to that one."""
        self.rest = b""

    def close(self) -> None:
        """Leave the stream open, as it belongs to somebody else."""
