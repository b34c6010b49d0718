"""Laws of media types and of what a file name implies."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.media import NAMED, MediaType, is_json, media_type_of_name, parse_media_type, scan_parameters

TOKEN = st.text("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)


@pytest.mark.parametrize(
    ("value", "essence", "parameters"),
    [
        (b"text/html", "text/html", ()),
        (b" Text/HTML ; Charset=UTF-8 ", "text/html", (("charset", "UTF-8"),)),
        (b'text/plain;a="x;y, z";b=2', "text/plain", (("a", "x;y, z"), ("b", "2"))),
        (rb'text/plain; a="q\"uo\\te\d"', "text/plain", (("a", r'q"uo\te\d'),)),
        (b"text/plain;;  ; a = 1 ;", "text/plain", (("a", "1"),)),
        (b"text/plain; a=1; broken; b=2", "text/plain", (("a", "1"),)),
        (b'text/plain; a="open', "text/plain", ()),
        (b'text/plain; a=1"2', "text/plain", ()),
        (b"multipart/form-data; boundary=a; boundary=b", "multipart/form-data", (("boundary", "a"), ("boundary", "b"))),
        (b"*/*", "*/*", ()),
    ],
)
def test_a_media_type_is_read_without_regard_to_case_and_quoting(value, essence, parameters):
    media_type = parse_media_type(value)
    assert media_type is not None
    assert (media_type.essence, media_type.parameters) == (essence, parameters)


@pytest.mark.parametrize(
    "value", [b"", b"text", b"text/", b"/html", b"te xt/html", b"text/html x", b"a/b/c", b"t\xffxt/a"]
)
def test_what_is_no_media_type_is_none(value):
    assert parse_media_type(value) is None
    assert not is_json(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"application/json", True),
        (b"APPLICATION/JSON; charset=latin-1", True),
        (b"application/problem+json", True),
        (b"model/x+JSON;a=b", True),
        (b"application/json;", True),
        (b"text/json", False),
        (b"application/jsonx", False),
        (b"application/xjson", False),
        (b"text/plain", False),
        (b"application/x-www-form-urlencoded", False),
    ],
)
def test_json_is_application_json_or_the_suffix(value, expected):
    assert is_json(value) is expected


def test_a_parameter_is_found_by_its_name():
    media_type = parse_media_type(b"a/b; X=1; y=2; x=3")
    assert (media_type.get("x"), media_type.all("x")) == ("1", ["1", "3"])
    assert (media_type.get("z"), media_type.get("z", "-"), media_type.all("z")) == (None, "-", [])


@given(TOKEN, TOKEN, st.lists(st.tuples(TOKEN, VALUE), max_size=5))
def test_what_is_written_in_quotes_is_read_back(kind, subtype, parameters):
    text = f"{kind}/{subtype}" + "".join(
        '; {}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in parameters
    )
    assert parse_media_type(text.encode("latin-1")) == MediaType(kind, subtype, tuple(parameters))


@given(st.binary(max_size=200))
def test_no_value_breaks_the_parser(value):
    parse_media_type(value)
    parse_media_type(b"a/b;" + value)
    scan_parameters(value)
    is_json(value)


@pytest.mark.parametrize(
    "piece", [b";", b" ", b'"', b"\\", b'"\\', b"a", b"a=", b"; a", b"; a=b", b';a="', b";a=\t", b";a=\\", b"/"]
)
def test_the_time_grows_with_the_length_only(piece):
    value = b"a/b; a=" + piece * 200_000
    begin = time.process_time()
    parse_media_type(value)
    parse_media_type(b'a/b; a="' + piece * 200_000)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "text/plain; charset=utf-8"),
        ("A.HTML", "text/html; charset=utf-8"),
        ("app.min.js", "text/javascript; charset=utf-8"),
        ("data.json", "application/json; charset=utf-8"),
        ("photo.jpeg", "image/jpeg"),
        ("logo.svg", "image/svg+xml"),
        ("a.tar.gz", "application/gzip"),
        ("README", "application/octet-stream"),
        (".txt", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
    ],
)
def test_the_extension_of_a_name_implies_its_type(name, expected):
    assert media_type_of_name(name) == expected


@pytest.mark.parametrize("extension", sorted(NAMED))
def test_every_type_that_a_name_implies_is_a_type(extension):
    assert parse_media_type(media_type_of_name(f"x.{extension}").encode()).essence == NAMED[extension]
