"""Dicts in which capitals make no difference."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar

from hagworm.extend.error import BadValue

__all__ = ("LowerKeyDict",)

V = TypeVar("V")


class LowerKeyDict(MutableMapping[str, V]):
    """A dict whose keys are text in small letters, however they are written: `d["ETag"]` is `d["etag"]`.

    Made from two keys that are one, it raises `BadValue`; set again later, a value takes the other's place. Keys that
    are no text raise `BadValue`.
    """

    __slots__ = ("values_now",)

    def __init__(self, items: "Mapping[str, V] | Iterable[tuple[str, V]]" = (), /, **more: V) -> None:
        self.values_now: dict[str, V] = {}

        for key, value in [*(items.items() if isinstance(items, Mapping) else items), *more.items()]:
            if key in self:
                raise BadValue("keys that differ by more than their capitals", key)

            self[key] = value

    def __repr__(self) -> str:
        return f"LowerKeyDict({self.values_now!r})"

    def __getitem__(self, key: str) -> V:
        return self.values_now[lowered(key)]

    def __setitem__(self, key: str, value: V) -> None:
        self.values_now[lowered(key)] = value

    def __delitem__(self, key: str) -> None:
        del self.values_now[lowered(key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_now)

    def __len__(self) -> int:
        return len(self.values_now)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self.values_now

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LowerKeyDict):
            return self.values_now == other.values_now

        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes

    def copy(self) -> "LowerKeyDict[V]":
        """Return another one with the same keys and values."""
        return LowerKeyDict(self.values_now)


def lowered(key: Any) -> str:
    if not isinstance(key, str):
        raise BadValue("a key that is text", key)

    return key.lower()
