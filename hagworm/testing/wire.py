"""HTTP/1.1 and WebSocket bytes in front of the memory engine, so that raw requests need no server either."""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import Coroutine
from contextlib import suppress
from email.utils import formatdate
from typing import Any

from hagworm.facade.exchange import BodyError, ClientDisconnected, Closed, HeaderPairs
from hagworm.facade.failure import phrase
from hagworm.facade.limits import Limits
from hagworm.frame.memory import Aborted, MemoryExchange, MemoryServer, MemorySocket, Refused
from hagworm.testing.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameParser,
    MessageParser,
    encode_close,
    encode_frame,
)
from hagworm.testing.http1 import BadMessage, BodyReader, split_fields
from hagworm.testing.stream import Stream, StreamEnded

__all__ = ("MemoryWire", "accept_key")

REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/(\d\.\d)")
DRAIN = 64 * 1024
CLOSE_WAIT = 2.0


def accept_key(key: bytes) -> bytes:
    """Return the value of `sec-websocket-accept` for `key` (RFC 6455 4.2.2)."""
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
    return base64.b64encode(digest)


def tokens(headers: HeaderPairs, name: bytes) -> list[bytes]:
    """The comma-separated members of the field `name`, in lower case."""
    return [item.strip().lower() for key, value in headers if key == name for item in value.split(b",")]


def body_length(headers: HeaderPairs) -> int | str:
    """Return how long the body of a request is (RFC 9112 6.3), or "chunked". Raises `BadMessage`."""
    codings = tokens(headers, b"transfer-encoding")
    lengths = {value for key, value in headers if key == b"content-length"}

    if codings:
        if lengths:
            raise BadMessage("both transfer-encoding and content-length")

        # Any other coding is refused by the facade, and the connection is closed behind the answer.
        return "chunked" if codings == [b"chunked"] else 0

    if not lengths:
        return 0

    if len(lengths) > 1 or not (length := lengths.pop()).isdigit():
        raise BadMessage("content-length is not one number")

    return int(length)


