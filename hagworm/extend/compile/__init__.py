"""A tree of sources as a tree of bytecode."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.compile.build import Built as Built
    from hagworm.extend.compile.build import check_tree as check_tree
    from hagworm.extend.compile.build import compile_tree as compile_tree
    from hagworm.extend.compile.plan import Difference as Difference

# Loaded on first use: nothing of this is needed to serve.
HOMES = {
    "Built": "hagworm.extend.compile.build",
    "Difference": "hagworm.extend.compile.plan",
    "check_tree": "hagworm.extend.compile.build",
    "compile_tree": "hagworm.extend.compile.build",
}

__all__ = tuple(HOMES)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module 'hagworm.extend.compile' has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
