"""Sources as the bytes of a `.pyc` file, the same ones wherever and whenever they are made."""

import marshal
from importlib.util import MAGIC_NUMBER, source_hash
from types import CodeType
from typing import Any, Literal

__all__ = ("FLAGS", "Invalidation", "Optimize", "is_same", "make_pyc")

Optimize = Literal[0, 1, 2]
"""What is left out: nothing, assertions, assertions and docstrings."""
Invalidation = Literal["unchecked-hash", "checked-hash", "timestamp"]
"""How Python finds out that the source has changed: not at all, by its content, by its time (PEP 552)."""

FLAGS: dict[Invalidation, int] = {"unchecked-hash": 0b01, "checked-hash": 0b11, "timestamp": 0}
HEADER = 16


def make_pyc(source: bytes, name: str, *, optimize: Optimize, invalidation: Invalidation, modified: float) -> bytes:
    """Return the bytecode of a source; tracebacks call it `name`. `modified` counts for `timestamp` only.

    Raises SyntaxError, and ValueError for what is no text.
    """
    code = compile(source, name, "exec", dont_inherit=True, optimize=optimize)
    head = MAGIC_NUMBER + FLAGS[invalidation].to_bytes(4, "little")

    if invalidation == "timestamp":
        head += (int(modified) & 0xFFFFFFFF).to_bytes(4, "little") + (len(source) & 0xFFFFFFFF).to_bytes(4, "little")
    else:
        head += source_hash(source)

    # What only one refers to is written in another way than what many do; here, whatever else this process has done,
    # each object has one more that does.
    held: list[Any] = []
    hold(code, held)
    return head + marshal.dumps(code)


def hold(value: Any, held: list[Any]) -> None:
    """Refer to a value, and to all that it is made of."""
    held.append(value)

    if isinstance(value, CodeType):
        parts = [getattr(value, name) for name in dir(value) if name.startswith("co_") and name not in NOT_PARTS]
    elif isinstance(value, tuple | frozenset):
        parts = list(value)
    else:
        return

    for part in parts:
        hold(part, held)


# What is made anew when it is asked for, and one that is deprecated.
NOT_PARTS = frozenset(("co_lines", "co_lnotab", "co_positions", "co_branches"))


def is_same(wanted: bytes, found: bytes) -> bool:
    """Return whether two files of bytecode do the same: written in another order of references they still do."""
    if wanted == found:
        return True

    if wanted[:HEADER] != found[:HEADER]:
        return False

    try:
        theirs = marshal.loads(found[HEADER:])
    except (EOFError, ValueError, TypeError):
        return False

    ours = marshal.loads(wanted[HEADER:])
    return bool(ours == theirs) and ours.co_filename == theirs.co_filename
