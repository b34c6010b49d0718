"""Tables: rich on a terminal, plain columns in a pipe."""

import io
import sys

import pytest

from hagworm.cli.table import print_json, print_table, write_value

ROWS = [("GET", "/orders/{id}", "x" * 300), ("DELETE", "/[bold]", "")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_columns_that_are_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("method", "path", "name"), ROWS)

    assert capsys.readouterr().out.splitlines() == [
        "METHOD  PATH          NAME",
        "GET     /orders/{id}  " + "x" * 300,
        "DELETE  /[bold]",
    ]


def test_a_cell_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "b"), [("one\ntwo", "three")])

    assert capsys.readouterr().out.splitlines()[1] == "one two  three"


def test_a_terminal_gets_a_table_with_every_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    print_table(("method", "path", "name"), ROWS, styles=("green",))
    text = terminal.getvalue()

    assert text.count("x") == 300
    assert "/[bold]" in text
    assert "\x1b[32m" in text


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    print_table(("method", "path", "name"), ROWS, styles=("green",))

    assert "\x1b[32m" not in terminal.getvalue()


def test_values_are_written_as_json_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert [write_value(value) for value in ("é", None, True, ["a"], io.BytesIO)] == [
        '"é"',
        "null",
        "true",
        '["a"]',
        "\"<class '_io.BytesIO'>\"",
    ]
    print_json({"a": "é"})

    assert capsys.readouterr().out == '{\n  "a": "é"\n}\n'
