"""A `.env` file is lines of NAME=value, and its mistakes have line numbers."""

import pytest

from hagworm.extend.config.dotenv import parse_dotenv
from hagworm.extend.error import ConfigError


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("export A=plain", "plain"),
        ("  A = spaced words  ", "spaced words"),
        ("A=", ""),
        ("A= # nothing but a comment", ""),
        ("A=value # comment", "value"),
        ("A=value#no comment", "value#no comment"),
        ("A='single $quoted \\n' # comment", "single $quoted \\n"),
        ('A="double \\"quoted\\" \\n\\t"', 'double "quoted" \n\t'),
        ('A="two\nlines"', "two\nlines"),
        ("A='two\nlines'", "two\nlines"),
        ('A=it"s', 'it"s'),
        ("A=mysql://u:p@h/db?x=1&y=2", "mysql://u:p@h/db?x=1&y=2"),
        ("A=${B}", "${B}"),
    ],
)
def test_values_are_read_as_written(line: str, value: str) -> None:
    assert [(item.name, item.value) for item in parse_dotenv(line, ".env")] == [("A", value)]


def test_each_variable_knows_its_line() -> None:
    found = parse_dotenv('# comment\n\nA=1\r\nB="x\ny"\nC=3\n', ".env")
    assert [(item.name, item.source) for item in found] == [("A", ".env:3"), ("B", ".env:4"), ("C", ".env:6")]


def test_every_line_that_is_no_assignment_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_dotenv('A=1\nnonsense\nB="open\n1C=2', ".env")

    assert caught.value.problems == (
        ".env:2: expected NAME=value",
        ".env:3: expected NAME=value",
        ".env:4: expected NAME=value",
    )


def test_nothing_at_all_is_no_variable() -> None:
    assert parse_dotenv("", ".env") == parse_dotenv("\n  \n#x", ".env") == []
