"""`hagworm conformance`: whether every engine and server behaves as specified."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from hagworm.cli.group import Command
from hagworm.cli.table import print_table
from hagworm.extend.error import HagwormError, nearest

__all__ = ("command",)

SUITE = "tests.contract.suite"


@click.command(
    "conformance",
    cls=Command,
    examples=("hagworm conformance", "hagworm conformance --server tornado-uvloop --server asgi-granian"),
)
@click.option("--server", "names", metavar="NAME", multiple=True, help="Play on this server only; may be repeated.")
def command(names: Sequence[str]) -> None:
    """Play the conformance matrix against every engine and server that is installed.

    Works in a checkout of hagworm, where the rows are. Writes docs/reference/engines.md when every row came out as it
    is specified or declared, and exits with 1, naming those that did not, otherwise.
    """
    suite = load_suite()
    known = suite.installed()

    for name in names:
        if name not in known:
            raise HagwormError(f"no server {name!r} is installed{nearest(name, known)}; there are: {', '.join(known)}")

    rows = []
    wrong = []

    for name in names or known:
        found = suite.examine(name)
        wrong += [f"{name}: {line}" for line in found]
        rows.append((name, str(len(suite.ROWS) - len(found)), str(len(found)), str(len(suite.declared_by(name)))))

    print_table(("server", "right", "wrong", "declared"), rows)

    if wrong:
        raise HagwormError("these rows came out wrong:\n" + "\n".join(wrong))

    suite.PAGE.write_text(suite.write_page())
    click.echo(f"wrote {suite.PAGE}")


def load_suite() -> Any:
    """Return the suite of this checkout. Raises `HagwormError` elsewhere."""
    root = Path.cwd()

    if not (root / "tests" / "contract" / "suite.py").is_file():
        raise HagwormError("there is no contract suite here: run this command in a checkout of hagworm")

    sys.path.insert(0, str(root))
    return import_module(SUITE)
