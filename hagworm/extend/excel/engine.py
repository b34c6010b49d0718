"""Which library writes and which one reads, by name: each is a module nobody imports."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import IO, Any, Protocol

from hagworm.extend.error import ExcelError, nearest
from hagworm.extend.excel.cell import Encoded
from hagworm.extend.excel.limit import ReadLimits
from hagworm.extend.excel.style import Style

__all__ = ("Book", "Layout", "Sheet", "Source", "load_reader", "load_writer")

Layout = Sequence[float | None]
"""The widths of the columns."""

WRITERS = {"xlsxwriter": "xlsxwriter", "openpyxl": "openpyxl"}
READERS = {"calamine": "python_calamine", "openpyxl": "openpyxl"}


class Sheet(Protocol):
    """A sheet that is being written."""

    def append(self, cells: Sequence[Encoded]) -> None:
        """Write the next row, as `Encoder.encode` returns it."""


class Book(Protocol):
    """A workbook that is being written, in temporary files until `save`."""

    def add_sheet(self, name: str, layout: Layout, *, frozen: int) -> Sheet:
        """Begin a sheet, the first `frozen` rows of which stay in sight."""

    def prepare(self, style: Style, quoted: bool) -> Any:
        """Return what cells with this style are given as their look; `quoted` for texts like formulas."""

    def save(self, file: IO[bytes]) -> None:
        """Write the workbook and remove the temporary files."""

    def discard(self) -> None:
        """Remove the temporary files."""


class Source(Protocol):
    """A workbook that is being read."""

    sheets: tuple[str, ...]

    def rows(self, sheet: str, limits: ReadLimits) -> Iterator[Sequence[Any]]:
        """Yield all rows from the first one on; empty cells are None. Raises `WorkbookRefused`."""

    def close(self) -> None:
        """Close the file."""


def load_writer(name: str = "auto") -> type[Book]:
    """Return the class of the engine of that name; `auto` is the fastest that is installed.

    Raises `ExcelError` for an unknown name.
    """
    found: type[Book] = load("writers", name, WRITERS).WRITER
    return found


def load_reader(name: str) -> Any:
    """Return the class of the engine of that name. Raises `ExcelError` for an unknown name."""
    return load("readers", name, READERS).READER


def load(kind: str, name: str, known: dict[str, str]) -> Any:
    if name == "auto":
        name = next((engine for engine, library in known.items() if find_spec(library)), "openpyxl")

    if name not in known:
        names = ", ".join([*known, "auto"])
        raise ExcelError(f"no engine is called {name!r}{nearest(name, known)}: there are {names}")

    return import_module(f"hagworm.extend.excel.{kind}.{name}")
