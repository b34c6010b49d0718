"""Settings that are read again while a service runs: what becomes different, and what has to wait for a restart."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from hagworm.extend.config.build import Built, build
from hagworm.extend.config.fault import ABSENT
from hagworm.extend.config.layer import dotted
from hagworm.extend.config.schema import Leaf, Path, Schema, Section
from hagworm.extend.config.secret import mask
from hagworm.extend.error import ConfigError, nearest

__all__ = ("Change", "Renewal", "check_keys", "covers", "renew")


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """One setting that is another than before; its text does not show secrets."""

    path: Path
    old: Any
    new: Any
    source: str
    secret: bool = False

    @property
    def key(self) -> str:
        """The setting: `server.port`."""
        return dotted(self.path)

    def __repr__(self) -> str:
        old, new = mask(self.old, secret=self.secret), mask(self.new, secret=self.secret)
        return f"<Change of {self.key}: {old!r} -> {new!r} ({self.source})>"


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a reload has found."""

    changed: tuple[Change, ...]
    """What holds from now on."""
    pending: tuple[Change, ...]
    """What is set otherwise by now, and was not asked for: it holds after a restart."""


def check_keys(schema: Schema, keys: Iterable[str]) -> None:
    """Raise `ConfigError` for keys that name neither a setting nor a section."""
    known = [*(dotted(path) for path, _ in schema.leaves()), *schema.root.children]
    unknown = [key for key in keys if schema.find(tuple(key.split("."))) is None]

    if unknown:
        raise ConfigError(*(f"{key}: there is no such setting or section{nearest(key, known)}" for key in unknown))


def covers(keys: Iterable[str], path: Path) -> bool:
    """Whether one of `keys` is `path`, or a section around it."""
    return any(path[: key.count(".") + 1] == tuple(key.split(".")) for key in keys)


def renew(schema: Schema, old: Built, fresh: Built, keys: Iterable[str]) -> tuple[Built, Renewal]:
    """Return `old` with the values of `fresh` for `keys`, and what that changes. Raises `ConfigError`."""
    wanted = tuple(keys)
    differing = [path for path in {**old.values, **fresh.values} if value_of(old, path) != value_of(fresh, path)]
    chosen = [path for path in differing if covers(wanted, path)]
    values = {path: value for path, value in old.values.items() if path not in chosen}
    values |= {path: fresh.values[path] for path in chosen if path in fresh.values}
    built = build(schema, values)
    changes = {path: change_of(schema, path, old, fresh) for path in differing}
    history = {**old.history, **{path: fresh.history.get(path, ()) for path in chosen}}
    pending = tuple(change for path, change in changes.items() if path not in chosen)
    return replace(built, history=history), Renewal(tuple(changes[path] for path in chosen), pending)


def value_of(built: Built, path: Path) -> Any:
    known = built.values.get(path)
    return default_of(built, path) if known is None else known.value


def default_of(built: Built, path: Path) -> Any:
    """Return what holds at `path` where nobody has set it."""
    found: Any = built.parts

    for part in path:
        found = found.get(part, ABSENT) if isinstance(found, dict) else getattr(found, part, ABSENT)

    return found


def change_of(schema: Schema, path: Path, old: Built, fresh: Built) -> Change:
    node: Leaf | Section | None = schema.find(path)
    source = fresh.values[path].source if path in fresh.values else "default"
    return Change(path, value_of(old, path), value_of(fresh, path), source, isinstance(node, Leaf) and node.secret)
