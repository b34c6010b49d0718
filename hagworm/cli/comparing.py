"""`hagworm stress --compare`: two results beside each other."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hagworm.cli.table import print_table

if TYPE_CHECKING:
    from hagworm.frame.stress_tests.comparison import Comparison, Outcome

__all__ = ("HEADINGS", "compare_files")

HEADINGS = ("name", "figure", "before", "after", "change", "between", "verdict")
REGRESSED = 1
"""The exit code where a limit was missed for certain."""


def compare_files(paths: tuple[Path, Path], slo: str | None, json_path: Path | None) -> None:
    """Compare the results in two files, print what differs, and hold it to limits; exits with 1 where one is missed.

    Raises `StressError` where there is no result, or where the two cannot be compared.
    """
    from hagworm.frame.stress_tests.comparison import compare, hold
    from hagworm.frame.stress_tests.objective import parse_objectives
    from hagworm.frame.stress_tests.report import read_result, write_text

    limits = parse_objectives(slo, relative=True) if slo is not None else ()
    before, after = map(read_result, paths)
    comparison = compare(before, after)
    outcomes = hold(comparison, limits)
    show(comparison, outcomes)

    if json_path is not None:
        value = {**comparison.to_json(), "limits": [outcome.to_json() for outcome in outcomes]}
        write_text(json_path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        click.echo(f"wrote {json_path}", err=True)

    if any(outcome.state == "missed" for outcome in outcomes):
        sys.exit(REGRESSED)


def show(comparison: "Comparison", outcomes: "tuple[Outcome, ...]") -> None:
    for name, result in (("before", comparison.before), ("after", comparison.after)):
        click.echo(f"{name:<6}  {result.run.target}, {result.run.started}: {result.run.plan}")

    print_table(HEADINGS, [difference.cells() for difference in comparison.differences], numbers=True)
    click.echo(comparison.summary)

    for remark in comparison.remarks:
        click.secho(f"note: {remark}", fg="yellow")

    colours = {"kept": "green", "missed": "red", "uncertain": "yellow"}

    for outcome in outcomes:
        click.secho(str(outcome), fg=colours[outcome.state])
