"""Whatever is left behind is named; what others have, or what ends in time, is not."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from multiprocessing import shared_memory

import pytest

from hagworm.testing.leaks import SHARED, LeakError, Resources, left_since, no_leaks, no_task_leaks


def test_a_block_that_cleans_up_passes() -> None:
    with no_leaks():
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        socket.socket().close()


def test_a_thread_is_named_until_it_ends() -> None:
    end = threading.Event()
    before = Resources.take()
    thread = threading.Thread(target=end.wait, name="left")
    thread.start()

    assert left_since(before, grace=0) == {"threads": {thread}}

    end.set()

    assert left_since(before) == {}


def test_a_child_is_named_until_it_is_awaited() -> None:
    before = Resources.take()

    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
        left = left_since(before, grace=0)
        assert left["children"] == {child.pid}
        assert left["descriptors"] == {"pipe": 1}

    assert left_since(before) == {}


def test_descriptors_are_told_by_kind() -> None:
    before = Resources.take()

    with socket.socket(), open(os.devnull), pytest.raises(LeakError) as failure:
        with no_leaks(grace=0):
            other = socket.socket()

        other.close()

    with other:
        assert failure.value.left == {"descriptors": {"socket": 1}}

    other.close()
    assert left_since(before) == {}


def test_shared_memory_is_found_also_when_it_has_been_closed() -> None:
    if not SHARED.exists():
        return

    before = Resources.take()
    memory = shared_memory.SharedMemory(create=True, size=16)

    try:
        assert memory.name in left_since(before, grace=0)["shared memory"]
        memory.close()
        assert left_since(before, grace=0)["shared memory"] == {memory.name}
    finally:
        memory.unlink()

    assert "shared memory" not in left_since(before, grace=0)


@pytest.mark.parametrize(
    ("making", "name", "end"),
    [
        (
            "from multiprocessing.shared_memory import SharedMemory; memory = SharedMemory(create=True, size=16)",
            "memory.name",
            "memory.close(); memory.unlink()",
        ),
        (
            "from hagworm.extend.process import segment; memory = segment.create(None, 16)",
            "memory.path.name",
            "memory.leave()",
        ),
    ],
    ids=["named-at-once", "named-when-complete"],
)
def test_shared_memory_that_another_process_uses_is_not_ours(making: str, name: str, end: str) -> None:
    before = Resources.take()
    code = f"{making}\nprint({name}, flush=True)\ninput()\n{end}\n"

    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        found = child.stdout.readline().decode().strip()

        if SHARED.exists():
            assert found in Resources.take().shared_memory

        assert "shared memory" not in left_since(before, grace=0)
        child.communicate(b"\n")


def test_the_error_of_the_block_comes_first() -> None:
    with pytest.raises(LookupError), no_leaks(grace=0):
        raise LookupError


async def test_a_task_is_named() -> None:
    with pytest.raises(LeakError) as failure:
        async with no_task_leaks():
            task = asyncio.create_task(asyncio.sleep(3600))

    task.cancel()
    assert failure.value.left == {"tasks": {task}}


async def test_a_task_that_has_been_cancelled_gets_its_turns() -> None:
    async with no_task_leaks():
        asyncio.create_task(asyncio.sleep(3600)).cancel()


async def test_an_error_that_reached_the_loop_is_named() -> None:
    with pytest.raises(LeakError) as failure:
        async with no_task_leaks():
            asyncio.get_running_loop().call_exception_handler({"message": "oops"})

    assert failure.value.left == {"errors that reached the loop": [{"message": "oops"}]}
