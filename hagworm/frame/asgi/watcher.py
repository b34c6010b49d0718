"""The one reader of an exchange whose client somebody watches."""

import asyncio
from collections import deque

from hagworm.frame.asgi.protocol import Message, Receive

__all__ = ("DISCONNECT", "Watcher")

READ_AHEAD = 64 * 1024
DISCONNECT = "http.disconnect"


class Watcher:
    """Calls `receive` until the client leaves, and hands on what else arrives.

    ASGI tells that the client has left only through `receive`, and two calls of it must never overlap: from the moment
    there is a watcher, whoever wants the body asks it. It reads ahead no more than 64 KiB of a body that nobody takes.
    With `hold` it waits for the first `next` or `release`, because the first call of `receive` sends `100 Continue`.
    """

    __slots__ = ("arrived", "gone", "hold", "messages", "receive", "room", "size", "task")

    def __init__(self, receive: Receive, *, hold: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.receive = receive
        self.hold = loop.create_future() if hold else None
        self.gone: asyncio.Future[None] = loop.create_future()
        self.messages: deque[Message] = deque()
        self.size = 0
        self.arrived: asyncio.Future[None] | None = None
        self.room: asyncio.Future[None] | None = None
        self.task = loop.create_task(self.watch())

    def __repr__(self) -> str:
        return f"<Watcher {'gone' if self.gone.done() else 'watching'}, {self.size} bytes waiting>"

    async def watch(self) -> None:
        try:
            if self.hold is not None:
                await self.hold

            while (message := await self.receive())["type"] != DISCONNECT:
                self.messages.append(message)
                self.size += len(message.get("body", b""))
                wake(self.arrived)

                while self.size > READ_AHEAD:
                    self.room = asyncio.get_running_loop().create_future()
                    await self.room
        finally:
            # Stopped: the exchange is over, and whether the client has left is not known any more.
            if not self.stopped:
                wake(self.gone)

            wake(self.arrived)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called before the client left."""
        return bool(self.task.cancelling())

    async def next(self) -> Message:
        """Return the next message of the client, as `receive` would."""
        self.release()

        while not self.messages:
            if self.task.done() or self.stopped:
                return {"type": DISCONNECT}

            self.arrived = asyncio.get_running_loop().create_future()
            await self.arrived

        message = self.messages.popleft()
        self.size -= len(message.get("body", b""))
        wake(self.room)
        return message

    def release(self) -> None:
        """Begin to read where `hold` delayed it."""
        wake(self.hold)

    def stop(self) -> None:
        """Stop watching: the response is complete, and `gone` will not resolve any more."""
        self.task.cancel()

    async def close(self) -> None:
        """Stop watching, and return when the reader has ended. Raises what `receive` failed with."""
        self.task.cancel()
        await asyncio.wait((self.task,))

        if not self.task.cancelled() and (error := self.task.exception()) is not None:
            raise error


def wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
