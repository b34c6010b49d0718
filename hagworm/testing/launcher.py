"""Real servers in processes of their own: every engine on every server that can carry it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

__all__ = ("SERVERS", "LaunchFailed", "Launched", "ServerKind", "free_port", "installed_servers")

HOST = "127.0.0.1"
Command = Callable[[str, int], Sequence[str]]
"""The arguments behind the interpreter, for a target `module:attribute` and a port."""


class LaunchFailed(RuntimeError):
    """The server ended (with `code`), or did not listen in time (None); the text holds what it wrote."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


def hagworm_run(target: str, port: int) -> list[str]:
    return ["-m", "hagworm", "run", target, "--host", HOST, "--port", str(port)]


def gunicorn(target: str, port: int) -> list[str]:
    bind = f"{HOST}:{port}"
    return ["-m", "gunicorn", "-k", "hagworm.frame.gunicorn.Worker", "-w", "1", "-b", bind, target]


def uvicorn(target: str, port: int) -> list[str]:
    # Forwarded headers are the facade's to believe; uvicorn would take them from anybody on this machine.
    return ["-m", "uvicorn", "--host", HOST, "--port", str(port), "--no-proxy-headers", "--no-server-header", target]


def granian(target: str, port: int) -> list[str]:
    return ["-m", "granian", "--interface", "asgi", "--host", HOST, "--port", str(port), "--workers", "1", target]


def hypercorn(target: str, port: int) -> list[str]:
    return ["-m", "hypercorn", "--bind", f"{HOST}:{port}", "--workers", "1", "--keep-alive", "75", target]


@dataclass(frozen=True, slots=True)
class ServerKind:
    """An engine on a server, and how it is started."""

    name: str
    engine: str
    parser: str
    """Whose parser reads the bytes: the name under which the engine declares outcomes, empty where it has but one."""
    command: Command
    needs: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the section `server`."""

    def environment(self) -> dict[str, str]:
        """The settings as environment variables."""
        chosen = {"engine": self.engine, **self.settings}
        return {f"HAGWORM_SERVER__{name.upper()}": value for name, value in chosen.items()}


SERVERS = {
    kind.name: kind
    for kind in (
        ServerKind("fastapi-httptools", "fastapi", "uvicorn-httptools", hagworm_run, settings={"http": "httptools"}),
        ServerKind("fastapi-h11", "fastapi", "uvicorn-h11", hagworm_run, ("h11",), {"http": "h11"}),
        ServerKind("fastapi-gunicorn", "fastapi", "uvicorn-httptools", gunicorn, ("gunicorn",)),
        ServerKind("asgi-uvicorn", "asgi", "uvicorn", uvicorn),
        ServerKind("asgi-granian", "asgi", "granian", granian, ("granian",)),
        ServerKind("asgi-hypercorn", "asgi", "hypercorn", hypercorn, ("hypercorn",)),
        ServerKind("tornado-asyncio", "tornado", "", hagworm_run, settings={"loop": "asyncio"}),
        ServerKind("tornado-uvloop", "tornado", "", hagworm_run, ("uvloop",), {"loop": "uvloop"}),
        ServerKind("tornado-gunicorn", "tornado", "", gunicorn, ("gunicorn",)),
    )
}


def installed_servers() -> list[ServerKind]:
    """Those whose libraries are installed."""
    return [kind for kind in SERVERS.values() if all(find_spec(name) is not None for name in kind.needs)]


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


class Launched:
    """A server that runs while the block does; leaving it stops the server with SIGTERM.

    `target` is looked up in `folder`. `settings` are further ones of any section, as environment variables. The output
    is in `log()`. Entering raises `LaunchFailed`.
    """

    def __init__(
        self,
        kind: ServerKind,
        target: str,
        folder: str | os.PathLike[str],
        *,
        settings: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        self.kind = kind
        self.target = target
        self.folder = Path(folder)
        self.settings = dict(settings or {})
        self.arguments = tuple(arguments)
        self.timeout = timeout
        self.port = 0
        self.process: subprocess.Popen[bytes]

    def __repr__(self) -> str:
        return f"<Launched {self.kind.name} on port {self.port}>"

    def __enter__(self) -> "Launched":
        self.port = free_port()
        self.file = tempfile.TemporaryFile()
        path = os.pathsep.join(filter(None, (str(self.folder), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
        environment |= self.kind.environment() | self.settings
        command = [sys.executable, *self.kind.command(self.target, self.port), *self.arguments]
        self.process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

        try:
            self.wait_until_listening()
        except BaseException:
            self.kill()
            raise

        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_until_listening(self) -> None:
        """Return when a connection is accepted. Raises `LaunchFailed`."""
        deadline = time.monotonic() + self.timeout

        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError as exc:
                code = self.process.poll()

                if code is not None:
                    raise LaunchFailed(f"{self.kind.name} ended with {code}:\n{self.log()}", code) from exc

                if time.monotonic() > deadline:
                    raise LaunchFailed(f"{self.kind.name} does not listen:\n{self.log()}") from exc

                time.sleep(0.02)
            else:
                return

    def log(self) -> str:
        """What the server has written so far."""
        # Not read(): the position of the file is shared with the server, which writes there.
        size = os.fstat(self.file.fileno()).st_size
        return os.pread(self.file.fileno(), size, 0).decode(errors="replace")

    def send_signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the server's first process."""
        self.process.send_signal(number)

    def wait(self, timeout: float = 20.0) -> int:
        """Return the exit code. Raises `subprocess.TimeoutExpired`."""
        return self.process.wait(timeout)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 20.0) -> int:
        """Stop the server, by force if it does not end in time; return its exit code."""
        if self.process.poll() is None:
            self.send_signal(number)

        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
        finally:
            self.kill()

    def kill(self) -> None:
        """End whatever is left of it, at once."""
        try:
            # The session is ours alone: it began with the server, and holds its workers.
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            self.process.wait()
            self.file.close()
