"""How cells and columns look."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

from hagworm.extend.error import ExcelError

__all__ = ("Column", "Style")

COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
WIDEST = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a cell looks; what is None is left as it is. Raises `ExcelError` for a colour that is not `#RRGGBB`."""

    number_format: str | None = None
    """As a spreadsheet writes it: `0.00`, `#,##0`, `yyyy-mm-dd`, `0%`."""
    bold: bool | None = None
    italic: bool | None = None
    underline: bool | None = None
    font: str | None = None
    size: float | None = None
    """In points."""
    color: str | None = None
    """Of the text, `#RRGGBB`."""
    background: str | None = None
    """`#RRGGBB`."""
    align: Literal["left", "center", "right"] | None = None
    valign: Literal["top", "center", "bottom"] | None = None
    wrap: bool | None = None
    """Whether a text that is too wide goes on in another line."""
    border: bool | None = None
    """Whether there is a thin line around it."""

    def __post_init__(self) -> None:
        for name in ("color", "background"):
            color = getattr(self, name)

            if color is not None and COLOR.fullmatch(color) is None:
                raise ExcelError(f"a colour is written as #RRGGBB: {name}={color!r}")

        if self.size is not None and not 1 <= self.size <= 409:
            raise ExcelError(f"a font has 1 to 409 points: size={self.size!r}")

    def over(self, other: "Style | None") -> "Style":
        """Return this style upon another one: what this one leaves open is as over there."""
        if other is None:
            return self

        own = {item.name: getattr(self, item.name) for item in fields(self)}
        return Style(**{name: getattr(other, name) if value is None else value for name, value in own.items()})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet: where its values come from, and how it looks.

    `key` is the key of a mapping or the attribute of an object; a row that is a sequence goes by position. `title` is
    the header (None: the key), `width` in characters of the usual font (None: by title and first value), `convert`
    makes of each value what is written.
    """

    key: str
    title: str | None = None
    width: float | None = None
    number_format: str | None = None
    style: Style | None = None
    convert: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        if self.width is not None and not 0 < self.width <= WIDEST:
            raise ExcelError(f"a column is up to {WIDEST} characters wide, not {self.width!r}: {self.key!r}")

    @property
    def header(self) -> str:
        """What stands at its top."""
        return self.key if self.title is None else self.title

    @property
    def look(self) -> Style | None:
        """Its style, with its number format."""
        return self.style if self.number_format is None else Style(number_format=self.number_format).over(self.style)
