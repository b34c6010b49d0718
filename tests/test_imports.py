"""What an import brings along; what it costs is measured by benchmarks/imports.py, and fails no test."""

import ast
from collections.abc import Iterator

import pytest

from tests.test_house import run_python
from tests.tree import Module, modules_under

SELDOM: dict[str, set[str]] = {
    "csv": set(),
    "ctypes": {"base.interfaces"},
    "difflib": set(),
    "email": set(),
    "http": set(),
    "importlib.metadata": set(),
    "importlib.resources": set(),
    "logging.handlers": set(),
    "multiprocessing": set(),
    "secrets": set(),
    "shutil": {"compile.build"},
    "sqlite3": set(),
    "statistics": set(),
    "tarfile": {"base.archive.untar"},
    "tempfile": {"compile.build", "excel.writers.xlsxwriter", "process.segment"},
    "unittest": set(),
    "urllib.request": set(),
    "uuid": {"base.identifier", "field.catalogue"},
    "xml": {"excel.guard"},
    "zipfile": {"base.archive.unzip", "excel.guard"},
    "zoneinfo": set(),
}
"""Modules of the standard library that take milliseconds to import and are needed by few calls, so that they stand in
the functions that need them; and the modules of `extend` that may have them at once."""


def is_within(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def imported_at_once(module: Module) -> Iterator[str]:
    """Yield what is imported with the module: not in its functions, and not for type checkers alone."""
    waiting: list[ast.AST] = [module.tree]

    while waiting:
        match waiting.pop():
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(source), names=names):
                yield source
                yield from (f"{source}.{alias.name}" for alias in names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                pass
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                waiting.extend(otherwise)
            case node:
                waiting.extend(ast.iter_child_nodes(node))


def names_its_homes(module: Module) -> bool:
    """Whether it is a package that loads nothing of itself before it is asked for it."""
    ours = {name for name in imported_at_once(module) if name.startswith("hagworm.")}
    return bool(ours) and all(is_within(name, "hagworm.extend.lazy") for name in ours)


DOORS = [module for module in modules_under("extend") if names_its_homes(module)]


@pytest.mark.parametrize("module", modules_under("extend"), ids=repr)
def test_what_few_calls_need_is_imported_by_them(module: Module) -> None:
    at_once = set(imported_at_once(module))
    early = {name for name in SELDOM if any(is_within(other, name) for other in at_once)}

    assert {name for name in early if module.name.removeprefix("hagworm.extend.") not in SELDOM[name]} == set()


def test_nothing_is_excepted_that_needs_no_exception() -> None:
    at_once = {
        module.name.removeprefix("hagworm.extend."): set(imported_at_once(module)) for module in modules_under("extend")
    }

    assert [
        (name, room)
        for name, rooms in SELDOM.items()
        for room in rooms
        if not any(is_within(other, name) for other in at_once.get(room, ()))
    ] == []


def test_no_plain_room_brings_an_event_loop() -> None:
    """Of the twins, the one that decides can be had without the one that acts."""
    names = [module.name for module in modules_under("extend")]
    plain = [name for name in names if not is_within(name, "hagworm.extend.asyncio")]
    brought = run_python(
        f"""
import importlib, json, sys
brought = []
for name in {plain!r}:
    importlib.import_module(name)
    if "asyncio" in sys.modules:
        brought.append(name)
print(json.dumps(brought))
""",
        "-S",
    )

    assert brought == []


def test_the_door_of_a_room_brings_nothing_that_is_behind_it() -> None:
    assert len(DOORS) > 20
    names = [module.name for module in DOORS]
    brought = run_python(
        f"""
import importlib, json, sys
for name in {names!r}:
    importlib.import_module(name)
print(json.dumps(sorted(name for name in sys.modules if name.startswith("hagworm."))))
""",
        "-S",
    )
    rooms = {".".join(name.split(".")[:length]) for name in names for length in range(2, name.count(".") + 2)}

    assert set(brought) == {*rooms, "hagworm.extend.lazy"}
