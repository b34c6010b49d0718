"""The wish to stop: signals in, a level out that only rises."""

import asyncio
import logging
import math
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

__all__ = ("DRAIN", "DROP", "EXIT", "Stop", "leave_now")

DRAIN, DROP, EXIT = 1, 2, 3
"""Answer what has been accepted; drop what is still open; leave without ceremony, with exit code 1."""

ECHO = 0.2
"""Seconds within which a supervised process takes a signal that it has had already for an echo of it."""

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def leave_now(code: int) -> NoReturn:
    """End the process without waiting for anything, once what was logged is written."""
    try:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Whatever the flush has to say: a signal may have come in the middle of a print, which then refuses it.
        os._exit(code)


class Stop:
    """How urgently this process should stop, 0 while nobody has asked for it.

    Every stop signal raises the level by one. A *supervised* process has a parent that passes signals on: there SIGTERM
    counts once however often it comes, and a signal of the terminal and what the parent sends because of it are one
    wish. As a context manager it catches the signals, in the main thread only, and puts back what was there.
    """

    def __init__(self, *, supervised: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.supervised = supervised
        self.clock = clock
        self.latest = -math.inf
        self.requested = 0
        self.seen: Counter[int] = Counter()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.waiting: list[tuple[int, asyncio.Future[None]]] = []
        self.previous: dict[int, Any] = {}

    def __repr__(self) -> str:
        return f"<Stop level {self.level}>"

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING:
                self.catch(number, self.handle)

            # A terminal that goes away is no reason to stop; who wants a reload asks the supervisor for it.
            self.catch(signal.SIGHUP, signal.SIG_IGN)

        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        while self.previous:
            number, handler = self.previous.popitem()
            # None: set by something that is not Python, which Python cannot put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @property
    def is_catching(self) -> bool:
        """Whether the signals of the process end here."""
        return bool(self.previous)

    def catch(self, number: int, handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
        self.previous[number] = signal.signal(number, handler)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take one signal; runs between two instructions of whatever the main thread is doing."""
        before, self.latest = self.latest, self.clock()

        if self.supervised and self.seen[number] and self.latest - before < ECHO:
            return

        self.seen[number] += 1

        if self.level >= EXIT:
            leave_now(1)

        self.wake()

    def request(self, level: int = DRAIN) -> None:
        """Ask for at least `level`, from code instead of by a signal."""
        self.requested = max(self.requested, level)
        self.wake()

    @property
    def level(self) -> int:
        """The highest of what signals and code have asked for."""
        seen = self.seen
        interrupts = (seen[signal.SIGINT], seen[signal.SIGQUIT])

        if self.supervised:
            return max(self.requested, min(seen[signal.SIGTERM], 1) + max(interrupts))

        return max(self.requested, seen[signal.SIGTERM] + sum(interrupts))

    def wake(self) -> None:
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.release)

    def release(self) -> None:
        level = self.level

        for wanted, future in self.waiting:
            if level >= wanted and not future.done():
                future.set_result(None)

    async def reached(self, level: int) -> None:
        """Return as soon as the level is at least `level`."""
        self.loop = asyncio.get_running_loop()

        if self.level >= level:
            return

        entry = (level, self.loop.create_future())
        self.waiting.append(entry)

        try:
            await entry[1]
        finally:
            self.waiting.remove(entry)
