"""`hagworm config`: every setting and its source."""

import click

from hagworm.cli.group import Command
from hagworm.cli.opening import Opening, opening_options
from hagworm.cli.table import print_json, print_table, write_value

__all__ = ("command",)


@click.command(
    "config",
    cls=Command,
    examples=("hagworm config orders.app:app", "HAGWORM_SERVER__PORT=9000 hagworm config orders.app:app --changed"),
)
@opening_options
@click.option("--changed", is_flag=True, help="Leave out what nobody has set.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(opening: Opening, changed: bool, as_json: bool) -> None:
    """Show every setting of the application TARGET, its value and where that was set.

    Secrets are masked. Whatever would stop a start because of the settings stops this too, with exit code 2.
    """
    from hagworm.extend.config import describe

    settings = describe(opening.configure(opening.load()))
    shown = [setting for setting in settings if not changed or setting.source != "default"]

    if as_json:
        print_json([{"key": item.key, "value": item.value, "source": item.source} for item in shown])
        return

    print_table(
        ("key", "value", "source"),
        [(item.key, write_value(item.value), item.source) for item in shown],
        styles=("cyan", "bold", "dim"),
    )
