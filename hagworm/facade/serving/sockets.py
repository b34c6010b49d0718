"""Listening sockets: bound with errors that name the remedy, told as URLs, closed without losing who waits in them."""

import asyncio
import ctypes
import errno
import os
import select
import socket
import stat
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress

from hagworm.extend.error import PortInUse

__all__ = (
    "accept_waiting",
    "bind_tcp",
    "bind_unix",
    "close_all",
    "pause",
    "refuse_newcomers",
    "remove_files",
    "url_of",
)

UNIX = getattr(socket, "AF_UNIX", None)
SETTLING = 5
"""Turns of the loop between an accept and the first read on that connection, at most."""

# linux/filter.h: a classic BPF program over the TCP header. Load byte 13, the flags; a segment that has SYN and not
# ACK asks for a new connection and is dropped; everything else passes.
SO_ATTACH_FILTER = 26
DROP_SYN = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def bind_tcp(host: str, port: int, *, backlog: int = 2048) -> list[socket.socket]:
    """Return listening, non-blocking sockets for every address that `host` means (empty: all of the machine).

    Port 0 lets the system choose; every address gets the same one. Raises `PortInUse`, whose text says what to do.
    """
    where = f"{f'[{host}]' if ':' in host else host or '*'}:{port}"

    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as exc:
        raise PortInUse(f"cannot listen on {where}: the host is not known ({exc})") from exc

    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    sockets: list[socket.socket] = []
    missing: OSError | None = None

    try:
        for family, address in addresses:
            chosen = sockets[0].getsockname()[1] if sockets and not port else port

            try:
                sockets.append(listen(family, (address[0], chosen, *address[2:]), backlog, alone=len(addresses) == 1))
            except OSError as exc:
                # A name may stand for an address of a kind that this machine has switched off; one is enough.
                if exc.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise

                missing = exc

        if missing and not sockets:
            raise missing
    except OSError as exc:
        close_all(sockets)
        raise PortInUse(f"cannot listen on {where}: {remedy(exc)}") from exc

    return sockets


def listen(family: int, address: tuple[object, ...], backlog: int, *, alone: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)

    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        # Beside a socket of its own for IPv4, the one for IPv6 must not take that port as well.
        if family == socket.AF_INET6 and not alone:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)

        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise

    return sock


def remedy(exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return (
            "another process listens there already; stop it, or choose another port "
            "(--port, HAGWORM_SERVER__PORT; port 0 takes a free one)"
        )

    if exc.errno == errno.EACCES:
        return "not permitted; ports below 1024 need privileges, choose a higher one (--port, HAGWORM_SERVER__PORT)"

    if exc.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address (--host, HAGWORM_SERVER__HOST; 0.0.0.0 means all of them)"

    return str(exc)


def bind_unix(path: str, *, backlog: int = 2048) -> list[socket.socket]:
    """Return one listening, non-blocking socket at `path`; a socket file that nobody listens on any more is replaced.

    Everybody who may enter the folder may connect. Raises `PortInUse`, whose text says what to do.
    """
    if UNIX is None:
        raise PortInUse("this system has no Unix sockets; listen on a host and port instead")

    sock = socket.socket(UNIX, socket.SOCK_STREAM)

    try:
        remove_stale(path)
        sock.bind(path)
        os.chmod(path, 0o666)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as exc:
        sock.close()
        raise PortInUse(f"cannot listen on unix:{path}: {exc.strerror or exc}") from exc
    except PortInUse:
        sock.close()
        raise

    return [sock]


def remove_stale(path: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return

    if not stat.S_ISSOCK(mode):
        raise PortInUse(f"cannot listen on unix:{path}: a file of that name exists and is not a socket; remove it")

    assert UNIX is not None

    with socket.socket(UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        else:
            raise PortInUse(
                f"cannot listen on unix:{path}: another process listens there already; "
                "stop it, or choose another path (HAGWORM_SERVER__UDS)"
            )


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close sockets; what is closed already is skipped."""
    for sock in sockets:
        sock.close()


def remove_files(sockets: Iterable[socket.socket]) -> None:
    """Remove the files of Unix sockets that are open: nobody can connect to them any more."""
    for sock in sockets:
        if sock.family == UNIX and sock.fileno() >= 0 and (path := sock.getsockname()):
            with suppress(FileNotFoundError):
                os.unlink(path)


def url_of(sock: socket.socket) -> str:
    """Return where clients reach a listening socket: `http://127.0.0.1:8000`, `unix:/run/orders.sock`."""
    if sock.family == UNIX:
        return f"unix:{sock.getsockname()}"

    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def refuse_newcomers(sockets: Iterable[socket.socket]) -> None:
    """Let the system take no new connection into the queues of sockets that are about to be closed.

    Without it, who connects between the last accept and the close is reset after a successful connect. The sockets are
    of no use afterwards, in other processes neither. Does what the system allows: nothing, elsewhere than on Linux.
    """
    for sock in sockets:
        if sys.platform == "linux" and sock.family != UNIX:
            program = b"".join(struct.pack("HBBI", *step) for step in DROP_SYN)
            buffer = ctypes.create_string_buffer(program)
            filtered = struct.pack("@HP", len(DROP_SYN), ctypes.addressof(buffer))

            with suppress(OSError):  # a sandbox may forbid filters; the window stays open then, a few microseconds wide
                sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filtered)


async def accept_waiting(sockets: Iterable[socket.socket], seconds: float) -> None:
    """Return in the very moment when the server on this loop has accepted every connection that waited for it.

    Gives up after `seconds`: other processes may have to serve a queue that never runs dry.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    waiting = select.poll()

    for sock in sockets:
        if sock.fileno() >= 0:
            waiting.register(sock, select.POLLIN)

    while True:
        if not waiting.poll(0) or clock() >= deadline:
            return

        await asyncio.sleep(0)


async def pause(sockets: Iterable[socket.socket]) -> None:
    """Let the server on this loop accept no more, and finish what it has begun; its sockets stay open.

    An asyncio server that is closed in the turn in which it has accepted a connection loses that connection: its
    transport cannot be attached any more (cpython `Server._attach`). So it is kept from accepting before it is closed.
    """
    loop = asyncio.get_running_loop()

    for sock in sockets:
        if sock.fileno() >= 0:
            loop.remove_reader(sock)

    for _ in range(SETTLING):
        await asyncio.sleep(0)
