"""No process outlives the one that started it."""

import os
import signal
import subprocess
import sys

import pytest

from hagworm.extend.process import ending
from tests.extend.process.watching import eventually_sync, is_alive
from tests.tree import ROOT

PARENT = """
import os, sys, time
from hagworm.extend.process.ending import die_with_parent, prctl
prctl()
parent = os.getpid()
if not (child := os.fork()):
    die_with_parent(parent)
    sys.stdout.write(f"{os.getpid()}\\n")
    sys.stdout.flush()
time.sleep(60)
"""


def test_a_child_is_killed_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None

    with parent:
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()

    eventually_sync(lambda: not is_alive(child))


def test_a_child_whose_parent_has_ended_before_it_asked_ends() -> None:
    script = "from hagworm.extend.process.ending import die_with_parent; die_with_parent(1 << 30); raise SystemExit(5)"

    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 1


def test_where_there_is_no_such_call_it_only_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "prctl", lambda: None)
    ending.die_with_parent(os.getppid())


def test_a_system_that_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(ending, "prctl", lambda: lambda *args: asked.append(args) or -1)

    with pytest.raises(OSError, match="refused"):
        ending.die_with_parent(os.getppid())

    assert asked == [(ending.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)]
