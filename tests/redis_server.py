"""A Redis of our own, for as long as the tests run."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

__all__ = ("REDIS_SERVER", "run_redis")

REDIS_SERVER = shutil.which("redis-server")
"""The server's program, None where it is not installed."""

PATIENCE = 30.0


@contextmanager
def run_redis(folder: Path) -> Iterator[int]:
    """Run a server that keeps nothing on a free port of the loopback, its files in `folder`, and yield the port."""
    assert REDIS_SERVER is not None

    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]

    log = folder / "log"

    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                REDIS_SERVER,
                *("--port", str(port)),
                *("--bind", "127.0.0.1"),
                *("--dir", str(folder)),
                *("--save", ""),
                *("--appendonly", "no"),
            ],
            stdout=output,
            stderr=output,
        )

    try:
        wait_until_it_answers(server, port, log)
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE)


def wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = monotonic() + PATIENCE

    while monotonic() < end and server.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"PING\r\n")

                if connection.recv(64).startswith(b"+PONG"):
                    return
        except OSError:
            sleep(0.02)

    raise RuntimeError(f"redis-server does not answer: {log.read_text()}")
