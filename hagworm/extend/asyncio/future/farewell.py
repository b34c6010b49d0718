"""What becomes of threads when their process ends or is forked: the end waits for them, but not for ever."""

import atexit
import logging
import os
import threading
from time import perf_counter
from typing import Protocol
from weakref import WeakSet

from hagworm.extend.asyncio.future.inbox import INBOXES

__all__ = ("EXIT_SECONDS", "watch_over")

EXIT_SECONDS = 5.0
"""How long the end of the interpreter waits for calls that have been asked for, before it goes without them."""

logger = logging.getLogger("hagworm")


class Threads(Protocol):
    """A number of threads that have something to do."""

    def close(self) -> None:
        """Begin nothing new, wait for nothing."""

    def has_ended_by(self, deadline: float) -> bool:
        """Wait for their end until `deadline`, a moment of `perf_counter`; return whether it has come."""

    def busy(self) -> list[str]:
        """Return the names of the functions that run."""

    def start_afresh(self) -> None:
        """Have no threads, after a fork."""


WATCHED: "WeakSet[Threads]" = WeakSet()
LOCK = threading.Lock()


def watch_over(threads: Threads) -> None:
    """Let `threads` end with the process, and a process that is forked from it know that it has none."""
    with LOCK:
        if not WATCHED:
            # Again and again if need be: both are asked for once only.
            atexit.unregister(take_leave)
            atexit.register(take_leave)

        WATCHED.add(threads)


def take_leave() -> None:
    """Let what has been asked for end, as long as that takes no more than `EXIT_SECONDS`."""
    deadline = perf_counter() + EXIT_SECONDS

    for inbox in [*INBOXES.values()]:
        # Threads that wait for a loop do so in vain: it does not run any more.
        inbox.end_all()

    with LOCK:
        watched = [*WATCHED]

    for threads in watched:
        threads.close()

    left = [name for threads in watched if not threads.has_ended_by(deadline) for name in threads.busy()]

    if left:
        logger.error("leaving %d calls behind that have not ended: %s", len(left), ", ".join(left))

    for inbox in [*INBOXES.values()]:
        if inbox.loop.is_closed():
            inbox.strand()


def forget_threads() -> None:
    """Know that threads do not come along into a fork; locks may be held by them, too."""
    global LOCK
    LOCK = threading.Lock()

    for threads in [*WATCHED]:
        threads.start_afresh()


os.register_at_fork(after_in_child=forget_threads)
