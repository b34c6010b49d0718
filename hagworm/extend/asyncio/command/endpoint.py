"""Methods that another process may call, and the types that their arguments must have."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_type_hints

from hagworm.extend.error import DefinitionError, nearest

__all__ = ("Endpoint", "endpoints", "find", "rpc", "value_of")

F = TypeVar("F", bound=Callable[..., Any])
MARK = "__hagworm_rpc__"
SCALARS = {bool, bytes, float, int, str}
PLAIN = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


def rpc(method: F) -> F:
    """Let the other side call this method, plain or a coroutine function. No other one can be called.

    Values travel as msgpack: what `msgspec` can encode. Arguments and results are checked against the annotations.
    """
    setattr(method, MARK, True)
    return method


class Endpoint:
    """One method of one object."""

    __slots__ = ("method", "plain", "signature", "types")

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = method
        self.signature = inspect.signature(method)
        self.types = get_type_hints(method, include_extras=True)
        kinds = {parameter.kind for parameter in self.signature.parameters.values()}
        names = [*self.signature.parameters]
        self.plain = [self.types.get(name, Any) for name in names] if kinds <= PLAIN else None
        """The types of the arguments where each has its place."""

    def __repr__(self) -> str:
        return f"<Endpoint {self.method.__qualname__}{self.signature}>"

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call it with what came from the other side; TypeError, or msgspec's ValidationError, where that does not fit.

        Returns what the method returns, an awaitable of a coroutine function.
        """
        if self.plain is not None and not kwargs and len(args) == len(self.plain):
            return self.method(*map(value_of, args, self.plain))

        bound = self.signature.bind(*args, **kwargs)

        for name, value in bound.arguments.items():
            kind = self.signature.parameters[name].kind
            wanted = self.types.get(name, Any)

            if wanted is Any:
                continue

            if kind is inspect.Parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(value_of(item, wanted) for item in value)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                bound.arguments[name] = {key: value_of(item, wanted) for key, item in value.items()}
            else:
                bound.arguments[name] = value_of(value, wanted)

        return self.method(*bound.args, **bound.kwargs)


def value_of(value: Any, wanted: Any) -> Any:
    """Return `value`, decoded from msgpack, as the type that is wanted; raises msgspec's ValidationError."""
    # A plain type says no more than that.
    if wanted is Any or wanted is None or (type(value) is wanted and wanted in SCALARS):
        return value

    from msgspec import convert

    return convert(value, wanted)


def endpoints(target: object, always: Iterable[str] = ()) -> dict[str, Endpoint]:
    """Return the methods of `target` that are marked, and those `always` offered."""
    names = [name for name in dir(type(target)) if getattr(getattr(type(target), name, None), MARK, False)]
    return {name: Endpoint(getattr(target, name)) for name in (*names, *always)}


def find(table: dict[str, Endpoint], name: str) -> Endpoint:
    """Return the endpoint of that name; raise `DefinitionError` where there is none."""
    if (found := table.get(name)) is None:
        raise DefinitionError(f"there is no method {name!r} to be called{nearest(name, table)}: it has no @rpc")

    return found
