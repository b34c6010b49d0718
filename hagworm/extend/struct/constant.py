"""Values with names that do not change."""

from collections.abc import Iterator, Mapping
from typing import Any

from hagworm.extend.error import BadValue, ConstError, nearest

__all__ = ("Const", "Namespace", "freeze")


class Namespace(Mapping[str, Any]):
    """Named values that are read as attributes or items, and never change: `Namespace(port=80).port`.

    Equal ones have equal hashes, where their values have. A name that there is not raises AttributeError as an
    attribute, so that `hasattr` works, and KeyError as an item.
    """

    __slots__ = ("_values",)

    _values: dict[str, Any]

    def __init__(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        object.__setattr__(self, "_values", {**(values or {}), **more})

        if not all(isinstance(name, str) for name in self._values):
            raise BadValue("names that are text", list(self._values))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"

    def __getattr__(self, name: str) -> Any:
        # Before `__init__`, as when it is unpickled, there are no values to look into.
        if name != "_values" and name in self._values:
            return self._values[name]

        raise AttributeError(f"{type(self).__name__} has no {name!r}{nearest(name, self._known())}", name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise ConstError(f"{name!r} cannot be set: a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> None:
        raise ConstError(f"{name!r} cannot be deleted: a {type(self).__name__} does not change")

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, Namespace) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._known()})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._values,)

    def _known(self) -> tuple[str, ...]:
        try:
            return tuple(self._values)
        except AttributeError:
            return ()

    def replaced(self, **changes: Any) -> "Namespace":
        """Return another one, in which some values are others. Raises `ConstError` for names that there are not."""
        if unknown := set(changes) - set(self._values):
            raise ConstError(f"there is no {sorted(unknown)[0]!r}{nearest(sorted(unknown)[0], self._values)}")

        return type(self)({**self._values, **changes})


class Const:
    """Named values each of which is set once: `const.PORT = 80`; a second time raises `ConstError`, as does deleting.

    A name that has not been set raises AttributeError, so that `hasattr` works. Setting is not for several threads at
    once: constants are for modules.
    """

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    def __repr__(self) -> str:
        return f"Const({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name!r} has not been set{nearest(name, vars(self))}", name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            raise ConstError(f"{name!r} is {vars(self)[name]!r} and cannot be set again")

        vars(self)[name] = value

    def __delattr__(self, name: str) -> None:
        raise ConstError(f"{name!r} cannot be deleted")

    def __contains__(self, name: str) -> bool:
        return name in vars(self)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(vars(self)))

    def __len__(self) -> int:
        return len(vars(self))


def freeze(value: Any) -> Any:
    """Return `value` with all that can change inside of it replaced: dicts of names by `Namespace`, lists by tuples,
    sets by frozensets, bytearrays by bytes.

    Raises `BadValue` for a dict with keys that are no names.
    """
    match value:
        case Namespace():
            return value
        case Mapping():
            if not all(isinstance(name, str) for name in value):
                raise BadValue("a dict whose keys are text", list(value))

            return Namespace({name: freeze(item) for name, item in value.items()})
        case list() | tuple() if not hasattr(value, "_fields"):
            return tuple([freeze(item) for item in value])
        case set() | frozenset():
            return frozenset([freeze(item) for item in value])
        case bytearray():
            return bytes(value)
        case _:
            return value
