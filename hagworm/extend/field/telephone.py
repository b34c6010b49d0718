"""Numbers of telephones."""

import re

from hagworm.extend.error import BadValue

__all__ = ("parse_mobile", "parse_phone")

FILLING = re.compile(r"[\s().\-/]+")
INTERNATIONAL = re.compile(r"\+[1-9][0-9]{6,14}")
MOBILE = re.compile(r"1[3-9][0-9]{9}")


def parse_phone(text: object) -> str:
    """Return a telephone's number with its country as E.164 has it: `+49 (30) 1234-567` is `+49301234567`.

    Raises `BadValue`; of a number without its country nobody knows where it is.
    """
    number = FILLING.sub("", text) if isinstance(text, str) else ""
    number = f"+{number[2:]}" if number.startswith("00") else number

    if not INTERNATIONAL.fullmatch(number):
        raise BadValue("a telephone's number with its country, like +49 30 1234567", text)

    return number


def parse_mobile(text: object) -> str:
    """Return the eleven digits of a mobile's number of mainland China, with or without `+86`. Raises `BadValue`."""
    number = FILLING.sub("", text) if isinstance(text, str) else ""
    bare = re.sub(r"^(?:\+|00)?86(?=1)", "", number)

    if not MOBILE.fullmatch(bare):
        raise BadValue("a mobile's number of eleven digits, like 13800138000", text)

    return bare
