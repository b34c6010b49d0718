"""Where the layers are read from: files, the environment, the command line."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from hagworm.extend.config.build import Built, resolve
from hagworm.extend.config.dotenv import Variable, parse_dotenv
from hagworm.extend.config.format import parse_document
from hagworm.extend.config.layer import Given, argument_layer, file_layer, spelled, variable_layer
from hagworm.extend.config.schema import Schema
from hagworm.extend.config.settings import Settings
from hagworm.extend.config.source import fetch_document
from hagworm.extend.config.toml import Document
from hagworm.extend.error import ConfigError, nearest

__all__ = ("CONFIG_NAME", "Places", "load_settings", "peek", "read_places")

CONFIG_NAME = "hagworm.toml"
PROFILE_NAME = "hagworm.{}.toml"


@dataclass(frozen=True, slots=True)
class Places:
    """Everything that was read, before anybody knows which settings there are."""

    documents: list[Document]
    """`hagworm.toml`, that of the profile, the file that was named, what is kept elsewhere: the later wins."""
    dotenv: list[Variable]
    environment: list[Variable]


def load_settings(
    business: type | None = None,
    *,
    frame: type,
    beside: Iterable[type] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    directory: FilePath | None = None,
    app_dir: FilePath | None = None,
    config_file: str | FilePath | None = None,
    profile: str | None = None,
    source: str | None = None,
) -> Settings:
    """Return the settings of `frame` with those of `business` beside them.

    Of several places that set the same key the first wins: `overrides` (`{"server.port": "8001"}`, the command line),
    the environment (`HAGWORM_SERVER__PORT`; `HAGWORM_SERVER__PORT_FILE` names a file that holds the value), `.env` in
    `directory`, what is kept at the URL `source` (or `HAGWORM_SOURCE`), the file `config_file` (or `HAGWORM_CONFIG`),
    `hagworm.<profile>.toml` of the `profile` (or `HAGWORM_PROFILE`), `hagworm.toml` in `directory` or else in
    `app_dir`, the defaults of the classes. A named file may also be `.json` or `.ini`. Sections of classes `beside` may
    be set in the same places, for other applications of the process: they are passed over. `environ` is `os.environ`
    and `directory` the working directory unless given.

    Raises `ConfigError` with every problem found, each with its key and source, and `DefinitionError` for classes that
    cannot describe settings.
    """
    schema = Schema(business, frame, beside)
    directory = directory or FilePath.cwd()
    read = reader(directory)

    def resolve_all() -> Built:
        places = read_places(
            environ=environ,
            directory=directory,
            app_dir=app_dir,
            config_file=config_file,
            profile=profile,
            source=source,
        )
        layers = [
            *(file_layer(document, schema) for document in places.documents),
            variable_layer(places.dotenv, schema, read),
            variable_layer(places.environment, schema, read),
            argument_layer(overrides or {}, schema),
        ]
        return resolve(schema, layers)

    return Settings(schema, resolve_all(), resolve_all)


def peek(key: str, places: Places) -> Given | None:
    """Return the text that is set for one key, before the rest can be understood; None where nothing is.

    It is how the target of the command line is found, which then tells what else may be set.
    """
    path = tuple(key.split("."))

    for variables in (places.environment, places.dotenv):
        for variable in reversed(variables):
            if variable.name.upper() == spelled(path) and variable.value:
                return Given(variable.value, variable.source)

    for document in reversed(places.documents):
        value: Any = document.values

        for part in path:
            value = value.get(part) if isinstance(value, dict) else None

        if isinstance(value, str) and value:
            return Given(value, document.source(path))

    return None


def read_places(
    *,
    environ: Mapping[str, str] | None = None,
    directory: FilePath | None = None,
    app_dir: FilePath | None = None,
    config_file: str | FilePath | None = None,
    profile: str | None = None,
    source: str | None = None,
) -> Places:
    """Read every place of `load_settings` that is there. Raises `ConfigError` naming each that cannot be read."""
    directory = directory or FilePath.cwd()
    environ = os.environ if environ is None else environ
    problems: list[str] = []

    def attempt(path: FilePath, parse: Callable[[str, str], Any], fallback: Any) -> Any:
        name = shown(path, directory)

        try:
            return parse(path.read_text(encoding="utf-8-sig"), name)
        except ConfigError as exc:
            problems.extend(exc.problems)
        except UnicodeDecodeError as exc:
            problems.append(f"{name}: not UTF-8 text (byte {exc.start})")
        except OSError as exc:
            problems.append(f"{name}: cannot be read: {exc.strerror}")

        return fallback

    environment = [Variable(name, value, f"env {name}") for name, value in environ.items()]
    dotenv: list[Variable] = []
    documents: list[Document] = []

    if (path := directory / ".env").is_file():
        dotenv = attempt(path, parse_dotenv, dotenv)

    variables = [*dotenv, *environment]
    folders = [place for place in (directory, app_dir) if place is not None]
    chosen: list[FilePath] = []

    if (usual := first_file(folders, CONFIG_NAME)) is not None:
        chosen.append(usual)

    if wanted := named(profile, "--profile", "HAGWORM_PROFILE", variables):
        if (special := first_file(folders, PROFILE_NAME.format(wanted.value))) is not None:
            chosen.append(special)
        else:
            problems.append(describe_missing(wanted, folders))

    if wanted := named(config_file, "--config", "HAGWORM_CONFIG", variables):
        path = directory / FilePath(wanted.value).expanduser()

        if not path.is_file():
            problems.append(f"{wanted.value}: no such file ({wanted.source})")
        elif not any(path.samefile(known) for known in chosen):
            chosen.append(path)

    documents += [attempt(path, parse_document, None) for path in chosen]

    if wanted := named(source, "--source", "HAGWORM_SOURCE", variables):
        try:
            documents.append(fetch_document(wanted.value))
        except ConfigError as exc:
            problems += [f"{problem} ({wanted.source})" for problem in exc.problems]

    if problems:
        raise ConfigError(*problems)

    return Places(documents, dotenv, environment)


def named(given: str | FilePath | None, option: str, variable: str, variables: list[Variable]) -> Given | None:
    """Return what was given to the option, or else in the variable, `.env` before the environment; None if nothing."""
    if given is not None:
        return Given(str(given), option)

    for one in reversed(variables):
        if one.name == variable and one.value:
            return Given(one.value, one.source)

    return None


def first_file(folders: Iterable[FilePath], name: str) -> FilePath | None:
    return next((path for folder in folders if (path := folder / name).is_file()), None)


def describe_missing(profile: Given, folders: list[FilePath]) -> str:
    begin, end = PROFILE_NAME.split("{}")
    found = {path.name for folder in folders for path in folder.glob(PROFILE_NAME.format("*"))}
    known = sorted(name.removeprefix(begin).removesuffix(end) for name in found)
    return (
        f"profile {profile.value!r}: there is no {PROFILE_NAME.format(profile.value)} ({profile.source})"
        f"{nearest(profile.value, known)}; profiles: {', '.join(known) or 'none'}"
    )


def reader(directory: FilePath) -> Callable[[str], str]:
    return lambda name: (directory / FilePath(name).expanduser()).read_text(encoding="utf-8-sig")


def shown(path: FilePath, directory: FilePath) -> str:
    """Return how a path is called in messages: relative where it lies in the working directory."""
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)
