"""Addresses in disguise: in odd spellings, and inside of other addresses."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from hagworm.extend.base.address import is_public

__all__ = ("Address", "embedded_addresses", "is_open", "read_host")

Address = IPv4Address | IPv6Address

UNICAST = IPv6Network("2000::/3")
MAPPED = IPv6Network("::ffff:0:0/96")
TRANSLATED = IPv6Network("::ffff:0:0:0/96")
COMPATIBLE = IPv6Network("::/96")
SIX_TO_FOUR = IPv6Network("2002::/16")
NAT64 = IPv6Network("64:ff9b::/96")
TEREDO = IPv6Network("2001::/32")

LAST_32 = 0xFFFF_FFFF
ISATAP = 0x0000_5EFE


def embedded_addresses(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address is a way to: mapped, compatible, 6to4, NAT64, Teredo, ISATAP."""
    if isinstance(address, IPv4Address):
        return ()

    number = int(address)
    found = []

    if any(address in network for network in (MAPPED, TRANSLATED, COMPATIBLE, NAT64)):
        found.append(number & LAST_32)

    if address in SIX_TO_FOUR:
        found.append(number >> 80 & LAST_32)

    if address in TEREDO:
        found += [number >> 64 & LAST_32, ~number & LAST_32]

    # RFC 5214: the universal bit of the interface identifier may be set or not.
    if number >> 32 & 0xFDFF_FFFF == ISATAP:
        found.append(number & LAST_32)

    return tuple(map(IPv4Address, found))


def is_open(address: Address) -> bool:
    """Return whether `address`, and each one inside of it, is that of one host on the public internet.

    Stricter than `is_public`: an IPv6 address is in the space that has been given out (RFC 4291 section 2.4), or a way
    to IPv4 that is still in use.
    """
    if not all(map(is_public, (address, *embedded_addresses(address)))):
        return False

    ways = (UNICAST, MAPPED, TRANSLATED, NAT64)
    return isinstance(address, IPv4Address) or any(address in network for network in ways)


def read_host(host: str) -> Address | None:
    """Return the address that `host` is, in any spelling that a resolver takes for one, or None for a name.

    That is `127.1`, `0x7f.0.0.1`, `0177.0.0.1`, `2130706433` (as `inet_aton` reads them), `::ffff:127.0.0.1`, in
    brackets or not. Raises ValueError for numbers that are no address, `256.256.256.256` for example.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host

    if ":" in bare:
        return ip_address(bare)

    parts = bare.removesuffix(".").split(".")

    if not is_number(parts[-1]):
        return None

    # A last label of digits is an address or nothing (URL Standard, "ends in a number").
    if len(parts) > 4 or not all(map(is_number, parts)):
        raise ValueError(f"{host!r} ends like an address, and is none")

    *first, last = map(read_number, parts)

    if any(number > 255 for number in first) or last >= 256 ** (5 - len(parts)):
        raise ValueError(f"{host!r} ends like an address, and is none")

    return IPv4Address(last + sum(number << 8 * (3 - place) for place, number in enumerate(first)))


def is_number(text: str) -> bool:
    if text[:2] in ("0x", "0X"):
        return len(text) <= 18 and all(digit in "0123456789abcdefABCDEF" for digit in text[2:])

    return 0 < len(text) <= 24 and text.isascii() and text.isdigit()


def read_number(text: str) -> int:
    if text[:2] in ("0x", "0X"):
        return int(text[2:] or "0", 16)

    # `08` is no octal number; a decimal one is what some resolvers make of it, and no address of theirs is trusted.
    return int(text, 8) if text.startswith("0") and not set(text) & {"8", "9"} else int(text)
