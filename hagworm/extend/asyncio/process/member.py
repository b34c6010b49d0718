"""A supervised process that tells from its event loop that it is well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context

from hagworm.extend.process.member import Member, current_member

__all__ = ("attend",)

BEATS = 4
"""How often a member beats within the time in which it has to once."""


@asynccontextmanager
async def attend() -> AsyncIterator[Member | None]:
    """Tell the supervisor that this process is ready, and, as long as its loop turns, that it is well.

    Yields what this process is to its supervisor, None where it has none. A loop that is blocked for longer than the
    supervisor allows gets its process killed. After the block nothing is told any more.
    """
    member = current_member()

    if member is None:
        yield None
        return

    loop = asyncio.get_running_loop()
    handle: asyncio.Handle | None = None

    def beat() -> None:
        nonlocal handle
        assert member is not None
        member.beat()

        if member.beat_timeout is not None:
            handle = loop.call_later(member.beat_timeout / BEATS, beat, context=Context())

    member.ready()
    beat()

    try:
        yield member
    finally:
        if handle is not None:
            handle.cancel()
