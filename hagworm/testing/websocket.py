"""WebSockets of a test: frames as bytes over a connection, and the session that a test talks through."""

import asyncio
import json
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Protocol

from hagworm.facade.exchange import ClientDisconnected, Closed, HeaderPairs
from hagworm.facade.headers import Headers
from hagworm.facade.websocket import WebSocketClosed
from hagworm.frame.memory import MemorySocket
from hagworm.testing.connection import Connection
from hagworm.testing.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameError,
    FrameParser,
    MessageParser,
    encode_close,
    encode_frame,
)
from hagworm.testing.response import ClientResponse
from hagworm.testing.stream import StreamEnded

__all__ = ("Channel", "HandshakeRefused", "MemoryChannel", "RawWebSocket", "WebSocketSession", "handshake_request")


class HandshakeRefused(Exception):
    """The server answered the handshake of a WebSocket with an HTTP response, which is in `response`."""

    def __init__(self, response: ClientResponse) -> None:
        super().__init__(f"the handshake was refused with status {response.status}")
        self.response = response


def handshake_request(target: bytes, headers: HeaderPairs, subprotocols: Sequence[str] = ()) -> bytes:
    """Return the request that opens a WebSocket; `headers` hold the host."""
    pairs = [
        *headers,
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b64encode(os.urandom(16))),
    ]

    if subprotocols:
        pairs.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode("latin-1")))

    return b"GET " + target + b" HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in pairs) + b"\r\n"


class Channel(Protocol):
    """What a session needs, whatever carries the messages."""

    headers: HeaderPairs

    @property
    def subprotocol(self) -> str | None:
        """The one the server chose."""

    async def send(self, data: str | bytes) -> None:
        """Send one message. Raises ConnectionError."""

    async def receive(self) -> str | bytes | Closed:
        """Return the next message, or how the connection ended."""

    async def close(self, code: int, reason: str) -> None:
        """Say that this side is done."""

    def drop(self) -> None:
        """Vanish without a close frame."""


class RawWebSocket:
    """The client's end of a WebSocket, on which any frame may be sent; it answers neither ping nor close unasked."""

    def __init__(self, connection: Connection, headers: HeaderPairs) -> None:
        self.connection = connection
        self.headers = headers
        self.frames = FrameParser(masked=False)
        self.messages = MessageParser()
        self.ended: Closed | None = None
        self.close_sent = False

    def __repr__(self) -> str:
        return f"<RawWebSocket {self.ended or 'open'}>"

    @classmethod
    async def open(
        cls, connection: Connection, target: bytes, headers: HeaderPairs, subprotocols: Sequence[str] = ()
    ) -> "RawWebSocket":
        """Do the handshake. Raises `HandshakeRefused`, `StreamEnded`, or `BadMessage`."""
        await connection.send(handshake_request(target, headers, subprotocols))
        return await cls.join(connection)

    @classmethod
    async def join(cls, connection: Connection) -> "RawWebSocket":
        """Read the answer to a handshake that has been sent. Raises as `open`."""
        head = await connection.read_head()

        if head.status == 101:
            return cls(connection, head.headers)

        body, pieces = connection.body(head), []

        while piece := await connection.read_piece(body):
            pieces.append(piece)

        raise HandshakeRefused(ClientResponse(head.status, head.headers, b"".join(pieces), reason=head.reason))

    @property
    def subprotocol(self) -> str | None:
        """The one the server chose."""
        return Headers(self.headers).get("sec-websocket-protocol")

    async def send_frame(
        self, opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, reserved: int = 0
    ) -> bool:
        """Send one frame, valid or not; False where the server takes no more."""
        mask = os.urandom(4) if masked else None
        return await self.connection.send(encode_frame(opcode, payload, final=final, mask=mask, reserved=reserved))

    async def receive_frame(self) -> Frame:
        """Return the next frame. Raises `StreamEnded`, or `FrameError` where the server broke the protocol."""
        stream = self.connection.stream

        async with asyncio.timeout(self.connection.timeout):
            while (frame := self.frames.next_frame()) is None:
                if not (data := await stream.read_some()):
                    raise StreamEnded(reset=stream.reset_by_peer)

                self.frames.feed(data)

        return frame

    async def receive(self) -> str | bytes | Closed:
        """Return the next message, or how the connection ended; pings and the close are answered on the way."""
        while self.ended is None:
            try:
                frame = await self.receive_frame()
            except StreamEnded:
                self.ended = Closed(1006)
                break

            if frame.opcode == PING:
                await self.send_frame(PONG, frame.payload)

            try:
                message = self.messages.accept(frame)
            except FrameError:
                self.drop()
                raise

            if isinstance(message, Closed):
                self.ended = message

                if not self.close_sent:
                    await self.close(message.code, message.reason)
            elif message is not None:
                return message

        return self.ended

    async def send(self, data: str | bytes) -> None:
        """Send one message. Raises `ClientDisconnected` where the server takes no more."""
        text = isinstance(data, str)

        if not await self.send_frame(TEXT if text else BINARY, data.encode() if isinstance(data, str) else data):
            raise ClientDisconnected("the server has closed the connection")

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame, once; 1005 sends one without a code."""
        if not self.close_sent:
            self.close_sent = True
            await self.send_frame(CLOSE, encode_close(None if code == 1005 else code, reason))

    def drop(self) -> None:
        """Vanish: the server sees a reset, unless the WebSocket has ended already."""
        if self.ended is None:
            self.connection.reset()
        else:
            self.connection.close()


class MemoryChannel:
    """The client's end of a WebSocket of the memory engine."""

    def __init__(self, exchange: MemorySocket, subprotocol: str | None, headers: HeaderPairs) -> None:
        self.exchange = exchange
        self.subprotocol = subprotocol
        self.headers = headers

    async def send(self, data: str | bytes) -> None:
        """Send one message; waits while the queue of the handler is full. Raises `ClientDisconnected`."""
        await self.exchange.deliver(data)

    async def receive(self) -> str | bytes | Closed:
        """Return the next message, or how the connection ended."""
        return await self.exchange.take()

    async def close(self, code: int, reason: str) -> None:
        """End the connection, once."""
        self.exchange.leave(code, reason)

    def drop(self) -> None:
        """Vanish: the handler sees 1006."""
        self.exchange.leave()


