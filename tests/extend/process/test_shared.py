"""Shared memory: a cursor, bounds, views, a lock that dies with its holder, and a name that goes with its creator."""

import gc
import os
import pickle
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hagworm.extend.error import Closed, SegmentBusy, SegmentError
from hagworm.extend.process import SharedByteArray
from hagworm.extend.process.segment import FOLDER, path_of, sweep


@pytest.fixture
def array() -> Iterator[SharedByteArray]:
    with SharedByteArray.create(size=64) as made:
        yield made


def forked(body: Callable[[], Any]) -> int:
    """Run `body` in a forked child and return its exit code."""
    pid = os.fork()

    if not pid:
        code = 1

        try:
            body()
            code = 0
        finally:
            os._exit(code)

    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@contextmanager
def waiting_child(body: Callable[[], Any]) -> Iterator[int]:
    """A forked child that has run `body`, and keeps what it returned until it is killed."""
    read, write = os.pipe()
    pid = os.fork()

    if not pid:
        try:
            kept = body()
            os.write(write, b"1")
            signal.pause()
            del kept
        finally:
            os._exit(1)

    os.close(write)

    try:
        assert os.read(read, 1) == b"1"
        yield pid
    finally:
        os.close(read)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def python(code: str, *args: str) -> "subprocess.CompletedProcess[bytes]":
    source = f"import os, signal, sys\nfrom hagworm.extend.process import SharedByteArray\n{code}"
    return subprocess.run([sys.executable, "-W", "error", "-c", source, *args], capture_output=True, check=False)


def names() -> set[str]:
    return set(os.listdir(FOLDER))


def test_x9_writes_and_reads_go_on_where_the_last_one_ended(array: SharedByteArray) -> None:
    array.write(b"one")
    array.write(b"two")
    assert array.tell() == array.position == 6
    array.seek(0)
    assert array.read(3) == b"one"
    assert array.read(3) == b"two"
    assert array.read() == bytes(58)
    assert array.read() == b""


def test_x9_every_place_has_a_cursor_of_its_own(array: SharedByteArray) -> None:
    first, second = array.at(8), array.at(8)
    first.write(b"abc")
    assert second.read(3) == b"abc"
    assert second.seek(-1, os.SEEK_CUR) == 10
    assert second.read(1) == b"c"
    assert array.position == 0
    assert array.at(64).read() == b""


@pytest.mark.parametrize(
    "step",
    (
        pytest.param(lambda array: array.at(65), id="at"),
        pytest.param(lambda array: array.at(-1), id="at-negative"),
        pytest.param(lambda array: array.at(60).write(b"12345"), id="write"),
        pytest.param(lambda array: array.at(60).read(5), id="read"),
        pytest.param(lambda array: array.read_at(-1, 1), id="read-negative"),
        pytest.param(lambda array: array.seek(1, os.SEEK_END), id="seek"),
        pytest.param(lambda array: array.view("<Q", 57), id="view"),
        pytest.param(lambda array: array.word(64), id="word"),
        pytest.param(lambda array: array.word(4), id="word-between"),
    ),
)
def test_x9_nothing_is_touched_out_of_bounds(array: SharedByteArray, step: Callable[[SharedByteArray], Any]) -> None:
    with pytest.raises(SegmentError):
        step(array)

    assert array.read_at(0, 64) == bytes(64)
    assert array.statistics().writes == 0


def test_x9_closing_never_meets_a_view() -> None:
    array = SharedByteArray.create(size=64)
    view, cursor, word = array.view("<IdQ"), array.at(8), array.word(32)
    values = view.get()
    array.close()
    array.close()
    assert values == (0, 0.0, 0)
    assert repr(array) == "<SharedByteArray closed>"

    for use in (view.get, cursor.read, lambda: array.name, array.statistics):
        with pytest.raises(Closed):
            use()

    with pytest.raises(ValueError, match="released"):
        word.get()


def test_values_are_written_together(array: SharedByteArray) -> None:
    view = array.view("<IdQ", 4)
    view.set(1, 2.5, 2**40)
    assert array.view("<IdQ", 4).get() == (1, 2.5, 2**40)
    assert view.update(lambda a, b, c: (a + 1, b, c)) == (2, 2.5, 2**40)
    assert array.statistics().writes == 2


def test_a_word_is_a_number_of_eight_bytes(array: SharedByteArray) -> None:
    array.word(8).set(2**64 - 1)
    assert array.read_at(8, 8) == b"\xff" * 8
    assert array.word(8).get() == 2**64 - 1
    assert array.statistics().writes == 0


def test_it_is_shared_by_name(array: SharedByteArray) -> None:
    told = python("SharedByteArray.attach(sys.argv[1]).write(b'from afar')", array.name)
    assert (told.returncode, told.stderr) == (0, b"")
    assert array.read(9) == b"from afar"


def test_x8_the_end_of_a_process_that_uses_it_takes_nothing_away(array: SharedByteArray) -> None:
    array.write(b"stays")

    for end in ("", "os.kill(os.getpid(), signal.SIGKILL)", "os._exit(3)", "array.close()"):
        told = python(f"array = SharedByteArray.attach(sys.argv[1]); print(array.read(5).decode())\n{end}", array.name)
        assert told.stderr == b""

    assert forked(array.close) == 0
    assert forked(lambda: SharedByteArray.attach(array.name).close()) == 0

    with SharedByteArray.attach(array.name) as other:
        assert other.read(5) == b"stays"


def test_x8_the_end_of_its_creator_is_clean() -> None:
    before = names()
    told = python("array = SharedByteArray.create(size=8)\nwith SharedByteArray.create(size=8): pass")
    assert (told.returncode, told.stderr) == (0, b"")
    assert names() <= before


