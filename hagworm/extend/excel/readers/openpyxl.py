"""Workbooks read by openpyxl, in its read-only mode."""

import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

from hagworm.extend.error import WorkbookRefused
from hagworm.extend.excel.limit import ReadLimits

__all__ = ("READER",)

# What spreadsheets write for characters that XML has no place for, and for an underscore that looks like one of these.
ESCAPED = re.compile(r"_x(005[Ff]|00[01][0-9A-Fa-f])_")


class OpenpyxlSource:
    """A workbook that openpyxl reads, a row at a time."""

    __slots__ = ("sheets", "workbook")

    def __init__(self, file: IO[bytes]) -> None:
        from openpyxl import load_workbook

        self.workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        self.sheets: tuple[str, ...] = tuple(sheet.title for sheet in self.workbook.worksheets)

    def rows(self, sheet: str, limits: ReadLimits) -> Iterator[Sequence[Any]]:
        """Yield all rows from the first one on; empty cells are None. Raises `WorkbookRefused`."""
        found = self.workbook[sheet]
        # What the sheet says of its own size need not be true.
        found.reset_dimensions()
        empty = 0

        for row in found.iter_rows(values_only=True):
            empty = 0 if row else empty + 1

            if empty > limits.gap:
                raise WorkbookRefused(f"{sheet}: there are more than {limits.gap} empty rows between two others")

            yield [unescape(value) if type(value) is str and "_x" in value else value for value in row]

    def close(self) -> None:
        """Close the file."""
        self.workbook.close()


def unescape(text: str) -> str:
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


READER = OpenpyxlSource
