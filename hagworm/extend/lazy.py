"""Packages whose names are there at once, and whose modules are loaded with the first use of one of them."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ("lazy_names",)


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return what a package is to have as `__getattr__` and `__dir__` (PEP 562).

    `homes` says for each name in which module it is: one with dots anywhere, one without in the package itself. For
    whoever reads types, the package imports the same names under `if TYPE_CHECKING`.
    """
    contents = vars(sys.modules[package])

    def find(name: str) -> Any:
        if (home := homes.get(name)) is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")

        value = contents[name] = getattr(import_module(home if "." in home else f"{package}.{home}"), name)
        return value

    def names() -> list[str]:
        return sorted({*contents, *homes})

    return find, names
