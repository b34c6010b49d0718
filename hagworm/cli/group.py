"""The command `hagworm` itself: it finds subcommands by name and turns errors into one message and an exit code."""

import os
import sys
import traceback
from importlib import import_module
from typing import IO, Any

import click

from hagworm import __version__
from hagworm.extend.error import HagwormError, nearest

__all__ = ("EXAMPLE_INDENT", "Command", "Failure", "Group", "hagworm")

COMMANDS = {
    "run": "Serve an application.",
    "routes": "List the routes of an application.",
    "openapi": "Write the OpenAPI document of an application.",
    "config": "Show every setting and where its value comes from.",
    "check": "Find what is wrong with an application before it serves.",
    "compile": "Turn a tree of sources into bytecode.",
    "doctor": "Find what is wrong with this machine.",
    "stress": "Put a service under load, and say what came of it.",
    "conformance": "Find out whether every engine and server behaves as specified.",
}
"""The subcommands that come with hagworm, each in the module of its name; the text is here so that help loads none."""

EXAMPLE_INDENT = "  "
TRACEBACK = "hagworm.traceback"


class Failure(click.ClickException):
    """An error of hagworm on its way out of the process."""

    def __init__(self, error: HagwormError, *, full: bool) -> None:
        super().__init__(str(error) or type(error).__name__)
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance
        self.full = full

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message to stderr, behind the traceback where that was asked for."""
        if self.full and self.__cause__ is not None:
            click.echo("".join(traceback.format_exception(self.__cause__)), file=file, err=True, nl=False)

        click.echo(f"{paint('error:', 'red')} {self.message}", file=file, err=True)


class Command(click.Command):
    """A subcommand: its help ends with examples, and it can show tracebacks."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params.append(traceback_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            formatter.write_paragraph()
            formatter.write_text("Example:" if len(self.examples) == 1 else "Examples:")

            for example in self.examples:
                formatter.write(f"{EXAMPLE_INDENT}{example}\n")


class Group(click.Group):
    """Subcommands by name: ours, then those that packages announce under `hagworm.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name; ours first."""
        return [*COMMANDS, *sorted(set(announced()) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one subcommand, None where there is none of that name."""
        if cmd_name in COMMANDS:
            return checked(import_module(f"hagworm.cli.{cmd_name}").command, cmd_name)

        if point := announced().get(cmd_name):
            try:
                return checked(point.load(), cmd_name)
            except (ImportError, AttributeError) as exc:
                raise HagwormError(f"the command {cmd_name!r} cannot be loaded from {point.value}: {exc}") from exc

        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name for one that is unknown."""
        name = args[0]

        if not name.startswith("-") and name not in COMMANDS and name not in announced():
            ctx.fail(f"no such command {name!r}{nearest(name, self.list_commands(ctx))}")

        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing any."""
        rows = [(name, COMMANDS.get(name) or f"From {announced()[name].value}.") for name in self.list_commands(ctx)]

        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; an error of ours leaves as one message."""
        try:
            return super().invoke(ctx)
        except HagwormError as exc:
            raise Failure(exc, full=wants_traceback(ctx)) from exc


def announced() -> dict[str, Any]:
    """Return the entry points of subcommands from elsewhere, by name."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="hagworm.commands")}


def checked(command: object, name: str) -> click.Command:
    if not isinstance(command, click.Command):
        raise HagwormError(f"the command {name!r} is not a click command: {command!r}")

    return command


def traceback_option() -> click.Option:
    def remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta[TRACEBACK] = True

    return click.Option(
        ["--traceback"],
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Show where an error comes from. [env: HAGWORM_TRACEBACK]",
    )


def wants_traceback(ctx: click.Context) -> bool:
    return bool(ctx.meta.get(TRACEBACK)) or os.environ.get("HAGWORM_TRACEBACK", "0") not in ("", "0")


def paint(text: str, colour: str) -> str:
    """Return `text` coloured for stderr, where that is a terminal whose user has nothing against it."""
    plain = os.environ.get("NO_COLOR") or not sys.stderr.isatty()
    return text if plain else click.style(text, fg=colour, bold=True)


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[traceback_option()],
    epilog="Example: hagworm run orders.app:app --reload",
)
@click.version_option(__version__, message="hagworm %(version)s")
def hagworm() -> None:
    """One business service, any engine."""
