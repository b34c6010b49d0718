"""Tables for people on a terminal, columns for programs in a pipe."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

__all__ = ("print_json", "print_table", "write_value")

GAP = "  "


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, styles: Sequence[str] = (), numbers: bool = False
) -> None:
    """Print rows under headings: with rich on a terminal, as plain columns elsewhere, where nothing is cut off.

    `styles` are rich's, one for each column; NO_COLOR switches them off. With `numbers`, all but the first column
    stand on the right.
    """
    if not sys.stdout.isatty():
        for line in columns(headings, rows, numbers=numbers):
            click.echo(line)

        return

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    styles = [*styles, *[""] * (len(headings) - len(styles))]

    for place, (heading, style) in enumerate(zip(headings, styles, strict=True)):
        table.add_column(heading, style=style, overflow="fold", justify="right" if numbers and place else "left")

    for row in rows:
        table.add_row(*map(Text, row))

    Console().print(table)


def columns(headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False) -> list[str]:
    """Return the lines of a plain table."""
    lines = [[heading.upper() for heading in headings], *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return [
        GAP.join(
            cell.rjust(width) if numbers and place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON has no form for is printed as text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def write_value(value: Any) -> str:
    """Return a value on one line, as JSON writes it."""
    return json.dumps(value, ensure_ascii=False, default=str)
