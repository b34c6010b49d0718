"""A program runs, is listened to and ends, with all it has started; and it never outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.future import child as room
from hagworm.extend.asyncio.future.pipe import PipeReader, PipeWriter
from hagworm.extend.asyncio.future.subprocess import INHERIT, PIPE, STDOUT, SubProcess
from hagworm.extend.error import CommandFailed, OutputTooLong, ProcessError
from hagworm.testing import cancel_sweep
from tests.extend.process.watching import eventually, eventually_sync, is_alive
from tests.tree import ROOT

STUBBORN = "trap '' TERM INT; echo ready; while :; do sleep 0.05; done"


def shell(script: str, **options: Any) -> SubProcess:
    return SubProcess("sh", "-c", script, **options)


# Run to the end


async def test_a_program_is_run_and_what_it_wrote_is_returned() -> None:
    done = await SubProcess.run("sh", "-c", "cat; echo oh >&2", input=b"hello")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello", b"oh\n")
    assert done.args == ("sh", "-c", "cat; echo oh >&2")


async def test_an_exit_code_is_an_error_with_what_the_program_complained_about() -> None:
    with pytest.raises(CommandFailed, match=r"^sh: exit code 3: no such luck$") as caught:
        await SubProcess.run("sh", "-c", "echo no such luck >&2; exit 3")

    assert caught.value.returncode == 3
    assert (await SubProcess.run("sh", "-c", "exit 3", check=False)).returncode == 3

    with pytest.raises(CommandFailed, match="killed by SIGKILL"):
        await SubProcess.run("sh", "-c", "kill -9 $$")


async def test_a_program_that_is_not_there_is_an_os_error_and_leaves_nothing() -> None:
    with pytest.raises(FileNotFoundError):
        await SubProcess.run("/no/such/program")

    with pytest.raises(PermissionError):
        await SubProcess.run("/etc/passwd")

    with pytest.raises(FileNotFoundError):
        await SubProcess.run("true", cwd="/no/such/folder")


async def test_folder_and_environment_are_those_that_are_given(tmp_path: Path) -> None:
    done = await SubProcess.run("sh", "-c", "pwd; echo $X", cwd=tmp_path, env={"X": "y", "PATH": os.environ["PATH"]})

    assert done.stdout.decode().split() == [str(tmp_path), "y"]


async def test_much_goes_in_and_out_at_once() -> None:
    data = os.urandom(3_000_000)

    assert (await SubProcess.run("cat", input=data)).stdout == data


async def test_a_program_that_does_not_read_is_no_error() -> None:
    assert (await SubProcess.run("true", input=bytes(1_000_000))).returncode == 0


async def test_output_beyond_the_limit_ends_the_program() -> None:
    start = time.monotonic()

    with pytest.raises(OutputTooLong, match="more than 100000 bytes"):
        await SubProcess.run("cat", "/dev/zero", limit=100_000)

    assert time.monotonic() - start < 10


async def test_a_program_that_is_over_its_time_is_killed_with_what_it_has_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    with pytest.raises(TimeoutError):
        await SubProcess.run("sh", "-c", f"sleep 60 & echo $! > {note}; wait", timeout=0.3)

    await eventually(lambda: not is_alive(int(note.read_text())))


async def test_the_deadline_of_the_caller_holds() -> None:
    with pytest.raises(TimeoutError):
        with within(0.05):
            await SubProcess.run("sleep", "60")


async def test_what_a_program_leaves_behind_does_not_hold_the_pipes_open(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    start = time.monotonic()
    done = await SubProcess.run("sh", "-c", f"sleep 60 & echo $! > {note}; echo done")

    assert done.stdout == b"done\n"
    assert time.monotonic() - start < 10
    await eventually(lambda: not is_alive(int(note.read_text())))


async def test_a_daemon_that_leaves_the_group_holds_a_run_up_for_a_second_at_most() -> None:
    script = "import os,time\nif pid := os.fork():\n print(pid)\nelse:\n os.setsid(); time.sleep(60)"
    start = time.monotonic()
    done = await SubProcess.run(sys.executable, "-S", "-c", script)

    assert time.monotonic() - start < 30
    os.kill(int(done.stdout), signal.SIGKILL)


@pytest.mark.parametrize("turns", range(12))
async def test_a_run_that_is_cancelled_leaves_nothing(turns: int, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    running = asyncio.create_task(
        SubProcess.run("sh", "-c", f"echo $$ > {note}; sleep 60", input=b"x", grace=0.01 if turns % 2 else 0)
    )

    for _ in range(turns):
        await asyncio.sleep(0.002 if turns > 6 else 0)

    running.cancel()
    await asyncio.wait((running,))
    assert running.cancelled()

    if note.exists() and (text := note.read_text().strip()):
        await eventually(lambda: not is_alive(int(text)))


# While it runs


async def test_lines_come_as_they_are_written() -> None:
    async with SubProcess("sh", "-c", "while read x; do echo got $x; done", stdin=PIPE, stdout=PIPE) as program:
        assert program.stdin is not None
        lines = program.lines()

        for word in ("a", "b", "c"):
            await program.stdin.write(f"{word}\n".encode())
            assert await anext(lines) == f"got {word}"

        program.stdin.close()
        assert await program.wait(5) == 0
        assert [line async for line in lines] == []


async def test_every_line_comes_whole_and_once() -> None:
    async with SubProcess("seq", "100000", stdout=PIPE) as program:
        assert [int(line) async for line in program.lines()] == [*range(1, 100_001)]


async def test_x13_a_line_of_any_length_comes_in_pieces_and_ends_nothing() -> None:
    script = "head -c 200001 /dev/zero | tr '\\0' x; echo; printf 'a\\r\\n\\nlast'"

    async with shell(script, stdout=PIPE) as program:
        assert [line async for line in program.lines(limit=100_000)] == [
            "x" * 100_000,
            "x" * 100_000,
            "x",
            "a",
            "",
            "last",
        ]


async def test_who_listens_keeps_a_program_and_who_does_not_any_more_is_told() -> None:
    lines = (await SubProcess.create("sh", "-c", "sleep 0.05; echo a; sleep 60", stdout=PIPE)).lines()
    assert await anext(lines) == "a"

    with pytest.warns(ResourceWarning) as told:
        del lines

    assert sorted(str(warning.message).rpartition(" was ")[2] for warning in told) == [
        "left open, and is closed now",
        "left running, and is killed now",
    ]
    await asyncio.sleep(0.05)


async def test_both_outputs_can_be_one_pipe() -> None:
    async with shell("echo a; echo b >&2", stdout=PIPE, stderr=STDOUT) as program:
        assert [line async for line in program.lines()] == ["a", "b"]


async def test_a_program_that_is_not_listened_to_waits() -> None:
    async with shell("head -c 10000000 /dev/zero; echo", stdout=PIPE) as program:
        await asyncio.sleep(0.05)
        assert program.is_running
        assert program.stdout is not None
        assert len(await program.stdout.read_all()) == 10_000_001
        assert await program.wait() == 0


async def test_a_program_that_writes_without_end_leaves_the_loop_time() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns

        while True:
            await asyncio.sleep(0)
            turns += 1

    async with SubProcess("yes", stdout=PIPE) as program:
        counting = asyncio.create_task(count())
        lines = program.lines()

        for _ in range(300_000):
            await anext(lines)

        counting.cancel()

    assert turns > 5


async def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    async with SubProcess("cat", stdin=PIPE, stdout=PIPE) as program:
        assert program.stdin is not None and program.stdout is not None
        reading = asyncio.create_task(program.stdout.read())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait((reading,))
        await program.stdin.write(b"here")
        assert await program.stdout.read() == b"here"


async def test_two_readers_of_one_pipe_are_a_mistake() -> None:
    async with SubProcess("cat", stdin=PIPE, stdout=PIPE) as program:
        assert program.stdout is not None
        reading = asyncio.create_task(program.stdout.read())
        await asyncio.sleep(0)

        with pytest.raises(RuntimeError, match="another task"):
            await program.stdout.read()

        reading.cancel()
        await asyncio.wait((reading,))


async def test_a_pipe_that_is_closed_ends_for_who_waits() -> None:
    async with SubProcess("cat", stdin=PIPE, stdout=PIPE) as program:
        assert program.stdout is not None and program.stdin is not None
        reading = asyncio.create_task(program.stdout.read())
        await asyncio.sleep(0)
        program.stdout.close()
        assert await reading == b""
        program.stdin.close()

        with pytest.raises(BrokenPipeError):
            await program.stdin.write(b"x")


async def test_inherited_and_given_outputs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open(tmp_path / "out", "wb") as file:
        async with shell("echo a; echo b >&2", stdout=file.fileno(), stderr=INHERIT) as program:
            assert await program.wait() == 0

    assert (tmp_path / "out").read_text() == "a\n"
    assert capfd.readouterr().err == "b\n"


# Stopping


async def test_x13_a_program_is_asked_before_it_is_killed() -> None:
    async with shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", stdout=PIPE) as program:
        assert await anext(program.lines()) == "ready"
        assert await program.stop() == 7
        assert await program.stop() == 7


async def test_one_that_does_not_listen_is_killed_after_its_grace() -> None:
    async with shell(STUBBORN, stdout=PIPE) as program:
        await anext(program.lines())
        start = time.monotonic()
        assert await program.stop(0.2) == -signal.SIGKILL
        assert 0.2 <= time.monotonic() - start < 10


async def test_stopping_that_is_cancelled_kills() -> None:
    program = await SubProcess.create("sh", "-c", STUBBORN, stdout=PIPE)
    await anext(program.lines())
    stopping = asyncio.create_task(program.stop(60))
    await asyncio.sleep(0)
    stopping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await stopping

    assert program.returncode == -signal.SIGKILL


async def test_the_whole_group_is_signalled_and_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    async with shell(f'sh -c "{STUBBORN}" & echo $! > {note}; wait; wait', stdout=PIPE) as program:
        await anext(program.lines())
        await eventually(lambda: note.exists() and note.read_text().endswith("\n"))
        grandchild = int(note.read_text())
        assert is_alive(grandchild)
        await program.stop(0.05)

    # It has been killed, and is nobody's child here that could be waited for.
    await eventually(lambda: not is_alive(grandchild))


async def test_waiting_has_a_bound_and_leaves_the_program_alone() -> None:
    async with SubProcess("sleep", "60") as program:
        with pytest.raises(TimeoutError):
            await program.wait(0.01)

        waiting = [asyncio.create_task(program.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait((waiting[0],))
        assert program.is_running
        program.send_signal(signal.SIGUSR1)
        assert await waiting[1] == -signal.SIGUSR1
        program.send_signal(signal.SIGKILL)


async def test_x12_a_program_is_created_started_and_says_what_it_is() -> None:
    program = SubProcess("sleep", "60")
    assert repr(program) == "<SubProcess sleep: not started>"
    assert await program.stop() is None

    with pytest.raises(ProcessError, match="not started"):
        program.pid  # noqa: B018

    await program.start()
    assert repr(program) == f"<SubProcess sleep {program.pid}: running>"

    with pytest.raises(ProcessError, match="a second run"):
        await program.start()

    with pytest.raises(ProcessError, match="stdout=PIPE"):
        program.lines()

    assert await program.kill() == -signal.SIGKILL
    assert repr(program) == f"<SubProcess sleep {program.pid}: ended with -9>"


async def test_a_child_that_somebody_else_has_buried_has_ended_somehow() -> None:
    program = await SubProcess.create("sh", "-c", "read x", stdin=PIPE)
    # What `os.waitpid(-1)` of a careless library does.
    assert program.stdin is not None
    os.kill(program.pid, signal.SIGKILL)
    os.waitpid(program.pid, 0)
    assert await program.wait(5) is None
    await program.stop()


async def test_without_process_descriptors_a_thread_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")

    assert (await SubProcess.run("echo", "hello")).stdout == b"hello\n"


async def test_a_child_that_is_forgotten_is_killed() -> None:
    made = room.Child(["sleep", "60"])
    pid = made.pid

    with pytest.warns(ResourceWarning, match="left running"):
        del made

    await eventually(lambda: not is_alive(pid))


def test_a_child_whose_loop_is_closed_is_killed() -> None:
    async def make() -> tuple[room.Child, int]:
        made = room.Child(["sleep", "60"])
        return made, made.pid

    with asyncio.Runner() as runner:
        made, pid = runner.run(make())

    with pytest.warns(ResourceWarning, match="left running"):
        del made

    assert not Path(f"/proc/{pid}").exists()


# Cancellation everywhere


async def test_a_run_that_is_cancelled_anywhere_leaves_nothing(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    mark = f"61.{os.getpid()}"

    def check() -> None:
        assert not called(mark)

    async def create() -> None:
        program = await SubProcess.create("sleep", mark)
        await program.stop()

    async def communicate() -> None:
        async with SubProcess("cat", stdin=PIPE, stdout=PIPE) as program:
            assert await program.communicate(data) == (data, b"")

    sweep = await cancel_sweep(lambda: SubProcess.run("cat", input=data), check)
    assert sweep.suspensions > 1
    await cancel_sweep(lambda: SubProcess.run("true", grace=0.01, timeout=10), check)
    await cancel_sweep(communicate, check)
    await cancel_sweep(create, check)
    await cancel_sweep(lambda: stopped(mark), check)
    await cancel_sweep(lambda: killed(mark), check)


async def stopped(mark: str) -> None:
    async with SubProcess("sleep", mark) as program:
        assert await program.stop(5) == -signal.SIGTERM


async def killed(mark: str) -> None:
    program = await SubProcess.create("sleep", mark)
    assert await program.kill() == -signal.SIGKILL


async def test_waiting_that_is_cancelled_anywhere_leaves_the_program_alone() -> None:
    async with SubProcess("cat", stdin=PIPE, stdout=PIPE) as program:
        assert program.stdin is not None and program.stdout is not None

        def check() -> None:
            assert program.is_running
            assert "open" in repr(program.stdout) and "open" in repr(program.stdin)

        async def wait() -> None:
            with suppress(TimeoutError):
                await program.wait(0.01)

        await cancel_sweep(wait, check)

        async def echo() -> None:
            assert program.stdin is not None and program.stdout is not None
            await program.stdin.write(b"x\n")
            # Where this is cancelled, the next one finds more.
            assert b"x" in await program.stdout.read()

        await cancel_sweep(echo, check)
        program.stdin.close()
        lines = program.lines()
        assert await program.wait(5) == 0
        assert {line async for line in lines} <= {"x"}


async def test_a_reader_of_lines_that_is_cancelled_anywhere_loses_none() -> None:
    found: list[str] = []

    async with shell("i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo $i; sleep 0.005; done", stdout=PIPE) as program:
        lines = program.lines()

        async def read() -> None:
            found.append(await anext(lines))

        await cancel_sweep(read)
        found += [line async for line in lines]

    assert found == [str(number) for number in range(1, 41)]


# Orphans


PARENT = """
import asyncio, os, sys
from hagworm.extend.asyncio.future.subprocess import PIPE, SubProcess

