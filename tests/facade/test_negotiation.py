"""Laws of Accept and Accept-Encoding."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.negotiation import best_encoding, best_media_type, parse_weighted, prefers_html

CHROME = b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        (b"", False),
        (b"*/*", False),
        (b"application/json", False),
        (CHROME, True),
        (b"text/html", True),
        (b"TEXT/HTML", True),
        (b"text/*", True),
        (b"text/html, application/json", False),
        (b"text/html;q=0.9, application/json", False),
        (b"text/html, application/json;q=0.9", True),
        (b"text/html;q=0.5, */*", False),
        (b"text/html;q=0", False),
        (b"text/html;q=0, text/*", False),
        (b"text/html;q=2", False),
        (b"text/html;q=nan", False),
        (b'text/html;level="1,2";q=0.4, */*;q=0.2', False),
        (b"text/plain, */*", False),
        (b"text/html, application/problem+json;q=1.0", False),
    ],
)
def test_html_is_for_those_who_want_it_more_than_json(accept, expected):
    assert prefers_html(accept) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "text/html"),
        (b"junk", "text/html"),
        (b"application/json", "application/json"),
        (b"application/*;q=0.5, text/html;q=0.4", "application/json"),
        (b"image/png", None),
        (b"*/*, text/html;q=0", "application/json"),
        (b"*/*;q=0.1, text/*;q=0.2, text/html;q=0.05", "application/json"),
    ],
)
def test_the_most_specific_range_decides_and_order_breaks_ties(accept, expected):
    assert best_media_type(accept, ["text/html", "application/json"]) == expected


def test_parameters_make_a_range_more_specific():
    accept = b"text/html;level=1, text/html;q=0.5"
    assert best_media_type(accept, ["text/html", "text/html;level=1"]) == "text/html;level=1"


def test_a_comma_inside_quotes_does_not_end_a_range():
    accept = rb'text/plain;x="a\",image/png;b=c", text/html;q=0.5, image/*;q=0.4'
    assert best_media_type(accept, ["image/png", "text/html"]) == "text/html"


def test_of_ranges_that_say_the_same_the_greater_weight_counts():
    for accept in (b"text/html;q=0.2, text/html;q=0.6", b"text/html;q=0.6, text/html;q=0.2"):
        assert best_media_type(accept + b", image/png;q=0.4", ["image/png", "text/html"]) == "text/html"


def test_nothing_offered_is_nothing_chosen():
    assert best_media_type(b"*/*", []) is None


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "identity"),
        (b"", "identity"),
        (b"gzip", "gzip"),
        (b"x-gzip", "gzip"),
        (b"GZIP", "gzip"),
        (b"gzip, br", "br"),
        (b"gzip;q=1.0, br;q=0.5", "gzip"),
        (b"gzip;q=0", "identity"),
        (b"gzip;q=0.000", "identity"),
        (b"gzip;q=0, *", "br"),
        (b"*", "br"),
        (b"*;q=0", "identity"),
        (b"identity", "identity"),
        (b"identity;q=0.5, gzip;q=0.4", "identity"),
        (b"identity;q=0.5, gzip;q=0.5", "gzip"),
        (b"deflate", "identity"),
        (b"gzipped, notgzip", "identity"),
        (b"gzip;q=abc", "identity"),
        (b"gzip;q=1.5", "identity"),
        (b"gzip ; q=0.3 , br;q=0.2", "gzip"),
        (b"gzip;x=1", "identity"),
    ],
)
def test_codings_are_weighed_not_searched_for(accept, expected):
    assert best_encoding(accept, ["br", "gzip"]) == expected


@given(st.binary(max_size=200))
def test_no_value_breaks_negotiation(value):
    parse_weighted(value)
    prefers_html(b"text/html," + value)
    best_media_type(value, ["text/html"])
    assert best_encoding(value, ["gzip"]) in ("gzip", "identity")


@pytest.mark.parametrize("piece", [b",", b'"', b"\\", b'"\\', b"text/html,", b"gzip;q=", b" ", b';q="', b'",'])
def test_long_values_cost_no_more_than_their_first_part(piece):
    begin = time.process_time()
    prefers_html(b"text/html;a=" + piece * 200_000)
    best_encoding(b"gzip," + piece * 200_000, ["gzip"])
    assert time.process_time() - begin < 1
