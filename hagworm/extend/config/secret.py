"""Text that is not shown: the type of a setting nobody should read over a shoulder."""

import re
from typing import Any, NoReturn

__all__ = ("MASK", "Secret", "is_secret_name", "is_secret_type", "mask", "reveal")

MASK = "********"

SECRET_NAME = re.compile(
    r"(^|_)(pass|password|passwd|passphrase|secret|token|credential|(api|private|secret|access|signing)_?key)s?$",
    re.IGNORECASE,
)
# Greedy to the last `@`: a password that holds one itself is hidden whole.
URL_PASSWORD = re.compile(r"(?<=://)([^:/?#\s]*):\S*@")


class Secret:
    """Text whose `str()`, `repr()` and format are a mask; `reveal()` returns it.

    It compares equal to a string or a Secret of the same text, in constant time, and is false when empty.
    Nothing that joins, encodes or serializes strings takes it, so that it does not leak by accident.
    """

    __slots__ = ("_value",)

    _value: str

    def __init__(self, value: "str | Secret" = "") -> None:
        object.__setattr__(self, "_value", value.reveal() if isinstance(value, Secret) else value)

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __str__(self) -> str:
        return MASK if self._value else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        from hmac import compare_digest

        if isinstance(other, Secret):
            other = other._value
        elif not isinstance(other, str):
            return NotImplemented

        return compare_digest(encoded(self._value), encoded(other))

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        return Secret, (self._value,)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda value: cls(value) if isinstance(value, str) else value,
            core_schema.is_instance_schema(cls),
            serialization=core_schema.to_string_ser_schema(),
        )


def is_secret_type(kind: object) -> bool:
    """Tell whether values of this type hide themselves: `Secret`, or pydantic's secret types."""
    return isinstance(kind, type) and (issubclass(kind, Secret) or hasattr(kind, "get_secret_value"))


def is_secret_name(name: str) -> bool:
    """Tell whether a setting of this name most likely holds a secret, whatever its type says."""
    return SECRET_NAME.search(name) is not None


def mask(value: Any, *, secret: bool) -> Any:
    """Return what may be shown of `value`; passwords inside URLs are hidden even where the value is no secret."""
    if value is None:
        return None

    if secret or is_secret_type(type(value)):
        return MASK if value else ""

    match value:
        case str():
            return URL_PASSWORD.sub(rf"\1:{MASK}@", value)
        case dict():
            return {key: mask(item, secret=is_secret_name(str(key))) for key, item in value.items()}
        case tuple() | list() | set() | frozenset():
            return [mask(item, secret=False) for item in value]
        case _:
            return value


def reveal(value: Any) -> Any:
    """Return `value` with every secret in it as plain text."""
    match value:
        case Secret():
            return value.reveal()
        case dict():
            return {key: reveal(item) for key, item in value.items()}
        case tuple() | list() | set() | frozenset():
            return [reveal(item) for item in value]
        case _ if is_secret_type(type(value)):
            return value.get_secret_value()
        case _:
            return value


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
