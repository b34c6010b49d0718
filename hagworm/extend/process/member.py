"""A supervised process as it sees itself: where it tells that it is ready, and that it is well."""

import os
from collections.abc import MutableMapping
from contextlib import suppress
from functools import cache

from hagworm.extend.process.heartbeat import Heartbeat, Pulse

__all__ = ("READY", "VARIABLE", "Member", "current_member", "describe_member")

# Not a name that begins with HAGWORM_: those are settings.
VARIABLE = "_HAGWORM_MEMBER"
READY = b"R"


class Member:
    """This process as one of those that a supervisor looks after."""

    __slots__ = ("board", "descriptor", "is_ready", "pulse", "slot")

    def __init__(self, slot: int, descriptor: int, board: str = "") -> None:
        self.slot = slot
        """Which of the places it has taken, from 0. Whoever is started again gets the same one."""
        self.descriptor = descriptor
        self.is_ready = False
        self.board = Heartbeat.attach(board) if board else None
        self.pulse: Pulse | None = self.board.enter(f"slot {slot}") if self.board is not None else None

    def __repr__(self) -> str:
        return f"<Member in slot {self.slot}, {'ready' if self.is_ready else 'starting'}>"

    @property
    def beat_timeout(self) -> float | None:
        """How many seconds may lie between two beats before the supervisor kills; None where none are wanted."""
        return None if self.board is None else self.board.timeout

    def ready(self) -> None:
        """Tell the supervisor that this process does its work from now on. Only the first time counts."""
        if not self.is_ready:
            self.is_ready = True

            # A supervisor that is gone takes this process with it anyway.
            with suppress(BrokenPipeError):
                os.write(self.descriptor, READY)

            os.close(self.descriptor)

    def beat(self) -> None:
        """Tell the supervisor that this process is well; does nothing where that is not wanted."""
        if self.pulse is not None:
            self.pulse.beat()


def describe_member(slot: int, descriptor: int, board: str) -> dict[str, str]:
    """Return the environment by which a process knows that it is supervised."""
    return {VARIABLE: f"{slot}:{descriptor}:{os.fstat(descriptor).st_ino}:{board}"}


@cache
def current_member() -> Member | None:
    """Return what this process is to its supervisor, None where it has none. Its children have another one, or none."""
    return take_member(os.environ)


def take_member(environment: MutableMapping[str, str]) -> Member | None:
    if (given := environment.pop(VARIABLE, None)) is None:
        return None

    slot, number, inode, board = given.split(":", 3)
    descriptor = int(number)

    try:
        is_ours = os.fstat(descriptor).st_ino == int(inode)
    except OSError:
        is_ours = False

    # Else somebody in between has passed on the environment, and not the descriptor.
    if not is_ours:
        return None

    os.set_inheritable(descriptor, False)
    return Member(int(slot), descriptor, board)
