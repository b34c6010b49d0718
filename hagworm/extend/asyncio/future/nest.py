"""The nursery of a worker pool as the event loop sees it."""

import asyncio
import mmap
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

from hagworm.extend.asyncio.future.child import watch_end
from hagworm.extend.process.interpreter import command_line
from hagworm.extend.process.nursery import ORDER, Order, Report
from hagworm.extend.process.wire import HEAD, INLINE, OVERHEAD, new_memory, pack, spool
from hagworm.extend.process.worker import WorkerRules

__all__ = ("Nest", "Owner")


class Owner(Protocol):
    """Whoever wants workers, and is told what becomes of them; called on the loop."""

    def nest_up(self) -> None:
        """Workers can be forked."""

    def nest_unfit(self, content: memoryview) -> None:
        """What was to be preloaded failed: no worker will ever be forked."""

    def nest_gone(self, returncode: int | None) -> None:
        """The nursery has ended, and its workers with it."""

    def worker_forked(self, number: int, pid: int) -> None:
        """A worker has a process; `pid` is minus an error number where the system has no room for one."""

    def worker_ended(self, number: int, returncode: int) -> None:
        """A worker has ended and is buried, and so is whatever it had started."""

    def worker_signalled(self, number: int, what: int) -> None:
        """A signal is on its way to a worker, if there is one of that number."""


class Nest:
    """Starts a nursery, gives it orders and takes its reports.

    The nursery ends with its end of the socket, that is with this process at the latest, and takes every worker along.
    """

    __slots__ = ("__weakref__", "board", "buffer", "memory", "control", "gone", "is_alive", "loop", "owner", "popen")

    def __init__(self, owner: Owner, rules: WorkerRules, places: int) -> None:
        self.owner = owner
        size = places * 8
        descriptor = new_memory()

        try:
            os.ftruncate(descriptor, size)
            self.memory = mmap.mmap(descriptor, size)
            self.board = memoryview(self.memory).cast("Q")
            """Where each worker writes which task it has begun."""
            self.open(rules, descriptor)
        finally:
            os.close(descriptor)

    def open(self, rules: WorkerRules, board: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.buffer = bytearray(INLINE + OVERHEAD)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        try:
            with theirs:
                self.popen = subprocess.Popen(
                    command_line("hagworm.extend.process.nursery:main", theirs.fileno()),
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    # Neither the signals of a terminal nor those for our group concern it.
                    start_new_session=True,
                )

            self.send_rules(rules, board)
        except BaseException:
            self.control.close()
            raise

        self.is_alive = True
        self.gone: asyncio.Future[None] = self.loop.create_future()
        """Done when the nursery has ended and is buried."""
        self.control.setblocking(False)
        Context().run(self.loop.add_reader, self.control.fileno(), self.take)
        watch_end(self.loop, self.popen, self.ended)

    def __repr__(self) -> str:
        return f"<Nest {self.popen.pid} {'alive' if self.is_alive else 'gone'}>"

    @property
    def pid(self) -> int:
        """The process id of the nursery."""
        return self.popen.pid

    def send_rules(self, rules: WorkerRules, board: int) -> None:
        packet = pack(rules)

        if packet.is_inline:
            head = HEAD.pack(Order.RULES, len(self.memory))
            socket.send_fds(self.control, [head, *packet.pieces], [board])
            return

        descriptor, about = spool(packet)

        try:
            head = HEAD.pack(Order.RULES_SPOOLED, len(self.memory))
            socket.send_fds(self.control, [head, about], [board, descriptor])
        finally:
            os.close(descriptor)

    def fork(self, number: int, channel: socket.socket, place: int) -> None:
        """Have a worker forked that uses `channel` and this place of the board."""
        message = ORDER.pack(Order.FORK, number, place)
        self.order(lambda: socket.send_fds(self.control, [message], [channel.fileno()]))

    def send_signal(self, number: int, what: int) -> None:
        """Have a signal sent to a worker."""
        self.order(lambda: self.control.send(ORDER.pack(Order.SIGNAL, number, what)))

    def order(self, send: Callable[[], Any]) -> None:
        if not self.is_alive:
            return

        try:
            send()
        except (BrokenPipeError, ConnectionResetError):
            # Its end is told when it has been seen.
            return
        except OSError:
            # It only ever takes orders: one that does not, or cannot be given one, is of no use any more.
            self.kill()

    def take(self) -> None:
        while self.is_alive:
            try:
                size = self.control.recv_into(self.buffer)
            except BlockingIOError:
                return
            except ConnectionResetError:
                size = 0

            if not size:
                # Nothing more will come; that it has ended is told when it is buried.
                self.loop.remove_reader(self.control.fileno())
                return

            self.report(memoryview(self.buffer)[:size])

    def report(self, message: memoryview) -> None:
        kind, number, value = ORDER.unpack_from(message)

        match kind:
            case Report.UP:
                self.owner.nest_up()
            case Report.UNFIT:
                self.owner.nest_unfit(message[ORDER.size :])
            case Report.FORKED:
                self.owner.worker_forked(number, value)
            case Report.ENDED:
                self.owner.worker_ended(number, value)
            case Report.SIGNALLED:
                self.owner.worker_signalled(number, value)

    def ended(self, returncode: int | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

        if self.is_alive:
            # What it said last may not have been read yet.
            self.take()

        if self.is_alive:
            self.close()
            self.owner.nest_gone(returncode)

    def close(self) -> None:
        """Let the nursery end, with all of its workers; that is not waited for."""
        if self.is_alive:
            self.is_alive = False
            self.loop.remove_reader(self.control.fileno())
            self.control.close()

    def clear(self) -> None:
        """Give the board back; nobody may look at it any more."""
        self.board.release()
        self.memory.close()

    def kill(self) -> None:
        """Kill the nursery; the kernel kills its workers then."""
        if self.popen.returncode is None:
            # Not buried yet, by us who alone do so: the number is still its own.
            os.kill(self.popen.pid, signal.SIGKILL)
