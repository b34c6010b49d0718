"""What can be wrong with one value, in words."""

from dataclasses import dataclass
from reprlib import Repr
from typing import Any

from hagworm.extend.config.secret import is_secret_name, mask

__all__ = ("ABSENT", "Fault", "Unfit", "expected")

ABSENT: Any = object()
"""Stands where there is no value, since None is one."""

BRIEF = Repr()
BRIEF.maxstring = BRIEF.maxother = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a value; `where` is the way from the setting to the item at fault, empty for itself."""

    text: str
    hint: str = ""
    where: tuple[str, ...] = ()
    value: Any = ABSENT

    def describe(self, *, secret: bool) -> str:
        """Return the text with the value at fault, unless it must not be shown."""
        if self.value is ABSENT or secret or (self.where and is_secret_name(self.where[-1])):
            return self.text

        match self.value:
            case dict():
                got = "a table"
            case list() | tuple():
                got = "a list"
            case _:
                got = BRIEF.repr(mask(self.value, secret=False))

        return f"{self.text}, got {got}"


class Unfit(Exception):
    """A value is not what its setting declares."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.faults = faults


def expected(what: str, value: Any, *, hint: str = "") -> Unfit:
    """Return the error for a value that is something else than `what`."""
    return Unfit(Fault(f"expected {what}", hint=hint, value=value))
