"""Several workers behind one command: gunicorn's arbiter, without gunicorn's command line."""

import logging
import math
import os
import signal
import socket
from collections.abc import Sequence
from typing import Any

from gunicorn import arbiter
from gunicorn.app.base import BaseApplication

from hagworm.facade.application import App
from hagworm.facade.serving.signals import leave_now
from hagworm.facade.serving.sockets import url_of
from hagworm.facade.settings import ServerSettings
from hagworm.frame.gunicorn.control import choose_control_socket
from hagworm.frame.gunicorn.logs import Logger
from hagworm.frame.gunicorn.worker import MARGIN, Worker

__all__ = ("run_arbiter",)

logger = logging.getLogger("hagworm")

SHARED_MEMORY = "/dev/shm"
"""Signs of life are times of files; on a disk, writing one may block the loop."""


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """An application that is loaded already, and settings that are known."""

    def __init__(self, app: App, sockets: Sequence[socket.socket], options: ServerSettings) -> None:
        self.target = app
        self.options = options
        self.place = ", ".join(map(url_of, sockets))
        self.numbers = [sock.detach() for sock in sockets]
        super().__init__()

    def load_config(self) -> None:
        """Translate the settings of the server into gunicorn's."""
        options = self.options
        wanted = {
            "bind": [f"fd://{number}" for number in self.numbers],
            "workers": options.workers,
            "worker_class": SuppliedWorker,
            "graceful_timeout": math.ceil(options.drain_timeout + MARGIN),
            "logger_class": Logger,
            "default_proc_name": self.target.title,
            "worker_tmp_dir": SHARED_MEMORY if os.path.isdir(SHARED_MEMORY) else None,
            "backlog": options.backlog,
        }

        if options.control_socket:
            wanted["control_socket"] = options.control_socket

        for name, value in wanted.items():
            self.cfg.set(name, value)

        choose_control_socket(self.cfg, logger, place=self.place)

    def load(self) -> App:
        """Return the application."""
        return self.target


class SuppliedWorker(Worker):
    """A worker under an arbiter that knows the settings and logs as the program does."""

    @classmethod
    def setup(cls) -> None:
        """Leave logging as it is."""

    def join_logs(self) -> None:
        """Leave logging as it is."""

    def choose_options(self) -> ServerSettings:
        """Return what the arbiter was given."""
        options: ServerSettings = self.app.options
        return options


class Arbiter(arbiter.Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's arbiter for sockets that were bound before it."""

    def handle_usr2(self) -> None:
        """Refuse: a successor would have to bind what is bound."""
        self.log.warning("SIGUSR2 is for the command gunicorn; under `hagworm run` start a new service instead")


def run_arbiter(app: App, sockets: Sequence[socket.socket], options: ServerSettings) -> int:
    """Serve `app` on `sockets` with `options.workers` processes until a signal says stop; return the exit code.

    Takes the sockets over. Signal handlers and environment are put back afterwards. A worker process never returns
    from here: it ends without the caller's clean-up, which is the parent's.
    """
    parent = os.getpid()
    caught = {number: signal.getsignal(number) for number in (*arbiter.Arbiter.SIGNALS, signal.SIGCHLD)}
    software = os.environ.get("SERVER_SOFTWARE")

    try:
        code = exit_code(Arbiter(Application(app, sockets, options)))
    finally:
        if os.getpid() != parent:
            leave_now(1)

        for number, handler in caught.items():
            signal.signal(number, handler)

        if software is None:
            os.environ.pop("SERVER_SOFTWARE", None)
        else:
            os.environ["SERVER_SOFTWARE"] = software

    return code


def exit_code(supervisor: Arbiter) -> int:
    """Run the arbiter to its end; the processes that it forks end here with their own."""
    parent = os.getpid()

    try:
        supervisor.run()
        code: Any = 0
    except SystemExit as exc:
        code = exc.code or 0

    code = code if isinstance(code, int) and 0 <= code < 256 else 1

    if os.getpid() != parent:
        leave_now(code)

    return int(code)
