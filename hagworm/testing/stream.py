"""Both directions of one socket, with everything that happened on it kept visible."""

import asyncio
import socket
import struct

__all__ = ("Stream", "StreamEnded")

PIECE = 64 * 1024


class StreamEnded(ConnectionError):
    """The peer sent no more before what was asked for was complete; `reset` says that it was not a clean end."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("the connection was reset" if reset else "the connection was closed")
        self.reset = reset


def ring(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


class Stream:
    """A connected socket, read by pulling: what is not asked for stays in the kernel, and stalls the peer.

    A failure to send leaves what the peer had sent before readable, which asyncio's own streams do not.
    One task may read while another sends; two may not read at once.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)

        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        self.sock = sock
        self.buffer = bytearray()
        self.received = bytearray()
        """Every byte that has arrived, where `record` is set."""
        self.record = False
        self.ended = False
        self.reset_by_peer = False
        self.ready: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        state = (
            "closed" if self.sock.fileno() < 0 else "reset" if self.reset_by_peer else "ended" if self.ended else "open"
        )
        return f"<Stream {state}, {len(self.buffer)} bytes waiting>"

    @classmethod
    async def connect(cls, host: str, port: int) -> "Stream":
        """Open a TCP connection. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)

        try:
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
        except BaseException:
            sock.close()
            raise

        return cls(sock)

    async def fill(self) -> bool:
        """Wait for more bytes; False once the peer sends no more."""
        if self.ended:
            return False

        try:
            while (data := self.receive_nowait()) is None:
                await self.readable()

                if self.ended:  # by another task, meanwhile
                    return False  # type: ignore[unreachable]  # mypy does not know of other tasks
        except ConnectionError:
            self.ended = self.reset_by_peer = True
            return False

        if not data:
            self.ended = True
            return False

        self.buffer += data

        if self.record:
            self.received += data

        return True

    def receive_nowait(self) -> bytes | None:
        try:
            return self.sock.recv(PIECE)
        except BlockingIOError:
            return None

    async def readable(self) -> None:
        # Not loop.sock_recv: a cancellation that meets it halfway loses the bytes it had already taken.
        loop = asyncio.get_running_loop()
        self.ready = loop.create_future()
        loop.add_reader(self.sock, ring, self.ready)

        try:
            await self.ready
        finally:
            self.forget_reader()

    def forget_reader(self) -> None:
        # Before the socket is closed: a loop that still watches its number would never watch the next one to have it.
        if self.ready is not None:
            self.ready.get_loop().remove_reader(self.sock)
            ring(self.ready)
            self.ready = None

    def is_stale(self) -> bool:
        """Whether the peer has ended the connection, or sent something unasked, while nobody was reading."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return self.ended
        except OSError:
            return True

        return True

    async def need(self) -> None:
        if not await self.fill():
            raise StreamEnded(reset=self.reset_by_peer)

    def consume(self, size: int) -> bytes:
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    async def read_until(self, mark: bytes) -> bytes:
        """Return everything up to `mark`, included. Raises `StreamEnded`."""
        start = 0

        while (found := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            await self.need()

        return self.consume(found + len(mark))

    async def read_exactly(self, size: int) -> bytes:
        """Return `size` bytes. Raises `StreamEnded`."""
        while len(self.buffer) < size:
            await self.need()

        return self.consume(size)

    async def read_some(self, limit: int = PIECE) -> bytes:
        """Return what there is, at least one byte and at most `limit`; `b""` once the peer sends no more."""
        if not self.buffer:
            await self.fill()

        return self.consume(limit)

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises ConnectionError where the peer takes no more."""
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    def half_close(self) -> None:
        """Send no more; reading goes on."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.ended = self.ended or self.sock.fileno() < 0

    def close(self) -> None:
        """Close both directions; a task that reads is told that this was the end."""
        self.ended = True
        self.forget_reader()
        self.sock.close()

    def reset(self) -> None:
        """Close both directions so that a TCP peer sees a reset instead of an end."""
        if self.sock.fileno() >= 0 and self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        self.close()
