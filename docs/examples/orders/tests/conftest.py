"""Databases to test on."""

import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pymysql
import pytest

from orders.database import Database, open_database
from orders.tests.servers import MARIADBD, run_mariadb

NUMBERS = count(1)


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
