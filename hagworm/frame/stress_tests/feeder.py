"""Data for scenarios, row by row."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, Literal, Self

from hagworm.extend.error import FeederEmpty, ScenarioError
from hagworm.frame.stress_tests.plan import WHOLE, Share

__all__ = ("Feeder", "Feeding")

Feeding = Literal["circular", "random", "once"]


class Feeder:
    """Gives out rows: `row = next(self.people)`, where `people` is an attribute of the scenario's class.

    `circular` begins again at the end, `random` draws, `once` gives every row to one user of one process only, and
    raises `FeederEmpty` when none is left. Each process has its own part of the rows.
    """

    def __init__(self, rows: Iterable[Any], feeding: Feeding = "circular") -> None:
        self.rows: Sequence[Any] = tuple(rows)

        if feeding not in ("circular", "random", "once"):
            raise ScenarioError(f"data is fed circular, random or once, not {feeding!r}")

        if not self.rows:
            raise ScenarioError("there is no row to be fed")

        self.feeding: Feeding = feeding
        self.left = self.order(self.rows, Random(0))

    def __repr__(self) -> str:
        return f"<Feeder {len(self.rows)} rows, {self.feeding}>"

    @classmethod
    def from_csv(cls, path: str | Path, feeding: Feeding = "circular") -> Self:
        """Read a CSV file with a heading; rows are dictionaries."""
        with open(path, newline="", encoding="utf-8-sig") as file:
            return cls(csv.DictReader(file), feeding)

    @classmethod
    def from_json(cls, path: str | Path, feeding: Feeding = "circular") -> Self:
        """Read a JSON file that is a list."""
        rows = json.loads(Path(path).read_text("utf-8"))

        if not isinstance(rows, list):
            raise ScenarioError(f"{path} is not a list of rows")

        return cls(rows, feeding)

    def share(self, share: Share = WHOLE, seed: int = 0) -> None:
        """Begin, with the part of the rows that a process has; where there are fewer than processes, with all."""
        rows = self.rows[share.index :: share.parts]

        if not rows and self.feeding != "once":
            rows = self.rows

        self.left = self.order(rows, Random(f"{seed}/{share.index}"))

    def order(self, rows: Sequence[Any], random: Random) -> Iterator[Any]:
        if self.feeding == "circular":
            return cycle(rows)

        if self.feeding == "once":
            return iter(rows)

        return iter(lambda: random.choice(rows), object())

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self.left)
        except StopIteration:
            raise FeederEmpty("every row of the data has been used") from None
