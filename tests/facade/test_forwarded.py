"""Laws of forwarded headers: only what trusted proxies have written is believed."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.forwarded import Proxies
from hagworm.facade.headers import index_headers

PROXY = "10.0.0.1"
PROXIES = Proxies(["10.0.0.0/8", "fd00::/8"])


def client(*pairs: tuple[str, str], peer: str = PROXY) -> str:
    return PROXIES.client(peer, index_headers([(name.encode(), value.encode()) for name, value in pairs]))


def scheme(*pairs: tuple[str, str], peer: str = PROXY) -> str | None:
    return PROXIES.scheme(peer, index_headers([(name.encode(), value.encode()) for name, value in pairs]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
        ("203.0.113.9:4711, [fd00::1]:80", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("203.0.113.9, unknown", PROXY),
        ("203.0.113.9, unknown, 10.9.9.9", "10.9.9.9"),
        (" , ", PROXY),
        ("10.3.3.3, 10.2.2.2", "10.3.3.3"),
    ],
)
def test_h8_the_client_is_the_first_from_the_right_that_is_no_proxy_of_ours(value: str, expected: str) -> None:
    """H8: 4 read a header that nobody sends, 5 believed the first address of anybody."""
    assert client(("x-forwarded-for", value)) == expected


def test_h8_several_lines_are_one_list() -> None:
    assert client(("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.9")) == "203.0.113.9"


def test_h8_a_stranger_is_who_he_is_whatever_he_says() -> None:
    said = [
        ("x-forwarded-for", PROXY),
        ("x-real-ip", PROXY),
        ("forwarded", f"for={PROXY}"),
        ("x-forwarded-proto", "https"),
    ]

    assert client(*said, peer="6.6.6.6") == "6.6.6.6"
    assert scheme(*said, peer="6.6.6.6") is None


@given(made_up=st.lists(st.ip_addresses(), max_size=4), seen=st.ip_addresses())
def test_h8_nothing_that_a_client_makes_up_changes_who_it_is(made_up: list[object], seen: object) -> None:
    """A proxy adds whom it sees at the right, and hands on everything else."""
    address = str(ip_address(str(seen)))
    chain = ", ".join(str(hop) for hop in [*made_up, seen])
    pairs = [("x-forwarded-for", chain), ("forwarded", f"for={made_up[0]}" if made_up else "for=127.0.0.1;proto=https")]

    if not PROXIES.is_trusted(address):
        assert client(*pairs) == address

    assert scheme(*pairs) is None


def test_what_the_nearest_proxy_was_asked_with_is_the_scheme() -> None:
    assert scheme(("x-forwarded-proto", "http, https")) == "https"
    assert scheme(("forwarded", "for=203.0.113.9;proto=http, for=10.2.2.2;proto=https")) == "https"
    assert scheme(("x-forwarded-proto", "gopher")) is None
    assert scheme() is None


def test_forwarded_is_read_where_it_is_all_there_is() -> None:
    assert client(("forwarded", 'for="[2001:db8::1]:4711";proto=https, for=10.2.2.2')) == "2001:db8::1"
    assert client(("forwarded", "for=6.6.6.6, for=_hidden")) == PROXY
    assert client() == PROXY
