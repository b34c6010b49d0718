"""`hagworm openapi`: the description of an application, the same bytes that it serves."""

import sys
from pathlib import Path

import click

from hagworm.cli.group import Command
from hagworm.cli.opening import Opening, opening_options

__all__ = ("command",)


@click.command(
    "openapi",
    cls=Command,
    examples=("hagworm openapi orders.app:app -o openapi.json", "hagworm openapi orders.app:app | jq .paths"),
)
@opening_options
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE instead of stdout."
)
def command(opening: Opening, output: Path | None) -> None:
    """Write the OpenAPI document of the application TARGET: the very bytes that it serves."""
    from hagworm.facade.openapi import render
    from hagworm.facade.service_routes import describe

    app = opening.open()
    app.freeze()
    content = render(describe(app))

    if output is None:
        sys.stdout.buffer.write(content)
        return

    try:
        output.write_bytes(content)
    except OSError as exc:
        raise click.ClickException(f"cannot write {output}: {exc.strerror}") from exc

    click.echo(f"{output}: {len(content)} bytes", err=True)
