"""A tree of sources as a tree of bytecode."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, HOMES)
