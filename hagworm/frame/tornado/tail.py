"""What ends the head of every response: the date, and the name of the server where it has one."""

import time
from email.utils import formatdate

__all__ = ("Tail",)


class Tail:
    """Call it with the head that it is for. The date is formatted once a second."""

    __slots__ = ("_dated", "_second", "_undated")

    def __init__(self, server: str) -> None:
        self._undated = b"\r\nserver: " + server.encode("latin-1") + b"\r\n\r\n" if server else b"\r\n\r\n"
        self._dated = b""
        self._second = 0

    def __call__(self, head: bytes) -> bytes:
        # A head that was made by the business may bring a date; a response has one (RFC 9110, 6.6.1).
        if b"\r\ndate: " in head:
            return self._undated

        now = int(time.time())

        if now != self._second:
            self._second = now
            self._dated = b"\r\ndate: " + formatdate(now, usegmt=True).encode("ascii") + self._undated

        return self._dated
