"""A runtime that does what a test says, and every ASGI server in front of it."""

import asyncio
import contextvars
import dataclasses
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from hagworm.facade.context import current
from hagworm.facade.engine import Listener
from hagworm.facade.exchange import HeaderPairs, reply_whole
from hagworm.facade.limits import Limits
from hagworm.facade.settings import FrameSettings, ServerSettings
from hagworm.frame.asgi import ENGINE
from hagworm.testing import Connection

__all__ = ("Listening", "Play", "SERVERS", "listening", "serving", "text", "turns", "until")

SERVERS = {
    "uvicorn": {"asgi_server": "uvicorn", "http": "httptools"},
    "uvicorn-plain": {"http": "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol"},
    "uvicorn-h11": {"asgi_server": "uvicorn", "http": "h11"},
    "hypercorn": {"asgi_server": "hypercorn"},
    "granian": {"asgi_server": "granian"},
}

Act = Callable[[Any], Awaitable[None]]
NOBODY: Any = object()


async def text(exchange: Any, body: str | bytes = "ok", status: int = 200, headers: HeaderPairs = ()) -> None:
    """Answer `exchange` with `body`."""
    data = body.encode() if isinstance(body, str) else body
    await reply_whole(exchange, status, [*headers, (b"content-length", b"%d" % len(data))], data)


class Play:
    """Both `App` and `Runtime`, as far as an engine looks at them."""

    def __init__(self, act: Act = text, act_socket: Act | None = None, *, limits: Limits | None = None) -> None:
        self.act = act
        self.act_socket = act_socket
        self.limits = limits or Limits()
        self.settings = FrameSettings()
        self.natives: dict[str, Any] = {}
        self.title, self.version, self.description = "play", "1", ""
        self.started = False
        self.draining = False
        self.failure: Exception | None = None
        self.log: list[str] = []

    @property
    def app(self) -> "Play":
        return self

    def freeze(self) -> Any:
        return self

    async def http(self, exchange: Any) -> None:
        """As the real one does: whatever leaked into this context is seen, and the own request is left in it."""
        exchange.__class__  # noqa: B018  # an exchange is an object, not a dict
        current.set(NOBODY)
        await self.act(exchange)

    async def websocket(self, exchange: Any) -> None:
        current.set(NOBODY)
        assert self.act_socket is not None
        await self.act_socket(exchange)

    async def startup(self) -> None:
        if self.failure is not None:
            raise self.failure

        self.log.append("startup")
        self.started = True

    async def shutdown(self) -> None:
        self.log.append("shutdown")
        self.started = False

    def start_draining(self) -> None:
        self.draining = True
        self.log.append("draining")

    async def drained(self, timeout: float) -> bool:
        return True


class Listening:
    """A listener, and connections to it."""

    def __init__(self, listener: Listener, port: int) -> None:
        self.listener = listener
        self.port = port

    async def connect(self) -> Connection:
        return await Connection.open("127.0.0.1", self.port)

    async def ask(self, data: bytes, method: str = "GET") -> Any:
        async with await self.connect() as connection:
            await connection.send(data)
            return await connection.read_response(method)


@asynccontextmanager
async def listening(play: Play, server: str = "uvicorn", **options: Any) -> AsyncIterator[Listening]:
    """Serve `play` on a loopback socket of its own."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        sock.listen(100)
        sock.setblocking(False)
        port = sock.getsockname()[1]

        async with serving(play, sock, server, **options) as listener:
            yield Listening(listener, port)


@asynccontextmanager
async def serving(play: Play, sock: socket.socket, server: str, **options: Any) -> AsyncIterator[Listener]:
    """Serve `play` on `sock`."""
    settings = dataclasses.replace(ServerSettings(), **{**SERVERS[server], **options})
    play.started = True
    # The server's callbacks run in a copy of this context, as in a process that serves nothing yet.
    context = contextvars.copy_context()
    context.run(current.set, None)
    listener = await asyncio.get_running_loop().create_task(ENGINE.listen(play, [sock], settings), context=context)

    try:
        yield listener
    finally:
        await listener.kill()


async def turns(count: int = 20) -> None:
    """Let every task run until all of them wait."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    """Return when `true()` is, which somebody else's loop or thread brings about. Raises TimeoutError after 5 s."""
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.001)
