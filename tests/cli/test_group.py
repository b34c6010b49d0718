"""The command itself: help that loads nothing, errors as one message, exit codes."""

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import click
import pytest

from hagworm.cli import group
from tests.cli.conftest import Project


def python(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, **environ},
    )


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> str:
    """A package announces the command `greet`."""
    points = {
        "greet": EntryPoint("greet", "tests.cli.test_group:greet", "hagworm.commands"),
        "broken": EntryPoint("broken", "tests.cli.no_such_module:x", "hagworm.commands"),
        "nothing": EntryPoint("nothing", "tests.cli.test_group:python", "hagworm.commands"),
    }
    monkeypatch.setattr(group, "announced", lambda: points)
    return "greet"


@click.command()
def greet() -> None:
    click.echo("hello")


def test_help_imports_click_and_nothing_else() -> None:
    code = (
        "import json, sys\nfrom hagworm.cli import main\nsys.argv = ['hagworm', '--help']\n"
        "try:\n    main()\nexcept SystemExit as exc:\n    assert exc.code == 0\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = python("-c", code)
    loaded = json.loads(done.stdout.splitlines()[-1])
    third = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - {"__main__", "_distutils_hack"}

    assert {name for name in third if not name.startswith("__editable__")} == {"click", "hagworm"}
    assert [name for name in loaded if name.startswith("hagworm")] == [
        "hagworm",
        "hagworm.cli",
        "hagworm.cli.group",
        "hagworm.extend",
        "hagworm.extend.error",
        "hagworm.extend.lazy",
    ]


def test_the_module_is_the_command() -> None:
    done = python("-m", "hagworm", "--version")

    assert (done.returncode, done.stdout) == (0, "hagworm 6.0.0.dev0\n")


def test_help_lists_every_command(project: Project) -> None:
    done = project.run("--help")

    assert done.exit_code == 0
    assert all(f"  {name}" in done.output for name in group.COMMANDS)


@pytest.mark.parametrize("name", group.COMMANDS)
def test_every_command_has_help_that_ends_with_examples(project: Project, name: str) -> None:
    done = project.run(name, "--help")
    examples = done.output.partition("Example")[2].splitlines()[1:]

    assert done.exit_code == 0
    assert examples and all("hagworm" in line for line in examples)
    assert "--traceback" in done.output


@pytest.mark.parametrize(("name", "hint"), [("rotues", " (did you mean 'routes'?)"), ("xyz", "")])
def test_an_unknown_command_is_a_usage_error_with_the_nearest_name(project: Project, name: str, hint: str) -> None:
    done = project.run(name)

    assert done.exit_code == 2
    assert done.stderr.endswith(f"no such command {name!r}{hint}\n")


def test_an_unknown_option_is_a_usage_error(project: Project) -> None:
    assert project.run("routes", "--jsn").exit_code == 2


def test_an_error_is_one_message_without_a_traceback(project: Project) -> None:
    done = project.run("routes", "nowhere:app")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no module named 'nowhere'")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--traceback", "routes", "x:app"), ("routes", "x:app", "--traceback")])
def test_the_traceback_can_be_asked_for(project: Project, arguments: tuple[str, ...]) -> None:
    done = project.run(*arguments)

    assert done.exit_code == 2
    assert done.stderr.startswith("Traceback (most recent call last)")
    assert "ModuleNotFoundError" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: no module named 'x'")


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), ("", False)])
def test_the_environment_can_ask_for_the_traceback(
    project: Project, monkeypatch: pytest.MonkeyPatch, value: str, shown: bool
) -> None:
    monkeypatch.setenv("HAGWORM_TRACEBACK", value)

    assert ("Traceback" in project.run("routes", "x:app").stderr) is shown


def test_without_a_target_the_remedy_is_told(project: Project) -> None:
    done = project.run("routes")

    assert done.exit_code == 2
    assert "give one, like orders.app:app, or set target in [app] of hagworm.toml" in done.stderr


def test_a_package_may_add_a_command(project: Project, plugin: str) -> None:
    assert project.run(plugin).stdout == "hello\n"
    assert "greet From tests.cli.test_group:greet." in " ".join(project.run("--help").stdout.split())
    assert "did you mean 'greet'?" in project.run("gret").stderr


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "error: the command 'broken' cannot be loaded from tests.cli.no_such_module:x: No module named"),
        ("nothing", "error: the command 'nothing' is not a click command: <function python"),
    ],
)
def test_a_command_that_cannot_be_had_is_one_message(project: Project, name: str, message: str) -> None:
    done = project.run(name)

    assert done.exit_code == 1
    assert done.stderr.startswith(message)


def test_errors_are_red_on_a_terminal_that_wants_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    terminal: Any = Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    coloured = group.paint("error:", "red")
    monkeypatch.setenv("NO_COLOR", "1")

    assert coloured == "\x1b[31m\x1b[1merror:\x1b[0m"
    assert group.paint("error:", "red") == "error:"
