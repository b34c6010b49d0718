"""Making one call of many: what is asked for at about the same time is fetched together."""

import asyncio
from collections.abc import Callable, Hashable, Iterable
from contextvars import copy_context
from dataclasses import asdict
from functools import update_wrapper
from types import MethodType
from typing import Any, Generic, TypeVar

from hagworm.extend.asyncio.resilience.desk import Desk, Fetch, Terms
from hagworm.extend.asyncio.resilience.strategy import Kind, name_of

__all__ = ("Aggregate", "batched")

K = TypeVar("K")
R = TypeVar("R")


class Aggregate(Generic[K, R]):
    """Collect items, call `fetch` with a list of them, and give each caller the answer to its own.

        @batched(max_count=100, window=0.005)
        async def load_user(ids: list[int]) -> list[User]: …        # or a mapping by item; methods too

        user = await load_user(7)
        users = await load_user.many([7, 8])

    A call returns a future, as `submit` does: the item is under way at once and needs no task of its own.

    A batch begins with its first item and is fetched `window` seconds later (0: when the loop comes round), or as soon
    as it has `max_count` items. Equal items of a batch are fetched once; `key` tells what makes them equal where they
    cannot be hashed, and `distinct=False` switches that off. `group` keeps apart what must not be in one batch. At most
    `concurrency` batches are fetched at a time and the others wait; with `waiting` callers unanswered one more raises
    `Overloaded`.

    An answer that is an exception is raised for its item alone. When `fetch` fails, every caller gets the error, each
    an object of its own. Who got no answer gets `BatchFailed`.

    Nobody leads: a batch runs in a task of its own, in the context in which the aggregate was made, and a cancelled
    caller harms nobody. What nobody waits for any more is not fetched if that has not begun, and finished if it has.
    Several loops may call; each has batches of its own. `aclose` waits for what has begun.
    """

    kind = Kind.ASYNC
    """What strategies that are put around it take it for."""

    def __init__(
        self,
        fetch: Fetch[K, R],
        *,
        max_count: int = 100,
        window: float = 0.0,
        key: Callable[[K], Hashable] | None = None,
        distinct: bool = True,
        group: Callable[[K], Hashable] | None = None,
        concurrency: int = 8,
        waiting: int = 100_000,
    ) -> None:
        update_wrapper(self, fetch)
        self.fetch = fetch
        self.terms = Terms(max_count, window, key, distinct, group, concurrency, waiting)
        self.max_count = max_count
        self.key = key if distinct else None
        self.distinct = distinct
        self.group = group
        self.waiting = waiting
        self.context = copy_context()
        self.desks: dict[asyncio.AbstractEventLoop, Desk[K, R]] = {}
        self.desk: Desk[K, R] | None = None
        self.attribute = ""

    def __repr__(self) -> str:
        facts = self.statistics()
        return (
            f"<Aggregate {name_of(self.fetch)}: {facts['unanswered']} unanswered, {facts['running']} batches running>"
        )

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, instance: Any, owner: type | None = None) -> "Aggregate[K, R]":
        """Return the aggregate of one instance, where `fetch` is a method: instances never share a batch."""
        if instance is None:
            return self

        own: Aggregate[K, R] = Aggregate(MethodType(self.fetch, instance), **asdict(self.terms))
        own.context = self.context
        kept: Aggregate[K, R] = instance.__dict__.setdefault(self.attribute, own)
        return kept

    def submit(self, item: K) -> "asyncio.Future[R]":
        """Return a future of the answer to `item`, which is the caller's own: cancelling it harms nobody."""
        loop = asyncio.get_running_loop()
        desk = self.desk

        if desk is None or desk.loop is not loop:
            desk = self.find_desk(loop)

        if desk.unanswered >= self.waiting or desk.closed:
            raise desk.refusal()

        group = None if self.group is None else self.group(item)
        batch = desk.open.get(group)

        if batch is None:
            batch = desk.begin(group)

        callers = batch.callers
        future = desk.create_future()
        desk.unanswered += 1
        key: Any = item

        if self.key is not None:
            key = self.key(item)
            batch.items.setdefault(key, item)
        elif not self.distinct:
            key = len(callers)
            batch.items[key] = item

        if callers.setdefault(key, future) is not future:
            batch.more.setdefault(key, []).append(future)
            desk.merged += 1
        elif len(callers) >= self.max_count:
            desk.seal(batch)

        return future

    __call__ = submit

    async def many(self, items: Iterable[K]) -> list[R]:
        """Return the answers to `items`, in their order; raises the first error."""
        return await asyncio.gather(*(self.submit(item) for item in items))

    def statistics(self) -> dict[str, int]:
        """Return how many callers wait and batches run, and how much was fetched, merged and failed so far."""
        desks = list(self.desks.values())
        return {
            "unanswered": sum(desk.unanswered for desk in desks),
            "running": sum(len(desk.tasks) for desk in desks),
            "batches": sum(desk.batches for desk in desks),
            "items": sum(desk.taken for desk in desks),
            "merged": sum(desk.merged for desk in desks),
            "failed": sum(desk.failed for desk in desks),
        }

    async def aclose(self) -> None:
        """Fetch what has been asked for in this loop, wait for it, and take no more here.

        Cancelling it loses nothing.
        """
        await self.find_desk(asyncio.get_running_loop()).aclose()

    def find_desk(self, loop: asyncio.AbstractEventLoop) -> Desk[K, R]:
        for other in [other for other in self.desks if other.is_closed()]:
            self.desks.pop(other, None)

        self.desk = self.desks.setdefault(loop, Desk(self.fetch, self.terms, self.context, loop))
        return self.desk


def batched(
    *,
    max_count: int = 100,
    window: float = 0.0,
    key: Callable[[Any], Hashable] | None = None,
    distinct: bool = True,
    group: Callable[[Any], Hashable] | None = None,
    concurrency: int = 8,
    waiting: int = 100_000,
) -> Callable[[Fetch[K, R]], Aggregate[K, R]]:
    """Make an `Aggregate` of a coroutine function that takes a list and returns a list, or a mapping."""

    def wrap(fetch: Fetch[K, R]) -> Aggregate[K, R]:
        return Aggregate(
            fetch,
            max_count=max_count,
            window=window,
            key=key,
            distinct=distinct,
            group=group,
            concurrency=concurrency,
            waiting=waiting,
        )

    return wrap
