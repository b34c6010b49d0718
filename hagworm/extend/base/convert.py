"""What untrusted text and loose values mean as numbers, truth values, bytes and lists.

`parse_*` are strict: they return what the value says, or raise `BadValue`. `*_or` return a default instead, which has
to be given: nothing becomes 0 by accident.
"""

import math
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from hagworm.extend.error import BadValue

__all__ = (
    "bool_or",
    "decimal_or",
    "float_or",
    "int_or",
    "join_numbers",
    "join_text",
    "parse_bool",
    "parse_decimal",
    "parse_float",
    "parse_int",
    "split_numbers",
    "split_text",
    "to_bytes",
    "to_text",
)

D = TypeVar("D")

INTEGER = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
TRUTH = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False, "no": False}
SPACE = " \t\r\n\f\v"
LONGEST = 300
"""How many digits a Decimal may have before its point to be taken as a whole number."""

EMPTY = "0"
"""What stands behind the escape character for the one item that would be no text at all."""


def parse_int(value: object, *, minimum: int | None = None, maximum: int | None = None) -> int:
    """Return the whole number that `value` is: an int, a whole float or Decimal, or text of ASCII digits with a sign.

    Space around the text does not matter. Raises `BadValue` for everything else, `True`, `3.7` and `1_000` included,
    and for what is not between `minimum` and `maximum`.
    """
    text = text_of(value)

    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float | Decimal) and is_whole(value):
        number = int(value)
    elif text is not None and INTEGER.fullmatch(text):
        try:
            number = int(text)
        except ValueError as exc:  # more digits than Python converts
            raise BadValue("a whole number of at most some thousand digits", value) from exc
    else:
        raise BadValue("a whole number", value)

    check_range(number, minimum, maximum, value)
    return number


def parse_float(
    value: object, *, minimum: float | None = None, maximum: float | None = None, finite: bool = True
) -> float:
    """Return the number that `value` is: an int, float or Decimal, or text like `-1.5e3`.

    Raises `BadValue` for everything else, and for what is not between `minimum` and `maximum`. Infinities and NaN, as
    numbers or as `inf`, `-inf` and `nan`, are refused unless `finite` is False.
    """
    text = text_of(value)
    number: float | None = None

    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = None
    elif text is not None and (NUMBER.fullmatch(text) or text.lower() in {"inf", "+inf", "-inf", "nan"}):
        number = float(text)

    if number is None or (finite and not math.isfinite(number)):
        raise BadValue("a finite number" if finite else "a number", value)

    check_range(number, minimum, maximum, value)
    return number


def parse_decimal(value: object, *, minimum: Decimal | None = None, maximum: Decimal | None = None) -> Decimal:
    """Return the decimal number that `value` is, to its last digit: an int, Decimal, or text like `10.00`.

    A float is taken as it prints. Raises `BadValue` for everything else, infinities and NaN included, and for what is
    not between `minimum` and `maximum`.
    """
    text = repr(value) if isinstance(value, float) else text_of(value)

    try:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            number = Decimal(value)
        elif text is not None and NUMBER.fullmatch(text):
            number = Decimal(text)
        else:
            raise BadValue("a decimal number", value)
    except InvalidOperation as exc:
        raise BadValue("a decimal number", value) from exc

    if not number.is_finite():
        raise BadValue("a finite decimal number", value)

    check_range(number, minimum, maximum, value)
    return number


def parse_bool(value: object) -> bool:
    """Return the truth value that `value` is: a bool, 0 or 1, or one of `true false yes no on off 1 0` in any case.

    Raises `BadValue` for everything else.
    """
    if isinstance(value, bool):
        return value

    if isinstance(value, int) and value in (0, 1):
        return value == 1

    if (text := text_of(value)) is not None and (truth := TRUTH.get(text.lower())) is not None:
        return truth

    raise BadValue("true or false", value)


def int_or(value: object, default: D, *, minimum: int | None = None, maximum: int | None = None) -> int | D:
    """Return `parse_int(value)`, or `default` where that would raise."""
    try:
        return parse_int(value, minimum=minimum, maximum=maximum)
    except BadValue:
        return default


def float_or(value: object, default: D, *, minimum: float | None = None, maximum: float | None = None) -> float | D:
    """Return `parse_float(value)`, or `default` where that would raise."""
    try:
        return parse_float(value, minimum=minimum, maximum=maximum)
    except BadValue:
        return default


def decimal_or(value: object, default: D) -> Decimal | D:
    """Return `parse_decimal(value)`, or `default` where that would raise."""
    try:
        return parse_decimal(value)
    except BadValue:
        return default


