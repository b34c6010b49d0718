"""The two ways a test client reaches an application: in memory, and over a loopback socket."""

import asyncio
import socket
from collections.abc import AsyncIterable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol

from hagworm.facade.exchange import BodyError, HeaderPairs
from hagworm.frame.memory import ENGINE as MEMORY
from hagworm.frame.memory import MemoryExchange, MemoryServer, MemorySocket, Refused
from hagworm.testing.connection import Connection
from hagworm.testing.encoding import ClientRequest
from hagworm.testing.http1 import BodyReader
from hagworm.testing.response import ClientResponse
from hagworm.testing.stream import Stream
from hagworm.testing.websocket import Channel, HandshakeRefused, MemoryChannel, RawWebSocket
from hagworm.testing.wire import MemoryWire

if TYPE_CHECKING:
    from hagworm.facade.application import App
    from hagworm.facade.runtime import Runtime

__all__ = ("Answering", "LoopbackTransport", "MemoryTransport", "Transport")

DRAIN = 5.0


class Answering(Protocol):
    """A response whose body is still to be read."""

    status: int
    headers: HeaderPairs
    version: str
    reason: str

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end. Raises ConnectionError where it is cut."""

    async def close(self) -> None:
        """Go away, if the end has not been reached: the handler sees a disconnect."""


class Transport(Protocol):
    """Starts the application, carries requests to it, and stops it."""

    authority: str

    async def open(self) -> None:
        """Start the application. Raises `StartupFailed`."""

    async def close(self) -> None:
        """Stop the application, its lifespan included, once its background work is done."""

    async def send(self, request: ClientRequest) -> Answering:
        """Send a request and return when the head of the response has come."""

    async def websocket(self, target: bytes, headers: HeaderPairs, subprotocols: Sequence[str]) -> Channel:
        """Open a WebSocket. Raises `HandshakeRefused`."""

    async def connect(self) -> Connection:
        """Open a connection for raw bytes."""


class Crew:
    """Tasks that belong to a transport."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def stop(self) -> None:
        tasks = tuple(self.tasks)

        for task in tasks:
            task.cancel()

        await asyncio.gather(*tasks, return_exceptions=True)


class MemoryAnswer:
    """A response of the memory engine."""

    reason = ""

    def __init__(self, exchange: MemoryExchange, status: int, headers: HeaderPairs) -> None:
        self.exchange = exchange
        self.status = status
        self.headers = headers
        self.version = exchange.version

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end. Raises `Aborted`."""
        return await self.exchange.chunk()

    async def close(self) -> None:
        """Vanish, if the end has not been reached."""
        if not self.exchange.complete or self.exchange.outgoing:
            self.exchange.vanish()


class MemoryTransport:
    """No socket: every request is an exchange of the memory engine; raw bytes go through `MemoryWire`."""

    authority = "testserver"

    def __init__(self, app: "App", *, timeout: float) -> None:
        self.app = app
        self.timeout = timeout
        self.server: MemoryServer
        self.runtime: Runtime
        self.crew = Crew()

    async def open(self) -> None:
        """Start the application. Raises `StartupFailed`."""
        self.runtime = self.app.freeze()
        self.server = MEMORY.build(self.app)
        await self.runtime.startup()

    async def close(self) -> None:
        """Let what is running finish, then stop the application."""
        try:
            self.runtime.start_draining()
            await self.runtime.drained(DRAIN)
            await self.crew.stop()
            await self.server.close()
        finally:
            await self.runtime.shutdown()

    def headers(self, pairs: HeaderPairs) -> list[tuple[bytes, bytes]]:
        if any(name == b"host" for name, _ in pairs):
            return list(pairs)

        return [(b"host", self.authority.encode()), *pairs]

    async def send(self, request: ClientRequest) -> MemoryAnswer:
        """Hand the request over, and return when the head of the response has come. Raises `Aborted`."""
        headers = self.headers(request.headers)
        body = request.body

        if isinstance(body, bytes):
            if body or request.method in ("POST", "PUT", "PATCH"):
                headers.append((b"content-length", str(len(body)).encode()))
        else:
            headers.append((b"transfer-encoding", b"chunked"))

        exchange = MemoryExchange(request.method, request.target, headers)

        if body:
            self.crew.start(self.feed(exchange, body))
        else:
            exchange.feed_end()

        self.server.run_http(exchange)

        try:
            async with asyncio.timeout(self.timeout):
                status, response_headers = await exchange.head()
        except BaseException:
            exchange.vanish()
            raise

        return MemoryAnswer(exchange, status, response_headers)

    async def feed(self, exchange: MemoryExchange, body: bytes | AsyncIterable[bytes]) -> None:
        if isinstance(body, bytes):
            await exchange.feed(body)
        else:
            try:
                async for piece in body:
                    await exchange.feed(piece)
            except Exception as exc:
                exchange.fail(BodyError(400, f"the client's body failed: {exc!r}"))
                raise

        exchange.feed_end()

    async def websocket(self, target: bytes, headers: HeaderPairs, subprotocols: Sequence[str]) -> MemoryChannel:
        """Open a WebSocket. Raises `HandshakeRefused`, or `Aborted`."""
        pairs = self.headers(headers)

        if subprotocols:
            pairs.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode("latin-1")))

        queue = self.runtime.limits.ws_queue
        exchange = MemorySocket(target, pairs, subprotocols=subprotocols, queue=queue)
        self.server.run_websocket(exchange)

        try:
            async with asyncio.timeout(self.timeout):
                answer = await exchange.handshake()
        except BaseException:
            exchange.leave()
            raise

        if isinstance(answer, Refused):
            raise HandshakeRefused(ClientResponse(answer.status, answer.headers, answer.body))

        return MemoryChannel(exchange, answer.subprotocol, answer.headers)

    async def connect(self) -> Connection:
        """Return one end of a socket pair whose other end is served by `MemoryWire`."""
        ours, theirs = socket.socketpair()
        self.crew.start(MemoryWire(Stream(theirs), self.server, self.runtime.limits).run())
        return Connection(Stream(ours), timeout=self.timeout)


class LoopbackAnswer:
    """A response on a connection."""

    def __init__(
        self, transport: "LoopbackTransport", connection: Connection, sender: asyncio.Task[None] | None
    ) -> None:
        self.transport = transport
        self.connection = connection
        self.sender = sender
        self.status = 0
        self.headers: HeaderPairs = ()
        self.version = "1.1"
        self.reason = ""
        self.body: BodyReader

    async def begin(self, method: str) -> None:
        head = await self.connection.read_head()
        self.status, self.headers, self.version, self.reason = head.status, head.headers, head.version, head.reason
        self.body = self.connection.body(head, method)

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end. Raises `StreamEnded`."""
        return await self.connection.read_piece(self.body)

    async def close(self) -> None:
        """Keep the connection for the next request if it is fit for one, else close it."""
        if self.sender is not None and not self.sender.done():
            self.sender.cancel()
            await asyncio.gather(self.sender, return_exceptions=True)
            self.connection.reset()
        elif not self.body.complete or self.body.length is None or self.ends():
            self.connection.close()
        else:
            self.transport.idle.append(self.connection)

    def ends(self) -> bool:
        tokens = b",".join(value for name, value in self.headers if name == b"connection").lower()
        return self.version != "1.1" or b"close" in tokens


