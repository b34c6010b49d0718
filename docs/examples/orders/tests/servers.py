"""A MariaDB of our own, for as long as the tests run."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pymysql

__all__ = ("MARIADBD", "run_mariadb")

MARIADBD = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""The server's program, None where it is not installed."""


@contextmanager
def run_mariadb(folder: Path) -> Iterator[int]:
    """Run a server on a free port of the loopback, its files in `folder`, and yield the port.

    The user is root, without password.
    """
    assert MARIADBD is not None
    data, log = folder / "data", folder / "log"
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-log-file-size=8M",
            f"--datadir={data}",
            *as_user(),
        ],
        check=True,
        capture_output=True,
    )

    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]

    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                MARIADBD,
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={folder / 's'}",
                f"--pid-file={folder / 'pid'}",
                f"--port={port}",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-log-file-size=8M",
                *as_user(),
            ],
            stdout=output,
            stderr=output,
        )

    try:
        wait_until_it_answers(server, port, log)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def as_user() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = monotonic() + 30

    while True:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="root").close()
            return
        except pymysql.err.OperationalError:
            if server.poll() is not None or monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None

            sleep(0.05)
