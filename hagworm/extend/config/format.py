"""The formats in which settings are written down: TOML, JSON, INI."""

import json
import re
from collections.abc import Callable
from typing import Any

from hagworm.extend.config.toml import Document, Path, parse_toml
from hagworm.extend.error import ConfigError

__all__ = ("FORMATS", "parse_document", "parse_ini", "parse_json")

SECTION = re.compile(r"\[(?P<name>[^\]]+)\]")
OPTION = re.compile(r"(?P<name>[^=:\s][^=:]*?)\s*[=:]\s*(?P<value>.*)")


def parse_json(text: str, name: str) -> Document:
    """Read a JSON text: one object, a section each of its members. Raises `ConfigError` naming line and column."""
    try:
        values = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as exc:
        raise ConfigError(f"{name}:{exc.lineno}:{exc.colno}: {exc.msg}") from exc
    except ValueError as exc:
        raise ConfigError(f"{name}: {exc}") from exc

    if not isinstance(values, dict):
        raise ConfigError(f"{name}: expected one object of sections, got {type(values).__name__}")

    return Document(name, values, {})


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)

    if len(values) < len(pairs):
        twice = next(key for key, _ in pairs if [other for other, _ in pairs].count(key) > 1)
        raise ValueError(f"{twice!r} is set twice")

    return values


def parse_ini(text: str, name: str) -> Document:
    """Read sections and `key = value` lines, as services of hagworm 5 have them; values are read as in the environment.

    A section called `a.b` lies in section `a`. Lines that begin with `#` or `;` are comments; there is no other magic.
    Raises `ConfigError` naming the line.
    """
    values: dict[str, Any] = {}
    lines: dict[Path, int] = {}
    section: Path = ()

    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()

        if not stripped or stripped[0] in "#;":
            continue

        if match := SECTION.fullmatch(stripped):
            section = tuple(part.strip() for part in match["name"].split("."))
            lines.setdefault(section, number)
        elif (match := OPTION.fullmatch(stripped)) and line[0] not in " \t":
            table = values

            for part in section:
                table = table.setdefault(part, {})

            if match["name"] in table:
                raise ConfigError(f"{name}:{number}: {match['name']!r} is set twice")

            table[match["name"]] = match["value"]
            lines[*section, match["name"]] = number
        else:
            raise ConfigError(f"{name}:{number}: expected a [section], or key = value, got {stripped[:80]!r}")

    return Document(name, values, lines, text=True)


FORMATS: dict[str, Callable[[str, str], Document]] = {".toml": parse_toml, ".json": parse_json, ".ini": parse_ini}
"""Who reads a file, by the end of its name; what has another end is taken for TOML."""


def parse_document(text: str, name: str) -> Document:
    """Read a text in the format that the end of its `name` says."""
    return FORMATS.get(f".{name.rpartition('.')[2].lower()}", parse_toml)(text, name)
