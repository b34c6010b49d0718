"""The settings of one application, as its code reads them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from hagworm.extend.config.build import Built, Values, build, resolve
from hagworm.extend.config.layer import argument_layer, dotted
from hagworm.extend.config.renewal import Change, Renewal, check_keys, covers, renew
from hagworm.extend.config.schema import Leaf, Path, Schema, Section
from hagworm.extend.config.secret import is_secret_name, mask, reveal

__all__ = ("Setting", "Settings", "describe")


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of `hagworm config`; the value is masked where it is secret."""

    key: str
    value: Any
    source: str


class Settings:
    """Every section by its name: `settings.server.port`, `settings.orders.token`. Nobody changes it.

    What the business's own class offers beside its fields (properties, methods) is reached the same way. Keys that are
    named to `reload` are read again, all at once; sections are replaced then, not changed: `settings.orders` has the
    new values, and whoever has kept the section from before has the old ones.
    """

    __slots__ = ("_again", "_built", "_listeners", "_schema")

    _again: Callable[[], Built] | None
    _built: Built
    _listeners: list[tuple[tuple[str, ...], Callable[[Change], object]]]
    _schema: Schema

    def __init__(self, schema: Schema, built: Built, again: Callable[[], Built] | None = None) -> None:
        object.__setattr__(self, "_schema", schema)
        object.__setattr__(self, "_built", built)
        object.__setattr__(self, "_again", again)
        object.__setattr__(self, "_listeners", [])

    @property
    def sources(self) -> Mapping[str, str]:
        """Where each value comes from, by key: `hagworm.toml:3`, `env HAGWORM_SERVER__PORT`, `--port`, `default`."""
        values = self._built.values
        return MappingProxyType(
            {
                dotted(path): values[path].source if path in values else "default"
                for path, _, _ in rows(self._schema, self._built)
            }
        )

    def as_dict(self, *, masked: bool = True) -> dict[str, Any]:
        """Return the values as nested dictionaries; with `masked=False` secrets stand in it as plain text."""
        tree: dict[str, Any] = {}

        for path, secret, value in rows(self._schema, self._built):
            table = tree

            for part in path[:-1]:
                table = table.setdefault(part, {})

            table[path[-1]] = mask(value, secret=secret) if masked else reveal(value)

        return tree

    @contextmanager
    def override(self, **values: Any) -> Iterator["Settings"]:
        """Let other values hold inside the block, for tests: `settings.override(**{"server.port": 0})`.

        Yields this same object; blocks nest. What an application compiled when it froze stays as it was.
        Raises `ConfigError` for an unknown key or a value that does not fit.
        """
        outer = self._built
        changed = resolve(self._schema, [argument_layer(values, self._schema)], base=outer.values)
        object.__setattr__(self, "_built", changed)

        try:
            yield self
        finally:
            object.__setattr__(self, "_built", outer)

    def on_change(self, callback: Callable[[Change], object], *keys: str) -> None:
        """Have `callback` called with each change of one of `keys`, or of a setting below one, that is reloaded.

        Raises `ConfigError` for a key that there is not.
        """
        check_keys(self._schema, keys)
        self._listeners.append((keys, callback))

    def read_again(self) -> Built:
        """Read all places anew, and return what they say now, for `apply`; that takes as long as files and networks do.

        Raises `ConfigError` with every problem, and RuntimeError for settings that were not read from anywhere.
        """
        if self._again is None:
            raise RuntimeError("these settings were not read from anywhere, so they cannot be read again")

        return self._again()

    def apply(self, fresh: Built, *keys: str) -> Renewal:
        """Let `keys`, and the settings below them, be as in `fresh`, all at once; everything else stays as it is.

        What is different in other keys is told as `pending`: it waits for a restart. Those who listen are called when
        all is in place; what they raise is raised as an ExceptionGroup after all have been called. Raises `ConfigError`
        where the new values do not go with the old ones, and leaves all as it is.
        """
        check_keys(self._schema, keys)
        built, renewal = renew(self._schema, self._built, fresh, keys)
        object.__setattr__(self, "_built", built)
        errors: list[Exception] = []

        for change in renewal.changed:
            for wanted, callback in self._listeners:
                if covers(wanted, change.path):
                    try:
                        callback(change)
                    except Exception as exc:  # told to the others first
                        errors.append(exc)

        if errors:
            raise ExceptionGroup("settings were reloaded, and some who were told failed", errors)

        return renewal

    def reload(self, *keys: str) -> Renewal:
        """Read `keys`, and the settings below them, anew: `read_again` and `apply` in one."""
        return self.apply(self.read_again(), *keys)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also while an object is being unpickled
            raise AttributeError(name)

        parts = self._built.parts

        if name in parts:
            return parts[name]

        try:
            return getattr(self._built.business, name)
        except AttributeError:
            raise AttributeError(f"no section or setting is called {name!r}; there are: {', '.join(parts)}") from None

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("settings do not change; tests use settings.override()")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("settings do not change; tests use settings.override()")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._built.parts})

    def __repr__(self) -> str:
        rest = [f"{item.key}={item.value!r}" for item in describe(self) if item.source != "default"]
        return f"<Settings {', '.join(rest) or 'all defaults'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        business = self._schema.business
        return restore, (
            business and business.kind,
            self._schema.frame.kind,
            self._schema.beside,
            self._built.values,
        )


def describe(settings: Settings) -> list[Setting]:
    """Return every setting with its source, in the order of declaration, secrets masked."""
    sources = settings.sources
    return [
        Setting(dotted(path), mask(value, secret=secret), sources[dotted(path)])
        for path, secret, value in rows(settings._schema, settings._built)
    ]


def rows(schema: Schema, built: Built) -> Iterator[tuple[Path, bool, Any]]:
    """Every setting: its path, whether it is a secret, its value. A section that is None is one row."""
    yield from below(schema.root, (), built.parts)

    for path, value in built.values.items():
        if schema.find(path) is None:  # a key that an open pydantic model took
            yield path, is_secret_name(path[-1]), value.value


def below(section: Section, path: Path, whole: Any) -> Iterator[tuple[Path, bool, Any]]:
    for name, child in section.children.items():
        here = (*path, name)
        value = whole[name] if isinstance(whole, dict) else getattr(whole, name)

        if isinstance(child, Leaf):
            yield here, child.secret, value
        elif value is None:
            yield here, False, None
        else:
            yield from below(child, here, value)


def restore(business: type | None, frame: type, beside: tuple[type, ...], values: Values) -> Settings:
    schema = Schema(business, frame, beside)
    return Settings(schema, build(schema, values))
