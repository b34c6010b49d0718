"""Plain iterables, read in a thread and iterated on an event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload
from weakref import finalize

from hagworm.extend.asyncio.future.call import name_of, report
from hagworm.extend.asyncio.future.inbox import Inbox, inbox
from hagworm.extend.asyncio.future.pool import ThreadPool

__all__ = ("IteratorStatistics", "ThreadedIterator", "iterate", "threaded_iterable")

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IteratorStatistics:
    """What has come through an iterator."""

    ready: int
    """How many items wait to be taken."""
    delivered: int
    """How many have been taken."""
    dropped: int
    """How many were there, and were not wanted, when it was closed."""
    pauses: int
    """How often the thread has waited for room."""


class Channel(Generic[T]):
    """What the thread and the loop share, without the iterator, so that a forgotten one can be collected."""

    __slots__ = (
        "__weakref__",
        "awaited",
        "box",
        "closing",
        "delivered",
        "dropped",
        "error",
        "factory",
        "gone",
        "hungry",
        "items",
        "low",
        "parked",
        "pauses",
        "size",
        "untidy",
        "waiters",
    )

    def __init__(self, factory: Callable[[], Iterable[T]], size: int) -> None:
        self.factory: Callable[[], Iterable[T]] | None = factory
        self.size = size
        # The thread goes on when this few are left: it is woken for many items, not for each.
        self.low = size // 2
        self.items: deque[T] = deque()
        self.waiters: deque[asyncio.Future[None]] = deque()
        # Whether somebody waits on the loop for the next item.
        self.hungry = False
        # The gate of the thread while it waits for room; whoever takes it out opens it.
        self.parked: list[threading.Lock] = []
        self.closing = False
        self.awaited = False
        self.error: BaseException | None = None
        # What the iterable raised when it was closed.
        self.untidy: BaseException | None = None
        self.box: Inbox | None = None
        # Done when the thread has left the iterable, closed.
        self.gone: asyncio.Future[None] | None = None
        self.delivered = 0
        self.dropped = 0
        self.pauses = 0

    @property
    def name(self) -> str:
        return "an iterable" if self.factory is None else name_of(self.factory)

    # In the thread ----------------------------------------------------------------------------------------------------

    def produce(self) -> None:
        """Read the iterable to its end, or as far as is wanted, and close it. Raises nothing."""
        iterator: Iterator[T] | None = None
        assert self.factory is not None

        try:
            if not self.closing:
                iterator = iter(self.factory())
                self.feed(iterator)
        except BaseException as exc:
            # Without the frames of this file.
            trace = exc.__traceback__
            depth = 2 if iterator is not None else 1

            while trace is not None and depth:
                trace, depth = trace.tb_next, depth - 1

            self.error = exc.with_traceback(trace)

        try:
            if (close := getattr(iterator, "close", None)) is not None:
                close()
        except BaseException as exc:
            self.untidy = exc.with_traceback(exc.__traceback__ and exc.__traceback__.tb_next)

        assert self.box is not None

        if self.box.loop.is_closed():
            self.give_up()

    def feed(self, iterator: Iterator[T]) -> None:
        items, size = self.items, self.size
        append = items.append
        assert self.box is not None
        post = self.box.post

        for item in iterator:
            append(item)

            if self.hungry:
                self.hungry = False
                post(self)

            if (len(items) >= size or self.closing) and not self.park():
                return

    def park(self) -> bool:
        """Wait until there is room; return False when nothing is wanted any more."""
        gate = threading.Lock()
        gate.acquire()
        self.pauses += 1

        while True:
            self.parked.append(gate)

            # Whoever makes room does so first, and then looks for a thread that waits; this does it in reverse.
            if self.closing or len(self.items) <= self.low:
                try:
                    self.parked.remove(gate)
                except ValueError:
                    gate.acquire()

                return not self.closing

            gate.acquire()

    # On the loop ------------------------------------------------------------------------------------------------------

    def start(self, pool: ThreadPool) -> None:
        box = inbox()
        self.box = box
        self.gone = box.loop.create_future()

        # The future of the call belongs to nobody who could cancel it.
        try:
            call = pool.run(self.produce)
        except BaseException:
            self.gone = None
            raise

        box.endings.add(self)
        call.add_done_callback(self.leave, context=box.context)

    def leave(self, call: "asyncio.Future[None]") -> None:
        """Know that the thread has left."""
        # The pool was closed before it came to this.
        if (refusal := call.exception()) is not None:
            self.error = refusal

        self.factory = None

        if self.closing:
            self.give_up()

        assert self.gone is not None
        self.gone.set_result(None)
        self.wake()

    def land(self) -> None:
        self.wake()

    def strand(self) -> None:
        """Nobody waits for items any more."""

    def wake(self) -> None:
        """Let as many go on as there is something for."""
        waiters = self.waiters

        while waiters and (self.items or self.closing or self.is_gone):
            count = len(waiters) if self.closing or self.is_gone else min(len(waiters), len(self.items))

            for _ in range(count):
                waiter = waiters.popleft()

                if not waiter.done():
                    waiter.set_result(None)

            # In this order: what comes in between is seen by the next round, or by the thread.
            self.hungry = bool(waiters)

    @property
    def is_gone(self) -> bool:
        return self.gone is not None and self.gone.done()

    async def wait(self) -> None:
        """Wait until there is something, or nothing is to come."""
        assert self.box is not None
        waiter = self.box.loop.create_future()
        self.waiters.append(waiter)
        # The thread puts an item there first, and then looks for who waits; this does it in reverse.
        self.hungry = True
        self.wake()

        try:
            await waiter
        except BaseException:
            # Somebody else goes on instead.
            if waiter.done() and not waiter.cancelled():
                self.wake()

            raise

    async def take(self, limit: int) -> list[T]:
        """Take at most `limit` items, at least one; none are left when there is none."""
        while not self.items:
            if self.is_gone or self.closing:
                if (error := self.error) is not None:
                    self.error = None

                    try:
                        raise error
                    finally:
                        del error

                return []

            await self.wait()

        items = self.items

        if len(items) <= limit:
            taken = [*items]
            # Not more than has been taken: the thread may have added to it.
            for _ in taken:
                items.popleft()
        else:
            taken = [items.popleft() for _ in range(limit)]

        self.delivered += len(taken)

        if self.parked and len(items) <= self.low:
            self.unpark()

        return taken

    # Anywhere ---------------------------------------------------------------------------------------------------------

    def give_up(self) -> None:
        """Do without what is left, and say what nobody else will."""
        self.dropped += len(self.items)
        self.items.clear()

        # It has come of reading ahead, or nobody is there any more to hear of it.
        if self.error is not None:
            report(self.error, "an iterable failed that nobody wanted any more")
            self.error = None

        if self.untidy is not None and not self.awaited:
            report(self.untidy, "an iterable could not be closed")
            self.untidy = None

    def unpark(self) -> None:
        try:
            gate = self.parked.pop()
        except IndexError:  # it has looked itself
            return

        gate.release()

    def end(self) -> None:
        """Have the thread close the iterable and leave it, at its next item; wait for nothing."""
        self.closing = True
        self.unpark()

        if self.is_gone:
            self.give_up()


class ThreadedIterator(AsyncIterator[T]):
    """The items of an iterable, made in a thread while the loop does other things.

    The thread begins with the first item that is asked for and runs ahead by at most `size` items; then it waits. It
    is one thread from the call of `factory` to the closing of its iterator, however that comes: by its end, its error,
    `aclose`, the end of an `async with`, because the iterator was forgotten, or because the loop is shut down. An error
    is raised after the items before it, with its traceback. Several tasks may iterate, each item goes to one of them; a
    cancelled one has taken none.

    By default every iterator has a thread of its own, at most 64 at a time; a further one waits for its first item
    until another one has ended. A `pool` lends its thread to an iterator for all its life.
    """

    __slots__ = ("__weakref__", "channel", "pool")

    def __init__(
        self, factory: Callable[[], Iterable[T]], /, *, size: int = 1024, pool: ThreadPool | None = None
    ) -> None:
        if size < 1:
            raise ValueError(f"there is room for one item at least, not for {size}")

        self.channel: Channel[T] = Channel(factory, size)
        self.pool = pool
        finalize(self, self.channel.end).atexit = False

    def __repr__(self) -> str:
        channel = self.channel
        state = "closed" if channel.is_gone else "closing" if channel.closing else "open" if channel.gone else "new"
        return f"<ThreadedIterator of {channel.name}, {state}: {len(channel.items)} of {channel.size} items ready>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        channel = self.channel
        items = channel.items

        if not items:
            for item in await self.take(1):
                return item

            raise StopAsyncIteration

        item = items.popleft()
        channel.delivered += 1

        if channel.parked and len(items) <= channel.low:
            channel.unpark()

        return item

    async def take(self, limit: int = 256) -> list[T]:
        """Take what is ready, at most `limit` items, waiting until there is one; an empty list is the end.

        After a cancellation nothing has been taken. Raises what the iterable raises, and what `ThreadPool.run` raises.
        """
        if limit < 1:
            raise ValueError(f"at least one item is taken, not {limit}")

        channel = self.channel

        if channel.gone is None and not channel.closing:
            channel.start(self.pool or own_threads())

        return await channel.take(limit)

    async def aclose(self) -> None:
        """Have the iterable closed in its thread, and wait for that.

        An iterable that is about to make an item cannot be disturbed; this waits for it. Items that are ready are
        dropped. Raises what the iterable raises when it is closed. After a cancellation it is closed all the same.
        """
        channel = self.channel
        channel.end()
        channel.wake()

        if channel.gone is None or channel.gone.done():
            return

        channel.awaited = True

        try:
            await asyncio.wait((channel.gone,))
        except BaseException:
            channel.awaited = False
            raise

        if (error := channel.untidy) is not None:
            channel.untidy = None

            try:
                raise error
            finally:
                del error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def statistics(self) -> IteratorStatistics:
        """Return what has come through."""
        channel = self.channel
        return IteratorStatistics(len(channel.items), channel.delivered, channel.dropped, channel.pauses)


OWN_THREADS = 64
"""How many iterators may have a thread of their own at the same time."""

threads: ThreadPool | None = None


def own_threads() -> ThreadPool:
    """Return the pool that gives each of its calls a thread of its own."""
    global threads

    if threads is None:
        threads = ThreadPool(OWN_THREADS, name="hagworm-iterator", reuse=False)

    return threads


def iterate(source: Iterable[T], /, *, size: int = 1024, pool: ThreadPool | None = None) -> ThreadedIterator[T]:
    """Return an async iterator over any iterable, read in a thread; see `ThreadedIterator`."""
    return ThreadedIterator(lambda: source, size=size, pool=pool)


@overload
def threaded_iterable(function: Callable[P, Iterable[T]], /) -> Callable[P, ThreadedIterator[T]]: ...


@overload
def threaded_iterable(
    *, size: int = 1024, pool: ThreadPool | None = None
) -> Callable[[Callable[P, Iterable[T]]], Callable[P, ThreadedIterator[T]]]: ...


def threaded_iterable(function: Any = None, /, *, size: int = 1024, pool: ThreadPool | None = None) -> Any:
    """Make of a generator function, or another that returns an iterable, one that returns a `ThreadedIterator`.

    Also as `@threaded_iterable(size=, pool=)`. Raises TypeError for functions that are asynchronous already.
    """
    if function is None:
        return partial(threaded_iterable, size=size, pool=pool)

    if isinstance(function, staticmethod | classmethod):
        return type(function)(threaded_iterable(size=size, pool=pool)(function.__func__))

    if not callable(function) or iscoroutinefunction(function) or isasyncgenfunction(function):
        raise TypeError(f"a plain function that returns an iterable is wanted, not {function!r}")

    @wraps(function)
    def make(*args: Any, **kwargs: Any) -> ThreadedIterator[Any]:
        return ThreadedIterator(partial(function, *args, **kwargs), size=size, pool=pool)

    return make
