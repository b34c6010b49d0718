"""One alarm that rings on time: to some ten microseconds, where an event loop's timers are good to a millisecond.

On Linux it is a timerfd (timerfd_create(2)) that the loop watches; elsewhere it is a timer of the loop.
"""

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

__all__ = ("Alarm",)

CLOCK_MONOTONIC = 1
TFD_TIMER_ABSTIME = 1
SETTING = struct.Struct("@qqqq")
"""`struct itimerspec`: the interval, which is 0, and the moment; each in seconds and nanoseconds."""


class Alarm:
    """Calls `ring` once when `time.monotonic()` has reached what was last `set`; in the thread of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], object]) -> None:
        self.loop = loop
        self.ring = ring
        self.timer: asyncio.TimerHandle | None = None
        self.descriptor = -1
        self.moment: float | None = None
        self.closed = False

        if sys.platform == "linux":
            self.library = ctypes.CDLL(None, use_errno=True)
            self.descriptor = self.library.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)

        if self.descriptor >= 0:
            loop.add_reader(self.descriptor, self.on_readable)

    def __repr__(self) -> str:
        return f"<Alarm {'closed' if self.closed else f'at {self.moment}' if self.moment else 'not set'}>"

    def set(self, moment: float) -> None:
        """Ring at `moment`, and at none that was set before; at once where that is over."""
        self.moment = moment

        if self.closed:
            return

        if self.descriptor < 0:
            if self.timer is not None:
                self.timer.cancel()

            self.timer = self.loop.call_later(max(0.0, moment - self.loop.time()), self.on_timer)
            return

        # A moment of 0 would disarm it.
        nanoseconds = max(1, int(moment * 1e9))
        setting = SETTING.pack(0, 0, *divmod(nanoseconds, 1_000_000_000))

        if self.library.timerfd_settime(self.descriptor, TFD_TIMER_ABSTIME, setting, None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """Ring no more; may be called again."""
        if self.closed:
            return

        self.closed = True

        if self.timer is not None:
            self.timer.cancel()

        if self.descriptor >= 0:
            self.loop.remove_reader(self.descriptor)
            os.close(self.descriptor)

    def on_readable(self) -> None:
        # Set anew between the kernel's word and ours, it has nothing to be read.
        with suppress(BlockingIOError):
            os.read(self.descriptor, 8)
            self.on_timer()

    def on_timer(self) -> None:
        self.moment = None
        self.ring()
