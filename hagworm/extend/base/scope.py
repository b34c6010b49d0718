"""Blocks of code in which something holds: errors that are expected, values that come back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hagworm.extend.error import BadValue

if TYPE_CHECKING:
    import logging

__all__ = ("Suppressed", "suppress_logged", "swapped")

ABSENT: Any = object()
WARNING = 30
"""The level of logging; the module itself is not imported for it."""


@dataclass(slots=True)
class Suppressed:
    """What a block of `suppress_logged` came to."""

    error: Exception | None = None
    """The error that ended the block; None where it came to its end."""

    def __bool__(self) -> bool:
        return self.error is not None


@contextmanager
def suppress_logged(
    *kinds: type[Exception],
    logger: "logging.Logger | None" = None,
    level: int = WARNING,
    text: str = "suppressed",
) -> Iterator[Suppressed]:
    """End the block at an error of one of `kinds`, and log it with its traceback; any other goes on as usual.

    What the block gives tells afterwards whether there was one. Raises `BadValue` unless the kinds are named: neither
    everything nor what is meant for whoever cancels or stops can be suppressed.
    """
    if not kinds or any(kind is Exception or not issubclass(kind, Exception) for kind in kinds):
        raise BadValue("the kinds of errors that are expected, each by its name", [kind.__name__ for kind in kinds])

    import logging

    outcome = Suppressed()

    try:
        yield outcome
    except kinds as error:
        outcome.error = error
        (logger or logging.getLogger("hagworm")).log(level, "%s: %r", text, error, exc_info=error)


@contextmanager
def swapped(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Let an attribute, or the item of a dict or of `os.environ`, be `value` inside of the block.

    Afterwards it is what it was, or is not there again. Not for what several threads or tasks share.
    """
    is_item = hasattr(owner, "__setitem__")
    before = owner.get(name, ABSENT) if is_item else vars(owner).get(name, ABSENT)
    put(owner, name, value, is_item)

    try:
        yield
    finally:
        if before is not ABSENT:
            put(owner, name, before, is_item)
        elif is_item:
            owner.pop(name, None)
        else:
            delattr(owner, name)


def put(owner: Any, name: str, value: Any, is_item: bool) -> None:
    if is_item:
        owner[name] = value
    else:
        setattr(owner, name, value)
