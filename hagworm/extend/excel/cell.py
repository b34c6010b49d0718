"""What becomes of a value in a cell: a number, a text that is never a formula, or a formula that was asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Literal

from hagworm.extend.error import CellError
from hagworm.extend.excel.limit import COLUMNS, EXACT_INTEGER, ROWS, TEXT, utf16_length
from hagworm.extend.excel.moment import FORMATS, serial
from hagworm.extend.excel.style import Style

__all__ = ("Cell", "Encoded", "Encoder", "Formula", "Illegal", "Prepare", "is_formula_like")

Illegal = Literal["raise", "drop", "replace"]
"""What becomes of characters that XML cannot hold: an error, nothing, or U+FFFD."""

# What a program that reads a cell, or a table made of it, may take for the beginning of a formula.
LEADING = frozenset("=+-@\t\r＝＋－＠")
NOT_PLAIN = LEADING | {""}
LONGEST_FORMULA = 8_192
LOOKS = 60_000


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, `=SUM(A1:A9)`, the only value that a spreadsheet evaluates. Never make one of what users typed.

    `value` is what programs show that do not calculate; the others calculate it when they open the workbook.
    """

    text: str
    value: float | str | bool | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with a style of its own, upon the one of its column."""

    value: Any
    style: Style


Encoded = Any
"""What an engine writes: a number, a truth value, a text, a `Formula` or None; or a pair of that and its look."""
Prepare = Callable[[Style, bool], Any]
"""Makes what an engine needs for a style; the flag says that the text is to stay text when somebody edits it."""

PLAIN = Style()


def is_formula_like(text: str) -> bool:
    """Return whether a text would be taken for a formula by a program that does not know that it is text."""
    return text[:1] in LEADING


class Encoder:
    """Turns the values of one sheet, row by row, into what its engine writes."""

    __slots__ = ("column_looks", "illegal", "looks", "prepare", "sheet", "styles", "variants", "zone")

    def __init__(self, sheet: str, prepare: Prepare, *, zone: tzinfo | None, illegal: Illegal) -> None:
        if illegal not in ("raise", "drop", "replace"):
            raise ValueError(f"illegal characters lead to 'raise', 'drop' or 'replace', not {illegal!r}")

        self.sheet = sheet
        self.prepare = prepare
        self.zone = zone
        self.illegal = illegal
        self.styles: tuple[Style | None, ...] = ()
        self.column_looks: list[Any] = []
        self.looks: dict[tuple[Style, bool], Any] = {}
        # By column and kind: the looks of moments, and of texts like formulas.
        self.variants: dict[tuple[int, type], Any] = {}

    def set_columns(self, styles: Sequence[Style | None]) -> None:
        """Take the styles of the columns; further columns have none."""
        self.styles = tuple(styles)
        self.column_looks = [None if style is None else self.look(style, False) for style in styles]
        self.variants = {}

    def encode(self, number: int, values: Sequence[Any]) -> list[Encoded]:
        """Return the cells of row `number`. Raises `CellError`."""
        if number > ROWS:
            raise CellError(self.sheet, number, 1, values[0] if values else None, f"a sheet has {ROWS} rows")

        if len(values) > COLUMNS:
            raise CellError(self.sheet, number, COLUMNS + 1, values[COLUMNS], f"a sheet has {COLUMNS} columns")

        looks = self.column_looks
        known = len(looks)
        cells: list[Encoded] = []
        append = cells.append

        for index, value in enumerate(values):
            kind = type(value)

            if kind is str:
                # Of what is printable XML can hold everything.
                plain = value[:1] not in NOT_PLAIN and len(value) <= TEXT // 2 and value.isprintable()
            elif kind is int:
                plain = -EXACT_INTEGER < value < EXACT_INTEGER
            elif kind is float:
                plain = isfinite(value)
            else:
                plain = value is None or kind is bool

            if not plain:
                try:
                    append(self.other(value, index))
                except ValueError as exc:
                    raise CellError(self.sheet, number, index + 1, value, str(exc)) from exc
            elif index < known and (look := looks[index]) is not None and value is not None:
                append((value, look))
            else:
                append(value)

        return cells

    def other(self, value: Any, index: int) -> Encoded:
        """Return the cell of a value that is not plainly a cell already. Raises ValueError, saying why."""
        kind = type(value)

        if kind in FORMATS:
            return serial(value, self.zone), self.variants.get((index, kind)) or self.vary(index, kind)

        if kind is str and value.isprintable() and value[:1] in LEADING and len(value) <= TEXT // 2:
            return value, self.variants.get((index, str)) or self.vary(index, str)

        return self.rare(value, self.styles[index] if index < len(self.styles) else None)

    def vary(self, index: int, kind: type) -> Any:
        """Return the look of a column for moments, or for texts like formulas."""
        style = (self.styles[index] if index < len(self.styles) else None) or PLAIN
        look = self.look(style, True) if kind is str else self.look(moment_style(style, kind), False)
        self.variants[index, kind] = look
        return look

    def rare(self, value: Any, style: Style | None) -> Encoded:
        """Return the cell of any value. Raises ValueError, saying why."""
        match value:
            case Cell(value=inner, style=own):
                style = own.over(style)
                return self.rare(inner, style) if inner is not None else (None, self.look(style, False))
            case None | bool():
                return self.looked(value, style)
            case Formula():
                return self.looked(self.check_formula(value), style)
            case Enum():
                return self.rare(value.value, style)
            case str():
                return self.text(str.__str__(value), style)
            case int():
                return self.looked(int(value), style) if abs(value) < EXACT_INTEGER else self.text(str(value), style)
            case float():
                if not isfinite(value):
                    raise ValueError("a spreadsheet has finite numbers only")

                return self.looked(float(value), style)
            case Decimal():
                return self.decimal(value, style)
            case datetime() | date() | time() | timedelta():
                kind = next(kind for kind in FORMATS if isinstance(value, kind))
                return self.looked(serial(value, self.zone), moment_style(style or PLAIN, kind))
            case _:
                from uuid import UUID

                if isinstance(value, UUID):
                    return self.looked(str(value), style)

                name = type(value).__name__
                raise ValueError(f"a cell holds text, numbers, truth values and moments, not {name}; use convert=")

    def looked(self, value: Any, style: Style | None) -> Any:
        return value if style is None or value is None else (value, self.look(style, False))

    def look(self, style: Style, quoted: bool) -> Any:
        key = (style, quoted)

        if (look := self.looks.get(key)) is None:
            if len(self.looks) >= LOOKS:
                raise ValueError(f"a workbook has up to {LOOKS} different looks; share styles")

            look = self.looks[key] = self.prepare(style, quoted)

        return look

    def text(self, value: str, style: Style | None) -> Encoded:
        if not value.isprintable():
            value = self.legal(value)

        if not value:
            return None

        if (length := utf16_length(value)) > TEXT:
            raise ValueError(f"a cell holds {TEXT} characters, not {length}")

        if not is_formula_like(value):
            return self.looked(value, style)

        return value, self.look(style or PLAIN, True)

    def legal(self, value: str) -> str:
        """Return a text without what XML cannot hold."""
        wrong = [character for character in value if is_illegal(character)]

        if wrong and self.illegal == "raise":
            raise ValueError(f"a cell cannot hold the character {ascii(wrong[0])}")

        if not wrong:
            return value

        return value.translate(dict.fromkeys(map(ord, wrong), "" if self.illegal == "drop" else "\ufffd"))

    def decimal(self, value: Decimal, style: Style | None) -> Encoded:
        """Return a number where that is the same one, otherwise the digits as text."""
        if not value.is_finite():
            raise ValueError("a spreadsheet has finite numbers only")

        number = float(value)
        exact = isfinite(number) and len(value.normalize().as_tuple().digits) <= 15 and Decimal(repr(number)) == value
        return self.looked(number, style) if exact else self.text(str(value), style)

    def check_formula(self, formula: Formula) -> Formula:
        if not formula.text.startswith("=") or len(formula.text) < 2:
            raise ValueError(f"a formula begins with =, and goes on: {formula.text!r}")

        if len(formula.text) > LONGEST_FORMULA:
            raise ValueError(f"a formula has up to {LONGEST_FORMULA} characters, not {len(formula.text)}")

        if wrong := [character for character in formula.text if is_illegal(character)]:
            raise ValueError(f"a formula cannot hold the character {ascii(wrong[0])}")

        return formula


def moment_style(style: Style, kind: type) -> Style:
    """Return a style that shows a moment as one, unless it says itself how numbers are shown."""
    return style.over(Style(number_format=FORMATS[kind]))


def is_illegal(character: str) -> bool:
    """Return whether XML 1.0 has no place for a character."""
    return (
        (character < " " and character not in "\t\n\r")
        or "\ud800" <= character <= "\udfff"
        or character in "\ufffe\uffff"
    )
