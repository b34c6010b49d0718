"""`hagworm doctor`: what is wrong with this machine."""

import sys
from dataclasses import asdict
from typing import Any

import click

from hagworm.cli.group import Command
from hagworm.cli.opening import Opening, opening_options
from hagworm.cli.table import print_json, print_table
from hagworm.extend.error import HagwormError

__all__ = ("command",)


@click.command("doctor", cls=Command, examples=("hagworm doctor", "hagworm doctor orders.app:app"))
@opening_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(opening: Opening, as_json: bool) -> None:
    """Look at Python, the installed packages, limits, directories and the port; with TARGET at the application too.

    Exits with 1 where something is wrong; every line that says so names a remedy.
    """
    from hagworm.cli.diagnosis import Symptom, examine_machine, examine_packages, examine_service

    symptoms = [*examine_packages(), *examine_machine()]
    settings: Any = None

    try:
        if opening.has_name():
            app = opening.open()
            settings = app.settings
            app.freeze()
            symptoms.append(Symptom("ok", "application", f"{opening.name()}: {app.title} {app.version}"))
        else:
            settings = default_settings(opening)
    except HagwormError as exc:
        symptoms.append(Symptom("fail", "application", str(exc), "hagworm check says more"))

    if settings is not None:
        symptoms += examine_service(settings)

    if as_json:
        print_json([asdict(symptom) for symptom in symptoms])
    else:
        print_table(
            ("", "what", "found", "remedy"),
            [(symptom.level, symptom.what, symptom.found, symptom.remedy) for symptom in symptoms],
            styles=("bold", "cyan"),
        )

    sys.exit(1 if any(symptom.level == "fail" for symptom in symptoms) else 0)


def default_settings(opening: Opening) -> Any:
    """Return what hagworm's own sections are set to, where there is no application to ask for the others."""
    from hagworm.extend.config import load_settings
    from hagworm.facade.settings import FrameSettings

    return load_settings(
        frame=FrameSettings,
        overrides=opening.overrides,
        **opening.places,
    )
