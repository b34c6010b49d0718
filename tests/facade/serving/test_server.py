"""A server inside a running loop starts completely or not at all, and leaves nothing behind."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hagworm import App
from hagworm.extend.error import ConfigError, DefinitionError, EngineNotFound, HagwormError, PortInUse, StartupFailed
from hagworm.facade.serving import Server
from hagworm.facade.serving.sockets import bind_tcp
from hagworm.facade.settings import FrameSettings
from tests.service import Answer, ask

ENGINES = ("asgi", "fastapi", "tornado")
SETTINGS = FrameSettings()
both = pytest.mark.parametrize("engine", ENGINES)


@pytest.fixture
def app() -> App:
    app = App(title="Orders")
    app.configure(replace(SETTINGS, server=replace(SETTINGS.server, drain_timeout=5.0)))
    app.state.calls = []
    app.state.entered = asyncio.Event()
    app.state.release = asyncio.Event()

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        app.state.calls.append("startup")
        yield
        app.state.calls.append("shutdown")

    @app.get("/")
    async def root() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/held")
    async def held() -> dict[str, str]:
        app.state.entered.set()
        await app.state.release.wait()
        return {"held": "no more"}

    return app


async def get(server: Server, target: str = "/") -> Answer:
    if server.options.uds:
        reader, writer = await asyncio.open_unix_connection(server.options.uds)
    else:
        reader, writer = await asyncio.open_connection(server.options.host, server.port)

    try:
        return await ask(reader, writer, target, close=True)
    finally:
        writer.close()
        await writer.wait_closed()


@both
async def test_it_serves_inside_the_block_and_nowhere_after_it(app: App, engine: str) -> None:
    async with Server(app, engine=engine, port=0) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert (await get(server)).body == b'{"hello":"world"}'
        assert app.state.calls == ["startup"]
        port = server.port

    assert app.state.calls == ["startup", "shutdown"]

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@both
async def test_h22_unless_told_otherwise_it_serves_this_machine_only(app: App, engine: str) -> None:
    """H22: 5 served all networks by default."""
    async with Server(app, engine=engine, port=0) as server:
        assert {sock.getsockname()[0] for sock in server.sockets} == {"127.0.0.1"}


@both
async def test_it_serves_a_unix_socket_and_removes_its_file(app: App, engine: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.sock"

    async with Server(app, engine=engine, uds=str(path)) as server:
        assert (server.url, server.port) == (f"unix:{path}", 0)
        assert (await get(server)).status == 200

    assert not path.exists()


@both
async def test_it_serves_sockets_that_are_bound_already(app: App, engine: str) -> None:
    async with Server(app, engine=engine, sockets=bind_tcp("::1", 0)) as server:
        assert server.url.startswith("http://[::1]:")
        reader, writer = await asyncio.open_connection("::1", server.port)
        assert (await ask(reader, writer, "/", close=True)).status == 200
        writer.close()
        await writer.wait_closed()


@both
async def test_a_request_in_flight_is_answered_while_leaving(app: App, engine: str) -> None:
    async with Server(app, engine=engine, port=0) as server:
        asked = asyncio.ensure_future(get(server, "/held"))
        await app.state.entered.wait()
        leaving = asyncio.ensure_future(server.stop())

        while server.sockets[0].fileno() >= 0:
            await asyncio.sleep(0)

        app.state.release.set()
        answer = await asked
        assert (answer.status, answer.is_last) == (200, True)
        assert await leaving is True

    assert app.state.calls == ["startup", "shutdown"]


@both
async def test_a_cancelled_block_still_stops_the_application(app: App, engine: str) -> None:
    serving = asyncio.Event()

    async def serve() -> None:
        async with Server(app, engine=engine, port=0):
            serving.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(serve())
    await serving.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert app.state.calls == ["startup", "shutdown"]


@both
async def test_it_can_be_started_again(app: App, engine: str) -> None:
    for _ in range(2):
        async with Server(app, engine=engine, port=0) as server:
            assert (await get(server)).status == 200

    assert app.state.calls == ["startup", "shutdown"] * 2


async def test_two_applications_in_one_process_do_not_see_each_other(app: App) -> None:
    other = App(title="Other")
    other.configure(SETTINGS)

    async with Server(app, engine="tornado", port=0) as first, Server(other, engine="asgi", port=0) as second:
        assert [(await get(first)).status, (await get(second)).status] == [200, 404]


async def test_a_failed_start_leaves_neither_socket_nor_file(app: App, tmp_path: Path) -> None:
    path = tmp_path / "orders.sock"

    @app.lifespan
    async def broken(app: App) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    with pytest.raises(StartupFailed, match="no database") as caught:
        await Server(app, engine="asgi", uds=str(path)).start()

    assert isinstance(caught.value.__cause__, OSError)
    assert app.state.calls == ["startup", "shutdown"]
    assert not path.exists()


async def test_an_engine_that_cannot_listen_lets_the_application_stop(app: App) -> None:
    with pytest.raises(ConfigError, match="memory"):
        await Server(app, engine="memory", port=0).start()

    assert app.state.calls == ["startup", "shutdown"]


async def test_a_port_in_use_is_found_before_the_application_starts(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(PortInUse):
            await Server(app, engine="asgi", port=taken.getsockname()[1]).start()

    assert app.state.calls == []


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"engine": "asgy"}, EngineNotFound),
        ({"port": 70000}, ConfigError),
        ({"workers": 0}, ConfigError),
        ({"drain_timout": 3}, ConfigError),
    ],
)
async def test_options_that_make_no_sense_are_refused(
    app: App, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Server(app, **{"port": 0, **options}).start()

    assert app.state.calls == []


async def test_a_wrong_definition_is_found_before_anything_is_opened(app: App) -> None:
    @app.get("/{order}")
    async def read(other: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(DefinitionError, match="Nowhere"):
        await Server(app, engine="asgi", port=0).start()

    assert app.state.calls == []


def test_before_the_start_there_is_no_url(app: App) -> None:
    with pytest.raises(HagwormError, match="async with"):
        Server(app, port=0).url  # noqa: B018


async def test_neither_signals_nor_logging_are_touched(app: App) -> None:
    def state() -> list[Any]:
        root = logging.getLogger()
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
        return [*map(signal.getsignal, numbers), [*root.handlers], root.level, dict(os.environ)]

    before = state()

    async with Server(app, engine="tornado", port=0) as server:
        await get(server)
        assert state() == before

    assert state() == before
