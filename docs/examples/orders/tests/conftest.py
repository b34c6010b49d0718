"""Databases and engines to test on."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pymysql
import pytest

from hagworm import App
from hagworm.extend.config import load_settings
from hagworm.facade.settings import FrameSettings
from hagworm.testing import Client
from orders.app import build
from orders.database import Database, open_database
from orders.dependencies import clock
from orders.settings import Settings
from orders.tests.servers import MARIADBD, run_mariadb

ENGINES = ("memory", "asgi", "fastapi", "tornado")
NUMBERS = count(1)

Serve = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running MariaDB."""
    if MARIADBD is None:
        if os.environ.get("CI") == "true":
            pytest.fail("MariaDB is not installed: apt-get install mariadb-server")

        pytest.skip("MariaDB is not installed")

    with run_mariadb(tmp_path_factory.mktemp("mariadb")) as port:
        yield port


@pytest.fixture(params=["sqlite file", "sqlite memory", "mysql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    match request.param:
        case "sqlite file":
            return f"sqlite+aiosqlite:///{tmp_path}/orders.db"
        case "sqlite memory":
            return "sqlite+aiosqlite://"
        case _:
            port = request.getfixturevalue("mariadb")
            name = f"orders_{next(NUMBERS)}"

            with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection:
                connection.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")

            return f"mysql+aiomysql://root@127.0.0.1:{port}/{name}"


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with open_database(url) as database:
        yield database


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., App]:
    """Makes an application of its own for a test, with settings that nothing outside of the test can change."""

    def make(**settings: object) -> App:
        app = build()
        overrides = {"database.url": "sqlite+aiosqlite://"} | {
            name.replace("__", "."): value for name, value in settings.items()
        }
        app.configure(load_settings(Settings, frame=FrameSettings, overrides=overrides, environ={}, directory=tmp_path))
        return app

    return make


@pytest.fixture
def serve(configured: Callable[..., App]) -> Serve:
    """Serves a new, empty shop on an engine. Its clock starts on a fixed day and moves a second at each look."""

    @asynccontextmanager
    async def serve(engine: str, **settings: object) -> AsyncIterator[Client]:
        app = configured(**settings)
        seconds = count()

        async def fake_clock() -> Callable[[], datetime]:
            return lambda: datetime(2026, 11, 22, 12, 0, tzinfo=UTC) + timedelta(seconds=next(seconds))

        with app.override(clock, fake_clock):
            async with Client(app, engine=engine, headers={"x-token": "demo"}, raise_errors=True) as client:
                yield client

    return serve


@pytest.fixture(params=ENGINES)
async def client(request: pytest.FixtureRequest, serve: Serve) -> AsyncIterator[Client]:
    async with serve(request.param) as client:
        yield client
