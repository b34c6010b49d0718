"""What one place says about the settings: a file, the environment, the command line."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hagworm.extend.config.dotenv import Variable
from hagworm.extend.config.schema import Leaf, Path, Schema, Section
from hagworm.extend.config.toml import Document
from hagworm.extend.error import nearest

__all__ = (
    "PREFIX",
    "RESERVED",
    "Entry",
    "Given",
    "Layer",
    "argument_layer",
    "dotted",
    "file_layer",
    "spelled",
    "variable_layer",
)

PREFIX = "HAGWORM_"
RESERVED = frozenset({"HAGWORM_CONFIG", "HAGWORM_PROFILE", "HAGWORM_SOURCE", "HAGWORM_TRACEBACK"})
"""Variables that are no settings."""


@dataclass(frozen=True, slots=True)
class Given:
    """An override that knows where it came from: `Given("8001", "--port")`."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One value, not yet converted. `locate` says where an item inside the value stands."""

    path: Path
    value: Any
    text: bool
    locate: Callable[[Path], str]


@dataclass(slots=True)
class Layer:
    """The values of one place that the schema knows, and what is wrong with the rest."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def file_layer(document: Document, schema: Schema) -> Layer:
    """Sort the values of a TOML document into settings and unknown keys."""
    layer = Layer()
    descend(document, schema, layer, (), schema.root, document.values)
    return layer


def descend(
    document: Document, schema: Schema, layer: Layer, path: Path, section: Section, values: Mapping[str, Any]
) -> None:
    for name, value in values.items():
        here = (*path, name)
        source = document.source(here)
        child = section.children.get(name)

        if not path and name.lower() in schema.elsewhere:
            continue

        if isinstance(child, Section):
            if isinstance(value, dict):
                descend(document, schema, layer, here, child, value)
            else:
                layer.problems.append(f"{dotted(here)}: expected a section [{dotted(here)}], got {value!r} ({source})")
        elif child is not None or section.open:
            layer.entries.append(Entry(here, value, text=document.text, locate=document.source))
        else:
            layer.problems.append(f"{dotted(here)}: unknown key ({source}){suggest(schema, here, dotted)}")


def variable_layer(variables: Iterable[Variable], schema: Schema, read: Callable[[str], str]) -> Layer:
    """Sort variables called `HAGWORM_SECTION__KEY`; `read` returns the text of the file that a `…_FILE` names.

    A variable that names no section is left alone, unless it is a misspelling of something that can be set.
    """
    layer = Layer()
    from_files: dict[Path, Variable] = {}
    direct: dict[Path, Variable] = {}

    for variable in variables:
        if not variable.name.upper().startswith(PREFIX) or variable.name.upper() in RESERVED:
            continue

        path, is_file = address(variable.name, schema)

        if path[0].lower() in schema.elsewhere:
            continue

        node = schema.find(path)

        if isinstance(node, Leaf) or (node is None and is_open(schema, path)):
            (from_files if is_file else direct)[path] = variable
        elif problem := complain(variable, path, node, schema):
            layer.problems.append(problem)

    for path, variable in direct.items():
        if path in from_files:
            layer.problems.append(
                f"{dotted(path)}: set twice, by {variable.source} and by {from_files[path].source}: remove one"
            )
        else:
            layer.entries.append(Entry(path, variable.value, text=True, locate=always(variable.source)))

    for path, variable in from_files.items():
        try:
            text = read(variable.value)
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
            layer.problems.append(f"{dotted(path)}: cannot read {variable.value!r}: {reason} ({variable.source})")
        else:
            source = f"{variable.source} -> {variable.value}"
            layer.entries.append(Entry(path, text.rstrip("\r\n"), text=True, locate=always(source)))

    return layer


def argument_layer(overrides: Mapping[str, Any], schema: Schema) -> Layer:
    """Sort `{"server.port": 8001}`; a string is read as in the environment, anything else must have the right type."""
    layer = Layer()

    for key, given in overrides.items():
        value, source = (given.value, given.source) if isinstance(given, Given) else (given, "argument")
        path = tuple(key.split("."))

        if path[0].lower() in schema.elsewhere:
            continue

        node = schema.find(path)

        if isinstance(node, Leaf) or (node is None and is_open(schema, path)):
            layer.entries.append(Entry(path, value, text=isinstance(value, str), locate=always(source)))
        elif isinstance(node, Section):
            layer.problems.append(f"{key}: is a section, set one of its keys ({source}){inside(path, node, dotted)}")
        else:
            layer.problems.append(f"{key}: unknown key ({source}){suggest(schema, path, dotted)}")

    return layer


def address(name: str, schema: Schema) -> tuple[Path, bool]:
    """Return the path behind a variable's name, and whether its value is the name of a file."""
    path = tuple(name[len(PREFIX) :].lower().split("__"))
    exact = match_case(path, schema)

    if schema.find(exact) is None and path[-1].endswith("_file"):
        from_file = match_case((*path[:-1], path[-1].removesuffix("_file")), schema)

        if isinstance(schema.find(from_file), Leaf):
            return from_file, True

    return exact, False


