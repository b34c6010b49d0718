"""Rows as a spreadsheet that the client saves."""

import tempfile
from collections.abc import AsyncIterator
from datetime import tzinfo
from typing import IO, Any, Unpack
from weakref import finalize

from hagworm.extend.asyncio.excel import Rows, write_workbook
from hagworm.extend.excel.cell import Illegal
from hagworm.extend.excel.writer import SheetOptions
from hagworm.facade.disposition import content_disposition
from hagworm.facade.headers import HeaderSource
from hagworm.facade.request import Request
from hagworm.facade.response import StreamedResponse
from hagworm.facade.upload import in_file_thread

__all__ = ("XLSX", "Spreadsheet")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHUNK = 256 * 1024


class Spreadsheet(StreamedResponse):
    """Rows, from an (async) iterable, as an xlsx file that the client saves under the name `filename`.

    `sheet`, `engine`, `timezone`, `illegal` and the options of a sheet (`columns`, `header`, `header_style`, `freeze`)
    are those of `hagworm.extend.excel`. The file is written in a thread, to disk, before the head is sent: a value that
    fits no cell is an error of the service (500), and no file breaks off in the middle. A HEAD request writes none.
    """

    __slots__ = ("__weakref__", "engine", "file", "illegal", "options", "rows", "sheet", "zone")

    def __init__(
        self,
        rows: Rows,
        filename: str = "export.xlsx",
        *,
        sheet: str = "Sheet1",
        engine: str = "auto",
        timezone: tzinfo | None = None,
        illegal: Illegal = "raise",
        status: int = 200,
        headers: HeaderSource | None = None,
        background: Any = None,
        **options: Unpack[SheetOptions],
    ) -> None:
        super().__init__(b"", status, headers, media_type=XLSX, background=background)
        self.headers.setdefault("content-disposition", content_disposition(filename))
        self.rows = rows
        self.sheet = sheet
        self.engine = engine
        self.zone = timezone
        self.illegal: Illegal = illegal
        self.options = options
        self.file: IO[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Spreadsheet {self.sheet!r} {self.status}>"

    async def prepare(self, request: Request) -> None:
        """Write the file. Raises `CellError` for a value that fits no cell, and OSError."""
        if request.method == "HEAD":
            return

        file: IO[bytes] = tempfile.TemporaryFile()
        # Whether its content is asked for or the client has left.
        finalize(self, file.close)
        self.file = file

        try:
            await write_workbook(
                file,
                self.rows,
                sheet=self.sheet,
                engine=self.engine,
                timezone=self.zone,
                illegal=self.illegal,
                **self.options,
            )
        except BaseException:
            file.close()
            raise

        self.raw_headers.append((b"content-length", b"%d" % file.seek(0, 2)))
        file.seek(0)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the file."""
        assert self.file is not None, "prepare() comes before chunks()"

        while piece := await in_file_thread(self.file.read, CHUNK):
            yield piece
