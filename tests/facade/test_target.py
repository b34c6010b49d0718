"""Laws of the request target."""

import pytest

from hagworm.facade.target import BadTarget, quote_segment, read_target


@pytest.mark.parametrize(
    ("raw", "text", "segments"),
    [
        (b"/a/b", "/a/b", None),
        (b"/a%2Fb", "/a/b", ["", "a/b"]),
        (b"/%65cho", "/echo", ["", "echo"]),
        (b"/%C3%A9%20", "/é ", ["", "é "]),
        (b"/%zz", "/%zz", ["", "%zz"]),
        (b"/a+b", "/a+b", None),
        (b"*", "*", None),
    ],
)
def test_a_path_is_split_before_it_is_decoded(raw: bytes, text: str, segments: list[str] | None) -> None:
    found = read_target(raw)

    assert (found.text, found.segments) == (text, segments)


def test_the_origin_of_an_absolute_target_is_taken_off_and_kept() -> None:
    found = read_target(b"http://example.com:80/a")

    assert (found.text, found.authority) == ("/a", b"example.com:80")
    assert read_target(b"HTTP://b").text == "/"


@pytest.mark.parametrize(
    "raw", [b"a", b"/a#b", b"/\xc3\xa9", b"/%FF", b"/%00", b"/a b", b"/a\x07", b"ftp://a/b", b"http:///a", b""]
)
def test_what_cannot_be_understood_is_refused(raw: bytes) -> None:
    with pytest.raises(BadTarget):
        read_target(raw)


def test_a_segment_survives_quoting() -> None:
    assert read_target(b"/" + quote_segment("a/b é%").encode()).segments == ["", "a/b é%"]
