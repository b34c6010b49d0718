"""Which errors are meant."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ("Errors", "Matcher", "read_errors")

Errors = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Errors of `classes` for which `matches`, where there is such a function, answers true."""

    classes: tuple[type[Exception], ...]
    matches: Callable[[Exception], bool] | None = None

    def __contains__(self, error: object) -> bool:
        return isinstance(error, self.classes) and (self.matches is None or bool(self.matches(error)))


def read_errors(on: Errors) -> Matcher:
    """Understand a class, classes or a function of the error.

    Raises TypeError for anything that is not an ordinary error: cancellations and exits are never meant.
    """
    if not isinstance(on, type | tuple):
        return Matcher((Exception,), on)

    classes = on if isinstance(on, tuple) else (on,)

    for cls in classes:
        if not issubclass(cls, Exception):
            raise TypeError(f"{cls!r} is not a class of ordinary errors")

    return Matcher(classes)
