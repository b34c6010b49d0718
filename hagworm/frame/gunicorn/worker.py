"""The worker class: any engine, started, watched and stopped by gunicorn."""

import asyncio
import dataclasses
import logging
import os
import signal
import sys
import traceback
from types import FrameType
from typing import Any, NoReturn

from gunicorn.arbiter import Arbiter
from gunicorn.errors import AppImportError, HaltServer
from gunicorn.workers import base

from hagworm.extend.error import HagwormError, TargetError
from hagworm.facade.application import App
from hagworm.facade.serving import Server
from hagworm.facade.serving.process import announce, business_part, report, run_worker
from hagworm.facade.serving.signals import DRAIN, Stop
from hagworm.facade.serving.sockets import refuse_newcomers
from hagworm.facade.settings import ServerSettings
from hagworm.frame.gunicorn.board import ANNOUNCED, FAILED, Board
from hagworm.frame.gunicorn.broken import broken_app
from hagworm.frame.gunicorn.control import choose_control_socket
from hagworm.frame.gunicorn.logs import join_arbiter, join_worker

__all__ = ("MARGIN", "Worker")

logger = logging.getLogger("hagworm")

BEAT = 1.0
"""Seconds between two signs of life, at most."""
COUNT = 0.1
"""Seconds between two looks at the number of requests, where `--max-requests` limits it."""
MARGIN = 2.0
"""Seconds of gunicorn's graceful time-out that are kept for the lifespan shutdown; never more than a fifth of it."""


