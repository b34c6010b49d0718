"""One-time codes, as telephones show them: HOTP (RFC 4226) and TOTP (RFC 6238)."""

import hmac
import time
from typing import Literal
from urllib.parse import quote, urlencode

from hagworm.extend.base.codec.letters import decode_base32, encode_base32
from hagworm.extend.base.digest import is_same
from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.derivation import key_bytes
from hagworm.extend.error import BadEncoding, BadValue, CodeRefused, KeyRefused

__all__ = ("check_hotp", "check_totp", "hotp", "new_otp_secret", "otp_url", "totp")

Algorithm = Literal["sha1", "sha256", "sha512"]
Key = bytes | str | Secret
"""Bytes, or text in base32."""

WIDEST = 100


def new_otp_secret() -> str:
    """Return a new secret of 20 random bytes (RFC 4226 section 4), in base32, as telephones want it."""
    from secrets import token_bytes

    return encode_base32(token_bytes(20))


def hotp(secret: Key, counter: int, *, digits: int = 6, algorithm: Algorithm = "sha1") -> str:
    """Return the code of `counter`: 6 to 10 digits.

    Raises `KeyRefused` for a secret of fewer than 16 bytes, or one that is no base32, and `BadValue`. SHA-1 is what
    telephones know; nothing depends on its collisions here.
    """
    if not 6 <= digits <= 10:
        raise BadValue("6 to 10 digits", digits)

    if not 0 <= counter < 1 << 64:
        raise BadValue("a counter of 0 to 2**64 - 1", counter)

    if algorithm not in ("sha1", "sha256", "sha512"):
        raise BadValue("'sha1', 'sha256' or 'sha512'", algorithm)

    mac = hmac.digest(otp_key(secret), counter.to_bytes(8, "big"), algorithm)
    start = mac[-1] & 0xF
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def totp(
    secret: Key, *, now: float | None = None, period: int = 30, digits: int = 6, algorithm: Algorithm = "sha1"
) -> str:
    """Return the code of the moment: `now` is in seconds since 1970, `period` how long a code is valid."""
    return hotp(secret, step_of(now, period), digits=digits, algorithm=algorithm)


def check_hotp(
    secret: Key, code: str, counter: int, *, window: int = 5, digits: int = 6, algorithm: Algorithm = "sha1"
) -> int:
    """Return the counter to be stored: the one after that of `code`, which was `counter` or one of `window` after it.

    Raises `CodeRefused`. Count the failures of each user, and stop at a few: there are a million codes only.
    """
    return find(secret, code, range(counter, counter + check_window(window) + 1), digits, algorithm) + 1


def check_totp(
    secret: Key,
    code: str,
    *,
    last: int = -1,
    now: float | None = None,
    window: int = 1,
    period: int = 30,
    digits: int = 6,
    algorithm: Algorithm = "sha1",
) -> int:
    """Return the number of the period of `code`: store it, and give it as `last` next time, so that none is used twice.

    A clock may be wrong by `window` periods. Raises `CodeRefused`, for a code that was used as for one that is wrong.
    Two checks at the same time could both take one code: store the number only where it is larger than the old one.
    """
    step = step_of(now, period)
    steps = range(max(step - check_window(window), last + 1, 0), step + window + 1)
    return find(secret, code, steps, digits, algorithm)


def otp_url(
    secret: Key,
    account: str,
    issuer: str,
    *,
    period: int = 30,
    digits: int = 6,
    algorithm: Algorithm = "sha1",
) -> str:
    """Return the `otpauth://` URL that a QR code brings into a telephone; it holds the secret."""
    if ":" in issuer or ":" in account:
        raise BadValue("an issuer and an account without a colon", (issuer, account))

    fields = {"secret": encode_base32(otp_key(secret)), "issuer": issuer, "algorithm": algorithm.upper()}
    query = urlencode({**fields, "digits": digits, "period": period}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{query}"


def find(secret: Key, code: str, counters: range, digits: int, algorithm: Algorithm) -> int:
    found, given = -1, code.encode("utf-8", "surrogatepass")

    # All are tried: the time does not tell which one it was.
    for counter in counters:
        if is_same(hotp(secret, counter, digits=digits, algorithm=algorithm), given):
            found = counter

    if found < 0:
        raise CodeRefused

    return found


def step_of(now: float | None, period: int) -> int:
    if period < 1:
        raise BadValue("a period of at least 1 second", period)

    return int(time.time() if now is None else now) // period


def check_window(window: int) -> int:
    if not 0 <= window <= WIDEST:
        raise BadValue(f"a window of 0 to {WIDEST}", window)

    return window


def otp_key(secret: Key) -> bytes:
    if isinstance(secret, bytes):
        return key_bytes(secret)

    text = secret.reveal() if isinstance(secret, Secret) else secret

    try:
        return key_bytes(decode_base32(text.replace(" ", "").upper()))
    except BadEncoding:
        raise KeyRefused("expected a secret in base32") from None
