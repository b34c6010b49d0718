"""Interpreters as children: a fresh Python that finds the same modules, and the same main module, as this one."""

import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

from hagworm.extend.process.reference import resolve

__all__ = ("command_line", "enter", "main_module")

# It must find this file before it can ask it for anything.
ENTRANCE = (
    "import json,sys;"
    "given=json.loads(sys.argv[1]);"
    "sys.path[:]=given['path'];"
    "from hagworm.extend.process.interpreter import enter;"
    "sys.exit(enter(given))"
)


def command_line(entry: str, *args: str | int) -> list[str]:
    """Return what starts an interpreter that calls `entry`, given as `module:name`, with `args`, and exits with that.

    It has the flags and the module path of this one, and loads this one's main module when something of it is asked
    for, under the name `__mp_main__` as `multiprocessing` does: what stands below `if __name__ == "__main__":` is not
    run again. By that name this one's is known here as well, for what the other one pickles.
    """
    sys.modules.setdefault("__mp_main__", sys.modules["__main__"])
    given = {"path": sys.path, "argv": sys.argv, "main": main_module(), "entry": entry, "args": args}
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # what multiprocessing asks
    return [sys.executable, *flags, "-c", ENTRANCE, json.dumps(given)]


def main_module() -> dict[str, str] | None:
    """Return how another interpreter can load the main module of this one, or None where it has no file."""
    main = sys.modules.get("__main__")
    name = getattr(getattr(main, "__spec__", None), "name", None)

    if isinstance(main, LazyMain):
        return main.__dict__["given"] or None

    if isinstance(name, str):
        # A package is run by its `__main__.py`, which is not written to be imported.
        return None if name == "__main__" or name.endswith(".__main__") else {"name": name}

    path = getattr(main, "__file__", None)
    return {"path": os.path.abspath(path)} if isinstance(path, str) else None


def enter(given: dict[str, Any]) -> Any:
    """Become what `command_line` has described; runs in the child."""
    sys.argv[:] = given["argv"]
    sys.modules["__main__"] = LazyMain(given["main"])
    return resolve(given["entry"])(*given["args"])


class LazyMain(ModuleType):
    """The main module of the parent, loaded when the first of its names is looked up."""

    def __init__(self, given: dict[str, str] | None) -> None:
        super().__init__("__main__")
        self.__dict__["given"] = given

    def __getattr__(self, name: str) -> Any:
        given = self.__dict__["given"]

        if given is None or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(f"module '__main__' has no attribute {name!r}")

        import runpy

        module = ModuleType("__mp_main__")
        sys.modules["__main__"] = sys.modules["__mp_main__"] = module

        try:
            if "name" in given:
                content = runpy.run_module(given["name"], run_name="__mp_main__", alter_sys=True)
            else:
                content = runpy.run_path(given["path"], run_name="__mp_main__")
        except BaseException:
            sys.modules["__main__"] = self
            raise

        module.__dict__.update(content)
        return getattr(module, name)
