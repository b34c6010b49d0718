"""Attribute lists of playlists, `NAME=value,NAME="value"`, and the kinds of values in them (RFC 8216 4.2)."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hagworm.extend.error import PlaylistError

__all__ = (
    "BYTES",
    "CAPTIONS",
    "DATE",
    "DECIMAL",
    "INTEGER",
    "IV",
    "QUOTED",
    "RESOLUTION",
    "SIGNED",
    "WORD",
    "YES",
    "Attribute",
    "ByteRange",
    "Kind",
    "parse_byte_range",
    "parse_date",
    "parse_decimal",
    "parse_integer",
    "split_attributes",
    "write_attributes",
    "write_date",
    "write_decimal",
)

ITEM = re.compile(r'(?P<name>[A-Z0-9-]+)=(?P<value>"[^"]*"[ \t]*|[^",]*)(?:,|$)')
DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)
NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{0,400})?|-?\.[0-9]{1,400}", re.ASCII)
HEX = re.compile(r"0[xX](?P<digits>[0-9A-Fa-f]{1,32})", re.ASCII)
SIZE = re.compile(r"([0-9]{1,10})x([0-9]{1,10})", re.ASCII)
RANGE = re.compile(r"([0-9]{1,20})(?:@([0-9]{1,20}))?", re.ASCII)
MOST_INTEGER = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of a resource: so many bytes from `offset` on; None: from where the segment before it ends."""

    length: int
    offset: int | None = None

    def __str__(self) -> str:
        return str(self.length) if self.offset is None else f"{self.length}@{self.offset}"


@dataclass(frozen=True, slots=True)
class Kind:
    """How values are read and written; `read` raises ValueError."""

    expected: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a tag, and the field that holds it."""

    name: str
    field: str
    kind: Kind
    required: bool = False


def parse_integer(text: str) -> int:
    if not DIGITS.fullmatch(text) or int(text) > MOST_INTEGER:
        raise ValueError

    return int(text)


def parse_decimal(text: str, *, signed: bool = False) -> float:
    if not NUMBER.fullmatch(text) or (text.startswith("-") and not signed):
        raise ValueError

    return float(text)


def write_decimal(value: float) -> str:
    """Return a number without exponent, whole ones without point."""
    if not math.isfinite(value):
        raise PlaylistError(f"a number of a playlist is finite, not {value!r}")

    if float(value).is_integer():
        return str(int(value))

    from decimal import Decimal  # costs more than the rest of this module

    return format(Decimal(repr(float(value))), "f")


def parse_date(text: str) -> datetime:
    if "T" not in text:
        raise ValueError

    return datetime.fromisoformat(text)


def write_date(value: datetime) -> str:
    return value.isoformat(timespec="microseconds" if value.microsecond % 1000 else "milliseconds").replace(
        "+00:00", "Z"
    )


def parse_byte_range(text: str) -> ByteRange:
    if (match := RANGE.fullmatch(text)) is None:
        raise ValueError

    return ByteRange(int(match[1]), None if match[2] is None else int(match[2]))


def parse_quoted(text: str) -> str:
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        raise ValueError

    return text[1:-1]


def write_quoted(value: object) -> str:
    text = str(value)

    if any(sign in text for sign in '"\r\n'):
        raise PlaylistError(f"a quoted text has no quotation marks and no line breaks, unlike {text!r}")

    return f'"{text}"'


def parse_word(text: str) -> str:
    if not text or any(sign in text for sign in '", \t'):
        raise ValueError

    return text


def write_word(value: object) -> str:
    text = str(value)

    if not text or any(sign in text for sign in '", \t\r\n'):
        raise PlaylistError(f"an enumerated text has no quotation marks, commas and white space, unlike {text!r}")

    return text


def parse_iv(text: str) -> bytes:
    if (match := HEX.fullmatch(text)) is None:
        raise ValueError

    return bytes.fromhex(match["digits"].zfill(32))


def parse_size(text: str) -> tuple[int, int]:
    if (match := SIZE.fullmatch(text)) is None:
        raise ValueError

    return int(match[1]), int(match[2])


def parse_yes(text: str) -> bool:
    return {"YES": True, "NO": False}[text]


QUOTED = Kind("a text in quotation marks", parse_quoted, write_quoted)
WORD = Kind("a word without quotation marks", parse_word, write_word)
INTEGER = Kind("a whole number up to 2**64 - 1", parse_integer, str)
DECIMAL = Kind("a number that is not negative", parse_decimal, write_decimal)
SIGNED = Kind("a number", lambda text: parse_decimal(text, signed=True), write_decimal)
IV = Kind("128 bits in hexadecimal, 0x...", parse_iv, lambda value: f"0x{value.hex()}")
RESOLUTION = Kind("width x height, 1280x720 for example", parse_size, lambda value: f"{value[0]}x{value[1]}")
YES = Kind("YES or NO", parse_yes, lambda value: "YES" if value else "NO")
DATE = Kind(
    "a date and time in quotation marks",
    lambda text: parse_date(parse_quoted(text)),
    lambda value: write_quoted(write_date(value)),
)
BYTES = Kind("length@offset in quotation marks", lambda text: parse_byte_range(parse_quoted(text)), write_quoted)
CAPTIONS = Kind(
    "NONE, or a text in quotation marks",
    lambda text: text if text == "NONE" else parse_quoted(text),
    lambda value: value if value == "NONE" else write_quoted(value),
)


def split_attributes(text: str, fault: Callable[[str], None]) -> list[tuple[str, str]]:
    """Return names and values, the latter as they stand there; linear in the length.

    The first thing that is wrong goes to `fault`, which may raise; white space around items and empty items are jumped
    over then, and what is no item is left out.
    """
    found = []
    position = 0
    is_faulty = False

    while position < len(text):
        match = ITEM.match(text, position)

        if not is_faulty and (match is None or match["value"] != match["value"].strip(" \t")):
            is_faulty = True
            fault(f"NAME=value is expected at {text[position : position + 40]!r}")

        if match is not None:
            found.append((match["name"], match["value"].strip(" \t")))
            position = match.end()
        elif text[position] in " \t,":
            position += 1
        else:
            comma = text.find(",", position)
            position = len(text) if comma < 0 else comma + 1

    if text.endswith(",") and not is_faulty:
        fault("NAME=value is expected after the last comma")

    return found


def write_attributes(value: Any, table: Iterable[Attribute]) -> str:
    """Return the fields of `value` as an attribute list, with those in its `other` as they are."""
    items = [
        f"{attribute.name}={attribute.kind.write(held)}"
        for attribute in table
        if (held := getattr(value, attribute.field)) is not None
    ]
    return ",".join([*items, *(f"{name}={raw}" for name, raw in value.other)])
