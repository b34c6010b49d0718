"""Functions and variables by name: what one process says so that another finds the same."""

import sys
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

from hagworm.extend.error import DefinitionError

__all__ = ("reference", "resolve")

MISSING: Any = object()


def reference(named: Callable[..., Any]) -> str:
    """Return `module:name` of a function or class, by which `resolve` finds it in another process.

    Raises `DefinitionError` for what no name leads to: lambdas, functions inside functions, methods of an instance.
    """
    module = getattr(named, "__module__", None)
    name = getattr(named, "__qualname__", None)

    if not isinstance(module, str) or not isinstance(name, str):
        raise DefinitionError(f"{named!r} has no name that another process would find it by")

    found: Any = sys.modules.get(module, MISSING)

    for part in name.split("."):
        found = getattr(found, part, MISSING)

    # A class method is made anew whenever it is looked up, and equal to itself.
    if found is not named and found != named:
        raise DefinitionError(
            f"{module}:{name} does not lead to {named!r}: only what stands at the top level of a module, or in a class"
            " there, can be found by another process"
        )

    return f"{module}:{name}"


@lru_cache(4096)
def resolve(name: str) -> Any:
    """Return what `module:name` leads to, importing the module.

    Raises ImportError and AttributeError where it leads nowhere, and whatever the module raises while it is imported.
    """
    module, _, path = name.partition(":")
    found: Any = sys.modules["__main__"] if module == "__main__" else import_module(module)

    for part in path.split("."):
        found = getattr(found, part)

    return found
