"""Addresses of machines: IP addresses, sets of networks, hosts with ports, and this machine's own."""

import ipaddress
import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import NamedTuple

from hagworm.extend.error import BadValue, NoCandidate

__all__ = (
    "HostPort",
    "Interface",
    "NetworkSet",
    "format_host_port",
    "host_address",
    "int_to_ip",
    "ip_to_int",
    "is_public",
    "local_interfaces",
    "parse_host_port",
    "parse_ip",
    "parse_network",
    "unwrap_ip",
)

IP = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HOST = re.compile(
    r"(?=.{1,253}\.?\Z)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?"
)
PORT = re.compile(r"[0-9]{1,5}")

IPV6_UNSET = {IPv6Address(0), IPv6Address(1)}
TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"))
"""What carries an IPv4 address in its last 32 bits: RFC 6052, RFC 4291 2.5.5.1, RFC 2765."""


def parse_ip(text: str) -> IP:
    """Return the IP address that `text` is, in the one strict notation of each version.

    No zeros in front of a number, no hexadecimal or missing parts, as browsers and `inet_aton` would take them. Raises
    `BadValue`.
    """
    try:
        return ipaddress.ip_address(text)
    except ValueError as exc:
        raise BadValue("an IP address", text) from exc


def parse_network(text: str, *, strict: bool = True) -> Network:
    """Return the network that `text` is: `10.0.0.0/8`, `fd00::/8`, or an address alone, which is a network of one.

    Raises `BadValue`, also for `10.0.0.1/8`, which is an address in a network, unless `strict` is False.
    """
    try:
        return ipaddress.ip_network(text, strict)
    except ValueError as exc:
        raise BadValue("a network, '10.0.0.0/8' for example", text) from exc


def ip_to_int(address: str | IP) -> int:
    """Return the number that an IP address is, of 32 or 128 bits."""
    return int(parse_ip(address) if isinstance(address, str) else address)


def int_to_ip(number: int, version: int = 4) -> IP:
    """Return the IP address of that number. Raises `BadValue` for one that has too many bits, and for version 5."""
    if version not in (4, 6):
        raise BadValue("version 4 or 6", version)

    try:
        return IPv4Address(number) if version == 4 else IPv6Address(number)
    except ValueError as exc:
        raise BadValue(f"a number of {32 if version == 4 else 128} bits", number) from exc


def unwrap_ip(address: IP) -> IP:
    """Return the IPv4 address that an IPv6 address leads to, mapped, translated or tunnelled; any other as it is."""
    if isinstance(address, IPv4Address) or address in IPV6_UNSET:
        return address

    if address.ipv4_mapped is not None:
        return address.ipv4_mapped

    if address.sixtofour is not None:
        return address.sixtofour

    if address.teredo is not None:
        return address.teredo[1]

    if any(address in network for network in TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)

    return address


def is_public(address: str | IP) -> bool:
    """Whether an address is one of the open Internet: not private, local, reserved, multicast, or for documentation.

    An IPv6 address that leads to an IPv4 one is judged as that; one of Teredo, or of one link, is never public.
    """
    ip = parse_ip(address) if isinstance(address, str) else address

    if isinstance(ip, IPv6Address) and (ip.scope_id is not None or ip.teredo is not None):
        return False

    return unwrap_ip(ip) not in NOT_PUBLIC


class NetworkSet:
    """Networks, of both versions, in which an address is found in logarithmic time: `address in networks`.

    Networks that overlap or touch are put together. An IPv4 address mapped into IPv6 counts as the IPv4 address. A set
    does not change. Raises `BadValue` for what is no network.
    """

    __slots__ = ("ends", "networks", "starts")

    def __init__(self, networks: Iterable[str | Network] = ()) -> None:
        parsed = [parse_network(network) if isinstance(network, str) else network for network in networks]
        four: list[Network] = [*ipaddress.collapse_addresses([net for net in parsed if isinstance(net, IPv4Network)])]
        six: list[Network] = [*ipaddress.collapse_addresses([net for net in parsed if isinstance(net, IPv6Network)])]
        self.networks = (*four, *six)
        self.starts = {4: [int(net.network_address) for net in four], 6: [int(net.network_address) for net in six]}
        self.ends = {4: [int(net.broadcast_address) for net in four], 6: [int(net.broadcast_address) for net in six]}

    def __repr__(self) -> str:
        return f"<NetworkSet {', '.join(map(str, self.networks[:4]))}{', …' * (len(self.networks) > 4)}>"

    def __iter__(self) -> Iterator[Network]:
        return iter(self.networks)

    def __len__(self) -> int:
        """Return how many networks there are, after they have been put together."""
        return len(self.networks)

    def __eq__(self, other: object) -> bool:
        return self.networks == other.networks if isinstance(other, NetworkSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.networks)

    def __contains__(self, address: str | IP) -> bool:
        ip = parse_ip(address) if isinstance(address, str) else address

        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped

        number = int(ip)
        index = bisect_right(self.starts[ip.version], number) - 1
        return index >= 0 and number <= self.ends[ip.version][index]


