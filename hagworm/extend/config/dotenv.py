"""The lines `NAME=value` of a `.env` file."""

import re
from dataclasses import dataclass

from hagworm.extend.error import ConfigError

__all__ = ("Variable", "parse_dotenv")

ASSIGNMENT = re.compile(
    r"""
    [^\S\n]* (?:export[^\S\n]+)? (?P<name> [A-Za-z_][\w.]* ) [^\S\n]* = [^\S\n]*
    (?:
        "(?P<double> (?:\\.|[^"\\])* )" [^\S\n]* (?:\#[^\n]*)?
      | '(?P<single> [^']* )' [^\S\n]* (?:\#[^\n]*)?
      | (?P<plain> [^"'\s\#][^\n]*? | ) [^\S\n]* (?: (?<=\s)\#[^\n]* )?
    )
    (?: \n | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)
BLANK = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "\n": ""}


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable and where it was set."""

    name: str
    value: str
    source: str


def parse_dotenv(text: str, name: str) -> list[Variable]:
    """Return the variables of a `.env` text in their order; `name` is what messages call the file.

    `export` before a name is allowed. A value is bare (up to ` #`), in single quotes (taken literally) or in double
    quotes (with `\\n`, `\\t`, `\\"` …); quoted values may span lines. Nothing is substituted in values.
    Raises `ConfigError` naming every line that is none of this.
    """
    text = text.replace("\r\n", "\n")
    found: list[Variable] = []
    problems: list[str] = []
    position = 0

    while position < len(text):
        line = text.count("\n", 0, position) + 1

        if blank := BLANK.match(text, position):
            position = blank.end()
        elif match := ASSIGNMENT.match(text, position):
            found.append(Variable(match["name"], value_of(match), f"{name}:{line}"))
            position = match.end()
        else:
            problems.append(f"{name}:{line}: expected NAME=value")
            position = text.find("\n", position) + 1 or len(text)

    if problems:
        raise ConfigError(*problems)

    return found


def value_of(match: re.Match[str]) -> str:
    if (double := match["double"]) is not None:
        return ESCAPE.sub(lambda escape: ESCAPES.get(escape[1], escape[0]), double)

    return match["single"] if match["single"] is not None else match["plain"]
