"""Workbooks from elsewhere, looked through before anything reads them: no part is larger or deeper than it may be."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any
from xml.parsers import expat

from hagworm.extend.error import WorkbookRefused
from hagworm.extend.excel.limit import COLUMNS, ROWS, ReadLimits

__all__ = ("Extent", "Findings", "inspect")

CHUNK = 64 * 1024
RATIO_FROM = 1 << 20
SHEETS = "xl/worksheets/"
READ = (".xml", ".rels")
ZIP_END = b"PK\x05\x06"
ZIP64_LOCATOR = b"PK\x06\x07"
ENTRY = 46 + 256

LONGEST_TEXT = 1 << 19
MOST_IN_A_ROW = COLUMNS * 8
MOST_SHARED = 1_000_000
MOST_ELSEWHERE = 50_000


@dataclass(slots=True)
class Extent:
    """How far a sheet goes: its last row and its last column."""

    rows: int = 0
    columns: int = 0

    @property
    def area(self) -> int:
        """How many cells there are from A1 to the last ones."""
        return self.rows * self.columns


@dataclass(slots=True)
class Findings:
    """What was found in a workbook that may be read."""

    total: int = 0
    """Bytes, unpacked."""
    sheets: dict[str, Extent] = field(default_factory=dict)
    """By the name of the part."""

    @property
    def area(self) -> int:
        """Of all sheets."""
        return sum(extent.area for extent in self.sheets.values())


def inspect(file: IO[bytes], limits: ReadLimits) -> Findings:
    """Look through a workbook, in constant memory. Raises `WorkbookRefused`, saying which part is wrong and how."""
    check_directory(file, limits)

    try:
        with zipfile.ZipFile(file) as archive:
            return inspect_parts(archive, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as exc:
        if isinstance(exc, WorkbookRefused):
            raise

        raise WorkbookRefused(f"this is no xlsx file: {exc}") from exc


def check_directory(file: IO[bytes], limits: ReadLimits) -> None:
    """Look at the size of the directory of the archive, before it is read into memory."""
    size = file.seek(0, 2)

    if size > limits.packed:
        raise WorkbookRefused(f"the file has {size} bytes, more than the {limits.packed} that it may have")

    file.seek(max(0, size - (1 << 16) - 22 - 20))
    tail = file.read()
    end = len(tail) - 22

    # As zipfile looks for it: at the very end, then behind a comment.
    if tail[end : end + 4] != ZIP_END or tail[-2:] != b"\0\0":
        end = tail.rfind(ZIP_END)

    if end < 0 or len(tail) - end < 22:
        raise WorkbookRefused("this is no xlsx file: it is no ZIP archive")

    if tail[max(0, end - 20) : end].startswith(ZIP64_LOCATOR):
        raise WorkbookRefused("the archive has the directory of one with more than 4 GB")

    if int.from_bytes(tail[end + 12 : end + 16], "little") > limits.parts * ENTRY:
        raise WorkbookRefused(f"the archive has more than the {limits.parts} parts that it may have")


def inspect_parts(archive: zipfile.ZipFile, limits: ReadLimits) -> Findings:
    parts = archive.infolist()
    findings = Findings(total=sum(part.file_size for part in parts))

    if len(parts) > limits.parts or len({part.filename for part in parts}) < len(parts):
        raise WorkbookRefused(
            f"the archive has {len(parts)} parts: there may be {limits.parts}, each under its own name"
        )

    if findings.total > limits.total:
        raise WorkbookRefused(f"the parts have {findings.total} bytes unpacked, more than {limits.total}")

    for part in parts:
        if part.file_size > RATIO_FROM and part.file_size > limits.ratio * part.compress_size:
            raise WorkbookRefused(f"{part.filename}: {part.compress_size} bytes unpack to {part.file_size}")

    if "[Content_Types].xml" not in archive.NameToInfo:
        raise WorkbookRefused("this is no xlsx file: it has no [Content_Types].xml")

    read = [part for part in parts if part.filename.endswith(READ)]
    resident = sum(part.file_size for part in read if not part.filename.startswith(SHEETS))

    if resident > limits.resident:
        raise WorkbookRefused(f"the parts beside the sheets have {resident} bytes, more than {limits.resident}")

    for part in read:
        extent = Examination(part.filename).run(pieces(archive, part))

        if part.filename.startswith(SHEETS) and not part.filename.endswith(".rels"):
            findings.sheets[part.filename] = extent

    return findings


def pieces(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while piece := stream.read(CHUNK):
            yield piece


class Examination:
    """Reads one part as XML and keeps nothing of it.

    Nothing is nested deeper, either, than there may be elements: everything that is read is bounded by their number.
    """

    __slots__ = ("allowed", "columns", "elements", "extent", "in_row", "is_sheet", "name", "number", "parser", "row")

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_sheet = name.startswith(SHEETS) and not name.endswith(".rels")
        self.allowed = MOST_SHARED if name.lower().endswith("sharedstrings.xml") else MOST_ELSEWHERE
        self.extent = Extent()
        # All of them, those of the row that is being read not yet included.
        self.elements = 0
        self.in_row = 0
        # Of the row that is being read, and as text.
        self.number = 0
        self.row = ""
        # The numbers of columns by their letters, as far as they have been met.
        self.columns: dict[str, int] = {}
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self.refuse_doctype
        self.parser.StartElementHandler = self.start_in_sheet if self.is_sheet else self.start

    def run(self, pieces: Iterator[bytes]) -> Extent:
        """Return how far the part goes, if it is a sheet. Raises `WorkbookRefused`."""
        quiet = 0
        seen = (0, 0)

        try:
            for piece in pieces:
                self.parser.Parse(piece, False)
                # Where no element begins there is one long tag, or text, perhaps in pieces that somebody would join.
                now = (self.elements, self.in_row)
                quiet = quiet + len(piece) if now == seen else 0
                seen = now

                if quiet > LONGEST_TEXT:
                    raise self.refusal(f"a text or a tag has more than {LONGEST_TEXT} bytes")

            self.parser.Parse(b"", True)
        except expat.ExpatError as exc:
            raise self.refusal(f"it is no XML: {exc}") from exc

        return self.extent

    def refusal(self, reason: str) -> WorkbookRefused:
        return WorkbookRefused(f"{self.name}: {reason}")

    def refuse_doctype(self, *_: Any) -> None:
        raise self.refusal("it declares a document type, and could declare entities")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Meet an element of a part that is held in memory."""
        self.elements += 1

        if self.elements > self.allowed:
            raise self.refusal(f"it has more than {self.allowed} elements")

        if tag.endswith("Override") and self.name == "[Content_Types].xml":
            name, kind = attributes.get("PartName", ""), attributes.get("ContentType", "")

            if name.removeprefix("/").startswith(SHEETS) and not kind.endswith("worksheet+xml"):
                raise self.refusal(f"it takes {name!r} for {kind!r}")

    def start_in_sheet(self, tag: str, attributes: dict[str, str]) -> None:
        """Meet an element of a sheet, which is read row by row."""
        self.in_row += 1

        if tag == "v":
            return

        tag = tag.rpartition(":")[2]

        if tag == "c":
            self.meet_cell(attributes.get("r"))
        elif tag == "row":
            self.meet_row(attributes.get("r"))
        elif tag == "si":
            # Somebody wants it read as another kind of part, which is held in memory.
            raise self.refusal("it is no sheet")

        if self.in_row > (MOST_IN_A_ROW if self.number else MOST_ELSEWHERE):
            raise self.refusal(f"row {self.number} has more elements than {COLUMNS} cells need")

    def meet_row(self, number: str | None) -> None:
        self.elements += 1
        self.in_row = 0
        self.number = self.number + 1 if number is None else self.whole(number)
        self.row = str(self.number)
        self.extent.rows = max(self.extent.rows, self.number)

        if self.number > ROWS or self.elements > ROWS:
            raise self.refusal(f"it has more than {ROWS} rows")

    def meet_cell(self, place: str | None) -> None:
        extent = self.extent

        if place is None:
            # One after the other; each is an element at least.
            column = min(self.in_row, COLUMNS)
        elif (
            not self.row or not place.endswith(self.row) or not (column := self.columns.get(place[: -len(self.row)], 0))
        ):
            column = self.locate(place)

        if column > extent.columns:
            extent.columns = column

    def locate(self, place: str) -> int:
        """Return the column of a cell, and note its row."""
        letters = place.rstrip("0123456789")
        column = 0

        for letter in letters[:4]:
            column = column * 26 + ord(letter) - 64

        if not (
            letters.isascii() and letters.isalpha() and letters.isupper() and len(letters) < 4 and column <= COLUMNS
        ):
            raise self.refusal(f"there is no cell {place!r:.40}")

        self.columns[letters] = column
        self.extent.rows = max(self.extent.rows, self.whole(place[len(letters) :]))
        return column

    def whole(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 7 and 0 < int(text) <= ROWS):
            raise self.refusal(f"there is no row {text!r:.40}")

        return int(text)
