"""WebSocket (RFC 6455) for scenarios: `async with self.client("ws://…") as socket`, each answer counted by its name."""

import asyncio
import time
from collections import deque
from typing import Any, cast

from hagworm.extend.error import RequestFailed
from hagworm.frame.stress_tests.connection import describe_loss
from hagworm.frame.stress_tests.pool import describe_refusal
from hagworm.frame.stress_tests.seat import Seat
from hagworm.frame.stress_tests.target import Target

__all__ = ("PROTOCOL", "Message", "Socket")

LONGEST = 1024 * 1024
"""A message above so many bytes ends the connection."""
WAITING = 1000
"""So many messages are kept for whoever receives them; then the server has to wait."""

Message = str | bytes
clock = time.monotonic


class Wire(asyncio.Protocol):
    """The bytes of one connection: the frames are read and written by `websockets`, without any loop."""

    def __init__(self, url: str) -> None:
        from websockets.client import ClientProtocol
        from websockets.uri import parse_uri

        self.frames = ClientProtocol(parse_uri(url), max_size=LONGEST)
        self.transport = cast(asyncio.Transport, None)
        self.messages: deque[Message] = deque()
        self.parts: list[Any] = []
        self.woken = asyncio.Event()
        """Something has come, or the end."""
        self.opened = False
        self.lost = ""
        """Why there will be no more messages."""
        self.sent = self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.frames.send_request(self.frames.connect())
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.frames.receive_data(data)
        self.take()

    def eof_received(self) -> bool:
        self.frames.receive_eof()
        self.take()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = self.lost or describe_loss(exc, began=False, used=False)
        self.woken.set()

    def take(self) -> None:
        from websockets.frames import Frame, Opcode
        from websockets.http11 import Response

        for event in self.frames.events_received():
            if isinstance(event, Response):
                self.opened = self.frames.handshake_exc is None

                if not self.opened:
                    self.lost = f"no WebSocket: status {event.status_code}"
            elif not isinstance(event, Frame):
                continue
            elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self.parts.append(event)

                if event.fin:
                    data = b"".join(part.data for part in self.parts)
                    text = self.parts[0].opcode is Opcode.TEXT
                    self.messages.append(data.decode() if text else data)
                    self.parts.clear()
            elif event.opcode is Opcode.CLOSE:
                code = int.from_bytes(event.data[:2], "big") or 1005
                self.lost = self.lost or f"closed by the server: {code}"

        if len(self.messages) >= WAITING:
            self.transport.pause_reading()

        self.flush()
        self.woken.set()

    def flush(self) -> None:
        for data in self.frames.data_to_send():
            if data:
                self.sent += len(data)
                self.transport.write(data)
            else:
                self.transport.close()

    async def wait(self) -> None:
        """Wait until something has come, or the end."""
        self.woken.clear()
        await self.woken.wait()


class Socket:
    """A WebSocket of one user; entering it connects, leaving it closes.

    Connecting counts under `connect` and the path. What fails raises `RequestFailed`, and has been counted.
    """

    def __init__(self, seat: Seat, target: Target) -> None:
        self.seat = seat
        self.target = target
        self.timeout = seat.desk.order.timeout
        self.wire: Wire | None = None

    def __repr__(self) -> str:
        return f"<Socket {self.target}{'' if self.wire else ', not connected'}>"

    async def __aenter__(self) -> "Socket":
        name = f"connect {self.target.path.partition('?')[0]}"
        desk = self.seat.desk
        began = clock()

        try:
            async with asyncio.timeout(self.timeout):
                host, port = await desk.address(self.target)
                tls = self.target.tls(verify=desk.order.verify)
                _, wire = await desk.loop.create_connection(
                    lambda: Wire(str(self.target)),
                    host,
                    port,
                    ssl=tls,
                    server_hostname=self.target.host if tls else None,
                )
                self.wire = wire

                while not wire.opened and not wire.lost:
                    await wire.wait()
        except OSError as exc:
            await self.close()
            raise self.fail(name, began, describe_refusal(exc, self.timeout)) from exc

        if not wire.opened:
            await self.close()
            raise self.fail(name, began, wire.lost)

        self.seat.success(name, clock() - began)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def ask(self, message: Message, *, name: str = "") -> Message:
        """Send a message and return the next one that comes; the time between them counts, as `ask` and the path."""
        name = name or f"ask {self.target.path.partition('?')[0]}"
        began = clock()
        await self.send(message)
        return await self.next(name, began)

    async def send(self, message: Message) -> None:
        """Send a message of text or bytes; nothing is counted. Raises `RequestFailed` where the connection is gone."""
        wire = self.connected()

        if wire.lost or wire.transport.is_closing():
            raise self.fail(f"send {self.target.path.partition('?')[0]}", clock(), wire.lost or "connection closed")

        if isinstance(message, str):
            wire.frames.send_text(message.encode())
        else:
            wire.frames.send_binary(message)

        wire.flush()

    async def receive(self, *, name: str = "") -> Message:
        """Return the next message that comes; the wait for it counts, as `receive` and the path."""
        return await self.next(name or f"receive {self.target.path.partition('?')[0]}", clock())

    async def next(self, name: str, began: float) -> Message:
        wire = self.connected()

        try:
            async with asyncio.timeout(self.timeout):
                while not wire.messages and not wire.lost:
                    await wire.wait()
        except TimeoutError as exc:
            raise self.fail(name, began, f"no message within {self.timeout:g} s") from exc

        if not wire.messages:
            raise self.fail(name, began, wire.lost)

        message = wire.messages.popleft()
        self.seat.success(name, clock() - began)
        self.count_bytes(name)

        if len(wire.messages) == WAITING - 1:
            wire.transport.resume_reading()

        return message

    async def close(self) -> None:
        """Say goodbye, and go; may be called again."""
        if (wire := self.wire) is not None:
            self.wire = None

            if wire.opened and not wire.lost:
                wire.frames.send_close(1000)
                wire.flush()

            wire.transport.close()

    def connected(self) -> Wire:
        if self.wire is None:
            raise RequestFailed("not connected: use `async with`")

        return self.wire

    def fail(self, name: str, began: float, reason: str) -> RequestFailed:
        """Count a failure and return what is to be raised."""
        self.seat.failure(name, clock() - began, reason)
        return RequestFailed(reason)

    def count_bytes(self, name: str) -> None:
        if (wire := self.wire) is not None:
            row = self.seat.row(name)
            row.sent += wire.sent
            row.received += wire.received
            wire.sent = wire.received = 0


PROTOCOL = Socket
