"""`hagworm compile`: a tree of sources as a tree of bytecode."""

import os
import sys
from dataclasses import asdict
from typing import Any, cast

import click

from hagworm.cli.group import Command
from hagworm.cli.table import print_json, print_table
from hagworm.extend.compile import Built, Difference, check_tree, compile_tree
from hagworm.extend.compile.bytecode import FLAGS
from hagworm.extend.error import CompileError

__all__ = ("command",)


@click.command(
    "compile",
    cls=Command,
    examples=(
        "hagworm compile orders --out build/orders",
        "hagworm compile orders --out build/orders --check",
        "hagworm compile . --exclude tests --keep-source",
    ),
)
@click.argument("source", type=click.Path())
@click.option("--out", "target", type=click.Path(), metavar="DIR", help="Build there; without it, in place.")
@click.option(
    "--keep-source/--drop-source",
    "keep_source",
    default=None,
    help="Put bytecode beside the sources, or, with --drop-source, in their place, as by default with --out.",
)
@click.option(
    "-O",
    "--optimize",
    type=click.IntRange(0, 2),
    default=0,
    show_default=True,
    help="1: no assertions, 2: no docstrings.",
)
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Leave out; `tests`, `orders/old`, `*.md`. Repeatable."
)
@click.option("--as-source", multiple=True, metavar="PATTERN", help="Take along without compiling. Repeatable.")
@click.option(
    "--invalidation",
    type=click.Choice(list(FLAGS)),
    default="unchecked-hash",
    show_default=True,
    help="How Python finds out that a source has changed.",
)
@click.option(
    "--check", "is_check", is_flag=True, help="Change nothing; exit with 1 unless all is as it would be built."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(source: str, target: str | None, is_check: bool, as_json: bool, **options: Any) -> None:
    """Compile every source below the folder SOURCE, and change nothing unless all of them compile.

    With --out the other files come along, and the new tree takes the place of the old one at once. Exits with 1 where a
    source does not compile, or where --check finds a difference.
    """
    try:
        if is_check:
            differences = check_tree(source, target, **cast(Any, options))
            show_differences(differences, target or source, as_json=as_json)
            sys.exit(1 if differences else 0)

        show_built(compile_tree(source, target, **cast(Any, options)), as_json=as_json)
    except CompileError as exc:
        if not as_json:
            raise

        print_json({"ok": False, "problems": list(exc.problems)})
        sys.exit(exc.exit_code)


def show_differences(differences: list[Difference], place: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": not differences, "differences": [asdict(difference) for difference in differences]})
    elif differences:
        print_table(("reason", "file"), [(item.reason, item.path) for item in differences], styles=("yellow", "bold"))
    else:
        click.echo(f"{place}: all is as it would be built")


def show_built(built: Built, *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, **asdict(built)})
        return

    parts = [f"{built.compiled} compiled", f"{built.copied} copied", f"{built.removed} sources dropped"]
    counts = ", ".join(part for part in parts if not part.startswith("0 ")) or "nothing to compile"
    click.echo(f"{os.path.relpath(built.target)}: {counts}")