def bool_or(value: object, default: D) -> bool | D:
    """Return `parse_bool(value)`, or `default` where that would raise."""
    try:
        return parse_bool(value)
    except BadValue:
        return default


def to_bytes(value: str | bytes | bytearray | memoryview, encoding: str = "utf-8") -> bytes:
    """Return text as bytes, and bytes as they are. Raises `BadValue` for anything else, numbers included."""
    if isinstance(value, bytes):
        return value

    if isinstance(value, bytearray | memoryview):
        return bytes(value)

    if isinstance(value, str):
        try:
            return value.encode(encoding)
        except UnicodeError as exc:
            raise BadValue(f"text that {encoding} can hold", value) from exc

    raise BadValue("text or bytes", value)


def to_text(value: str | bytes | bytearray | memoryview, encoding: str = "utf-8") -> str:
    """Return bytes as text, and text as it is. Raises `BadValue` for anything else, and for bytes that are no text."""
    if isinstance(value, str):
        return value

    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode(encoding)
        except UnicodeError as exc:
            raise BadValue(f"bytes in {encoding}", value) from exc

    raise BadValue("text or bytes", value)


def join_text(items: Iterable[str], separator: str = ",", *, escape: str = "\\") -> str:
    """Join `items` so that `split_text` gives exactly them again, whatever they hold.

    Where an item holds the separator or the escape character, that comes with an escape character before it. A list of
    one empty item is an escaped `0`, as no text at all is an empty list. Raises `BadValue` for an item that is no text.
    """
    check_marks(separator, escape)
    parts = []

    for item in items:
        if not isinstance(item, str):
            raise BadValue("items of text", item)

        parts.append(item.replace(escape, escape + escape).replace(separator, escape + separator))

    return escape + EMPTY if parts == [""] else separator.join(parts)


def split_text(text: str, separator: str = ",", *, escape: str = "\\") -> list[str]:
    """Return the items that `join_text` has joined. Raises `BadValue` for what it cannot have written."""
    check_marks(separator, escape)

    if not text:
        return []

    if text == escape + EMPTY:
        return [""]

    items, item, characters = [], [], iter(text)

    for character in characters:
        if character == escape:
            if (escaped := next(characters, "")) not in (separator, escape) or not escaped:
                raise BadValue(f"{separator!r} or {escape!r} after {escape!r}", text)

            item.append(escaped)
        elif character == separator:
            items.append("".join(item))
            item.clear()
        else:
            item.append(character)

    items.append("".join(item))
    return items


def join_numbers(numbers: Iterable[object], separator: str = ",") -> str:
    """Join numbers, or text of numbers, as they are: none is left out. Raises `BadValue` for what is none."""
    parts = []

    for number in numbers:
        parse_decimal(number)
        parts.append(text_of(number) or repr(number) if isinstance(number, int | float) else str(number).strip())

    return separator.join(parts)


def split_numbers(text: str, separator: str = ",") -> list[int]:
    """Return the whole numbers of a list like `1,-2,3`; of no text, none.

    `[parse_float(item) for item in split_text(text)]` is for others. Raises `BadValue`, which names the first item that
    is no whole number.
    """
    return [parse_int(item) for item in text.split(separator)] if text.strip() else []


def text_of(value: object) -> str | None:
    """Return the text of `value` without space around it; None for what is no text."""
    if isinstance(value, str):
        return value.strip(SPACE)

    if isinstance(value, bytes | bytearray):
        return value.decode("latin-1").strip(SPACE)

    return None


def is_whole(value: float | Decimal) -> bool:
    if isinstance(value, float):
        return value.is_integer()

    # Its exponent may be one that no memory holds the digits of.
    return value.is_finite() and value.adjusted() < LONGEST and value == value.to_integral_value()


def check_range(number: object, minimum: object, maximum: object, value: object) -> None:
    """Raise `BadValue` unless `number` is between the bounds that there are."""
    low: bool = minimum is None or number >= minimum  # type: ignore[operator]  # the callers give numbers of one kind
    high: bool = maximum is None or number <= maximum  # type: ignore[operator]  # the same

    if not (low and high):
        bounds = [f"at least {minimum}"] * (minimum is not None) + [f"at most {maximum}"] * (maximum is not None)
        raise BadValue(f"a number of {' and '.join(bounds)}", value)


def check_marks(separator: str, escape: str) -> None:
    if len(separator) != 1 or len(escape) != 1 or len({separator, escape, EMPTY}) != 3:
        raise BadValue("a separator and an escape character, two different ones and neither '0'", separator + escape)
