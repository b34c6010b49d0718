"""Fields that every record of a context carries: the order being worked on, the trace it belongs to."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Any

__all__ = ("READERS", "annotate", "bind", "bound", "known", "read_field")

NOTHING: Mapping[str, Any] = MappingProxyType({})
# Replaced, never changed: tasks and threads that have taken a copy of a context keep what they took.
FIELDS: ContextVar[Mapping[str, Any]] = ContextVar("hagworm.log", default=NOTHING)
READERS: dict[str, Callable[[], Any]] = {}
"""What `read_field` was given, by name."""

bound = FIELDS.get
"""Return the fields of this context."""


class bind:
    """Let records inside the block carry these fields too: `with bind(order=7): …`; nests, and follows into tasks.

    Text shows them as `name=value`, JSON as members of the object. A value is turned into text when a record is
    written; a name that says secret (`token`), or a `Secret`, shows as a mask.
    """

    __slots__ = ("before", "fields")

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        self.before = NOTHING

    def __repr__(self) -> str:
        return f"<bind {', '.join(self.fields)}>"

    def __enter__(self) -> None:
        self.before = FIELDS.get()
        FIELDS.set(MappingProxyType({**self.before, **self.fields}))

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        # Not by a token: a generator may be ended in another context than the one it began in.
        FIELDS.set(self.before)


def annotate(**fields: Any) -> None:
    """Let all further records of this context, which is mostly this task's, carry these fields too."""
    FIELDS.set(MappingProxyType({**FIELDS.get(), **fields}))


def read_field(name: str, read: Callable[[], Any] | None) -> None:
    """Let formats for machines carry a field that is asked for at each record; None as its value leaves it out.

    `read` must neither raise nor block. None instead of it ends that.
    """
    if read is None:
        READERS.pop(name, None)
    else:
        READERS[name] = read


def known() -> dict[str, Any]:
    """Return what readers say about this context and what was bound to it."""
    values = {name: value for name, read in READERS.items() if (value := read()) is not None} if READERS else {}
    values.update(FIELDS.get())
    return values
