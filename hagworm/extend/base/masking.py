"""What may be shown of text that is somebody's: numbers of phones and cards, addresses of mail, names."""

import re

from hagworm.extend.base.checkdigit import is_bank_card, is_identity_card
from hagworm.extend.error import BadValue

__all__ = ("mask", "mask_card", "mask_email", "mask_identity", "mask_name", "mask_phone", "redact")

EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
MOBILE = re.compile(r"(?<![0-9])(?:\+?86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{4}){2}(?![0-9])")
FEWEST_HIDDEN = 4
DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){10,17}(?:[ -]?[0-9Xx])(?![0-9A-Za-z])")


def mask(text: str, start: int = 0, end: int = 0, *, character: str = "*") -> str:
    """Return `text` with all but its first `start` and last `end` characters replaced by `character`.

    What is too short for that to hide at least half of it is replaced as a whole. Raises `BadValue` for a negative
    number.
    """
    if start < 0 or end < 0:
        raise BadValue("how many characters are kept, 0 or more", (start, end))

    if 2 * (start + end) > len(text):
        return character * len(text)

    return text[:start] + character * (len(text) - start - end) + text[len(text) - end :]


def mask_phone(text: str) -> str:
    """Return a phone's number with its first three and last four digits: `138****5678`; spaces are kept."""
    return mask_digits(text, 3, 4) if len(re.sub(r"\D", "", text)) >= 11 else mask_digits(text, 0, 2)


def mask_card(text: str) -> str:
    """Return a card's number with its last four digits: `**** **** **** 1111`; spaces and hyphens are kept."""
    return mask_digits(text, 0, 4)


def mask_identity(text: str) -> str:
    """Return an identity card's number with the province and the last character: `11***************X`."""
    return mask(text, 2, 1)


def mask_email(text: str) -> str:
    """Return a mail's address with the first letter of its name and its domain: `j***@example.com`.

    How long the name is, is not told. What is no such address is replaced as a whole.
    """
    name, at, domain = text.rpartition("@")
    return f"{name[:1] if len(name) > 1 else ''}***@{domain}" if at and name and domain else "*" * len(text)


def mask_name(text: str) -> str:
    """Return a person's name with its first letter: `张**`, `J*******`."""
    return mask(text, 1) if len(text) > 1 else "*" * len(text)


def redact(text: str) -> str:
    """Return `text` with what looks like a mail's address, a Chinese mobile's number, or the number of a card or an
    identity masked.

    Numbers of cards and identities are known by their check digit. It takes time in proportion to the length.
    """
    if "@" in text:
        text = EMAIL.sub(lambda match: mask_email(match[0]), text)

    text = DIGITS.sub(masked_number, text)
    return MOBILE.sub(lambda match: mask_digits(match[0], 0, 4), text)


def masked_number(match: re.Match[str]) -> str:
    bare = match[0].replace(" ", "").replace("-", "")

    if is_identity_card(bare):
        return mask(bare, 2, 1)

    return mask_card(match[0]) if is_bank_card(bare) else match[0]


def mask_digits(text: str, start: int, end: int) -> str:
    places = [index for index, character in enumerate(text) if character.isalnum()]
    hidden = set(places[start : len(places) - end])

    if len(places) - start - end < FEWEST_HIDDEN:
        hidden = set(places)

    return "".join(["*" if index in hidden else character for index, character in enumerate(text)])