async def main():
    script = "trap '' TERM HUP INT; sleep 60 & echo $$ $!; wait"
    programs = [await SubProcess.create("sh", "-c", script, stdout=PIPE) for _ in range(3)]
    pids = [await anext(program.lines()) for program in programs]
    print(*pids, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_h15_no_child_outlives_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None

    with parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 6 and all(map(is_alive, pids))
        parent.kill()

    eventually_sync(lambda: not any(map(is_alive, pids)))


STARTING = """
import asyncio, os, sys
from hagworm.extend.asyncio.future.subprocess import SubProcess

async def main():
    print("ready", flush=True)
    while True:
        await SubProcess.create("sleep", sys.argv[1])

asyncio.run(main())
"""


@pytest.mark.parametrize("milliseconds", [0, 1, 3, 7, 12])
def test_no_child_outlives_a_parent_that_is_killed_in_the_middle_of_starting_it(milliseconds: int) -> None:
    mark = f"60.{os.getpid()}{milliseconds}"
    parent = subprocess.Popen([sys.executable, "-c", STARTING, mark], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None

    with parent:
        parent.stdout.readline()
        time.sleep(milliseconds / 1000)
        parent.kill()

    eventually_sync(lambda: not called(mark))


def called(mark: str) -> list[int]:
    """Return the processes that have been given `mark`."""
    found = []

    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue

        if mark.encode() in words:
            found.append(int(path.parent.name))

    return found


# Pieces


@pytest.fixture
async def pipe() -> AsyncIterator[tuple[PipeReader, PipeWriter]]:
    reading, writing = os.pipe()
    reader, writer = PipeReader(reading, "here"), PipeWriter(writing, "there")
    yield reader, writer
    reader.close()
    writer.close()


async def test_the_end_of_a_pipe_says_what_it_does(pipe: tuple[PipeReader, PipeWriter]) -> None:
    reader, writer = pipe
    assert repr(reader) == "<PipeReader here: open>"
    reading = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    assert repr(reader) == "<PipeReader here: waiting>"
    await writer.write(b"x")
    assert await reading == b"x"
    writer.close()
    assert repr(writer) == "<PipeWriter there: closed>"
    assert repr(reader.lines()) == "<Lines of here: 0 ready>"


async def test_writing_waits_for_the_reader(pipe: tuple[PipeReader, PipeWriter]) -> None:
    reader, writer = pipe
    data = os.urandom(1_000_000)
    writing = asyncio.create_task(writer.write(data))
    found = b""

    while len(found) < len(data):
        found += await reader.read()

    await writing
    assert found == data


async def test_waiting_costs_nothing(pipe: tuple[PipeReader, PipeWriter]) -> None:
    reading = asyncio.create_task(pipe[0].read())
    await asyncio.sleep(0)
    start = time.process_time()
    await asyncio.sleep(0.2)
    assert time.process_time() - start < 0.02
    await pipe[1].write(b"x")
    await reading
