"""Every error hagworm raises, in one tree.

HagwormError                      code
├── Closed                        closed        it is used after it has been closed
│   ├── PortalClosed              portal        … the way into an event loop from other threads
│   ├── QueueClosed               queue         … a queue
│   └── ScopeClosed               scope         … the scope that held a value
├── ConfigError                   config        the settings are wrong; the service does not start (exit code 2)
├── DeadlineExceeded              deadline      the time that was given is over
├── DefinitionError               definition    the business code is wrong; found when the application freezes
├── TargetError                   target        `module:attribute` does not lead to an application (exit code 2)
├── EngineNotFound                engine        no engine has that name (exit code 2)
├── MissingExtra                  extra         an optional dependency is not installed
├── NoScope                       noscope       a scoped value is wanted where no scope has been entered
├── PortInUse                     port          the address cannot be bound (exit code 2)
├── Refused                       refused       it was not tried, as something says not now
│   ├── CircuitOpen               circuit       … too many of the last calls failed
│   ├── JobRefused                job           … who would run it is closed
│   │   ├── Overloaded            overloaded    … there is no room for it, or no longer
│   │   └── DuplicateJob          duplicate     … one of that name is there already
│   └── RateLimited               rate          … as many as may have already been made
├── ScheduleError                 schedule      an interval, cron expression or time zone is wrong
└── StartupFailed                 startup       a lifespan raised while starting (exit code 3)

What concerns one request (HTTPError and its kin) lives in `hagworm.facade.failure`.
"""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = (
    "CircuitOpen",
    "Closed",
    "ConfigError",
    "DeadlineExceeded",
    "DefinitionError",
    "DuplicateJob",
    "EngineNotFound",
    "HagwormError",
    "JobRefused",
    "MissingExtra",
    "NoScope",
    "Overloaded",
    "PortInUse",
    "PortalClosed",
    "QueueClosed",
    "ScheduleError",
    "ScopeClosed",
    "StartupFailed",
    "TargetError",
    "extra",
    "nearest",
)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the closest of `known`, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


class HagwormError(Exception):
    """The root of the tree; `code` is stable, the text is not."""

    code = "hagworm"
    exit_code = 1


class Closed(HagwormError):
    """It is used after it has been closed; the text says what."""

    code = "closed"


class PortalClosed(Closed):
    """The way into an event loop from other threads has been closed, or the loop itself."""

    code = "portal"


class QueueClosed(Closed):
    """The queue takes nothing any more; a reader gets this when nothing is left in it either."""

    code = "queue"


class ScopeClosed(Closed):
    """The scope has been left: what it held is gone, and nothing can be put into it."""

    code = "scope"


class ConfigError(HagwormError):
    """The settings are wrong; each of `problems` names a key, its source and the remedy."""

    code = "config"
    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        if len(self.problems) < 2:
            return "".join(self.problems)

        return "\n  ".join([f"{len(self.problems)} problems in the settings", *self.problems])


class DefinitionError(HagwormError):
    """A handler, dependency or route is declared wrongly; the text names its file and line."""

    code = "definition"
    exit_code = 2


class TargetError(HagwormError):
    """`module:attribute` does not lead to an application."""

    code = "target"
    exit_code = 2


class EngineNotFound(HagwormError):
    """No engine has that name."""

    code = "engine"
    exit_code = 2

    def __init__(self, name: str, known: Iterable[str], *, reason: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.known = tuple(known)
        self.reason = reason

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else nearest(self.name, self.known)
        return f"unknown engine {self.name!r}{why}; known engines: {', '.join(self.known)}, or 'package.module:ENGINE'"


class MissingExtra(HagwormError, ImportError):
    """An optional dependency is not installed; the text is the command that installs it."""

    code = "extra"
    exit_code = 2

    def __init__(self, name: str, missing: str) -> None:
        super().__init__(name)
        self.extra = name
        self.missing = missing

    def __str__(self) -> str:
        return f'{self.missing} is not installed: pip install "hagworm[{self.extra}]"'


class NoScope(HagwormError, LookupError):
    """A scoped value is wanted where no scope has been entered."""

    code = "noscope"


class PortInUse(HagwormError):
    """The address cannot be bound."""

    code = "port"
    exit_code = 2


class ScheduleError(HagwormError, ValueError):
    """An interval, a cron expression, a time zone or a policy of a schedule is wrong; the text says which and how."""

    code = "schedule"


class DeadlineExceeded(HagwormError, TimeoutError):
    """The time that was given is over; `seconds` is how long that was, where it is known."""

    code = "deadline"

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return "the deadline has passed" if self.seconds is None else f"not done within {self.seconds:g} s"


class Refused(HagwormError):
    """It was not tried; `retry_after` tells in how many seconds it may be, where that is known."""

    code = "refused"

    def __init__(self, reason: str = "not now", *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after

    def __str__(self) -> str:
        when = "" if self.retry_after is None else f"; try again in {self.retry_after:.3g} s"
        return f"{self.args[0]}{when}"


class CircuitOpen(Refused):
    """Too many of the last calls failed: the next ones are not made for a while."""

    code = "circuit"


class RateLimited(Refused):
    """As many as may have already been made."""

    code = "rate"


class JobRefused(Refused):
    """A job is not taken: who would run it is closed."""

    code = "job"


class Overloaded(JobRefused):
    """There is no room for a job, or none any longer: the queue is full, or the job has waited too long."""

    code = "overloaded"


class DuplicateJob(JobRefused):
    """A job of that name is waiting or running already."""

    code = "duplicate"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"a job called {self.name!r} is waiting or running already"


class StartupFailed(HagwormError):
    """A lifespan raised while the application started; the cause is chained."""

    code = "startup"
    exit_code = 3


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn an ImportError inside the block into `MissingExtra(name)`."""
    try:
        yield
    except MissingExtra:
        raise
    except ImportError as exc:
        raise MissingExtra(name, exc.name or str(exc)) from exc
