"""A TOML document that remembers the line of each of its keys."""

import re
from dataclasses import dataclass
from typing import Any

from hagworm.extend.error import ConfigError

__all__ = ("Document", "Path", "parse_toml")

Path = tuple[str, ...]

TOKEN = re.compile(
    r"""
      (?P<string> \"{3} (?:\\.|[^\\])*? \"{3,5} | '{3} .*? '{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*' )
    | (?P<comment> \#[^\n]* )
    | (?P<line> \n )
    | (?P<mark> [\[\]{}=,.] )
    | (?P<bare> [^\s\[\]{}=,.\#"']+ )
    """,
    re.VERBOSE | re.DOTALL,
)
PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Document:
    """The values of one file, and where in it they stand."""

    name: str
    values: dict[str, Any]
    lines: dict[Path, int]
    text: bool = False
    """Whether its values are text that has to be read yet, as in the environment."""

    def source(self, path: Path) -> str:
        """Return `name:line` of the key, or of the nearest table around it; elements of arrays count from 0."""
        for end in range(len(path), 0, -1):
            if (line := self.lines.get(path[:end])) is not None:
                return f"{self.name}:{line}"

        return self.name


def parse_toml(text: str, name: str) -> Document:
    """Read a TOML text; `name` is what messages call it. Raises `ConfigError` naming file, line and column."""
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(describe(str(exc), text, name)) from exc

    return Document(name, values, locate(text))


def describe(message: str, text: str, name: str) -> str:
    match = PLACE.search(message)
    what = message[: match.start()] if match else message

    if match and match[1]:
        return f"{name}:{match[1]}:{match[2]}: {what}"

    return f"{name}:{text.count(chr(10)) + 1}: {what}"


def locate(text: str) -> dict[Path, int]:
    """Return the line of every key and table header of a *valid* document."""
    lines: dict[Path, int] = {}
    arrays: dict[Path, int] = {}  # arrays of tables: path → index of the element being filled
    table: Path = ()
    name: list[str] = []
    brackets = depth = 0  # of a header; of a value
    in_value = False
    line = 1

    for token in TOKEN.finditer(text):
        kind, word, here = token.lastgroup, token[0], line
        line += word.count("\n")

        if kind == "line":
            in_value = in_value and depth > 0
        elif in_value:
            depth += (word in "[{") - (word in "]}") if kind == "mark" else 0
        elif kind == "string":
            name.append(unquote(word))
        elif kind == "bare":
            name.append(word)
        elif word == "[":
            brackets += 1
        elif word == "]" and name:
            table = enter(tuple(name), arrays, is_array=brackets == 2)
            note(lines, table, here)
            name, brackets = [], 0
        elif word == "=":
            note(lines, table + tuple(name), here)
            name, in_value, depth = [], True, 0

    return lines


def note(lines: dict[Path, int], path: Path, line: int) -> None:
    """Remember the line of a key, and of the tables that come to be by its being named."""
    for end in range(1, len(path) + 1):
        lines.setdefault(path[:end], line)


def enter(name: Path, arrays: dict[Path, int], *, is_array: bool) -> Path:
    """Return the path behind a table header: an array of tables on the way stands for its newest element."""
    path: Path = ()

    for position, part in enumerate(name, start=1):
        path += (part,)

        if is_array and position == len(name):
            arrays[path] = arrays.get(path, -1) + 1

        if path in arrays:
            path += (str(arrays[path]),)

    return path


def unquote(word: str) -> str:
    import tomllib

    value = tomllib.loads(f"key = {word}")["key"]
    return str(value)
