"""Workbooks (xlsx) written and read row by row, by the library that is there."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.excel.cell import Cell as Cell
    from hagworm.extend.excel.cell import Formula as Formula
    from hagworm.extend.excel.limit import ReadLimits as ReadLimits
    from hagworm.extend.excel.reader import WorkbookReader as WorkbookReader
    from hagworm.extend.excel.reader import read_objects as read_objects
    from hagworm.extend.excel.reader import read_records as read_records
    from hagworm.extend.excel.reader import read_rows as read_rows
    from hagworm.extend.excel.style import Column as Column
    from hagworm.extend.excel.style import Style as Style
    from hagworm.extend.excel.writer import SheetWriter as SheetWriter
    from hagworm.extend.excel.writer import WorkbookWriter as WorkbookWriter
    from hagworm.extend.excel.writer import dump_workbook as dump_workbook
    from hagworm.extend.excel.writer import write_workbook as write_workbook

# Loaded on first use: who writes needs nothing of what reads.
HOMES = {
    "Cell": "hagworm.extend.excel.cell",
    "Column": "hagworm.extend.excel.style",
    "Formula": "hagworm.extend.excel.cell",
    "ReadLimits": "hagworm.extend.excel.limit",
    "SheetWriter": "hagworm.extend.excel.writer",
    "Style": "hagworm.extend.excel.style",
    "WorkbookReader": "hagworm.extend.excel.reader",
    "WorkbookWriter": "hagworm.extend.excel.writer",
    "dump_workbook": "hagworm.extend.excel.writer",
    "read_objects": "hagworm.extend.excel.reader",
    "read_records": "hagworm.extend.excel.reader",
    "read_rows": "hagworm.extend.excel.reader",
    "write_workbook": "hagworm.extend.excel.writer",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
