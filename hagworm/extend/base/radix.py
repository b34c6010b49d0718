"""Whole numbers as text in the digits of any alphabet."""

from functools import lru_cache

from hagworm.extend.error import BadValue, LimitExceeded

__all__ = ("BASE24", "BASE36", "BASE58", "BASE62", "from_radix", "to_radix")

BASE24 = "BCDFGHJKMPQRTVWXY2346789"
"""Without vowels and without what looks alike: for codes that people read out and type."""

BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Without 0, O, I and l, in the order that Bitcoin has made known."""

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""In the order of ASCII, so that texts of one width sort as their numbers do."""

LONGEST = 8192
"""How many digits are converted at most: the time grows with the square of the length."""


def to_radix(number: int, alphabet: str = BASE62, *, width: int = 0) -> str:
    """Return `number` in the digits of `alphabet`, the first of which is zero.

    A negative number begins with `-`. What has fewer than `width` digits is filled up with zeros of the alphabet.
    `from_radix` is the inverse. Raises `BadValue` for an alphabet of fewer than two digits, with one twice or with
    a sign among them, `LimitExceeded` for a number of more than 8192 digits.
    """
    base = len(digits_of(alphabet))
    rest = abs(number)

    if rest.bit_length() > LONGEST * (base.bit_length() - 1):
        raise LimitExceeded(f"a number of at most {LONGEST} digits", number)

    digits = []

    while rest:
        rest, digit = divmod(rest, base)
        digits.append(alphabet[digit])

    text = "".join(reversed(digits)).rjust(max(1, width), alphabet[0])
    return f"-{text}" if number < 0 else text


def from_radix(text: str, alphabet: str = BASE62) -> int:
    """Return the number that `to_radix` has written with this alphabet; zeros in front do not matter.

    Raises `BadValue` for no digits at all and for characters that are none of the alphabet's, `LimitExceeded` for more
    than 8192 digits.
    """
    digits = digits_of(alphabet)
    plain = text.removeprefix("-")

    if len(plain) > LONGEST:
        raise LimitExceeded(f"at most {LONGEST} digits", text)

    if not plain:
        raise BadValue("digits", text)

    base, number = len(digits), 0

    try:
        for character in plain:
            number = number * base + digits[character]
    except KeyError:
        raise BadValue(f"digits of {alphabet!r}", text) from None

    return -number if plain != text else number


@lru_cache(maxsize=64)
def digits_of(alphabet: str) -> dict[str, int]:
    """Return the value of each character. Raises `BadValue` for what is no alphabet."""
    digits = {character: value for value, character in enumerate(alphabet)}

    if len(digits) < 2 or len(digits) != len(alphabet) or "-" in digits or "+" in digits:
        raise BadValue("an alphabet of at least two different characters, none of them a sign", alphabet)

    return digits
