"""What every strategy is: something that can be wrapped around a function, or be asked to call one."""

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from enum import Enum
from typing import Any, ParamSpec, TypeVar

from hagworm.extend.error import DefinitionError

__all__ = ("Kind", "Strategy", "kind_of", "name_of", "own_arguments")

P = ParamSpec("P")
R = TypeVar("R")


class Kind(Enum):
    """How a function is called."""

    SYNC = "a plain function"
    ASYNC = "a coroutine function"
    GENERATOR = "a generator function"
    ASYNC_GENERATOR = "an asynchronous generator function"


class Strategy:
    """A way of calling: `@strategy`, `await strategy.call(function, *args)`, `strategy.call_sync(function, *args)`.

    One object holds the state that calls share, and may be wrapped around any number of functions. Each kind of
    function is wrapped by a method of its own; wrapping a kind for which there is none is a `DefinitionError`.
    """

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Wrap `function`, which keeps its kind, name and signature."""
        wrapped: Callable[P, R] = functools.wraps(function)(WRAPPERS[kind_of(function)](self, function))
        return wrapped

    def call(self, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Call `function` by this strategy: to be awaited, it gives what awaiting the function's answer gives."""
        return self.around_any(function, *args, **kwargs)

    def call_sync(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a plain function by this strategy, in the thread that asks."""
        result: R = self.around_any_sync(function, *args, **kwargs)
        return result

    @property
    def is_idle(self) -> bool:
        """Whether forgetting what it knows would change nothing."""
        return True

    def statistics(self) -> Mapping[str, Any]:
        """Return what has been counted, by name."""
        return {}

    # Made on first use: most strategies wrap functions and are never asked to call one.

    @functools.cached_property
    def around_any(self) -> Callable[..., Coroutine[Any, Any, Any]]:
        return self.wrap_async(make_call)

    @functools.cached_property
    def around_any_sync(self) -> Callable[..., Any]:
        return self.wrap_sync(make_call)

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        raise self.cannot_wrap(function, Kind.ASYNC)

    def wrap_sync(self, function: Callable[..., R]) -> Callable[..., R]:
        raise self.cannot_wrap(function, Kind.SYNC)

    def wrap_generator(self, function: Callable[..., Iterator[R]]) -> Callable[..., Iterator[R]]:
        raise self.cannot_wrap(function, Kind.GENERATOR)

    def wrap_async_generator(self, function: Callable[..., AsyncIterator[R]]) -> Callable[..., AsyncIterator[R]]:
        raise self.cannot_wrap(function, Kind.ASYNC_GENERATOR)

    def cannot_wrap(self, function: Callable[..., Any], kind: Kind) -> DefinitionError:
        return DefinitionError(f"{type(self).__name__} cannot be put around {name_of(function)}: it is {kind.value}")


WRAPPERS: dict[Kind, Callable[[Strategy, Callable[..., Any]], Callable[..., Any]]] = {
    Kind.SYNC: lambda strategy, function: strategy.wrap_sync(function),
    Kind.ASYNC: lambda strategy, function: strategy.wrap_async(function),
    Kind.GENERATOR: lambda strategy, function: strategy.wrap_generator(function),
    Kind.ASYNC_GENERATOR: lambda strategy, function: strategy.wrap_async_generator(function),
}


def make_call(function: Callable[..., R], /, *args: Any, **kwargs: Any) -> R:
    return function(*args, **kwargs)


def kind_of(function: Callable[..., Any]) -> Kind:
    """Tell how `function` is called; a callable object is what it says by an attribute `kind`, else its `__call__`."""
    if isinstance(kind := getattr(function, "kind", None), Kind):
        return kind

    while isinstance(function, functools.partial):
        function = function.func

    for candidate in (function, getattr(type(function), "__call__", function)):  # noqa: B004 # not whether: which
        if inspect.iscoroutinefunction(candidate):
            return Kind.ASYNC

        if inspect.isasyncgenfunction(candidate):
            return Kind.ASYNC_GENERATOR

        if inspect.isgeneratorfunction(candidate):
            return Kind.GENERATOR

    return Kind.SYNC


# What it calls is what has the name; strategies that are put around it inherit that.
make_call.__qualname__ = ""


def name_of(function: Callable[..., Any]) -> str:
    """Return what a function is called in messages; nothing for one that calls its first argument."""
    name: str | None = getattr(function, "__qualname__", None)
    return repr(function) if name is None else name


def own_arguments(function: Callable[..., Any]) -> slice:
    """Return which of the arguments are those of the call: the first is not where it is what is called."""
    return slice(0 if name_of(function) else 1, None)
