"""A process is known by its number and its start."""

import os
import subprocess
import sys

from hagworm.extend.process.identity import current_identity, is_alive, space, started_at


def test_this_process_is_alive() -> None:
    assert is_alive(current_identity())
    assert current_identity() == (os.getpid(), started_at(os.getpid()))


def test_another_one_of_the_same_number_is_another_one() -> None:
    pid, started = current_identity()
    assert not is_alive((pid, started + 1))
    assert not is_alive((pid, 0))


def test_who_has_ended_and_is_not_buried_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = process.pid, started_at(process.pid)
    assert is_alive(identity)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(identity)
    process.communicate()
    assert not is_alive(identity)


def test_all_children_count_in_the_space_of_their_parent() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from hagworm.extend.process.identity import space; print(space())"],
        capture_output=True,
        check=True,
    )
    assert int(told.stdout) == space()
