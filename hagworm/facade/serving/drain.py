"""The way out: everything that was accepted is answered, then everything is closed, in one order on every engine."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from hagworm.facade.engine import Listener
from hagworm.facade.serving.sockets import accept_waiting, pause, refuse_newcomers, remove_files

if TYPE_CHECKING:
    from hagworm.facade.runtime import Runtime

__all__ = ("drain",)

logger = logging.getLogger("hagworm")

TICK = 0.01
ACCEPTING = 1.0
"""How long connections are accepted that the system took before it was told not to, in seconds."""


async def drain(
    runtime: "Runtime",
    listener: Listener,
    sockets: Sequence[socket.socket],
    *,
    timeout: float,
    linger: float = 0.0,
    alone: bool = True,
    hurry: Callable[[], Awaitable[None]] | None = None,
) -> bool:
    """Stop a server that is serving; return whether everything was answered within `timeout` seconds.

    For `linger` seconds connections without a request stay open, so that who is about to send one on them still can,
    and is told by `connection: close` that it was the last. `alone` says that no other process accepts on `sockets`.
    When what `hurry` returns is done, what is open then is dropped. However this ends, also by a cancellation, nothing
    of the listener remains afterwards; stopping the runtime is left to the caller.
    """
    calm = asyncio.ensure_future(let_go(runtime, listener, sockets, timeout, linger, alone))
    rush = asyncio.ensure_future(hurry()) if hurry is not None else None

    try:
        await asyncio.wait({calm, rush} if rush else {calm}, return_when=asyncio.FIRST_COMPLETED)
        return calm.done() and calm.result()
    finally:
        for task in (calm, rush):
            if task is not None:
                task.cancel()

        listener.stop_accepting()
        await listener.kill()
        await asyncio.gather(calm, *((rush,) if rush else ()), return_exceptions=True)


async def let_go(
    runtime: "Runtime",
    listener: Listener,
    sockets: Sequence[socket.socket],
    timeout: float,
    linger: float,
    alone: bool,
) -> bool:
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout
    runtime.start_draining()

    if alone:
        remove_files(sockets)
        refuse_newcomers(sockets)

    # Where others accept too, the queue may never be empty, and what is left in it is not lost.
    await accept_waiting(sockets, ACCEPTING if alone else ACCEPTING / 5)
    await pause(sockets)
    listener.stop_accepting()
    await emptied(listener, min(clock() + linger, deadline))
    listener.close_idle()

    # Twice: while connections end, a last request may still come, and leave work in the background.
    for _ in range(2):
        if not await runtime.drained(max(deadline - clock(), 0)):
            logger.warning("not everything was done after %g seconds; dropping the rest: %r", timeout, runtime)
            return False

        # Who was answered before the drain began was not told to close; what is answered may still wait in a buffer.
        listener.close_idle()

        if not await emptied(listener, deadline):
            logger.warning(
                "%d connections are still open after %g seconds; dropping them", listener.connections, timeout
            )
            return False

    return True


async def emptied(listener: Listener, deadline: float) -> bool:
    """Wait until no connection is open, or for the deadline; return which. No server tells when, so this asks."""
    clock = asyncio.get_running_loop().time

    while listener.connections:
        if clock() >= deadline:
            return False

        await asyncio.sleep(TICK)

    return True
