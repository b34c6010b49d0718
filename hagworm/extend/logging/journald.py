"""Records for journald, in its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

import errno
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from hagworm.extend.logging.fields import known
from hagworm.extend.logging.syslog import connected, severity
from hagworm.extend.logging.text import LIMIT, extras, shorten, show

__all__ = ("SOCKET", "JournaldFormatter", "JournaldSink")

SOCKET = "/run/systemd/journal/socket"

OWN = frozenset({"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "LOGGER", "CODE_FILE", "CODE_LINE", "CODE_FUNC"})


class JournaldFormatter(logging.Formatter):
    """One datagram's worth of fields: MESSAGE (with the traceback, on lines of its own), PRIORITY, LOGGER, CODE_FILE,
    CODE_LINE, CODE_FUNC, and the fields of the record and its context in capitals."""

    deferred = False
    redacts = True

    def __init__(self, limit: int = LIMIT, *, app: str = "hagworm") -> None:
        super().__init__()
        self.limit = limit
        self.app = app
        self.redactor: Callable[[str], str] | None = None

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()

        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)

        for block in (record.exc_text, record.stack_info):
            if block:
                message += f"\n{block}"

        fields = {
            "MESSAGE": shorten(message, self.limit),
            "PRIORITY": str(severity(record.levelno)),
            "SYSLOG_IDENTIFIER": self.app,
            "LOGGER": record.name,
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName or "",
        }

        for name, value in (known() | extras(record)).items():
            fields.setdefault(field_name(name), shorten(str(show(name, value)), self.limit // 4))

        redactor = self.redactor or str
        encoded = b"".join(field(name, redactor(value)) for name, value in fields.items())
        # Lengths are bytes that are no text; they travel through the queue as what they are decoded to.
        return encoded.decode("utf-8", "surrogateescape")


def field_name(name: str) -> str:
    text = "".join(char if char.isascii() and char.isalnum() else "_" for char in name).upper().lstrip("_")[:64]
    return f"F_{text}" if not text or text[0].isdecimal() or text in OWN else text


def field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")

    if b"\n" in data:
        return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"

    return name.encode() + b"=" + data + b"\n"


class JournaldSink:
    """Sends each record as one datagram; one that is too large for that goes by a sealed file in memory."""

    def __init__(self, path: str = SOCKET) -> None:
        self.path = path
        self.socket: socket.socket | None = None

    def __repr__(self) -> str:
        return f"<JournaldSink {self.path}>"

    def write(self, lines: Sequence[str]) -> int:
        """Take records; raise OSError where nobody listens, or where the socket takes no more for now."""
        if self.socket is None:
            self.socket = connected(socket.AF_UNIX, socket.SOCK_DGRAM, 0, self.path)

        for number, line in enumerate(lines):
            data = line.encode("utf-8", "surrogateescape")

            try:
                try:
                    self.socket.send(data)
                except OSError as exc:
                    if exc.errno != errno.EMSGSIZE:
                        raise

                    send_file(self.socket, data)
            except OSError as exc:
                if exc.errno not in (errno.EAGAIN, errno.ENOBUFS):
                    self.close()

                if not number:
                    raise

                return number

        return len(lines)

    def reopen(self) -> None:
        """Use a socket of this process's own."""
        self.close()

    def close(self) -> None:
        """Close the socket."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def send_file(sock: socket.socket, data: bytes) -> None:
    """Send a datagram's content as a descriptor of a memfd."""
    descriptor = os.memfd_create("log-writer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)

    try:
        os.write(descriptor, data)

        with suppress(ImportError):
            import fcntl

            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)

        socket.send_fds(sock, [b""], [descriptor])
    finally:
        os.close(descriptor)
