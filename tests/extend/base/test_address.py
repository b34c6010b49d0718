"""Addresses are read strictly, found in sets quickly, and nobody is contacted to tell one's own."""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base import address
from hagworm.extend.base.address import (
    HostPort,
    Interface,
    NetworkSet,
    format_host_port,
    host_address,
    int_to_ip,
    ip_to_int,
    is_public,
    local_interfaces,
    parse_host_port,
    parse_ip,
    parse_network,
    unwrap_ip,
)
from hagworm.extend.error import BadValue, NoCandidate

FOUR = st.integers(0, 2**32 - 1).map(IPv4Address)
SIX = st.integers(0, 2**128 - 1).map(IPv6Address)
NETWORKS = st.tuples(FOUR, st.integers(0, 32)).map(lambda pair: IPv4Network(pair, strict=False)) | st.tuples(
    SIX, st.integers(0, 128)
).map(lambda pair: IPv6Network(pair, strict=False))


@settings(deadline=None)
@given(FOUR | SIX)
def test_an_address_and_its_number_are_the_same(ip: IPv4Address | IPv6Address) -> None:
    assert int_to_ip(ip_to_int(str(ip)), ip.version) == ip


@pytest.mark.parametrize(
    "text", ["", "127.1", "0177.0.0.1", "0x7f.1", "2130706433", "1.2.3.4 ", "1.2.3.256", "::1::", "１.1.1.1"]
)
def test_what_only_browsers_take_for_an_address_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="an IP address"):
        parse_ip(text)


def test_numbers_that_are_no_address_are_refused() -> None:
    for wrong in ((-1, 4), (1 << 32, 4), (1 << 128, 6), (1, 5)):
        with pytest.raises(BadValue):
            int_to_ip(*wrong)


@settings(deadline=None)
@given(st.lists(NETWORKS, max_size=12), st.lists(FOUR | SIX, max_size=8))
def test_a_set_holds_exactly_what_its_networks_hold(
    networks: list[IPv4Network | IPv6Network], others: list[IPv4Address | IPv6Address]
) -> None:
    held = NetworkSet(networks)
    edges = [edge for network in networks for edge in (network.network_address, network.broadcast_address)]
    near = [edge + step for edge in edges for step in (-1, 1) if 0 <= int(edge) + step < 2**edge.max_prefixlen]

    for ip in (*others, *edges, *near):
        mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) and ip.ipv4_mapped else ip
        assert (ip in held) == any(mapped in network for network in networks if network.version == mapped.version)


def test_sets_are_values() -> None:
    one = NetworkSet(["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "fd00::/8"])

    assert [str(network) for network in one] == ["10.0.0.0/8", "fd00::/8"]
    assert len(one) == 2
    assert one == NetworkSet(["fd00::/8", "10.0.0.0/8"])
    assert hash(one) == hash(NetworkSet(["fd00::/8", "10.0.0.0/8"]))
    assert "::ffff:10.1.2.3" in one
    assert repr(one) == "<NetworkSet 10.0.0.0/8, fd00::/8>"
    assert one != "10.0.0.0/8"

    with pytest.raises(BadValue, match=r"a network, '10\.0\.0\.0/8' for example, not '10\.0\.0\.1/8'"):
        NetworkSet(["10.0.0.1/8"])

    assert parse_network("10.0.0.1/8", strict=False) == IPv4Network("10.0.0.0/8")


INSIDE = """
127.0.0.1 10.1.2.3 172.31.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 255.255.255.255 224.0.0.1 198.18.0.1
192.0.2.1 240.0.0.1 ::1 :: ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1:: fe80::1 fe80::1%eth0
fec0::1 fc00::1 fd12::1 ff02::1 2001:db8::1 3fff::1 5f00::1 100::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001::1
""".split()
OUTSIDE = (
    "8.8.8.8 1.1.1.1 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1 2a00:1450:4001::1".split()
)


@pytest.mark.parametrize("text", INSIDE)
def test_what_is_not_of_the_open_internet(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_is_of_the_open_internet(text: str) -> None:
    assert is_public(text)


@settings(deadline=None)
@given(FOUR)
def test_an_ipv4_address_is_found_in_every_wrapping(ip: IPv4Address) -> None:
    number = int(ip)

    for wrapped in (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert unwrap_ip(IPv6Address(wrapped)) == ip
        assert is_public(IPv6Address(wrapped)) == is_public(ip)


HOSTS = (
    FOUR.map(str) | SIX.map(str) | st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5}){0,2}", fullmatch=True)
)


@settings(deadline=None)
@given(HOSTS, st.integers(0, 65535))
def test_host_and_port_come_back_ipv6_included(host: str, port: int) -> None:
    assert parse_host_port(format_host_port(host, port)) == (host, port)
    assert str(HostPort(host, port)) == format_host_port(host, port)
    assert parse_host_port(host, port) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":80",
        "a:",
        "a",
        "a:b",
        "a:65536",
        "a:-1",
        "a:8 0",
        "a b:1",
        "-a:1",
        "a..b:1",
        "[::1",
        "::1]:80",
        "[::1]80",
        "[a]:1",
        "[1.2.3.4]:1",
        "1.2.3:4",
        "1.2.3.400:5",
        "::1",
        "http://a:1",
        "é:1",
        "a:１",
        "x" * 64 + ":1",
    ],
)
def test_what_is_no_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        parse_host_port(text)


def test_names_of_hosts_are_small() -> None:
    assert parse_host_port("Example.COM.:80") == ("example.com.", 80)
    assert parse_host_port("_srv.x:80").host == "_srv.x"


def test_u14_ones_own_addresses_are_asked_of_the_system_and_nobody_is_contacted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket or a name server is not needed")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    interfaces = local_interfaces()

    assert any(interface.address.ip.is_loopback and interface.is_up for interface in interfaces)
    assert all(interface.name for interface in interfaces)
    assert str(Interface("lo", ipaddress.IPv4Interface("127.0.0.1/8"), True)) == "lo 127.0.0.1/8"


def found(*texts: str) -> list[Interface]:
    return [Interface("eth0", ipaddress.ip_interface(text), not text.startswith("9.")) for text in texts]


def test_u14_the_address_for_others_is_a_public_one_or_else_a_private_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {
        ("127.0.0.1/8", "169.254.1.1/16", "10.0.0.2/8", "8.8.8.8/24"): "8.8.8.8",
        ("127.0.0.1/8", "100.64.0.1/10", "192.168.1.2/24"): "192.168.1.2",
        ("127.0.0.1/8", "100.64.0.1/10", "9.9.9.9/8", "::1/128"): "100.64.0.1",
    }

    for texts, expected in cases.items():
        monkeypatch.setattr(address, "local_interfaces", lambda texts=texts: found(*texts))
        assert str(host_address()) == expected

    monkeypatch.setattr(address, "local_interfaces", lambda: found("127.0.0.1/8", "fe80::1/64"))

    for version in (4, 6):
        with pytest.raises(NoCandidate, match=f"no address of IPv{version}"):
            host_address(version)


def test_without_getifaddrs_this_machines_name_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, 0, 0, "", ("10.0.0.7", 0)), (socket.AF_INET6, 0, 0, "", ("fe80::1%2", 0, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: answer)

    assert [str(interface.address.ip) for interface in address.named_interfaces()] == [
        "10.0.0.7",
        "127.0.0.1",
        "fe80::1",
    ]
