"""A real HTTP server on the loopback that does what a test says, and what it has been asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web

__all__ = ("Seen", "Server", "close_at_once", "serve", "serve_canned", "serve_raw", "silent")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Where it listens, and what it has been asked."""

    url: str
    port: int
    seen: list[Seen] = field(default_factory=list)


@asynccontextmanager
async def serve(
    handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    """Serve every path by `handler`, with aiohttp."""
    server = Server("", 0)

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        server.seen.append(Seen(request.method, request.raw_path, headers, await request.read()))
        return await handler(request)

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()

    try:
        site = web.TCPSite(runner, host, 0, ssl_context=tls)
        await site.start()
        server.port = runner.addresses[0][1]
        server.url = f"{'https' if tls else 'http'}://{host}:{server.port}"
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serve_raw(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Serve connections by `talk`, byte by byte; what talks is ended with the block."""
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(run(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.transport.abort())

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]

    try:
        yield Server(f"http://127.0.0.1:{port}", port)
    finally:
        listener.close()

        for task in tasks:
            task.cancel()

        if tasks:
            await asyncio.wait(tasks)

        await asyncio.sleep(0)


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request and hang up."""
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read, and say nothing."""
    while await reader.read(1000):
        pass


class Canned(asyncio.Protocol):
    """Answers whatever ends like a request or its body, always in the same way, without a task of its own."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, end, body = self.data.partition(b"\r\n\r\n")

        if end:
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")

            if len(body) >= int(length.partition(b":")[2]):
                self.data = b""
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


@asynccontextmanager
async def serve_canned() -> AsyncIterator[Server]:
    """Serve an answer that is always the same, without tasks: for those who count them."""
    transports: list[asyncio.BaseTransport] = []

    class Kept(Canned):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            transports.append(transport)

    listener = await asyncio.get_running_loop().create_server(Kept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]

    try:
        yield Server(f"http://127.0.0.1:{port}", port)
    finally:
        listener.close()

        for transport in transports:
            transport.close()

        await asyncio.sleep(0)
        await asyncio.sleep(0)
