"""Who the client is when trusted proxies stand in between (RFC 7239, and the X-Forwarded headers before it)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

__all__ = ("Proxies", "parse_networks")

Network = IPv4Network | IPv6Network
PAIR = re.compile(r'\s*([A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,"]*))\s*')
FIRST = (b"x-forwarded-for", b"x-forwarded-proto")
"""Where one of them is there `Forwarded` is not read: nearly every proxy writes these, and hands on the other one as a
client has made it up."""


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks that `texts` name (`10.0.0.0/8`, `127.0.0.1`). Raises ValueError naming the wrong one."""
    return tuple(ip_network(text, strict=False) for text in texts)


def bare_address(text: str) -> str | None:
    """Return the IP address in `1.2.3.4:80`, `[::1]:80` or `::1`; None where there is none (`unknown`, `_hidden`)."""
    text = text.strip().strip('"')

    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]

    try:
        return str(ip_address(text))
    except ValueError:
        return None


class Proxies:
    """The networks whose forwarded headers are believed; nobody else's are read at all."""

    __slots__ = ("is_trusted", "networks")

    def __init__(self, networks: Sequence[str]) -> None:
        self.networks = parse_networks(networks)

        @lru_cache(maxsize=1024)
        def is_trusted(address: str) -> bool:
            try:
                ip = ip_address(address)
            except ValueError:
                return False

            return any(ip in network for network in self.networks if network.version == ip.version)

        self.is_trusted = is_trusted

    def __bool__(self) -> bool:
        return bool(self.networks)

    def client(self, peer: str, index: dict[bytes, bytes]) -> str:
        """Return the address of the client: the first from the right that is not one of our proxies."""
        found = peer

        for hop in reversed(self.hops(index)):
            if not self.is_trusted(found) or (address := bare_address(hop)) is None:
                break

            found = address

        return found

    def scheme(self, peer: str, index: dict[bytes, bytes]) -> str | None:
        """Return the scheme that the nearest proxy was asked with, None where it does not say."""
        if not self.is_trusted(peer):
            return None

        if any(name in index for name in FIRST):
            said = index.get(b"x-forwarded-proto", b"").decode("latin-1").split(",")
        else:
            said = [pairs["proto"] for pairs in read_forwarded(index) if "proto" in pairs]

        scheme = said[-1].strip().lower() if said else ""
        return {"http": "http", "https": "https", "ws": "http", "wss": "https"}.get(scheme)

    def hops(self, index: dict[bytes, bytes]) -> list[str]:
        if any(name in index for name in FIRST):
            text = index.get(b"x-forwarded-for", b"").decode("latin-1")
            return [hop for hop in text.split(",") if hop.strip()]

        return [pairs.get("for", "unknown") for pairs in read_forwarded(index)]


def read_forwarded(index: dict[bytes, bytes]) -> list[dict[str, str]]:
    return parse_forwarded(index.get(b"forwarded", b"").decode("latin-1"))


def parse_forwarded(text: str) -> list[dict[str, str]]:
    """Return the elements of a `Forwarded` field, left to right; what is malformed is left out."""
    elements: list[dict[str, str]] = []

    for element in split_outside_quotes(text, ","):
        pairs = {}

        for pair in split_outside_quotes(element, ";"):
            if (found := PAIR.fullmatch(pair)) is not None:
                pairs[found[1].lower()] = (
                    re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3].strip()
                )

        elements.append(pairs)

    return elements


def split_outside_quotes(text: str, separator: str) -> list[str]:
    parts, start, quoted, place = [], 0, False, 0

    while place < len(text):
        char = text[place]

        if quoted and char == "\\":
            place += 1
        elif char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            parts.append(text[start:place])
            start = place + 1

        place += 1

    return [*parts, text[start:]]