# RFC 6890 and the IANA registries of special addresses, 2024: the module ipaddress of Python 3.11 has gaps.
NOT_PUBLIC = NetworkSet(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
    "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 "
    "::/8 0100::/64 64:ff9b:1::/48 2001::/23 2001:db8::/32 3fff::/20 5f00::/16 fc00::/7 fe80::/9 ff00::/8".split()
)


class HostPort(NamedTuple):
    """A host, by name or IP address, without brackets, and its port."""

    host: str
    port: int

    def __str__(self) -> str:
        return format_host_port(self.host, self.port)


def parse_host_port(text: str, default_port: int | None = None) -> HostPort:
    """Return the host and the port of `host:80`, `10.0.0.1:80` or `[::1]:80`; names in small letters.

    Where the port is missing it is `default_port`, and an IPv6 address may come without brackets then. Raises
    `BadValue` for a port that is missing or not 0 to 65535, and for what is neither an address nor a host's name.
    """
    host, port = text, None

    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")

        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise BadValue("'[IPv6 address]:port'", text)

        port = rest[1:] if rest else None
        host = str(parse_ip(host))
    elif text.count(":") > 1:
        host = str(parse_ip(text))
    else:
        name, colon, rest = text.partition(":")
        host, port = name.lower(), rest if colon else None

        if not HOST.fullmatch(host) or (host.rstrip(".").rpartition(".")[2].isdigit() and not is_ipv4(host)):
            raise BadValue("a host: a name, an IPv4 address, or an IPv6 address in brackets", text)

    if port is None:
        if default_port is None:
            raise BadValue("a host and a port, 'host:80' for example", text)

        return HostPort(host, default_port)

    if not PORT.fullmatch(port) or int(port) > 65535:
        raise BadValue("a port of 0 to 65535", text)

    return HostPort(host, int(port))


def format_host_port(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets: the inverse of `parse_host_port`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class Interface:
    """An address of this machine, and the network interface it belongs to."""

    name: str
    address: IPv4Interface | IPv6Interface
    is_up: bool

    def __str__(self) -> str:
        return f"{self.name} {self.address}"


def local_interfaces() -> list[Interface]:
    """Return the addresses of this machine with their networks, as the system has them: nobody is contacted.

    It calls `getifaddrs`; where there is none, as on Windows, it is what this machine's own name leads to.
    """
    if sys.platform == "win32":
        return named_interfaces()

    from hagworm.extend.base.interfaces import system_interfaces

    return [Interface(*found) for found in system_interfaces()]


def host_address(version: int = 4) -> IP:
    """Return the address under which others most likely reach this machine: nobody is contacted.

    Of those that are up, it is the first public one, else a private one, else any other that leads out. Raises
    `NoCandidate` where there is none but loopback and link-local ones.
    """
    found = [
        interface.address.ip
        for interface in local_interfaces()
        if interface.is_up and interface.address.version == version
    ]
    usable = [ip for ip in found if not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)]

    if not usable:
        raise NoCandidate(f"this machine has no address of IPv{version} that others could reach")

    return min(usable, key=lambda ip: (not is_public(ip), not ip.is_private))


def named_interfaces() -> list[Interface]:
    import socket

    found = {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return [Interface("", ipaddress.ip_interface(text), True) for text in sorted(found | {"127.0.0.1"})]


def is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False

    return True
