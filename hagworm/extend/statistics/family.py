"""One figure for each combination of label values, of which there are never more than allowed."""

import re
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

__all__ = ("OTHER", "Family")

F = TypeVar("F")

OTHER = "_other"
"""The label value under which everything is counted that comes when a family is full."""

LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


class Family(Generic[F]):
    """`requests.at("GET", "200").inc()`: label values in the order of `labels`; keep what `at` returns where it counts.

    There are at most `limit` combinations; what comes beyond is counted together, with `_other` for each label, so
    that label values from outside cannot fill the memory.
    """

    __slots__ = ("figures", "labels", "limit", "lock", "make")

    def __init__(self, make: Callable[[], F], labels: Sequence[str], *, limit: int = 1000) -> None:
        if not labels or len(set(labels)) < len(labels) or not all(map(LABEL.fullmatch, labels)) or "le" in labels:
            raise ValueError(f"these are no labels: {labels!r}")

        self.make = make
        self.labels = tuple(labels)
        self.limit = limit
        self.lock = Lock()
        self.figures: dict[tuple[str, ...], F] = {}

    def __repr__(self) -> str:
        return f"<Family by {', '.join(self.labels)}: {len(self.figures)} of {self.limit}>"

    def at(self, *values: str) -> F:
        """Return the figure of these label values, which are text. Raises TypeError for more, fewer or other values."""
        try:
            return self.figures[values]
        except KeyError:
            return self.open(values)

    def open(self, values: tuple[str, ...]) -> F:
        if len(values) != len(self.labels) or not all(isinstance(value, str) for value in values):
            raise TypeError(f"the labels {', '.join(self.labels)} need a text each, not {values!r}")

        with self.lock:
            if values not in self.figures and len(self.figures) >= self.limit:
                values = (OTHER,) * len(values)

            if values not in self.figures:
                self.figures[values] = self.make()

            return self.figures[values]
