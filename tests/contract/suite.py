"""What the contract suite plays its rows on, and the page that tells what comes of it."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from hagworm.facade.engine import load_engine
from hagworm.testing import Client, Connection
from hagworm.testing.launcher import SERVERS, Launched, installed_servers
from tests.contract.expected import Row
from tests.contract.rows import ROWS, SECTIONS
from tests.contract.rows.lifecycle import PROCESS
from tests.contract.script import Open, Stage, brief

__all__ = ("PAGE", "SUBJECTS", "Subject", "declared_by", "examine", "installed", "opened", "play", "write_page")

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference" / "engines.md"
MEMORY = "memory"
SUBJECTS = (MEMORY, *SERVERS)


class Subject:
    """What is tested: a way to connect, and what its parser declares."""

    def __init__(self, name: str, port: int = 0) -> None:
        self.name = name
        self.declared = declared_by(name)
        self.port = port

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[Open]:
        """Give a way to connect; the application in memory lives as long as the block."""
        if self.name == MEMORY:
            from tests.contract.application import app

            async with Client(app) as client:
                yield client.connect
        else:
            yield self.connect

    async def connect(self) -> Connection:
        return await Connection.open("127.0.0.1", self.port)


def installed() -> list[str]:
    """The names of what can be tested here."""
    return [MEMORY, *(kind.name for kind in installed_servers())]


def declared_by(name: str) -> dict[str, str]:
    """The outcomes that the parser of a subject owns."""
    if name == MEMORY:
        return load_engine(MEMORY).declare()

    kind = SERVERS[name]
    engine = load_engine(kind.engine)
    return engine.declare(kind.parser) if kind.parser else engine.declare()  # type: ignore[call-arg]  # asgi's own


@contextmanager
def opened(name: str) -> Iterator[Subject]:
    """Run a subject while the block does."""
    if name == MEMORY:
        yield Subject(name)
        return

    with Launched(SERVERS[name], "application:app", HERE) as launched:
        yield Subject(name, launched.port)


async def play(subject: Subject, row: Row) -> tuple[bool, list[bytes]]:
    """Play one row; return whether it came out as it must, and what came out."""
    async with subject.connecting() as connect:
        transcript = await Stage(connect, f"{row.id}-{os.getpid()}").play(row.steps)

    if (declared := subject.declared.get(row.id)) is not None:
        assert row.tier != "A", f"{row.id}: what the facade owns cannot be declared away"
        return brief(transcript) in declared.split(" or "), transcript

    return row.matches(transcript), transcript


def examine(name: str) -> list[str]:
    """Play every row on a subject; return a line for each that came out wrong."""

    async def play_all(subject: Subject) -> list[str]:
        wrong = []

        for row in ROWS:
            passed, transcript = await play(subject, row)

            if not passed:
                wrong.append(f"{row.id} {row.title}: {brief(transcript)}")

        return wrong

    with opened(name) as subject:
        return asyncio.run(play_all(subject))


# The page -----------------------------------------------------------------------------------------------------------

INTRODUCTION = """# Engines and servers

Written by `hagworm conformance`, which plays every row below against every engine and server over raw sockets.

A row belongs to tier A where the facade owns the outcome: status, headers and body are equal, byte for byte, wherever
the service runs. In tier B the facade decides once the server's parser has let the bytes through, in tier C the parser
decides alone. What a parser makes of a row of tier B or C, where it is not what is specified, is declared by its engine
(`ENGINE.declare()`) and asserted as declared; where outcomes look alike, the words of the answer differ. An outcome is
the status of every answer and how the connection was left: kept, closed, or aborted in the middle of an answer.
"""


def write_page() -> str:
    """Return the page; what is declared has been asserted by the suite, so it is not measured again."""
    tables = [
        table(("row", "tier", "what is specified", "outcome"), section_rows(section.ROWS)) for section in SECTIONS
    ]
    parts = [
        INTRODUCTION,
        "## Servers\n",
        table(("name", "engine", "started with", "rows declared otherwise"), servers()),
    ]
    parts += [
        "## What is declared otherwise\n",
        table(("row", "what is specified", "outcome", "declared"), differences()),
    ]

    for section, rows in zip(SECTIONS, tables, strict=True):
        title = (section.__doc__ or "").partition(": ")[2].partition("\n")[0].rstrip(".")
        parts += [f"## {title[:1].upper()}{title[1:]}\n", rows]

    process = [(code(key), title, code(outcome)) for key, (title, outcome) in PROCESS.items()]
    parts += ["## Starting and stopping\n", table(("row", "what is specified", "outcome"), process)]
    return "\n".join(parts)


def code(text: str) -> str:
    return f"`{text}`"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines.append(["---"] * len(lines[0]))
    lines += [list(row) for row in rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def section_rows(rows: Iterable[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        yield code(row.id), row.tier, row.title, code(outcome(row))


def outcome(row: Row) -> str:
    text = brief(list(row.expected))
    return text if len(text) <= 60 else f"{text[:57]}…"


def servers() -> Iterator[tuple[str, ...]]:
    yield code(MEMORY), code(MEMORY), "`hagworm.testing.Client`", "none"

    for kind in SERVERS.values():
        words = [word for word in kind.command("APP", 0)[1:] if word not in ("--host", "127.0.0.1", "--port", "0")]
        words = [word for word in words if not word.startswith("127.0.0.1") and word not in ("-b", "--bind")]
        settings = "".join(f", `server.{name} = {value!r}`" for name, value in kind.settings.items())
        yield (
            code(kind.name),
            code(kind.engine),
            code(" ".join(words)) + settings,
            str(len(declared_by(kind.name)) or "none"),
        )


def differences() -> Iterator[tuple[str, ...]]:
    known = {row.id: (row.title, outcome(row)) for row in ROWS} | PROCESS

    for key, (title, specified) in known.items():
        found: dict[str, list[str]] = {}

        for name in SERVERS:
            if (text := declared_by(name).get(key)) is not None:
                found.setdefault(text, []).append(name)

        if found:
            told = "; ".join(f"{code(text)} on {', '.join(names)}" for text, names in found.items())
            yield code(key), title, code(specified), told
