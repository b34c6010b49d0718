"""Why a setting is what it is: its type, its default, and every place that says something about it."""

from dataclasses import dataclass
from typing import Any

from hagworm.extend.config.contract import describe_type
from hagworm.extend.config.fault import ABSENT
from hagworm.extend.config.layer import dotted, spelled
from hagworm.extend.config.note import notes_of
from hagworm.extend.config.renewal import check_keys, covers
from hagworm.extend.config.schema import Leaf, Path, Schema, Section
from hagworm.extend.config.secret import mask
from hagworm.extend.config.settings import Settings

__all__ = ("Explanation", "Said", "explain")


@dataclass(frozen=True, slots=True)
class Said:
    """What one place says; masked where it is secret."""

    source: str
    value: Any
    holds: bool
    """Whether it is this that holds."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One setting."""

    key: str
    variable: str
    """How it is called in the environment."""
    type: dict[str, Any]
    """Its JSON Schema."""
    note: str
    """What its author says about it."""
    said: tuple[Said, ...]
    """Every place that says something, that which holds first; the default is the last."""


def explain(settings: Settings, *keys: str) -> list[Explanation]:
    """Explain the settings called `keys`, and those below sections that are. Raises `ConfigError` for unknown ones."""
    check_keys(settings._schema, keys)
    return [explain_one(settings, path, leaf) for path, leaf in settings._schema.leaves() if covers(keys, path)]


def explain_one(settings: Settings, path: Path, leaf: Leaf) -> Explanation:
    said = [
        Said(value.source, mask(value.value, secret=leaf.secret), holds=False)
        for value in reversed(settings._built.history.get(path, ()))
    ]

    if leaf.default is not ABSENT:
        said.append(Said("default", mask(leaf.default, secret=leaf.secret), holds=False))

    if said:
        said[0] = Said(said[0].source, said[0].value, holds=True)

    return Explanation(
        dotted(path), spelled(path), describe_type(leaf.kind), note_of(settings._schema, path), tuple(said)
    )


def note_of(schema: Schema, path: Path) -> str:
    section = schema.find(path[:-1])
    kind = section.kind if isinstance(section, Section) else None
    return "" if kind is None else notes_of(kind).get(path[-1], "")
