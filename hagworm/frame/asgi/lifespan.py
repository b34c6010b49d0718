"""The lifespan of an application, as ASGI servers ask for it."""

import asyncio
import traceback
from typing import TYPE_CHECKING

from hagworm.frame.asgi.protocol import Receive, Send

if TYPE_CHECKING:
    from hagworm.frame.asgi.entrance import Entrance

__all__ = ("run_lifespan",)


async def run_lifespan(entrance: "Entrance", receive: Receive, send: Send) -> None:
    """Start the application, and stop it when the server says so or cancels the task.

    Raises nothing but CancelledError: servers take an exception for a missing lifespan and serve what is half started,
    so it is reported through the protocol. An application that somebody else has started is left to them.
    """
    runtime = entrance.runtime
    await receive()

    if runtime.started:
        entrance.ready = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return

    try:
        await runtime.startup()
    except Exception as exc:
        await send({"type": "lifespan.startup.failed", "message": describe(exc)})
        return

    entrance.ready = True
    await send({"type": "lifespan.startup.complete"})

    try:
        await receive()
        runtime.start_draining()
        await runtime.drained(runtime.app.settings.server.drain_timeout)
    except asyncio.CancelledError:
        # The server does not wait for us any more; what was opened is closed all the same.
        await runtime.shutdown()
        raise

    try:
        await runtime.shutdown()
    except Exception as exc:
        await send({"type": "lifespan.shutdown.failed", "message": describe(exc)})
    else:
        await send({"type": "lifespan.shutdown.complete"})


def describe(error: BaseException) -> str:
    """Return what happened in one line, and below it where."""
    return f"{type(error).__name__}: {error}\n{''.join(traceback.format_exception(error)).rstrip()}"
