"""Workbooks read row by row, and looked through before."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import Enum
from functools import cache
from io import BytesIO
from types import NoneType, TracebackType, UnionType
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from hagworm.extend.error import CellError, ExcelError, HagwormError, WorkbookRefused, nearest
from hagworm.extend.excel.engine import Source, load_reader
from hagworm.extend.excel.limit import ReadLimits

if TYPE_CHECKING:
    from hagworm.extend.excel.guard import Findings

__all__ = ("LIMITS", "Origin", "WorkbookReader", "read_objects", "read_records", "read_rows")

T = TypeVar("T")

Origin = str | os.PathLike[str] | bytes | IO[bytes]
"""A path, the bytes of a workbook, or a file that can be sought in."""

SMALL = 32 << 20
LIMITS = ReadLimits()


class WorkbookReader:
    """A workbook that is read: `with WorkbookReader("orders.xlsx") as book: for row in book.rows("Orders"): …`.

    `engine` is `calamine` (extra `excel-fast`; fast, each sheet in memory whole), `openpyxl` (row by row), or `auto`:
    calamine where it is installed and the workbook is small. The file may come from anybody: it is looked through
    before, and refused where it is more than `limits` allow or declares entities.

    It blocks. Raises OSError, and `WorkbookRefused` for what is no workbook.
    """

    __slots__ = ("engine", "file", "findings", "is_ours", "limits", "source")

    def __init__(self, origin: Origin, *, engine: str = "auto", limits: ReadLimits = LIMITS) -> None:
        from hagworm.extend.excel.guard import inspect

        self.limits = limits
        self.is_ours = isinstance(origin, str | os.PathLike | bytes)
        self.file: IO[bytes]

        match origin:
            case bytes():
                self.file = BytesIO(origin)
            case str() | os.PathLike():
                self.file = open(origin, "rb")
            case _:
                self.file = origin

        try:
            self.findings = inspect(self.file, limits)
            make = load_reader(self.choose(engine, self.findings))
            self.engine = make.__module__.rpartition(".")[2]
            self.file.seek(0)
            self.source: Source = self.open(make)
        except BaseException:
            self.close_file()
            raise

    def __repr__(self) -> str:
        return f"<WorkbookReader by {self.engine}: {len(self.source.sheets)} sheets>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of the sheets, in order."""
        return self.source.sheets

    def rows(self, sheet: str | int = 0) -> Iterator[Sequence[Any]]:
        """Yield the rows of a sheet, by its name or position, from the first one on.

        A value is a whole number, a float, a truth value, a text, a `datetime` (a date alone is one at midnight), a
        `time`, a `timedelta`, or None for an empty cell; a formula is the value that was saved with it. Rows need not
        be equally long. Raises `ExcelError` for a sheet that is not there.
        """
        return self.translated(self.find(sheet))

    def translated(self, sheet: str) -> Iterator[Sequence[Any]]:
        """Yield rows; whatever the library stumbles over is `WorkbookRefused`."""
        try:
            yield from self.source.rows(sheet, self.limits)
        except (HagwormError, GeneratorExit):
            raise
        except Exception as exc:
            raise WorkbookRefused(f"{sheet}: it cannot be read: {type(exc).__name__}: {exc}") from exc

    def records(self, sheet: str | int = 0) -> Iterator[dict[str, Any]]:
        """Yield the rows below the header as mappings by title; rows without any value are left out.

        Raises `ExcelError` for a header that names no or two columns alike.
        """
        for _, record in self.numbered(sheet):
            yield record

    def objects(self, cls: type[T], sheet: str | int = 0, *, timezone: tzinfo | None = None) -> Iterator[T]:
        """Yield the rows below the header as objects of a dataclass, by the names of its fields.

        Values are converted to the types of the fields (`str`, `int`, `float`, `bool`, `Decimal`, `date`, `datetime`,
        `time`, `timedelta`, `UUID`, enumerations, each of them or None); a moment gets `timezone`. Raises `CellError`
        for a value that is none of its type, and `ExcelError` for a column that is missing.
        """
        name = self.find(sheet)
        build = Builder(cls, name, timezone)

        for number, record in self.numbered(name):
            yield build(number, record)

    def close(self) -> None:
        """Close the file, if it was opened here."""
        self.source.close()
        self.close_file()

    def close_file(self) -> None:
        if self.is_ours:
            self.file.close()

    def choose(self, engine: str, findings: "Findings") -> str:
        """Return the engine to read with."""
        is_small = findings.area <= self.limits.cells and findings.total <= SMALL

        if engine == "calamine" and findings.area > self.limits.cells:
            raise ExcelError(
                f"calamine would hold {findings.area} cells in memory, more than {self.limits.cells}; "
                "openpyxl reads row by row"
            )

        return "openpyxl" if engine == "auto" and not is_small else engine

    def open(self, make: Callable[[IO[bytes]], Source]) -> Source:
        """Open the workbook. Raises `WorkbookRefused` whatever the library stumbles over."""
        try:
            source = make(self.file)
        except HagwormError:
            raise
        except Exception as exc:
            raise WorkbookRefused(f"this is no xlsx file that can be read: {type(exc).__name__}: {exc}") from exc

        if not source.sheets:
            source.close()
            raise WorkbookRefused("this is no xlsx file that can be read: it has no sheets")

        return source

    def find(self, sheet: str | int) -> str:
        """Return the name of a sheet. Raises `ExcelError`."""
        names = self.source.sheets

        if isinstance(sheet, str):
            if sheet not in names:
                raise ExcelError(f"there is no sheet {sheet!r}{nearest(sheet, names)}: there are {', '.join(names)}")

            return sheet

        if not 0 <= sheet < len(names):
            raise ExcelError(f"there is no sheet number {sheet}: there are {len(names)}")

        return names[sheet]

    def numbered(self, sheet: str | int) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = self.rows(sheet)
        titles = titles_of(next(rows, ()), self.find(sheet))

        for number, row in enumerate(rows, start=2):
            record = dict(zip(titles, row, strict=False))

            if any(value is not None for value in record.values()):
                yield number, {title: record.get(title) for title in titles}