def match_case(path: Path, schema: Schema) -> Path:
    """Return `path` in the case of the declaration: variables are written in capitals, fields as they like."""
    node: Leaf | Section | None = schema.root
    matched: list[str] = []

    for part in path:
        names = node.children if isinstance(node, Section) else {}
        name = part if part in names else next((known for known in names if known.lower() == part), part)
        matched.append(name)
        node = names.get(name)

    return tuple(matched)


def complain(variable: Variable, path: Path, node: Section | None, schema: Schema) -> str:
    """Return what is wrong with a variable that is no setting, or nothing where it is somebody else's."""
    if isinstance(node, Section):
        return f"{dotted(path)}: is a section, set one of its keys ({variable.source}){inside(path, node, spelled)}"

    if len(path) == 1 and not (meant := misspelled(variable, path[0], schema)):
        return ""

    hint = suggest(schema, path, spelled) if len(path) > 1 else f" (did you mean {spelled(meant)!r}?)"
    return f"{dotted(path)}: unknown key ({variable.source}){hint}"


def misspelled(variable: Variable, name: str, schema: Schema) -> Path:
    """Return the setting that a variable without `__` was meant for, or an empty path.

    `HAGWORM_SERVER_PORT` and `HAGWORM_ENVIROMENT` are mistakes; `HAGWORM_HOME` may be anybody's.
    """
    if variable.value.startswith(("tcp://", "udp://")):  # Kubernetes announces a service called `hagworm-server` so
        return ()

    for path, _ in schema.leaves():
        if len(path) > 1 and "_".join(path).lower() == name:
            return path

    for path, _ in schema.leaves():
        if len(path) == 1 and (nearest(name, path) or (len(name) > 2 and path[0].startswith(name))):
            return path

    return ()


def is_open(schema: Schema, path: Path) -> bool:
    parent = schema.find(path[:-1])
    return len(path) > 1 and isinstance(parent, Section) and parent.open


def suggest(schema: Schema, path: Path, spell: Callable[[Path], str]) -> str:
    meant = schema.nearest(path)
    return f" (did you mean {spell(meant)!r}?)" if meant else ""


def inside(path: Path, section: Section, spell: Callable[[Path], str]) -> str:
    return ": " + ", ".join(spell((*path, name)) for name in section.children)


def dotted(path: Path) -> str:
    """Return a path as keys are written: `server.port`."""
    return ".".join(path)


def spelled(path: Path) -> str:
    """Return a path as variables are written: `HAGWORM_SERVER__PORT`."""
    return PREFIX + "__".join(path).upper()


def always(source: str) -> Callable[[Path], str]:
    return lambda path: source
