"""Work that starts when the response has been sent, owned by the application."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import Any

__all__ = ("BackgroundCrew", "BackgroundTasks")

logger = logging.getLogger("hagworm")


class BackgroundTasks:
    """A list of calls to make after the response; declare it as a parameter of a handler or dependency."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls: list[Callable[[], Any]] = []

    def __repr__(self) -> str:
        return f"<BackgroundTasks {len(self.calls)} waiting>"

    def add(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call `function` once the response has been sent; a plain function runs in the thread pool.

        Calls run one after another, in order; one that fails is logged and does not stop the next.
        """
        self.calls.append(partial(function, *args, **kwargs))


class BackgroundCrew:
    """Holds every background call that is running, so that none is lost and shutdown can wait for them."""

    __slots__ = ("call_in_thread", "tasks")

    def __init__(self, call_in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self.call_in_thread = call_in_thread
        self.tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<BackgroundCrew {len(self.tasks)} running>"

    def start(self, calls: list[Callable[[], Any]], name: str) -> None:
        """Run `calls` in a task of their own, in a copy of the caller's context."""
        task = asyncio.get_running_loop().create_task(
            self.run(calls, name), name=f"background {name}", context=copy_context()
        )
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self, calls: list[Callable[[], Any]], name: str) -> None:
        for call in calls:
            try:
                if iscoroutinefunction(getattr(call, "func", call)):
                    await call()
                elif isawaitable(result := await self.call_in_thread(call)):
                    await result
            except Exception:
                logger.exception("background work of %s failed", name)
