"""Tornado's stream, turned from being asked for bytes to handing them over as they arrive."""

import socket
import struct
from collections.abc import Callable

import tornado
from tornado.concurrent import Future
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError

from hagworm.facade.exchange import ClientDisconnected

__all__ = ("Stream", "flushed", "is_supported")

_PIECE = 128 * 1024
_HELD = 4096
_RESET = struct.pack("ii", 1, 0)


def is_supported() -> bool:
    """Return whether this Tornado is one whose stream the class below has been tried with."""
    return tornado.version_info[:1] == (6,) and all(
        hasattr(IOStream, name) for name in ("_add_io_state", "read_from_fd", "reading", "writing")
    )


class Stream(IOStream):
    """A plain TCP or Unix stream that calls `sink` with every piece it receives, and `lost` once when it ends.

    A read per request (a future, a callback, a system call that finds nothing) is what Tornado's own connection spends
    most of its time on. While paused, no more than one small piece is taken from the socket: that is the back-pressure.
    """

    def __init__(self, sock: socket.socket, sink: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        super().__init__(sock, read_chunk_size=_HELD)
        self._sink: Callable[[bytes], None] | None = sink
        self._lost: Callable[[], None] | None = lost
        self._paused = False
        self._held = False
        self._replay = b""

    def open(self) -> None:
        """Begin to listen."""
        self._add_io_state(IOLoop.READ)

    def turn(self, sink: Callable[[bytes], None]) -> None:
        """Hand every piece to `sink` from now on."""
        self._sink = sink

    def pause(self) -> None:
        """Stop taking bytes from the socket."""
        self._paused = True

    def is_paused(self) -> bool:
        """Return whether bytes are left in the socket."""
        return self._paused

    def resume(self) -> None:
        """Take bytes again; what was held back is handed over before this returns."""
        if not self._paused or self.closed():
            return

        self._paused = False

        if self._held:
            data = self._release()
            self._add_io_state(IOLoop.READ)
            assert self._sink is not None
            self._sink(data)

    def detach(self, ahead: bytes) -> None:
        """Become an ordinary stream again, whose first bytes are `ahead`."""
        self._paused = False
        self._replay = ahead + self._release() if self._held else ahead
        self._sink = None
        self.read_chunk_size = _PIECE

    def send(self, data: bytes) -> Future[None] | None:
        """Hand over `data`: None if the kernel took all of it, else what to wait for.

        Raises `ClientDisconnected`.
        """
        if self.closed():
            raise ClientDisconnected("the connection is closed")

        if self.writing():
            return self.write(data)

        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            self.close(exc_info=exc)
            raise ClientDisconnected(str(exc)) from exc

        return None if sent == len(data) else self.write(memoryview(data)[sent:])

    def reset(self) -> None:
        """Drop the connection in a way that the other end cannot take for a clean end."""
        if not self.closed():
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.close()

    # What IOStream asks of its subclasses.

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        if self._sink is None:
            if self._replay:
                size = min(len(buf), len(self._replay))
                buf[:size] = self._replay[:size]
                self._replay = self._replay[size:]
                return size

            return super().read_from_fd(buf)

        if self._paused:
            # Bytes in the stream's own buffer are what makes it stop listening.
            size_or_none = super().read_from_fd(buf)
            self._held = bool(size_or_none)
            return size_or_none

        try:
            data = self.socket.recv(_PIECE)
        except BlockingIOError:
            return None

        if not data:
            return 0

        self._sink(data)
        return None

    def reading(self) -> bool:
        return super().reading() if self._sink is None else not self._paused

    def close(self, exc_info: object = False) -> None:
        super().close(exc_info)  # type: ignore[arg-type]  # the union of four forms, passed through
        lost, self._lost, self._sink = self._lost, None, None

        if lost is not None:
            lost()

    def _release(self) -> bytes:
        self._held = False
        future = self.read_bytes(_HELD, partial=True)
        assert isinstance(future, Future)
        data: bytes = future.result()
        return data


async def flushed(future: Future[None]) -> None:
    """Wait until the transport has taken what was written. Raises `ClientDisconnected`."""
    try:
        await future
    except StreamClosedError as exc:
        raise ClientDisconnected("the connection is closed") from exc
