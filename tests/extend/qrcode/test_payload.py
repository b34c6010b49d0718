"""Networks and people end where they end, whatever their names are."""

import pytest

from hagworm.extend.error import QRCodeError
from hagworm.extend.qrcode import Contact, Wifi, check_url


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (Wifi("Cafe", "secret"), "WIFI:T:WPA;S:Cafe;P:secret;;"),
        (Wifi("Cafe", security="nopass"), "WIFI:T:nopass;S:Cafe;;"),
        (Wifi('a;b:"c"\\,', "p;P:x", hidden=True), 'WIFI:T:WPA;S:a\\;b\\:\\"c\\"\\\\\\,;P:p\\;P\\:x;H:true;;'),
    ],
    ids=["plain", "open", "special"],
)
def test_a_network_is_written_so_that_telephones_join_it(network: Wifi, text: str) -> None:
    assert str(network) == text


def test_a_password_is_not_in_the_repr() -> None:
    assert repr(Wifi("Cafe", "secret")) == "<Wifi 'Cafe' WPA>"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ssid": "", "password": "x"}, "1 to 32 bytes, not 0"),
        ({"ssid": "x" * 33, "password": "x"}, "not 33"),
        ({"ssid": "x"}, "has a password"),
        ({"ssid": "x", "password": "p", "security": "nopass"}, "has a password"),
        ({"ssid": "x", "password": "p", "security": "WPA9"}, "not 'WPA9'"),
    ],
    ids=["nameless", "long", "no password", "open with password", "unknown"],
)
def test_what_is_no_network_is_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(QRCodeError, match=message):
        Wifi(**arguments)  # type: ignore[arg-type]  # that is the point


def test_a_contact_is_a_vcard() -> None:
    contact = Contact(
        name="Wang Xiaoming",
        family="Wang",
        given="Xiaoming",
        organization="Orders; and more",
        phones=("+86 10 1234",),
        emails=("wang@example.com",),
        city="Beijing",
        note="two\nlines",
    )

    assert str(contact).split("\r\n") == [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "N:Wang;Xiaoming;;;",
        "FN:Wang Xiaoming",
        "ORG:Orders\\; and more",
        "TEL:+86 10 1234",
        "EMAIL:wang@example.com",
        "ADR:;;;Beijing;;;",
        "NOTE:two\\nlines",
        "END:VCARD",
        "",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\u2028", "\x85"])
def test_no_value_adds_a_line_to_a_contact(end: str) -> None:
    assert "\nTEL" not in str(Contact(name=f"A{end}TEL:1"))


def test_a_contact_has_a_name() -> None:
    with pytest.raises(QRCodeError, match="has a name"):
        Contact(name=" ")


@pytest.mark.parametrize("url", ["https://example.com/a?b=c", "mailto:a@example.com", "tel:+8610"])
def test_a_url_is_returned(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize("url", ["example.com", "https://a b", "https:", "", "https://a\n"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(QRCodeError, match="scheme"):
        check_url(url)
