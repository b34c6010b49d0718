"""One suite for every engine on every server: the rows of the conformance matrix over real sockets."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hagworm.facade.engine import load_engine
from hagworm.testing import Client, Connection
from hagworm.testing.launcher import SERVERS, Launched
from tests.contract.expected import Row
from tests.contract.rows import ROWS
from tests.contract.script import Open, Stage, brief
from tests.contract.test_lifecycle import EXPECTED

HERE = Path(__file__).parent
MEMORY = "memory"


class Subject:
    """What is tested: a way to connect, and what its parser declares."""

    def __init__(self, name: str, declared: dict[str, str], port: int = 0) -> None:
        self.name = name
        self.declared = declared
        self.port = port

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[Open]:
        if self.name == MEMORY:
            from tests.contract.application import app

            async with Client(app) as client:
                yield client.connect
        else:
            yield self.connect

    async def connect(self) -> Connection:
        return await Connection.open("127.0.0.1", self.port)


@pytest.fixture(scope="session", params=[MEMORY, *SERVERS])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Start each server once, and only where its rows are played."""
    name: str = request.param

    if name == MEMORY:
        yield Subject(name, load_engine(MEMORY).declare())
        return

    kind = SERVERS[name]
    engine = load_engine(kind.engine)
    declared = engine.declare(kind.parser) if kind.parser else engine.declare()  # type: ignore[call-arg]  # asgi's own

    with Launched(kind, "application:app", HERE) as launched:
        yield Subject(name, declared, launched.port)


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
async def test_row(subject: Subject, row: Row) -> None:
    async with subject.connecting() as connect:
        transcript = await Stage(connect, f"{row.id}-{os.getpid()}").play(row.steps)

    if (declared := subject.declared.get(row.id)) is not None:
        assert row.tier != "A", "what the facade owns cannot be declared away"
        assert brief(transcript) in declared.split(" or ")
    else:
        assert row.matches(transcript), transcript


def test_every_declared_row_is_played() -> None:
    known = {row.id for row in ROWS if row.tier != "A"} | {"L2"} | set(EXPECTED)

    for kind in SERVERS.values():
        engine = load_engine(kind.engine)
        declared = engine.declare(kind.parser) if kind.parser else engine.declare()  # type: ignore[call-arg]  # as above
        assert set(declared) <= known, kind.name


def test_the_rows_are_many_and_distinct() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert sum(row.tier == "A" for row in ROWS) >= 120
