"""A connection that carries messages, not bytes."""

import asyncio
import os
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.net.tls import check_context
from hagworm.extend.base.codec.json import decode_json, encode_json
from hagworm.extend.base.codec.msgpack import decode_msgpack, encode_msgpack
from hagworm.extend.error import BadValue, Closed, ConnectFailed, ConnectionLost, FrameError, Untrusted
from hagworm.extend.net.framing import Decoder, Framing, LengthPrefixed

__all__ = ("CHUNK", "CODECS", "Codec", "CodecName", "Credentials", "FramedConnection", "connect", "find_codec")

CHUNK = 1 << 16
"""How many bytes are read at a time."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a message becomes bytes, and bytes a message."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


CodecName = Literal["bytes", "json", "msgpack"]

CODECS = {
    "bytes": Codec(bytes, bytes),
    "json": Codec(encode_json, decode_json),
    "msgpack": Codec(encode_msgpack, decode_msgpack),
}


class Credentials(NamedTuple):
    """Who is at the other end of a Unix socket, as the kernel says."""

    pid: int
    uid: int
    gid: int


def find_codec(codec: Codec | CodecName) -> Codec:
    """Return a codec by its name. Raises ValueError for an unknown one."""
    if isinstance(codec, Codec):
        return codec

    try:
        return CODECS[codec]
    except KeyError:
        raise ValueError(f"codec: {codec!r} is none of {', '.join(CODECS)}") from None


class FramedConnection:
    """A connection whose messages are told apart by a `framing` and understood by a `codec`.

    One task may receive while others send: a message goes out whole or not at all, also where its sender is cancelled,
    and a receiver that is cancelled loses none. `async for message in connection` ends where the other side closes
    between two messages. After an error it is closed: what comes later could be the answer to something else.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        framing: Framing,
        codec: Codec | CodecName = "bytes",
        name: str = "",
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.framing = framing
        self.codec = find_codec(codec)
        self.name = name
        self.decoder = Decoder(framing)
        self.frames: deque[bytes] = deque()
        self.is_closed = False
        self.ended = False
        self.sent = self.received = 0

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open"
        return f"<FramedConnection {self.name or self.peer}, {state}, {self.sent} sent, {self.received} received>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def peer(self) -> str:
        """The address of the other side; empty for Unix sockets without one."""
        address = self.writer.get_extra_info("peername")
        return ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address or "")

    @property
    def credentials(self) -> Credentials:
        """Who is at the other end of a Unix socket. Raises OSError for other sockets."""
        return peer_credentials(self.writer)

    @property
    def is_usable(self) -> bool:
        """Whether neither side has closed it, as far as that is known."""
        return not (self.is_closed or self.ended or self.writer.is_closing() or self.reader.at_eof())

    def statistics(self) -> dict[str, int]:
        """Return how many messages were sent and received, and how many bytes belonged to none."""
        return {"sent": self.sent, "received": self.received, "skipped": self.decoder.skipped}

    async def send(self, message: Any) -> None:
        """Send a message; wait while the other side does not keep up. Raises `ConnectionLost`, `FrameError`."""
        frame = self.framing.encode(self.codec.encode(message))

        if self.is_closed:
            raise Closed(f"{self!r} is closed")

        # All of it at once: only the waiting can be cancelled.
        self.writer.write(frame)
        self.sent += 1

        try:
            await self.writer.drain()
        except (OSError, RuntimeError) as error:
            self.abort()
            raise ConnectionLost(f"{self!r}: {error}", retryable=False) from error

    async def receive(self) -> Any:
        """Return the next message. Raises `ConnectionLost` where the other side has closed, `FrameError`."""
        while not self.frames:
            if not await self.read():
                raise ConnectionLost(f"{self!r}: the other side has closed")

        return self.take()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            while self.frames:
                yield self.take()

            if not await self.read():
                return

    def take(self) -> Any:
        frame = self.frames.popleft()

        try:
            message = self.codec.decode(frame)
        except BadValue as error:
            self.abort()
            raise FrameError(f"{self!r}: a message cannot be understood: {error}") from error

        self.received += 1
        return message

    async def read(self) -> bool:
        """Wait for bytes; return False where the other side has closed between two messages."""
        if self.is_closed:
            raise Closed(f"{self!r} is closed")

        try:
            data = await self.reader.read(CHUNK)
        except OSError as error:
            self.abort()
            raise ConnectionLost(f"{self!r}: {error}") from error

        if not data:
            self.ended = True

            if self.decoder.pending:
                raise ConnectionLost(f"{self!r}: it ended after {self.decoder.pending} bytes of a message")

            return False

        try:
            self.frames.extend(self.decoder.feed(data))
        except FrameError:
            self.abort()
            raise

        return True

    def abort(self) -> None:
        """Close it now; what has not been sent is lost."""
        self.is_closed = True
        self.writer.transport.abort()

    async def aclose(self) -> None:
        """Close it when what was sent is out. Cancelled, it is closed at once."""
        self.is_closed = True
        self.writer.close()

        try:
            with suppress(OSError):
                await self.writer.wait_closed()
        except asyncio.CancelledError:
            self.writer.transport.abort()
            raise


async def connect(
    host: str | None = None,
    port: int | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    framing: Framing | None = None,
    codec: Codec | CodecName = "bytes",
    tls: ssl.SSLContext | None = None,
    timeout: float = 10.0,
    name: str = "",
) -> FramedConnection:
    """Return a connection to `host` and `port`, or to the Unix socket at `path`.

    The `framing` is a length of 4 bytes unless given; `tls` has to verify. Raises `ConnectFailed`, `Untrusted`, and
    `DeadlineExceeded` after `timeout` seconds. Cancelled, nothing stays open.
    """
    if (path is None) == (host is None or port is None):
        raise ValueError("a connection leads to a host and a port, or to a path")

    where = os.fspath(path) if path is not None else f"{host}:{port}"
    context = None if tls is None else check_context(tls)

    async with within(timeout):
        try:
            if path is not None:
                reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=CHUNK)
            else:
                reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=CHUNK)
        except ssl.SSLError as error:
            raise Untrusted(f"{where}: {error}") from error
        except OSError as error:
            raise ConnectFailed(f"{where}: {error}") from error

    return FramedConnection(reader, writer, framing=framing or LengthPrefixed(), codec=codec, name=name or where)


def peer_credentials(writer: asyncio.StreamWriter) -> Credentials:
    connection = writer.get_extra_info("socket")

    if connection is None or connection.family != socket.AF_UNIX:
        raise OSError("only Unix sockets know who is at the other end")

    size = struct.calcsize("3i")
    return Credentials(*struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)))
