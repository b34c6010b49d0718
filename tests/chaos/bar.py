"""What the scripts of the reliability bars have in common: options, a seed, trials, a verdict, a history in JSON.

A bar is a file `rNN_name.py` beside this one. It has a constant `PROMISE`, one sentence, and a function `run(bar)`,
which makes its trials and says of each what was seen; it ends with `if __name__ == "__main__": main(__file__, PROMISE,
run)`. Called by hand it prints one line, and with `--history FILE` appends its trials as one line of JSON:

    python tests/chaos/r43_ntp.py [--seed 7] [--long] [--history chaos.jsonl]

The exit code is 0 where the promise was kept, 1 where it was not, and 77 where a program is missing that the bar needs
(`need`). `test_short.py` runs the short form of every bar.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from traceback import format_exception_only
from typing import Any

__all__ = ("SKIPPED", "Bar", "Trial", "main", "most_memory", "need")

SKIPPED = 77


@dataclass(slots=True)
class Trial:
    """One fault, and what came of it."""

    name: str
    kept: bool = True
    facts: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """What should have held and did not."""
    seconds: float = 0.0

    def expect(self, holds: bool, what: str) -> None:
        """Note that `what` should hold."""
        if not holds:
            self.kept = False
            self.broken.append(what)

    def note(self, **facts: Any) -> None:
        """Put what was measured into the history."""
        self.facts.update(facts)


@dataclass(slots=True)
class Bar:
    """One run of a script: its randomness, its length, its trials."""

    name: str
    seed: int = 0
    is_long: bool = False
    trials: list[Trial] = field(default_factory=list)
    random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    @contextmanager
    def trial(self, name: str) -> Iterator[Trial]:
        """Make one trial; an error inside of the block breaks the promise, and the next trial goes on."""
        trial = Trial(name)
        self.trials.append(trial)
        began = time.monotonic()

        try:
            yield trial
        except Exception as exc:
            trial.expect(False, "".join(format_exception_only(exc)).strip())
        finally:
            trial.seconds = round(time.monotonic() - began, 3)

    @property
    def kept(self) -> bool:
        return bool(self.trials) and all(trial.kept for trial in self.trials)

    def verdict(self) -> str:
        """Return one line."""
        kept = sum(trial.kept for trial in self.trials)
        broken = "; ".join(f"{trial.name}: {', '.join(trial.broken)}" for trial in self.trials if not trial.kept)
        seconds = sum(trial.seconds for trial in self.trials)
        word = "kept" if self.kept else "BROKEN"
        return f"{self.name} {word}: {kept} of {len(self.trials)} trials, seed {self.seed}, {seconds:.1f} s" + (
            f": {' '.join(broken.split())}" if broken else ""
        )

    def history(self, promise: str) -> dict[str, Any]:
        """Return everything that was seen, as JSON can hold it."""
        return {
            "bar": self.name,
            "promise": promise,
            "kept": self.kept,
            "seed": self.seed,
            "long": self.is_long,
            "time": round(time.time(), 3),
            "trials": [asdict(trial) for trial in self.trials],
        }


def need(program: object, remedy: str) -> None:
    """Leave, saying what is missing, where `program` is None."""
    if program is None:
        sys.stdout.write(f"not run: {remedy}\n")
        sys.exit(SKIPPED)


def most_memory() -> int:
    """Return the most bytes that this process has held at one time."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    # What getrusage() tells begins with what the process held that has started this one.
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024


def main(file: str, promise: str, run: Callable[[Bar], None]) -> None:
    """Run a script from the command line, and leave with its exit code."""
    name = Path(file).stem.partition("_")[0].upper()
    parser = argparse.ArgumentParser(description=f"{name}: {promise}")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 32))
    parser.add_argument("--long", action="store_true", default=os.environ.get("HAGWORM_LONG") == "1")
    parser.add_argument("--history", type=Path, help="a file that gets one line of JSON more")
    options = parser.parse_args()
    bar = Bar(name, options.seed, options.long)
    run(bar)

    if options.history is not None:
        with options.history.open("a", encoding="utf-8") as history:
            history.write(json.dumps(bar.history(promise)) + "\n")

    sys.stdout.write(f"{bar.verdict()}\n")
    sys.exit(0 if bar.kept else 1)
