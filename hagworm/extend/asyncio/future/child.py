"""A child process as the event loop sees it: started, signalled, ended, buried, and never left behind."""

import asyncio
import os
import signal
import subprocess
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from typing import Any
from weakref import WeakMethod

from hagworm.extend.process.group import Group

__all__ = ("LAST_PATIENCE", "Child", "Path", "watch_end")

Path = str | os.PathLike[str]

LAST_PATIENCE = 5.0
"""Seconds that a killed process may take to die: longer than that takes only one which the kernel itself waits for."""


class Child:
    """A process in a group of its own, together with all that it starts and that stays in its group.

    When it ends, whatever is left in the group is killed; when the process that started it ends, even by SIGKILL, the
    whole group is, see `Group`. So it is when it is forgotten while it runs, with a ResourceWarning. Must be made on a
    running loop. Raises OSError where it cannot be started.
    """

    __slots__ = ("__weakref__", "ended", "group", "loop", "popen", "program")

    def __init__(
        self,
        args: Sequence[Path],
        *,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = subprocess.DEVNULL,
        stderr: int | None = subprocess.DEVNULL,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.program = os.fspath(args[0])
        self.group = Group()

        try:
            self.popen = subprocess.Popen(
                args,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd,
                env=env,
                pass_fds=pass_fds,
                process_group=self.group.id,
            )
        except BaseException:
            self.group.close()
            raise

        self.ended: asyncio.Future[int | None] = self.loop.create_future()
        """Its exit code, minus the signal that killed it, or None where somebody else has buried it."""
        buried = WeakMethod(self.bury)
        # The loop must not keep what everybody else has forgotten.
        watch_end(self.loop, self.popen, lambda returncode: (bury := buried()) and bury(returncode))

    def __repr__(self) -> str:
        state = f"ended with {self.ended.result()}" if self.ended.done() else "running"
        return f"<Child {self.pid} {self.program}: {state}>"

    def __del__(self) -> None:
        if getattr(self, "ended", None) is not None and not self.ended.done():
            warnings.warn(f"{self!r} was left running, and is killed now", ResourceWarning, source=self, stacklevel=1)
            self.group.close()

            if self.loop.is_closed():
                # Nobody else will bury it.
                buried(self.popen, 0)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def bury(self, returncode: int | None) -> None:
        """Kill what it has left behind, and tell that it has ended once the guard has as well."""
        self.group.end()
        watch_end(self.loop, self.group.guard, lambda _: self.finish(returncode))

    def finish(self, returncode: int | None) -> None:
        self.group.close()

        if not self.ended.done():
            self.ended.set_result(returncode)

    def send_signal(self, number: int) -> None:
        """Send a signal to it and all that belongs to it; after its end, to none."""
        if not self.ended.done():
            self.group.send_signal(number)

    async def wait(self) -> int | None:
        """Return how it ended, waiting for that. A cancellation leaves it running."""
        # A future that is cancelled by one who waits would be lost for all others.
        await asyncio.wait((self.ended,))
        return self.ended.result()

    async def stop(self, grace: float, number: int = signal.SIGTERM) -> int | None:
        """Send the signal, SIGKILL when that has not helped `grace` seconds later, and return how it ended.

        Cancelled, it kills at once and waits for the end before it lets the cancellation through.
        """
        if self.ended.done():
            return self.ended.result()

        try:
            if grace > 0:
                self.send_signal(number)
                await asyncio.wait((self.ended,), timeout=grace)
        finally:
            await self.kill()

        return self.ended.result() if self.ended.done() else None

    async def kill(self) -> None:
        """Send SIGKILL and wait for the end; a cancellation is let through after that."""
        self.send_signal(signal.SIGKILL)
        end = self.loop.time() + LAST_PATIENCE
        interrupted: BaseException | None = None

        while not self.ended.done() and (left := end - self.loop.time()) > 0:
            try:
                await asyncio.wait((self.ended,), timeout=left)
            except asyncio.CancelledError as exc:
                interrupted = exc

        if interrupted is not None:
            raise interrupted


def watch_end(
    loop: asyncio.AbstractEventLoop, popen: "subprocess.Popen[bytes]", callback: Callable[[int | None], Any]
) -> None:
    """Bury `popen` as soon as it has ended, and call `callback` on the loop with how it did.

    Where the kernel has process descriptors (Linux 5.3) this costs a descriptor, elsewhere a thread. Nothing but
    children is touched: no handler of SIGCHLD, no `waitpid(-1)`.
    """
    try:
        watch = Watch(loop, popen, callback)
    except (AttributeError, OSError):
        watch_in_thread(loop, popen, callback)
    else:
        # The handle that is made here keeps its context, for as long as the process runs.
        Context().run(loop.add_reader, watch.descriptor, watch.look)


class Watch:
    """The descriptor of a process, kept by the loop until that has ended, or the loop is closed."""

    __slots__ = ("callback", "descriptor", "loop", "popen")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, popen: "subprocess.Popen[bytes]", callback: Callable[[int | None], Any]
    ) -> None:
        self.descriptor = -1
        self.loop = loop
        self.popen = popen
        self.callback = callback
        self.descriptor = os.pidfd_open(popen.pid)

    def __repr__(self) -> str:
        return f"<Watch over {self.popen.pid}>"

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def look(self) -> None:
        ended, returncode = buried(self.popen)

        if ended:
            self.loop.remove_reader(self.descriptor)
            self.callback(returncode)


def watch_in_thread(
    loop: asyncio.AbstractEventLoop, popen: "subprocess.Popen[bytes]", callback: Callable[[int | None], Any]
) -> None:
    def look() -> None:
        _, returncode = buried(popen, 0)

        try:
            loop.call_soon_threadsafe(callback, returncode, context=Context())
        except RuntimeError:  # nobody waits on a closed loop
            return

    threading.Thread(target=look, name=f"hagworm-child-{popen.pid}", daemon=True).start()


def buried(popen: "subprocess.Popen[bytes]", options: int = os.WNOHANG) -> tuple[bool, int | None]:
    """Return whether a process has ended, and how."""
    try:
        pid, status = os.waitpid(popen.pid, options)
    except ChildProcessError:
        # Somebody waits for all children of this process, and was faster.
        popen.returncode = -1
        return True, None

    if not pid:
        return False, None

    popen.returncode = os.waitstatus_to_exitcode(status)
    return True, popen.returncode
