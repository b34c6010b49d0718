"""`hagworm conformance` plays the contract and says what came out wrong."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from hagworm.cli.group import hagworm
from tests.contract import suite

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(hagworm, ["conformance", *arguments])
    return done.exit_code, done.output


def test_it_plays_every_row_and_writes_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(suite, "PAGE", tmp_path / "engines.md")
    code, output = run("--server", "memory")
    assert code == 0, output
    assert output.splitlines()[1].split() == ["memory", str(len(suite.ROWS)), "0", "0"]
    assert (tmp_path / "engines.md").read_text() == suite.write_page()


def test_a_row_that_comes_out_wrong_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(suite, "PAGE", tmp_path / "engines.md")
    monkeypatch.setattr(suite, "examine", lambda name: [f"P1 on {name}: 500"])
    code, output = run("--server", "memory")
    assert code == 1
    assert "memory: P1 on memory: 500" in output
    assert not suite.PAGE.exists()


def test_an_unknown_server_is_met_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, output = run("--server", "memori")
    assert code == 1
    assert "did you mean 'memory'?" in output


def test_elsewhere_it_says_where_it_belongs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = run()
    assert code == 1
    assert "in a checkout of hagworm" in output
