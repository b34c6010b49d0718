"""What the subcommands have in common: options for the target and its settings, and the application behind them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hagworm.extend.error import DefinitionError, TargetError

if TYPE_CHECKING:
    from hagworm.extend.config import Given
    from hagworm.facade.application import App

__all__ = ("Opening", "opening_options", "relatives")


@dataclass(frozen=True, slots=True)
class Opening:
    """How an application was asked for."""

    target: str | None
    app_dir: Path | None
    places: "Mapping[str, Any]"
    """Where settings are read from: the arguments of `read_places` that were given."""
    overrides: "Mapping[str, Given]"

    def name(self) -> str:
        """Return the target: the one given, or the one that the configuration names. Raises `TargetError`."""
        if self.target:
            return self.target

        from hagworm.extend.config import peek, read_places

        found = peek("app.target", read_places(**self.places))

        if found is None:
            raise TargetError(
                "no application was named: give one, like orders.app:app, or set target in [app] of hagworm.toml"
            )

        return str(found.value)

    def has_name(self) -> bool:
        """Tell whether there is a target at all."""
        try:
            return bool(self.name())
        except TargetError:
            return False

    def load(self) -> "App":
        """Import the application. Raises `TargetError`."""
        from hagworm.cli.target import load_target

        return load_target(self.name(), self.app_dir)

    def configure(self, app: "App") -> Any:
        """Load the settings of an application and of all that are mounted in it. Raises `ConfigError`."""
        from hagworm.extend.config import load_settings
        from hagworm.facade.settings import FrameSettings

        family = list(dict.fromkeys(relatives(app)))
        classes = [member.settings_class for member in family if member.settings_class is not None]

        for member in reversed(family):
            settings = load_settings(
                member.settings_class,
                frame=FrameSettings,
                beside=[kind for kind in classes if kind is not member.settings_class],
                overrides=self.overrides,
                **self.places,
            )

            try:
                member.configure(settings)
            except RuntimeError as exc:
                raise DefinitionError(f"{self.name()}: {exc}") from exc

        return settings

    def open(self) -> "App":
        """Import the application and give it its settings."""
        app = self.load()
        self.configure(app)
        return app


def relatives(app: "App") -> "Iterator[App]":
    """An application, then those mounted in it, in it first."""
    from hagworm.facade.application import App

    yield app

    for mount in app.mounts:
        target = getattr(mount.target, "app", mount.target)  # frozen by now, or not yet

        if isinstance(target, App):
            yield from relatives(target)


def opening_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument TARGET and the options that say where code and settings are; the function gets an `Opening`."""

    @click.argument("target", required=False)
    @click.option(
        "--app-dir",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Look for the module, and for a hagworm.toml, in this directory.",
    )
    @click.option("--config", metavar="FILE", help="Read this file over hagworm.toml. [env: HAGWORM_CONFIG]")
    @click.option("--profile", metavar="NAME", help="Read hagworm.NAME.toml over hagworm.toml. [env: HAGWORM_PROFILE]")
    @click.option("--source", metavar="URL", help="Read what is kept at URL over the files. [env: HAGWORM_SOURCE]")
    @click.option(
        "--set",
        "pairs",
        metavar="KEY=VALUE",
        multiple=True,
        callback=split_settings,
        help="Set anything, for example --set log.level=debug; may be repeated.",
    )
    @wraps(function)
    def wrapper(
        target: str | None,
        app_dir: Path | None,
        config: str | None,
        profile: str | None,
        source: str | None,
        pairs: Any,
        **options: Any,
    ) -> Any:
        places = {"app_dir": app_dir, "config_file": config, "profile": profile, "source": source}
        return function(Opening(target, app_dir, places, pairs), **options)

    return wrapper


def split_settings(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> "dict[str, Given]":
    """Read `KEY=VALUE` pairs."""
    from hagworm.extend.config import Given

    settings: dict[str, Given] = {}

    for pair in values:
        key, equals, value = pair.partition("=")

        if not equals or not key.strip():
            raise click.BadParameter(f"expected KEY=VALUE, got {pair!r}", ctx=ctx, param=param)

        settings[key.strip()] = Given(value, f"--set {key.strip()}")

    return settings
