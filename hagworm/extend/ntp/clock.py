"""A clock that is kept right by corrections, never goes back, and says by how much it may be wrong."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

from hagworm.extend.ntp.sample import DRIFT
from hagworm.extend.ntp.timestamp import NANO

__all__ = ("Clock", "ClockStatistics", "DisciplinedClock", "Reading")


@dataclass(frozen=True, slots=True)
class Reading:
    """What time it is: `time`, Unix time in seconds, give or take `error` seconds (infinite where nobody knows)."""

    time: float
    error: float
    synchronised: bool

    @property
    def earliest(self) -> float:
        return self.time - self.error

    @property
    def latest(self) -> float:
        return self.time + self.error

    @property
    def datetime(self) -> datetime:
        """The time in UTC."""
        return datetime.fromtimestamp(self.time, UTC)


class Clock(Protocol):
    """What tells the time; the readings of one clock never go back."""

    @property
    def synchronised(self) -> bool: ...

    def time(self) -> float:
        """Return Unix time in seconds."""
        ...

    def now(self) -> Reading:
        """Return the time, and by how much it may be wrong."""
        ...


@dataclass(frozen=True, slots=True)
class ClockStatistics:
    """What has been done to a clock."""

    synchronised: bool
    offset: float
    """Seconds that are added to the local clock."""
    remaining: float
    """Seconds that are still to be made up."""
    error: float
    corrections: int
    steps: int
    """How often it jumped: forward, or before anybody had read it."""
    panics: int
    """How often a correction was refused as it was too large."""


@dataclass(frozen=True, slots=True)
class Segment:
    """From `begin_ns` on, by the local clock, `applied_ns` are added to it, and `remaining_ns` more bit by bit."""

    begin_ns: int
    applied_ns: int = 0
    remaining_ns: int = 0
    rate: float = 0.0
    """Seconds that are made up in each second."""

    def made_up(self, local_ns: int) -> int:
        done = min(abs(self.remaining_ns), int((local_ns - self.begin_ns) * self.rate))
        return done if self.remaining_ns >= 0 else -done


class DisciplinedClock:
    """A clock that runs on the monotonic clock of the machine, and is corrected by `correct`.

    It begins with the time of day at its making, so that nobody who sets the system's clock afterwards moves it. A
    correction is made up at `slew` seconds per second. One of more than `step` seconds is a jump if it leads forward;
    if it leads back, the clock runs at `1 - brake` of its speed until it is right again: it never goes back. Only a
    clock that nobody has read yet is just set. A correction of more than `panic` seconds (None: without bound) is
    refused, except for the first one; the clock is not synchronised then.

    The error it tells is that of the correction, what of it remains to be made up, and `drift` seconds for each second
    since. It is `synchronised` from a correction on until `lose`, for at most `holdover` seconds.

    `monotonic` returns nanoseconds; `start_ns` is Unix time at that moment, in nanoseconds. Threads may share it.
    """

    __slots__ = (
        "anchor_ns",
        "brake",
        "corrections",
        "drift",
        "error",
        "holdover",
        "is_agreed",
        "last_ns",
        "lock",
        "moment_ns",
        "monotonic",
        "panic",
        "panics",
        "segment",
        "slew",
        "step",
        "steps",
    )

    def __init__(
        self,
        *,
        monotonic: Callable[[], int] = time.monotonic_ns,
        start_ns: int | None = None,
        drift: float = DRIFT,
        slew: float = 500e-6,
        step: float = 0.128,
        brake: float = 0.5,
        panic: float | None = 1000.0,
        holdover: float = math.inf,
    ) -> None:
        for name, rate in (("drift", drift), ("slew", slew), ("brake", brake)):
            if not 0 < rate < 1:
                raise ValueError(f"{name} is in seconds per second, more than 0 and less than 1, not {rate!r}")

        for name, span in (("step", step), ("panic", panic), ("holdover", holdover)):
            if span is not None and not span > 0:
                raise ValueError(f"{name} is a positive number of seconds, not {span!r}")

        self.monotonic = monotonic
        self.anchor_ns = (time.time_ns() if start_ns is None else start_ns) - monotonic()
        self.drift = drift
        self.slew = slew
        self.step = step
        self.brake = brake
        self.panic = panic
        self.holdover = holdover
        self.segment = Segment(self.local_ns())
        self.error = math.inf
        self.moment_ns = 0
        """When the error was what it is, by the local clock."""
        self.is_agreed = False
        self.last_ns: int | None = None
        """The latest time that somebody has read."""
        self.corrections = 0
        self.steps = 0
        self.panics = 0
        self.lock = Lock()

    def __repr__(self) -> str:
        state = "synchronised" if self.synchronised else "not synchronised"
        return f"<DisciplinedClock {state}, offset {self.offset:+.6f} s, error {self.error_bound:.6f} s>"

    def time(self) -> float:
        """Return Unix time in seconds; never less than before."""
        return self.time_ns() / NANO

    def time_ns(self) -> int:
        """Return Unix time in nanoseconds; never less than before."""
        with self.lock:
            now_ns = self.local_ns()
            return self.advance(now_ns + self.offset_ns(now_ns))

    def now(self) -> Reading:
        """Return the time, by how much it may be wrong, and whether it is known at all."""
        with self.lock:
            now_ns = self.local_ns()
            told_ns = now_ns + self.offset_ns(now_ns)
            shown_ns = self.advance(told_ns)
            error = self.error_at(now_ns) + (shown_ns - told_ns) / NANO
            return Reading(shown_ns / NANO, error, self.synchronised_at(now_ns))

    @property
    def synchronised(self) -> bool:
        return self.synchronised_at(self.local_ns())

    @property
    def error_bound(self) -> float:
        """Seconds by which the clock may be wrong now; infinite before the first correction."""
        return self.error_at(self.local_ns())

    @property
    def offset(self) -> float:
        """Seconds that are added to the local clock now."""
        return self.offset_ns(self.local_ns()) / NANO

    def local_ns(self) -> int:
        """Return the local clock, Unix time in nanoseconds as it would be if nobody had ever corrected it."""
        return self.anchor_ns + self.monotonic()

    def correct(self, offset: float, error: float) -> bool:
        """Have the clock show the local clock plus `offset` seconds, which is true give or take `error`.

        Returns whether that is done; False means that it was more than `panic` seconds away.
        """
        if not (math.isfinite(offset) and 0 <= error < math.inf):
            raise ValueError(f"a correction is a number of seconds, with an error of 0 or more: {offset!r}, {error!r}")

        with self.lock:
            now_ns = self.local_ns()
            applied_ns = self.offset_ns(now_ns)
            remaining_ns = round(offset * NANO) - applied_ns
            is_large = abs(remaining_ns) > self.step * NANO

            if self.corrections and self.panic is not None and abs(remaining_ns) > self.panic * NANO:
                self.panics += 1
                self.is_agreed = False
                return False

            if self.last_ns is None or (is_large and remaining_ns > 0):
                self.steps += is_large
                self.segment = Segment(now_ns, applied_ns + remaining_ns)
            else:
                rate = self.brake if is_large else self.slew
                self.segment = Segment(now_ns, applied_ns, remaining_ns, rate)

            self.corrections += 1
            self.error = error
            self.moment_ns = now_ns
            self.is_agreed = True
            return True

    def lose(self) -> None:
        """Say that nobody knows the time any more: the clock runs on, its error grows, it is not synchronised."""
        self.is_agreed = False

    def statistics(self) -> ClockStatistics:
        """Return what has been done to the clock."""
        now_ns = self.local_ns()
        segment = self.segment
        return ClockStatistics(
            synchronised=self.synchronised_at(now_ns),
            offset=self.offset_ns(now_ns) / NANO,
            remaining=(segment.remaining_ns - segment.made_up(now_ns)) / NANO,
            error=self.error_at(now_ns),
            corrections=self.corrections,
            steps=self.steps,
            panics=self.panics,
        )

    def offset_ns(self, now_ns: int) -> int:
        segment = self.segment
        return segment.applied_ns + segment.made_up(now_ns)

    def error_at(self, now_ns: int) -> float:
        segment = self.segment
        remaining = abs(segment.remaining_ns - segment.made_up(now_ns)) / NANO
        return self.error + remaining + self.drift * max(0, now_ns - self.moment_ns) / NANO

    def synchronised_at(self, now_ns: int) -> bool:
        return self.is_agreed and now_ns - self.moment_ns <= self.holdover * NANO

    def advance(self, told_ns: int) -> int:
        self.last_ns = told_ns if self.last_ns is None else max(self.last_ns, told_ns)
        return self.last_ns
