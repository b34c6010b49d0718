"""`hagworm check`: what is wrong with an application, before it serves."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hagworm.cli.deployment import Finding, check_deployment
from hagworm.cli.group import Command
from hagworm.cli.opening import Opening, opening_options, relatives
from hagworm.cli.table import print_json
from hagworm.extend.error import ConfigError, DefinitionError, HagwormError

if TYPE_CHECKING:
    from hagworm.facade.application import App
    from hagworm.facade.limits import Limits
    from hagworm.facade.response import Response
    from hagworm.facade.router import Route

__all__ = ("command",)


@click.command(
    "check",
    cls=Command,
    examples=("hagworm check orders.app:app", "HAGWORM_ENVIRONMENT=production hagworm check orders.app:app --deploy"),
)
@opening_options
@click.option("--deploy", is_flag=True, help="Ask whether it is fit for production, too.")
@click.option("--strict", is_flag=True, help="Let warnings fail the check.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(opening: Opening, deploy: bool, strict: bool, as_json: bool) -> None:
    """Compile the application TARGET as a start would, without starting it, and report what is wrong.

    Exits with 2 where it would not start, with 1 where it is not fit for production, else with 0.
    """
    findings = examine(opening, deploy=deploy)
    fatal = [finding for finding in findings if finding.level == "fatal"]
    failing = [finding for finding in findings if finding.level == "error" or (strict and finding.level == "warning")]

    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{'error' if finding.level == 'fatal' else finding.level}: {finding.text}")

        if not findings:
            click.echo(f"{opening.name()}: nothing is wrong")

    sys.exit(2 if fatal else 1 if failing else 0)


def examine(opening: Opening, *, deploy: bool) -> list[Finding]:
    """Return everything that is wrong. Raises `TargetError` where there is no application to examine."""
    app = opening.load()

    try:
        settings = opening.configure(app)
    except ConfigError as exc:
        return [Finding("fatal", exc.code, problem) for problem in exc.problems]

    from hagworm.facade.engine import load_engine

    findings = [Finding("fatal", DefinitionError.code, text) for text in definition_faults(app)]

    try:
        load_engine(settings.server.engine)
    except HagwormError as exc:
        findings.append(Finding("fatal", exc.code, str(exc)))

    return findings + (check_deployment(app, settings) if deploy else [])


def definition_faults(app: "App") -> list[str]:
    """Return every mistake of the declarations, where freezing tells the first."""
    try:
        app.freeze()
    except DefinitionError as exc:
        known = [str(exc)]
    else:
        return []

    for member in relatives(app):
        limits = member.limits or member.settings.limits
        known += route_faults(member.flatten(), limits)

    return list(dict.fromkeys(known))


def route_faults(routes: "Sequence[Route]", limits: "Limits") -> list[str]:
    """Return the mistakes of some routes, each by itself and against its neighbours: what is wrong is halved."""
    from hagworm.facade.assembly import assemble

    async def never(request: object, error: Exception, handlers: object) -> "Response":
        raise error

    try:
        assemble(routes, limits=limits, failing=never)
    except DefinitionError as exc:
        middle = len(routes) // 2
        halves = [*route_faults(routes[:middle], limits), *route_faults(routes[middle:], limits)] if middle else []
        return halves or [str(exc)]

    return []
