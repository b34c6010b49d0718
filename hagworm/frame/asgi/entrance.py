"""The one ASGI callable of an application: requests, WebSockets and the lifespan, handed to its runtime."""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from hagworm.facade.context import current
from hagworm.frame.asgi.exchange import AsgiExchange
from hagworm.frame.asgi.guest import NESTED
from hagworm.frame.asgi.lifespan import run_lifespan
from hagworm.frame.asgi.native import Native
from hagworm.frame.asgi.protocol import Receive, Scope, Send
from hagworm.frame.asgi.socket import AsgiSocket

if TYPE_CHECKING:
    from hagworm.facade.runtime import Runtime

__all__ = ("Entrance",)

logger = logging.getLogger("hagworm.asgi")


def no_native() -> Native | None:
    return None


class Entrance:
    """What an ASGI server calls; `native` finds the application behind the facade, where there is one."""

    __slots__ = ("context", "native", "ready", "runtime", "starting")

    def __init__(self, runtime: "Runtime", native: Callable[[], Native | None] = no_native) -> None:
        self.runtime = runtime
        self.native = native
        self.ready = False
        self.starting: asyncio.Task[None] | None = None
        self.context = clean_context()

    def __repr__(self) -> str:
        return f"<Entrance {'ready' if self.ready else 'not started'}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI 3. Raises nothing but CancelledError."""
        if not self.ready or scope["type"] != "http" or current.get() is not None:
            if not await self.admit(scope, receive, send):
                return

        exchange = AsgiExchange(scope, receive, send, self)

        try:
            await self.runtime.http(exchange)
        finally:
            if exchange.watcher is not None:
                await exchange.watcher.close()

    async def admit(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Do what is not the ordinary case; return whether `scope` is a request still to be served, here and now."""
        if scope["type"] == "lifespan":
            await run_lifespan(self, receive, send)
        elif not self.ready and not await self.prepare():
            await refuse(scope, send)
        elif current.get() is not None and NESTED not in scope:
            await self.isolate(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.runtime.websocket(AsgiSocket(scope, receive, send, self))
        else:
            return True

        return False

    async def prepare(self) -> bool:
        """Start the application where its server runs no lifespan; return whether it has started."""
        if not self.runtime.started:
            if self.starting is None:
                self.starting = asyncio.get_running_loop().create_task(
                    self.runtime.startup(), context=self.context.copy()
                )
                self.starting.add_done_callback(report)

            await asyncio.wait((self.starting,))

            if self.starting.cancelled() or self.starting.exception() is not None:
                return False

        self.ready = True
        return True

    async def isolate(self, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn starts a pipelined request, and asyncio resumes a paused connection, in the context of the request
        # before (cpython#140947): what that one had set must not be seen by this one.
        await asyncio.get_running_loop().create_task(call(self, scope, receive, send), context=self.context.copy())


async def call(entrance: Entrance, scope: Scope, receive: Receive, send: Send) -> None:
    await entrance(scope, receive, send)


def clean_context() -> contextvars.Context:
    """Return a copy of the present context in which no request is being served."""
    context = contextvars.copy_context()
    context.run(current.set, None)
    return context


def report(starting: "asyncio.Task[None]") -> None:
    if not starting.cancelled() and (error := starting.exception()) is not None:
        logger.error("the application could not be started, and answers 503 from now on", exc_info=error)


async def refuse(scope: Scope, send: Send) -> None:
    """Answer a request to an application that could not be started."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013, "reason": ""})
        return

    body = b"" if scope["method"] == "HEAD" else b"The service could not be started.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
