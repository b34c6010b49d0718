"""Ending tasks, and knowing that they have ended."""

import asyncio
from collections.abc import Iterable
from typing import Any, TypeVar

__all__ = ("cancel_tasks",)

F = TypeVar("F", bound="asyncio.Future[Any]")


async def cancel_tasks(tasks: Iterable[F], *, timeout: float | None = None) -> set[F]:
    """Cancel `tasks` and wait until they have ended, at most `timeout` seconds (None: without end).

    Returns those that still run then. Their results and errors stay with them. The calling task is left out. A
    cancellation of this call is handed on to the tasks, and raised when they have ended.
    """
    own = asyncio.current_task()
    left = {task for task in tasks if not task.done() and task is not own}
    loop = asyncio.get_running_loop()
    end = None if timeout is None else loop.time() + timeout
    interrupted: BaseException | None = None

    for task in left:
        task.cancel()

    while left:
        try:
            done, left = await asyncio.wait(left, timeout=None if end is None else max(0.0, end - loop.time()))
        except asyncio.CancelledError as exc:
            interrupted = exc
            left = {task for task in left if not task.done()}

            for task in left:
                task.cancel()
        else:
            if not done:
                break

    if interrupted is not None:
        raise interrupted

    return left