class LoopbackTransport:
    """The engine's own server on a free port of the loopback interface, in this process and loop."""

    def __init__(self, app: "App", engine: str, *, timeout: float, options: dict[str, Any]) -> None:
        self.app = app
        self.engine = engine
        self.timeout = timeout
        self.options = options
        self.authority = "testserver"
        self.port = 0
        self.idle: list[Connection] = []
        self.crew = Crew()
        self.stack = AsyncExitStack()

    async def open(self) -> None:
        """Start the application and its server. Raises `StartupFailed`."""
        from hagworm.facade.serving import Server

        server = await self.stack.enter_async_context(Server(self.app, engine=self.engine, port=0, **self.options))
        self.port = server.port
        self.authority = f"127.0.0.1:{self.port}"

    async def close(self) -> None:
        """Close the connections and stop the server."""
        await self.crew.stop()

        while self.idle:
            self.idle.pop().close()

        await self.stack.aclose()

    async def connect(self) -> Connection:
        """Open a new connection."""
        return await Connection.open("127.0.0.1", self.port, timeout=self.timeout)

    async def checkout(self) -> Connection:
        while self.idle:
            connection = self.idle.pop()

            if not connection.stream.is_stale():
                return connection

            connection.close()

        return await self.connect()

    def host(self, headers: HeaderPairs) -> list[tuple[bytes, bytes]]:
        if any(name == b"host" for name, _ in headers):
            return list(headers)

        return [(b"host", self.authority.encode()), *headers]

    async def send(self, request: ClientRequest) -> LoopbackAnswer:
        """Send the request, and return when the head of the response has come. Raises `StreamEnded`."""
        connection = await self.checkout()
        headers = self.host(request.headers)
        body = request.body

        if not isinstance(body, bytes):
            headers.append((b"transfer-encoding", b"chunked"))
        elif body or request.method in ("POST", "PUT", "PATCH"):
            headers.append((b"content-length", str(len(body)).encode()))

        head = request.method.encode() + b" " + request.target + b" HTTP/1.1\r\n"
        head += b"".join(b"%b: %b\r\n" % pair for pair in headers) + b"\r\n"
        sender = None

        if isinstance(body, bytes) and len(body) <= 64 * 1024:
            await connection.send(head + body)
        else:
            sender = self.crew.start(self.send_body(connection, head, body))

        answer = LoopbackAnswer(self, connection, sender)

        try:
            await answer.begin(request.method)
        except BaseException:
            connection.close()
            raise

        return answer

    async def send_body(self, connection: Connection, head: bytes, body: bytes | AsyncIterable[bytes]) -> None:
        if isinstance(body, bytes):
            await connection.send(head + body)
            return

        await connection.send(head)

        async for piece in body:
            if piece and not await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece)):
                return

        await connection.send(b"0\r\n\r\n")

    async def websocket(self, target: bytes, headers: HeaderPairs, subprotocols: Sequence[str]) -> RawWebSocket:
        """Open a WebSocket on a connection of its own. Raises `HandshakeRefused`."""
        connection = await self.connect()

        try:
            return await RawWebSocket.open(connection, target, self.host(headers), subprotocols)
        except BaseException:
            connection.close()
            raise
