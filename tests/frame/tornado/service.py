"""A service that shows what reaches it, and clients that break it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from hagworm import App, Request, Response, WebSocket
from hagworm.facade.exchange import ClientDisconnected
from hagworm.facade.limits import Limits
from hagworm.facade.response import Stream
from hagworm.facade.websocket import WebSocketClosed
from hagworm.testing import Client, Connection

Notes = asyncio.Queue[str]

visits: ContextVar[int] = ContextVar("visits", default=0)


def make_app(**limits: Any) -> App:
    """Return the service; `app.state.notes` tells what its handlers have seen, `app.state.gate` holds some of them."""
    app = App(limits=Limits(**limits))
    notes: Notes = asyncio.Queue()
    app.state.notes = notes
    app.state.gate = asyncio.Event()

    @app.get("/")
    async def hello() -> str:
        return "hello"

    @app.get("/wait")
    async def wait() -> str:
        notes.put_nowait("waiting")
        await app.state.gate.wait()
        return "waited"

    @app.get("/visits")
    async def count() -> int:
        visits.set(visits.get() + 1)
        return visits.get()

    @app.get("/gone")
    async def gone(request: Request) -> None:
        notes.put_nowait("waiting")
        await request.exchange.gone
        notes.put_nowait("gone")

    @app.post("/body")
    async def body(request: Request) -> Response:
        return Response(await request.body())

    @app.post("/slow")
    async def slow(request: Request) -> str:
        """Read one piece, then wait for the gate."""
        size = 0

        try:
            async for piece in request.stream():
                size += len(piece)
                notes.put_nowait(str(len(piece)))
                await app.state.gate.wait()
        except ClientDisconnected:
            notes.put_nowait("left")
            raise

        return str(size)

    @app.post("/unread")
    async def unread() -> str:
        return "not read"

    @app.get("/stream")
    async def stream(pieces: int = 3, size: int = 1, fail: bool = False) -> Stream:
        async def make() -> AsyncIterator[bytes]:
            try:
                for _ in range(pieces):
                    yield b"x" * size
                    notes.put_nowait("piece")

                if fail:
                    raise RuntimeError("halfway")
            finally:
                notes.put_nowait("closed")

        return Stream(make(), media_type="text/plain")

    @app.get("/dated")
    async def dated() -> Response:
        return Response(b"x", headers={"date": "Sun, 06 Nov 1994 08:49:37 GMT"})

    @app.websocket("/echo")
    async def echo(ws: WebSocket) -> None:
        await ws.accept()

        async for message in ws:
            await ws.send(message)

        assert ws.closed is not None
        notes.put_nowait(f"{ws.closed.code} {ws.closed.reason}".strip())

    @app.websocket("/hold")
    async def hold(ws: WebSocket) -> None:
        """Receive nothing before the gate is open."""
        await ws.accept()
        notes.put_nowait("open")
        await app.state.gate.wait()

        async for message in ws:
            notes.put_nowait(str(len(message)))

        assert ws.closed is not None
        notes.put_nowait(f"closed {ws.closed.code}")

    @app.websocket("/flood")
    async def flood(ws: WebSocket) -> None:
        """Send until the client is gone."""
        await ws.accept()
        sent = 0

        try:
            while True:
                await ws.send(b"x" * 65536)
                sent += 1
                app.state.sent = sent
        except WebSocketClosed:
            notes.put_nowait("stopped")

    @app.websocket("/bye")
    async def bye(ws: WebSocket) -> None:
        await ws.accept()
        await ws.close(4001, "enough")

    return app


@asynccontextmanager
async def serving(app: App, **options: Any) -> AsyncIterator[Client]:
    """Serve `app` on this engine."""
    async with Client(app, engine="tornado", access_log=False, **options) as client:
        yield client


async def note(app: App) -> str:
    """Return the next thing that a handler has seen."""
    async with asyncio.timeout(5):
        seen: str = await app.state.notes.get()
        return seen


async def ask(connection: Connection, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> None:
    """Send a request."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: a", *length, *lines, "", ""])
    await connection.send(head.encode("latin-1") + body)
