"""What objects of many kinds can do, told by their methods and not by their ancestors."""

from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

__all__ = ("Closeable", "Factory", "Functor", "HealthCheck", "Runnable", "Startable", "Task")

P = ParamSpec("P")
T_co = TypeVar("T_co", covariant=True)


@runtime_checkable
class Functor(Protocol[P, T_co]):
    """What is called."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T_co: ...


@runtime_checkable
class Runnable(Protocol):
    """What is run, from its beginning to its end, and can be cancelled anywhere."""

    async def run(self) -> None:
        """Do the work; return when it is done."""


@runtime_checkable
class Startable(Protocol):
    """What works from `start` to `stop`, which both may be awaited again without doing anything more."""

    async def start(self) -> None:
        """Return when it works. Raises what keeps it from working, and has undone everything then."""

    async def stop(self) -> None:
        """Return when it has ended, and let go of everything; also where it was not started."""


@runtime_checkable
class Task(Protocol):
    """What is started and stopped by plain calls, and tells whether it runs."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, soon."""

    def is_running(self) -> bool:
        """Whether it has begun and has not ended."""
        ...


@runtime_checkable
class HealthCheck(Protocol):
    """What tells whether it is well."""

    async def check(self) -> None:
        """Return where it is well. Raises what is wrong."""


@runtime_checkable
class Closeable(Protocol):
    """What has to be closed."""

    async def aclose(self) -> None:
        """Let go of everything; may be awaited again."""


@runtime_checkable
class Factory(Protocol[T_co]):
    """What makes objects of one kind."""

    def create(self) -> T_co:
        """Return a new one."""
        ...
