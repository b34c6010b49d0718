"""Layered, typed settings: where each value comes from is known, and nothing unknown is accepted."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.config.bound import Range as Range
    from hagworm.extend.config.layer import Given as Given
    from hagworm.extend.config.loader import Places as Places
    from hagworm.extend.config.loader import load_settings as load_settings
    from hagworm.extend.config.loader import peek as peek
    from hagworm.extend.config.loader import read_places as read_places
    from hagworm.extend.config.secret import Secret as Secret
    from hagworm.extend.config.settings import Setting as Setting
    from hagworm.extend.config.settings import Settings as Settings
    from hagworm.extend.config.settings import describe as describe

# Loaded on first use: a module that declares a section needs `Secret` and `Range`, not the loader behind them.
HOMES = {
    "Given": "hagworm.extend.config.layer",
    "Places": "hagworm.extend.config.loader",
    "Range": "hagworm.extend.config.bound",
    "Secret": "hagworm.extend.config.secret",
    "Setting": "hagworm.extend.config.settings",
    "Settings": "hagworm.extend.config.settings",
    "describe": "hagworm.extend.config.settings",
    "load_settings": "hagworm.extend.config.loader",
    "peek": "hagworm.extend.config.loader",
    "read_places": "hagworm.extend.config.loader",
}

__all__ = tuple(HOMES)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module 'hagworm.extend.config' has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