class MemoryWire:
    """Serves one stream, a request at a time, until either side ends it. A strict reader of RFC 9112 and RFC 6455."""

    def __init__(self, stream: Stream, server: MemoryServer, limits: Limits) -> None:
        self.stream = stream
        self.server = server
        self.limits = limits

    async def run(self) -> None:
        """Serve until the stream ends; leaves it closed."""
        try:
            while await self.serve_request():
                continue
        except BadMessage:
            with suppress(ConnectionError):
                await self.send_response(400, [(b"content-length", b"0"), (b"connection", b"close")], b"")

            await self.linger()
        except (StreamEnded, ConnectionError):
            return
        finally:
            self.stream.close()

    async def serve_request(self) -> bool:
        """Serve one request; True when the connection may carry another."""
        method, target, version, headers = await self.read_request()
        connection = tokens(headers, b"connection")

        if method == "GET" and version == "1.1" and b"upgrade" in connection:
            if b"websocket" in tokens(headers, b"upgrade"):
                return await self.serve_websocket(target, headers)

        body = BodyReader(self.stream, body_length(headers))
        exchange = MemoryExchange(method, target, headers, version=version)
        keep = b"close" not in connection if version == "1.1" else b"keep-alive" in connection
        keep = keep and tokens(headers, b"transfer-encoding") in ([], [b"chunked"])
        expects = version == "1.1" and b"100-continue" in tokens(headers, b"expect")

        async with Helper(self.pump(exchange, body, expects)) as pump:
            self.server.run_http(exchange)

            try:
                keep = await self.send_answer(exchange, method, version, keep)
            except (Aborted, ConnectionError):
                exchange.vanish()
                self.stream.reset()
                return False

            await pump.stop()

            if keep and not body.complete:
                keep = not expects and await self.drain(body)

        if not keep:
            await self.linger()

        return keep

    async def read_request(self) -> tuple[str, bytes, str, HeaderPairs]:
        lines: list[bytes] = []

        while True:
            line = await self.stream.read_until(b"\n")

            if not line.endswith(b"\r\n"):
                raise BadMessage("a line that ends without a carriage return")

            if line != b"\r\n":
                lines.append(line[:-2])
            elif lines:
                break

        if (match := REQUEST_LINE.fullmatch(lines[0])) is None:
            raise BadMessage(f"not a request line: {lines[0]!r}")

        return match[1].decode(), match[2], match[3].decode(), split_fields(lines[1:])

    async def pump(self, exchange: MemoryExchange, body: BodyReader, expects: bool) -> None:
        """Carry the body to the facade, then watch for the client to go away."""
        try:
            if expects and not body.complete:
                if not await exchange.body_wanted():
                    return

                await self.stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")

            while piece := await body.read():
                await exchange.feed(piece)

            exchange.feed_end()

            while len(self.stream.buffer) < DRAIN and await self.stream.fill():
                continue

            if self.stream.ended:
                exchange.vanish()
        except BadMessage as exc:
            exchange.fail(BodyError(400, str(exc)))
        except ConnectionError:
            exchange.vanish()

    async def drain(self, body: BodyReader) -> bool:
        """Skip what is left of a body, if it is little; True when its end was reached."""
        left = DRAIN

        while left > 0 and (piece := await body.read()):
            left -= len(piece)

        return body.complete

    async def send_answer(self, exchange: MemoryExchange, method: str, version: str, keep: bool) -> bool:
        status, headers = await exchange.head()
        names = {key for key, _ in headers}
        bodyless = method == "HEAD" or status in (204, 304)
        chunked = not bodyless and b"content-length" not in names and version == "1.1"
        keep = keep and b"close" not in tokens(headers, b"connection")
        extra: list[tuple[bytes, bytes]] = []

        if chunked:
            extra.append((b"transfer-encoding", b"chunked"))
        elif not bodyless and b"content-length" not in names:
            keep = False

        if not keep and b"connection" not in names:
            extra.append((b"connection", b"close"))

        piece = await exchange.chunk() if exchange.complete else b""
        await self.send_response(status, [*headers, *extra], self.frame(piece, chunked))

        while piece := await exchange.chunk():
            await self.stream.send(self.frame(piece, chunked))

        if chunked:
            await self.stream.send(b"0\r\n\r\n")

        return keep

    @staticmethod
    def frame(piece: bytes, chunked: bool) -> bytes:
        return b"%x\r\n%b\r\n" % (len(piece), piece) if chunked and piece else piece

    async def send_response(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        lines = [b"HTTP/1.1 %d %b" % (status, phrase(status).encode())]
        lines += [key + b": " + value for key, value in headers]
        lines.append(b"date: " + formatdate(usegmt=True).encode())
        await self.stream.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    async def linger(self) -> None:
        """Say that no more will be sent, and swallow what is still arriving, so that no reset overtakes the answer."""
        self.stream.half_close()

        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT):
                while await self.stream.fill():
                    self.stream.buffer.clear()

    async def serve_websocket(self, target: bytes, headers: HeaderPairs) -> bool:
        values = dict(headers)
        key = values.get(b"sec-websocket-key", b"")

        if values.get(b"sec-websocket-version") != b"13":
            await self.send_response(426, [(b"sec-websocket-version", b"13"), (b"content-length", b"0")], b"")
            return True

        try:
            valid = len(base64.b64decode(key, validate=True)) == 16
        except binascii.Error:
            valid = False

        if not valid:
            raise BadMessage("sec-websocket-key is not 16 bytes in base64")

        offered = [
            item.strip().decode("latin-1")
            for name, value in headers
            if name == b"sec-websocket-protocol"
            for item in value.split(b",")
        ]
        exchange = MemorySocket(target, headers, subprotocols=offered, queue=self.limits.ws_queue)
        self.server.run_websocket(exchange)

        try:
            answer = await exchange.handshake()
        except Aborted:
            return False

        if isinstance(answer, Refused):
            await self.send_response(answer.status, answer.headers, answer.body)
            return True

        reply = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-accept", accept_key(key))]

        if answer.subprotocol:
            reply.append((b"sec-websocket-protocol", answer.subprotocol.encode("latin-1")))

        await self.send_response(101, [*reply, *answer.headers], b"")

        async with Helper(self.receive_messages(exchange)) as receiver:
            try:
                await self.send_messages(exchange)

                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_WAIT):
                        await receiver.wait()
            except ConnectionError:
                exchange.leave()

        return False

    async def receive_messages(self, exchange: MemorySocket) -> None:
        """Carry messages to the facade until the connection ends; answers pings and the close."""
        frames, messages = (
            FrameParser(masked=True, limit=self.limits.ws_message),
            MessageParser(limit=self.limits.ws_message),
        )
        frames.feed(self.stream.consume(len(self.stream.buffer)))

        try:
            while True:
                while (frame := frames.next_frame()) is None:
                    if not (data := await self.stream.read_some()):
                        exchange.leave()
                        return

                    frames.feed(data)

                if frame.opcode == PING:
                    await self.stream.send(encode_frame(PONG, frame.payload))

                message = messages.accept(frame)

                if isinstance(message, Closed):
                    if exchange.ended is None:
                        code = None if message.code == 1005 else message.code
                        exchange.leave(message.code, message.reason)
                        await self.stream.send(encode_frame(CLOSE, encode_close(code, message.reason)))

                    return

                if message is not None:
                    await exchange.deliver(message)
        except FrameError as exc:
            if exchange.ended is None:
                exchange.leave(exc.code, str(exc))
                await self.stream.send(encode_frame(CLOSE, encode_close(exc.code)))

            await self.linger()
        except (ConnectionError, ClientDisconnected):
            exchange.leave()

    async def send_messages(self, exchange: MemorySocket) -> None:
        """Carry messages to the client until the connection ends, by whichever side."""
        while not isinstance(message := await exchange.take(), Closed):
            if isinstance(message, str):
                await self.stream.send(encode_frame(TEXT, message.encode()))
            else:
                await self.stream.send(encode_frame(BINARY, message))

        if exchange.closed_by_server:
            await self.stream.send(encode_frame(CLOSE, encode_close(message.code, message.reason)))


class Helper:
    """A task that lives as long as a block, and ends with it."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self.work = work
        self.task: asyncio.Task[None]

    async def __aenter__(self) -> "Helper":
        self.task = asyncio.get_running_loop().create_task(self.work)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def wait(self) -> None:
        await asyncio.shield(self.task)

    async def stop(self) -> None:
        self.task.cancel()

        with suppress(asyncio.CancelledError):
            await self.task
