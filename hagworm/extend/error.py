"""Every error hagworm raises, in one tree.

HagwormError                      code
├── ConfigError                   config        the settings are wrong; the service does not start (exit code 2)
├── DefinitionError               definition    the business code is wrong; found when the application freezes
├── TargetError                   target        `module:attribute` does not lead to an application (exit code 2)
├── EngineNotFound                engine        no engine has that name (exit code 2)
├── MissingExtra                  extra         an optional dependency is not installed
├── PortInUse                     port          the address cannot be bound (exit code 2)
├── ScheduleError                 schedule      an interval, cron expression or time zone is wrong
├── JobRefused                    refused       a job is not taken: the limiter is closed
│   ├── Overloaded                overloaded    … there is no room for it, or no longer
│   └── DuplicateJob              duplicate     … one of that name is there already
└── StartupFailed                 startup       a lifespan raised while starting (exit code 3)

What concerns one request (HTTPError and its kin) lives in `hagworm.facade.failure`.
"""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = (
    "ConfigError",
    "DefinitionError",
    "DuplicateJob",
    "EngineNotFound",
    "HagwormError",
    "JobRefused",
    "MissingExtra",
    "Overloaded",
    "PortInUse",
    "ScheduleError",
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


class PortInUse(HagwormError):
    """The address cannot be bound."""

    code = "port"
    exit_code = 2


class ScheduleError(HagwormError, ValueError):
    """An interval, a cron expression, a time zone or a policy of a schedule is wrong; the text says which and how."""

    code = "schedule"


class JobRefused(HagwormError):
    """A job is not taken: who would run it is closed."""

    code = "refused"


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
