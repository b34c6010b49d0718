"""Workbooks written row by row, in constant memory, to files, streams and bytes."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta, tzinfo
from io import BytesIO
from itertools import zip_longest
from types import TracebackType
from typing import IO, Any, Self, TypedDict, Unpack, cast

from hagworm.extend.base.replacement import replacement
from hagworm.extend.error import Closed, ExcelError
from hagworm.extend.excel.cell import Cell, Encoder, Illegal
from hagworm.extend.excel.engine import Book, Sheet, load_writer
from hagworm.extend.excel.limit import check_sheet_name
from hagworm.extend.excel.moment import FORMATS
from hagworm.extend.excel.record import Reader, columns_of, reader_of, to_columns
from hagworm.extend.excel.sink import Sink
from hagworm.extend.excel.style import Column, Style

__all__ = ("Progress", "SheetOptions", "SheetWriter", "Target", "WorkbookWriter", "dump_workbook", "write_workbook")

Target = str | os.PathLike[str] | IO[bytes]
"""A path, or a file that is open for writing bytes."""
Progress = Callable[[int], object]
"""Is told how many rows have been written."""

HEADER = Style(bold=True)
PROGRESS_EVERY = 1_000
NARROWEST = 9
WIDEST_BY_ITSELF = 60


class SheetOptions(TypedDict, total=False):
    """What may be said of a sheet; `WorkbookWriter.sheet` explains it."""

    columns: Iterable[Column | str] | None
    header: bool
    header_style: Style | None
    freeze: bool


class WorkbookWriter:
    """A workbook that is written: `with WorkbookWriter("orders.xlsx") as book: book.sheet("Orders").extend(rows)`.

    `target` is a path, or a file open for writing bytes. A path gets its file at the end of the block, whole and at
    once; when the block fails, the file that was there stays as it is. Rows go into temporary files as they come, so
    that memory does not grow with them.

    `engine` is `xlsxwriter` (extra `excel-fast`), `openpyxl`, or `auto`, the first of these that is installed. Moments
    with a time zone are converted to `timezone`; where that is None they are refused. `illegal` says what becomes of
    characters that a workbook cannot hold: `raise`, `drop` or `replace` (by U+FFFD).

    One thread at a time may use it. It blocks; `hagworm.extend.asyncio.excel` does the same beside an event loop.
    """

    __slots__ = ("book", "engine", "illegal", "is_closed", "sheets", "target", "zone")

    def __init__(
        self, target: Target, *, engine: str = "auto", timezone: tzinfo | None = None, illegal: Illegal = "raise"
    ) -> None:
        self.book: Book = load_writer(engine)()
        self.engine = type(self.book).__module__.rpartition(".")[2]
        self.target = target
        self.zone = timezone
        self.illegal: Illegal = illegal
        self.sheets: dict[str, SheetWriter] = {}
        self.is_closed = False

    def __repr__(self) -> str:
        where = self.target if isinstance(self.target, str | os.PathLike) else type(self.target).__name__
        state = "closed" if self.is_closed else "open"
        rows = sum(sheet.rows for sheet in self.sheets.values())
        return f"<WorkbookWriter {str(where)!r} by {self.engine}, {state}: {len(self.sheets)} sheets, {rows} rows>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def sheet(
        self,
        name: str = "Sheet1",
        *,
        columns: Iterable[Column | str] | None = None,
        header: bool = True,
        header_style: Style | None = HEADER,
        freeze: bool = True,
    ) -> "SheetWriter":
        """Begin a sheet; several may be written at the same time.

        `columns` say what is taken from each row, which may be a sequence, a mapping or an object with attributes.
        Without them dataclasses, named tuples and mappings name their columns themselves, by the first row; then a
        later mapping with another key is refused. `header` writes the titles, in `header_style`, and `freeze` keeps
        them in sight. Raises `ExcelError` for a name that no sheet may have.
        """
        if self.is_closed:
            raise Closed(f"{self!r} takes no more sheets")

        check_sheet_name(name, self.sheets)
        sheet = SheetWriter(self, name, to_columns(columns), header, header_style, freeze)
        self.sheets[name] = sheet
        return sheet

    def close(self) -> None:
        """Write the file, once. Raises OSError, and `ExcelError` for a workbook without sheets."""
        if self.is_closed:
            return

        try:
            if not self.sheets:
                raise ExcelError("a workbook has at least one sheet")

            for sheet in self.sheets.values():
                if sheet.sheet is None:
                    sheet.begin(())

            self.is_closed = True

            with opened(self.target) as file:
                save(self.book, file)
        except BaseException:
            self.is_closed = True
            self.book.discard()
            raise

    def discard(self) -> None:
        """Remove what has been written; the target stays as it is."""
        if not self.is_closed:
            self.is_closed = True
            self.book.discard()


class SheetWriter:
    """A sheet that is written, row by row; `WorkbookWriter.sheet` makes one."""

    __slots__ = (
        "book",
        "columns",
        "encoder",
        "freeze",
        "has_own_columns",
        "header",
        "header_style",
        "kind",
        "name",
        "number",
        "read",
        "sheet",
    )

    def __init__(
        self,
        book: WorkbookWriter,
        name: str,
        columns: list[Column] | None,
        header: bool,
        header_style: Style | None,
        freeze: bool,
    ) -> None:
        self.book = book
        self.name = name
        self.columns = columns
        self.has_own_columns = columns is not None
        self.header = header
        self.header_style = header_style
        self.freeze = freeze
        self.encoder = Encoder(name, book.book.prepare, zone=book.zone, illegal=book.illegal)
        self.sheet: Sheet | None = None
        # What the last row was, and how one of that kind is read.
        self.kind: type | None = None
        self.read: Reader = list
        # Of the last row that was written, the header included.
        self.number = 0

    def __repr__(self) -> str:
        return f"<SheetWriter {self.name!r}: {self.rows} rows>"

    @property
    def rows(self) -> int:
        """How many rows have been written, without the header."""
        return max(0, self.number - self.has_header)

    @property
    def has_header(self) -> bool:
        """Whether the first row is a header."""
        return self.header and self.columns is not None

    def append(self, row: Any) -> None:
        """Write a row. Raises `CellError` for a value that fits no cell, `ExcelError` for a row that fits no columns.

        After an error the row has not been written.
        """
        if self.book.is_closed:
            raise Closed(f"{self.book!r} takes no more rows")

        try:
            if type(row) is not self.kind:
                self.meet(row)

            values = self.read(row)
        except ExcelError as exc:
            # The header is written together with the first row.
            number = self.number + 1 if self.sheet is not None or not self.has_header else 2
            raise ExcelError(f"{self.name}, row {number}: {exc}") from exc

        sheet = self.sheet or self.begin(values)
        sheet.append(self.encoder.encode(self.number + 1, values))
        self.number += 1

    def extend(self, rows: Iterable[Any], *, progress: Progress | None = None) -> int:
        """Write many rows and return how many they were.

        `progress(rows)` is told every thousand rows, and at the end, how many rows of these have been written.
        """
        append = self.append
        count = 0

        for row in rows:
            append(row)
            count += 1

            if progress is not None and count % PROGRESS_EVERY == 0:
                progress(count)

        if progress is not None and (count == 0 or count % PROGRESS_EVERY):
            progress(count)

        return count

    def meet(self, row: Any) -> None:
        """Learn how rows of this kind are read, and from the first one what the columns are."""
        if self.columns is None and self.kind is None:
            self.columns = columns_of(row)

        self.read = reader_of(row, self.columns, strict=not self.has_own_columns)
        self.kind = type(row)

    def begin(self, first: Sequence[Any]) -> Sheet:
        """Begin the sheet, knowing the values of its first row."""
        columns = self.columns or []
        widths = [width_of(column, value) for column, value in zip_longest(columns, first[: len(columns)])]
        widths += [own_width(value) for value in first[len(columns) :]]
        self.sheet = self.book.book.add_sheet(self.name, widths, frozen=1 if self.has_header and self.freeze else 0)

        if self.has_header:
            self.encoder.set_columns([self.header_style] * len(columns))
            self.sheet.append(self.encoder.encode(1, [column.header for column in columns]))
            self.number = 1

        self.encoder.set_columns([column.look for column in columns])
        return self.sheet


def write_workbook(
    target: Target,
    rows: Iterable[Any],
    *,
    sheet: str = "Sheet1",
    engine: str = "auto",
    timezone: tzinfo | None = None,
    illegal: Illegal = "raise",
    progress: Progress | None = None,
    **options: Unpack[SheetOptions],
) -> int:
    """Write a workbook of one sheet, as `WorkbookWriter` and its `sheet` do; return how many rows were written."""
    with WorkbookWriter(target, engine=engine, timezone=timezone, illegal=illegal) as book:
        return book.sheet(sheet, **options).extend(rows, progress=progress)


def dump_workbook(
    rows: Iterable[Any],
    *,
    sheet: str = "Sheet1",
    engine: str = "auto",
    timezone: tzinfo | None = None,
    illegal: Illegal = "raise",
    progress: Progress | None = None,
    **options: Unpack[SheetOptions],
) -> bytes:
    """Return a workbook of one sheet as bytes, otherwise as `write_workbook`."""
    file = BytesIO()
    write_workbook(
        file, rows, sheet=sheet, engine=engine, timezone=timezone, illegal=illegal, progress=progress, **options
    )
    return file.getvalue()


def save(book: Book, file: IO[bytes]) -> None:
    """Write a workbook to an open file, which the library leaves alone from then on."""
    sink = Sink(file)

    try:
        book.save(cast(IO[bytes], sink))
    finally:
        sink.leave()


@contextmanager
def opened(target: Target) -> Iterator[IO[bytes]]:
    """Give a file that can be written and sought in, the content of which ends up in `target`."""
    if isinstance(target, str | os.PathLike):
        with replacement(target) as file:
            yield file
    elif target.seekable():
        yield target
    else:
        import shutil
        import tempfile

        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            shutil.copyfileobj(file, target)


def width_of(column: Column, value: Any) -> float | None:
    """Return how wide a column is: as it says, or for its title and its first value."""
    if column.width is not None:
        return column.width

    return max(text_width(column.header), own_width(value, column.look) or 0, NARROWEST)


def own_width(value: Any, style: Style | None = None) -> float | None:
    """Return how much room a value takes, None for the usual one; what is too narrow for a moment shows `#####`."""
    if isinstance(value, Cell):
        style, value = value.style.over(style), value.value

    for kind in (datetime, date, time, timedelta):
        if isinstance(value, kind):
            shown = None if style is None else style.number_format
            return max(NARROWEST, len(shown or FORMATS[kind]) + 2)

    return text_width(str(value)) if isinstance(value, str) else None


def text_width(text: str) -> int:
    """Return how wide a text is, in characters; those of East Asia are two."""
    wide = sum(2 if unicodedata.east_asian_width(character) in "FW" else 1 for character in text[:WIDEST_BY_ITSELF])
    return min(max(wide + 2, NARROWEST), WIDEST_BY_ITSELF)
