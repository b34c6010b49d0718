"""`hagworm routes`: what an application answers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from hagworm.cli.group import Command
from hagworm.cli.opening import Opening, opening_options
from hagworm.cli.table import print_json, print_table
from hagworm.cli.target import shown

if TYPE_CHECKING:
    from hagworm.facade.runtime import Runtime

__all__ = ("command",)


@click.command(
    "routes", cls=Command, examples=("hagworm routes orders.app:app", "hagworm routes --json | jq '.[].path'")
)
@opening_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(opening: Opening, as_json: bool) -> None:
    """List the routes of the application TARGET, in the order in which they were declared."""
    routes = list(describe(opening.open().freeze(), ""))

    if as_json:
        print_json(routes)
        return

    print_table(
        ("methods", "path", "name", "handler"),
        [(",".join(route["methods"]), route["path"], route["name"] or "", place(route)) for route in routes],
        styles=("green", "bold", "cyan", "dim"),
    )


def describe(runtime: "Runtime", prefix: str) -> Iterator[dict[str, Any]]:
    """Every route of an application, and of those mounted in it."""
    for plan in runtime.plans:
        yield {
            "methods": ["WEBSOCKET"] if plan.websocket else sorted(plan.methods),
            "path": prefix + plan.template,
            "name": plan.name,
            "handler": f"{plan.endpoint.__module__}:{plan.endpoint.__qualname__}",
            "location": plan.location,
            "tags": list(plan.tags),
            "deprecated": plan.deprecated,
        }

    for mount in runtime.mounts:
        if hasattr(mount.target, "plans"):
            yield from describe(mount.target, prefix + mount.prefix)
        else:
            yield {
                "methods": ["*"],
                "path": f"{prefix}{mount.prefix}/{{rest:path}}",
                "name": None,
                "handler": f"mounted {type(mount.target).__name__}",
                "location": None,
                "tags": [],
                "deprecated": False,
            }


def place(route: dict[str, Any]) -> str:
    """Return what answers, and where it stands; what hagworm adds itself is of no interest."""
    if not route["location"]:
        return str(route["handler"])

    if route["handler"].startswith("hagworm."):
        return "(hagworm)"

    return f"{route['handler']} ({shown_place(route['location'])})"


def shown_place(location: str) -> str:
    name, colon, line = location.rpartition(":")
    return f"{shown(name)}:{line}" if colon else location
