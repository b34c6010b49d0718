"""What QR codes say so that telephones know what to do with it: addresses, networks, people."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from hagworm.extend.error import QRCodeError

__all__ = ("Contact", "Wifi", "check_url")

WIFI_SPECIAL = re.compile(r'([\\;,:"])')
VCARD_SPECIAL = re.compile(r"([\\;,])")


def check_url(url: str) -> str:
    """Return a URL that may be scanned: with a scheme, without spaces. Raises `QRCodeError`."""
    parts = urlsplit(url)

    if not parts.scheme or not (parts.netloc or parts.path) or any(c.isspace() or not c.isprintable() for c in url):
        raise QRCodeError(f"a URL has a scheme and no spaces, as https://example.com/orders/1: {url!r:.200}")

    return url


@dataclass(frozen=True, slots=True)
class Wifi:
    """A wireless network that a telephone joins; `str()` of it is what the code says.

    `security` is `WPA` (also WPA2 and WPA3), `WEP` or `nopass`. The password is not in the `repr`.
    """

    ssid: str
    password: str = ""
    security: Literal["WPA", "WEP", "nopass"] = "WPA"
    hidden: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.ssid.encode()) <= 32:
            raise QRCodeError(f"the name of a network has 1 to 32 bytes, not {len(self.ssid.encode())}: {self.ssid!r}")

        if self.security not in ("WPA", "WEP", "nopass"):
            raise QRCodeError(f"a network is secured by 'WPA', 'WEP' or 'nopass', not {self.security!r}")

        if (self.security == "nopass") == bool(self.password):
            raise QRCodeError(f"a network has a password unless it is open, security='nopass': {self.ssid!r}")

    def __repr__(self) -> str:
        return f"<Wifi {self.ssid!r} {self.security}>"

    def __str__(self) -> str:
        parts = [f"T:{self.security}", "S:" + WIFI_SPECIAL.sub(r"\\\1", self.ssid)]

        if self.password:
            parts.append("P:" + WIFI_SPECIAL.sub(r"\\\1", self.password))

        if self.hidden:
            parts.append("H:true")

        return f"WIFI:{';'.join(parts)};;"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person or company for the address book, as a vCard 3.0 (RFC 2426); `str()` of it is what the code says."""

    name: str
    family: str = ""
    """The family name and the given one, for sorting; without them `name` is all there is."""
    given: str = ""
    organization: str = ""
    title: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    street: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise QRCodeError("a contact has a name")

    def __str__(self) -> str:
        address = [self.street, self.city, self.region, self.postcode, self.country]
        lines = [("N", ";".join([escaped(self.family or self.name), escaped(self.given), "", "", ""]))]
        lines.append(("FN", escaped(self.name)))
        lines += [("ORG", escaped(self.organization)), ("TITLE", escaped(self.title))]
        lines += [("TEL", escaped(phone)) for phone in self.phones]
        lines += [("EMAIL", escaped(email)) for email in self.emails]
        lines += [("URL", escaped(url)) for url in self.urls]
        lines.append(("ADR", ";".join(["", "", *map(escaped, address)]) if any(address) else ""))
        lines.append(("NOTE", escaped(self.note)))
        body = "".join(f"{name}:{value}\r\n" for name, value in lines if value)
        return f"BEGIN:VCARD\r\nVERSION:3.0\r\n{body}END:VCARD\r\n"


def escaped(text: str) -> str:
    """Return a value that ends where it ends, whatever is in it."""
    return "\\n".join(VCARD_SPECIAL.sub(r"\\\1", text).splitlines())
