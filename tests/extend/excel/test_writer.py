"""Workbooks hold what was written, whichever library wrote them, or are not there at all."""

import errno
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from hagworm.extend.error import CellError, Closed, ExcelError
from hagworm.extend.excel import (
    Cell,
    Column,
    Formula,
    Style,
    WorkbookWriter,
    dump_workbook,
    read_objects,
    read_records,
    read_rows,
    write_workbook,
)

ENGINES = ("openpyxl", "xlsxwriter")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine that writes."""
    return str(request.param)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, in which nothing is left after any test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@dataclass(frozen=True)
class Order:
    number: int
    customer: str
    price: float
    paid: bool
    day: date
    note: str | None = None


ORDERS = [
    Order(1, "Ada", 2.5, True, date(2026, 1, 2), "=a note"),
    Order(2, "王小明", 3.0, False, date(2026, 11, 22)),
]


class Pair(NamedTuple):
    left: int
    right: str


class Color(Enum):
    RED = "red"


def written(rows: Any, engine: str, **options: Any) -> list[list[Any]]:
    data = dump_workbook(rows, engine=engine, **options)
    return [list(row) for row in read_rows(data, engine="openpyxl")]


def test_dataclasses_name_their_columns_and_come_back(engine: str) -> None:
    data = dump_workbook(ORDERS, engine=engine)

    assert next(iter(read_rows(data))) == ["number", "customer", "price", "paid", "day", "note"]
    assert list(read_objects(Order, data)) == ORDERS


@pytest.mark.parametrize(
    "rows",
    [
        [{"left": 1, "right": "a"}, {"left": 2, "right": "b"}],
        [Pair(1, "a"), Pair(2, "b")],
        [Pair(1, "a"), {"right": "b", "left": 2}],
    ],
    ids=["mappings", "named tuples", "both"],
)
def test_rows_of_any_kind_are_the_same_table(rows: Any, engine: str) -> None:
    assert written(rows, engine) == [["left", "right"], [1, "a"], [2, "b"]]


def test_columns_say_what_is_taken_and_how_it_is_called(engine: str) -> None:
    columns = [Column("customer", "Customer"), Column("price", convert=lambda price: price * 2)]

    assert written(ORDERS, engine, columns=columns) == [["Customer", "price"], ["Ada", 5], ["王小明", 6]]
    assert written(ORDERS, engine, columns=["number"], header=False) == [[1], [2]]
    assert written([{"number": 1, "more": 2}], engine, columns=["number", "none"]) == [["number", "none"], [1]]
    assert written([(n for n in (1, 2))], engine, columns=["a", "b"]) == [["a", "b"], [1, 2]]


def test_sequences_need_no_columns(engine: str) -> None:
    assert written([(1, "a"), [2], range(3)], engine) == [[1, "a"], [2], [0, 1, 2]]


def test_a_sheet_without_rows_has_its_header(engine: str) -> None:
    assert written([], engine, columns=["a", "b"]) == [["a", "b"]]
    assert written([], engine) == []


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([(1, 2)], {"columns": ["a"]}, "Sheet1, row 2: a row of 2 values does not fit 1 columns"),
        ([{"a": 1}, {"b": 2}], {}, "Sheet1, row 3: a row has keys that are no columns: b"),
        (["text"], {}, "not str: 'text'"),
        ([object()], {}, "need columns="),
        ([], {"columns": ["a", "a"]}, r"\['a'\] stands for more than one"),
    ],
    ids=["long", "key", "text", "object", "twice"],
)
def test_rows_that_fit_no_columns_are_refused(
    rows: Any, options: dict[str, Any], message: str, engine: str, tmp_path: Path
) -> None:
    with pytest.raises(ExcelError, match=message):
        write_workbook(tmp_path / "a.xlsx", rows, engine=engine, **options)

    assert not (tmp_path / "a.xlsx").exists()


FORMULA_LIKE = [
    start + rest
    for start in ("=", "+", "-", "@", "\t=", "\r=", "＝", "＋", "－", "＠")
    for rest in ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://evil.example","x")', "SUM(A1:A9)", "", "@SUM(1)")
]


@pytest.mark.parametrize("sheet_engine", ENGINES)
def test_s5_r50_text_like_a_formula_stays_text(sheet_engine: str) -> None:
    data = dump_workbook([[text] for text in FORMULA_LIKE], engine=sheet_engine)
    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(data)).active.rows]

    assert len(FORMULA_LIKE) == 60
    assert [cell.data_type for cell in cells] == ["s"] * 60
    assert [cell.quotePrefix for cell in cells] == [True] * 60
    assert [row[0] for row in read_rows(data, engine="openpyxl")] == FORMULA_LIKE
    assert [row[0] for row in read_rows(data, engine="calamine")] == FORMULA_LIKE


def test_only_a_formula_that_was_asked_for_is_one(engine: str) -> None:
    data = dump_workbook([[1, 2, Formula("=A1+B1", 3), "=A1+B1"]], engine=engine)
    cells = next(openpyxl.load_workbook(io.BytesIO(data)).active.rows)

    assert [cell.data_type for cell in cells] == ["n", "n", "f", "s"]
    assert cells[2].value == "=A1+B1"


@pytest.mark.parametrize(
    "text",
    [
        "#N/A",
        "#DIV/0!",
        "<r>hello</r>",
        "<r></broken></r>",
        "_x0041_",
        "_x005F_",
        "a\r\nb\rc",
        " space ",
        "&<>\"'",
        "{=1}",
    ],
)
def test_text_that_means_something_to_a_library_is_text(text: str, engine: str) -> None:
    data = dump_workbook([[text, Cell(text, Style(bold=True))]], engine=engine)

    for reader in ("openpyxl", "calamine"):
        assert list(read_rows(data, engine=reader)) == [[text, text]]


def test_numbers_are_exact_or_text(engine: str) -> None:
    numbers = [10**15 - 1, -(10**15) + 1, 10**15, 110101199003074514, Decimal("1.10"), Decimal("0.1234567890123456789")]

    assert written([numbers], engine) == [
        [10**15 - 1, -(10**15) + 1, "1000000000000000", "110101199003074514", 1.1, "0.1234567890123456789"]
    ]


def test_plain_values_of_other_types_are_written(engine: str) -> None:
    row = [Color.RED, UUID(int=1), None, "", True]

    assert written([[*row, 1]], engine) == [["red", "00000000-0000-0000-0000-000000000001", None, None, True, 1]]


def test_moments_come_back_to_the_millisecond(engine: str) -> None:
    row = [
        datetime(2026, 11, 22, 23, 59, 59, 999_999),
        date(1900, 3, 1),
        time(23, 59, 59, 999_999),
        timedelta(hours=30, milliseconds=1),
        datetime(9999, 12, 31, 23, 59, 59),
    ]
    found = [
        datetime(2026, 11, 22, 23, 59, 59, 999_000),
        datetime(1900, 3, 1),
        time(23, 59, 59, 999_000),
        timedelta(hours=30, milliseconds=1),
        datetime(9999, 12, 31, 23, 59, 59),
    ]

    assert written([row], engine) == [found]
    assert [list(row) for row in read_rows(dump_workbook([row], engine=engine), engine="calamine")] == [found]


def test_moments_with_a_zone_are_converted_to_the_one_that_was_given(engine: str) -> None:
    moment = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    assert written([[moment]], engine, timezone=ZoneInfo("Asia/Shanghai")) == [[datetime(2026, 11, 22, 20, 0)]]

    with pytest.raises(CellError, match="knows no time zones"):
        written([[moment]], engine)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (Decimal("NaN"), "finite"),
        ("x" * 32_768, "32767 characters, not 32768"),
        ("🙂" * 16_384, "32767 characters, not 32768"),
        ("a\x00b", r"cannot hold the character '\\x00'"),
        ("\ud800", r"cannot hold the character '\\ud800'"),
        ("\uffff", r"cannot hold the character '\\uffff'"),
        (b"bytes", "not bytes; use convert="),
        ([1], "not list"),
        (date(1900, 2, 28), "no days before 1900-03-01"),
        (timedelta(seconds=-1), "below zero"),
        (time(12, tzinfo=UTC), "without its date"),
        (Formula("SUM(A1)"), "begins with ="),
        (Formula("=" + "1" * 8_192), "up to 8192"),
        (Formula("=\x00"), "cannot hold"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_fits_no_cell_is_named_with_its_place(value: Any, message: str, engine: str) -> None:
    with pytest.raises(CellError, match=message) as caught:
        dump_workbook([[1, 2], [3, value]], engine=engine, sheet="Orders")

    assert caught.value.place == "Orders!B2"
    assert str(caught.value).startswith("Orders!B2: ")
    assert len(str(caught.value)) < 200
    assert (caught.value.row, caught.value.column, caught.value.value is value) == (2, 2, True)


def test_as_much_text_fits_as_spreadsheets_hold(engine: str) -> None:
    row = ["x" * 32_767, "🙂" * 16_383]

    assert written([row], engine) == [row]


def test_illegal_characters_may_be_dropped_or_replaced(engine: str) -> None:
    assert written([["a\x00b\n"]], engine, illegal="drop") == [["ab\n"]]
    assert written([["a\x00b\n"]], engine, illegal="replace") == [["a\ufffdb\n"]]


def test_a_sheet_has_16384_columns_and_1048576_rows(engine: str) -> None:
    assert len(written([[1] * 16_384], engine)[0]) == 16_384

    with pytest.raises(CellError, match="16384 columns") as caught:
        written([[1] * 16_385], engine)

    assert caught.value.place == "Sheet1!XFE1"

    with pytest.raises(CellError, match="1048576 rows"), WorkbookWriter(io.BytesIO(), engine=engine) as book:
        sheet = book.sheet()
        sheet.number = 1_048_576
        sheet.append([1])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "1 to 31 characters, not 0"),
        ("x" * 32, "not 32"),
        ("a/b", "none of"),
        ("'a", "apostrophe"),
        ("History", "for themselves"),
        ("a\n", "printable"),
        ("orders", "already"),
    ],
    ids=["empty", "long", "slash", "quote", "history", "control", "twice"],
)
def test_names_that_no_sheet_may_have_are_refused(name: str, message: str, engine: str) -> None:
    with pytest.raises(ExcelError, match=message), WorkbookWriter(io.BytesIO(), engine=engine) as book:
        book.sheet("Orders")
        book.sheet(name)


def test_several_sheets_are_written_at_the_same_time(engine: str) -> None:
    file = io.BytesIO()

    with WorkbookWriter(file, engine=engine) as book:
        odd, even = book.sheet("odd"), book.sheet("even", columns=["n"])

        for number in range(10):
            (odd if number % 2 else even).append([number])

        assert (odd.rows, even.rows) == (5, 5)
        assert repr(odd) == "<SheetWriter 'odd': 5 rows>"

    assert [row[0] for row in read_rows(file.getvalue(), sheet="odd")] == [1, 3, 5, 7, 9]
    assert [row["n"] for row in read_records(file.getvalue(), sheet="even")] == [0, 2, 4, 6, 8]
    assert repr(book) == f"<WorkbookWriter 'BytesIO' by {engine}, closed: 2 sheets, 10 rows>"


def test_styles_widths_and_headers_are_in_the_file(engine: str) -> None:
    look = Style(
        bold=True,
        italic=True,
        underline=True,
        font="Arial",
        size=14,
        color="#ff0000",
        background="#00ff00",
        align="center",
        valign="center",
        wrap=True,
        border=True,
    )
    columns = [Column("a", width=33, number_format="0.00", style=look), Column("b", "A rather long title")]
    data = dump_workbook([(1, "x"), (2, "y")], columns=columns, engine=engine)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    cell, header = sheet["A2"], sheet["B1"]

    assert (cell.number_format, cell.font.b, cell.font.i, cell.font.u) == ("0.00", True, True, "single")
    assert (cell.font.name, cell.font.sz, cell.font.color.rgb) == ("Arial", 14, "FFFF0000")
    assert (cell.fill.fgColor.rgb, cell.border.left.style) == ("FF00FF00", "thin")
    assert (cell.alignment.horizontal, cell.alignment.vertical, cell.alignment.wrap_text) == ("center", "center", True)
    assert (header.font.b, sheet["B2"].font.b or False) == (True, False)
    assert sheet.freeze_panes == "A2"
    assert round(sheet.column_dimensions["A"].width) in (33, 34)
    assert sheet.column_dimensions["B"].width > 20


def test_a_cell_has_its_style_upon_the_one_of_its_column(engine: str) -> None:
    columns = [Column("a", number_format="0.0")]
    data = dump_workbook(
        [[1], [Cell(2, Style(bold=True))], [Cell(None, Style(bold=True))]], columns=columns, engine=engine
    )
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active

    assert (sheet["A2"].number_format, sheet["A2"].font.b or False) == ("0.0", False)
    assert (sheet["A3"].number_format, sheet["A3"].font.b) == ("0.0", True)
    assert (sheet["A4"].value, sheet["A4"].font.b) == (None, True)


def test_what_has_a_style_of_its_own_is_converted_and_a_formula_is_not(engine: str) -> None:
    rows = [[Cell("a", Style(bold=True))], [Formula("=1+1")], ["b"]]
    data = dump_workbook(rows, columns=[Column("x", convert=str.upper)], engine=engine)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active

    assert [row[0].value for row in sheet.rows] == ["x", "A", "=1+1", "B"]


def test_columns_of_moments_are_wide_enough_to_show_them(engine: str) -> None:
    data = dump_workbook([[datetime(2026, 1, 1), "x" * 500]], columns=["a", "b"], engine=engine)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active

    assert sheet.column_dimensions["A"].width >= 19
    assert 50 < sheet.column_dimensions["B"].width < 70


@pytest.mark.parametrize(
    ("options", "message"),
    [({"color": "red"}, "#RRGGBB"), ({"background": "#12345"}, "#RRGGBB"), ({"size": 0}, "1 to 409")],
    ids=["color", "background", "size"],
)
def test_styles_that_are_none_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ExcelError, match=message):
        Style(**options)


def test_progress_is_told_every_thousand_rows_and_at_the_end(engine: str) -> None:
    told: list[int] = []
    dump_workbook(([n] for n in range(2_500)), engine=engine, progress=told.append)

    assert told == [1_000, 2_000, 2_500]
    told.clear()
    dump_workbook([], engine=engine, progress=told.append)
    assert told == [0]


def test_a_file_is_there_whole_or_stays_as_it_was(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    write_workbook(path, [[1]], engine=engine)
    before = path.read_bytes()

    def rows() -> Iterator[list[int]]:
        yield from [[n] for n in range(2_000)]
        assert path.read_bytes() == before
        raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="the database is gone"):
        write_workbook(path, rows(), engine=engine)

    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["orders.xlsx", "temporary"]


def test_a_folder_that_is_not_there_is_told_and_nothing_is_left(engine: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_workbook(tmp_path / "nowhere" / "a.xlsx", [[1]], engine=engine)


def test_a_stream_that_cannot_be_sought_in_gets_the_same_file(engine: str, tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError("a pipe")

        def tell(self) -> int:
            raise OSError("a pipe")

    pipe = Pipe()
    write_workbook(pipe, [[1, "a"]], engine=engine)

    assert list(read_rows(pipe.getvalue())) == [[1, "a"]]


def test_a_disk_that_is_full_is_an_oserror_and_leaves_nothing(engine: str) -> None:
    class Full(io.BytesIO):
        room = 500

        def write(self, data: Any) -> int:
            self.room -= len(data)

            if self.room < 0:
                raise OSError(errno.ENOSPC, "no space left on device")

            return super().write(data)

    with pytest.raises(OSError, match="no space left") as caught:
        write_workbook(Full(), [[n, "text"] for n in range(1_000)], engine=engine)

    assert caught.value.errno == errno.ENOSPC


def test_a_workbook_without_sheets_is_none(engine: str, tmp_path: Path) -> None:
    with pytest.raises(ExcelError, match="at least one sheet"), WorkbookWriter(tmp_path / "a.xlsx", engine=engine):
        pass

    assert not (tmp_path / "a.xlsx").exists()


def test_a_closed_workbook_takes_nothing(engine: str) -> None:
    with WorkbookWriter(io.BytesIO(), engine=engine) as book:
        sheet = book.sheet()

    with pytest.raises(Closed):
        sheet.append([1])

    with pytest.raises(Closed):
        book.sheet("more")

    book.close()
    book.discard()


def test_after_an_error_the_row_has_not_been_written(engine: str) -> None:
    file = io.BytesIO()

    with WorkbookWriter(file, engine=engine) as book:
        sheet = book.sheet()
        sheet.append([1])

        with pytest.raises(CellError):
            sheet.append([2, object()])

        sheet.append([3])

    assert list(read_rows(file.getvalue())) == [[1], [3]]


def test_an_unknown_engine_is_told_with_the_nearest_one() -> None:
    with pytest.raises(ExcelError, match=r"'openpyx' \(did you mean 'openpyxl'\?\)"):
        WorkbookWriter(io.BytesIO(), engine="openpyx")


def test_memory_does_not_grow_with_the_rows(engine: str) -> None:
    import tracemalloc

    def rows(count: int) -> Iterator[tuple[int, str, float]]:
        for number in range(count):
            yield number, f"customer {number}", number * 0.5

    file = io.BytesIO()
    write_workbook(file, rows(10), engine=engine)
    tracemalloc.start()

    try:
        with WorkbookWriter(file, engine=engine) as book:
            sheet = book.sheet()
            sheet.extend(rows(500))
            before = tracemalloc.get_traced_memory()[0]
            sheet.extend(rows(3_000))
            after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert after - before < 100_000
