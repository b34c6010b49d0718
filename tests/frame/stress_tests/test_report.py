"""Laws of reports: JSON loses nothing, tables hold what was counted, whatever the names are."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import StressError
from hagworm.frame.stress_tests.objective import judge, parse_objectives
from hagworm.frame.stress_tests.plan import Closed
from hagworm.frame.stress_tests.report import (
    ENDINGS,
    check_path,
    read_result,
    write_csv,
    write_json,
    write_markdown,
    write_series,
    write_text,
)
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.summary import warnings_of
from tests.frame.stress_tests.runs import drawn, steady

NAMES = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=3, unique=True)
RUN = drawn(steady(errors=0.2), 3, seconds=4, rate=20, names=("GET /", "POST /|x|"))
VERDICTS = judge(RUN, parse_objectives("p99<1s,error<1%"))


def runs(names: list[str], seed: int, closed: bool) -> Result:
    plan = Closed(3, 2.0) if closed else None
    return drawn(steady(errors=0.3), seed, seconds=2, rate=5, names=tuple(names), plan=plan)


@settings(deadline=None, max_examples=40)
@given(NAMES, st.integers(0, 99), st.booleans())
def test_what_is_written_as_json_is_read_again_without_loss(names: list[str], seed: int, closed: bool) -> None:
    result = runs(names, seed, closed)
    text = write_json(result, judge(result, parse_objectives("p99<1ms")))

    assert Result.load(text) == result
    assert Result.load(text.encode("utf-8", "surrogatepass")) == result
    assert write_json(Result.load(text)) == write_json(result)


@settings(deadline=None, max_examples=40)
@given(NAMES, st.integers(0, 99), st.booleans())
def test_csv_holds_each_line_whatever_its_name_is(names: list[str], seed: int, closed: bool) -> None:
    result = runs(names, seed, closed)
    rows = list(csv.DictReader(io.StringIO(write_csv(result), newline="")))
    lines = {line.name: line for line in result.figures.lines}

    assert [row["name"] for row in rows] == [*lines, *(["total"] if len(lines) > 1 else [])]

    for row in rows[: len(lines)]:
        line = lines[row["name"]]
        assert int(row["count"]) == line.count
        assert int(row["failures"]) == line.failed_count
        assert float(row["p99"]) == result.response(line).percentile(99)


def test_the_series_holds_each_second() -> None:
    rows = list(csv.DictReader(io.StringIO(write_series(RUN))))

    assert [float(row["begin"]) for row in rows] == [0, 1, 2, 3]
    assert sum(int(row["successes"]) + int(row["failures"]) for row in rows) == RUN.figures.total.count


def test_json_says_what_came_of_the_objectives() -> None:
    kept, missed = json.loads(write_json(RUN, VERDICTS))["objectives"]

    assert kept["objective"] == "p99<1s" and kept["kept"]
    assert missed["value"] == RUN.figures.total.error_rate and "percentage points above" in missed["reason"]


def test_markdown_has_tables_that_no_name_can_break() -> None:
    text = write_markdown(replace(RUN, run=replace(RUN.run, notes=("something *odd*",))), VERDICTS)
    rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]

    assert "| POST /\\|x\\| | 80 |" in text
    assert "| `error<1%` | **missed** | it was " in text
    assert "- something \\*odd\\*" in text
    assert {row.count("|") for row in rows} == {3, 4, 12}


def test_an_interrupted_run_is_no_whole_one() -> None:
    run = replace(RUN, run=replace(RUN.run, ended="interrupted", seconds=2.5))

    assert warnings_of(run) == ["interrupted after 2.5 s of 4 s"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_ending_of_a_file_says_what_is_written(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"report{ending.upper()}"
    write_text(path, check_path(path)(RUN, VERDICTS))

    assert path.read_bytes().decode() == ENDINGS[ending](RUN, VERDICTS)


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (lambda folder: check_path(folder / "report.pdf"), "a report is one of .series.csv, .json, .csv, .md, .html"),
        (lambda folder: check_path(folder / "none" / "report.html"), "no such folder for the report"),
        (lambda folder: write_text(folder, ""), "cannot write the report"),
        (lambda folder: read_result(folder / "none.json"), "cannot read the result"),
        (lambda folder: read_result(written(folder, "{}")), "result.json: not a result of a stress test"),
        (lambda folder: read_result(written(folder, "pdf")), "result.json: not a result of a stress test"),
    ],
    ids=["ending", "folder", "write", "missing", "other", "broken"],
)
def test_what_cannot_be_is_said(use: Callable[[Path], object], reason: str, tmp_path: Path) -> None:
    with pytest.raises(StressError, match=reason):
        use(tmp_path)


def written(folder: Path, text: str) -> Path:
    path = folder / "result.json"
    path.write_text(text)
    return path
