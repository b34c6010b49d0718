"""Values that come as text: dates, identifiers, JSON, bytes, addresses of hardware, and lists."""

import re
from collections.abc import Callable
from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Any, TypeVar

from hagworm.extend.base.address import parse_ip, parse_network
from hagworm.extend.base.codec.json import decode_json
from hagworm.extend.base.codec.letters import decode_base64
from hagworm.extend.base.convert import parse_float, parse_int, split_text
from hagworm.extend.error import BadValue

if TYPE_CHECKING:
    from uuid import UUID

__all__ = (
    "parse_base64",
    "parse_date",
    "parse_floats",
    "parse_integers",
    "parse_ipv4",
    "parse_ipv6",
    "parse_json",
    "parse_mac",
    "parse_network4",
    "parse_network6",
    "parse_texts",
    "parse_uuid",
    "parse_visible",
)

T = TypeVar("T")

MAC = re.compile(r"(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}|[0-9a-f]{12}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", re.ASCII)


def parse_date(value: object) -> date:
    """Return the day of `2026-11-22`, and a date as it is. Raises `BadValue`, also for a moment of a day."""
    if type(value) is date:
        return value

    if not isinstance(value, str) or not DATE.fullmatch(value.strip()):
        raise BadValue("a day like 2026-11-22", value)

    try:
        return date.fromisoformat(value.strip())
    except ValueError as exc:
        raise BadValue("a day that there is", value) from exc


def parse_uuid(value: object) -> "UUID":
    """Return an identifier of 32 hexadecimal digits, in groups or not (RFC 9562). Raises `BadValue`."""
    from uuid import UUID

    if isinstance(value, UUID):
        return value

    if not isinstance(value, str) or not ID.fullmatch(value.strip().lower()):
        raise BadValue("an identifier like 0199a4f0-7c3e-7000-8000-0242ac120002", value)

    return UUID(value.strip())


def parse_json(value: object) -> Any:
    """Return what a text or bytes of JSON say. Raises `BadValue`."""
    if not isinstance(value, str | bytes):
        raise BadValue("text of JSON", value)

    return decode_json(value)


def parse_base64(value: object) -> bytes:
    """Return the bytes of base64, in either alphabet, and bytes as they are. Raises `BadValue`."""
    if isinstance(value, bytes):
        return value

    if not isinstance(value, str):
        raise BadValue("text of base64", value)

    text = value.strip()
    return decode_base64(text, urlsafe=not ("+" in text or "/" in text))


def parse_mac(value: object) -> str:
    """Return the address of a network card as `02:42:ac:12:00:02`, written with colons, hyphens, dots or none.

    Raises `BadValue`.
    """
    text = value.strip().lower() if isinstance(value, str) else ""

    if not MAC.fullmatch(text):
        raise BadValue("a network card's address like 02:42:ac:12:00:02", value)

    digits = re.sub("[^0-9a-f]", "", text)
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def parse_visible(value: object) -> str:
    """Return text of the visible characters of ASCII, the space not among them. Raises `BadValue`."""
    if not isinstance(value, str) or not value or not all("!" <= character <= "~" for character in value):
        raise BadValue("text of visible ASCII characters", value)

    return value


def parse_ipv4(value: object) -> IPv4Address:
    """Return an IPv4 address. Raises `BadValue`."""
    return of_kind(IPv4Address, value, parse_ip, "an IPv4 address")


def parse_ipv6(value: object) -> IPv6Address:
    """Return an IPv6 address. Raises `BadValue`."""
    return of_kind(IPv6Address, value, parse_ip, "an IPv6 address")


def parse_network4(value: object) -> IPv4Network:
    """Return a network like `10.0.0.0/8`. Raises `BadValue`."""
    return of_kind(IPv4Network, value, parse_network, "an IPv4 network")


def parse_network6(value: object) -> IPv6Network:
    """Return a network like `fd00::/8`. Raises `BadValue`."""
    return of_kind(IPv6Network, value, parse_network, "an IPv6 network")


def of_kind(kind: type[T], value: object, parse: Callable[[str], object], expected: str) -> T:
    if isinstance(value, kind):
        return value

    if not isinstance(value, str) or not isinstance(found := parse(value.strip()), kind):
        raise BadValue(expected, value)

    return found


def parse_texts(value: object) -> list[str]:
    """Return the parts of `a,b` without space around them, of which none is empty; of a list, its items as they are."""
    return [*split(value, "text")] if isinstance(value, str) else [text_of(item) for item in items_of(value, "text")]


def parse_integers(value: object) -> list[int]:
    """Return the whole numbers of `1,-2,3`, or of a list of numbers and such text, as a query has it.

    Raises `BadValue`, which names the first that is none.
    """
    return numbers(value, parse_int, "whole numbers")


def parse_floats(value: object) -> list[float]:
    """Return the numbers of `1.5,-2`, as `parse_integers` does."""
    return numbers(value, parse_float, "numbers")


def numbers(value: object, parse: Callable[[Any], T], what: str) -> list[T]:
    items = [value] if isinstance(value, str) else items_of(value, what)
    return [parse(part) for item in items for part in (split(item, what) if isinstance(item, str) else (item,))]


def split(text: str, what: str) -> list[str]:
    found = [part.strip() for part in split_text(text)] if text.strip() else []

    if "" in found:
        raise BadValue(f"a list of {what} with nothing empty in it", text)

    return found


def items_of(value: object, what: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise BadValue(f"a list of {what}", value)

    return value


def text_of(item: object) -> str:
    if not isinstance(item, str):
        raise BadValue("text", item)

    return item
