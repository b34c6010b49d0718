"""Bounds of a setting, written beside its type."""

from dataclasses import dataclass
from typing import Any

__all__ = ("Range",)


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both inclusive: `port: Annotated[int, Range(0, 65535)] = 8000`."""

    low: float | None = None
    high: float | None = None

    def check(self, value: Any) -> None:
        """Raise `Unfit` for a number outside; None and what is no number pass."""
        from hagworm.extend.config.fault import expected

        if not isinstance(value, int | float):
            return

        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise expected(f"a number {self}", value)

    def __str__(self) -> str:
        if self.low is None:
            return "of any size" if self.high is None else f"up to {self.high}"

        return f"of at least {self.low}" if self.high is None else f"from {self.low} to {self.high}"
