"""What a child does: its hooks, its work, and its life from connecting to its exit code."""

import asyncio
import json
import logging
import os
import signal
from contextvars import Context
from typing import Any, Self

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.loop import run
from hagworm.extend.asyncio.base.wrapper import maybe_await
from hagworm.extend.asyncio.command.endpoint import endpoints
from hagworm.extend.asyncio.command.peer import Link, Peer, Say
from hagworm.extend.asyncio.command.transport import connect
from hagworm.extend.asyncio.process.member import attend
from hagworm.extend.error import ProcessError
from hagworm.extend.process.member import current_member
from hagworm.extend.process.reference import resolve

__all__ = ("VARIABLE", "ChildProcess", "FunctionChild", "main")

logger = logging.getLogger("hagworm")

# Not a name that begins with HAGWORM_: those are settings. Only this user can read the environment of a process.
VARIABLE = "_HAGWORM_COMMAND"


class ChildProcess:
    """One of the children of a `Launcher`. Subclass it at the top level of a module.

    In the child it is made anew with the arguments it was made with, which have to be what msgpack can carry. Methods
    that are marked with `rpc` can be called by the main process, `self.main.call(…)` calls those of the main process.
    """

    main: Peer
    """The main process; there from `on_start` on."""
    slot: int
    """Which of the children this is, from 0. Whoever replaces it gets the same number."""
    arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Remember what the one in the child is to be made with."""
        made = super().__new__(cls)
        made.arguments = (args, kwargs)
        return made

    async def on_start(self) -> None:
        """Prepare; work comes when this has returned."""

    async def handle(self, item: Any) -> Any:
        """Do one piece of work and return what comes of it. Annotated, `item` is checked and converted."""
        raise NotImplementedError(f"{type(self).__name__}.handle is not written, and there is work")

    async def run(self) -> int | None:
        """Run beside the work; when this returns, the child ends with that exit code. By default it never does."""
        await asyncio.get_running_loop().create_future()
        return None

    async def on_stop(self) -> None:
        """Clean up; what was being worked on is done."""


class FunctionChild(ChildProcess):
    """A child that calls one function, `function(slot, *args)`, plain or a coroutine function, and ends with it."""

    def __init__(self, function: str, *args: Any) -> None:
        self.function = function
        self.args = args

    async def run(self) -> int | None:
        """Call it; what it returns is the exit code, 0 where it is no number."""
        result = await maybe_await(resolve(self.function)(self.slot, *self.args))
        return result if isinstance(result, int) else 0


class Life:
    """One child process."""

    def __init__(self, given: dict[str, Any]) -> None:
        from msgspec import msgpack

        self.given = given
        self.decode = msgpack.Decoder().decode
        self.encode = msgpack.Encoder().encode
        loop = asyncio.get_running_loop()
        self.welcome: asyncio.Future[list[Any]] = loop.create_future()
        self.stop: asyncio.Future[None] = loop.create_future()
        self.peer: Peer | None = None

    def __repr__(self) -> str:
        return f"<Life of a child: {self.peer!r}>"

    def take(self, link: Link, message: bytes) -> None:
        content = self.decode(message)

        if self.peer is not None:
            self.peer.take(content)
        elif content[0] == Say.WELCOME and not self.welcome.done():
            self.welcome.set_result(content[1:])

    def lose(self, link: Link) -> None:
        """The main process is gone, or will have nothing more to do with this one."""
        if self.peer is not None:
            self.peer.lose(None)

        if not self.welcome.done():
            self.welcome.set_exception(ProcessError("the main process has hung up"))

        self.request_stop()

    def request_stop(self) -> None:
        if not self.stop.done():
            self.stop.set_result(None)

    async def live(self) -> int:
        loop = asyncio.get_running_loop()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            Context().run(loop.add_signal_handler, number, self.request_stop)

        member = current_member()
        slot = 0 if member is None else member.slot
        link = await connect(self.given, self.take, self.lose)
        link.write(self.encode((Say.HELLO, slot, os.getpid(), self.given["token"])))
        name, args, kwargs = await self.welcome
        child: ChildProcess = resolve(name)(*args, **kwargs)
        child.slot = slot
        child.main = self.peer = Peer(link, endpoints(child, ["handle"]))

        try:
            return await self.work(child, self.peer)
        finally:
            await self.peer.aclose()

    async def work(self, child: ChildProcess, peer: Peer) -> int:
        await child.on_start()

        try:
            async with attend():
                peer.write(self.encode((Say.UP,)))
                body = asyncio.ensure_future(child.run())

                try:
                    await asyncio.wait((body, self.stop), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not body.done():
                        await cancel_tasks([body])

                await peer.finish()
                return 0 if body.cancelled() else body.result() or 0
        finally:
            await child.on_stop()


async def live(given: dict[str, Any]) -> int:
    return await Life(given).live()


def main() -> int:
    """Be a child; return its exit code."""
    given = json.loads(os.environ.pop(VARIABLE))
    return run(live(given), loop=given["loop"])
