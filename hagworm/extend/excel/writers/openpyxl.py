"""Workbooks written by openpyxl, in its write-only mode."""

import re
from collections.abc import Iterator, Sequence
from typing import IO, Any

from hagworm.extend.excel.cell import Encoded, Formula
from hagworm.extend.excel.engine import Layout
from hagworm.extend.excel.style import Style

__all__ = ("WRITER",)

# Spreadsheets read _x0041_ as A, so that a text which looks like that has its underscore written like that; a carriage
# return is one that XML would read as a line feed (ECMA-376-1, 22.9.2.19).
ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|\r")


class Blank(str):
    """Text that is nothing but space, and is not to be lost."""

    __slots__ = ()

    def strip(self, *_: Any) -> str:
        """Return what says that it has to be preserved: openpyxl does so where this is another text, and not empty."""
        return "."


class OpenpyxlSheet:
    """A sheet, the rows of which are in a temporary file."""

    __slots__ = ("holders", "make", "sheet")

    def __init__(self, sheet: Any) -> None:
        from openpyxl.cell import WriteOnlyCell

        self.sheet = sheet
        self.make = WriteOnlyCell
        # By column and look: each is written before the next value is put into it.
        self.holders: dict[tuple[int, int], Any] = {}
        # openpyxl would look at every value again, take texts for formulas or errors, and cells for mistakes at first.
        sheet._values_to_row = self.fill

    def append(self, cells: Sequence[Encoded]) -> None:
        """Write the next row."""
        self.sheet.append(cells)

    def fill(self, cells: Sequence[Encoded], number: int) -> Iterator[Any]:
        """Yield the cells of a row, each of which is written before the next one is asked for."""
        holders = self.holders

        for index, value in enumerate(cells):
            look = None

            if type(value) is tuple:
                value, look = value
            elif value is None:
                continue

            cell = holders.get((index, id(look))) or self.hold(index, look)
            cell.row = number
            kind = type(value)

            if kind is str:
                cell.data_type = "s"

                if "_x" in value or "\r" in value:
                    value = ESCAPED.sub(escape, value)
                elif value.isspace():
                    value = Blank(value)

                cell._value = value
            elif kind is Formula:
                cell.data_type = "f"
                cell._value = value.text
            else:
                cell.data_type = "b" if kind is bool else "n"
                cell._value = value

            yield cell

    def hold(self, index: int, look: Any) -> Any:
        """Return a new cell for one column and one look."""
        cell = self.holders[index, id(look)] = self.make(self.sheet)
        cell.column = index + 1

        if look is not None:
            cell._style = look

        return cell


def escape(match: re.Match[str]) -> str:
    return "_x005F_" if match[0] == "_" else "_x000D_"


class OpenpyxlBook:
    """A workbook that openpyxl writes."""

    __slots__ = ("looks", "workbook")

    def __init__(self) -> None:
        from openpyxl import Workbook

        self.workbook = Workbook(write_only=True)
        # Looks are told apart by identity; they live as long as this does.
        self.looks: list[Any] = []

    def add_sheet(self, name: str, layout: Layout, *, frozen: int) -> OpenpyxlSheet:
        """Begin a sheet, the first `frozen` rows of which stay in sight."""
        from openpyxl.utils import get_column_letter

        sheet = self.workbook.create_sheet(name)

        for number, width in enumerate(layout, start=1):
            if width is not None:
                sheet.column_dimensions[get_column_letter(number)].width = width

        if frozen:
            sheet.freeze_panes = f"A{frozen + 1}"

        return OpenpyxlSheet(sheet)

    def prepare(self, style: Style, quoted: bool) -> Any:
        """Return the numbers under which the workbook keeps a style."""
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

        cell = WriteOnlyCell(self.workbook.worksheets[0])

        if style.number_format is not None:
            cell.number_format = style.number_format

        font = {
            "b": style.bold,
            "i": style.italic,
            "u": "single" if style.underline else None,
            "name": style.font,
            "sz": style.size,
            "color": None if style.color is None else f"FF{style.color[1:].upper()}",
        }

        if any(value is not None for value in font.values()):
            cell.font = Font(**{"name": "Calibri", "sz": 11, **{k: v for k, v in font.items() if v is not None}})

        if style.background is not None:
            cell.fill = PatternFill("solid", fgColor=f"FF{style.background[1:].upper()}")

        if style.align is not None or style.valign is not None or style.wrap is not None:
            cell.alignment = Alignment(horizontal=style.align, vertical=style.valign, wrap_text=style.wrap)

        if style.border:
            side = Side(style="thin")
            cell.border = Border(left=side, right=side, top=side, bottom=side)

        if quoted:
            cell.quotePrefix = True

        look = cell._style
        self.looks.append(look)
        return look

    def save(self, file: IO[bytes]) -> None:
        """Write the workbook and remove the temporary files."""
        self.workbook.save(file)

    def discard(self) -> None:
        """Remove the temporary files."""
        from contextlib import suppress

        for sheet in self.workbook.worksheets:
            if (writer := sheet._writer) is not None:
                # What is under way is ended by closing it; that its XML is incomplete is of no interest.
                with suppress(Exception):
                    sheet.close()

                with suppress(OSError, ValueError):
                    writer.cleanup()


WRITER = OpenpyxlBook
