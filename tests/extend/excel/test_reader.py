"""Tables are read as what they are meant to be, and what is not is named with its place."""

import io
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from hagworm.extend.error import CellError, ExcelError, WorkbookRefused
from hagworm.extend.excel import (
    ReadLimits,
    WorkbookReader,
    dump_workbook,
    read_objects,
    read_records,
    read_rows,
    write_workbook,
)

ENGINES = ("openpyxl", "calamine")


class Color(Enum):
    RED = "red"


@dataclass
class Everything:
    """A field of every type that a cell can become."""

    whole: int
    real: float
    text: str
    truth: bool
    exact: Decimal
    day: date
    moment: datetime
    hour: time
    span: timedelta
    key: UUID
    color: Color
    maybe: int | None
    more: Any
    left: int = 7
    late: list[int] = field(default_factory=list, init=False)


ROW = Everything(
    1,
    2.0,
    "3",
    True,
    Decimal("4.50"),
    date(2026, 1, 1),
    datetime(2026, 1, 1, 12),
    time(1),
    timedelta(days=2),
    UUID(int=9),
    Color.RED,
    None,
    "x",
)


@pytest.mark.parametrize("engine", ENGINES)
def test_objects_come_back_as_they_were(engine: str) -> None:
    columns = [
        "whole",
        "real",
        "text",
        "truth",
        "exact",
        "day",
        "moment",
        "hour",
        "span",
        "key",
        "color",
        "maybe",
        "more",
    ]

    assert list(read_objects(Everything, dump_workbook([ROW], columns=columns), engine=engine)) == [ROW]


def test_a_moment_gets_the_time_zone_that_was_given() -> None:
    @dataclass
    class Row:
        at: datetime

    rows = [Row(datetime(2026, 1, 1, tzinfo=UTC))]
    assert list(read_objects(Row, dump_workbook(rows, timezone=UTC), timezone=UTC)) == rows


@dataclass
class Pair:
    """What most tests read."""

    number: int
    name: str = ""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x", "number: invalid literal"),
        (1.5, "int is wanted"),
        (True, "int is wanted"),
        (None, "the cell is empty, and int is wanted"),
    ],
    ids=["text", "float", "truth", "empty"],
)
def test_a_value_of_another_type_is_named_with_its_place(value: Any, message: str) -> None:
    data = dump_workbook([{"name": "a", "number": 1}, {"name": "b", "number": value}], sheet="Orders")

    with pytest.raises(CellError, match=message) as caught:
        list(read_objects(Pair, data))

    assert caught.value.place == "Orders!B3"


def test_a_column_that_is_missing_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ExcelError, match=r"no column 'number' \(did you mean 'numbers'\?\)"):
        list(read_objects(Pair, dump_workbook([{"numbers": 1}])))


def test_what_is_no_dataclass_is_refused() -> None:
    with pytest.raises(TypeError, match="dataclass"):
        list(read_objects(int, dump_workbook([{"a": 1}])))


@pytest.mark.parametrize("engine", ENGINES)
def test_records_have_every_title_and_empty_rows_are_left_out(engine: str) -> None:
    data = dump_workbook([["a", "b"], [1, 2], [None, None], [3]])

    assert list(read_records(data, engine=engine)) == [{"a": 1, "b": 2}, {"a": 3, "b": None}]


@pytest.mark.parametrize("header", [["a", "a"], ["a", None, "b"], [None]], ids=["twice", "gap", "empty"])
def test_a_row_that_is_no_header_is_told(header: list[Any]) -> None:
    with pytest.raises(ExcelError, match="header|title"):
        list(read_records(dump_workbook([header, [1, 2, 3]])))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sheet_is_found_by_name_and_position(engine: str) -> None:
    data = dump_workbook([[1]], sheet="Orders")

    with WorkbookReader(data, engine=engine) as book:
        assert book.sheets == ("Orders",)
        assert repr(book) == f"<WorkbookReader by {engine}: 1 sheets>"
        assert list(book.rows("Orders")) == list(book.rows(0)) == [[1]]

        with pytest.raises(ExcelError, match=r"no sheet 'Order' \(did you mean 'Orders'\?\)"):
            book.rows("Order")

        with pytest.raises(ExcelError, match="no sheet number 1: there are 1"):
            book.rows(1)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_another_program_wrote_is_read(engine: str) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text", 1, datetime(2026, 1, 1), None, "=1+1"])
    book.active["D3"] = "alone"
    file = io.BytesIO()
    book.save(file)
    rows = [list(row) for row in read_rows(file, engine=engine)]

    assert rows[0][:4] == ["text", 1, datetime(2026, 1, 1), None]
    assert not any(rows[1])
    assert rows[2][3] == "alone"
    assert not file.closed


def test_paths_bytes_and_files_are_read_and_paths_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write_workbook(path, [[1]])

    assert list(read_rows(path)) == list(read_rows(str(path))) == list(read_rows(path.read_bytes())) == [[1]]

    reader = WorkbookReader(path)
    reader.close()
    assert reader.file.closed

    with pytest.raises(FileNotFoundError):
        WorkbookReader(tmp_path / "b.xlsx")

    path.write_bytes(b"x")

    with pytest.raises(WorkbookRefused):
        WorkbookReader(path)


def test_a_small_workbook_is_read_at_once_and_a_large_one_by_rows() -> None:
    data = dump_workbook([[1, 2]] * 10)

    with WorkbookReader(data) as book:
        assert book.engine == "calamine"

    with WorkbookReader(data, limits=ReadLimits(cells=19)) as book:
        assert book.engine == "openpyxl"
