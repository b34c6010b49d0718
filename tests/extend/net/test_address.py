"""Addresses in disguise are recognized, whatever they are dressed as."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.net.address import embedded_addresses, is_open, read_host

SPELLINGS = {
    "127.0.0.1": "127.0.0.1",
    "127.1": "127.0.0.1",
    "127.0.1": "127.0.0.1",
    "2130706433": "127.0.0.1",
    "0x7f000001": "127.0.0.1",
    "0x7f.1": "127.0.0.1",
    "0177.0.0.1": "127.0.0.1",
    "017700000001": "127.0.0.1",
    "0": "0.0.0.0",
    "0xA9FEA9FE": "169.254.169.254",
    "169.254.43518": "169.254.169.254",
    "127.0.0.1.": "127.0.0.1",
    "[::1]": "::1",
    "::ffff:127.0.0.1": "::ffff:7f00:1",
}

CLOSED = (
    "0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 "
    "192.168.1.1 198.18.0.1 203.0.113.9 224.0.0.1 255.255.255.255 "
    ":: ::1 ::7f00:1 ::808:808 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::808:808 2002:7f00:1:: "
    "2002:c0a8:101::1 2001:0:7f00:1:: 2001:db8::1 3fff::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%1 fec0::1 ff02::1 "
    "4000::1 2606:4700::5efe:7f00:1 2606:4700::200:5efe:a9fe:a9fe"
).split()

OPEN = "8.8.8.8 1.1.1.1 172.32.0.1 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1".split()


@pytest.mark.parametrize(("text", "address"), SPELLINGS.items())
def test_a_host_that_is_an_address_is_one_in_any_spelling(text: str, address: str) -> None:
    assert read_host(text) == ip_address(address)


@pytest.mark.parametrize("text", ["256.256.256.256", "1.2.3.4.5", "a.b.1", "0x100000000", "1.2.65536", ":::1", "1..1"])
def test_a_host_that_ends_in_a_number_is_an_address_or_nothing(text: str) -> None:
    with pytest.raises(ValueError):
        read_host(text)


@pytest.mark.parametrize("text", ["example.org", "1.example", "127.0.0.1.nip.io", "0xyz", "localhost"])
def test_a_name_is_no_address(text: str) -> None:
    assert read_host(text) is None


@given(
    st.lists(st.integers(0, 2**33), min_size=1, max_size=4), st.lists(st.sampled_from("dxo"), min_size=4, max_size=4)
)
def test_what_the_resolver_takes_for_an_address_is_read_as_that_address(numbers: list[int], forms: list[str]) -> None:
    spell = {"d": str, "x": hex, "o": lambda number: f"0{number:o}"}
    text = ".".join(spell[form](number) for form, number in zip(forms, numbers, strict=False))

    try:
        expected = IPv4Address(socket.inet_aton(text))
    except OSError:
        with pytest.raises(ValueError):
            read_host(text)
    else:
        assert read_host(text) == expected


@pytest.mark.parametrize("text", CLOSED)
def test_what_is_not_on_the_public_internet_is_not_open(text: str) -> None:
    assert not is_open(ip_address(text))


@pytest.mark.parametrize("text", OPEN)
def test_what_is_on_the_public_internet_is_open(text: str) -> None:
    assert is_open(ip_address(text))


@given(st.integers(0, 2**32 - 1))
def test_every_way_to_an_ipv4_address_is_as_closed_as_that_address(number: int) -> None:
    address = IPv4Address(number)
    ways = [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | number << 80),
    ]

    assert all(address in embedded_addresses(way) for way in ways)
    assert [is_open(way) for way in ways] == [is_open(address)] * 3
