"""Laws of a server: how it accepts, and how it ends."""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from hagworm import App
from hagworm.facade.settings import ServerSettings
from hagworm.frame.tornado import ENGINE
from hagworm.frame.tornado import server as module
from hagworm.frame.tornado.engine import TornadoListener
from hagworm.frame.tornado.server import Server
from hagworm.testing import Connection
from hagworm.testing.websocket import RawWebSocket
from tests.frame.tornado.service import ask, make_app, note

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@asynccontextmanager
async def listening(app: App, **options: Any) -> AsyncIterator[TornadoListener]:
    runtime = app.freeze()
    sock = socket.create_server(("127.0.0.1", 0))
    await runtime.startup()
    listener = await ENGINE.listen(app, [sock], replace(ServerSettings(), **options))
    assert isinstance(listener, TornadoListener)

    try:
        yield listener
    finally:
        listener.stop_accepting()
        await listener.kill()
        await runtime.shutdown()


async def connect(listener: TornadoListener) -> Connection:
    return await Connection.open("127.0.0.1", listener.ports[0])


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture(params=[True, False], ids=["own stream", "tornado's stream"])
def stream(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of serving: on our stream, and on the one of a Tornado that ours has not been tried with."""
    monkeypatch.setattr(module, "is_supported", lambda: request.param)


pytestmark = pytest.mark.usefixtures("stream")


async def test_it_says_where_it_listens_and_who_is_there() -> None:
    async with listening(make_app()) as listener:
        assert listener.connections == 0
        connection = await connect(listener)
        await connection.send(GET)
        assert (await connection.read_response()).status == 200
        assert listener.connections == 1
        assert str(listener.ports[0]) in repr(listener)
        connection.close()
        await until(lambda: listener.connections == 0)


async def test_who_is_connected_is_served_after_the_door_has_closed() -> None:
    async with listening(make_app()) as listener:
        async with await connect(listener) as connection:
            await connection.send(GET)
            await connection.read_response()
            listener.stop_accepting()
            listener.stop_accepting()
            await connection.send(GET)
            assert (await connection.read_response()).status == 200

        with pytest.raises(ConnectionRefusedError):
            await connect(listener)


async def test_idle_connections_are_closed_and_busy_ones_after_their_response() -> None:
    app = make_app()

    async with listening(app) as listener:
        async with await connect(listener) as idle, await connect(listener) as busy:
            await idle.send(GET)
            await idle.read_response()
            await ask(busy, "/wait")
            await note(app)
            listener.stop_accepting()
            listener.close_idle()
            assert await idle.ended()
            app.state.gate.set()
            response = await busy.read_response()

            assert response.body == b'"waited"'
            assert response.headers["connection"] == "close"
            assert await busy.ended()

        await until(lambda: listener.connections == 0)


async def test_what_is_left_is_cut_off_at_once() -> None:
    app = make_app()

    async with listening(app) as listener:
        async with await connect(listener) as connection, await connect(listener) as other:
            await ask(connection, "/wait")
            await note(app)
            websocket = await RawWebSocket.open(other, b"/hold", [(b"host", b"a")])
            await note(app)
            await listener.kill()

            await connection.ended()
            await websocket.connection.ended()

        await until(lambda: listener.connections == 0)


async def test_what_a_client_has_left_alone_is_ended_too() -> None:
    app = make_app()

    async with listening(app) as listener:
        connection = await connect(listener)
        await ask(connection, "/wait")
        await note(app)
        connection.reset()
        await until(lambda: listener.connections == 0)
        assert app.freeze().active == 1
        await listener.kill()

        assert app.freeze().active == 0


async def test_without_descriptors_it_waits_before_it_accepts_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.05)

    class Exhausted:
        """A listening socket of a process that has no descriptor left, twice."""

        def __init__(self, sock: socket.socket) -> None:
            self.sock = sock
            self.failures = 2

        def accept(self) -> Any:
            if self.failures:
                self.failures -= 1
                raise OSError(errno.EMFILE, "Too many open files")

            return self.sock.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.sock, name)

    app = make_app()
    await app.freeze().startup()
    server = Server(app, ServerSettings())
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    exhausted: Any = Exhausted(sock)
    server.add_sockets([exhausted])

    try:
        with caplog.at_level(logging.ERROR):
            async with await Connection.open("127.0.0.1", sock.getsockname()[1]) as connection:
                await connection.send(GET)
                assert (await connection.read_response()).status == 200
    finally:
        server.stop()
        await server.close_all_connections()
        await app.freeze().shutdown()

    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


async def test_tornados_own_connection_is_taken_where_the_settings_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_supported", lambda: True)

    for name, plain in (("auto", False), ("h11", False), ("tornado", True)):
        async with listening(make_app(), http=name) as listener:
            assert listener._server.plain is plain
            connection = await connect(listener)
            await connection.send(GET)
            assert (await connection.read_response()).status == 200
            connection.close()
            await until(lambda listener=listener: listener.connections == 0)
