"""Workbooks read by calamine, each sheet at once."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from io import BytesIO
from typing import IO, Any

from hagworm.extend.error import extra
from hagworm.extend.excel.limit import ReadLimits

__all__ = ("READER",)


class CalamineSource:
    """A workbook that calamine reads."""

    __slots__ = ("sheets", "workbook")

    def __init__(self, file: IO[bytes]) -> None:
        with extra("excel-fast"):
            from python_calamine import CalamineWorkbook, SheetTypeEnum

        self.workbook = CalamineWorkbook.from_filelike(repacked(file))
        metadata = self.workbook.sheets_metadata
        self.sheets = tuple(sheet.name for sheet in metadata if sheet.typ == SheetTypeEnum.WorkSheet)

    def rows(self, sheet: str, limits: ReadLimits) -> Iterator[Sequence[Any]]:
        """Yield all rows from the first one on; empty cells are None."""
        found = self.workbook.get_sheet_by_name(sheet)

        for row in found.to_python(skip_empty_area=False):
            yield [usual(value) for value in row]

    def close(self) -> None:
        """Forget the workbook."""
        self.workbook.close()


def repacked(file: IO[bytes]) -> BytesIO:
    """Return the archive as zipfile understands it: another reader might find other parts in it, or longer ones."""
    import zipfile

    copy = BytesIO()

    with zipfile.ZipFile(file) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for part in source.infolist():
            target.writestr(zipfile.ZipInfo(part.filename), source.read(part))

    copy.seek(0)
    return copy


def usual(value: Any) -> Any:
    """Return a value as openpyxl has it."""
    if value == "":
        return None

    if type(value) is float and value.is_integer():
        return int(value)

    if type(value) is date:
        return datetime.combine(value, time())

    return value


READER = CalamineSource
