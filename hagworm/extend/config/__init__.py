"""Layered, typed settings: where each value comes from is known, and nothing unknown is accepted."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.config.bound import Range as Range
    from hagworm.extend.config.contract import describe_schema as describe_schema
    from hagworm.extend.config.explanation import Explanation as Explanation
    from hagworm.extend.config.explanation import explain as explain
    from hagworm.extend.config.layer import Given as Given
    from hagworm.extend.config.loader import Places as Places
    from hagworm.extend.config.loader import load_settings as load_settings
    from hagworm.extend.config.loader import peek as peek
    from hagworm.extend.config.loader import read_places as read_places
    from hagworm.extend.config.note import notes_of as notes_of
    from hagworm.extend.config.renewal import Change as Change
    from hagworm.extend.config.renewal import Renewal as Renewal
    from hagworm.extend.config.secret import Secret as Secret
    from hagworm.extend.config.settings import Setting as Setting
    from hagworm.extend.config.settings import Settings as Settings
    from hagworm.extend.config.settings import describe as describe
    from hagworm.extend.config.source import Found as Found
    from hagworm.extend.config.source import Source as Source

# Loaded on first use: a module that declares a section needs `Secret` and `Range`, not the loader behind them.
HOMES = {
    "Change": "hagworm.extend.config.renewal",
    "Explanation": "hagworm.extend.config.explanation",
    "Found": "hagworm.extend.config.source",
    "Given": "hagworm.extend.config.layer",
    "Places": "hagworm.extend.config.loader",
    "Range": "hagworm.extend.config.bound",
    "Renewal": "hagworm.extend.config.renewal",
    "Secret": "hagworm.extend.config.secret",
    "Setting": "hagworm.extend.config.settings",
    "Settings": "hagworm.extend.config.settings",
    "Source": "hagworm.extend.config.source",
    "describe": "hagworm.extend.config.settings",
    "describe_schema": "hagworm.extend.config.contract",
    "explain": "hagworm.extend.config.explanation",
    "load_settings": "hagworm.extend.config.loader",
    "notes_of": "hagworm.extend.config.note",
    "peek": "hagworm.extend.config.loader",
    "read_places": "hagworm.extend.config.loader",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
