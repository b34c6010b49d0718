"""An NTP server of our own, for as long as the tests run: chrony, which never touches the clock of the machine."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from hagworm.extend.ntp.packet import Packet, build_request

__all__ = ("CHRONYD", "run_chrony")

CHRONYD = shutil.which("chronyd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""The server's program, None where it is not installed."""

PATIENCE = 30.0


@contextmanager
def run_chrony(folder: Path, *, stratum: int = 8) -> Iterator[int]:
    """Run a server on a free port of the loopback, which tells the system's time, and yield the port."""
    assert CHRONYD is not None

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]

    settings = folder / "chrony.conf"
    settings.write_text(
        f"port {port}\nbindaddress 127.0.0.1\nlocal stratum {stratum}\nallow 127.0.0.0/8\ncmdport 0\n"
        f"bindcmdaddress /\npidfile {folder}/pid\ndriftfile {folder}/drift\n"
    )
    log = folder / "log"

    with log.open("wb") as output:
        server = subprocess.Popen(
            [CHRONYD, "-x", "-d", "-u", "root", "-f", str(settings)], stdout=output, stderr=output
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
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
            question.settimeout(0.05)

            try:
                question.connect(("127.0.0.1", port))
                question.send(build_request(1))

                if Packet.parse(question.recv(1024)).origin == 1:
                    return
            except OSError:
                question.close()

    raise RuntimeError(f"chronyd does not answer: {log.read_text()}")
