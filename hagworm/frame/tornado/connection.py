"""One client connection: requests out of its bytes, one at a time and in order, until it ends."""

import asyncio
import logging
import math
import socket
from typing import TYPE_CHECKING, Any

from hagworm.facade.exchange import Address, BodyError, ClientDisconnected, reply_whole
from hagworm.frame.tornado.carrier import DISCARD_LIMIT, LINGER
from hagworm.frame.tornado.exchange import Exchange, status_line
from hagworm.frame.tornado.head import Refused, parse_line
from hagworm.frame.tornado.socket import Socket, check_handshake
from hagworm.frame.tornado.stream import Stream

if TYPE_CHECKING:
    from hagworm.frame.tornado.body import Body
    from hagworm.frame.tornado.server import Server

__all__ = ("Connection",)

logger = logging.getLogger(__name__)


class Connection:
    """What one client is doing: sending a head, waiting for its answer, or nothing."""

    __slots__ = (
        "_allowance",
        "_ending",
        "_exchange",
        "_partial",
        "_peer",
        "_task",
        "_unread",
        "_waiter",
        "buffer",
        "deadline",
        "loop",
        "server",
        "socket",
        "stream",
    )

    scheme = "http"

    def __init__(self, server: "Server", sock: socket.socket, address: Any) -> None:
        self.server = server
        self.loop = server.loop
        self.stream = Stream(sock, self._feed, self._lost)
        self.buffer = b""
        self.socket: Socket | None = None
        self.deadline = self.loop.time() + server.keep_alive
        self._peer = _address(address)
        self._partial: bytearray | None = None
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._unread: Body | None = None
        self._allowance = 0
        self._ending = False
        self.stream.set_nodelay(True)
        self.stream.open()

    def __repr__(self) -> str:
        return f"<Connection {self._peer or 'unix'} {'idle' if self.is_idle() else 'busy'}>"

    @property
    def peer(self) -> Address | None:
        """The other end of the socket, None on a Unix socket."""
        return self._peer

    @property
    def local(self) -> Address | None:
        """This end of the socket, None on a Unix socket."""
        return None if self.stream.closed() else _address(self.stream.socket.getsockname())

    def is_idle(self) -> bool:
        """Return whether it waits for the first byte of a request, with nothing left to send."""
        if self._ending:
            return False

        parts = (self._task, self._partial, self._unread, self.socket)
        return parts == (None, None, None, None) and not self.stream.writing()

    def close(self) -> "asyncio.Task[None] | None":
        """End it at once; return the task that is still to end, if there is one."""
        self.stream.close()
        return self._task

    def expire(self, now: float) -> None:
        """Do what has to be done now that the deadline has passed."""
        if self.socket is not None:
            self.socket.tick(now)
        elif self._partial is not None:
            self._refuse(408, "the head took too long")
        else:
            self.stream.close()

    # What an exchange needs.

    def take(self) -> bytes:
        """Return what has arrived and not been used, and forget it."""
        data, self.buffer = self.buffer, b""
        return data

    async def wait(self) -> None:
        """Return when bytes are there to be taken. Raises `ClientDisconnected`."""
        if self.stream.closed():
            raise ClientDisconnected("the connection is closed")

        self._waiter = waiter = self.loop.create_future()
        self.stream.resume()

        try:
            await waiter
        finally:
            self._waiter = None

    def can_discard(self, body: "Body") -> bool:
        """Return whether what is still to come of `body` may be small enough to be thrown away."""
        remaining = body.remaining()
        return remaining is None or remaining - len(self.buffer) <= DISCARD_LIMIT

    def open_socket(self, socket: Socket) -> None:
        """Leave the bytes from here on to `socket`."""
        self.socket = socket
        socket.open(self.take())

    def detach(self, socket: Socket) -> Stream:
        """Give the stream away, as one that is asked for its bytes."""
        self.socket = socket
        self.stream.detach(self.take())
        return self.stream

    def hang_up(self) -> None:
        """Close once everything has been sent, in a way that lets the client read it."""
        self._ending = True
        self.stream.turn(_ignore)
        self.deadline = self.loop.time() + self.server.header_timeout
        self.stream.resume()

        if self.stream.writing():
            self.stream.write(b"").add_done_callback(self._half_close)
        else:
            self._half_close()

    # What arrives.

    def _feed(self, data: bytes) -> None:
        if self._exchange is not None:
            waiter = self._waiter

            if waiter is not None and not waiter.done():
                self.buffer = data
                waiter.set_result(None)
            else:
                self.buffer = self.buffer + data if self.buffer else data
                self.stream.pause()
        elif self._partial is not None:
            self._continue(self._partial, data)
        else:
            self._begin(data)

    def _continue(self, partial: bytearray, data: bytes) -> None:
        before = max(0, len(partial) - 3)
        partial += data

        if partial.find(b"\r\n\r\n", before) >= 0:
            self._partial = None
            self._begin(bytes(partial))
        else:
            self._check_partial(partial, before)

    def _begin(self, data: bytes) -> None:
        """Start to answer the request at the beginning of `data`, or wait until its head is complete."""
        if data[0] in b"\r\n":
            data = data.lstrip(b"\r\n")

        end = data.find(b"\r\n\r\n")

        if end < 0:
            if data:
                self._partial = bytearray(data)
                self.deadline = self.loop.time() + self.server.header_timeout
                self._check_partial(self._partial, 0)

            return

        try:
            if end > self.server.head_limit:
                raise Refused(431, "the head is too large")

            line_end = data.find(b"\r\n")
            method, target, version = parse_line(data[:line_end])
            headers, framing = self.server.heads.read(data[line_end + 2 : end], version)
        except Refused as exc:
            self._refuse(exc.status, exc.detail)
            return

        self.buffer = data[end + 4 :]
        self.deadline = math.inf
        self._exchange = exchange = Exchange(self, method, target, version, headers, framing)
        running = self._upgrade(exchange) if framing.upgrades and method == "GET" else self._answer(exchange)
        self._task = self.loop.create_task(running, context=self.server.context.copy())

    def _check_partial(self, partial: bytearray, start: int) -> None:
        """Refuse a head that will not become a good one."""
        if partial.count(b"\n", start) != partial.count(b"\r\n", max(0, start - 1)):
            self._refuse(400, "bare LF in the head")
        elif len(partial) > self.server.head_limit:
            if b"\r\n" in partial:
                self._refuse(431, "the head is too large")
            else:
                self._refuse(414, "the request line is too long")

    def _refuse(self, status: int, detail: str) -> None:
        logger.info("refused %s: %s", self._peer or "a local client", detail)
        self._partial = None
        head = status_line(status) + b"\r\ncontent-length: 0\r\nconnection: close"

        try:
            self.stream.send(head + self.server.tail(head))
        except ClientDisconnected:
            return

        self.hang_up()

    # What is done with it.

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self.server.runtime.http(exchange)
        finally:
            self._task = self._exchange = None
            self._settle(exchange)

    async def _upgrade(self, exchange: Exchange) -> None:
        socket = Socket(exchange)
        refusal = check_handshake(exchange.headers)

        try:
            if refusal is None:
                await self.server.runtime.websocket(socket)
            elif exchange.has_native:
                # What is no handshake is a GET like any other to a handler that speaks no WebSocket.
                await self.server.runtime.http(exchange)
            else:
                await reply_whole(exchange, *refusal, b"")
        except ClientDisconnected:
            logger.debug("%s left before its handshake was answered", self._peer or "a local client")
        finally:
            self._task = self._exchange = None

            if not socket.accepted:
                self._settle(exchange)
            elif not socket.is_closing():
                self.stream.close()

    def _settle(self, exchange: Exchange) -> None:
        """Go on after a response: to the next request, or to the end of the connection."""
        stream = self.stream

        if stream.closed():
            return

        if not exchange.ended:
            exchange.abort()
        elif not exchange.keep:
            if exchange.body is None and not self.buffer and not stream.is_paused() and not stream.writing():
                stream.close()
            else:
                self.hang_up()
        elif exchange.body is not None:
            self._unread = exchange.body
            self._allowance = DISCARD_LIMIT
            self.deadline = self.loop.time() + self.server.header_timeout
            stream.turn(self._discard)
            self._discard(self.take())
            stream.resume()
        else:
            self._rest(self.take())

    def _discard(self, data: bytes) -> None:
        body = self._unread
        assert body is not None

        try:
            _, rest = body.feed(data)
        except BodyError:
            self.hang_up()
            return

        if body.done:
            self._unread = None
            self.stream.turn(self._feed)
            self._rest(rest)
            return

        self._allowance -= len(data)

        if self._allowance < 0:
            self.hang_up()

    def _rest(self, ahead: bytes) -> None:
        """Wait for the next request, which may be `ahead` already."""
        self.deadline = self.loop.time() + self.server.keep_alive

        if ahead:
            self._begin(ahead)
        elif self.server.closing:
            self.hang_up()

        if self._exchange is None:
            self.stream.resume()

    def _half_close(self, _: object = None) -> None:
        if not self.stream.closed():
            self.deadline = self.loop.time() + LINGER

            try:
                self.stream.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.stream.close()

    def _lost(self) -> None:
        self.server.forget(self, self._task)

        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ClientDisconnected("the connection is closed"))

        if self.socket is not None:
            self.socket.lose()
        elif self._exchange is not None:
            self._exchange.lose()


def _ignore(data: bytes) -> None:
    """Throw away what a client sends that nobody will read."""


def _address(address: Any) -> Address | None:
    return (address[0], address[1]) if isinstance(address, tuple) else None
