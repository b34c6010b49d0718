"""What a run came to, as a document: JSON, CSV, Markdown or an HTML page, by the ending of a file."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hagworm.extend.error import StressError
from hagworm.frame.stress_tests.figures import Line
from hagworm.frame.stress_tests.objective import Verdict
from hagworm.frame.stress_tests.page import write_page
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.summary import (
    HEADINGS,
    PERCENTS,
    failures_of,
    lines_of,
    row_of,
    settings_of,
    warnings_of,
    window,
)

__all__ = (
    "ENDINGS",
    "check_path",
    "read_result",
    "write_csv",
    "write_json",
    "write_markdown",
    "write_series",
    "write_text",
)

Writer = Callable[[Result, Sequence[Verdict]], str]


def write_json(result: Result, verdicts: Sequence[Verdict] = ()) -> str:
    """Return what `Result.load` reads, with the objectives beside it."""
    value = {**result.to_json(), "objectives": [verdict.to_json() for verdict in verdicts]}
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(result: Result, verdicts: Sequence[Verdict] = ()) -> str:
    """Return a row for each line and one for `total`; times in seconds, sizes in bytes."""
    heads = ["name", "count", "successes", "failures", "error_share", "per_second", "mean"]
    heads += [*(f"p{percent:g}" for percent in PERCENTS), "max", "sent", "received"]
    return write_rows(heads, (csv_row(result, line) for line in lines_of(result)))


def csv_row(result: Result, line: Line) -> list[object]:
    response = result.response(line)
    rate = line.count / result.run.seconds if result.run.seconds else 0.0
    counts = [line.count, line.successes, line.failed_count, line.error_rate, rate]
    return [
        *(line.name, *counts, response.mean),
        *(*response.percentiles(*PERCENTS), response.highest, line.sent, line.received),
    ]


def write_series(result: Result, verdicts: Sequence[Verdict] = ()) -> str:
    """Return a row for each interval of the time series; times in seconds, rates a second."""
    series = result.figures.series
    heads = ["begin", "seconds", "successes", "failures", "sent", "received", "started", "finished", "running"]
    heads += [f"p{percent:g}" for percent in PERCENTS] + ["max"]

    def rows() -> Iterator[list[object]]:
        for number, (interval, running) in enumerate(zip(series.intervals, series.running(), strict=True)):
            latency = interval.latency
            begin, end = window(result, number)
            counts = [interval.successes, interval.failures, interval.sent, interval.received]
            yield [
                *(begin, end - begin, *counts, interval.started, interval.finished, running),
                *(*latency.percentiles(*PERCENTS), latency.highest),
            ]

    return write_rows(heads, rows())


def write_rows(heads: Sequence[str], rows: Iterator[list[object]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue()


def write_markdown(result: Result, verdicts: Sequence[Verdict] = ()) -> str:
    """Return a page of Markdown, with tables as GitHub knows them."""
    parts = [f"# Stress test of {escaped(result.run.target)}", "", f"{escaped(str(result.run.plan))}.", ""]

    if verdicts:
        rows = [
            (code(str(verdict.objective)), "kept" if verdict.kept else "**missed**", escaped(verdict.reason))
            for verdict in verdicts
        ]
        parts += ["## Objectives", "", *markdown_table(("objective", "", "figure"), rows), ""]

    parts += ["## Response times", ""]
    rows_of_lines = [tuple(map(escaped, row_of(result, line))) for line in lines_of(result)]
    parts += [*markdown_table(HEADINGS, rows_of_lines, numbers=True), ""]

    if failures := failures_of(result):
        found = [(str(count), escaped(name), escaped(reason)) for count, name, reason in failures]
        parts += ["## Failures", "", *markdown_table(("count", "name", "reason"), found), ""]

    if warnings := warnings_of(result):
        parts += ["## Before you trust the figures", "", *(f"- {escaped(warning)}" for warning in warnings), ""]

    parts += [
        "## Settings",
        "",
        *markdown_table(("", ""), [(name, escaped(text)) for name, text in settings_of(result)]),
    ]
    return "\n".join(parts) + "\n"


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False) -> list[str]:
    marks = ["---", *("---:" if numbers else "---" for _ in heads[1:])]
    return [f"| {' | '.join(line)} |" for line in (heads, marks, *rows)]


def escaped(text: str) -> str:
    """Return text as Markdown shows it unchanged, also in the cell of a table."""
    return "".join(f"\\{character}" if character in "\\`|<>_*[]" else character for character in text)


def code(text: str) -> str:
    """Return text in the type of code; in the cell of a table a bar is escaped even there."""
    return f"`{text.replace('|', chr(92) + '|')}`"


ENDINGS: dict[str, Writer] = {
    ".series.csv": write_series,
    ".json": write_json,
    ".csv": write_csv,
    ".md": write_markdown,
    ".html": write_page,
}
"""Who writes a file, by its ending; the first that fits."""


def check_path(path: Path) -> Writer:
    """Return who writes that file. Raises `StressError` where its ending is unknown or its folder is not there."""
    writer = next((ENDINGS[ending] for ending in ENDINGS if path.name.lower().endswith(ending)), None)

    if writer is None:
        raise StressError(f"a report is one of {', '.join(ENDINGS)}, by the ending of its file, not {path.name!r}")

    if not path.parent.is_dir():
        raise StressError(f"no such folder for the report: {path.parent}")

    return writer


def write_text(path: Path, text: str) -> None:
    """Write a report to a file. Raises `StressError` where that cannot be."""
    try:
        # Lines of CSV end as RFC 4180 has it, on every machine.
        path.write_text(text, "utf-8", newline="")
    except OSError as exc:
        raise StressError(f"cannot write the report: {exc}") from exc


def read_result(path: Path) -> Result:
    """Return the result that a JSON report holds. Raises `StressError` where there is none, naming the file."""
    try:
        return Result.load(path.read_bytes())
    except OSError as exc:
        raise StressError(f"cannot read the result: {exc}") from exc
    except StressError as exc:
        raise StressError(f"{path}: {exc}") from exc
