"""The settings as a JSON Schema (2020-12): editors complete and check configuration files by it."""

import types
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from hagworm.extend.config.bound import Range
from hagworm.extend.config.convert import hints_of, is_model, split_annotated
from hagworm.extend.config.fault import ABSENT
from hagworm.extend.config.note import notes_of
from hagworm.extend.config.schema import Leaf, Schema, Section, is_pydantic
from hagworm.extend.config.secret import Secret

__all__ = ("DIALECT", "describe_schema", "describe_type")

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Secret: {"type": "string", "writeOnly": True},
    Path: {"type": "string"},
    timedelta: {"type": ["number", "string"], "pattern": r"^\s*[0-9.]+\s*(ms|s|m|h|d)?\s*$"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
    time: {"type": "string", "format": "time"},
    type(None): {"type": "null"},
}
LISTS: dict[Any, dict[str, Any]] = {list: {}, tuple: {}, set: {"uniqueItems": True}, frozenset: {"uniqueItems": True}}


def describe_schema(schema: Schema, *, title: str = "hagworm") -> dict[str, Any]:
    """Return the JSON Schema of a configuration file; defaults stand in it, but for those of secrets."""
    return {"$schema": DIALECT, "title": title, **describe_section(schema.root)}


def describe_section(section: Section) -> dict[str, Any]:
    if is_pydantic(section.kind):
        described: dict[str, Any] = section.kind.model_json_schema()
        return described

    notes = {} if section.kind is None else notes_of(section.kind)
    required = [name for name, child in section.children.items() if isinstance(child, Leaf) and child.default is ABSENT]
    properties = {}

    for name, child in section.children.items():
        properties[name] = describe_leaf(child) if isinstance(child, Leaf) else describe_section(child)

        if name in notes:
            properties[name] |= {"description": notes[name]}

    about = " ".join((section.kind.__doc__ or "").split()) if section.kind is not None else ""
    return {
        "type": "object",
        **({"description": about} if about else {}),
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": section.open,
    }


def describe_leaf(leaf: Leaf) -> dict[str, Any]:
    described = describe_type(leaf.kind)

    if leaf.secret:
        return {**described, "writeOnly": True}

    return described if leaf.default is ABSENT else {**described, "default": plain(leaf.default)}


def describe_type(kind: Any) -> dict[str, Any]:
    """Return the schema of one type of setting."""
    kind, constraints = split_annotated(kind)
    bounds: dict[str, Any] = {}

    for constraint in constraints:
        if isinstance(constraint, Range):
            bounds |= {} if constraint.low is None else {"minimum": constraint.low}
            bounds |= {} if constraint.high is None else {"maximum": constraint.high}

    return {**describe_plain(kind), **bounds}


def describe_plain(kind: Any) -> dict[str, Any]:
    origin, arguments = get_origin(kind) or kind, get_args(kind)

    if origin is Union or origin is types.UnionType:
        return {"anyOf": [describe_type(member) for member in arguments]}

    if origin is Literal:
        return {"enum": list(arguments)}

    if origin in LISTS:
        fixed = origin is tuple and arguments and Ellipsis not in arguments
        items: dict[str, Any] = {"prefixItems": [describe_type(item) for item in arguments]} if fixed else {}
        return {
            "type": "array",
            **LISTS[origin],
            **(items or ({"items": describe_type(arguments[0])} if arguments else {})),
        }

    if origin is dict or origin is Mapping:
        return {"type": "object", "additionalProperties": describe_type(arguments[1]) if arguments else True}

    if kind in PLAIN:
        return dict(PLAIN[kind])

    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}

    if is_model(kind):
        properties = {name: describe_type(hint) for name, hint in hints_of(kind).items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    return {}


def plain(value: Any) -> Any:
    """Return a default as it is written into a file."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Enum():
            return plain(value.value)
        case timedelta():
            return value.total_seconds()
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case _:
            return str(value)
