"""The engine that needs no socket: requests and WebSockets handed to the facade inside one process."""

import asyncio
import socket
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hagworm.extend.error import ConfigError
from hagworm.facade.engine import Listener
from hagworm.facade.exchange import Address, BodyError, Capabilities, ClientDisconnected, Closed, HeaderPairs

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("ENGINE", "Aborted", "Accepted", "MemoryEngine", "MemoryExchange", "MemoryServer", "MemorySocket", "Refused")

CAPS: Capabilities = frozenset({"raw_path", "ws_reject_body"})
BUFFER = 64 * 1024
CLIENT: Address = ("127.0.0.1", 49152)
SERVER: Address = ("127.0.0.1", 80)


class Aborted(ConnectionError):
    """The facade dropped the connection before the response was complete."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The handshake of a WebSocket has succeeded."""

    subprotocol: str | None
    headers: HeaderPairs


@dataclass(frozen=True, slots=True)
class Refused:
    """The handshake of a WebSocket was answered with an HTTP response."""

    status: int
    headers: HeaderPairs
    body: bytes


class Flag:
    """A condition that changes now and then; whoever depends on it waits for the next change and looks again."""

    __slots__ = ("waiters",)

    def __init__(self) -> None:
        self.waiters: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        waiters, self.waiters = self.waiters, []

        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def changed(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        await waiter


class MemoryHead:
    """What is known before the first byte of a body, made from plain values."""

    __slots__ = ("caps", "headers", "local", "method", "native", "path", "peer", "query", "scheme", "version")

    def __init__(
        self,
        method: str,
        target: bytes,
        headers: HeaderPairs = (),
        *,
        version: str = "1.1",
        scheme: str = "http",
        peer: Address | None = CLIENT,
        local: Address | None = SERVER,
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition(b"?")
        self.version = version
        self.headers = tuple(headers)
        self.scheme = scheme
        self.peer = peer
        self.local = local
        self.native: Any = None
        self.caps = CAPS

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.path.decode('latin-1')}>"

    @property
    def has_native(self) -> bool:
        """Never: no framework stands behind this engine."""
        return False

    async def pass_on(self, headers: HeaderPairs) -> int:
        """Refuse: the facade asks for it only where `has_native` is true."""
        raise RuntimeError("the memory engine has no native application to pass a request on to")


class MemoryExchange(MemoryHead):
    """One request. The facade uses the verbs of `HttpExchange`; a client uses `feed`, `head`, `chunk` and `vanish`.

    Either side waits for the other beyond 64 KiB that were not taken: a client that does not ask for the next chunk
    stalls the handler's `write`, a handler that does not read stalls the client's `feed`.
    """

    __slots__ = (
        "aborted",
        "change",
        "complete",
        "departed",
        "failure",
        "incoming",
        "incoming_size",
        "lost",
        "outgoing",
        "outgoing_size",
        "request_complete",
        "response_headers",
        "status",
        "wanted",
    )

    def __init__(self, method: str, target: bytes, headers: HeaderPairs = (), **options: Any) -> None:
        super().__init__(method, target, headers, **options)
        self.change = Flag()
        self.incoming: deque[bytes] = deque()
        self.incoming_size = 0
        self.request_complete = False
        self.failure: BodyError | None = None
        self.wanted = False
        self.status = 0
        self.response_headers: HeaderPairs = ()
        self.outgoing: deque[bytes] = deque()
        self.outgoing_size = 0
        self.complete = False
        self.aborted = False
        self.departed = False
        self.lost: asyncio.Future[None] | None = None

    # The facade's side.

    async def read(self) -> bytes:
        """Return the next piece of the body, `b""` at its end. Raises `ClientDisconnected`, or what `fail` got."""
        if not self.wanted:
            self.wanted = True
            self.change.ring()

        while not self.incoming:
            if self.departed:
                raise ClientDisconnected("the client went away before the request body was complete")

            if self.failure is not None:
                raise self.failure

            if self.request_complete:
                return b""

            await self.change.changed()

        piece = self.incoming.popleft()
        self.incoming_size -= len(piece)
        self.change.ring()
        return piece

    async def reply(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        """Answer at once."""
        await self.start(status, headers)

        if body:
            self.outgoing.append(body)
            self.outgoing_size += len(body)

        await self.finish()

    async def start(self, status: int, headers: HeaderPairs) -> None:
        """Begin a response. Raises `ClientDisconnected`."""
        if self.departed:
            raise ClientDisconnected("the client went away before the response")

        if self.status:
            raise RuntimeError("the response has been started already")

        self.status = status
        self.response_headers = tuple(headers)
        self.change.ring()

    async def write(self, chunk: bytes) -> None:
        """Hand over one piece, and wait until the client holds less than the buffer. Raises `ClientDisconnected`."""
        if chunk and not self.departed:
            self.outgoing.append(chunk)
            self.outgoing_size += len(chunk)
            self.change.ring()

        while self.outgoing_size > BUFFER and not self.departed:
            await self.change.changed()

        if self.departed:
            raise ClientDisconnected("the client went away during the response")

    async def finish(self) -> None:
        """End the response cleanly."""
        self.complete = True
        self.change.ring()

    def abort(self) -> None:
        """Drop the connection; the client sees `Aborted` behind what it has been given."""
        if not self.complete:
            self.aborted = True
            self.change.ring()

    @property
    def gone(self) -> asyncio.Future[None]:
        """Resolved when the client goes away."""
        if self.lost is None:
            self.lost = asyncio.get_running_loop().create_future()

            if self.departed:
                self.lost.set_result(None)

        return self.lost

    # The client's side.

    @property
    def answered(self) -> bool:
        """Whether the response has ended, cleanly or not, so that nobody reads the rest of the request."""
        return self.complete or self.aborted

    async def feed(self, piece: bytes) -> None:
        """Send one piece of the body, and wait while more than 64 KiB are unread and a response is still to come."""
        if piece:
            self.incoming.append(piece)
            self.incoming_size += len(piece)
            self.change.ring()

        while self.incoming_size > BUFFER and not self.answered and not self.departed:
            await self.change.changed()

    def feed_end(self) -> None:
        """End the body."""
        self.request_complete = True
        self.change.ring()

    def fail(self, error: BodyError) -> None:
        """Let the next read past what was fed raise `error`, as broken framing does on a socket."""
        self.failure = error
        self.change.ring()

    async def body_wanted(self) -> bool:
        """Wait until the facade reads the body (True: time for `100 Continue`) or has answered without it (False)."""
        while not self.wanted and not self.answered and not self.status:
            await self.change.changed()

        return self.wanted

    async def head(self) -> tuple[int, HeaderPairs]:
        """Wait for status and headers. Raises `Aborted`."""
        while not self.status:
            if self.aborted:
                raise Aborted("the connection was dropped before the response")

            await self.change.changed()

        return self.status, self.response_headers

    async def chunk(self) -> bytes:
        """Return the next piece of the response, `b""` at its end. Raises `Aborted`."""
        while not self.outgoing:
            if self.aborted:
                raise Aborted("the connection was dropped during the response")

            if self.complete:
                return b""

            await self.change.changed()

        piece = self.outgoing.popleft()
        self.outgoing_size -= len(piece)
        self.change.ring()
        return piece

    def vanish(self) -> None:
        """Go away: reads and writes of the facade raise `ClientDisconnected`, and `gone` resolves."""
        self.departed = True

        if self.lost is not None and not self.lost.done():
            self.lost.set_result(None)

        self.change.ring()


class MemorySocket(MemoryHead):
    """One WebSocket. The facade uses the verbs of `WsExchange`, a client `handshake`, `deliver`, `take` and `leave`."""

    __slots__ = ("answer", "change", "closed_by_server", "ended", "incoming", "outgoing", "queue", "subprotocols")

    def __init__(
        self,
        target: bytes,
        headers: HeaderPairs = (),
        *,
        subprotocols: Sequence[str] = (),
        queue: int = 16,
        **options: Any,
    ) -> None:
        super().__init__("GET", target, headers, **options)
        self.subprotocols = tuple(subprotocols)
        self.change = Flag()
        self.answer: Accepted | Refused | None = None
        self.incoming: deque[str | bytes] = deque()
        self.outgoing: deque[str | bytes | Closed] = deque()
        self.queue = queue
        self.ended: Closed | None = None
        self.closed_by_server = False

    # The facade's side.

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        """Complete the handshake. Raises `ClientDisconnected`."""
        if self.ended is not None:
            raise ClientDisconnected("the client went away during the handshake")

        self.answer = Accepted(subprotocol, tuple(headers))
        self.change.ring()

    async def reject(self, status: int, headers: HeaderPairs, body: bytes) -> None:
        """Refuse the handshake with an HTTP response."""
        self.answer = Refused(status, tuple(headers), body)
        self.ended = Closed(1006)
        self.change.ring()

    async def recv(self) -> str | bytes | Closed:
        """Return the next message, or how the connection ended."""
        while not self.incoming:
            if self.ended is not None:
                return self.ended

            await self.change.changed()

        message = self.incoming.popleft()
        self.change.ring()
        return message

    async def send(self, data: str | bytes) -> None:
        """Send one message, and wait while the client has not taken as many as the queue holds."""
        if self.ended is None:
            self.outgoing.append(data)
            self.change.ring()

        while len(self.outgoing) > self.queue and self.ended is None:
            await self.change.changed()

        if self.ended is not None:
            raise ClientDisconnected(f"the WebSocket has ended with code {self.ended.code}")

    async def close(self, code: int, reason: str) -> None:
        """End the connection; without effect on one that has ended."""
        if self.ended is None:
            self.ended = Closed(code, reason)
            self.closed_by_server = True
            self.outgoing.append(self.ended)
            self.change.ring()

    # The client's side.

    async def handshake(self) -> Accepted | Refused:
        """Wait for the answer to the handshake. Raises `Aborted` where there is none."""
        while self.answer is None:
            if self.ended is not None:
                raise Aborted("the connection was dropped during the handshake")

            await self.change.changed()

        return self.answer

    async def deliver(self, message: str | bytes) -> None:
        """Send one message, and wait while the queue of unread ones is full. Raises `ClientDisconnected` at its end."""
        while len(self.incoming) >= self.queue and self.ended is None:
            await self.change.changed()

        if self.ended is not None:
            raise ClientDisconnected(f"the WebSocket has ended with code {self.ended.code}")

        self.incoming.append(message)
        self.change.ring()

    async def take(self) -> str | bytes | Closed:
        """Return the next message of the facade, or how the connection ended."""
        while not self.outgoing:
            if self.ended is not None:
                return self.ended

            await self.change.changed()

        message = self.outgoing.popleft()
        self.change.ring()
        return message

    def leave(self, code: int = 1006, reason: str = "") -> None:
        """End the connection from the client's side: with a close frame, or without one (1006)."""
        if self.ended is None:
            self.ended = Closed(code, reason)
            self.change.ring()


class Driver(Protocol):
    """What this engine needs of `hagworm.facade.runtime.Runtime`."""

    async def http(self, exchange: Any) -> None:
        """Answer one request."""

    async def websocket(self, exchange: Any) -> None:
        """Serve one WebSocket."""


class MemoryServer:
    """Runs exchanges for one frozen application, each in a task of its own."""

    def __init__(self, runtime: Driver) -> None:
        self.runtime = runtime
        self.tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<MemoryServer {len(self.tasks)} running>"

    def run_http(self, exchange: MemoryExchange) -> None:
        """Begin to answer `exchange`; one that the facade leaves unanswered is aborted."""
        self.begin(self.runtime.http(exchange)).add_done_callback(lambda _: exchange.abort())

    def run_websocket(self, exchange: MemorySocket) -> None:
        """Begin to serve `exchange`; one that the facade leaves open ends with 1006."""
        self.begin(self.runtime.websocket(exchange)).add_done_callback(lambda _: exchange.leave())

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def close(self) -> None:
        """Cancel what is still running, and return when it has ended. Raises what an exchange failed with."""
        tasks = tuple(self.tasks)

        for task in tasks:
            task.cancel()

        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


class MemoryEngine:
    """Engine `memory`: for tests, and for code that calls its own application."""

    name = "memory"
    caps = CAPS

    def declare(self) -> dict[str, str]:
        """Nothing: without bytes there is no parser to own an outcome."""
        return {}

    def native(self, app: "App") -> Any:
        """Return the application itself: there is no framework behind it."""
        return app

    def build(self, app: "App") -> MemoryServer:
        """Return the server that `hagworm.testing.Client` drives; the application is frozen by it."""
        return MemoryServer(app.freeze())

    async def listen(self, app: "App", sockets: Sequence[socket.socket], options: Any) -> Listener:
        """Refuse. Raises `ConfigError`."""
        raise ConfigError("the engine 'memory' serves no socket; it is for hagworm.testing.Client")


ENGINE = MemoryEngine()
