"""Signs of life in shared memory: who is there, who is stuck, who is dead, and who leads."""

import os
import struct
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from hagworm.extend.error import SegmentError
from hagworm.extend.process.identity import Identity, current_identity, is_alive
from hagworm.extend.process.shared import SharedByteArray, Word

__all__ = ("Heartbeat", "HeartbeatStatistics", "Pulse", "Sign", "boot_time", "leader_of")

HEADER = struct.Struct("=8sQQ")
"""What kind of memory this is, the timeout in nanoseconds, and the number of the entry that was last."""
MAGIC = b"heart\0\0\1"
RECORD = struct.Struct("=QQQ40s")
"""The number of an entry, 0 for a free slot; process id and start; a label, filled up with zeros."""
SLOT = 8 + RECORD.size
FREE = bytes(RECORD.size)
LABEL = 40
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_time() -> int:
    """Return the nanoseconds since the machine's start, sleep included where the system counts it; it never jumps."""
    return time.clock_gettime_ns(CLOCK)


@dataclass(frozen=True, slots=True)
class Sign:
    """One entry, as it was at one moment."""

    number: int
    """Of the entry, growing: who came first has the lowest, and no number comes twice. Serves as a fencing token."""
    slot: int
    identity: Identity
    label: str
    age: float
    """Seconds since the last beat."""
    is_alive: bool
    """Whether its process runs."""
    is_fresh: bool
    """Whether it runs and has beaten in time."""

    @property
    def pid(self) -> int:
        """The process id."""
        return self.identity[0]


@dataclass(frozen=True, slots=True)
class HeartbeatStatistics:
    """How many there are."""

    slots: int
    fresh: int
    stale: int
    """Alive, and too long without a beat: stuck or stopped."""
    dead: int
    """Gone without having left."""
    entered: int
    """How many entries there have ever been."""


def leader_of(signs: tuple[Sign, ...]) -> Sign | None:
    """Return the one that leads: of those that are fresh, the one that entered first."""
    return min((sign for sign in signs if sign.is_fresh), key=lambda sign: sign.number, default=None)


class Pulse:
    """One entry, for the process that has made it. As a context manager it leaves at the end."""

    __slots__ = ("heartbeat", "number", "pid", "slot", "word")

    def __init__(self, heartbeat: "Heartbeat", slot: int, number: int) -> None:
        self.heartbeat = heartbeat
        self.slot = slot
        self.number = number
        self.pid = os.getpid()
        self.word: Word = heartbeat.word(slot)

    def __repr__(self) -> str:
        return f"<Pulse {self.number} of process {self.pid} in slot {self.slot}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()

    def beat(self) -> None:
        """Say that this process is well: one store, no lock, no system call.

        Raises `SegmentError` in a child that was forked: it enters for itself.
        """
        if os.getpid() != self.pid:
            raise SegmentError(f"{self!r} is not this process's, {os.getpid()}: it has to enter for itself")

        self.word.set(boot_time())

    @property
    def is_leader(self) -> bool:
        """Whether, of all that are well, this one came first. Look again before every step that only one may make."""
        leader = self.heartbeat.leader()
        return leader is not None and leader.number == self.number

    def leave(self) -> None:
        """End the entry: nobody misses this process from now on. Without effect in a child, and when called again."""
        if os.getpid() == self.pid:
            self.heartbeat.free(self.slot, self.number)


