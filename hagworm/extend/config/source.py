"""Settings that are kept elsewhere: a source is found by the scheme of its URL."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import NamedTuple

from hagworm.extend.config.format import FORMATS
from hagworm.extend.config.secret import mask
from hagworm.extend.config.toml import Document
from hagworm.extend.error import ConfigError, nearest

__all__ = ("GROUP", "Found", "Source", "fetch_document", "find_source", "source_names")

HOME = "hagworm.extend.config.sources"
GROUP = "hagworm.config"
"""The group of entry points of sources that other packages bring: `scheme = package.module:SOURCE`."""


class Found(NamedTuple):
    """What a source has answered: text, and in which format (`toml`, `json`, `ini`) that is."""

    text: str
    format: str = "toml"


Source = Callable[[str], Found]
"""Takes a URL, returns what is there; raises OSError or ValueError with the reason. It must not wait without end."""


def find_source(url: str) -> Source:
    """Return the source for the scheme of `url`: a module of ours, or an entry point. Raises `ConfigError`."""
    from importlib.metadata import entry_points

    scheme = url.partition("://")[0].lower() if "://" in url else ""

    for point in entry_points(group=GROUP, name=scheme):
        brought: Source = point.load()
        return brought

    if scheme.isidentifier() and find_spec(f"{HOME}.{scheme}") is not None:
        source: Source = import_module(f"{HOME}.{scheme}").SOURCE
        return source

    known = source_names()
    raise ConfigError(
        f"{mask(url, secret=False)}: settings cannot be read from {scheme or 'a place without a scheme'}"
        f"{nearest(scheme, known)}; known schemes: {', '.join(known)}"
    )


def source_names() -> tuple[str, ...]:
    """Return the schemes for which there is a source."""
    from importlib.metadata import entry_points

    ours = {module.name for module in iter_modules(import_module(HOME).__path__)}
    return tuple(sorted(ours | {point.name for point in entry_points(group=GROUP)}))


def fetch_document(url: str) -> Document:
    """Return what is kept at `url`, passwords in it masked wherever it is named. Raises `ConfigError`."""
    source, name = find_source(url), mask(url, secret=False)

    try:
        found = source(url)
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{name}: cannot be read: {exc}") from exc

    if f".{found.format}" not in FORMATS:
        raise ConfigError(f"{name}: is {found.format!r}, and neither toml nor json nor ini")

    return FORMATS[f".{found.format}"](found.text, name)
