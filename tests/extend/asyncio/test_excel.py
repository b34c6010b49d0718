"""Workbooks are written and read beside an event loop, which goes on meanwhile."""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hagworm.extend import excel
from hagworm.extend.asyncio.excel import dump_workbook, read_objects, read_records, read_rows, write_workbook
from hagworm.extend.error import CellError
from hagworm.testing import cancel_sweep


@dataclass
class Pair:
    """A row."""

    number: int
    name: str


async def pairs(count: int) -> AsyncIterator[Pair]:
    for number in range(count):
        if number % 100 == 0:
            await asyncio.sleep(0)

        yield Pair(number, f"name {number}")


@pytest.mark.parametrize("engine", ["openpyxl", "xlsxwriter"])
async def test_rows_that_are_made_on_the_loop_are_written_in_a_thread(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    assert await write_workbook(path, pairs(300), engine=engine) == 300

    found = [pair async for pair in read_objects(Pair, path)]
    assert found == [pair async for pair in pairs(300)]
    assert len([row async for row in read_rows(path)]) == 301
    assert [record["number"] async for record in read_records(path)] == list(range(300))


async def test_plain_rows_are_read_where_they_may_block() -> None:
    seen = set()

    def rows() -> Iterator[list[int]]:
        seen.add(threading.get_ident())
        yield [1]

    data = await dump_workbook(rows())

    assert list(excel.read_rows(data)) == [[1]]
    assert threading.get_ident() not in seen


async def test_progress_is_told_on_the_loop() -> None:
    told: list[tuple[int, int]] = []
    await dump_workbook(pairs(1_500), progress=lambda count: told.append((count, threading.get_ident())))
    await asyncio.sleep(0)

    assert told == [(1_000, threading.get_ident()), (1_500, threading.get_ident())]


async def test_errors_are_raised_to_who_waits(tmp_path: Path) -> None:
    async def failing() -> AsyncIterator[list[int]]:
        yield [1]
        raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="the database is gone"):
        await write_workbook(tmp_path / "a.xlsx", failing())

    with pytest.raises(CellError):
        await dump_workbook([[object()]])

    with pytest.raises(FileNotFoundError):
        [row async for row in read_rows(tmp_path / "a.xlsx")]

    assert list(tmp_path.iterdir()) == []


async def test_a_cancelled_export_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    closed = []

    async def rows() -> AsyncIterator[list[int]]:
        try:
            for number in range(3):
                await asyncio.sleep(0)
                yield [number]
        finally:
            closed.append(True)

    async def export() -> None:
        await write_workbook(tmp_path / "a.xlsx", rows(), engine="openpyxl")

    def check() -> None:
        (tmp_path / "a.xlsx").unlink(missing_ok=True)
        assert [path.name for path in tmp_path.rglob("*")] == ["temporary"]

    await cancel_sweep(export, check, timeout=20.0, may_finish=True)
    assert closed


async def test_a_cancelled_export_ends_at_the_next_row(tmp_path: Path) -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless() -> Iterator[list[int]]:
        loop.call_soon_threadsafe(begun.set)

        while True:
            yield [1]

    task = asyncio.create_task(write_workbook(tmp_path / "a.xlsx", endless()))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert list(tmp_path.iterdir()) == []
