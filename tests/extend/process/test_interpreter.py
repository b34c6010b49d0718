"""A fresh interpreter finds the modules of this one, and its main module without running it again."""

import subprocess
import sys
from pathlib import Path

import pytest

from hagworm.extend.process.interpreter import command_line, main_module
from tests.tree import ROOT

CHILD = """
import sys
sys.path.insert(0, {folder!r})
import subprocess
from hagworm.extend.process.interpreter import command_line

MARK = "main"

def say(*words):
    print(MARK, __name__, *words)
    return 7

if __name__ == "__main__":
    print("once", flush=True)
    raise SystemExit(subprocess.run(command_line("__main__:say", "a", 1)).returncode)
"""


@pytest.mark.parametrize("way", ["path", "module"])
def test_a_function_of_the_main_module_is_called(tmp_path: Path, way: str) -> None:
    (tmp_path / "program.py").write_text(CHILD.format(folder=str(ROOT)))
    args = [str(tmp_path / "program.py")] if way == "path" else ["-m", "program"]
    done = subprocess.run([sys.executable, *args], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("once\nmain __mp_main__ a 1\n", "", 7)


def test_modules_arguments_and_flags_are_those_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text(
        f"import sys\ndef look(): print(sys.argv, sys.flags.dev_mode is {sys.flags.dev_mode})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", ["name", "--option"])
    done = subprocess.run(command_line("only_here:look"), capture_output=True, text=True, check=True)

    assert done.stdout == "['name', '--option'] True\n"


def test_a_main_module_without_a_file_has_no_names() -> None:
    script = (
        f"import sys, subprocess; sys.path.insert(0, {str(ROOT)!r})\n"
        "from hagworm.extend.process.interpreter import command_line, main_module\n"
        "assert main_module() is None\n"
        "raise SystemExit(subprocess.run(command_line('__main__:say'), stderr=subprocess.DEVNULL).returncode)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 1


def test_a_main_module_that_fails_fails_each_time(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import subprocess\n"
        "from hagworm.extend.process.interpreter import command_line\n"
        "if __name__ != '__main__':\n    raise ValueError('not like this')\n"
        "raise SystemExit(subprocess.run(command_line('__main__:say')).returncode)\n"
    )
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "not like this" in done.stderr


def test_a_package_that_is_run_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    main = types.ModuleType("__main__")
    main.__spec__ = types.SimpleNamespace(name="package.__main__")  # type: ignore[assignment]  # all that is looked at
    monkeypatch.setitem(sys.modules, "__main__", main)

    assert main_module() is None
