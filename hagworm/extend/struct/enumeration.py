"""Members of enumerations, by the names and values that come from outside."""

from enum import Enum
from typing import Any, TypeVar

from hagworm.extend.error import BadValue, nearest

__all__ = ("member_names", "member_or", "member_values", "parse_member")

E = TypeVar("E", bound=Enum)
D = TypeVar("D")


def parse_member(kind: type[E], value: object) -> E:
    """Return the member that `value` is, whose value it is, or whose name it is, in any case.

    Raises `BadValue`, which names the members there are.
    """
    if isinstance(value, kind):
        return value

    for member in kind:
        # 1, 1.0 and True are equal and yet not the same value.
        if type(member.value) is type(value) and member.value == value:
            return member

    if isinstance(value, str):
        plain = {name.casefold(): member for name, member in kind.__members__.items()}

        if (found := plain.get(value.strip().casefold())) is not None:
            return found

    hint = nearest(value, kind.__members__) if isinstance(value, str) else ""
    raise BadValue(f"one of {', '.join(kind.__members__)}{hint}", value)


def member_or(kind: type[E], value: object, default: D) -> E | D:
    """Return `parse_member(kind, value)`, or `default` where that would raise."""
    try:
        return parse_member(kind, value)
    except BadValue:
        return default


def member_names(kind: type[Enum]) -> tuple[str, ...]:
    """Return the names of all members, in their order, aliases left out."""
    return tuple([member.name for member in kind])


def member_values(kind: type[Enum]) -> tuple[Any, ...]:
    """Return the values of all members, in their order."""
    return tuple([member.value for member in kind])
