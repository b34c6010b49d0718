"""The settings objects, made out of layers of values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from hagworm.extend.config.convert import convert
from hagworm.extend.config.fault import ABSENT, Fault, Unfit
from hagworm.extend.config.layer import Entry, Layer, dotted, spelled
from hagworm.extend.config.schema import Leaf, Path, Schema, Section, is_pydantic
from hagworm.extend.config.secret import is_secret_name
from hagworm.extend.error import ConfigError

__all__ = ("Built", "Value", "Values", "build", "resolve")

BROKEN: Any = object()
"""Stands for a section that could not be made; why is among the problems."""


@dataclass(frozen=True, slots=True)
class Value:
    """A converted value and its source."""

    value: Any
    source: str


Values = dict[Path, Value]


@dataclass(frozen=True, slots=True)
class Built:
    """The values that won, the top-level sections and settings made of them, and the business's own object."""

    values: Values
    parts: dict[str, Any]
    business: Any
    history: Mapping[Path, tuple[Value, ...]] = field(default_factory=dict)
    """What every place says, the lowest first; the last one is the one that won."""


@dataclass(slots=True)
class Attempt:
    """One try to make everything: what is set, and what turned out wrong."""

    values: Values
    environment: str | None
    """None where it is itself wrong: what depends on it is not checked then."""
    refused: frozenset[Path] = frozenset()
    """Set, but to something that does not fit: said already."""
    problems: list[str] = field(default_factory=list)

    def complain(self, path: Path, text: str) -> None:
        known = self.values.get(path)
        self.problems.append(f"{dotted(path)}: {text}{f' ({known.source})' if known else ''}".removeprefix(": "))


def resolve(schema: Schema, layers: Iterable[Layer], base: Mapping[Path, Value] = MappingProxyType({})) -> Built:
    """Convert the values of all layers, lowest first, and make the objects of the winners over those of `base`.

    Raises `ConfigError` with every problem of every layer, also in values that a higher one replaces.
    """
    values: Values = dict(base)
    history = {path: (value,) for path, value in values.items()}
    refused: set[Path] = set()
    problems: list[str] = []

    for layer in layers:
        problems += layer.problems

        for entry in layer.entries:
            node = schema.find(entry.path)

            try:
                value = convert_entry(node, entry)
            except Unfit as exc:
                refused.add(entry.path)
                problems += [describe(entry, fault, node) for fault in exc.faults]
            else:
                known = values[entry.path] = Value(value, entry.locate(entry.path))
                history[entry.path] = (*history.get(entry.path, ()), known)

    return replace(build(schema, values, frozenset(refused), problems), history=history)


def build(
    schema: Schema, values: Values, refused: frozenset[Path] = frozenset(), problems: Iterable[str] = ()
) -> Built:
    """Make the objects of `values`. Raises `ConfigError` with `problems` and whatever else turns out wrong."""
    attempt = Attempt(values, environment_of(schema, values, refused), refused, list(problems))
    parts: dict[str, Any] = {}
    business = None

    for section in (schema.frame, schema.business):
        if section is not None:
            business = make(section, (), attempt)

            if business is not BROKEN:
                parts |= {name: getattr(business, name) for name in section.children}

    if attempt.problems:
        raise ConfigError(*dict.fromkeys(attempt.problems))

    return Built(values, parts, business if schema.business is not None else None)


def convert_entry(node: Leaf | Section | None, entry: Entry) -> Any:
    if not isinstance(node, Leaf):  # a key that an open pydantic model takes as it is
        return entry.value

    if not node.foreign:
        return convert(node.kind, entry.value, text=entry.text)

    if not entry.text:
        return entry.value

    try:
        return convert(node.kind, entry.value, text=True)
    except (Unfit, TypeError):  # the model may know more types than we do: it gets the text
        return entry.value


def describe(entry: Entry, fault: Fault, node: Leaf | Section | None) -> str:
    path = entry.path + fault.where
    text = fault.describe(secret=isinstance(node, Leaf) and node.secret)
    return f"{dotted(path)}: {text} ({entry.locate(path)}){fault.hint}"


