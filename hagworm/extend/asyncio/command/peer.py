"""The other side of a link: calls to it, and calls from it."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from enum import IntEnum
from functools import lru_cache
from inspect import isawaitable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, get_type_hints, overload

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.command.endpoint import Endpoint, find, value_of
from hagworm.extend.error import Overloaded, ProcessError, TaskFailed, WorkerDied

__all__ = ("Link", "Peer", "Say")

P = ParamSpec("P")
R = TypeVar("R")

INCOMING = 1024
"""How many calls of the other side run at a time; further ones are refused."""


class Say(IntEnum):
    """What one side says to the other: the first item of each message."""

    HELLO = 0
    """From a child: slot, process id, token."""
    WELCOME = 1
    """To a child: what it is to be, by name, and its arguments."""
    UP = 2
    """From a child: it takes work."""
    CALL = 3
    """Number, method, positional and keyword arguments."""
    RESULT = 4
    ERROR = 5
    """Number, kind, text, traceback."""
    CANCEL = 6
    """Number of a call that nobody waits for any more."""


class Link(Protocol):
    """Carries whole messages, in order."""

    is_full: bool
    """Whether more is on its way than should be: who writes should `drain`."""

    def write(self, message: bytes) -> None:
        """Send a message. Raises ConnectionError where the other side is gone."""

    async def drain(self) -> None:
        """Wait until it is not full any more."""

    def close(self) -> None:
        """Carry nothing any more."""


class Peer:
    """Another process, which can be called and may call what `table` holds.

    Typed: `await peer.call(Child.add, 1, 2)` has the arguments and the result of `Child.add`.
    """

    def __init__(self, link: Link, table: dict[str, Endpoint], *, slot: int = -1, pid: int = 0) -> None:
        from msgspec import msgpack

        self.encode = msgpack.Encoder().encode
        self.link = link
        self.table = table
        self.slot = slot
        """Of a child its place, -1 for the main process."""
        self.pid = pid
        self.number = 0
        self.waiting: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self.running: dict[int, asyncio.Task[None]] = {}
        self.is_lost = False
        self.returncode: int | None = None

    def __repr__(self) -> str:
        who = "main" if self.slot < 0 else f"child {self.slot}"
        state = ", lost" if self.is_lost else ""
        return f"<Peer {who}, process {self.pid}: {len(self.waiting)} calls out, {len(self.running)} in{state}>"

    @overload
    async def call(
        self, method: Callable[Concatenate[Any, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R: ...
    @overload
    async def call(self, method: Callable[Concatenate[Any, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    async def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any: ...

    async def call(self, method: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the other side, given as a function or by its name, and return what it returns.

        Raises `TaskFailed` for what it raises, `WorkerDied` where the other process ends before it answers; and what
        msgspec raises for values that cannot travel. Cancelled, it cancels the call over there.
        """
        name = method if isinstance(method, str) else method.__name__

        if self.is_lost:
            raise self.loss(name)

        self.number += 1
        number = self.number
        message = self.encode((Say.CALL, number, name, args, kwargs))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting[number] = (name, future)

        try:
            self.write(message)

            if self.link.is_full:
                await self.link.drain()

            value = await future
        finally:
            # Not there any more: it has been answered.
            if self.waiting.pop(number, None) is not None and not self.is_lost:
                self.write(self.encode((Say.CANCEL, number)))

        return value if isinstance(method, str) else value_of(value, result_of(method))

    def take(self, message: list[Any]) -> None:
        """Do what a message says that has come from the other side. Raises `ProcessError` for what is none."""
        match message:
            case [Say.CALL, int(number), str(name), list(args), dict(kwargs)]:
                self.answer(number, name, args, kwargs)
            case [Say.RESULT, int(number), value]:
                if (entry := self.waiting.pop(number, None)) is not None and not entry[1].done():
                    entry[1].set_result(value)
            case [Say.ERROR, int(number), str(kind), str(text), str(trace)]:
                if (entry := self.waiting.pop(number, None)) is not None and not entry[1].done():
                    entry[1].set_exception(TaskFailed(entry[0], kind, text, trace))
            case [Say.CANCEL, int(number)]:
                if (task := self.running.get(number)) is not None:
                    task.cancel()
            case _:
                raise ProcessError(f"{self!r} has sent what is no message: {message!r:.100}")

    def answer(self, number: int, name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        try:
            if len(self.running) >= INCOMING:
                raise Overloaded(f"{len(self.running)} calls run already")

            value = find(self.table, name).call(args, kwargs)
        except Exception as exc:
            self.write(self.encode((Say.ERROR, number, *describe(exc))))
            return

        if isawaitable(value):
            task = asyncio.get_running_loop().create_task(self.follow(number, value), context=Context())
            self.running[number] = task
        else:
            self.reply(number, value)

    async def follow(self, number: int, awaitable: Awaitable[Any]) -> None:
        try:
            try:
                value = await awaitable
            except Exception as exc:
                self.write(self.encode((Say.ERROR, number, *describe(exc))))
            else:
                self.reply(number, value)

            if self.link.is_full:
                await self.link.drain()
        finally:
            self.running.pop(number, None)

    def reply(self, number: int, value: Any) -> None:
        try:
            self.write(self.encode((Say.RESULT, number, value)))
        except (TypeError, ValueError, OverflowError, NotImplementedError, ProcessError) as exc:
            # It cannot be encoded, or is too long.
            self.write(self.encode((Say.ERROR, number, *describe(exc))))

    def write(self, message: bytes) -> None:
        """Send a message. Where nobody is there for it, those who wait for an answer are told later, and why."""
        with suppress(ConnectionError):
            self.link.write(message)

    async def handle(self, item: Any) -> Any:
        """Have a child do work, see `ChildProcess.handle`."""
        return await self.call("handle", item)

    def lose(self, returncode: int | None) -> None:
        """Fail all calls: the other process has ended like this (None: nobody knows)."""
        if not self.is_lost:
            self.is_lost = True
            self.returncode = returncode

            for name, future in [*self.waiting.values()]:
                if not future.done():
                    future.set_exception(self.loss(name))

            self.link.close()

    def loss(self, name: str) -> WorkerDied:
        return WorkerDied(name, self.returncode, self.pid)

    async def finish(self) -> None:
        """Return when no call of the other side is running any more."""
        while self.running:
            await asyncio.wait([*self.running.values()])

    async def aclose(self) -> None:
        """Cancel the calls of the other side, fail those to it, and close the link."""
        self.lose(self.returncode)
        await cancel_tasks([*self.running.values()])


@lru_cache(1024)
def result_of(method: Callable[..., Any]) -> Any:
    """Return the type that a method is said to return."""
    return get_type_hints(method, include_extras=True).get("return", Any)


def describe(error: Exception) -> tuple[str, str, str]:
    """Return kind, text and traceback of an error, without the frames of this room."""
    trace = error.__traceback__

    while trace is not None and trace.tb_frame.f_globals.get("__package__") == __package__:
        trace = trace.tb_next

    return type(error).__name__, str(error), "".join(traceback.format_tb(trace))
