"""Whether a process that has ended is started again, and when."""

import signal
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from hagworm.extend.error import SupervisionFailed, describe_end
from hagworm.extend.resilience.backoff import Backoff

__all__ = ("ABANDONED", "Intensity", "Restart", "RestartPolicy", "Restarts", "exit_code")

ABANDONED = 70
"""The exit code of whoever had to kill processes that would not stop in time."""


class Restart(Enum):
    """When a process that has ended by itself is started again."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Unless it ended as it should, with exit code 0."""
    TEMPORARY = "temporary"
    """Never."""

    def wants(self, returncode: int | None) -> bool:
        """Return whether a process that ended like this is to be started again."""
        return self is Restart.PERMANENT or (self is Restart.TRANSIENT and returncode != 0)


class Intensity:
    """At most `most` restarts within any `period` seconds: the next one is too many.

    The window slides, as in Erlang's supervisors: a restart counts for exactly `period` seconds. Moments come from one
    clock of the caller and never go back. Raises ValueError for a negative number or a period that is not positive.
    """

    __slots__ = ("moments", "most", "period")

    def __init__(self, most: int = 3, period: float = 60.0) -> None:
        if most < 0 or not period > 0:
            raise ValueError(f"a number of restarts and a number of seconds are wanted, not {most!r} and {period!r}")

        self.most = most
        self.period = period
        self.moments: deque[float] = deque()

    def __repr__(self) -> str:
        return f"<Intensity {len(self.moments)} of {self.most} within {self.period:g} s>"

    @property
    def count(self) -> int:
        """How many restarts have been counted, as of the last one."""
        return len(self.moments)

    def admit(self, now: float) -> bool:
        """Count a restart; return False where it is one too many."""
        while self.moments and self.moments[0] <= now - self.period:
            self.moments.popleft()

        self.moments.append(now)
        return len(self.moments) <= self.most


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When processes are started again: which, how often at most within how many seconds, and after which pauses.

    `most` and `period` count for all processes of a supervisor together, as in OTP. A process that has run for
    `stable_for` seconds begins its pauses anew.
    """

    restart: Restart = Restart.PERMANENT
    most: int = 3
    period: float = 60.0
    backoff: Backoff = field(default=Backoff(0.1, 2.0, 30.0))
    stable_for: float = 30.0


class Restarts:
    """What one supervisor has decided so far. Moments come from one clock of the caller."""

    __slots__ = ("failed", "intensity", "policy", "total")

    def __init__(self, policy: RestartPolicy) -> None:
        self.policy = policy
        self.intensity = Intensity(policy.most, policy.period)
        self.failed: dict[int, int] = {}
        """How often each slot has been restarted without having been stable since."""
        self.total = 0

    def __repr__(self) -> str:
        return f"<Restarts {self.total} in all, {self.intensity.count} of {self.intensity.most} of late>"

    def ended(self, slot: int, returncode: int | None, *, ran: float, now: float, random: float) -> float | None:
        """Return after how many seconds the process of a slot is started again, or None where it is not.

        `ran` is for how many seconds it had run, `random` a number in [0, 1). Raises `SupervisionFailed` where that
        would be one restart too many.
        """
        policy = self.policy

        if not policy.restart.wants(returncode):
            return None

        if not self.intensity.admit(now):
            raise SupervisionFailed(
                f"more than {policy.most} restarts within {policy.period:g} s; the last one ended: "
                f"{describe_end(returncode)}"
            )

        self.total += 1
        failed = 1 if ran >= policy.stable_for else self.failed.get(slot, 0) + 1
        self.failed[slot] = failed
        return policy.backoff.pause(failed, random)


def exit_code(returncodes: Iterable[int | None], *, stopped: bool = False) -> int:
    """Return the exit code of a whole from those of its parts: that of the first that failed, 0 where none did.

    A signal counts as shells have it, 128 and its number. Of parts that were `stopped` on purpose, SIGTERM, SIGINT and
    SIGQUIT are a clean end, and SIGKILL is `ABANDONED`: they had to be killed.
    """
    for returncode in returncodes:
        if stopped and returncode == -signal.SIGKILL:
            return ABANDONED

        if stopped and returncode in (-signal.SIGTERM, -signal.SIGINT, -signal.SIGQUIT):
            continue

        # Somebody else has buried it: nobody knows.
        if returncode is None:
            return 1

        if returncode:
            return returncode if returncode > 0 else 128 - returncode

    return 0
