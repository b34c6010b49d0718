"""Laws of the route tree."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.routing import RouteTree, parse_template


def tree(*templates: str, methods: tuple[str, ...] = ("GET",)) -> RouteTree[str]:
    made: RouteTree[str] = RouteTree()

    for text in templates:
        assert made.add(parse_template(text), methods, text) == []

    return made


def test_a_literal_wins_over_a_placeholder_whatever_the_order() -> None:
    routes = tree("/users/{name}", "/users/{number:int}", "/users/me")

    assert routes.find("GET", "/users/me") == ("/users/me", ())
    assert routes.find("GET", "/users/7") == ("/users/{number:int}", (7,))
    assert routes.find("GET", "/users/ann") == ("/users/{name}", ("ann",))


@pytest.mark.parametrize(
    ("template", "path", "value"),
    [
        ("/{x:int}", "/42", 42),
        ("/{x:int}", "/-1", -1),
        ("/{x:float}", "/1.5", 1.5),
        ("/{x:uuid}", "/12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
        ("/{x}", "/a;p=1", "a;p=1"),
        ("/{x:path}", "/a/b//c", "a/b//c"),
        ("/{x:path}", "/", ""),
    ],
)
def test_a_converter_reads_what_it_names(template: str, path: str, value: Any) -> None:
    assert tree(template).find("GET", path) == (template, (value,))


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/{x:int}", "/1\n"),
        ("/{x:int}", "/٣"),
        ("/{x:int}", "/1.0"),
        ("/{x:int}", "/+1"),
        ("/{x:float}", "/1e5"),
        ("/{x:float}", "/nan"),
        ("/{x}", "/"),
        ("/{x}", "/a\x07"),
        ("/{x:uuid}", "/12345678123456781234567812345678"),
        ("/a", "/a/"),
        ("/a/", "/a"),
        ("/a", "//a"),
    ],
)
def test_what_a_converter_does_not_read_does_not_match(template: str, path: str) -> None:
    assert tree(template).find("GET", path) is None


def test_an_escaped_slash_stays_inside_its_segment() -> None:
    assert tree("/echo/{x}").find("GET", "/echo/a/b", ["", "echo", "a/b"]) == ("/echo/{x}", ("a/b",))


def test_a_literal_that_was_decoded_matches_by_its_segments() -> None:
    assert tree("/echo").find("GET", "/echo", ["", "echo"]) == ("/echo", ())


def test_a_dead_end_is_left_again() -> None:
    routes = tree("/a/b/c", "/{x}/b/d", "/{rest:path}")

    assert routes.find("GET", "/a/b/d") == ("/{x}/b/d", ("a",))
    assert routes.find("GET", "/a/b/e") == ("/{rest:path}", ("a/b/e",))


def test_another_method_on_the_same_path_is_found_behind_a_better_match() -> None:
    routes = tree("/o/{x:int}")
    routes.add(parse_template("/o/{x}"), ("POST",), "post")

    assert routes.find("POST", "/o/7") == ("post", ("7",))
    assert routes.allowed("/o/7") == {"GET", "POST"}
    assert routes.allowed("/o/x") == {"POST"}
    assert routes.allowed("/p") == set()


def test_the_first_to_claim_a_method_keeps_it() -> None:
    routes = tree("/a")

    assert routes.add(parse_template("/a"), ("GET", "POST"), "other") == ["GET"]
    assert routes.find("GET", "/a") == ("/a", ())
    assert routes.find("POST", "/a") == ("other", ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a", "must begin with a slash"),
        ("/x{y}", "must fill its whole segment"),
        ("/{}", "is not a placeholder"),
        ("/{a:number}", "unknown converter 'number'"),
        ("/{a}/{a}", "stands twice"),
        ("/{a:path}/b", "must stand last"),
    ],
)
def test_a_wrong_template_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_template(text)


def test_a_template_is_written_without_its_converters() -> None:
    assert parse_template("/a/{b:int}/{c:path}").path == "/a/{b}/{c}"


segment = st.text(st.characters(categories=("L", "N"), include_characters="-_.~"), min_size=1, max_size=8)


@given(st.lists(segment, min_size=1, max_size=5), st.integers(-(10**18), 10**18))
def test_what_is_put_into_a_template_comes_out(segments: list[str], number: int) -> None:
    routes = tree("/" + "/".join(segments) + "/{n:int}")

    found = routes.find("GET", "/" + "/".join(segments) + f"/{number}")

    assert found is not None
    assert found[1] == (number,)


@given(st.lists(st.tuples(segment, segment), min_size=1, max_size=30, unique=True))
def test_every_route_is_found_among_many(pairs: list[tuple[str, str]]) -> None:
    routes = tree(*(f"/{a}/{b}" for a, b in pairs))

    assert all(routes.find("GET", f"/{a}/{b}") == (f"/{a}/{b}", ()) for a, b in pairs)