def environment_of(schema: Schema, values: Values, refused: frozenset[Path]) -> str | None:
    path = ("environment",)
    leaf = schema.frame.children.get("environment")

    if path in refused:
        return None

    if path in values:
        return str(values[path].value)

    return str(leaf.default) if isinstance(leaf, Leaf) and leaf.default is not ABSENT else "development"


def make(section: Section, path: Path, attempt: Attempt) -> Any:
    """Return the object of one section, or BROKEN."""
    if section.default is not ABSENT and not is_touched(path, attempt):
        return section.default

    before = len(attempt.problems)
    whole = make_pydantic(section, path, attempt) if is_pydantic(section.kind) else make_plain(section, path, attempt)

    if whole is not BROKEN and attempt.environment is not None and (validate := own_validate(whole)):
        for problem in validate(attempt.environment):
            name, _, text = problem.partition(": ")

            if text and name in section.children:
                here = (*path, name)
                attempt.complain(here, text if here in attempt.values else f"{text} (default)")
            else:
                attempt.complain(path, problem)

    return whole if len(attempt.problems) == before else BROKEN


def make_plain(section: Section, path: Path, attempt: Attempt) -> Any:
    arguments: dict[str, Any] = {}

    for name, child in section.children.items():
        here = (*path, name)

        if isinstance(child, Section):
            arguments[name] = make(child, here, attempt)
        elif here in attempt.refused:
            arguments[name] = BROKEN
        elif here in attempt.values:
            arguments[name] = attempt.values[here].value
        elif child.default is not ABSENT:
            arguments[name] = child.default
        else:
            arguments[name] = BROKEN
            attempt.complain(here, f"must be set, it has no default (for example {spelled(here)}=...)")

    if any(value is BROKEN for value in arguments.values()):
        return BROKEN

    try:
        return section.kind(**arguments)
    except ValueError as exc:  # what the class itself refuses
        attempt.complain(path, str(exc))
        return BROKEN


def make_pydantic(section: Section, path: Path, attempt: Attempt) -> Any:
    from pydantic import ValidationError

    if any(refused[: len(path)] == path for refused in attempt.refused):
        return BROKEN

    try:
        return section.kind.model_validate(raw(section, path, attempt), by_alias=False, by_name=True)
    except ValidationError as exc:
        for error in exc.errors(include_url=False, include_context=False):
            here = path + tuple(str(part) for part in error["loc"])

            if error["type"] == "missing":
                attempt.complain(here, f"must be set, it has no default (for example {spelled(here)}=...)")
            else:
                is_plain = isinstance(error["input"], str | int | float) and not is_secret_name(here[-1])
                got = f", got {error['input']!r}" if is_plain else ""
                attempt.complain(here, f"{error['msg'][:1].lower()}{error['msg'][1:]}{got}")

        return BROKEN


def raw(section: Section, path: Path, attempt: Attempt) -> dict[str, Any]:
    """Return what is set in a section and below, as the nested table that pydantic reads."""
    table: dict[str, Any] = {}

    for name, child in section.children.items():
        here = (*path, name)

        if isinstance(child, Section):
            if child.default is not ABSENT and not is_touched(here, attempt):
                table[name] = child.default
            else:
                table[name] = raw(child, here, attempt)
        elif here in attempt.values:
            table[name] = attempt.values[here].value
        elif child.default is not ABSENT:
            table[name] = child.default

    if section.open:
        table |= {here[-1]: value.value for here, value in attempt.values.items() if here[:-1] == path}

    return table


def is_touched(path: Path, attempt: Attempt) -> bool:
    """Tell whether anything below `path` has been set."""
    return any(known[: len(path)] == path for known in (*attempt.values, *attempt.refused))


def own_validate(whole: Any) -> Callable[[str], Iterable[str]] | None:
    """Return the method `validate` that a section declares; pydantic has one of its own, of another kind."""
    for kind in type(whole).__mro__:
        if kind.__module__.partition(".")[0] == "pydantic":
            return None

        if "validate" in vars(kind):
            method: Callable[[str], Iterable[str]] = whole.validate
            return method

    return None
