"""Cookies: the ones a client sends, read as RFC 6265 5.4 writes them, and the ones it is given, written strictly."""

import re
import warnings
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import quote_from_bytes, unquote_to_bytes

from hagworm.facade.dates import EPOCH, format_date
from hagworm.facade.query import Pairs

__all__ = ("Cookies", "format_cookie", "format_deletion", "parse_cookies")

NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# RFC 6265 4.1.1: visible ASCII without the quote, comma, semicolon and backslash.
VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
PATH = re.compile(r"/[\x20-\x3a\x3c-\x7e]*")
DOMAIN = re.compile(r"\.?[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?")
LEGACY_ESCAPE = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)

SAME_SITE = {"lax": "Lax", "strict": "Strict", "none": "None"}
# Beyond this, name and value together, browsers drop the cookie without a word (RFC 6265bis 5.6).
LARGEST = 4096


class Cookies(Pairs[str]):
    """The cookies of a request: the last value of each name, and all of them through `all`."""

    __slots__ = ()

    def __repr__(self) -> str:
        # Values are secrets more often than not.
        return f"<Cookies {', '.join(self.last)}>"

    def decoded(self, name: str) -> str | None:
        """Return what `format_cookie(..., encode="percent")` was given; None where it is missing or not UTF-8."""
        if (value := self.last.get(name)) is None:
            return None

        try:
            return unquote_to_bytes(value.encode("latin-1")).decode()
        except UnicodeDecodeError:
            return None


NONE = Cookies([])


def parse_cookies(lines: Iterable[bytes], *, legacy_quotes: bool = False) -> Cookies:
    """Return the cookies of the values of all `Cookie` header lines, in time linear in their length.

    Values are latin-1 text without surrounding blanks and without one pair of surrounding quotes. What has no name or
    no `=` is dropped. `legacy_quotes` also decodes the octal escapes that Python's own cookie writer puts into quotes.
    """
    text = b"; ".join(lines).decode("latin-1")

    if not text:
        return NONE

    pairs: list[tuple[str, str]] = []

    for piece in text.split(";"):
        name, mark, value = piece.partition("=")

        if not mark or not (name := name.strip(" \t")):
            continue

        value = value.strip(" \t")

        if value[:1] == '"' == value[-1:] and len(value) > 1:
            value = value[1:-1]

            if legacy_quotes and "\\" in value:
                value = LEGACY_ESCAPE.sub(legacy_character, value)

        pairs.append((name, value))

    return Cookies(pairs)


def legacy_character(match: re.Match[str]) -> str:
    return chr(int(match[1], 8)) if match[1] else match[2]


def format_cookie(
    name: str,
    value: str = "",
    *,
    path: str | None = "/",
    domain: str | None = None,
    max_age: int | timedelta | None = None,
    expires: datetime | float | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: str | None = "lax",
    partitioned: bool = False,
    encode: str | None = None,
    debug: bool = False,
) -> bytes:
    """Return the value of a `Set-Cookie` header, attributes always in the same order.

    `max_age` is in seconds; `expires` an aware datetime or seconds since 1970. `encode="percent"` sends any text as
    percent-encoded UTF-8, which `Cookies.decoded` reads. Raises ValueError, naming the cookie, for what a browser would
    drop or misread: a character that is not a cookie-octet, `SameSite=None` or `Partitioned` without `secure`, a broken
    promise of a `__Host-` or `__Secure-` name. More than 4096 bytes is a warning, with `debug` an error.
    """
    check_name(name)

    if encode == "percent":
        try:
            value = quote_from_bytes(value.encode(), safe="!#$&'()*+/:<=>?@[]^`{|}~")
        except UnicodeEncodeError as exc:
            raise ValueError(f"cookie {name!r}: the value holds half of a surrogate pair") from exc
    elif encode is not None:
        raise ValueError(f"cookie {name!r}: encode must be 'percent' or None, not {encode!r}")

    # The message must not hold the value: it may be a secret, and messages are logged.
    if not VALUE.fullmatch(value):
        raise ValueError(
            f"cookie {name!r}: the value holds a character that a cookie cannot (blank, quote, comma, semicolon, "
            'backslash, control or not ASCII); use encode="percent"'
        )

    if (size := len(name) + len(value)) > LARGEST:
        message = f"cookie {name!r}: name and value are {size} bytes, browsers drop more than {LARGEST}"

        if debug:
            raise ValueError(message)

        warnings.warn(message, RuntimeWarning, stacklevel=3)

    parts = [f"{name}={value}", *format_scope(name, path, domain)]

    if max_age is not None:
        seconds = int(max_age.total_seconds()) if isinstance(max_age, timedelta) else int(max_age)
        parts.append(f"Max-Age={seconds}")

    if expires is not None:
        try:
            parts.append(f"Expires={format_date(expires)}")
        except ValueError as exc:
            raise ValueError(f"cookie {name!r}: expires: {exc}") from exc

    parts += format_flags(name, path, domain, secure, httponly, samesite, partitioned)
    return "; ".join(parts).encode("ascii")


def format_deletion(
    name: str,
    *,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: str | None = "lax",
    partitioned: bool = False,
) -> bytes:
    """Return the `Set-Cookie` value that makes a client forget a cookie, which was set with this path and domain.

    Raises ValueError, as `format_cookie`.
    """
    check_name(name)
    # Either attribute is enough for a browser of today; old ones know only the second.
    parts = [f"{name}=", *format_scope(name, path, domain), "Max-Age=0", f"Expires={EPOCH}"]
    parts += format_flags(name, path, domain, secure, httponly, samesite, partitioned)
    return "; ".join(parts).encode("ascii")


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"cookie {name!r}: the name must be a token (RFC 9110 5.6.2)")


def format_scope(name: str, path: str | None, domain: str | None) -> list[str]:
    """Return the attributes that say where the cookie is sent."""
    parts = []

    if path is not None:
        if not PATH.fullmatch(path):
            raise ValueError(f"cookie {name!r}: path {path!r} must begin with '/' and hold no ';' or control character")

        parts.append(f"Path={path}")

    if domain is not None:
        if not DOMAIN.fullmatch(domain):
            raise ValueError(f"cookie {name!r}: domain {domain!r} is not a host name in ASCII")

        parts.append(f"Domain={domain}")

    return parts


def format_flags(
    name: str,
    path: str | None,
    domain: str | None,
    secure: bool,
    httponly: bool,
    samesite: str | None,
    partitioned: bool,
) -> list[str]:
    """Return the attributes behind `Expires`, having checked that all of them agree."""
    site = None if samesite is None else SAME_SITE.get(samesite.lower())

    if site is None and samesite is not None:
        raise ValueError(f"cookie {name!r}: samesite must be 'lax', 'strict', 'none' or None, not {samesite!r}")

    # Browsers compare the prefixes without regard to case (RFC 6265bis 5.4).
    prefix = name[:9].lower()

    if not secure:
        if site == "None":
            raise ValueError(f"cookie {name!r}: SameSite=None needs secure=True")

        if partitioned:
            raise ValueError(f"cookie {name!r}: Partitioned needs secure=True")

        if prefix == "__secure-" or prefix.startswith("__host-"):
            raise ValueError(f"cookie {name!r}: a name with this prefix needs secure=True")

    if prefix.startswith("__host-") and (path != "/" or domain is not None):
        raise ValueError(f"cookie {name!r}: a name with this prefix needs path='/' and no domain")

    flags = (("Secure", secure), ("HttpOnly", httponly), (f"SameSite={site}", site), ("Partitioned", partitioned))
    return [text for text, wanted in flags if wanted]
