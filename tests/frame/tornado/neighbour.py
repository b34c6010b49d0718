"""A Tornado application as people have them, and the ways it stands behind the facade."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import tornado.web
import tornado.websocket

from hagworm import App
from hagworm.facade.limits import Limits
from hagworm.testing import Client

PLACES = ("tornado", "tornado at /old", "memory at /old", "asgi at /old", "fastapi at /old")
"""Engine, and the prefix of the mount; without one the application stands behind the facade itself."""


class Neighbour:
    """The application, what its handlers have seen, and the facade that it stands behind."""

    def __init__(self, place: str, **limits: Any) -> None:
        self.notes: asyncio.Queue[str] = asyncio.Queue()
        self.gate = asyncio.Event()
        engine, _, self.prefix = place.partition(" at ")
        self.engine = engine
        self.app = App(limits=Limits(**limits))
        self.application = make_application(self)

        if self.prefix:
            self.app.mount_native(self.prefix, self.application)
        else:
            self.app.natives["tornado"] = self.application

        @self.app.get("/ours")
        async def ours() -> str:
            return "ours"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Client]:
        async with Client(self.app, engine=self.engine, access_log=False) as client:
            yield client

    async def note(self) -> str:
        async with asyncio.timeout(5):
            return await self.notes.get()


def make_application(neighbour: Neighbour) -> tornado.web.Application:
    notes, gate = neighbour.notes, neighbour.gate

    class Echo(tornado.web.RequestHandler):
        def get(self) -> None:
            request = self.request
            self.write(
                {
                    "path": request.path,
                    "query": request.query,
                    "host": request.host,
                    "protocol": request.protocol,
                    "ip": request.remote_ip,
                    "many": request.headers.get_list("X-Many"),
                    "argument": self.get_query_arguments("a"),
                }
            )

        def post(self) -> None:
            self.set_header("Content-Type", "application/octet-stream")
            self.write(self.request.body)

    class Answer(tornado.web.RequestHandler):
        def get(self, status: str) -> None:
            self.set_status(int(status))
            self.add_header("X-Two", "1")
            self.add_header("X-Two", "2")
            self.set_cookie("c", "1")

            if int(status) not in (204, 304):
                self.write("answer")

    class Pieces(tornado.web.RequestHandler):
        async def get(self) -> None:
            try:
                for number in range(int(self.get_argument("count", "3"))):
                    self.write(b"x" * int(self.get_argument("size", "1")))
                    await self.flush()
                    notes.put_nowait(str(number))
            except tornado.iostream.StreamClosedError:
                notes.put_nowait("closed")

        head = get

    class Upload(tornado.web.RequestHandler):
        size = 0

        def prepare(self) -> None:
            if limit := self.get_argument("limit", None):
                self.request.connection.set_max_body_size(int(limit))

            if self.get_argument("refuse", None):
                self.set_status(403)
                self.finish("refused")

        async def data_received(self, chunk: bytes) -> None:
            self.size += len(chunk)
            notes.put_nowait(str(len(chunk)))

            if self.get_argument("wait", None):
                await gate.wait()

        def put(self) -> None:
            self.write(str(self.size))

        def on_connection_close(self) -> None:
            super().on_connection_close()
            notes.put_nowait("left")

    class Wait(tornado.web.RequestHandler):
        async def get(self) -> None:
            notes.put_nowait("waiting")
            await gate.wait()
            self.write("waited")

        def on_connection_close(self) -> None:
            notes.put_nowait("left")
            gate.set()

    class Fail(tornado.web.RequestHandler):
        async def get(self, how: str) -> None:
            if how == "before":
                raise RuntimeError("before")

            if how == "http":
                raise tornado.web.HTTPError(418)

            if how == "short":
                self.set_header("Content-Length", "10")
                self.write("x")
                return

            if how == "long":
                self.set_header("Content-Length", "1")
                self.write("xy")
                return

            self.set_header("Content-Length", "10")
            self.write("x")
            await self.flush()
            raise RuntimeError("in the middle")

        def log_exception(self, *args: Any) -> None:
            notes.put_nowait("logged")

    class Feed(tornado.websocket.WebSocketHandler):
        def check_origin(self, origin: str) -> bool:
            return origin != "http://evil"

        def select_subprotocol(self, subprotocols: list[str]) -> str | None:
            return "chat" if "chat" in subprotocols else None

        def prepare(self) -> None:
            if self.get_argument("refuse", None):
                raise tornado.web.HTTPError(401)

        def open(self) -> None:
            self.set_nodelay(True)

            if self.get_argument("greet", None):
                self.write_message("welcome")

            if self.get_argument("bye", None):
                self.close(4001, "enough")

            if self.get_argument("fail", None):
                raise RuntimeError("in open")

        async def on_message(self, message: str | bytes) -> None:
            if message == "gate":
                await gate.wait()
            elif message == "ping":
                self.ping(b"there?")
                return

            await self.write_message(message, binary=isinstance(message, bytes))

        def on_pong(self, data: bytes) -> None:
            notes.put_nowait(f"pong {data.decode()}")

        def on_close(self) -> None:
            notes.put_nowait(f"closed {self.close_code} {self.close_reason}")

        def log_exception(self, *args: Any) -> None:
            notes.put_nowait("logged")

    return tornado.web.Application(
        [
            (r"/echo/?.*", Echo),
            (r"/answer/(\d+)", Answer),
            (r"/pieces", Pieces),
            (r"/upload", tornado.web.stream_request_body(Upload)),
            (r"/wait", Wait),
            (r"/fail/(\w+)", Fail),
            (r"/feed", Feed),
        ],
        log_function=lambda handler: None,
    )
