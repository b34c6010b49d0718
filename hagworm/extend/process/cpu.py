"""Which processors this process may use, and how they are dealt out."""

import math
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

__all__ = ("allowed_cpus", "cpu_count", "deal_cpus", "pin", "quota")

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def allowed_cpus() -> tuple[int, ...]:
    """Return the numbers of the processors that this process may run on, in order: affinity and cpuset heeded."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))

    return tuple(range(os.cpu_count() or 1))


def quota(own_group: Path = OWN_GROUP, cgroups: Path = CGROUPS) -> float | None:
    """Return how many processors' time the control groups of this process leave it; None where they set no limit.

    The lowest of all groups above counts: `cpu.max` (cgroup v2), `cpu.cfs_quota_us` (v1).
    """
    limits = []

    for group in groups(own_group, cgroups):
        with suppress(OSError, ValueError):
            limit, period = (group / "cpu.max").read_text().split()

            if limit != "max":
                limits.append(int(limit) / int(period))

        with suppress(OSError, ValueError):
            microseconds = int((group / "cpu.cfs_quota_us").read_text())

            if microseconds > 0:
                limits.append(microseconds / int((group / "cpu.cfs_period_us").read_text()))

    return min(limits, default=None)


def groups(own_group: Path, cgroups: Path) -> list[Path]:
    """Return the folders of the control groups that this process is in, up to their roots."""
    found: list[Path] = []

    with suppress(OSError):
        for line in own_group.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            root = cgroups / "cpu" if "cpu" in controllers.split(",") else cgroups

            if not controllers or root != cgroups:
                inner = root / name.strip("/")
                # In a container the name is that of the world outside, and only the root is seen.
                found += [inner, *(above for above in inner.parents if above.is_relative_to(root))]

    return list(dict.fromkeys(found))


def cpu_count() -> int:
    """Return how many processes can be busy at a time here, at least 1: affinity, cpuset and quota heeded."""
    limit = quota()
    allowed = len(allowed_cpus())
    return allowed if limit is None else max(1, min(allowed, math.ceil(limit)))


def deal_cpus(slots: int, cpus: Collection[int]) -> list[tuple[int, ...]]:
    """Return the processors for each of `slots` processes: their own as far as there are enough, none unused.

    With more slots than processors each gets one, which it shares with others, as evenly as can be. Raises ValueError
    where there is nothing to deal.
    """
    if slots < 1 or not cpus:
        raise ValueError(f"processors for at least one slot are dealt, not {len(cpus)} for {slots}")

    ordered = sorted(cpus)

    if slots >= len(ordered):
        return [(ordered[slot % len(ordered)],) for slot in range(slots)]

    return [tuple(ordered[slot * len(ordered) // slots : (slot + 1) * len(ordered) // slots]) for slot in range(slots)]


def pin(cpus: Collection[int], pid: int = 0) -> None:
    """Let a process (0: this one) run on these processors only. Raises OSError for those it may not use.

    Does nothing where the system knows no affinity (all but Linux).
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, cpus)
