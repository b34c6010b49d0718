"""Reload in development: a child that serves, replaced when a file changes, and a parent that keeps the sockets."""

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from hagworm.extend.error import extra
from hagworm.facade.serving.server import bind
from hagworm.facade.serving.sockets import close_all, remove_files

if TYPE_CHECKING:
    from hagworm.facade.settings import ServerSettings

__all__ = ("WATCHED", "inherited_sockets", "run_reloading")

logger = logging.getLogger("hagworm")

# Not a name that begins with HAGWORM_: those are settings.
INHERITED = "_HAGWORM_SOCKETS"
WATCHED = (".py", ".toml", ".env", ".html", ".jinja", ".jinja2", ".j2", ".mako", ".sql")
"""Endings of the files whose change restarts the service."""
PATIENCE = 3.0
"""Seconds that the old process has for each step of its end: to answer, to drop, to die."""
TICK = 250
"""Milliseconds between two looks at the child."""


def inherited_sockets() -> list[socket.socket]:
    """Return the listening sockets that a reloading parent keeps for this process; none without such a parent."""
    numbers = os.environ.pop(INHERITED, "")
    return [socket.socket(fileno=int(number)) for number in numbers.split(",") if number]


def run_reloading(options: "ServerSettings") -> int:
    """Run this very command again as a child that serves, and anew whenever a watched file changes.

    Return 0 after a stop signal, which the child gets too. A child that ends by itself is not started again before a
    file changes. Raises `PortInUse`, and `MissingExtra` without watchfiles.
    """
    with extra("dev"):
        import watchfiles

    sockets = bind(options)

    for sock in sockets:
        sock.set_inheritable(True)

    folders = source_folders()
    logger.info("reloading when files change below %s", ", ".join(map(str, folders)))

    # What editors, version control and package managers write is left out by it.
    is_source = watchfiles.DefaultFilter()

    def watch(stop: Any) -> Iterator[set[Any]]:
        return watchfiles.watch(
            *folders,
            watch_filter=lambda change, path: path.endswith(WATCHED) and is_source(change, path),
            stop_event=stop,
            rust_timeout=TICK,
            yield_on_timeout=True,
            raise_interrupt=False,
        )

    try:
        return Reloader(sockets, watch).run()
    finally:
        remove_files(sockets)
        close_all(sockets)


def source_folders() -> list[Path]:
    """Return the working folder and what else code is imported from, except what is installed."""
    installed = [Path(prefix).resolve() for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix}]
    folders: list[Path] = []

    for folder in dict.fromkeys(Path(name).resolve() for name in ("", *sys.path)):
        inside = any(folder.is_relative_to(other) for other in (*installed, *folders))

        if folder.is_dir() and (folder == Path.cwd() or not inside):
            folders.append(folder)

    return folders


class Reloader:
    """The parent: one child at a time, and the sockets that outlive it."""

    def __init__(self, sockets: Sequence[socket.socket], watch: Callable[[Any], Iterator[set[Any]]]) -> None:
        self.sockets = sockets
        self.watch = watch
        self.stopping = False
        self.child: subprocess.Popen[bytes] | None = None

    def is_set(self) -> bool:
        """Whether to stop; watchfiles asks, as it would ask an event."""
        return self.stopping

    def run(self) -> int:
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
        previous = {number: signal.signal(number, self.pass_on) for number in numbers}

        try:
            self.spawn()

            for changes in self.watch(self):
                if changes and not self.stopping:
                    names = sorted({os.path.relpath(path) for _, path in changes})
                    logger.info("%s changed, restarting", ", ".join(names[:3]) + ("…" if len(names) > 3 else ""))
                    self.end()
                    self.spawn()
                elif self.child is not None and (code := self.child.poll()) is not None:
                    self.child = None

                    if not self.stopping:
                        logger.error("the service ended with exit code %d; waiting for a file to change", code)
        finally:
            self.end()

            for number, handler in previous.items():
                signal.signal(number, handler)

        return 0

    def pass_on(self, number: int, frame: FrameType | None) -> None:
        """Tell the child as well; what a terminal sends, it gets twice then, and takes for once."""
        self.stopping = True
        self.tell(signal.SIGTERM if number == signal.SIGTERM else signal.SIGQUIT)

    def tell(self, number: int) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(number)

    def spawn(self) -> None:
        numbers = [sock.fileno() for sock in self.sockets]
        self.child = subprocess.Popen(
            [sys.executable, *sys.orig_argv[1:]],
            env={**os.environ, INHERITED: ",".join(map(str, numbers))},
            pass_fds=numbers,
        )

    def end(self) -> None:
        """End the child: answer, then drop, then die; whoever connects meanwhile waits in the socket's queue."""
        if self.child is None:
            return

        if not self.stopping:
            self.tell(signal.SIGQUIT)

        for number in (signal.SIGQUIT, signal.SIGKILL):
            try:
                self.child.wait(PATIENCE)
                break
            except subprocess.TimeoutExpired:
                self.tell(number)

        self.child.wait()
        self.child = None