class Worker(base.Worker):  # type: ignore[misc]  # gunicorn has no types
    """Serves a `hagworm.App` under gunicorn: `gunicorn -k hagworm.frame.gunicorn.Worker orders.app:app`.

    The engine and everything else comes from the application's settings; of gunicorn's own, those of processes,
    sockets, logs and times are followed. TERM, INT and QUIT all stop gracefully and run the lifespan shutdown.
    """

    board = Board()

    @classmethod
    def setup(cls) -> None:
        """Prepare the arbiter; gunicorn calls this as soon as it has a logger."""
        join_arbiter()

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Complete gunicorn's configuration. Raises RuntimeError, which gunicorn prints, where it cannot be served."""
        if cfg.is_ssl:
            raise RuntimeError(
                "hagworm.frame.gunicorn.Worker does not end TLS: remove --certfile and --keyfile, "
                "and let a proxy in front do it"
            )

        if cfg.threads > 1:
            log.warning("--threads is not for this worker; the setting server.threads sizes its pool")

        cls.board = Board()
        when_ready = cfg.when_ready

        def complete(arbiter: Any) -> None:
            # Only now the arbiter is known, and the port where the system chose it.
            take_over_stop(arbiter)
            choose_control_socket(cfg, log, place=", ".join(map(str, arbiter.LISTENERS)))
            when_ready(arbiter)

        cfg.set("when_ready", complete)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stop = Stop(supervised=True)
        self.server: Server | None = None
        self.alive: bool = True
        self.is_ready = False

    # gunicorn's steps, in order -------------------------------------------------------------------------------------

    def init_process(self) -> None:
        """Become a worker. The first sign of life is given before the application is imported, which may hang too."""
        self.notify()
        super().init_process()

    def init_signals(self) -> None:
        """Catch signals from here on, long before there is a loop."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)

        self.stop.__enter__()
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)
        signal.signal(signal.SIGABRT, self.handle_abort)

    def load_wsgi(self) -> None:
        """Import the application. What goes wrong is told once, and ends gunicorn with exit code 3."""
        try:
            self.wsgi = self.app.wsgi()
            self.check_app()
        except Exception as exc:
            if not self.cfg.reload:
                self.fail(exc)

            self.log.error("%s", self.explain(exc), exc_info=business_part(exc))
            self.wsgi = broken_app("".join(traceback.format_exception(exc)))

            if isinstance(exc, SyntaxError) and exc.filename and self.reloader is not None:
                self.reloader.add_extra_file(exc.filename)

    def run(self) -> None:
        """Serve until told to stop."""
        try:
            self.join_logs()
            # gunicorn wraps its sockets; what is closed in a worker is that process' own copy.
            sockets = [listener.sock for listener in self.sockets]
            self.server = Server(self.wsgi, sockets=sockets, options=self.choose_options())
        except HagwormError as exc:
            self.fail(exc)

        code = run_worker(
            self.server, self.stop, ready=self.tell_ready, failed=self.tell_failed, beside=self.live, alone=False
        )

        if code:
            sys.exit(code)

    def join_logs(self) -> None:
        """Set up logging, once the settings are known."""
        join_worker(self.cfg, self.wsgi.settings)

    def choose_options(self) -> ServerSettings:
        """Return the settings of the server with those that gunicorn was told on its own command line or file."""
        cfg = self.cfg
        options: ServerSettings = self.wsgi.settings.server
        patience = cfg.graceful_timeout - min(MARGIN, cfg.graceful_timeout / 5)

        if not is_chosen(cfg, "graceful_timeout"):
            patience = min(patience, options.drain_timeout)

        keep_alive = cfg.keepalive if is_chosen(cfg, "keepalive") else options.keep_alive
        return dataclasses.replace(options, drain_timeout=patience, keep_alive=keep_alive)

    # Beside the server ----------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Give signs of life, and notice every reason to stop that is not a signal."""
        loop = asyncio.get_running_loop()
        pause = min(COUNT if self.cfg.max_requests else BEAT, self.cfg.timeout / 3 or BEAT)
        interrupted = loop.create_task(self.note_stop())
        loop.add_reader(self.PIPE[0], self.wake)

        try:
            while True:
                self.notify()
                self.look()

                await asyncio.sleep(pause)
        finally:
            interrupted.cancel()
            loop.remove_reader(self.PIPE[0])

    async def note_stop(self) -> None:
        """Tell gunicorn's state and hook of the wish to stop."""
        await self.stop.reached(DRAIN)
        was_alive, self.alive = self.alive, False

        # A reloader has called the hook itself.
        if was_alive and (self.stop.seen[signal.SIGINT] or self.stop.seen[signal.SIGQUIT]):
            self.cfg.worker_int(self)

    def wake(self) -> None:
        """Look at once, as the reloader's thread asks for it."""
        os.read(self.PIPE[0], 64)
        self.look()

    def look(self) -> None:
        """Ask for a stop where the reloader, the arbiter's end or the number of requests is a reason."""
        runtime = self.server.runtime if self.server is not None else None

        if self.ppid != os.getppid():
            self.stop.request()
        elif runtime is not None and runtime.served >= self.max_requests:
            logger.info("%d requests served, making room for a new worker", runtime.served)
            self.stop.request()
        elif not self.alive:
            self.stop.request()

    def tell_ready(self, server: Server) -> None:
        """Log where the application is served, once for all workers."""
        self.is_ready = True

        if self.board.claim(ANNOUNCED):
            announce(server, self.cfg.workers)

    def tell_failed(self, exc: BaseException) -> int:
        """Log what keeps the workers from serving, once for all; return what makes gunicorn halt, or start another."""
        if self.is_ready:
            return report(exc)

        if self.board.claim(FAILED):
            report(exc)

        code: int = Arbiter.WORKER_BOOT_ERROR
        return code

    def fail(self, exc: Exception) -> NoReturn:
        if self.board.claim(FAILED):
            expected = isinstance(exc, HagwormError | AppImportError) or is_missing(exc, self.target)
            self.log.error("%s", self.explain(exc), exc_info=None if expected else business_part(exc))

        sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def handle_abort(self, sig: int, frame: FrameType | None) -> NoReturn:
        """Leave, as the arbiter thinks that this worker hangs; the log shows where."""
        stack = "".join(traceback.format_stack(frame)).rstrip()
        text = "no sign of life for %s seconds; the worker is ended here:"
        logger.handle(
            logger.makeRecord(logger.name, logging.CRITICAL, __file__, 0, text, (self.cfg.timeout,), None, sinfo=stack)
        )
        super().handle_abort(sig, frame)
        raise AssertionError("the line above has raised SystemExit")

    # The target -----------------------------------------------------------------------------------------------------

    @property
    def target(self) -> str:
        """What the command line calls the application."""
        return str(getattr(self.app, "app_uri", None) or self.cfg.proc_name)

    def check_app(self) -> None:
        if not isinstance(self.wsgi, App):
            kind = type(self.wsgi)
            raise TargetError(
                f"{self.target} is a {kind.__module__}.{kind.__qualname__}, and this worker serves a hagworm.App; "
                "to serve both, mount it: App().mount_native('/', it)"
            )

    def explain(self, exc: Exception) -> str:
        if is_missing(exc, self.target):
            return f"cannot import {self.target}: {exc} (looked in {os.getcwd()}; --chdir names another folder)"

        if isinstance(exc, HagwormError):
            return str(exc)

        return f"cannot load {self.target}: {exc if isinstance(exc, AppImportError) else type(exc).__name__}"


def is_missing(exc: Exception, target: str) -> bool:
    """Whether the module of the target is not there, as against one that it imports."""
    module = target.partition(":")[0]
    return isinstance(exc, ModuleNotFoundError) and bool(exc.name) and f"{module}.".startswith(f"{exc.name}.")


def is_chosen(cfg: Any, name: str) -> bool:
    setting = cfg.settings[name]
    return bool(setting.get() != type(setting).default)


def take_over_stop(arbiter: Any) -> None:
    """Let the arbiter stop its workers so that no connection is lost between them, and that it exits as it means to.

    New connections are refused first where nobody else holds the sockets: neither systemd nor a successor that SIGUSR2
    has started. And gunicorn forgets its exit code where a second worker fails to start while it halts for the first.
    """
    stop = arbiter.stop

    def stop_all(graceful: bool = True) -> None:
        if arbiter.reexec_pid == arbiter.master_pid == 0 and not arbiter.systemd:
            refuse_newcomers(listener.sock for listener in arbiter.LISTENERS)

        while True:
            try:
                stop(graceful)
                return
            except HaltServer as exc:
                arbiter.log.debug("while stopping: %s", exc.reason)

    arbiter.stop = stop_all
