"""A group ends with whoever made it, and no signal of it meets a stranger."""

import os
import signal
import subprocess
import sys

import pytest

from hagworm.extend.process import group as room
from hagworm.extend.process.group import Group
from tests.extend.process.watching import eventually_sync, is_alive
from tests.tree import ROOT


def test_closing_kills_all_of_it() -> None:
    with Group() as group:
        members = [subprocess.Popen(["sleep", "60"], process_group=group.id) for _ in range(2)]
        assert repr(group) == f"<Group {group.id} open>"

    for member in members:
        assert member.wait() == -signal.SIGKILL

    assert not is_alive(group.id)
    assert repr(group) == f"<Group {group.id} closed>"
    group.send_signal(signal.SIGKILL)
    group.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_the_guard_does_not_take_what_is_meant_for_the_others(number: int) -> None:
    with Group() as group:
        with subprocess.Popen(["sleep", "60"], process_group=group.id) as member:
            group.send_signal(number)
            assert member.wait() == -number

        assert is_alive(group.id)


def test_a_system_without_a_shell_has_a_guard_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "GUARD", ("/no/such/shell",))

    with Group() as group:
        member = subprocess.Popen(["sleep", "60"], process_group=group.id)

    assert member.wait() == -signal.SIGKILL


def test_where_no_guard_can_be_started_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "GUARD", ("/etc/passwd",))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    with pytest.raises(PermissionError):
        Group()

    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


PARENT = """
import subprocess, sys
from hagworm.extend.process.group import Group
group = Group()
member = subprocess.Popen(["sleep", "60"], process_group=group.id)
sys.stdout.write(f"{group.id} {member.pid}\\n")
sys.stdout.flush()
member.wait()
"""


@pytest.mark.parametrize("shell", [True, False])
def test_a_group_ends_with_a_parent_that_is_killed(shell: bool) -> None:
    script = PARENT if shell else f"import hagworm.extend.process.group as g; g.GUARD = ('/no/such/shell',)\n{PARENT}"
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None

    with parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2 and all(map(is_alive, pids))
        os.kill(parent.pid, signal.SIGKILL)

    eventually_sync(lambda: not any(map(is_alive, pids)))
