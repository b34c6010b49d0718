"""Numbers that check themselves: cards, accounts, books, Chinese identities and companies.

`is_*` ask, `parse_*` return what a number says in its one written form, or raise `BadValue`. Errors do not repeat the
number: it is somebody's.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from hagworm.extend.error import BadValue

__all__ = (
    "IdentityCard",
    "is_bank_card",
    "is_credit_code",
    "is_iban",
    "is_identity_card",
    "is_isbn",
    "is_luhn",
    "iso7064_mod11_2",
    "iso7064_mod97_10",
    "luhn_digit",
    "parse_bank_card",
    "parse_credit_code",
    "parse_iban",
    "parse_identity_card",
    "parse_isbn",
)

IDENTITY = re.compile(r"[1-9][0-9]{16}[0-9X]")
OLD_IDENTITY = re.compile(r"[1-9][0-9]{14}")
# The provinces, GB/T 2260; 83 is for permits of residents from Taiwan.
PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split()
)
CREDIT_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT = re.compile(rf"[1-9A-GNY][1-9][0-9]{{6}}[{CREDIT_DIGITS}]{{10}}")
CREDIT_VALUES = {character: value for value, character in enumerate(CREDIT_DIGITS)}
CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
IBAN_LENGTHS = {
    text[:2]: int(text[2:])
    for text in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
        "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
        "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
        "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
        "YE30"
    ).split()
}
"""How long the numbers of a country are (the registry of ISO 13616, release 99)."""


@dataclass(frozen=True, slots=True)
class IdentityCard:
    """What the number of a Chinese identity card says (GB 11643-1999)."""

    number: str
    """18 characters; of an old number of 15 what it has become."""
    region: str
    """Six digits of GB/T 2260: where it was first registered."""
    birthday: date
    gender: Literal["male", "female"]

    def __repr__(self) -> str:
        return f"<IdentityCard {self.region}************>"


def luhn_digit(payload: str) -> str:
    """Return the digit that makes `payload` valid by Luhn (ISO/IEC 7812-1). Raises `BadValue` for what is no digits."""
    return str(-luhn_sum(digits(f"{payload}0", 2, 4096)) % 10)


def is_luhn(number: str) -> bool:
    """Whether the last digit is the one that `luhn_digit` gives for those before; False for what is no digits."""
    return is_parsed(lambda: digits(number, 2, 4096)) and luhn_sum(number) % 10 == 0


def parse_bank_card(text: str) -> str:
    """Return a payment card's number: 12 to 19 digits (ISO/IEC 7812-1), without the spaces and hyphens it may have.

    Raises `BadValue` for another length, another character, or a wrong last digit.
    """
    number = digits(text.replace(" ", "").replace("-", ""), 12, 19)

    if luhn_sum(number) % 10:
        raise BadValue("the number of a card whose last digit fits the others")

    return number


def is_bank_card(text: str) -> bool:
    """Whether `parse_bank_card` would take it."""
    return is_parsed(lambda: parse_bank_card(text))


def iso7064_mod11_2(payload: str) -> str:
    """Return the check character of ISO 7064 MOD 11-2 for digits: `0` to `9` or `X`."""
    total = 0

    for digit in digits(payload, 1, 4096):
        total = (total + int(digit)) * 2 % 11

    return "0123456789X"[(12 - total) % 11]


def iso7064_mod97_10(payload: str) -> str:
    """Return the two check digits of ISO 7064 MOD 97-10 for digits and letters, which count from A = 10."""
    if not (payload.isascii() and payload.isalnum()):
        raise BadValue("digits and letters")

    return f"{98 - int(''.join(str(int(character, 36)) for character in payload[:2048]) + '00') % 97:02d}"


def parse_identity_card(text: str) -> IdentityCard:
    """Return what the number of a Chinese identity card says: 18 characters, or 15 as before 1999.

    Raises `BadValue` for a wrong length, character, province, birthday or check character.
    """
    number = text.strip(" ").upper()

    if OLD_IDENTITY.fullmatch(number):
        number = f"{number[:6]}19{number[6:]}"
        number += iso7064_mod11_2(number)

    if not IDENTITY.fullmatch(number):
        raise BadValue("an identity card's number: 17 digits and a digit or X, or 15 digits")

    if number[:2] not in PROVINCES:
        raise BadValue("an identity card's number that begins with a province's")

    try:
        birthday = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as exc:
        raise BadValue("an identity card's number with a day of the calendar in it") from exc

    if number[17] != iso7064_mod11_2(number[:17]):
        raise BadValue("an identity card's number whose last character fits the others")

    return IdentityCard(number, number[:6], birthday, "male" if int(number[16]) % 2 else "female")


def is_identity_card(text: str) -> bool:
    """Whether `parse_identity_card` would take it."""
    return is_parsed(lambda: parse_identity_card(text))


def parse_credit_code(text: str) -> str:
    """Return a Chinese unified social credit code (GB 32100-2015): 18 characters, in capitals.

    Raises `BadValue` for a wrong length, character or check character.
    """
    code = text.strip(" ").upper()

    if not CREDIT.fullmatch(code):
        raise BadValue("a unified social credit code: 18 digits and capitals without I, O, S, V, Z")

    total = sum(CREDIT_VALUES[character] * weight for character, weight in zip(code, CREDIT_WEIGHTS, strict=False))

    if CREDIT_VALUES[code[17]] != -total % 31:
        raise BadValue("a unified social credit code whose last character fits the others")

    return code


def is_credit_code(text: str) -> bool:
    """Whether `parse_credit_code` would take it."""
    return is_parsed(lambda: parse_credit_code(text))


def parse_iban(text: str) -> str:
    """Return an account's number (IBAN, ISO 13616), in capitals and without spaces.

    Raises `BadValue` for a country without such numbers, another length than that country's, or wrong check digits.
    """
    number = text.replace(" ", "").upper()

    if not IBAN.fullmatch(number):
        raise BadValue("an IBAN: two letters, two digits, and 11 to 30 digits and letters")

    if (length := IBAN_LENGTHS.get(number[:2])) is None:
        raise BadValue("an IBAN of a country that has them", number[:2])

    if len(number) != length:
        raise BadValue(f"an IBAN of {length} characters, as {number[:2]} has them")

    # Digits like 00, 01 and 98, which leave the same rest as others, are none that are ever given.
    if iso7064_mod97_10(number[4:] + number[:2]) != number[2:4]:
        raise BadValue("an IBAN whose check digits fit the others")

    return number


def is_iban(text: str) -> bool:
    """Whether `parse_iban` would take it."""
    return is_parsed(lambda: parse_iban(text))


def parse_isbn(text: str) -> str:
    """Return a book's number (ISBN, ISO 2108) in its 13 digits; one of ten becomes that too. Hyphens do not matter.

    Raises `BadValue` for another length or prefix, another character, or a wrong last one.
    """
    number = text.replace("-", "").replace(" ", "").upper()

    if re.fullmatch(r"[0-9]{9}[0-9X]", number):
        weighted = sum((10 - place) * int(digit.replace("X", "10")) for place, digit in enumerate(number))

        if weighted % 11:
            raise BadValue("an ISBN whose last character fits the others", text)

        payload = f"978{number[:9]}"
        return payload + ean_digit(payload)

    if not re.fullmatch(r"97[89][0-9]{10}", number):
        raise BadValue("an ISBN: 13 digits from 978 or 979 on, or nine digits and a digit or X", text)

    if number[12] != ean_digit(number[:12]):
        raise BadValue("an ISBN whose last digit fits the others", text)

    return number


def is_isbn(text: str) -> bool:
    """Whether `parse_isbn` would take it."""
    return is_parsed(lambda: parse_isbn(text))


def digits(text: str, shortest: int, longest: int) -> str:
    if not (text.isascii() and text.isdigit() and shortest <= len(text) <= longest):
        raise BadValue(f"{shortest} to {longest} digits")

    return text


def luhn_sum(number: str) -> int:
    """Return the sum of the digits, every second one from the right doubled and, above 9, less 9."""
    return sum(map(int, number[::-2])) + sum((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(digit)] for digit in number[-2::-2])


def ean_digit(payload: str) -> str:
    return str(-(sum(map(int, payload[::2])) + 3 * sum(map(int, payload[1::2]))) % 10)


def is_parsed(parse: Callable[[], object]) -> bool:
    try:
        parse()
    except BadValue:
        return False

    return True