def test_x8_only_its_user_may_open_it(array: SharedByteArray) -> None:
    path = path_of(array.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o666)

    # This process has it mapped already; another one would have to trust it.
    told = python("SharedByteArray.attach(sys.argv[1])", array.name)
    assert b"is not this user's alone" in told.stderr


def test_what_a_killed_creator_leaves_behind_is_removed_by_the_next() -> None:
    told = python("array = SharedByteArray.create('left', 8)\nos.kill(os.getpid(), signal.SIGKILL)")
    assert told.returncode == -signal.SIGKILL
    assert path_of("left").exists()

    with SharedByteArray.create("left", 16) as array:
        assert len(array) == 16

    assert not path_of("left").exists()
    assert sweep() == []


def test_what_a_killed_creator_leaves_behind_goes_with_its_last_user() -> None:
    def create() -> SharedByteArray:
        return SharedByteArray.create("orphan", 8)

    with waiting_child(create) as parent, SharedByteArray.attach("orphan") as array:
        os.kill(parent, signal.SIGKILL)
        os.waitid(os.P_PID, parent, os.WEXITED | os.WNOWAIT)
        array.write(b"12345678")

    assert not path_of("orphan").exists()


def test_a_name_is_taken_as_long_as_its_creator_lives(array: SharedByteArray) -> None:
    with pytest.raises(SegmentError, match="already, of a process that lives"):
        SharedByteArray.create(array.name, 8)

    assert sweep() == []


@pytest.mark.parametrize("name", ("", "../etc", "a/b", ".hidden", "x" * 200, "nul\0"))
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(SegmentError, match="is no name"):
        SharedByteArray.create(name, 8)


def test_what_is_not_there_or_not_ours_is_refused(array: SharedByteArray) -> None:
    with pytest.raises(SegmentError, match="there is no shared memory named 'nowhere'"):
        SharedByteArray.attach("nowhere")

    with pytest.raises(SegmentError, match="at least one byte"):
        SharedByteArray.create("nothing", 0)

    path = path_of("foreign")
    path.touch(0o600)

    try:
        with pytest.raises(SegmentError, match="is no shared memory of hagworm"):
            SharedByteArray.attach("foreign")

        path.write_bytes(bytes(4096))

        with pytest.raises(SegmentError, match="or of another version"):
            SharedByteArray.attach("foreign")

        path.unlink()
        path.symlink_to(path_of(array.name))

        with pytest.raises(SegmentError, match="cannot be used"):
            SharedByteArray.attach("foreign")
    finally:
        path.unlink()


def test_all_objects_of_a_process_are_one_mapping(array: SharedByteArray) -> None:
    with SharedByteArray.attach(array.name) as other, array.lock():
        other.write(b"1")
        assert other.segment is array.segment

    # Closing one of them has opened no lock of the other.
    with array.lock():
        SharedByteArray.attach(array.name).close()
        told = python("SharedByteArray.attach(sys.argv[1], timeout=0).write(b'2')", array.name)
        assert b"SegmentBusy" in told.stderr

    assert array.read(1) == b"1"


def test_it_travels_by_its_name(array: SharedByteArray) -> None:
    with pickle.loads(pickle.dumps(array)) as other:
        other.write(b"here")

    assert array.read(4) == b"here"


def test_a_forgotten_one_is_closed() -> None:
    name = SharedByteArray.create(size=8).name
    gc.collect()

    with pytest.raises(SegmentError):
        SharedByteArray.attach(name)


def test_a_stopped_holder_keeps_writers_waiting_and_no_reader(array: SharedByteArray) -> None:
    array.write(b"before")
    array.timeout = 0.02

    def hold() -> Any:
        lock = array.lock()
        lock.__enter__()
        return lock

    with waiting_child(hold) as holder:
        os.kill(holder, signal.SIGSTOP)
        assert array.read_at(0, 6) == b"before"

        with pytest.raises(SegmentBusy, match=r"held by another process: not done within 0\.02 s"):
            array.write(b"x")

    # Its death opens the lock.
    array.timeout = 20
    array.write(b"after")
    assert array.read_at(6, 5) == b"after"


def test_a_lock_is_not_passed_on_to_children(array: SharedByteArray) -> None:
    def write() -> None:
        array.timeout = 0

        try:
            array.write(b"child")
        except SegmentBusy:
            return

        raise AssertionError("it was not kept from writing")

    with array.lock():
        assert forked(write) == 0

        with array.lock():
            array.write(b"nested")

    assert array.read_at(0, 6) == b"nested"


def test_the_threads_of_a_process_wait_for_each_other(array: SharedByteArray) -> None:
    view = array.view("<Q")

    def count() -> None:
        for _ in range(200):
            view.update(lambda number: (number + 1,))

    threads = [threading.Thread(target=count) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert view.get() == (800,)


def test_processes_wait_for_each_other(array: SharedByteArray) -> None:
    code = """
view = SharedByteArray.attach(sys.argv[1], timeout=20).view("<Q")
for _ in range(300):
    view.update(lambda number: (number + 1,))
"""
    children = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import sys; from hagworm.extend.process import SharedByteArray\n{code}",
                array.name,
            ]
        )
        for _ in range(3)
    ]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert array.view("<Q").get() == (900,)


def test_statistics_say_what_has_happened(array: SharedByteArray) -> None:
    array.write(b"1")
    seen = array.statistics()
    assert (seen.size, seen.writes, seen.repairs, seen.is_torn) == (64, 1, 0, False)
    assert repr(array) == f"<SharedByteArray {array.name!r} 64 bytes, created>"
