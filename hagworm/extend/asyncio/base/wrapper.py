"""Between functions that wait and functions that do not."""

import asyncio
import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeVar, cast

from hagworm.extend.asyncio.base.background import spawn

__all__ = (
    "AsyncConstructor",
    "AsyncContextManager",
    "AsyncFuncWrapper",
    "FuncWrapper",
    "async_adapter",
    "awaitable",
    "is_async",
    "maybe_await",
    "yield_now",
)

P = ParamSpec("P")
T = TypeVar("T")


def is_async(function: object) -> bool:
    """Whether a call of `function` returns a coroutine: also of a partial, or an object whose `__call__` is async."""
    while isinstance(function, functools.partial):
        function = function.func

    # What makes an object callable is looked up in its class.
    call = inspect.getattr_static(type(function), "__call__", None)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


async def maybe_await(value: "Awaitable[T] | T") -> T:
    """Return `value`, or what awaiting it gives, if it can be awaited."""
    if inspect.isawaitable(value):
        return await value

    return value


def awaitable(function: "Callable[P, Awaitable[T] | T]") -> "Callable[P, Awaitable[T]]":
    """Return `function` as one that can be awaited in any case; an async one is returned as it is."""
    if is_async(function):
        return cast("Callable[P, Awaitable[T]]", function)

    @functools.wraps(function)
    async def waiting(*args: P.args, **kwargs: P.kwargs) -> T:
        return await maybe_await(function(*args, **kwargs))

    return waiting


def async_adapter(function: "Callable[P, Awaitable[T] | T]") -> "Callable[P, asyncio.Task[T] | T]":
    """Return `function` as one that plain code of the loop's thread can call without awaiting.

    What it returns, if that can be awaited, becomes a task that the loop's background owns, in a copy of the caller's
    context; that task is returned. Its errors go to the exception handler of the loop.
    """

    @functools.wraps(function)
    def adapted(*args: P.args, **kwargs: P.kwargs) -> "asyncio.Task[T] | T":
        result = function(*args, **kwargs)

        if inspect.isawaitable(result):
            return spawn(result, policy="inherit")

        return result

    return adapted


async def yield_now(turns: int = 1) -> None:
    """Let the loop do what is due, `turns` times. That is no measure of time: do not wait for anything with it."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Listener:
    """A function among several."""

    __slots__ = ("function", "once", "priority")

    def __init__(self, function: Callable[..., Any], priority: int, once: bool) -> None:
        self.function = function
        self.priority = priority
        self.once = once

    def get_priority(self) -> int:
        return self.priority


class Listeners:
    """Several functions, in the order of their `priority`, smallest first, and among equals of their arrival."""

    __slots__ = ("listeners",)

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self.listeners: list[Listener] = []

        for function in functions:
            self.add(function)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self.listeners)} functions>"

    def __len__(self) -> int:
        return len(self.listeners)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, function: object) -> bool:
        return any(listener.function == function for listener in self.listeners)

    def add(self, function: Callable[..., Any], *, priority: int = 0, once: bool = False) -> bool:
        """Add `function`, with `once` for the next call only. Returns False if it is there already."""
        if not callable(function):
            raise TypeError(f"a function is wanted, not {function!r}")

        if function in self:
            return False

        # A new list: a call that is under way goes through the old one.
        self.listeners = sorted([*self.listeners, Listener(function, priority, once)], key=Listener.get_priority)
        return True

    def remove(self, function: Callable[..., Any]) -> bool:
        """Remove `function`. Returns False if it is not there. A call that is under way may still reach it."""
        before = len(self.listeners)
        self.listeners = [listener for listener in self.listeners if listener.function != function]
        return len(self.listeners) < before

    def take(self) -> list[Listener]:
        """Return those to call now; those that are called once are removed."""
        listeners = self.listeners

        if any(listener.once for listener in listeners):
            self.listeners = [listener for listener in listeners if not listener.once]

        return listeners


class FuncWrapper(Listeners):
    """Several functions called as one: `wrapper(...)`.

    A call returns at once: coroutines go on as tasks that the loop's background owns. An error of one does not keep the
    others from being called; when all have been, it is raised, several of them as an ExceptionGroup.
    """

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        errors: list[Exception] = []

        for listener in self.take():
            try:
                async_adapter(listener.function)(*args, **kwargs)
            except Exception as exc:
                errors.append(exc)

        raise_all(errors)


class AsyncFuncWrapper(Listeners):
    """Several functions called as one and awaited one after another: `results = await wrapper(...)`.

    `on_error` says what the error of one means to the others. `raise`: the rest is not called; `collect`: all are
    called, then errors are raised, several of them as an ExceptionGroup; `return`: errors are among the results.
    """

    __slots__ = ("on_error",)

    def __init__(
        self, *functions: Callable[..., Any], on_error: Literal["raise", "collect", "return"] = "collect"
    ) -> None:
        if on_error not in ("raise", "collect", "return"):
            raise ValueError(f"on_error is 'raise', 'collect' or 'return', not {on_error!r}")

        super().__init__(*functions)
        self.on_error = on_error

    async def __call__(self, *args: Any, **kwargs: Any) -> list[Any]:
        results: list[Any] = []
        errors: list[Exception] = []

        for listener in self.take():
            try:
                results.append(await maybe_await(listener.function(*args, **kwargs)))
            except Exception as exc:
                if self.on_error == "raise":
                    raise

                errors.append(exc)
                results.append(exc)

        if self.on_error == "collect":
            raise_all(errors)

        return results


def raise_all(errors: list[Exception]) -> None:
    if len(errors) == 1:
        raise errors[0]

    if errors:
        raise ExceptionGroup(f"{len(errors)} functions failed", errors)


class AsyncConstructor:
    """A class whose making waits: `thing = await Thing(...)` gives it when `__ainit__(...)` has ended.

    If that fails or is cancelled there is no thing: `__ainit__` undoes what it has done. Awaiting a thing that is ready
    gives it again; one that failed cannot be awaited another time. `__async_init__`, as hagworm 4 spelt it, will do.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.__making: tuple[tuple[Any, ...], dict[str, Any]] | None = (args, kwargs)
        self.__ready = False

    async def __ainit__(self, *args: Any, **kwargs: Any) -> None:
        """Make the thing ready, with the arguments of the constructor."""

    def __await__(self) -> Generator[Any, Any, Self]:
        if not self.__ready:
            if self.__making is None:
                raise RuntimeError(f"{type(self).__name__} is being made elsewhere, or could not be")

            (args, kwargs), self.__making = self.__making, None
            make = getattr(self, "__async_init__", self.__ainit__)
            yield from make(*args, **kwargs).__await__()
            self.__ready = True

        return self


class AsyncContextManager(ABC):
    """A base for `async with`: implement `_context_release`, and `_context_initialize` if there is something to do.

    It never swallows what happens in the block. When `_context_initialize` fails or is cancelled, the block does not
    run and `_context_release` is not called.
    """

    async def __aenter__(self) -> Self:
        await self._context_initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._context_release()

    async def _context_initialize(self) -> None:  # noqa: B027  # most have nothing to do
        """Prepare what the block needs."""

    @abstractmethod
    async def _context_release(self) -> None:
        """Give it back, however the block ends."""
