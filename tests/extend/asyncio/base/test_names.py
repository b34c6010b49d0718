"""The names of asyncio.base, those of old among them, are there and cost nothing until they are used."""

import ast
import json
import subprocess
import sys
from importlib import import_module

import pytest

from hagworm.extend.asyncio import base
from tests.tree import PACKAGE, modules, modules_under

OLD = (
    "AsyncCirculator",
    "AsyncCirculatorForSecond",
    "AsyncConstructor",
    "AsyncContextManager",
    "AsyncFuncWrapper",
    "FuncCache",
    "FuncWrapper",
    "FutureWithTask",
    "FutureWithTimeout",
    "MultiTasks",
    "QueueTasks",
    "ShareFuture",
    "SliceTasks",
    "TimeDiff",
    "WeakContextVar",
    "async_adapter",
)


@pytest.mark.parametrize("name", base.HOMES)
def test_a_name_is_the_one_of_its_home(name: str) -> None:
    home = import_module(f"hagworm.extend.asyncio.base.{base.HOMES[name]}")
    assert getattr(base, name) is getattr(home, name)
    assert name in dir(base)


def test_names_that_users_of_hagworm_know_are_there() -> None:
    assert set(OLD) <= set(base.__all__)


def test_no_name_hides_a_module() -> None:
    files = {path.stem for path in (PACKAGE / "extend/asyncio/base").glob("*.py")}
    assert not files & set(base.HOMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="MultiTask"):
        base.MultiTask  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((PACKAGE / "extend/asyncio/base/__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module.rpartition(".")[2]
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert seen == base.HOMES


def test_the_package_loads_nothing_before_it_is_asked() -> None:
    code = "import json, sys, hagworm.extend.asyncio.base; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "asyncio" not in json.loads(done.stdout)


CAPTURING = {
    "add_done_callback",
    "add_reader",
    "add_signal_handler",
    "add_writer",
    "call_at",
    "call_later",
    "call_soon",
    "call_soon_threadsafe",
    "create_task",
    "ensure_future",
}


def test_no_finaliser_starts_anything() -> None:
    """Section 4.1: `__del__` runs in any thread, at any moment, and resurrects what it hands to a loop."""
    found = []

    for module in modules():
        for function in ast.walk(module.tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name == "__del__":
                names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(function)}

                if isinstance(function, ast.AsyncFunctionDef) or names & {*CAPTURING, "run", "spawn"}:
                    found.append(f"{module.name}:{function.lineno}")

    assert found == []


def test_p22_nobody_asks_for_a_loop_that_may_not_be_there() -> None:
    """P22: in a wrong thread `get_event_loop` made a second loop, silently."""
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"get_event_loop", "set_event_loop_policy"}
    ]
    assert found == []


def test_p17_context_variables_stand_at_module_level() -> None:
    """P17: a variable per instance lives as long as any context in which it has ever been set."""
    found = [
        f"{module.name}:{call.lineno}"
        for module in modules_under("extend")
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "ContextVar"
    ]
    assert found == []


def test_nothing_here_is_scheduled_in_whatever_context_there_is() -> None:
    """Section 4.2: each call that keeps a context says which, or stands in a function that ends before it does."""
    allowed = {
        "group:create_task",  # a child that ends before its group does
        "lock:add_reader",  # one who reads, not a file descriptor
    }
    found = set()

    for module in modules_under("extend.asyncio.base"):
        for call in ast.walk(module.tree):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue

            if call.func.attr in CAPTURING and "context" not in {keyword.arg for keyword in call.keywords}:
                found.add(f"{module.name.rpartition('.')[2]}:{call.func.attr}")

    assert found - allowed == {
        "deadline:call_at",  # the block ends its own timer
        "portal:add_done_callback",  # of a concurrent future, which has no context
        "portal:call_soon",  # the portal's own, which says so itself
    }
