"""A request and a stream that belong to Tornado's own connection, in the shape that our exchanges use."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError

from hagworm.facade.exchange import Address, ClientDisconnected
from hagworm.frame.tornado.carrier import DISCARD_LIMIT, LINGER

if TYPE_CHECKING:
    from hagworm.frame.tornado.body import Body
    from hagworm.frame.tornado.delegate import Delegate
    from hagworm.frame.tornado.exchange import Exchange
    from hagworm.frame.tornado.socket import Socket

__all__ = ("Delivered", "Lent")

_PIECE = 64 * 1024
_ENDLESS = 2**62


class Delivered:
    """A body that Tornado has decoded already; `left` is what its head has promised, None where it has not."""

    __slots__ = ("done", "left")

    def __init__(self, left: int | None) -> None:
        self.done = False
        self.left = left

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        if self.left is not None:
            self.left -= len(data)
            self.done = self.done or not self.left

        return data, b""

    def remaining(self) -> int | None:
        return self.left


class LentStream:
    """The face of `hagworm.frame.tornado.stream.Stream` on a stream that Tornado made, with TLS or without."""

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self._sink: Callable[[bytes], None] | None = None
        self._resumed = asyncio.Event()
        self._resumed.set()

    def turn(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink

    def pause(self) -> None:
        self._resumed.clear()

    def resume(self) -> None:
        self._resumed.set()

    def send(self, data: bytes) -> asyncio.Future[None] | None:
        try:
            future = self._stream.write(data)
        except StreamClosedError as exc:
            raise ClientDisconnected("the connection is closed") from exc

        if self._stream.closed():
            raise ClientDisconnected("the connection is closed")

        return None if future.done() else future

    def write(self, data: bytes) -> asyncio.Future[None]:
        return self._stream.write(data)

    def writing(self) -> bool:
        return self._stream.writing()

    def closed(self) -> bool:
        return self._stream.closed()

    def close(self) -> None:
        self._stream.close()
        self._resumed.set()

    reset = close

    async def pull(self) -> None:
        """Hand over what arrives until the stream ends."""
        try:
            while True:
                await self._resumed.wait()
                # Raises what ends this where the stream was closed meanwhile.
                data = await self._stream.read_bytes(_PIECE, partial=True)
                assert self._sink is not None
                self._sink(data)
        except StreamClosedError:
            return


class Lent:
    """Implements what `Exchange` and `Socket` need of a connection."""

    def __init__(self, delegate: "Delegate", connection: HTTP1Connection) -> None:
        self.server = delegate
        self.loop = asyncio.get_running_loop()
        self.stream = LentStream(connection.stream)
        self.body: Delivered | None = None
        self.buffer = b""
        self.exchange: Exchange | None = None
        self.socket: Socket | None = None
        self.decided: asyncio.Future[None] = self.loop.create_future()
        self.scheme = "https" if isinstance(connection.stream, SSLIOStream) else "http"
        self._connection = connection
        self._io = connection.stream
        self._taken: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lost = False
        self._complete = False
        self._allowance: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def peer(self) -> Address | None:
        address: Any = getattr(self._connection.context, "address", None)
        return (address[0], address[1]) if isinstance(address, tuple) else None

    @property
    def local(self) -> Address | None:
        if self._io.closed():
            return None

        address: Any = self._io.socket.getsockname()
        return (address[0], address[1]) if isinstance(address, tuple) else None

    # What Tornado delivers.

    def deliver(self, chunk: bytes) -> asyncio.Future[None] | None:
        """Take a piece of the body; the future is done when it has been read."""
        if self._allowance is not None:
            self._allowance -= len(chunk)

            if self._allowance < 0:
                self._io.close()

            return None

        self.buffer = chunk
        self._taken = self.loop.create_future()
        self._wake()
        return self._taken

    def end_body(self) -> None:
        """Learn that the body is complete."""
        self._complete = True

        if self.body is not None:
            self.body.done = True

        if self._allowance is not None:
            self._cancel_timer()
            self._connection.finish()

            if self.exchange is not None and not self.exchange.keep:
                self._io.close()
        else:
            self._connection.set_close_callback(self.lose)
            self._wake()

    def lose(self) -> None:
        """Learn that the connection has ended."""
        self._lost = True
        self._cancel_timer()
        self._release()
        self._wake()

        if self.socket is not None:
            self.socket.lose()
        elif self.exchange is not None:
            self.exchange.lose()

    # What an exchange needs.

    def take(self) -> bytes:
        data, self.buffer = self.buffer, b""
        self._release()
        return data

    async def wait(self) -> None:
        if self._lost:
            raise ClientDisconnected("the connection is closed")

        if self._complete or self.buffer:
            return

        self._waiter = self.loop.create_future()

        try:
            await self._waiter
        finally:
            self._waiter = None

        if self._lost:
            raise ClientDisconnected("the connection is closed")

    def can_discard(self, body: "Body") -> bool:
        remaining = body.remaining()
        return remaining is None or remaining - len(self.buffer) <= DISCARD_LIMIT

    def settle(self) -> None:
        """Give the connection back after a response."""
        exchange = self.exchange
        assert exchange is not None

        if self._io.closed():
            self._release()
        elif not exchange.ended:
            self._io.close()
        elif self._complete:
            self._connection.finish()

            if not exchange.keep:
                self._io.close()
        else:
            # Tornado closes a connection whose request has not been read as soon as its response is finished; so that
            # waits for the end of the body, or of the client.
            self._allowance = DISCARD_LIMIT - len(self.buffer)
            self._release()

            if not exchange.keep:
                self._allowance = _ENDLESS
                self._half_close()

    def _half_close(self) -> None:
        """Let a client that still sends read the answer: a connection that is closed while it sends is reset."""
        if not isinstance(self._io, SSLIOStream):
            with suppress(OSError):
                self._io.socket.shutdown(socket.SHUT_WR)

        self._timer = self.loop.call_later(LINGER, self._io.close)

    # What a WebSocket needs.

    @property
    def deadline(self) -> float:
        """When `tick` of the socket is called."""
        return self._timer.when() if self._timer is not None else 0.0

    @deadline.setter
    def deadline(self, when: float) -> None:
        self._cancel_timer()
        self._timer = self.loop.call_at(when, self._expire)

    def decide(self) -> None:
        """Let Tornado go on behind the head of a handshake."""
        if not self.decided.done():
            self.decided.set_result(None)

    def open_socket(self, socket: "Socket") -> None:
        self._leave_http(socket)
        self.server.begin(self._pull())
        socket.open(b"")

    def detach(self, socket: "Socket") -> IOStream:
        self._leave_http(socket)
        self._io.set_close_callback(self._end)
        return self._io

    def hang_up(self) -> None:
        """Close once everything has been sent, in a way that lets the client read it."""
        self.stream.turn(_ignore)
        self.stream.resume()
        self._cancel_timer()
        self._timer = self.loop.call_later(LINGER, self._io.close)

    def _leave_http(self, socket: "Socket") -> None:
        self.socket = socket
        self._connection.detach()
        self.server.adopt(self)
        self.decide()

    async def _pull(self) -> None:
        try:
            await self.stream.pull()
        finally:
            self._end()

    def _end(self) -> None:
        self.server.release(self)
        self.lose()

    def _expire(self) -> None:
        if self.socket is not None:
            self.socket.tick(self.loop.time())

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self) -> None:
        if self._taken is not None and not self._taken.done():
            self._taken.set_result(None)

        self._taken = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _ignore(data: bytes) -> None:
    """Throw away what a client sends that nobody will read."""
