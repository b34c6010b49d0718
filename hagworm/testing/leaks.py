"""What a test leaves behind: tasks, threads, child processes, file descriptors, shared memory."""

import asyncio
import gc
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = (
    "GRACE",
    "LeakError",
    "Resources",
    "children",
    "descriptors",
    "left_since",
    "no_leaks",
    "no_task_leaks",
    "shared_memory",
)

GRACE = 2.0
"""Seconds that threads and children which have been told to end may take for it."""

PAUSE = 0.01
TURNS = 10
SHARED = Path("/dev/shm")


class LeakError(AssertionError):
    """Something has been left behind; `left` holds it by kind."""

    def __init__(self, left: dict[str, Any]) -> None:
        super().__init__(left)
        self.left = left

    def __str__(self) -> str:
        return f"left behind: {self.left}"


@dataclass(frozen=True, slots=True)
class Resources:
    """What this process has at one moment; what the system does not tell is empty (all but threads, outside Linux)."""

    threads: frozenset[threading.Thread]
    children: frozenset[int]
    """Process ids."""
    descriptors: Counter[str]
    """How many there are of each kind."""
    shared_memory: frozenset[str]
    """Names below /dev/shm."""

    @classmethod
    def take(cls) -> "Resources":
        """Look now."""
        threads = frozenset(thread for thread in threading.enumerate() if thread.is_alive())
        return cls(threads, children(), descriptors(), shared_memory())

    def beyond(self, before: "Resources") -> dict[str, Any]:
        """Return, by kind, what is here and was not `before`."""
        left: dict[str, Any] = {
            "threads": set(self.threads - before.threads),
            "children": set(self.children - before.children),
            "descriptors": dict(self.descriptors - before.descriptors),
            "shared memory": ours(self.shared_memory - before.shared_memory),
        }
        return {kind: found for kind, found in left.items() if found}


def descriptors() -> Counter[str]:
    """Count the open file descriptors of this process by kind: socket, pipe, eventpoll, the path of a file."""
    kinds: Counter[str] = Counter()

    try:
        numbers = os.listdir("/proc/self/fd")
    except FileNotFoundError:
        return kinds

    for number in numbers:
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the descriptor that listed the folder
            continue

        kinds[target.removeprefix("anon_inode:").partition(":[")[0]] += 1

    return kinds


def children() -> frozenset[int]:
    """Return the process ids of the children of this process, those that have ended and are not awaited included."""
    found: set[int] = set()

    with suppress(FileNotFoundError):  # not Linux
        for thread in os.listdir("/proc/self/task"):
            with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
                found.update(map(int, Path(f"/proc/self/task/{thread}/children").read_text().split()))

    return frozenset(found)


def shared_memory() -> frozenset[str]:
    """Return the names of the shared memory and named semaphores of this machine."""
    try:
        return frozenset(os.listdir(SHARED))
    except FileNotFoundError:
        return frozenset()


def ours(names: frozenset[str]) -> set[str]:
    """Return those of the names that this process maps, and those that nobody does: what others use is theirs."""
    used = {name: mapped_by(name) for name in names}
    # Who unmaps and removes it while we look had it mapped.
    return {name for name, users in used.items() if os.getpid() in users or not users and (SHARED / name).exists()}


def mapped_by(name: str) -> set[int]:
    """Return the processes that map it, by the number of the file: one that got its name late is mapped without it."""
    users: set[int] = set()

    try:
        status = (SHARED / name).stat()
    except FileNotFoundError:
        return users

    file = f" {os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x} {status.st_ino} ".encode()

    for entry in os.listdir("/proc"):
        if entry.isdigit():
            # Processes of other users do not show what they map, and any may end meanwhile.
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                if file in Path(f"/proc/{entry}/maps").read_bytes():
                    users.add(int(entry))

    return users


def left_since(before: Resources, *, grace: float = GRACE) -> dict[str, Any]:
    """Return, by kind, what has come since `before` and has not gone within `grace` seconds; empty if all has."""
    left = Resources.take().beyond(before)
    end = time.monotonic() + grace

    while left and time.monotonic() < end:
        # What sits in a cycle of references is closed by its collection.
        gc.collect()
        time.sleep(PAUSE)
        left = Resources.take().beyond(before)

    return left


@contextmanager
def no_leaks(*, grace: float = GRACE) -> Iterator[None]:
    """Raise `LeakError` if the block leaves a thread, child process, file descriptor or shared memory behind.

    What is about to end gets `grace` seconds. An error of the block itself is raised instead. It waits without a loop:
    around `asyncio.run`, not inside of it, where `no_task_leaks` belongs.
    """
    before = Resources.take()
    yield

    if left := left_since(before, grace=grace):
        raise LeakError(left)


@asynccontextmanager
async def no_task_leaks() -> AsyncIterator[None]:
    """Raise `LeakError` if the block leaves a task behind, or an error reached the loop's exception handler meanwhile.

    Tasks that have been cancelled get a few turns of the loop to end. The handler set before is back afterwards.
    """
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    before = asyncio.all_tasks()

    try:
        yield

        for _ in range(TURNS):
            await asyncio.sleep(0)

        # A future whose error nobody has looked at says so when it goes.
        gc.collect()
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
    finally:
        loop.set_exception_handler(handler)

    found = {"tasks": left, "errors that reached the loop": errors}

    if any(found.values()):
        raise LeakError({kind: what for kind, what in found.items() if what})
