"""What an import costs: each module of `hagworm.extend`, and the front door, beside a bare interpreter.

    python benchmarks/imports.py [--module extend.asyncio.net] [--rounds 5] [--worst 20] [--explain]

Each figure is the minimum of the rounds, in milliseconds of processor time (user and system), and each import has a
process of its own; in every round a module and what it takes from the standard library (the same modules, imported by
themselves) take turns. A process begins where `python -c pass` does, without the `.pth` files of an environment, which
would have loaded half of the standard library before. `own` is what hagworm itself adds: its classes, functions and
files. `--explain` names what costs most in each of the worst, as `-X importtime` sees it.

The goal is 15 ms. No installed package is in reach: a module that needed one would end the measurement.
"""

import argparse
import os
import subprocess
import sys
from ast import literal_eval
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
GOAL = 15.0

IMPORT = """
import site, sys, time
names, before = {names!r}, set(sys.modules)
start = time.process_time()
for name in names:
    __import__(name)
used = time.process_time() - start
print((used * 1000, [name for name in sys.modules if name not in before]))
"""


@dataclass(slots=True)
class Cost:
    """What one module needs, and what importing it took in each round."""

    name: str
    needs: list[str]
    whole: list[float] = field(default_factory=list)
    standard: list[float] = field(default_factory=list)

    @property
    def needs_standard(self) -> list[str]:
        return [name for name in self.needs if top(name) != "hagworm"]

    def measure(self) -> None:
        self.whole.append(run(self.name)[0])
        self.standard.append(run(*self.needs_standard)[0])

    def row(self) -> str:
        whole, standard, ours = min(self.whole), min(self.standard), len(self.needs) - len(self.needs_standard)
        mark = " > 15" * (whole > GOAL)
        return (
            f"{self.name:<58} {whole:7.2f} {standard:9.2f} {whole - standard:7.2f}"
            f" {len(self.needs_standard):9} {ours:5}{mark}"
        )


def top(name: str) -> str:
    return name.partition(".")[0]


def fresh(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in an interpreter that knows hagworm and the standard library, and may keep bytecode."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    command = [sys.executable, "-S", *options, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)


def run(*names: str) -> tuple[float, list[str]]:
    """Import these modules in a fresh interpreter; return the milliseconds, and all that has been loaded."""
    used, loaded = literal_eval(fresh(IMPORT.format(names=names)).stdout)
    return used, loaded


def explain(name: str, count: int) -> str:
    """Return what costs most in an import: hagworm's modules one by one, the others by their packages."""
    used: dict[str, float] = defaultdict(float)

    for line in fresh(f"import site; import {name}", "-X", "importtime").stderr.splitlines():
        microseconds, _, module = (part.strip() for part in line.removeprefix("import time:").split("|"))

        if microseconds.isdigit():
            used[module if top(module) == "hagworm" else top(module)] += int(microseconds) / 1000

    most = sorted(used.items(), key=lambda item: -item[1])[:count]
    return ", ".join(f"{module} {milliseconds:.1f}" for module, milliseconds in most)


def find(prefix: str) -> list[str]:
    """Return the front door and the modules of `hagworm.extend` that begin with `prefix`, or are in that room."""
    files = sorted((ROOT / "hagworm" / "extend").rglob("*.py"))
    names = ["hagworm", *(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files)]
    wanted = f"hagworm.{prefix.removeprefix('hagworm.')}".rstrip(".")
    return [name for name in (name.removesuffix(".__init__") for name in names) if name.startswith(wanted)]


def report(costs: Iterable[Cost], worst: int, explained: bool) -> None:
    costs = sorted(costs, key=lambda cost: -min(cost.whole))
    over = [cost for cost in costs if min(cost.whole) > GOAL]

    print(f"\n{'':<58} {'ms':>7} {'standard':>9} {'own':>7} {'modules':>9} {'own':>5}")

    for cost in costs[:worst]:
        print(cost.row())

        if explained:
            print(f"    {explain(cost.name, 6)}")

    middle = min(costs[len(costs) // 2].whole)
    print(f"\n{len(costs)} modules, the one in the middle {middle:.2f} ms, over {GOAL:g} ms: {len(over)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", default="", help="only modules that begin so, extend.media for example")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worst", type=int, default=20, help="how many are shown")
    parser.add_argument("--explain", action="store_true", help="name what costs most in each of them")
    options = parser.parse_args()

    names = find(options.module)

    if not names:
        parser.error(f"no module of hagworm.extend begins with {options.module!r}")

    costs = [Cost(name, run(name)[1]) for name in names]

    for _ in range(options.rounds):
        for cost in costs:
            cost.measure()

    report(costs, options.worst, options.explain)


if __name__ == "__main__":
    main()
