"""A process without threads that forks the workers of one pool, buries them, and does not survive the pool."""

import gc
import mmap
import os
import select
import signal
import socket
import struct
import sys
import threading
from contextlib import suppress
from enum import IntEnum
from typing import Any, NoReturn

from hagworm.extend.process.ending import die_with_parent, prctl
from hagworm.extend.process.reference import resolve
from hagworm.extend.process.wire import HEAD, INLINE, OVERHEAD, read_spool, unpack
from hagworm.extend.process.worker import Say as WorkerSays
from hagworm.extend.process.worker import WorkerRules, failure, work

__all__ = ("ORDER", "Order", "Report", "main")

ORDER = struct.Struct("=BIi")
"""An order or a report: its kind, the number of the worker, a value."""


class Order(IntEnum):
    """What a pool asks of its nursery."""

    RULES = 1
    """The rules for all workers, and the board that comes along, of as many bytes as the number says."""
    RULES_SPOOLED = 2
    FORK = 3
    """Fork a worker, with the socket that comes along and the place `value` of the board."""
    SIGNAL = 4
    """Send the signal `value` to a worker, and to whatever it has started where that is SIGKILL."""


class Report(IntEnum):
    """What a nursery tells its pool."""

    UP = 1
    UNFIT = 2
    """What was to be preloaded failed; the message goes on like one of a worker's."""
    FORKED = 3
    """`value` is the process id, or minus an error number."""
    ENDED = 4
    """`value` is the exit code, or minus the signal."""
    SIGNALLED = 5


class Nursery:
    """Forks workers and watches over them."""

    def __init__(self, control: socket.socket, rules: WorkerRules, board: memoryview, alarm: int, bell: int) -> None:
        self.control = control
        self.rules = rules
        self.board = board
        self.alarm = alarm
        self.bell = bell
        """After a child has ended, something is written here that can be read there."""
        self.workers: dict[int, int] = {}
        """Numbers by process id."""

    def __repr__(self) -> str:
        return f"<Nursery {os.getpid()} of {len(self.workers)} workers>"

    def serve(self) -> None:
        """Do as told until the pool is gone."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self.alarm, select.POLLIN)

        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}

            if self.alarm in ready:
                os.read(self.alarm, 4096)
                self.bury()

            if self.control.fileno() in ready and not self.obey():
                return

    def obey(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self.control, ORDER.size, 1)

        if not message:
            return False

        kind, number, value = ORDER.unpack(message)

        if kind == Order.FORK:
            with socket.socket(fileno=descriptors[0]) as channel:
                self.fork(number, channel, self.board[value : value + 1])
        else:
            self.signal(number, value)

        return True

    def fork(self, number: int, channel: socket.socket, place: memoryview) -> None:
        parent = os.getpid()

        try:
            pid = os.fork()
        except OSError as exc:
            self.report(Report.FORKED, number, -(exc.errno or 1))
            return

        if not pid:
            self.become_worker(parent, channel, place)

        self.workers[pid] = number
        self.report(Report.FORKED, number, pid)

    def become_worker(self, parent: int, channel: socket.socket, place: memoryview) -> NoReturn:
        code = 1

        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # A group of its own, so that whatever a task starts ends with the worker.
            os.setsid()
            die_with_parent(parent)
            os.close(self.alarm)
            os.close(self.bell)
            self.control.close()
            code = work(channel, place, self.rules)
            flush()
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            # What the nursery has registered to be done at its exit is not the worker's.
            os._exit(code)

    def signal(self, number: int, what: int) -> None:
        for pid, other in self.workers.items():
            if other == number:
                # It is ours and not buried: nobody else can have its process id.
                if what == signal.SIGKILL:
                    kill_group(pid)

                os.kill(pid, what)

        self.report(Report.SIGNALLED, number, what)

    def bury(self) -> None:
        for pid in [*self.workers]:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue

            # First the ones it leaves behind: its number is taken as long as it is not buried itself.
            kill_group(pid)
            _, status = os.waitpid(pid, 0)
            self.report(Report.ENDED, self.workers.pop(pid), os.waitstatus_to_exitcode(status))

    def report(self, kind: Report, number: int, value: int) -> None:
        # A pool that is gone is noticed at the next turn.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.control.send(ORDER.pack(kind, number, value))

    def clear(self) -> None:
        """Leave nobody behind."""
        for pid in self.workers:
            kill_group(pid)

            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        for pid in self.workers:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def kill_group(leader: int) -> None:
    # A worker that has been forked this very moment is in no group of its own yet.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def make_way(number: int, frame: Any) -> None:
    """Take a signal that is meant for the whole service: when this process ends, its pool decides."""


def main(descriptor: int) -> NoReturn:
    """Be a nursery: `descriptor` is the socket to the pool."""
    code = 1
    control = socket.socket(fileno=descriptor)
    # Handlers rather than SIG_IGN, which whatever a task executes would inherit.
    signal.signal(signal.SIGINT, make_way)
    signal.signal(signal.SIGTERM, make_way)

    try:
        given = read_rules(control)

        if given is not None and prepared(control, given[0]):
            serve(control, *given)

        code = 0
    finally:
        flush()
        # Threads and exit handlers of what was preloaded have no say in when this process ends.
        os._exit(code)


def read_rules(control: socket.socket) -> tuple[WorkerRules, memoryview] | None:
    message, descriptors, _, _ = socket.recv_fds(control, INLINE + OVERHEAD, 2)

    if not message:
        return None

    kind, length = HEAD.unpack_from(message)
    body = memoryview(message)[HEAD.size :]
    rules: WorkerRules = unpack(body) if kind == Order.RULES else read_spool(descriptors[1], body)
    board = memoryview(mmap.mmap(descriptors[0], length)).cast("Q")

    for descriptor in descriptors:
        os.close(descriptor)

    return rules, board


def prepared(control: socket.socket, rules: WorkerRules) -> bool:
    try:
        for module in rules.preload:
            preload(module)

        if others := [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]:
            # A lock that such a thread holds would stay locked in every worker.
            raise RuntimeError(f"preloaded modules have started threads, which cannot be forked: {', '.join(others)}")
    except BaseException as exc:
        content = failure(WorkerSays.UNFIT, 0, exc)
        control.send(ORDER.pack(Report.UNFIT, 0, 0) + content[HEAD.size :])
        return False

    return True


def preload(module: str) -> None:
    from importlib import import_module

    if module == "__main__":
        # Any name of it that is not there makes it load.
        with suppress(AttributeError):
            resolve("__main__:_")
    else:
        import_module(module)


def serve(control: socket.socket, rules: WorkerRules, board: memoryview) -> None:
    alarm, bell = os.pipe()
    os.set_blocking(bell, False)
    signal.signal(signal.SIGCHLD, make_way)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    prctl()
    # What is there now is shared by all workers, as long as no collection touches it.
    gc.collect()
    gc.freeze()
    control.send(ORDER.pack(Report.UP, 0, os.getpid()))
    nursery = Nursery(control, rules, board, alarm, bell)

    try:
        nursery.serve()
    finally:
        nursery.clear()


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
