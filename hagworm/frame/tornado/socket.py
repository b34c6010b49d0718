"""One WebSocket on a connection of this server."""

import asyncio
import base64
import binascii
import hashlib
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hagworm.facade.exchange import ClientDisconnected, Closed, HeaderPairs, reply_whole
from hagworm.frame.tornado.exchange import Request
from hagworm.frame.tornado.frames import FrameError, Frames, Ping, Pong, close_frame, data_frame, ping_frame, pong_frame
from hagworm.frame.tornado.head import parse_list
from hagworm.frame.tornado.stream import flushed

if TYPE_CHECKING:
    from hagworm.frame.tornado.carrier import Way
    from hagworm.frame.tornado.exchange import Exchange

__all__ = ("CLOSE_TIMEOUT", "PING_INTERVAL", "Socket", "check_handshake")

CLOSE_TIMEOUT = 5.0
"""How long the client may take to answer a close frame, in seconds."""

PING_INTERVAL = 20.0
"""How often a silent client is asked whether it is still there; it has as long to answer."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def check_handshake(headers: HeaderPairs) -> tuple[int, HeaderPairs] | None:
    """Return status and headers of the refusal that a handshake deserves, None for a good one (RFC 6455, 4.2.1)."""
    fields = dict(headers)

    if fields.get(b"sec-websocket-version") != b"13":
        return 426, [(b"upgrade", b"websocket"), (b"sec-websocket-version", b"13"), (b"content-length", b"0")]

    try:
        key = base64.b64decode(fields.get(b"sec-websocket-key", b""), validate=True)
    except binascii.Error:
        key = b""

    return None if len(key) == 16 else (400, [(b"content-length", b"0")])


class Socket(Request):
    """Implements `hagworm.facade.exchange.WsExchange`."""

    __slots__ = (
        "_detached",
        "_ended",
        "_exchange",
        "_frames",
        "_heard",
        "_limit",
        "_messages",
        "_pong",
        "_said",
        "_stopped",
        "_waiter",
        "_way",
        "accepted",
        "subprotocols",
    )

    def __init__(self, exchange: "Exchange") -> None:
        self.connection = self.native = exchange.connection
        self.method = exchange.method
        self.path = exchange.path
        self.query = exchange.query
        self.version = exchange.version
        self.headers = exchange.headers
        self.keep = exchange.keep
        self.subprotocols: Sequence[str] = [
            name.decode("latin-1") for name in parse_list(exchange.headers, b"sec-websocket-protocol")
        ]
        self.accepted = False
        self._way: Way | None = None
        self._detached = False
        limits = self.connection.server.runtime.limits
        self._exchange = exchange
        self._frames = Frames(limits.ws_message)
        self._limit = limits.ws_queue
        self._messages: deque[str | bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended: Closed | None = None
        self._heard = True
        self._said = False
        self._stopped = True
        self._pong: bytes | None = None

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        connection = self.connection
        key = dict(self._exchange.headers)[b"sec-websocket-key"]
        answer = [
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-accept", base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())),
        ]

        if subprotocol is not None:
            answer.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))

        head = b"\r\n".join((b"HTTP/1.1 101 Switching Protocols", *map(b": ".join, [*answer, *headers])))
        waiting = connection.stream.send(head + connection.server.tail(head))
        self.accepted = True
        connection.open_socket(self)

        if waiting is not None:
            await flushed(waiting)

    async def reject(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        self._ended = Closed(1006)
        await reply_whole(self._exchange, status, headers, body)

    async def recv(self) -> str | bytes | Closed:
        while not self._messages and self._ended is None:
            if self._waiter is not None:
                raise RuntimeError("another task is already receiving from this WebSocket")

            self._waiter = self.connection.loop.create_future()

            try:
                await self._waiter
            finally:
                self._waiter = None

        if not self._messages:
            assert self._ended is not None
            return self._ended

        message = self._messages.popleft()

        if self._stopped:
            self._decode()

        return message

    async def send(self, data: str | bytes) -> None:
        if self._said or self._ended is not None:
            raise ClientDisconnected("the WebSocket is closed")

        waiting = self.connection.stream.send(data_frame(data))

        if waiting is not None:
            await flushed(waiting)

    async def close(self, code: int, reason: str) -> None:
        if not self.accepted or self._said or self._ended is not None:
            return

        self._said = True
        self._write(close_frame(code, reason))
        self.connection.deadline = self.connection.loop.time() + CLOSE_TIMEOUT

        if not self._detached:
            # What was sent before the client has seen the close frame is read, since its own comes behind, and dropped.
            self._messages.clear()
            self._decode()

    @property
    def has_native(self) -> bool:
        self._way = self.connection.server.behind.find_socket(self)
        return self._way is not None

    async def pass_on(self, headers: HeaderPairs) -> int:
        if self._way is None and not self.has_native:
            raise RuntimeError("there is no native application that takes this request")

        assert self._way is not None
        return await self._way.run(headers)

    def hand_over(self, line: bytes, headers: HeaderPairs) -> Any:
        """Send the head of a response and leave the stream behind it to whoever asks; `wait_end` tells when it ends."""
        head = b"\r\n".join((line, *map(b": ".join, headers)))
        self._write(head + self.connection.server.tail(head))
        self.accepted = True
        self._detached = True
        return self.connection.detach(self)

    async def wait_end(self) -> None:
        """Return when the connection has ended."""
        if self._ended is None:
            self._waiter = self.connection.loop.create_future()

            try:
                await self._waiter
            finally:
                self._waiter = None

    def open(self, ahead: bytes) -> None:
        """Begin to read, with `ahead` as what has arrived already."""
        self.connection.deadline = self.connection.loop.time() + self.connection.server.ping_interval
        self.connection.stream.turn(self.feed)
        self.feed(ahead)

    def is_closing(self) -> bool:
        """Return whether a close frame has been sent or the connection has ended."""
        return self._said or self._ended is not None

    # What the connection tells.

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        self._heard = True
        self._frames.feed(data)
        self._decode()

    def tick(self, now: float) -> None:
        """Do what is due: end a close that takes too long, ask a silent client for a sign of life."""
        if self._said or self._detached:
            self.connection.stream.close()
        elif not self._heard and not self._stopped:
            self._fail(1011, "no answer to a ping")
        else:
            self._heard = False
            self._write(ping_frame(b""))
            self.connection.deadline = now + self.connection.server.ping_interval

    def lose(self) -> None:
        """Learn that the connection has ended."""
        self._ended = self._ended or Closed(1006)
        self._wake()

    def _decode(self) -> None:
        """Turn bytes into messages, until there are no more of either or enough wait to be received."""
        messages = self._messages
        stream = self.connection.stream

        try:
            while True:
                if len(messages) >= self._limit and not self._said:
                    self._stopped = True
                    stream.pause()
                    break

                event = self._frames.next()

                if event is None:
                    if self._stopped:
                        self._stopped = False
                        stream.resume()

                    break

                if isinstance(event, Closed):
                    self._stopped = False
                    self._finish(event)
                    break

                if isinstance(event, Ping):
                    self._answer(event.payload)
                elif not self._said and not isinstance(event, Pong):
                    messages.append(event)
        except FrameError as exc:
            self._stopped = False
            self._fail(exc.code, exc.reason)

        if messages:
            self._wake()

    def _finish(self, closed: Closed) -> None:
        """End after the client's close frame; the server is the one to close the connection (RFC 6455, 7.1.1)."""
        self._ended = closed

        if not self._said:
            self._said = True
            self._write(close_frame(closed.code, closed.reason))

        if self.connection.stream.writing():
            self.connection.hang_up()
        else:
            self.connection.stream.close()

        self._wake()

    def _fail(self, code: int, reason: str) -> None:
        """End because of what the client did (RFC 6455, 7.1.7)."""
        self._ended = self._ended or Closed(1006)

        if not self._said:
            self._said = True
            self._write(close_frame(code, reason))

        self.connection.hang_up()
        self._wake()

    def _answer(self, payload: bytes) -> None:
        """Send a pong; while the client does not read, only its latest ping is remembered (RFC 6455, 5.5.3)."""
        stream = self.connection.stream

        if self._said:
            return

        if not stream.writing():
            self._write(pong_frame(payload))
            return

        if self._pong is None:
            stream.write(b"").add_done_callback(self._answer_late)

        self._pong = payload

    def _answer_late(self, _: object) -> None:
        payload, self._pong = self._pong, None

        # Behind whatever else has been written meanwhile: one who always sends must not keep it back for ever.
        if payload is not None and not self._said and not self.connection.stream.closed():
            self._write(pong_frame(payload))

    def _write(self, data: bytes) -> None:
        # Nobody waits for these: a client that has vanished is noticed by whoever receives.
        with suppress(ClientDisconnected):
            self.connection.stream.send(data)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
