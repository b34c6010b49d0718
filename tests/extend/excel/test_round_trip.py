"""What is written is read, by every reader from every writer."""

import os
from datetime import datetime, time, timedelta
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hagworm.extend.excel import dump_workbook, read_rows

LONG = bool(os.environ.get("HAGWORM_LONG"))
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")
TEXT = st.text(LETTERS.filter(lambda letter: letter >= " " or letter in "\t\n\r"))
MILLISECOND = timedelta(milliseconds=1)


def to_milliseconds(value: Any) -> Any:
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**15) + 1, 10**15 - 1),
    # The libraries write sixteen digits, spreadsheets keep fifteen.
    st.floats(-1e300, 1e300, allow_subnormal=False).map(lambda value: float(f"{value:.15g}")),
    TEXT.map(lambda text: text or None),
    st.from_regex(r"_x[0-9A-Fa-f]{4}_|[=+\-@#<]\w*", fullmatch=True),
    st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(to_milliseconds),
    st.times().map(to_milliseconds),
    st.timedeltas(timedelta(0), timedelta(days=30_000)).map(lambda value: value // MILLISECOND * MILLISECOND),
)


# Without an explanation of failures, which traces the libraries line by line.
@settings(
    max_examples=300 if LONG else 12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
)
@given(rows=st.lists(st.lists(VALUES, min_size=1, max_size=8), min_size=1, max_size=8))
def test_rows_are_read_as_they_were_written(rows: list[list[Any]]) -> None:
    for writer in ("openpyxl", "xlsxwriter"):
        data = dump_workbook(rows, engine=writer)

        for reader in ("openpyxl", "calamine"):
            assert trimmed([list(row) for row in read_rows(data, engine=reader)]) == trimmed(rows), (writer, reader)


def trimmed(rows: list[list[Any]]) -> list[list[Any]]:
    """Rows without what is empty at their ends: a workbook keeps only what is in its cells."""
    found = [row[: max((index + 1 for index, value in enumerate(row) if value is not None), default=0)] for row in rows]

    while found and not found[-1]:
        found.pop()

    return found


def test_midnight_is_a_time() -> None:
    data = dump_workbook([[time(0, 0), timedelta(0)]])

    for reader in ("openpyxl", "calamine"):
        assert list(read_rows(data, engine=reader)) == [[time(0, 0), timedelta(0)]]


def test_text_of_nothing_but_space_stays_text() -> None:
    rows = [[" ", "  ", "\t", "\n", "\r", "\r\n", " \r", "\u3000", "\xa0\u2003"]]

    for writer in ("openpyxl", "xlsxwriter"):
        data = dump_workbook(rows, engine=writer)

        for reader in ("openpyxl", "calamine"):
            assert list(read_rows(data, engine=reader)) == rows, (writer, reader)
