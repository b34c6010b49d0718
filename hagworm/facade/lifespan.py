"""What an application opens before its first request and closes after its last."""

import inspect
import logging
from collections.abc import Callable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import TYPE_CHECKING, Any

from hagworm.extend.error import DefinitionError, StartupFailed
from hagworm.facade.binding import location_of

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("Lifespan", "LifespanStack", "as_manager")

logger = logging.getLogger("hagworm")

Lifespan = Callable[..., Any]
Manager = AbstractAsyncContextManager[Any] | AbstractContextManager[Any]


def as_manager(function: Lifespan) -> Callable[..., Manager]:
    """Return `function` as something whose call is a context manager.

    It may be an async generator function, a generator function, or return a context manager already.
    """
    if inspect.isasyncgenfunction(function):
        return asynccontextmanager(function)

    if inspect.isgeneratorfunction(function):
        return contextmanager(function)

    if inspect.iscoroutinefunction(function):
        raise DefinitionError(
            f"{location_of(function)}: a lifespan must yield once; put `yield` between opening and closing"
        )

    return function


class LifespanStack:
    """The lifespans of an application in the order they were declared; left in reverse, every one, whatever fails."""

    __slots__ = ("stack",)

    def __init__(self) -> None:
        self.stack = AsyncExitStack()

    async def enter(self, app: "App", lifespans: list[Lifespan]) -> None:
        """Enter all; where one fails, leave those entered and raise `StartupFailed` with the cause."""
        for lifespan in lifespans:
            try:
                takes_app = bool(inspect.signature(lifespan).parameters)
                manager = as_manager(lifespan)(*((app,) if takes_app else ()))

                if isinstance(manager, AbstractAsyncContextManager):
                    await self.stack.enter_async_context(manager)
                else:
                    self.stack.enter_context(manager)
            except Exception as exc:
                await self.leave()
                raise StartupFailed(f"{location_of(lifespan)}: {type(exc).__name__}: {exc}") from exc
            except BaseException:
                await self.leave()
                raise

    def push(self, callback: Callable[[], Any]) -> None:
        """Await `callback()` when leaving, before what was entered earlier."""
        self.stack.push_async_callback(callback)

    async def leave(self) -> None:
        """Leave every lifespan, in reverse; what fails is logged and does not keep the others open."""
        stack, self.stack = self.stack, AsyncExitStack()

        try:
            await stack.aclose()
        except Exception:
            logger.exception("a lifespan failed while stopping")
