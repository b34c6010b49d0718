"""Workbooks written by XlsxWriter, in its mode of constant memory."""

import tempfile
from collections.abc import Sequence
from typing import IO, Any

from hagworm.extend.error import extra
from hagworm.extend.excel.cell import Encoded, Formula
from hagworm.extend.excel.engine import Layout
from hagworm.extend.excel.style import Style

__all__ = ("WRITER",)


class XlsxWriterSheet:
    """A sheet, the rows of which are in a temporary file."""

    __slots__ = ("default", "number", "sheet")

    def __init__(self, sheet: Any, default: Any) -> None:
        self.sheet = sheet
        self.default = default
        self.number = 0

    def append(self, cells: Sequence[Encoded]) -> None:
        """Write the next row."""
        sheet = self.sheet
        # What `write_number` and `write_string` call when they know that they were given no `A1`.
        write_number, write_string = sheet._write_number, sheet._write_string
        number = self.number
        self.number += 1

        for index, cell in enumerate(cells):
            look = None
            kind = type(cell)

            if kind is tuple:
                cell, look = cell
                kind = type(cell)

            if kind is str:
                if cell[0] == "<":
                    self.write_markup(number, index, cell, look)
                else:
                    write_string(number, index, cell, look)
            elif kind is int or kind is float:
                write_number(number, index, cell, look)
            elif kind is bool:
                sheet.write_boolean(number, index, cell, look)
            elif kind is Formula:
                # An empty value has programs calculate.
                sheet.write_formula(number, index, cell.text, look, "" if cell.value is None else cell.value)
            elif look is not None:
                sheet.write_blank(number, index, None, look)

    def write_markup(self, number: int, index: int, text: str, look: Any) -> None:
        """Write a text that begins with `<`.

        In its mode of constant memory the library takes one from `<r>` to `</r>` for markup of its own, and writes it
        as it is; a text in two pieces is taken for none.
        """
        if text.startswith("<r>") and text.endswith("</r>"):
            pieces = [text[:1], self.default, text[1:]]
            self.sheet.write_rich_string(number, index, *pieces, *([] if look is None else [look]))
        else:
            self.sheet.write_string(number, index, text, look)


class XlsxWriterBook:
    """A workbook that XlsxWriter writes."""

    __slots__ = ("folder", "workbook")

    def __init__(self) -> None:
        with extra("excel-fast"):
            from xlsxwriter import Workbook

        self.folder = tempfile.TemporaryDirectory(prefix="hagworm-excel-", ignore_cleanup_errors=True)
        self.workbook: Any = Workbook(None, {"constant_memory": True, "tmpdir": self.folder.name})
        self.workbook.use_zip64()

    def add_sheet(self, name: str, layout: Layout, *, frozen: int) -> XlsxWriterSheet:
        """Begin a sheet, the first `frozen` rows of which stay in sight."""
        sheet = self.workbook.add_worksheet(name)

        for index, width in enumerate(layout):
            if width is not None:
                sheet.set_column(index, index, width)

        if frozen:
            sheet.freeze_panes(frozen, 0)

        return XlsxWriterSheet(sheet, self.workbook.add_format())

    def prepare(self, style: Style, quoted: bool) -> Any:
        """Return the format of a style."""
        wanted = {
            "num_format": style.number_format,
            "bold": style.bold,
            "italic": style.italic,
            "underline": 1 if style.underline else None,
            "font_name": style.font,
            "font_size": style.size,
            "font_color": style.color,
            "bg_color": style.background,
            "align": style.align,
            "valign": {"center": "vcenter"}.get(style.valign or "", style.valign),
            "text_wrap": style.wrap,
            "border": 1 if style.border else None,
            "quote_prefix": quoted or None,
        }
        return self.workbook.add_format({name: value for name, value in wanted.items() if value is not None})

    def save(self, file: IO[bytes]) -> None:
        """Write the workbook and remove the temporary files."""
        from xlsxwriter.exceptions import FileCreateError

        self.workbook.filename = file

        try:
            self.workbook.close()
        except FileCreateError as exc:
            (cause,) = exc.args
            raise cause from None

        self.folder.cleanup()

    def discard(self) -> None:
        """Remove the temporary files."""
        for sheet in self.workbook.worksheets():
            sheet._opt_close()

        self.folder.cleanup()


WRITER = XlsxWriterBook