class Heartbeat:
    """A board on which each process has a slot; made by `create` and by `attach`.

    Whoever enters is expected to `beat` at least every `timeout` seconds. A process that dies without leaving stays
    visible as dead until its slot is needed; all others are untouched by it. The clock is that of the machine's start,
    so setting the time makes nobody late. The memory is that of `SharedByteArray`: this user's alone, and gone with the
    process that created it, not with one that uses it.
    """

    __slots__ = ("array", "slots", "timeout")

    def __init__(self, array: SharedByteArray) -> None:
        self.array = array
        magic, nanoseconds, _ = HEADER.unpack(array.read_at(0, HEADER.size))

        if magic != MAGIC:
            name = array.name
            array.close()
            raise SegmentError(f"shared memory {name!r} is no heartbeat")

        self.timeout = nanoseconds / 1e9
        """Seconds between two beats after which a process counts as stuck."""
        self.slots = (len(array) - HEADER.size) // SLOT

    @classmethod
    def create(cls, name: str | None = None, *, slots: int = 64, timeout: float = 60.0) -> Self:
        """Make a board with room for so many processes, under a name (None: a random one).

        Raises ValueError for what is no number of slots, or of seconds, and `SegmentError` where the name is in use.
        """
        if slots < 1 or not timeout > 0:
            raise ValueError(f"a number of slots and of seconds is wanted, not {slots!r} and {timeout!r}")

        array = SharedByteArray.create(name, HEADER.size + slots * SLOT)
        array.write_at(0, HEADER.pack(MAGIC, round(timeout * 1e9), 0))
        return cls(array)

    @classmethod
    def attach(cls, name: str) -> Self:
        """Use the board of that name. Raises `SegmentError` where there is none, or something else."""
        return cls(SharedByteArray.attach(name))

    def __repr__(self) -> str:
        if self.array.segment is None:
            return "<Heartbeat closed>"

        counts = self.statistics()
        state = f"{counts.fresh} fresh, {counts.stale} stale, {counts.dead} dead"
        return f"<Heartbeat {self.name!r} {state}, {self.slots} slots, timeout {self.timeout:g} s>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).attach, (self.name,)

    @property
    def name(self) -> str:
        """What others attach it by."""
        return self.array.name

    @property
    def entered(self) -> int:
        """How many entries there have ever been."""
        number: int = HEADER.unpack(self.array.read_at(0, HEADER.size))[2]
        return number

    def enter(self, label: str = "") -> Pulse:
        """Take a slot for this process, one that is free or whose process is dead; it counts as a first beat.

        The label, at most 40 bytes of UTF-8, is for those who look. Raises `SegmentError` where none is left.
        """
        encoded = label.encode()

        if len(encoded) > LABEL:
            raise SegmentError(f"a label has at most {LABEL} bytes: {label!r}")

        with self.array.lock():
            slot = self.vacancy()
            last = self.entered
            self.word(slot).set(boot_time())
            self.array.write_at(0, HEADER.pack(MAGIC, round(self.timeout * 1e9), last + 1))
            self.array.write_at(self.place(slot), RECORD.pack(last + 1, *current_identity(), encoded))
            return Pulse(self, slot, last + 1)

    def signs(self) -> tuple[Sign, ...]:
        """Return all entries, in the order in which they were made."""
        records = self.records()
        now = boot_time()
        found = []

        for slot, (number, pid, started, label) in enumerate(records):
            if number:
                age = max(0, now - self.word(slot).get()) / 1e9
                alive = is_alive((pid, started))
                text = label.rstrip(b"\0").decode(errors="replace")
                found.append(Sign(number, slot, (pid, started), text, age, alive, alive and age <= self.timeout))

        return tuple(sorted(found, key=lambda sign: sign.number))

    def check(self) -> bool:
        """Return whether all that have entered, and have not left, are alive and have beaten in time."""
        return all(sign.is_fresh for sign in self.signs())

    def leader(self) -> Sign | None:
        """Return who leads: of those that are well, the one that entered first; None where nobody is.

        When it dies, or is stuck for longer than the timeout, the next one leads, for whoever looks then.
        """
        return leader_of(self.signs())

    def statistics(self) -> HeartbeatStatistics:
        """Return how many there are."""
        signs = self.signs()
        fresh = sum(sign.is_fresh for sign in signs)
        alive = sum(sign.is_alive for sign in signs)
        return HeartbeatStatistics(self.slots, fresh, alive - fresh, len(signs) - alive, self.entered)

    def close(self) -> None:
        """Use it no more; see `SharedByteArray.close`."""
        self.array.close()

    def records(self) -> list[tuple[int, int, int, bytes]]:
        return [*RECORD.iter_unpack(self.array.read_at(self.place(0), self.slots * RECORD.size))]

    def vacancy(self) -> int:
        for slot, (number, pid, started, _) in enumerate(self.records()):
            if not number or not is_alive((pid, started)):
                return slot

        raise SegmentError(f"{self!r} has no slot left")

    def free(self, slot: int, number: int) -> None:
        with self.array.lock():
            if self.records()[slot][0] == number:
                self.array.write_at(self.place(slot), FREE)

    def place(self, slot: int) -> int:
        return HEADER.size + self.slots * 8 + slot * RECORD.size

    def word(self, slot: int) -> Word:
        """Return where the process in that slot stores its beats."""
        return self.array.word(HEADER.size + slot * 8)
