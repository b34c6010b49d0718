"""Which process that is: a number is given to another one after its end, a number and a moment are not."""

import os

__all__ = ("Identity", "current_identity", "is_alive", "space", "started_at")

TOLD = os.path.exists("/proc/self/stat")

Identity = tuple[int, int]
"""Process id, and the moment of its start in ticks since the machine's; 0 where the system does not tell."""


def current_identity() -> Identity:
    """Return which process this is."""
    return os.getpid(), started_at(os.getpid())


def started_at(pid: int) -> int:
    """Return when a process was started, in ticks since the machine's start; 0 if there is none, or nobody tells.

    Linux only, proc(5): field 22 of /proc/<pid>/stat. One that has ended and is not buried counts as gone.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name of the program, in parentheses, may contain anything.
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0

    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def is_alive(identity: Identity) -> bool:
    """Return whether exactly that process runs."""
    pid, started = identity

    if TOLD:
        return started_at(pid) == started != 0

    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True

    return True


def space() -> int:
    """Return which numbers of processes can be told apart from here: containers count their own. 0: nobody tells."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except FileNotFoundError:
        return 0
