"""A TOML document remembers where each key stands."""

import pytest

from hagworm.extend.config.toml import parse_toml
from hagworm.extend.error import ConfigError

DOCUMENT = '''\
title = "first line"  # = not a key
[server]
engine = "tornado"
"quoted.key" = 1
hosts = [
    "a", # [ not a bracket
    "b = c",
]
text = """
port = 9
[[not a table]] ""quoted""""
literal = \'\'\'
[fake]
\'\'\'
port = 8000

[server . "tls"]
cert.file = 'x = [y]'
inline = { a = 1, b = [2, 3] }
after = 1
[[replicas]]
url = "one"
[replicas.pool]
size = 1
[[replicas]]
url = "two"
[implied.table]
[[implied.array]]
a.b = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 1),
        (("server",), 2),
        (("server", "engine"), 3),
        (("server", "quoted.key"), 4),
        (("server", "hosts"), 5),
        (("server", "text"), 9),
        (("server", "literal"), 12),
        (("server", "port"), 15),
        (("server", "tls"), 17),
        (("server", "tls", "cert", "file"), 18),
        (("server", "tls", "inline"), 19),
        (("server", "tls", "inline", "b"), 19),
        (("server", "tls", "after"), 20),
        (("replicas", "0", "url"), 22),
        (("replicas", "0", "pool", "size"), 24),
        (("replicas", "1", "url"), 26),
        (("replicas", "1", "nothing"), 25),
        (("replicas",), 21),
        (("implied",), 27),
        (("implied", "array"), 28),
        (("implied", "array", "0", "a"), 29),
    ],
)
def test_the_source_of_a_key_is_its_line(path: tuple[str, ...], line: int) -> None:
    assert parse_toml(DOCUMENT, "hagworm.toml").source(path) == f"hagworm.toml:{line}"


def test_a_path_that_is_nowhere_has_the_file_as_its_source() -> None:
    assert parse_toml("a = 1", "x.toml").source(("b", "c")) == "x.toml"


def test_lines_are_counted_alike_with_carriage_returns() -> None:
    assert parse_toml("a = 1\r\n\r\nb = 2\r\n", "x.toml").source(("b",)) == "x.toml:3"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[server]\nport = \n", "x.toml:2:8"),
        ("[server\n", "x.toml:1:8"),
        ('a = 1\nb = """never closed\n', "x.toml:3"),
        ("a = 1\na = 2\n", "x.toml:2"),
    ],
)
def test_a_broken_document_is_named_with_file_and_line(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_toml(text, "x.toml")

    assert str(caught.value).startswith(f"{place}:")
    assert "(at " not in str(caught.value)
