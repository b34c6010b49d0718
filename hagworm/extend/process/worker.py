"""The side of a worker pool that runs inside a worker: one task after another, until it is told to stop."""

import contextvars
import errno
import inspect
import os
import pickle
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from enum import IntEnum
from types import FrameType, TracebackType
from typing import Any

from hagworm.extend.process.reference import resolve
from hagworm.extend.process.wire import HEAD, INLINE, OVERHEAD, Packet, pack, read_spool, spool, unpack

__all__ = (
    "DESCRIPTORS",
    "LONGEST_MESSAGE",
    "Ask",
    "Say",
    "WorkerRules",
    "check_flags",
    "descriptor_of",
    "failure",
    "work",
)

DESCRIPTORS = socket.CMSG_SPACE(4)
LONGEST_MESSAGE = INLINE + OVERHEAD
LONGEST_TEXT = 8 * 1024
LONGEST_TRACE = 24 * 1024
"""Bytes of a text and of a traceback that are carried over; of a longer one the middle is left out."""
LONGEST_ERROR = 24 * 1024
"""Bytes of a pickled error. All of this together fits into a message."""


class Ask(IntEnum):
    """What a pool says to a worker."""

    TASK = 1
    SPOOLED = 2
    """A task whose packet is in the memory that comes with the message, which is also for the result."""
    LENT = 5
    """The same, in memory that is to be left as it is: it may be needed once more."""
    SYNC = 3
    """Say that every signal that was sent before this has been dealt with."""
    STOP = 4


class Say(IntEnum):
    """What a worker says to its pool."""

    READY = 1
    """With the process id for a number: its nursery, which tells that as well, may be later."""
    UNFIT = 2
    """The initializer failed."""
    RESULT = 3
    SPOOLED = 4
    """A result whose packet is in the memory that comes with the message, or in that of the arguments."""
    FAILURE = 5
    SYNCED = 6


@dataclass(frozen=True, slots=True)
class WorkerRules:
    """What holds for every worker of a pool."""

    preload: tuple[str, ...] = ()
    """Modules that are imported once, before the workers are forked."""
    initializer: str | None = None
    initargs: tuple[Any, ...] = ()
    max_memory: int | None = None
    """Bytes of memory of its own that a worker may have (RLIMIT_DATA)."""


class Interrupted(KeyboardInterrupt):
    """The running task is not wanted any more. No `except Exception` takes it, and event loops let it through."""


class Worker:
    """Runs the tasks that come in."""

    __slots__ = ("channel", "is_running", "place")

    def __init__(self, channel: socket.socket, place: memoryview) -> None:
        self.channel = channel
        self.place = place
        """Where the number of the task stands that has been begun last. The pool reads it when this process is dead."""
        self.is_running = False

    def __repr__(self) -> str:
        return f"<Worker {os.getpid()} {'running' if self.is_running else 'idle'}>"

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        # The pool sends no other task before it knows that this has happened.
        if self.is_running:
            self.is_running = False
            raise Interrupted("this task is not wanted any more")

    def serve(self) -> None:
        channel = self.channel
        buffer = bytearray(LONGEST_MESSAGE)
        view = memoryview(buffer)
        buffers = [buffer]
        receive = channel.recvmsg_into
        send = channel.send
        place = self.place

        while True:
            size, ancillary, flags, _ = receive(buffers, DESCRIPTORS)

            # Nobody is left who could want something.
            if not size:
                return

            kind, number = HEAD.unpack_from(buffer)

            if kind == Ask.SYNC:
                send(HEAD.pack(Say.SYNCED, number))
                continue

            if kind == Ask.STOP:
                return

            # From here on the task counts as begun. A message that was only taken by a dying process does not.
            place[0] = number
            descriptor = descriptor_of(ancillary) if ancillary else -1

            try:
                try:
                    self.is_running = True
                    check_flags(flags)
                    body = view[HEAD.size : size]
                    value = run(unpack(body) if descriptor < 0 else read_spool(descriptor, body))
                    packet = pack(value)
                finally:
                    # An interruption that comes just here is still caught below, and none comes later.
                    self.is_running = False
            except BaseException as exc:
                # Whatever it is, it is the task's: what would end this process is told like anything else.
                self.fail(number, exc)
            else:
                if packet.is_inline:
                    send(b"".join((HEAD.pack(Say.RESULT, number), *packet.pieces)))
                else:
                    self.send_spooled(number, packet, descriptor if kind == Ask.SPOOLED else -1)

                # What a task has made is not kept until the next one comes.
                del value, packet

            if descriptor >= 0:
                os.close(descriptor)

    def fail(self, number: int, exc: BaseException) -> None:
        try:
            message = failure(Say.FAILURE, number, exc)
        except MemoryError:
            # What the task has filled the memory with hangs on the traceback.
            exc.__traceback__ = exc.__context__ = exc.__cause__ = None
            message = failure(Say.FAILURE, number, MemoryError())

        self.channel.send(message)

    def send_spooled(self, number: int, packet: Packet, descriptor: int) -> None:
        try:
            memory, about = spool(packet, descriptor)
        except (OSError, MemoryError) as exc:
            self.fail(number, exc)
            return

        head = HEAD.pack(Say.SPOOLED, number)

        if memory == descriptor:
            self.channel.send(head + about)
            return

        try:
            socket.send_fds(self.channel, [head, about], [memory])
        finally:
            os.close(memory)


