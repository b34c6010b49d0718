"""What fits into a spreadsheet, and what may be in one that is read."""

from collections.abc import Iterable
from dataclasses import dataclass

from hagworm.extend.error import ExcelError

__all__ = (
    "COLUMNS",
    "EXACT_INTEGER",
    "ROWS",
    "TEXT",
    "ReadLimits",
    "check_sheet_name",
    "utf16_length",
)

ROWS = 1_048_576
COLUMNS = 16_384
TEXT = 32_767
"""How long a text may be, counted as spreadsheets do: a character outside of the basic plane is two."""
EXACT_INTEGER = 10**15
"""From here on a spreadsheet does not keep every digit of a whole number."""
NAME = 31
NOT_IN_NAMES = frozenset("[]:*?/\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """How much a workbook may be before it is not read at all; sizes are in bytes, unpacked."""

    packed: int = 256 << 20
    """Size of the file itself."""
    total: int = 1 << 30
    """Size of all its parts."""
    resident: int = 32 << 20
    """Size of the parts that are held in memory whole, texts that many cells share and styles, together."""
    ratio: int = 200
    """How many times larger than packed a part of more than a megabyte may be."""
    parts: int = 2_000
    """How many parts there may be."""
    cells: int = 2_000_000
    """The area of a sheet, from A1 to the last row and the last column, where an engine holds it in memory whole."""
    gap: int = 10_000
    """How many empty rows may stand between two rows."""


def utf16_length(text: str) -> int:
    """Return the length of a text as spreadsheets count it."""
    return len(text) + sum(character > "\uffff" for character in text)


def check_sheet_name(name: str, taken: Iterable[str]) -> None:
    """Raise `ExcelError` unless a sheet may have this name beside those that are `taken`."""
    if not name or utf16_length(name) > NAME:
        raise ExcelError(f"the name of a sheet has 1 to {NAME} characters, not {utf16_length(name)}: {name!r}")

    if wrong := sorted(NOT_IN_NAMES & set(name)):
        raise ExcelError(f"the name of a sheet has none of {' '.join(sorted(NOT_IN_NAMES))}: {name!r} has {wrong[0]}")

    if not name.isprintable():
        raise ExcelError(f"the name of a sheet is printable: {name!r}")

    if name.startswith("'") or name.endswith("'"):
        raise ExcelError(f"the name of a sheet neither begins nor ends with an apostrophe: {name!r}")

    if name.casefold() == "history":
        raise ExcelError(f"spreadsheets keep the name {name!r} for themselves")

    if name.casefold() in {other.casefold() for other in taken}:
        raise ExcelError(f"there is a sheet of that name already: {name!r}")
