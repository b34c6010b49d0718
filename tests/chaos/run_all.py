"""Runs the reliability bars, one after the other, and writes what they promise, and their verdicts, into the docs.

    python tests/chaos/run_all.py [--bar r43] [--long] [--seed 7] [--history chaos.jsonl] [--guarantees]

The exit code is 1 where a promise was broken.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "reference" / "guarantees.md"
BEGIN, END = "<!-- bars -->", "<!-- end of bars -->"

__all__ = ("find_bars", "main", "rows", "write_page")


def find_bars(wanted: str = "") -> list[Path]:
    """Return the scripts of the bars, those whose name begins with `wanted`."""
    return sorted(path for path in HERE.glob("r[0-9][0-9]_*.py") if path.stem.startswith(wanted.lower()))


def rows(verdicts: list[dict[str, Any]]) -> list[str]:
    """Return a row of the table for each bar that was run."""
    return [
        f"| [{verdict['script']}](../../tests/chaos/{verdict['script']}) | {verdict['promise']} "
        f"| {sum(trial['kept'] for trial in verdict['trials'])} of {len(verdict['trials'])} "
        f"| {'long' if verdict['long'] else 'short'} |"
        for verdict in verdicts
    ]


def write_page(verdicts: list[dict[str, Any]]) -> None:
    """Put the table into the page, between its marks."""
    text = PAGE.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    table = ["| bar | promise | trials kept | form |", "|---|---|---|---|", *rows(verdicts)]
    PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(table) + f"\n{END}{tail}", "utf-8")


def main(arguments: list[str]) -> int:
    """Run what was asked for, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bar", default="", help="how the name of the script begins: r43")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--history", type=Path, default=Path("chaos.jsonl"))
    parser.add_argument("--guarantees", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    verdicts: list[dict[str, Any]] = []
    broken = 0

    if not (bars := find_bars(options.bar)):
        parser.error(f"no bar begins with {options.bar!r}: {', '.join(path.stem for path in find_bars())}")

    for script in bars:
        seed = [] if options.seed is None else ["--seed", str(options.seed)]
        before = options.history.stat().st_size if options.history.exists() else 0
        done = subprocess.run(
            [sys.executable, str(script), *seed, *["--long"] * options.long, "--history", str(options.history)],
            check=False,
        )
        broken += done.returncode == 1

        if options.history.exists() and options.history.stat().st_size > before:
            verdicts.append({**json.loads(options.history.read_text().splitlines()[-1]), "script": script.name})

    if options.guarantees:
        write_page(verdicts)

    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
