"""Laws of cookies, read and written (rows C1 to C17 of the conformance matrix)."""

import time
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.cookies import format_cookie, format_deletion, parse_cookies

TOKEN = st.text("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABC", min_size=1, max_size=12)
OCTETS = st.text([chr(code) for code in range(0x21, 0x7F) if chr(code) not in '",;\\'], max_size=20)


def pairs(*lines, **options):
    return parse_cookies(lines, **options).pairs


def test_the_last_of_a_name_wins_and_all_are_kept():
    cookies = parse_cookies([b"a=1; b=2; a=3"])
    assert cookies["a"] == "3"
    assert cookies.all("a") == ["1", "3"]
    assert cookies.all("none") == []
    assert dict(cookies) == {"a": "3", "b": "2"}
    assert len(cookies) == 3
    assert "b" in cookies
    assert cookies.get("none") is None


def test_several_header_lines_are_one():
    assert pairs(b"a=1", b"b=2; c=3") == [("a", "1"), ("b", "2"), ("c", "3")]


@pytest.mark.parametrize("line", [b"", b";", b"d", b"; d;", b"=v", b" =v", b";;;", b"\t;\t"])
def test_what_has_no_name_is_dropped(line):
    assert pairs(line) == []
    assert pairs(line, b"a=1", line) == [("a", "1")]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'a="x y"', "x y"),
        (b'a=""', ""),
        (b'a="', '"'),
        (b'a="x', '"x'),
        (b'a=x"', 'x"'),
        (b'a=""x""', '"x"'),
        (b'a=" x "', " x "),
        (rb'a="x\073\"y"', r"x\073\"y"),
        (b"a = b = c ", "b = c"),
        (b"\ta\t=\tb\t", "b"),
        (b"a=\xa0b\xa0", "\xa0b\xa0"),
        (b"a=\xfc", "\xfc"),
        (b"a=", ""),
    ],
)
def test_a_value_loses_blanks_around_it_and_one_pair_of_quotes(line, value):
    assert pairs(line) == [("a", value)]


def test_octal_escapes_are_decoded_only_when_asked_for():
    assert pairs(rb'a="x y\073z\"q\\"; b=\073', legacy_quotes=True) == [("a", 'x y;z"q\\'), ("b", r"\073")]


def test_dollar_names_are_names_like_others():
    assert pairs(b"$Version=1; a=b") == [("$Version", "1"), ("a", "b")]


def test_the_representation_shows_no_values():
    assert repr(parse_cookies([b"a=secret; b=2"])) == "<Cookies a, b>"


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_no_header_breaks_the_parser(lines):
    for name, value in pairs(*lines):
        assert name == name.strip(" \t") != ""
        assert ";" not in name + value


@pytest.mark.parametrize("piece", [b";", b"=", b'"', b"a", b" ", b"\\", b'a="', b"a=b;", b'\\"'])
def test_the_time_grows_with_the_length_only(piece):
    begin = time.process_time()
    parse_cookies([b'a="' + piece * 200_000], legacy_quotes=True)
    assert time.process_time() - begin < 2


@given(TOKEN, OCTETS)
def test_what_is_set_comes_back(name, value):
    sent = format_cookie(name, value, secure=True).partition(b";")[0]
    assert parse_cookies([sent]).get(name) == value


