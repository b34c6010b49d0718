"""Bytes as letters and digits."""

import base64
import binascii

from hagworm.extend.base.convert import to_bytes
from hagworm.extend.base.radix import BASE58, BASE62, from_radix, to_radix
from hagworm.extend.error import BadEncoding, BadValue, LimitExceeded

__all__ = (
    "decode_base32",
    "decode_base58",
    "decode_base62",
    "decode_base64",
    "encode_base32",
    "encode_base58",
    "encode_base62",
    "encode_base64",
)

Data = str | bytes | bytearray | memoryview
LONGEST = 4096


def encode_base64(data: Data, *, urlsafe: bool = True, padding: bool = False) -> str:
    """Return bytes, or text in UTF-8, as base64 (RFC 4648), by default in the alphabet for URLs and without `=`."""
    raw = to_bytes(data)
    text = (base64.urlsafe_b64encode(raw) if urlsafe else base64.b64encode(raw)).decode("ascii")
    return text if padding else text.rstrip("=")


def decode_base64(text: str | bytes, *, urlsafe: bool = True) -> bytes:
    """Return the bytes of base64, with all of its `=` or without.

    Raises `BadEncoding` for characters of another alphabet, space among them, for a length that there cannot be, and
    for bits at the end that say nothing and are not 0: every value has one text.
    """
    clean = ascii_of(text, "base64")

    if urlsafe:
        if "+" in clean or "/" in clean:
            raise BadEncoding("base64 in the alphabet for URLs", text)

        clean = clean.replace("-", "+").replace("_", "/")

    bare = clean.rstrip("=")

    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error as exc:
        raise BadEncoding("base64", text) from exc

    whole = base64.b64encode(data).decode("ascii")

    if clean not in (whole, whole.rstrip("=")):
        raise BadEncoding("base64 as it is written", text)

    return data


def encode_base32(data: Data, *, padding: bool = False) -> str:
    """Return bytes, or text in UTF-8, as base32 (RFC 4648), in capitals, by default without `=`."""
    text = base64.b32encode(to_bytes(data)).decode("ascii")
    return text if padding else text.rstrip("=")


def decode_base32(text: str | bytes) -> bytes:
    """Return the bytes of base32, in either case, with all of its `=` or without; raises as `decode_base64` does."""
    clean = ascii_of(text, "base32").upper()
    bare = clean.rstrip("=")

    try:
        data = base64.b32decode(bare + "=" * (-len(bare) % 8))
    except binascii.Error as exc:
        raise BadEncoding("base32", text) from exc

    whole = base64.b32encode(data).decode("ascii")

    if clean not in (whole, whole.rstrip("=")):
        raise BadEncoding("base32 as it is written", text)

    return data


def encode_base58(data: Data) -> str:
    """Return at most 4096 bytes, or text in UTF-8, as base58: for people, without 0, O, I and l."""
    return encode_digits(to_bytes(data), BASE58)


def decode_base58(text: str) -> bytes:
    """Return the bytes of base58. Raises `BadEncoding` for other characters, `LimitExceeded` for too many."""
    return decode_digits(text, BASE58, "base58")


def encode_base62(data: Data) -> str:
    """Return at most 4096 bytes, or text in UTF-8, as base62: digits and letters only. Zeros in front are kept."""
    return encode_digits(to_bytes(data), BASE62)


def decode_base62(text: str) -> bytes:
    """Return the bytes of base62. Raises `BadEncoding` for other characters, `LimitExceeded` for too many."""
    return decode_digits(text, BASE62, "base62")


def encode_digits(data: bytes, alphabet: str) -> str:
    if len(data) > LONGEST:
        raise LimitExceeded(f"at most {LONGEST} bytes", data)

    rest = data.lstrip(b"\0")
    zeros = alphabet[0] * (len(data) - len(rest))
    return zeros + (to_radix(int.from_bytes(rest, "big"), alphabet) if rest else "")


def decode_digits(text: str, alphabet: str, name: str) -> bytes:
    rest = text.lstrip(alphabet[0])

    if rest.startswith("-"):
        raise BadEncoding(name, text)

    try:
        number = from_radix(rest, alphabet) if rest else 0
    except LimitExceeded:
        raise
    except BadValue as exc:
        raise BadEncoding(name, text) from exc

    return b"\0" * (len(text) - len(rest)) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def ascii_of(text: str | bytes, name: str) -> str:
    try:
        return text.decode("ascii") if isinstance(text, bytes) else text.encode("ascii").decode()
    except UnicodeError as exc:
        raise BadEncoding(name, text) from exc
