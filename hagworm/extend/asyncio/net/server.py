"""A server whose connections carry messages, over TCP, TLS or a Unix socket."""

import asyncio
import errno
import logging
import os
import socket
import ssl
import stat
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.net.connection import CHUNK, Codec, CodecName, FramedConnection, find_codec
from hagworm.extend.error import NetworkError, PortInUse
from hagworm.extend.net.framing import Framing, LengthPrefixed

__all__ = ("FramedServer", "ServerStatistics", "private_folder")

logger = logging.getLogger("hagworm")

TURNS = 4

Handler = Callable[[FramedConnection], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ServerStatistics:
    """What a server is doing, and has done."""

    open: int
    accepted: int
    refused: int
    """Connections that were closed at once: too many are open, or they are from a user who may not."""
    lost: int
    """Connections that ended in the middle, or with what is no message."""
    failed: int
    """Connections whose handler has raised something else."""


class FramedServer:
    """Calls `handler(connection)` for each connection: `async with FramedServer(handler, port=0) as server: …`.

    It listens at `host` and `port` (0: a free one, `server.port`), or at the Unix socket at `path`, whose folder must
    be private (see `private_folder`) and to which only processes of `users` (user ids; default: ours and root) may
    connect, as the kernel says who they are. At most `limit` connections are open, others are closed at once. When
    the handler returns or raises its connection is closed; what is no network error is logged. `aclose` ends all.
    """

    def __init__(
        self,
        handler: Handler,
        host: str = "127.0.0.1",
        port: int | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        framing: Framing | None = None,
        codec: Codec | CodecName = "bytes",
        tls: ssl.SSLContext | None = None,
        limit: int = 1000,
        users: Collection[int] | None = None,
    ) -> None:
        if (path is None) == (port is None):
            raise ValueError("a server listens at a port or at a path")

        if limit < 1:
            raise ValueError(f"limit: {limit!r} is not a number of at least 1")

        self.handler = handler
        self.host = host
        self.port = port or 0
        self.path = None if path is None else Path(path)
        self.framing = framing or LengthPrefixed()
        self.codec = find_codec(codec)
        self.tls = tls
        self.limit = limit
        self.users = {os.getuid(), 0} if users is None else set(users)
        self.server: asyncio.Server | None = None
        self.inode = 0
        self.is_closing = False
        self.tasks: set[asyncio.Task[None]] = set()
        self.accepted = self.refused = self.lost = self.failed = 0

    def __repr__(self) -> str:
        where = self.path or f"{self.host}:{self.port}"
        return f"<FramedServer {where}, {len(self.tasks)} open, limit {self.limit}>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def statistics(self) -> ServerStatistics:
        """Return what the server is doing, and has done."""
        return ServerStatistics(len(self.tasks), self.accepted, self.refused, self.lost, self.failed)

    async def start(self) -> None:
        """Begin to listen. Raises `PortInUse`, and OSError for a folder that is not private."""
        self.is_closing = False

        try:
            if self.path is None:
                self.server = await asyncio.start_server(
                    self.accept, self.host, self.port, ssl=self.tls, limit=CHUNK, reuse_address=True
                )
                self.port = self.server.sockets[0].getsockname()[1]
            else:
                check_private(self.path.parent)
                remove_stale(self.path)
                self.server = await asyncio.start_unix_server(self.accept, str(self.path), limit=CHUNK)
                self.inode = os.stat(self.path).st_ino
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"{self.path or f'{self.host}:{self.port}'} is in use") from error

            raise

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain function: the streams would keep the task of a coroutine function to themselves.
        connection = FramedConnection(reader, writer, framing=self.framing, codec=self.codec)

        if self.is_closing or len(self.tasks) >= self.limit or not self.may_enter(connection):
            self.refused += 1
            connection.abort()
            return

        self.accepted += 1
        task = asyncio.get_running_loop().create_task(self.serve(connection), name=repr(connection), context=Context())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def may_enter(self, connection: FramedConnection) -> bool:
        try:
            return self.path is None or connection.credentials.uid in self.users
        except OSError:
            return False

    async def serve(self, connection: FramedConnection) -> None:
        try:
            await self.handler(connection)
            await connection.aclose()
        except NetworkError:
            self.lost += 1
        except Exception:
            self.failed += 1
            logger.exception("%r failed", connection)
        finally:
            connection.abort()

    async def aclose(self, grace: float = 0.0) -> None:
        """Take no more connections, wait up to `grace` seconds for those that are open, and end the others."""
        self.is_closing = True

        if (server := self.server) is not None:
            self.server = None

            # Connections that the loop has accepted and not shown us yet: closing the server now would make it lose
            # them, with their sockets open (asyncio, 3.11). No new ones, a few turns, and they have been turned away.
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener.fileno())

            try:
                await take_turns()
            finally:
                server.close()

        if self.path is not None:
            # Only what is ours: another server may listen there by now.
            with suppress(FileNotFoundError):
                if os.stat(self.path).st_ino == self.inode:
                    self.path.unlink()

        try:
            if grace > 0 and self.tasks:
                await asyncio.wait(self.tasks, timeout=grace)
        finally:
            await cancel_tasks(self.tasks)

        # A transport that has been aborted closes its socket at the next turn.
        await take_turns()


async def take_turns() -> None:
    """Let the loop do what it has begun."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def private_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder that only this user can enter (0700), or check that it is one; return it.

    Raises PermissionError for one that others can enter, or that belongs to somebody else.
    """
    folder = Path(path)

    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)

    check_private(folder)
    return folder


def check_private(folder: Path) -> None:
    facts = os.lstat(folder)

    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise PermissionError(
            errno.EPERM, "not a folder of this user alone (0700): others could put a socket of theirs here", str(folder)
        )


def remove_stale(path: Path) -> None:
    """Remove a socket to which nobody listens any more. Raises OSError EADDRINUSE for one that is in use."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(errno.EEXIST, "not a socket", str(path))
    except FileNotFoundError:
        return

    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)

        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass

    raise OSError(errno.EADDRINUSE, "in use", str(path))
