"""What a call is known by: equal exactly when function and arguments are the same."""

import inspect
from collections.abc import Callable, Hashable
from datetime import datetime, time
from decimal import Decimal
from types import NoneType
from typing import Any

__all__ = ("KeyMaker", "freeze", "key_maker")

KeyMaker = Callable[..., Hashable]

# Of these no two values of one type are equal and yet different.
PLAIN = frozenset((int, str, bytes, bool, NoneType))


def key_maker(function: Callable[..., Any], *, skip_first: bool = False) -> KeyMaker:
    """Return a function of the same parameters that turns a call into a key.

    `f(1, b=2)` and `f(1, 2)` have one key, if that is one call, and defaults are filled in; `f(1)`, `f(True)`, `f(1.0)`
    and `f("1")` have four. Lists, dicts and sets count by what is in them. The key holds the arguments themselves, so
    that no other object can come to the same address. It raises TypeError for wrong arguments, and for those that can
    be no part of a key. `skip_first` leaves the first parameter out, as `self` is.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # some functions written in C tell nothing
        return lambda *args, **kwargs: (freeze(args), *freeze_named(kwargs))

    if skip_first:
        del parameters[0]

    scope: dict[str, Any] = {}
    names = {parameter.name for parameter in parameters}

    def bind(hint: str, value: object) -> str:
        name = hint

        while name in names or name in scope:
            name += "_"

        scope[name] = value
        return name

    plain, kind_of = bind("plain", PLAIN), bind("kind_of", type)
    one, some, named = bind("freeze", freeze), bind("freeze_each", freeze_each), bind("freeze_named", freeze_named)
    heads, quick, sure, conditions = [], [], [], []
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    last: Any = None

    for parameter in parameters:
        name, kind = parameter.name, parameter.kind

        if last is inspect.Parameter.POSITIONAL_ONLY and kind is not last:
            heads.append("/")

        if kind is inspect.Parameter.KEYWORD_ONLY and last not in (kind, inspect.Parameter.VAR_POSITIONAL):
            heads.append("*")

        last = kind

        if kind in stars:
            heads.append(stars[kind] + name)
            sure.append(f"*{some if kind is inspect.Parameter.VAR_POSITIONAL else named}({name})")
            conditions.append(f"not {name}")
            continue

        default = "" if parameter.default is parameter.empty else f"={bind('default', parameter.default)}"
        heads.append(name + default)
        quick += [name, f"{kind_of}({name})"]
        sure.append(f"{one}({name})")
        conditions.append(f"{kind_of}({name}) in {plain}")

    if last is inspect.Parameter.POSITIONAL_ONLY:
        heads.append("/")

    title = getattr(function, "__name__", "call")
    title = title if title.isidentifier() and title not in names and title not in scope else "call"
    source = f"def {title}({', '.join(heads)}):\n"
    source += f" if {' and '.join(conditions) or 'True'}: return ({''.join(part + ',' for part in quick)})\n"
    source += f" return ({''.join(part + ',' for part in sure)})\n"
    made: dict[str, Any] = {}
    exec(compile(source, f"<key of {title}>", "exec", dont_inherit=True), scope, made)
    maker: KeyMaker = made[title]
    return maker


def freeze(value: Any) -> Hashable:
    """Return something hashable that is equal for the same value of the same type, and for nothing else.

    Raises TypeError for what cannot be hashed and is none of the known containers.
    """
    kind = type(value)

    if kind in PLAIN:
        return kind, value

    if (known := FREEZERS.get(kind)) is not None:
        return kind, known(value)

    for container in CONTAINERS:
        if isinstance(value, container):
            return kind, FREEZERS[container](value)

    try:
        hash(value)
    except TypeError as exc:
        name = kind.__qualname__
        text = f"a value of type {name} cannot be part of a key; say with `key=` what a call is known by"
        raise TypeError(text) from exc

    return kind, value


def freeze_each(values: Any) -> tuple[Hashable, ...]:
    return tuple([freeze(value) for value in values])


def freeze_named(values: dict[str, Any]) -> tuple[Hashable, ...]:
    return (None, *[(name, freeze(values[name])) for name in sorted(values)])


def freeze_moment(value: Any) -> Hashable:
    """Two moments are equal in two time zones, and in both of the hours that a clock is set back to."""
    zone = value.tzinfo
    return value.replace(tzinfo=None), value.fold, zone if zone is None else (type(zone), zone, str(zone))


FREEZERS: dict[type, Callable[[Any], Hashable]] = {
    float: repr,  # 0.0 equals -0.0, and nan not even itself
    complex: repr,
    range: repr,
    Decimal: str,  # 1.0 equals 1.00
    bytearray: bytes,
    datetime: freeze_moment,
    time: freeze_moment,
    tuple: freeze_each,
    list: freeze_each,
    set: lambda value: frozenset(map(freeze, value)),
    frozenset: lambda value: frozenset(map(freeze, value)),
    dict: lambda value: tuple([(freeze(key), freeze(item)) for key, item in value.items()]),
}
CONTAINERS = (tuple, dict, list, set, frozenset)
