"""What every room keeps to, whoever wrote it; the import contracts are in setup.cfg."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tree import PACKAGE, ROOT, Module, modules, modules_under

STANDARD_LIBRARY = sys.stdlib_module_names

COMES_WITH: dict[str, set[str]] = {
    "asgi": {"granian", "httptools", "hypercorn", "uvicorn", "uvloop"},
    "fastapi": {"pydantic", "starlette"},
    "gunicorn": {"uvloop"},
    "stress_tests": {"websockets", "zmq"},
    "tornado": {"uvloop"},
}
"""What a room of `frame` may import besides the framework it is named after."""

FORBIDDEN_WORDS = re.compile(r"\b(cookie|json|multipart|gzip|cors|etag|route)s?\b", re.IGNORECASE)
"""An engine that knows one of these does what the facade must do, for one engine only."""

DRAWERS = {"common", "helper", "helpers", "misc", "util", "utils"}


def run_python(code: str, *options: str, path: Path = ROOT) -> Any:
    """Run `code` in a fresh interpreter that finds hagworm in `path`, and return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        env={**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def third_party(module: Module) -> set[str]:
    tops = {name.partition(".")[0] for name, _ in module.imports()}
    return tops - STANDARD_LIBRARY - {"hagworm", ""}


def engine_files() -> list[Module]:
    rooms = modules_under("frame.asgi", "frame.fastapi", "frame.memory", "frame.tornado")
    return [module for module in rooms if module.name != "hagworm.frame.fastapi.openapi"]


def test_the_floors_below_the_frames_need_no_installed_package() -> None:
    names = [module.name for module in modules_under("extend", "facade", "third")]
    failures = run_python(
        f"""
import importlib, json
failures = {{}}
for name in {names!r}:
    try:
        importlib.import_module(name)
    except BaseException as exc:
        failures[name] = repr(exc)
print(json.dumps(failures))
""",
        "-S",
    )

    assert failures == {}


@pytest.mark.parametrize("module", modules_under("frame"), ids=repr)
def test_a_frame_imports_only_the_framework_it_is_named_after(module: Module) -> None:
    room = (module.name.split(".") + [""])[2]

    assert third_party(module) <= {room} | COMES_WITH.get(room, set())


@pytest.mark.parametrize("module", engine_files(), ids=repr)
def test_an_engine_knows_nothing_of_what_the_facade_does(module: Module) -> None:
    lines = enumerate(module.text.splitlines(), start=1)

    assert [f"{number}: {line.strip()}" for number, line in lines if FORBIDDEN_WORDS.search(line)] == []


def test_no_room_is_a_drawer() -> None:
    files = [path for top in ("hagworm", "tests", "benchmarks", "docs") for path in (ROOT / top).rglob("*.py")]

    assert [path for path in files if DRAWERS & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize("module", [module for module in modules() if not module.is_empty], ids=repr)
def test_a_module_says_in_one_sentence_what_it_is(module: Module) -> None:
    first, *rest = (ast.get_docstring(module.tree) or "").split("\n")

    assert re.fullmatch(r".*[^.]\.", first), "the first line of the docstring is a sentence"
    assert not re.search(r"[.!?] [A-Z]", first), "one sentence"
    assert not rest or rest[0] == "", "an empty line follows it"


@pytest.mark.parametrize("module", [module for module in modules() if not module.is_bare], ids=repr)
def test_a_module_says_what_it_offers(module: Module) -> None:
    assert module.exports is not None or module.path.name == "__main__.py"


@pytest.mark.parametrize("module", modules(), ids=repr)
def test_imports_are_absolute(module: Module) -> None:
    relative = [node.lineno for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom) and node.level]

    assert relative == []


def test_the_front_door_brings_no_third_party_module() -> None:
    brought = run_python(
        """
import json, sys
before = set(sys.modules)
import hagworm
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""
    )

    assert set(brought) - STANDARD_LIBRARY == {"hagworm"}


def test_the_front_door_brings_nothing_that_is_behind_it() -> None:
    """What it costs is that of `typing`; benchmarks/imports.py measures it."""
    code = "import json, sys; import typing; before = {*sys.modules}; import hagworm; %s"
    brought = run_python(code % "print(json.dumps(sorted({*sys.modules} - before)))")

    assert brought == ["hagworm", "hagworm.extend", "hagworm.extend.lazy"]


def test_no_import_changes_anything_global() -> None:
    names = [module.name for module in modules() if not module.name.endswith("__main__")]
    changes = run_python(
        f"""
import asyncio, faulthandler, gc, importlib, json, locale, logging, multiprocessing, os, signal, socket, sys, threading

def globals_of_the_process():
    return {{
        "handlers": [repr(handler) for handler in logging.getLogger().handlers],
        "level": logging.getLogger().level,
        "logger class": repr(logging.getLoggerClass()),
        "event loop policy": repr(asyncio.events._event_loop_policy),
        "signals": {{str(number): repr(signal.getsignal(number)) for number in signal.valid_signals()}},
        "wakeup": signal.set_wakeup_fd(-1),
        "start method": multiprocessing.get_start_method(allow_none=True),
        "hooks": [repr(hook) for hook in (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook)],
        "streams": [repr(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "timeout": socket.getdefaulttimeout(),
        "socket": [repr(socket.socket), repr(socket.getaddrinfo)],
        "collector": gc.get_threshold(),
        "recursion": sys.getrecursionlimit(),
        "switch": sys.getswitchinterval(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "threads": threading.active_count(),
        "faulthandler": faulthandler.is_enabled(),
    }}

before = globals_of_the_process()
for name in {names!r}:
    importlib.import_module(name)
after = globals_of_the_process()
print(json.dumps({{key: [before[key], after[key]] for key in before if before[key] != after[key]}}))
"""
    )

    assert changes == {}


PICKLING = {
    "hagworm.extend.asyncio.future.worker_pool",
    "hagworm.extend.process.wire",
    "hagworm.extend.process.worker",
}
"""Between a process and the workers that it has started itself, over a pipe of their own: nobody else can write."""

READING_ARGUMENTS = {
    "hagworm.extend.process.interpreter",
    "hagworm.frame.stress_tests.__main__",
    "hagworm.frame.stress_tests.work",
}
"""Modules that run as a program, of which the arguments are their own."""


@pytest.mark.parametrize("module", modules(), ids=repr)
def test_b12_nothing_that_runs_what_it_reads_is_on_a_wire_or_in_a_store(module: Module) -> None:
    """B12: a value planted in Redis, or sent to a port, ran a shell command."""
    running = {"cloudpickle", "dill", "pickle", "shelve", "yaml"}
    taken = {name.partition(".")[0] for name, _ in module.imports()} & running

    assert taken <= ({"pickle"} if module.name in PICKLING else set())


@pytest.mark.parametrize("module", [module for module in modules() if ".cli" not in module.name], ids=repr)
def test_h16_a_library_leaves_the_arguments_of_a_program_alone(module: Module) -> None:
    """H16: 4 parsed those of the application on starting."""
    read = [
        node.lineno
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"argv", "ArgumentParser", "parse_command_line"})
    ]

    assert read == [] or module.name in READING_ARGUMENTS


def test_the_tests_mirror_the_rooms() -> None:
    """tests/facade/middleware holds the tests of hagworm/facade/middleware: a folder whose room has gone is found."""
    below = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    rooms = {folder for folder in below if folder.parts and folder.parts[0] not in {"chaos", "contract", "typing"}}

    assert [
        room for room in rooms if not (PACKAGE / room).is_dir() and not (PACKAGE / room).with_suffix(".py").exists()
    ] == []
