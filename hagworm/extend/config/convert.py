"""Values as files and variables give them, turned into what a setting declares; nothing is guessed."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hagworm.extend.config.bound import Range
from hagworm.extend.config.fault import Fault, Unfit, expected
from hagworm.extend.config.scalar import READERS, read_json
from hagworm.extend.error import DefinitionError, nearest

__all__ = ("convert", "demand_supported", "hints_of", "is_model", "split_annotated")

SEQUENCES = (list, tuple, set, frozenset)


def convert(kind: Any, value: Any, *, text: bool) -> Any:
    """Return `value` as the type `kind`.

    `text` says that the value is a string that stands for something (a variable, an argument): it is read. Otherwise
    it has a type of its own already (a file), which must be the right one. Raises `Unfit`.
    """
    kind, constraints = split_annotated(kind)
    result = convert_plain(kind, value, text=text)

    for constraint in constraints:
        if isinstance(constraint, Range):
            constraint.check(result)

    return result


def split_annotated(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a type without its annotations, aliases resolved, and those annotations."""
    constraints: tuple[Any, ...] = ()

    while True:
        if get_origin(kind) is Annotated:
            kind, *more = get_args(kind)
            constraints += tuple(more)
        elif (base := getattr(kind, "__supertype__", None)) is not None:  # NewType
            kind = base
        elif type(kind).__name__ == "TypeAliasType":
            kind = kind.__value__
        else:
            return kind, constraints


def convert_plain(kind: Any, value: Any, *, text: bool) -> Any:
    if kind is Any or kind is object:
        return value

    origin = get_origin(kind) or kind

    if origin is Union or origin is types.UnionType:
        return convert_union(get_args(kind), value, text=text)

    if origin is Literal:
        return convert_choice({str(choice): choice for choice in get_args(kind)}, value, text=text)

    if origin in SEQUENCES:
        return convert_sequence(origin, get_args(kind), value, text=text)

    if origin is dict or origin is Mapping:
        return convert_mapping(get_args(kind), value, text=text)

    if reader := READERS.get(kind):
        return reader(value, text)

    if issubclass(kind, Enum):
        return convert_enum(kind, value, text=text)

    return convert_model(kind, value, text=text)


def convert_union(members: tuple[Any, ...], value: Any, *, text: bool) -> Any:
    others = [member for member in members if member is not type(None)]
    nullable = len(others) < len(members)

    if nullable and value is None:
        return None

    if nullable and isinstance(value, str):
        takes_text = any(split_annotated(member)[0] is str for member in others)

        if (text and not value.strip()) or (not takes_text and value.strip().lower() == "none"):
            return None

    if text:  # text fits `str` always, so it is asked last
        others.sort(key=lambda member: split_annotated(member)[0] is str)

    reasons: list[str] = []

    for member in others:
        try:
            return convert(member, value, text=text)
        except Unfit as exc:
            if len(others) == 1:
                raise

            reasons += [fault.text.removeprefix("expected ") for fault in exc.faults]

    raise expected(" or ".join(reasons), value)


def convert_choice(choices: Mapping[str, Any], value: Any, *, text: bool) -> Any:
    """Return the choice that is equal to `value`; strings are compared without regard to case, if nothing else fits."""
    for choice in choices.values():
        if type(choice) is type(value) and choice == value:
            return choice

    if isinstance(value, str):
        folded = [
            choice
            for name, choice in choices.items()
            if name.casefold() == value.strip().casefold() and (text or isinstance(choice, str))
        ]

        if len(folded) == 1:
            return folded[0]

    known = ", ".join(repr(choice) for choice in choices.values())
    raise expected(f"one of {known}", value, hint=nearest(value, choices) if isinstance(value, str) else "")


def convert_enum(kind: type[Enum], value: Any, *, text: bool) -> Enum:
    by_value = {str(member.value): member.value for member in kind}

    try:
        return kind(convert_choice(by_value, value, text=text))
    except Unfit:
        if isinstance(value, str) and (name := value.strip().upper()) in kind.__members__:
            return kind[name]

        raise


