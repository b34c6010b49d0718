"""The ports of listening sockets."""

import socket
from collections.abc import Iterable

__all__ = ("ports_of",)


def ports_of(sockets: Iterable[socket.socket]) -> tuple[int, ...]:
    """Return the port of each socket of the internet; one on a path has none."""
    return tuple(sock.getsockname()[1] for sock in sockets if sock.family != getattr(socket, "AF_UNIX", None))
