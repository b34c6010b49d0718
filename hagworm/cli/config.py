"""`hagworm config`: every setting and its source."""

import click

from hagworm.cli.group import Command
from hagworm.cli.opening import Opening, opening_options
from hagworm.cli.table import print_json, print_table, write_value

__all__ = ("command",)


@click.command(
    "config",
    cls=Command,
    examples=(
        "hagworm config orders.app:app",
        "HAGWORM_SERVER__PORT=9000 hagworm config orders.app:app --changed",
        "hagworm config orders.app:app --explain server.port",
        "hagworm config orders.app:app --schema",
    ),
)
@opening_options
@click.option("--changed", is_flag=True, help="Leave out what nobody has set.")
@click.option(
    "--explain",
    "explained",
    metavar="KEY",
    multiple=True,
    help="Tell all that is known about KEY, a setting or a section.",
)
@click.option("--schema", is_flag=True, help="Print a JSON Schema of hagworm.toml, for editors.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(opening: Opening, changed: bool, explained: tuple[str, ...], schema: bool, as_json: bool) -> None:
    """Show every setting of the application TARGET, its value and where that was set.

    Secrets are masked. Whatever would stop a start because of the settings stops this too, with exit code 2; --schema
    looks at no settings, and works all the same.
    """
    from hagworm.extend.config import describe

    if schema:
        print_json(schema_of(opening))
        return

    settings = opening.configure(opening.load())

    if explained:
        tell(settings, explained, as_json)
        return

    shown = [setting for setting in describe(settings) if not changed or setting.source != "default"]

    if as_json:
        print_json([{"key": item.key, "value": item.value, "source": item.source} for item in shown])
        return

    print_table(
        ("key", "value", "source"),
        [(item.key, write_value(item.value), item.source) for item in shown],
        styles=("cyan", "bold", "dim"),
    )


def schema_of(opening: Opening) -> object:
    """Return what an editor needs to know about the configuration file of an application."""
    from hagworm.extend.config import describe_schema
    from hagworm.extend.config.schema import Schema
    from hagworm.facade.settings import FrameSettings

    app = opening.load()
    return describe_schema(Schema(app.settings_class, FrameSettings), title=app.title)


def tell(settings: object, keys: tuple[str, ...], as_json: bool) -> None:
    """Print what every place says about some settings, that which holds first."""
    from dataclasses import asdict

    from hagworm.extend.config import Settings, explain

    assert isinstance(settings, Settings)
    found = explain(settings, *keys)

    if as_json:
        print_json([asdict(item) for item in found])
        return

    for number, item in enumerate(found):
        click.echo(f"{chr(10) * bool(number)}{item.key} ({write_type(item.type)}), in the environment {item.variable}")

        if item.note:
            click.echo(f"  {item.note}")

        print_table(
            ("", "value", "source"),
            [("holds" if said.holds else "", write_value(said.value), said.source) for said in item.said],
            styles=("green", "bold", "dim"),
        )


def write_type(schema: dict[str, object]) -> str:
    """Return a type in words."""
    match schema:
        case {"anyOf": list(kinds)}:
            return " or ".join(map(write_type, kinds))
        case {"enum": list(choices)}:
            return " or ".join(repr(choice) for choice in choices)
        case {"type": "array", "items": dict(items)}:
            return f"list of {write_type(items)}"
        case _:
            kind = schema.get("type", "anything")
            words = " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
            return f"{words}{bounds_of(schema)}"


def bounds_of(schema: dict[str, object]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    return "".join((f", at least {low}" if low is not None else "", f", at most {high}" if high is not None else ""))
