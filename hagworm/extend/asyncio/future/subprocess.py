"""Other programs: run to their end, or listened to while they run, and stopped together with all they have started."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.future.child import Child, Path
from hagworm.extend.asyncio.future.pipe import LONGEST_LINE, Lines, PipeReader, PipeWriter
from hagworm.extend.error import CommandFailed, ProcessError

__all__ = ("DEVNULL", "INHERIT", "PIPE", "STDOUT", "Completed", "SubProcess")

DEVNULL = subprocess.DEVNULL
PIPE = subprocess.PIPE
STDOUT = subprocess.STDOUT
INHERIT = None

LONGEST_OUTPUT = 64 * 1024 * 1024
LINGER = 1.0
"""Seconds that pipes may stay open after the process has ended, held by something that has left its group."""
LAST_WORDS = 4096


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that has run to its end."""

    args: tuple[str, ...]
    returncode: int | None
    """Its exit code, minus the signal that killed it, or None where somebody else has buried it."""
    stdout: bytes
    stderr: bytes

    def check(self) -> Self:
        """Return itself; raises `CommandFailed` unless the exit code is 0."""
        if self.returncode != 0:
            raise CommandFailed(self.args[0], self.returncode, self.stderr[-LAST_WORDS:])

        return self


class SubProcess:
    """One program, started by `start` or by `async with`, which also stops it.

    `stdin`, `stdout` and `stderr` are DEVNULL, PIPE, INHERIT (None) or a file descriptor, `stderr` STDOUT as well; what
    is a pipe can be used as an attribute of that name. `cwd` and `env` are those of the program (None: ours).

    It runs in a process group of its own: `stop` sends SIGTERM to all of it, and SIGKILL `grace` seconds later; when
    the program ends, or this process, even by SIGKILL, the rest of the group is killed. A program that opens a session
    of its own, as daemons do, leaves the group. Nothing is waited for by polling.
    """

    __slots__ = ("args", "child", "cwd", "env", "grace", "places", "stderr", "stdin", "stdout")

    def __init__(
        self,
        program: Path,
        *args: Path,
        stdin: int | None = DEVNULL,
        stdout: int | None = DEVNULL,
        stderr: int | None = DEVNULL,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        grace: float = 5.0,
    ) -> None:
        self.args = (os.fspath(program), *(os.fspath(arg) for arg in args))
        self.places = (stdin, stdout, stderr)
        self.cwd = cwd
        self.env = env
        self.grace = grace
        self.child: Child | None = None
        self.stdin: PipeWriter | None = None
        self.stdout: PipeReader | None = None
        self.stderr: PipeReader | None = None

    def __repr__(self) -> str:
        if self.child is None:
            return f"<SubProcess {self.args[0]}: not started>"

        state = "running" if self.is_running else f"ended with {self.returncode}"
        return f"<SubProcess {self.args[0]} {self.pid}: {state}>"

    @classmethod
    async def create(cls, program: Path, *args: Path, **options: Any) -> Self:
        """Return a program that has been started; it is the caller's to stop."""
        made = cls(program, *args, **options)
        await made.start()
        return made

    @classmethod
    async def run(
        cls,
        program: Path,
        *args: Path,
        input: bytes | None = None,
        timeout: float | None = None,
        check: bool = True,
        limit: int | None = LONGEST_OUTPUT,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stderr: int | None = PIPE,
        grace: float = 0.0,
    ) -> Completed:
        """Run a program to its end and return what it wrote.

        Raises `CommandFailed` for an exit code other than 0 (unless `check` is False), `OutputTooLong` beyond `limit`
        bytes of either stream, `DeadlineExceeded` after `timeout` seconds (None: no bound) and OSError where it
        cannot be started. Then, and when this is cancelled, the program and its group have ended: at once, or where
        `grace` is given, by SIGTERM and so many seconds of it first.
        """
        stdin = DEVNULL if input is None else PIPE
        made = cls(program, *args, stdin=stdin, stdout=PIPE, stderr=stderr, cwd=cwd, env=env, grace=grace)

        async with made:
            with within(timeout):
                out, error = await made.communicate(input, limit=limit)

            done = Completed(made.args, made.returncode, out, error)

        return done.check() if check else done

    async def start(self) -> None:
        """Start the program; does not wait for anything. Raises OSError where it cannot be started."""
        if self.child is not None:
            raise ProcessError(f"{self!r} has been started already; a second run is a second SubProcess")

        stdin, stdout, stderr = self.places
        ours: list[int] = []
        theirs: list[int] = []

        def pipe(place: int | None, *, reads: bool) -> int | None:
            if place != PIPE:
                return place

            reading, writing = os.pipe()
            ours.append(writing if reads else reading)
            theirs.append(reading if reads else writing)
            return theirs[-1]

        try:
            given = (pipe(stdin, reads=True), pipe(stdout, reads=False), pipe(stderr, reads=False))
            self.child = Child(self.args, stdin=given[0], stdout=given[1], stderr=given[2], cwd=self.cwd, env=self.env)
        except BaseException:
            for descriptor in ours:
                os.close(descriptor)

            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

        ends = iter(ours)

        if stdin == PIPE:
            self.stdin = PipeWriter(next(ends), f"stdin of {self.args[0]}", self.child)

        if stdout == PIPE:
            self.stdout = PipeReader(next(ends), f"stdout of {self.args[0]}", self.child)

        if stderr == PIPE:
            self.stderr = PipeReader(next(ends), f"stderr of {self.args[0]}", self.child)

    @property
    def started(self) -> Child:
        """The running or ended process. Raises `ProcessError` before `start`."""
        if self.child is None:
            raise ProcessError(f"{self!r}")

        return self.child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.started.pid

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.child is not None and not self.child.ended.done()

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal that killed it; None as long as it runs."""
        return self.child.ended.result() if self.child is not None and self.child.ended.done() else None

    def send_signal(self, number: int) -> None:
        """Send a signal to it and to all that it has started; to none after its end."""
        self.started.send_signal(number)

    async def wait(self, timeout: float | None = None) -> int | None:
        """Return its exit code, waiting at most `timeout` seconds for it (None: without end).

        Raises `DeadlineExceeded`, a TimeoutError; then, and when it is cancelled, the process goes on.
        """
        with within(timeout):
            return await self.started.wait()

    async def stop(self, grace: float | None = None) -> int | None:
        """Stop it and all that it has started: SIGTERM, then SIGKILL `grace` seconds later (None: as it was made with).

        Returns its exit code. Cancelled, it kills at once. The pipes are closed; may be called again.
        """
        if self.child is None:
            return None

        try:
            return await self.child.stop(self.grace if grace is None else grace)
        finally:
            self.close_pipes()

    async def kill(self) -> int | None:
        """Kill it and all that it has started, and return its exit code."""
        return await self.stop(0.0)

    def close_pipes(self) -> None:
        """Close our ends of its pipes."""
        for end in (self.stdin, self.stdout, self.stderr):
            if end is not None:
                end.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def lines(self, *, encoding: str = "utf-8", errors: str = "replace", limit: int = LONGEST_LINE) -> Lines:
        """Iterate over the lines of its standard output, which must be a pipe; see `PipeReader.lines`."""
        if self.stdout is None:
            raise ProcessError(f"{self!r}: its output is no pipe: stdout=PIPE")

        return self.stdout.lines(encoding=encoding, errors=errors, limit=limit)

    async def communicate(
        self, input: bytes | None = None, *, limit: int | None = LONGEST_OUTPUT
    ) -> tuple[bytes, bytes]:
        """Give it `input`, read both of its outputs until it has ended, and return them; those that are no pipe, empty.

        Raises `OutputTooLong` beyond `limit` bytes. After an error or a cancellation the process goes on, and what has
        been read is lost.
        """
        kept: tuple[list[bytes], list[bytes]] = ([], [])
        ends = zip((self.stdout, self.stderr), kept, strict=True)
        tasks = [asyncio.ensure_future(end.collect(pieces, limit)) for end, pieces in ends if end is not None]

        if self.stdin is not None:
            tasks.append(asyncio.ensure_future(self.feed(input or b"")))

        ended = asyncio.ensure_future(self.wait())

        try:
            await settle({*tasks, ended}, until=ended)
            # All that belongs to it has been killed: its pipes end now, unless something that has left holds them.
            await settle({*tasks}, timeout=LINGER)
        finally:
            await cancel_tasks((*tasks, ended))

        return b"".join(kept[0]), b"".join(kept[1])

    async def feed(self, data: bytes) -> None:
        assert self.stdin is not None

        try:
            await self.stdin.write(data)
        except BrokenPipeError:
            # It does not want to know: what it thinks of that, its exit code tells.
            return
        finally:
            self.stdin.close()


async def settle(
    tasks: "set[asyncio.Task[Any]]", *, until: "asyncio.Task[Any] | None" = None, timeout: float | None = None
) -> None:
    """Wait for `tasks`, but no longer than for `until` or `timeout` seconds; raise the first error among them."""
    while tasks and not (until is not None and until.done()):
        done, tasks = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

        if not done:
            return

        for task in done:
            task.result()