def descriptor_of(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Return the one descriptor that came with a message."""
    ((_, _, content),) = ancillary
    return int.from_bytes(content[:4], sys.byteorder, signed=True)


def check_flags(flags: int) -> None:
    """Raise OSError where a message came without its descriptor, because this process may not have one more."""
    if flags & socket.MSG_CTRUNC:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def run(task: tuple[str, tuple[Any, ...], dict[str, Any], tuple[tuple[str, Any], ...]]) -> Any:
    name, args, kwargs, values = task
    function = resolve(name)

    if values:
        context = contextvars.Context()

        for variable, value in values:
            context.run(resolve(variable).set, value)

        return context.run(call, function, args, kwargs)

    return call(function, args, kwargs)


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = function(*args, **kwargs)

    if inspect.iscoroutine(result):
        import asyncio

        return asyncio.run(result)

    return result


def failure(kind: Say, number: int, exc: BaseException) -> bytes:
    """Return the message that tells about an error: itself where it survives the way, and in words in any case."""
    name = f"{type(exc).__module__}.{type(exc).__qualname__}".removeprefix("builtins.")

    try:
        text = str(exc)
    except Exception as broken:
        text = f"<its text cannot be had: {type(broken).__name__}>"

    text, trace = shorten(text, LONGEST_TEXT), shorten(trace_of(exc), LONGEST_TRACE)
    content = (carried(exc), name, text, trace, has_spoilt(exc))
    return HEAD.pack(kind, number) + pickle.dumps(content, 5)


def has_spoilt(exc: BaseException) -> bool:
    """Return whether this process is not what it was before the error: its memory is full, or a module half loaded."""
    if not isinstance(exc, Interrupted):
        return isinstance(exc, MemoryError)

    files = (frame.f_code.co_filename for frame, _ in traceback.walk_tb(exc.__traceback__))
    return any(file.startswith("<frozen importlib") for file in files)


def carried(exc: BaseException) -> bytes | None:
    """Return `exc` pickled if it can be made of that again, and may be raised in another process."""
    # What is no Exception, or means something to whoever awaits, would do something else there than tell.
    if not isinstance(exc, Exception) or isinstance(exc, StopIteration | StopAsyncIteration):
        return None

    try:
        content = pickle.dumps(exc, 5)
        return content if len(content) <= LONGEST_ERROR and type(pickle.loads(content)) is type(exc) else None
    except BaseException:
        # Whatever making it again does, it does not end this process.
        return None


def trace_of(exc: BaseException) -> str:
    trace: TracebackType | None = exc.__traceback__

    # Our own frames say nothing to whoever wrote the task.
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next

    try:
        return "".join(traceback.format_exception(type(exc), exc, trace))
    except Exception as broken:
        return f"<its traceback cannot be had: {type(broken).__name__}>"


def shorten(text: str, limit: int) -> str:
    content = text.encode("utf-8", "backslashreplace")

    if len(content) <= limit:
        return content.decode()

    head, tail = content[: limit // 2], content[-limit // 2 :]
    left_out = len(content) - limit
    return f"{head.decode(errors='ignore')}\n… {left_out} bytes …\n{tail.decode(errors='ignore')}"


def work(channel: socket.socket, place: memoryview, rules: WorkerRules) -> int:
    """Run tasks until the pool says stop or is gone; return the exit code for this process."""
    worker = Worker(channel, place)
    signal.signal(signal.SIGINT, worker.interrupt)

    try:
        prepare(rules)
    except BaseException as exc:
        channel.send(failure(Say.UNFIT, 0, exc))
        return 1

    channel.send(HEAD.pack(Say.READY, os.getpid()))

    try:
        worker.serve()
    except (BrokenPipeError, ConnectionResetError):
        # The pool has gone while a task ran.
        return 1

    return 0


def prepare(rules: WorkerRules) -> None:
    if rules.max_memory is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (rules.max_memory, rules.max_memory))

    if rules.initializer is not None:
        resolve(rules.initializer)(*rules.initargs)
