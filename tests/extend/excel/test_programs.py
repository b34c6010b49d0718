"""Workbooks are opened by the programs that people open them with."""

import csv
import io
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pandas
import pytest

from hagworm.extend.excel import Column, Formula, Style, dump_workbook, write_workbook

SOFFICE = shutil.which("soffice")
# Commas, quotes, UTF-8, from the first line; cells as they are shown.
AS_SHOWN = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true"
ROWS = [
    (1, "Ada", 2.5, datetime(2026, 11, 22, 12, 30), "=1+1", Formula("=A2*10", 10)),
    (2, "王小明 <&>", 1000.25, datetime(1999, 12, 31, 23, 59, 59), "<r>x</r>", Formula("=SUM(A2:A3)", 3)),
]
COLUMNS = [
    "number",
    Column("name", "Name, in full", width=30, style=Style(bold=True, color="#0000ff")),
    Column("price", number_format="0.00"),
    "at",
    "note",
    "formula",
]


@pytest.mark.parametrize("engine", ["openpyxl", "xlsxwriter"])
@pytest.mark.timeout(180)
def test_libreoffice_shows_what_was_written(engine: str, tmp_path: Path) -> None:
    if SOFFICE is None:
        if os.environ.get("CI") == "true":
            pytest.fail("LibreOffice is not installed: apt-get install libreoffice-calc-nogui")

        pytest.skip("LibreOffice is not installed")

    write_workbook(tmp_path / "orders.xlsx", ROWS, columns=COLUMNS, engine=engine)
    profile = (tmp_path / "profile").as_uri()
    options = [f"-env:UserInstallation={profile}", "--headless", "--convert-to", AS_SHOWN, "--outdir", str(tmp_path)]
    done = subprocess.run([SOFFICE, *options, str(tmp_path / "orders.xlsx")], capture_output=True, timeout=150)
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO((tmp_path / "orders.csv").read_text("utf-8"))))

    assert rows[0] == ["number", "Name, in full", "price", "at", "note", "formula"]
    assert rows[1] == ["1", "Ada", "2.50", "2026-11-22 12:30:00", "=1+1", "10"]
    assert rows[2] == ["2", "王小明 <&>", "1000.25", "1999-12-31 23:59:59", "<r>x</r>", "3"]


@pytest.mark.parametrize("engine", ["openpyxl", "xlsxwriter"])
@pytest.mark.parametrize("reader", ["openpyxl", "calamine"])
def test_pandas_reads_what_was_written(engine: str, reader: str) -> None:
    data = dump_workbook(ROWS, columns=COLUMNS, engine=engine)
    frame = pandas.read_excel(io.BytesIO(data), engine=reader)

    assert list(frame.columns) == ["number", "Name, in full", "price", "at", "note", "formula"]
    assert frame["Name, in full"].tolist() == ["Ada", "王小明 <&>"]
    assert frame["at"].tolist() == [row[3] for row in ROWS]
    assert frame["note"].tolist() == ["=1+1", "<r>x</r>"]
    assert str(frame["price"].dtype) == "float64"
