"""Workbooks from anybody: what would take much memory or time is refused, in little of either."""

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest

from hagworm.extend.error import WorkbookRefused
from hagworm.extend.excel import ReadLimits, WorkbookReader, dump_workbook, read_rows

GOOD = dump_workbook([["a", 1]], engine="openpyxl")
SHEET = "xl/worksheets/sheet1.xml"
HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = "</sheetData></worksheet>"
SST = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 10}">' for n in range(10))


def changed(name: str, content: str | bytes, data: bytes = GOOD) -> bytes:
    """Return a workbook with one part replaced."""
    file = io.BytesIO()

    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as to,
    ):
        for part in source.namelist():
            if part != name:
                to.writestr(part, source.read(part))

        to.writestr(name, content)

    return file.getvalue()


def sheet(rows: str) -> bytes:
    return changed(SHEET, HEAD + rows + TAIL)


def noise(size: int) -> str:
    """Text that hardly packs."""
    import random

    return random.Random(size).randbytes(size // 2).hex()


def many_parts() -> bytes:
    file = io.BytesIO(GOOD)

    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        for number in range(20_000):
            archive.writestr(f"x{number}", b"")

    return file.getvalue()


def lying(size: int) -> bytes:
    """Return a workbook whose sheet unpacks to much more than its directory says, with the right checksum for less."""
    plain = (HEAD + '<row r="1"><c r="A1" t="n"><v>1</v></c></row>' + TAIL).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(plain + b" " * size) + packer.flush()
    data = changed(SHEET, plain)
    file = io.BytesIO()

    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(file, "w") as target:
        for part in source.namelist():
            if part != SHEET:
                target.writestr(part, source.read(part))

        start = file.tell()
        name = SHEET.encode()
        facts = struct.pack("<HHHHHIII", 20, 0, 8, 0, 33, zlib.crc32(plain), len(packed), len(plain))
        file.write(b"PK\x03\x04" + facts + struct.pack("<HH", len(name), 0) + name + packed)
        info = zipfile.ZipInfo(SHEET)
        info.compress_type, info.CRC, info.header_offset = zipfile.ZIP_DEFLATED, zlib.crc32(plain), start
        info.compress_size, info.file_size = len(packed), len(plain)
        target.filelist.append(info)
        target.NameToInfo[SHEET] = info
        target.start_dir = file.tell()
        target._didModify = True

    return file.getvalue()


DOCTYPES = {
    "laughs": f"<!DOCTYPE x [{LAUGHS}]>",
    "quadratic": f'<!DOCTYPE x [<!ENTITY a "{"x" * 50_000}">]>',
    "external file": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    "external url": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
    "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
}
PARTS = (SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml", "_rels/.rels", "xl/sharedStrings.xml")

BOMBS: dict[str, Callable[[], bytes]] = {
    **{
        f"{kind} in {part}": lambda text=text, part=part: changed(part, f'<?xml version="1.0"?>{text}<x>&a;&l9;</x>')  # type: ignore[misc]
        for kind, text in DOCTYPES.items()
        for part in PARTS
    },
    "doctype in UTF-16": lambda: changed(SHEET, f"{DOCTYPES['laughs']}<x>&l9;</x>".encode("utf-16")),
    "zeros": lambda: changed("xl/sharedStrings.xml", SST + " " * 100_000_000),
    "zeros in a sheet": lambda: sheet(" " * 100_000_000),
    "one long text": lambda: sheet(f'<row r="1"><c r="A1" t="inlineStr"><is><t>{noise(2_000_000)}</t></is></c></row>'),
    "text in pieces": lambda: sheet(
        f'<row r="1"><c r="A1" t="inlineStr"><is><t>{"<!-- -->".join([noise(1000)] * 1_000)}</t></is></c></row>'
    ),
    "one long tag": lambda: sheet(f'<row r="1" x="{noise(4_000_000)}"/>'),
    "text before the first row": lambda: changed(SHEET, HEAD.replace("<sheetData>", noise(2_000_000))),
    "a text that is not there": lambda: sheet('<row r="1"><c r="A1" t="s"><v>99</v></c></row>'),
    "deep": lambda: sheet("<x>" * 100_000 + "</x>" * 100_000),
    "a row of too much": lambda: sheet(f'<row r="1">{"<c/>" * 200_000}</row>'),
    "too many rows": lambda: sheet("<row/>" * 1_200_000),
    "too much beside rows": lambda: sheet("<x/>" * 200_000),
    "far away": lambda: sheet(
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="9999999"><c r="A9999999"><v>1</v></c></row>'
    ),
    "far right": lambda: sheet('<row r="1"><c r="ZZZ1"><v>1</v></c></row>'),
    "no cell": lambda: sheet('<row r="1"><c r="1A"><v>1</v></c></row>'),
    "too many styles": lambda: changed(
        "xl/styles.xml", f"<styleSheet><cellXfs>{'<xf/>' * 60_000}</cellXfs></styleSheet>"
    ),
    "too many texts": lambda: changed("xl/sharedStrings.xml", SST + "<si/>" * 1_100_000 + "</sst>"),
    "a sheet as styles": lambda: changed(
        "[Content_Types].xml",
        f'<Types><Override PartName="/{SHEET}" ContentType="application/x.sharedStrings+xml"/></Types>',
    ),
    "texts in a sheet": lambda: sheet("<si/>"),
    "many parts": many_parts,
    "no archive": lambda: b"PK\x03\x04 and nothing more",
    "no workbook": lambda: changed("x", "", b"PK\x05\x06" + b"\0" * 18),
    "cut off": lambda: GOOD[: len(GOOD) // 2],
    "empty": lambda: b"",
    "no XML": lambda: changed(SHEET, b"\xff\xfe\x00"),
    "nonsense": lambda: changed("xl/workbook.xml", "<workbook/>"),
    "zip64": lambda: GOOD[:-22] + b"PK\x06\x07" + b"\0" * 16 + GOOD[-22:],
    "the same name twice": lambda: twice(),
}


def twice() -> bytes:
    file = io.BytesIO(GOOD)

    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(SHEET, HEAD + TAIL)

    return file.getvalue()


@pytest.mark.parametrize("name", BOMBS)
def test_r50_a_bomb_is_refused_in_little_memory_and_time(name: str) -> None:
    data = BOMBS[name]()
    tracemalloc.start()
    start = process_time()

    try:
        with pytest.raises(WorkbookRefused):
            list(read_rows(data))

        assert process_time() - start < 20, "2 s without the tracing, on an idle machine"
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zeros in a sheet", "a text or a tag has more than 524288 bytes"),
        ("text in pieces", "a text or a tag has more than 524288 bytes"),
        ("one long tag", "a text or a tag has more than 524288 bytes"),
        ("too many rows", "more than 1048576 rows"),
        ("too much beside rows", "more elements than 16384 cells need"),
        ("a row of too much", "row 1 has more elements"),
        ("deep", "more elements"),
        ("too many texts", "more than 1000000 elements"),
        ("too many styles", "more than 50000 elements"),
        ("many parts", "more than the 2000 parts"),
    ],
)
def test_a_bomb_is_refused_for_what_it_would_do_where_how_it_is_packed_says_nothing(name: str, message: str) -> None:
    with pytest.raises(WorkbookRefused, match=message):
        list(read_rows(BOMBS[name](), limits=ReadLimits(ratio=1_000_000)))


def test_r50_there_are_at_least_40_of_them() -> None:
    assert len(BOMBS) >= 40


@pytest.mark.parametrize("engine", ["openpyxl", "calamine"])
def test_a_part_that_unpacks_to_more_than_its_directory_says_is_cut_there(engine: str) -> None:
    assert list(read_rows(lying(50_000_000), engine=engine)) == [[1]]


def test_two_cells_far_apart_are_not_held_with_all_between_them() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'

    with WorkbookReader(sheet(rows)) as book:
        assert book.engine == "openpyxl"
        assert next(book.rows()) == [1]

        with pytest.raises(WorkbookRefused, match="10000 empty rows"):
            list(book.rows())

    with pytest.raises(ValueError, match="calamine would hold 17179869184 cells"):
        WorkbookReader(sheet(rows), engine="calamine")


def test_what_a_sheet_says_of_its_own_size_is_of_no_account() -> None:
    text = HEAD.replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')
    data = changed(SHEET, f'{text}<row r="1"><c r="A1"><v>1</v></c></row>{TAIL}')

    for engine in ("openpyxl", "calamine"):
        assert list(read_rows(data, engine=engine)) == [[1]]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"packed": 100}, "more than the 100"),
        ({"total": 100}, "more than 100"),
        ({"resident": 100}, "beside the sheets"),
        ({"parts": 1}, "more than the 1 parts"),
    ],
    ids=["packed", "total", "resident", "parts"],
)
def test_limits_are_those_that_were_given(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkbookRefused, match=message):
        WorkbookReader(GOOD, limits=ReadLimits(**limits))
