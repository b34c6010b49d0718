"""Records for syslog (RFC 5424), over the local socket or UDP."""

import errno
import logging
import os
import socket
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from hagworm.extend.error import ConfigError
from hagworm.extend.logging.fields import known
from hagworm.extend.logging.text import LIMIT, extras, one_line, shorten, show

__all__ = ("SyslogFormatter", "SyslogSink", "connected", "severity")

USER = 1
"""The facility: a program of a user."""
LOCAL = ("/dev/log", "/var/run/syslog")
ENTERPRISE = 32473
"""The number that RFC 5612 gives for examples, as hagworm has none of its own."""

SEVERITIES = ((50, 2), (40, 3), (30, 4), (21, 5), (20, 6))


def severity(level: int) -> int:
    """Return the severity of syslog for a level: 2 critical, 3 error, 4 warning, 5 notice, 6 information, 7 debug."""
    return next((number for least, number in SEVERITIES if level >= least), 7)


class SyslogFormatter(logging.Formatter):
    """`<14>1 2026-11-22T03:37:01.123Z host orders 4711 orders.stock [fields@32473 order="7"] message`."""

    deferred = False
    redacts = False

    def __init__(self, limit: int = LIMIT, *, app: str = "hagworm") -> None:
        super().__init__()
        self.limit = limit
        self.app = printable(app, 48)
        self.host = printable(socket.gethostname(), 255)

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()

        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)

        for block in (record.exc_text, record.stack_info):
            if block:
                message += f"\n{block}"

        second = int(record.created)
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        fields = "".join(
            f' {parameter_name(name)}="{parameter_value(show(name, value))}"'
            for name, value in (known() | extras(record)).items()
        )
        data = f"[fields@{ENTERPRISE}{shorten(fields, self.limit // 2)}]" if fields else "-"

        if len(fields) * 4 > self.limit and len(fields.encode()) > self.limit // 2:
            data = f'[fields@{ENTERPRISE} left_out="{len(fields)}"]'

        head = (
            f"<{USER * 8 + severity(record.levelno)}>1 {when}.{int((record.created - second) * 1000):03}Z {self.host} "
            f"{self.app} {os.getpid()} {printable(record.name, 32)} {data} "
        )
        return head + shorten(one_line(message), self.limit - len(head.encode()))


def printable(text: str, most: int) -> str:
    """Return a header field of syslog: printable ASCII without spaces."""
    return "".join(char if "!" <= char <= "~" else "_" for char in text)[:most] or "-"


def parameter_name(name: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "_" for char in name)[:32]


def parameter_value(value: object) -> str:
    text = one_line(str(value))

    for mark in ("\\", '"', "]"):
        text = text.replace(mark, f"\\{mark}")

    return text


class SyslogSink:
    """Sends each line as one datagram, to `syslog` on this machine or to `syslog://host:514`; never waits."""

    def __init__(self, address: str = "syslog") -> None:
        self.address = address
        self.host, self.port = "", 514
        self.socket: socket.socket | None = None

        if address.startswith("syslog://"):
            try:
                parts = urlsplit(address)
                self.host, self.port = parts.hostname or "", parts.port or 514
            except ValueError as exc:
                raise ConfigError(f"expected syslog://host:port, got {address!r}: {exc}") from exc

            # A path is that of another local socket.
            self.local: tuple[str, ...] = (parts.path,) if parts.path and not self.host else ()
        else:
            self.local = LOCAL

        if not self.host and not self.local:
            raise ConfigError(f"expected syslog://host:port, got {address!r}")

    def __repr__(self) -> str:
        return f"<SyslogSink {self.address}>"

    def write(self, lines: Sequence[str]) -> int:
        """Take lines; raise OSError where nobody listens, or where the socket takes no more for now."""
        sock = self.opened()

        for number, line in enumerate(lines):
            try:
                send_line(sock, line)
            except OSError as exc:
                if exc.errno not in (errno.EAGAIN, errno.ENOBUFS):
                    self.close()

                if not number:
                    raise

                return number

        return len(lines)

    def opened(self) -> socket.socket:
        if self.socket is None:
            if self.host:
                found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
                family, kind, protocol, _, target = found[0]
                self.socket = connected(family, kind, protocol, target)
            else:
                path = next((path for path in self.local if os.path.exists(path)), self.local[0])
                self.socket = connected(socket.AF_UNIX, socket.SOCK_DGRAM, 0, path)

        return self.socket

    def reopen(self) -> None:
        """Use a socket of this process's own."""
        self.close()

    def close(self) -> None:
        """Close the socket."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def send_line(sock: socket.socket, line: str) -> None:
    """Send a line as one datagram, shortened where the network takes none so long."""
    try:
        sock.send(line.encode("utf-8", "backslashreplace"))
    except OSError as exc:
        if exc.errno != errno.EMSGSIZE:
            raise

        sock.send(shorten(line, 1024).encode("utf-8", "backslashreplace"))


def connected(family: int, kind: int, protocol: int, target: Any) -> socket.socket:
    """Return a socket that does not wait, connected."""
    sock = socket.socket(family, kind, protocol)

    try:
        sock.setblocking(False)
        sock.connect(target)
    except BaseException:
        sock.close()
        raise

    return sock
