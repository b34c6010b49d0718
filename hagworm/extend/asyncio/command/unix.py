"""Links over Unix sockets in a folder that only their user can enter."""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from typing import Any, cast
from weakref import WeakSet

from hagworm.extend.asyncio.command.meeting import make_folder, remove_folder
from hagworm.extend.error import ProcessError

__all__ = ("LONGEST", "UnixHost", "UnixLink", "connect_unix")

LONGEST = 64 * 1024 * 1024
"""Bytes of a message; whoever says that there are more is cut off."""
SIZE = struct.Struct("!I")
CREDENTIALS = struct.Struct("3i")

Take = Callable[["UnixLink", bytes], None]
Lose = Callable[["UnixLink"], None]


class UnixLink(asyncio.Protocol):
    """One connection: messages with their length before them."""

    def __init__(self, take: Take, lose: Lose, accept: "Callable[[UnixLink], bool] | None" = None) -> None:
        self.take = take
        self.lose = lose
        self.accept = accept
        self.buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.resumed = asyncio.Event()
        self.is_full = False
        self.is_open = False
        self.pid: int | None = None
        """Of the process at the other end, as the kernel says; None where it does not."""
        self.uid: int | None = None

    def __repr__(self) -> str:
        return f"<UnixLink to process {self.pid}, {'open' if self.is_open else 'closed'}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, if its other end may have one."""
        self.transport = cast(asyncio.Transport, transport)
        self.pid, self.uid = credentials(transport.get_extra_info("socket"))

        if self.accept is not None and not self.accept(self):
            self.transport.abort()
            return

        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Take what has come, and hand over what is whole."""
        buffer = self.buffer
        buffer += data
        start = 0

        while self.is_open and len(buffer) - start >= SIZE.size:
            (length,) = SIZE.unpack_from(buffer, start)

            if length > LONGEST:
                self.close()
                return

            stop = start + SIZE.size + length

            if len(buffer) < stop:
                break

            message = bytes(memoryview(buffer)[start + SIZE.size : stop])
            start = stop
            self.take(self, message)

        del buffer[:start]

    def pause_writing(self) -> None:
        """Keep writers waiting."""
        self.is_full = True
        self.resumed.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self.is_full = False
        self.resumed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that nothing comes any more."""
        was_open, self.is_open = self.is_open, False
        self.resume_writing()

        if was_open:
            self.lose(self)

    def write(self, message: bytes) -> None:
        """Send a message. Raises ConnectionError where the other side is gone, `ProcessError` for one too long."""
        if len(message) > LONGEST:
            raise ProcessError(f"a message has at most {LONGEST} bytes, not {len(message)}")

        if not self.is_open or self.transport is None:
            raise ConnectionResetError("the other process is gone")

        self.transport.write(SIZE.pack(len(message)) + message)

    async def drain(self) -> None:
        """Wait while the other side is slow."""
        while self.is_full:
            await self.resumed.wait()

    def close(self) -> None:
        """Carry nothing any more; what has been sent still goes out."""
        if self.is_open and self.transport is not None:
            self.is_open = False
            self.transport.close()


class UnixHost:
    """Where children connect: a socket with a random name in a folder of its own (mode 0700).

    Only processes of this user are let in, and only those that `knows` answers for, by the kernel's word.
    """

    tells_loss = True

    def __init__(self, knows: Callable[[int], bool], take: Take, lose: Lose) -> None:
        from secrets import token_hex

        self.knows = knows
        self.take = take
        self.lose = lose
        self.folder = make_folder()
        self.path = self.folder / token_hex(8)
        self.server: asyncio.Server | None = None
        self.links: WeakSet[UnixLink] = WeakSet()
        self.is_closed = False
        self.refused = 0

    def __repr__(self) -> str:
        return f"<UnixHost {self.path} with {len(self.links)} links, {self.refused} refused>"

    @property
    def given(self) -> dict[str, Any]:
        """What a child has to know."""
        return {"url": f"unix:{self.path}"}

    async def open(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        # In two steps: cancelled in the first one, which then serves already, it would be lost.
        self.server = await loop.create_unix_server(self.make_link, str(self.path), backlog=1024, start_serving=False)
        self.path.chmod(0o600)
        await self.server.start_serving()

    def make_link(self) -> UnixLink:
        return UnixLink(self.take, self.lose, self.accept)

    def accept(self, link: UnixLink) -> bool:
        known = link.uid in (os.geteuid(), None) and (link.pid is None or self.knows(link.pid))

        # What was accepted at the last moment arrives here after the end.
        if self.is_closed or not known:
            self.refused += 1
            return False

        self.links.add(link)
        return True

    async def aclose(self) -> None:
        """Listen no more, and remove the folder."""
        self.is_closed = True

        if self.server is not None:
            self.server.close()

        for link in [*self.links]:
            link.close()

        remove_folder(self.folder)


async def connect_unix(given: dict[str, Any], take: Take, lose: Lose) -> UnixLink:
    """Connect to a host."""
    path = given["url"].removeprefix("unix:")
    _, link = await asyncio.get_running_loop().create_unix_connection(lambda: UnixLink(take, lose), path)
    return link


def credentials(sock: "socket.socket") -> tuple[int | None, int | None]:
    """Return process id and user id of the other end as the kernel has noted them; None where it does not."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None, None

    pid, uid, _ = CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return pid, uid
