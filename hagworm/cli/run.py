"""`hagworm run`: serve an application."""

import sys
from dataclasses import replace
from typing import Any

import click

from hagworm.cli.group import Command
from hagworm.cli.opening import Opening, opening_options

__all__ = ("command",)


@click.command(
    "run",
    cls=Command,
    examples=(
        "hagworm run orders.app:app",
        "hagworm run orders.app:app --engine tornado --port 9000 --workers 4",
        "hagworm run orders.app:create_app --app-dir src --reload",
    ),
)
@opening_options
@click.option("--engine", metavar="NAME", help="Engine: fastapi, tornado, asgi, memory, or package.module:ENGINE.")
@click.option("--host", metavar="HOST", help="Address to listen on.")
@click.option("--port", metavar="PORT", help="Port to listen on; 0 takes any that is free.")
@click.option("--uds", metavar="PATH", help="Unix socket to listen on, instead of host and port.")
@click.option("--workers", metavar="N", help="Number of processes.")
@click.option("--reload/--no-reload", default=None, help="Start again whenever a source file changes.")
def command(opening: Opening, **options: Any) -> None:
    """Serve the application TARGET until it is told to stop.

    TARGET is package.module:attribute, where the attribute is an App or a function that returns one. SIGTERM and SIGINT
    stop gracefully, with exit code 0. A failed start exits with 2 (configuration) or 3 (the application itself).
    """
    from hagworm.extend.config import Given
    from hagworm.facade.engine import load_engine
    from hagworm.facade.serving import serve

    given = {
        f"server.{name}": Given(value, f"--{name}" if value is not False else f"--no-{name}")
        for name, value in options.items()
        if value is not None
    }
    opening = replace(opening, overrides={**opening.overrides, **given})
    app = opening.open()

    # What can be said before serving begins is said as any other command says it.
    app.freeze()
    load_engine(app.settings.server.engine)
    sys.exit(serve(app))