def convert_sequence(origin: type, items: tuple[Any, ...], value: Any, *, text: bool) -> Any:
    if text and isinstance(value, str):
        if value.lstrip().startswith("["):
            value, text = read_json(value, "a list: a,b,c or JSON"), False
        else:
            value = [part for item in value.split(",") if (part := item.strip())]

    if not isinstance(value, SEQUENCES):
        raise expected("a list", value)

    values = list(value)

    if origin is tuple and items and items[-1] is not Ellipsis:
        if len(values) != len(items):
            raise expected(f"a list of {len(items)}", value)

        kinds = list(items)
    else:
        kinds = [items[0] if items else Any] * len(values)

    return origin(convert_each([(str(i), kinds[i], values[i]) for i in range(len(values))], text=text))


def convert_mapping(items: tuple[Any, ...], value: Any, *, text: bool) -> dict[str, Any]:
    if text and isinstance(value, str):
        value, text = read_json(value, "a JSON object"), False

    if not isinstance(value, Mapping):
        raise expected("a table", value)

    kind = items[1] if items else Any
    names = [str(name) for name in value]
    return dict(zip(names, convert_each([(str(n), kind, item) for n, item in value.items()], text=text), strict=True))


def convert_model(kind: Any, value: Any, *, text: bool) -> Any:
    """Make one dataclass out of a table: an item of a list or a mapping of them."""
    if isinstance(value, kind):
        return value

    if text and isinstance(value, str):
        value, text = read_json(value, "a JSON object"), False

    if not isinstance(value, Mapping):
        raise expected("a table", value)

    hints = hints_of(kind)
    declared = {item.name: item for item in fields(kind) if item.init}
    faults = [
        Fault("unknown key", nearest(str(name), declared), (str(name),)) for name in value if name not in declared
    ]
    faults += [
        Fault("must be set, it has no default", where=(name,))
        for name, item in declared.items()
        if name not in value and item.default is MISSING and item.default_factory is MISSING
    ]
    known = [name for name in value if name in declared]

    try:
        items = convert_each([(name, hints[name], value[name]) for name in known], text=text)
    except Unfit as exc:
        raise Unfit(*faults, *exc.faults) from exc

    if faults:
        raise Unfit(*faults)

    try:
        return kind(**dict(zip(known, items, strict=True)))
    except ValueError as exc:  # what the class itself refuses
        raise Unfit(Fault(str(exc))) from exc


def convert_each(items: list[tuple[str, Any, Any]], *, text: bool) -> list[Any]:
    """Convert (name, type, value) triples; the faults of all of them are raised together."""
    results: list[Any] = []
    faults: list[Fault] = []

    for name, kind, value in items:
        try:
            results.append(convert(kind, value, text=text))
        except Unfit as exc:
            faults += [replace(fault, where=(name, *fault.where)) for fault in exc.faults]

    if faults:
        raise Unfit(*faults)

    return results


def demand_supported(kind: Any, name: str) -> None:
    """Raise `DefinitionError` unless `convert` knows the type of the setting called `name`."""
    kind, _ = split_annotated(kind)
    origin = get_origin(kind) or kind

    if kind is Any or kind is object or kind in READERS or kind is type(None) or kind is Ellipsis or origin is Literal:
        return

    if isinstance(kind, type) and issubclass(kind, Enum):
        return

    if is_model(kind):
        for item_name, item_kind in hints_of(kind).items():
            demand_supported(item_kind, f"{name}.{item_name}")
    elif origin in (Union, types.UnionType, dict, Mapping, *SEQUENCES) and not isinstance(kind, TypeVar):
        for item in get_args(kind):
            demand_supported(item, name)
    else:
        raise DefinitionError(
            f"{name}: a setting cannot be of type {kind!r}; use str, int, float, bool, Secret, Path, timedelta, date, "
            "datetime, time, Enum, Literal, list, tuple, set, dict, a dataclass, or any of them with None"
        )


def is_model(kind: Any) -> bool:
    """Tell whether `kind` is a dataclass (the class, not one of its objects)."""
    return isinstance(kind, type) and is_dataclass(kind)


def hints_of(kind: type) -> dict[str, Any]:
    """Return the types of a class's fields, annotations kept. Raises `DefinitionError` where one cannot be resolved."""
    try:
        return get_type_hints(kind, include_extras=True)
    except (NameError, TypeError) as exc:
        raise DefinitionError(f"{kind.__module__}.{kind.__qualname__}: a type cannot be resolved: {exc}") from exc
