"""The lifespan of an ASGI application that is mounted in another one."""

import asyncio
import logging
from typing import Any

from hagworm.extend.error import StartupFailed
from hagworm.frame.asgi.protocol import AsgiApp, Message

__all__ = ("Tenancy",)

logger = logging.getLogger("hagworm.mount")


class Tenancy:
    """Runs `app` through its lifespan; one that has none is served all the same, as ASGI wants it."""

    __slots__ = ("answer", "app", "events", "state", "task")

    def __init__(self, app: AsgiApp) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self.task: asyncio.Task[None] | None = None
        self.events: asyncio.Queue[Message] = asyncio.Queue()
        self.answer: asyncio.Future[Message] | None = None

    async def startup(self) -> None:
        """Start the application. Raises `StartupFailed` where it says that it failed."""
        self.state.clear()
        self.events = asyncio.Queue()
        self.task = asyncio.get_running_loop().create_task(self.run())
        message = await self.ask("startup")

        if message["type"] == "lifespan.startup.complete":
            return

        error = await self.end()

        if message["type"] == "lifespan.startup.failed":
            raise StartupFailed(message.get("message") or f"{self.app!r} could not be started") from error

        logger.debug("%r has no lifespan: %r", self.app, error)

    async def shutdown(self) -> None:
        """Stop the application, if it has been started. Raises RuntimeError where it says that it failed."""
        if self.task is None:
            return

        message = await self.ask("shutdown")
        error = await self.end()

        if message["type"] == "lifespan.shutdown.failed":
            raise RuntimeError(message.get("message") or f"{self.app!r} could not be stopped") from error

    async def ask(self, event: str) -> Message:
        """Send one event, and return the answer, or a message without a meaning where none ever comes."""
        assert self.task is not None, "asked between startup and shutdown"
        answer = self.answer = asyncio.get_running_loop().create_future()
        self.events.put_nowait({"type": f"lifespan.{event}"})

        try:
            await asyncio.wait((answer, self.task), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.end()
            raise

        return answer.result() if answer.done() else {"type": "none"}

    async def end(self) -> BaseException | None:
        """Wait for the end of its task, which is told to end where it does not, and return what it raised."""
        task, self.task = self.task, None

        if task is None:
            return None

        # One that has answered its last event has nothing left to do but to return.
        await asyncio.wait((task,), timeout=0.1)
        task.cancel()
        await asyncio.wait((task,))
        return None if task.cancelled() else task.exception()

    async def run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        await self.app(scope, self.events.get, self.send)

    async def send(self, message: Message) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(message)