class WebSocketSession:
    """A WebSocket that is open.

    Receiving raises `WebSocketClosed(code, reason)` once it has ended, and `TimeoutError` where nothing comes within
    the client's timeout. Leaving the block closes with 1000 and waits for the server's answer.
    """

    def __init__(self, channel: Channel, *, timeout: float = 10.0) -> None:
        self.channel = channel
        self.timeout = timeout
        self.closed: Closed | None = None

    def __repr__(self) -> str:
        return f"<WebSocketSession {self.closed or 'open'}>"

    async def __aenter__(self) -> "WebSocketSession":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.channel.drop()
        else:
            await self.close()

    @property
    def subprotocol(self) -> str | None:
        """The one the server chose, None where it chose none."""
        return self.channel.subprotocol

    @property
    def headers(self) -> Headers:
        """Headers of the answer to the handshake."""
        return Headers(self.channel.headers)

    @property
    def close_code(self) -> int | None:
        """The code the connection ended with, None while it is open; 1006 where there was no close frame."""
        return None if self.closed is None else self.closed.code

    @property
    def close_reason(self) -> str:
        """The reason that came with the code."""
        return "" if self.closed is None else self.closed.reason

    async def send(self, data: str | bytes) -> None:
        """Send one message. Raises `WebSocketClosed`."""
        try:
            async with asyncio.timeout(self.timeout):
                await self.channel.send(data)
        except ConnectionError as exc:
            ended = self.closed or Closed(1006)
            raise WebSocketClosed(ended.code, ended.reason) from exc

    async def send_text(self, data: str) -> None:
        """Send a text message."""
        await self.send(data)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        await self.send(data)

    async def send_json(self, value: Any) -> None:
        """Send `value` as JSON in a text message."""
        await self.send(json.dumps(value, separators=(",", ":"), ensure_ascii=False))

    async def receive(self) -> str | bytes:
        """Return the next message."""
        if self.closed is None:
            async with asyncio.timeout(self.timeout):
                message = await self.channel.receive()

            if not isinstance(message, Closed):
                return message

            self.closed = message

        raise WebSocketClosed(self.closed.code, self.closed.reason)

    async def receive_text(self) -> str:
        """Return the next message, which must be text (TypeError)."""
        message = await self.receive()

        if not isinstance(message, str):
            raise TypeError(f"expected a text message, got {message!r}")

        return message

    async def receive_bytes(self) -> bytes:
        """Return the next message, which must be binary (TypeError)."""
        message = await self.receive()

        if not isinstance(message, bytes):
            raise TypeError(f"expected a binary message, got {message!r}")

        return message

    async def receive_json(self) -> Any:
        """Return the next message parsed as JSON."""
        return json.loads(await self.receive())

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            try:
                message = await self.receive()
            except WebSocketClosed:
                return

            yield message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close and wait until the server has, dropping what still comes; without effect once it has ended."""
        if self.closed is not None:
            self.channel.drop()
            return

        try:
            async with asyncio.timeout(self.timeout):
                await self.channel.close(code, reason)

                while not isinstance(message := await self.channel.receive(), Closed):
                    continue
        finally:
            self.channel.drop()

        self.closed = message

    def drop(self) -> None:
        """Vanish without a close frame."""
        self.closed = Closed(1006)
        self.channel.drop()
