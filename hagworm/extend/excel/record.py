"""Rows of every kind, mappings, objects and sequences, as the values of columns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from hagworm.extend.error import ExcelError
from hagworm.extend.excel.cell import Cell, Formula
from hagworm.extend.excel.style import Column

__all__ = ("Reader", "columns_of", "reader_of", "to_columns")

Reader = Callable[[Any], Sequence[Any]]
"""Returns the values of a row."""

NOT_ROWS = (str, bytes, bytearray)


def to_columns(columns: Iterable[Column | str] | None) -> list[Column] | None:
    """Return columns as such, also those that were only named. Raises `ExcelError` for two of one key."""
    if columns is None:
        return None

    found = [Column(column) if isinstance(column, str) else column for column in columns]
    keys = [column.key for column in found]

    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ExcelError(f"every column has a key of its own: {sorted(twice)} stands for more than one")

    return found


def columns_of(row: Any) -> list[Column] | None:
    """Return the columns that rows like this one have, None where it does not name them."""
    if is_dataclass(row):
        return [Column(field.name) for field in fields(row)]

    if isinstance(row, Mapping):
        return [Column(str(key)) for key in row]

    names = getattr(row, "_fields", None) or getattr(row, "__struct_fields__", None)
    return None if names is None else [Column(str(name)) for name in names]


def reader_of(row: Any, columns: Sequence[Column] | None, strict: bool) -> Reader:
    """Return how rows of this kind are read. `strict` refuses keys of mappings that are no columns.

    Raises `ExcelError` for what is no row.
    """
    keys = None if columns is None else [column.key for column in columns]
    read: Reader

    if isinstance(row, NOT_ROWS):
        raise ExcelError(
            f"a row is a sequence, a mapping or an object with attributes, not {type(row).__name__}: {row!r}"
        )

    if isinstance(row, Mapping):
        assert keys is not None
        read = MappingReader(keys, strict)
    elif isinstance(row, tuple | list):
        read = SequenceReader(None if keys is None else len(keys))
    elif keys is not None and not isinstance(row, Iterable):
        read = AttributeReader(keys)
    elif isinstance(row, Iterable):
        inner = SequenceReader(None if keys is None else len(keys))
        return converted(lambda values: inner(list(values)), columns)
    else:
        raise ExcelError(f"rows like {row!r} need columns= to say what is written of them")

    return converted(read, columns)


def converted(read: Reader, columns: Sequence[Column] | None) -> Reader:
    """Let the columns that convert their values do so."""
    converts = [(index, column.convert) for index, column in enumerate(columns or ()) if column.convert is not None]

    if not converts:
        return read

    def convert(row: Any) -> Sequence[Any]:
        values = list(read(row))

        for index, function in converts:
            if index < len(values):
                values[index] = convert_inside(function, values[index])

        return values

    return convert


def convert_inside(function: Callable[[Any], Any], value: Any) -> Any:
    """Convert a value, also one that has a style of its own; a formula is none."""
    if isinstance(value, Formula):
        return value

    return Cell(function(value.value), value.style) if isinstance(value, Cell) else function(value)


class SequenceReader:
    """Takes values by position."""

    __slots__ = ("width",)

    def __init__(self, width: int | None) -> None:
        self.width = width

    def __call__(self, row: Sequence[Any]) -> Sequence[Any]:
        if self.width is not None and len(row) != self.width:
            raise ExcelError(f"a row of {len(row)} values does not fit {self.width} columns: {row!r:.200}")

        return row


class MappingReader:
    """Takes values by key; a key that is missing leaves its cell empty."""

    __slots__ = ("keys", "known", "strict")

    def __init__(self, keys: list[str], strict: bool) -> None:
        self.keys = keys
        self.known = frozenset(keys)
        self.strict = strict

    def __call__(self, row: Mapping[str, Any]) -> Sequence[Any]:
        if self.strict and not row.keys() <= self.known:
            extra = sorted(map(str, row.keys() - self.known))
            raise ExcelError(f"a row has keys that are no columns: {', '.join(extra)}; name the columns with columns=")

        get = row.get
        return [get(key) for key in self.keys]


class AttributeReader:
    """Takes values by attribute."""

    __slots__ = ("keys",)

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys

    def __call__(self, row: object) -> Sequence[Any]:
        return [getattr(row, key) for key in self.keys]