class Builder:
    """Makes objects of a dataclass out of rows."""

    __slots__ = ("cls", "converters", "needed", "places", "sheet")

    def __init__(self, cls: type[Any], sheet: str, zone: tzinfo | None) -> None:
        if not is_dataclass(cls):
            raise TypeError(f"rows become objects of a dataclass, not of {cls!r}")

        hints = get_type_hints(cls)
        found = [field for field in fields(cls) if field.init]
        self.cls = cls
        self.sheet = sheet
        self.converters = {field.name: converter(hints[field.name], zone) for field in found}
        self.needed = [field.name for field in found if field.default is MISSING and field.default_factory is MISSING]

    def __call__(self, number: int, record: Mapping[str, Any]) -> Any:
        if missing := [name for name in self.needed if name not in record]:
            raise ExcelError(f"{self.sheet}: there is no column {missing[0]!r}{nearest(missing[0], record)}")

        values = {}

        for column, (title, value) in enumerate(record.items(), start=1):
            if (convert := self.converters.get(title)) is None:
                continue

            try:
                values[title] = convert(value)
            except (ValueError, TypeError, ArithmeticError) as exc:
                raise CellError(self.sheet, number, column, value, f"{title}: {exc}") from exc

        return self.cls(**values)


def titles_of(row: Sequence[Any], sheet: str) -> list[str]:
    """Return the titles of a header. Raises `ExcelError`."""
    titles = [str(value) for value in row if value is not None]

    if not titles or len(titles) < len([*row]) - trailing(row):
        raise ExcelError(f"{sheet}: the first row is no header: {list(row)!r:.200}")

    if len(set(titles)) < len(titles):
        raise ExcelError(f"{sheet}: two columns have the same title: {titles!r:.200}")

    return titles


def trailing(row: Sequence[Any]) -> int:
    count = 0

    while count < len(row) and row[-1 - count] is None:
        count += 1

    return count


def converter(hint: Any, zone: tzinfo | None) -> Callable[[Any], Any]:
    """Return what makes a value of a type. It raises ValueError."""
    is_optional = False

    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        is_optional = len(kinds) < len(get_args(hint))
        hint = kinds[0] if len(kinds) == 1 else Any

    def convert(value: Any) -> Any:
        if value is None:
            if is_optional or hint is Any:
                return None

            if hint is str:
                return ""

            raise ValueError(f"the cell is empty, and {getattr(hint, '__name__', hint)} is wanted")

        if hint is Any:
            return value

        if hint is datetime and isinstance(value, datetime):
            return value if zone is None else value.replace(tzinfo=zone)

        if isinstance(hint, type) and issubclass(hint, Enum):
            return hint(value)

        if (make := makers().get(hint)) is None:
            raise TypeError(f"a cell cannot become {hint!r}")

        return make(value)

    return convert


def exactly(*kinds: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"{kinds[0].__name__} is wanted")

        return value

    return check


def whole(value: Any) -> int:
    if isinstance(value, bool | float):
        raise ValueError("int is wanted")

    return int(value)


def day(value: Any) -> date:
    if not isinstance(value, datetime) or value.time() != time():
        raise ValueError("date is wanted")

    return value.date()


def text(value: Any) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)

    raise ValueError("str is wanted")


@cache
def makers() -> dict[Any, Callable[[Any], Any]]:
    """Return what makes values of the types that have no cells of their own, and checks those that have."""
    from decimal import Decimal
    from uuid import UUID

    return {
        bool: exactly(bool),
        date: day,
        datetime: exactly(datetime),
        Decimal: lambda value: Decimal(str(exactly(int, float, str)(value))),
        float: lambda value: float(exactly(int, float)(value)),
        int: whole,
        str: text,
        time: exactly(time),
        timedelta: exactly(timedelta),
        UUID: lambda value: UUID(exactly(str)(value)),
    }


def read_rows(
    origin: Origin, *, sheet: str | int = 0, engine: str = "auto", limits: ReadLimits = LIMITS
) -> Iterator[Sequence[Any]]:
    """Yield the rows of a sheet, as `WorkbookReader.rows` does; the file is open until the last one."""
    with WorkbookReader(origin, engine=engine, limits=limits) as book:
        yield from book.rows(sheet)


def read_records(
    origin: Origin, *, sheet: str | int = 0, engine: str = "auto", limits: ReadLimits = LIMITS
) -> Iterator[dict[str, Any]]:
    """Yield the rows below the header as mappings, as `WorkbookReader.records` does."""
    with WorkbookReader(origin, engine=engine, limits=limits) as book:
        yield from book.records(sheet)


def read_objects(
    cls: type[T],
    origin: Origin,
    *,
    sheet: str | int = 0,
    engine: str = "auto",
    timezone: tzinfo | None = None,
    limits: ReadLimits = LIMITS,
) -> Iterator[T]:
    """Yield the rows below the header as objects of a dataclass, as `WorkbookReader.objects` does."""
    with WorkbookReader(origin, engine=engine, limits=limits) as book:
        yield from book.objects(cls, sheet, timezone=timezone)
