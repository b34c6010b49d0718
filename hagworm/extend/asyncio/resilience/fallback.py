"""What to answer when there is no answer."""

from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable
from typing import Any, TypeVar

from hagworm.extend.asyncio.resilience.outcomes import Errors, read_errors
from hagworm.extend.asyncio.resilience.strategy import Kind, Strategy, kind_of, name_of, own_arguments
from hagworm.extend.error import DefinitionError

__all__ = ("Fallback",)

R = TypeVar("R")


class Fallback(Strategy):
    """Answer something else when a call fails.

        @Fallback(value=[])                                         # plain and coroutine functions
        @Fallback(lambda error, user: CACHE.get(user), on=OSError)
        await Fallback(value=None).call(fetch, url)

    The function is called with the error and the arguments of the call, and may be a coroutine function where what is
    wrapped is one. `on` says which errors are meant; a cancellation never is. Where the function fails too, its error
    is raised, with the first one as its context.
    """

    def __init__(self, use: Callable[..., Any] | None = None, *, value: Any = None, on: Errors = Exception) -> None:
        if use is not None and value is not None:
            raise ValueError("Fallback: either a function or a value")

        self.use = use
        self.value = value
        self.errors = read_errors(on)
        self.used = 0

    def __repr__(self) -> str:
        return f"<Fallback {repr(self.value) if self.use is None else name_of(self.use)}, used {self.used} times>"

    def statistics(self) -> dict[str, int]:
        """Return how often it was needed."""
        return {"used": self.used}

    def wrap_async(self, function: Callable[..., Awaitable[R]]) -> Callable[..., Coroutine[Any, Any, R]]:
        classes = self.errors.classes
        own = own_arguments(function)

        async def call(*args: Any, **kwargs: Any) -> R:
            try:
                return await function(*args, **kwargs)
            except classes as error:
                answer: Any = self.answer(error, args[own], kwargs)
                result: R = await answer if isawaitable(answer) else answer
                return result

        return call

    def wrap_sync(self, function: Callable[..., R]) -> Callable[..., R]:
        classes = self.errors.classes
        own = own_arguments(function)

        if self.use is not None and kind_of(self.use) is Kind.ASYNC:
            raise DefinitionError(f"{name_of(self.use)} cannot answer for {name_of(function)}: it has to be awaited")

        def call(*args: Any, **kwargs: Any) -> R:
            try:
                return function(*args, **kwargs)
            except classes as error:
                answer: R = self.answer(error, args[own], kwargs)
                return answer

        return call

    def answer(self, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if error not in self.errors:
            raise error

        self.used += 1
        return self.value if self.use is None else self.use(error, *args, **kwargs)
