"""A group of processes that ends with the one that started it, however that ends."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

__all__ = ("Group",)

GUARD = ("/bin/sh", "-c", "read _; kill -KILL 0")
GUARD_IN_PYTHON = (sys.executable, "-I", "-S", "-c", "import os; os.read(0, 1); os.killpg(0, 9)")
"""Waits for the end of a pipe, which comes when nobody is left who could write into it, and ends its group."""

POLITE = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
"""What a group is told, and its guard must not take for itself."""


class Group:
    """A process group with a guard in it, a small process that kills the whole group as soon as this process is gone.

    Whoever is to be in it is started with `process_group=group.id`. The guard leads the group: as long as it is not
    buried, no other process or group can be given its number, so a signal never meets a stranger. A process that opens
    a session of its own, as daemons do, leaves the group and what is promised here. POSIX; raises OSError where no
    process can be started.
    """

    __slots__ = ("guard", "id", "lifeline")

    def __init__(self) -> None:
        guarded, self.lifeline = os.pipe()

        try:
            # Blocked where it starts, a signal stays blocked: the guard has no moment in which it takes one.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, POLITE)

            try:
                self.guard = start_guard(guarded)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except BaseException:
            os.close(self.lifeline)
            raise
        finally:
            os.close(guarded)

        self.id = self.guard.pid

    def __repr__(self) -> str:
        return f"<Group {self.id} {'closed' if self.lifeline < 0 else 'open'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def send_signal(self, number: int) -> None:
        """Send a signal to every process of the group; to none after `close`."""
        if self.lifeline >= 0:
            with suppress(ProcessLookupError):
                os.killpg(self.id, number)

    def end(self) -> None:
        """Kill what is left in the group, its guard included, which is to be buried then by `close`."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Kill what is left in the group and bury the guard, which takes no longer than it takes a process to die."""
        if self.lifeline >= 0:
            self.end()
            os.close(self.lifeline)
            self.lifeline = -1
            self.guard.wait()


def start_guard(guarded: int) -> "subprocess.Popen[bytes]":
    options: dict[str, Any] = {
        "stdin": guarded,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": "/",
        "env": {},
        "process_group": 0,
    }

    try:
        return subprocess.Popen(GUARD, **options)
    except FileNotFoundError:
        return subprocess.Popen(GUARD_IN_PYTHON, **options)