@given(TOKEN, st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_percent_encoded(name, value):
    sent = format_cookie(name, value, secure=True, encode="percent").partition(b";")[0]
    assert parse_cookies([sent]).decoded(name) == value


def test_decoding_says_none_for_what_is_not_there_or_not_utf8():
    cookies = parse_cookies([b"a=%FF"])
    assert cookies.decoded("a") is None
    assert cookies.decoded("b") is None


def test_attributes_stand_in_one_order_whatever_is_asked_for():
    line = format_cookie(
        "id",
        "1",
        partitioned=True,
        samesite="STRICT",
        httponly=True,
        secure=True,
        expires=datetime(2026, 11, 22, tzinfo=UTC),
        max_age=timedelta(minutes=1),
        domain="example.com",
        path="/a",
    )
    assert line == (
        b"id=1; Path=/a; Domain=example.com; Max-Age=60; Expires=Sun, 22 Nov 2026 00:00:00 GMT; "
        b"Secure; HttpOnly; SameSite=Strict; Partitioned"
    )


def test_the_defaults_are_path_and_lax():
    assert format_cookie("a", "1") == b"a=1; Path=/; SameSite=Lax"
    assert format_cookie("a", path=None, samesite=None) == b"a="


@pytest.mark.parametrize("value", ["a b", "a;b", 'a"b', '"a"', "a,b", "a\\b", "a\n", "\x00", "\x7f", "é", "\u20ac"])
def test_a_value_that_is_no_cookie_octet_is_refused_by_name(value):
    with pytest.raises(ValueError, match="cookie 'token'"):
        format_cookie("token", value)


def test_a_refused_value_is_not_shown():
    with pytest.raises(ValueError, match="cookie 'token'") as caught:
        format_cookie("token", "se cret")

    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("", {}, "must be a token"),
        ("a b", {}, "must be a token"),
        ("a=b", {}, "must be a token"),
        ("ä", {}, "must be a token"),
        ("a\n", {}, "must be a token"),
        ("a", {"samesite": "none"}, "SameSite=None needs secure"),
        ("a", {"samesite": "sometimes"}, "samesite must be"),
        ("a", {"partitioned": True}, "Partitioned needs secure"),
        ("__Secure-a", {}, "needs secure"),
        ("__Host-a", {}, "needs secure"),
        ("__host-a", {}, "needs secure"),
        ("__Host-a", {"secure": True, "path": "/x"}, "path='/' and no domain"),
        ("__Host-a", {"secure": True, "path": None}, "path='/' and no domain"),
        ("__Host-a", {"secure": True, "domain": "a.b"}, "path='/' and no domain"),
        ("a", {"path": "x"}, "must begin with '/'"),
        ("a", {"path": "/;x"}, "must begin with '/'"),
        ("a", {"path": "/\n"}, "must begin with '/'"),
        ("a", {"domain": "exämple.com"}, "not a host name"),
        ("a", {"domain": "a;b"}, "not a host name"),
        ("a", {"domain": ""}, "not a host name"),
    ],
)
def test_what_a_browser_would_drop_is_refused_when_it_is_set_and_when_it_is_deleted(name, options, message):
    with pytest.raises(ValueError, match=message):
        format_cookie(name, **options)

    with pytest.raises(ValueError, match=message):
        format_deletion(name, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encode": "base64"}, "encode must be"),
        ({"encode": "percent", "value": "\ud800"}, "surrogate"),
        ({"expires": datetime(2026, 1, 1)}, "cookie 'a': expires"),  # without a zone, on purpose
    ],
)
def test_a_wrong_option_names_the_cookie(options, message):
    with pytest.raises(ValueError, match=message):
        format_cookie("a", **options)


def test_the_prefixes_hold_what_they_promise():
    assert format_cookie("__Host-a", "1", secure=True) == b"__Host-a=1; Path=/; Secure; SameSite=Lax"
    assert format_cookie("__Secure-a", "1", secure=True, path="/x", domain="a.b", samesite="none") == (
        b"__Secure-a=1; Path=/x; Domain=a.b; Secure; SameSite=None"
    )


def test_a_cookie_that_browsers_drop_for_its_size_is_a_warning_and_an_error_in_debug():
    with pytest.warns(RuntimeWarning, match="cookie 'a': name and value are 4097 bytes"):
        format_cookie("a", "x" * 4096)

    with pytest.raises(ValueError, match="4097 bytes"):
        format_cookie("a", "x" * 4096, debug=True)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        format_cookie("a", "x" * 4095)


def test_a_deletion_is_always_the_same_text():
    assert format_deletion("a") == b"a=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax"
    assert format_deletion("__Host-a", secure=True, partitioned=True, samesite=None) == (
        b"__Host-a=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; Partitioned"
    )
    assert format_deletion("a", path="/x", domain="a.b", httponly=True) == (
        b"a=; Path=/x; Domain=a.b; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax"
    )
