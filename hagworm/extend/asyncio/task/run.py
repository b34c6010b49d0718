"""One run of a recurring task, and what is counted of all of them."""

from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ("CURRENT", "Counts", "Run", "TaskStatistics", "current_run")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a recurring task, as its function sees it."""

    name: str
    """The name of the task."""
    number: int
    """1 for the first run of the task, counting those that were asked for by hand."""
    moment: float | None = None
    """What it was planned for: Unix time for cron and aligned tasks, else the loop's clock; None if asked for."""
    late: float = 0.0
    """Seconds from its moment, jitter included, until its function was called."""


CURRENT: ContextVar[Run] = ContextVar("hagworm_current_run")


def current_run() -> Run:
    """Return the run that the caller belongs to. Raises LookupError outside one."""
    return CURRENT.get()


@dataclass(slots=True)
class Counts:
    """What a task counts while it works."""

    started: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    skipped: int = 0
    missed: int = 0
    refused: int = 0
    late: float = 0.0
    latest: float = 0.0
    busy: float = 0.0


@dataclass(frozen=True, slots=True)
class TaskStatistics:
    """What a task has done; all of it since it was made."""

    started: int
    succeeded: int
    failed: int
    """Runs that raised, those that took longer than their timeout among them."""
    cancelled: int
    """Runs that were cancelled: by `stop`, or by the next one where that may."""
    skipped: int
    """Moments left out because of an earlier run, or while the task was paused."""
    missed: int
    """Moments left out because they were over before anybody looked."""
    refused: int
    """Runs that another process has made."""
    running: int
    waiting: int
    late: float
    """How late the last run was, in seconds."""
    latest: float
    """How late the latest of all runs was, in seconds."""
    busy: float
    """Seconds spent in runs that have ended."""
