"""The batches of one event loop: gathering, fetching, and handing out the answers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from contextvars import Context
from copy import copy
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Generic, TypeVar

from hagworm.extend.asyncio.resilience.strategy import name_of
from hagworm.extend.error import BatchFailed, JobRefused, Overloaded

__all__ = ("Desk", "Fetch", "Terms")

K = TypeVar("K")
R = TypeVar("R")

is_done = methodcaller("done")

Answers = Sequence[R | BaseException] | Mapping[K, R | BaseException]
Fetch = Callable[[list[K]], Awaitable[Answers[R, K]]]


@dataclass(frozen=True, slots=True)
class Terms(Generic[K]):
    """By what batches are made."""

    max_count: int
    window: float
    key: Callable[[K], Hashable] | None
    distinct: bool
    group: Callable[[K], Hashable] | None
    concurrency: int
    waiting: int

    def __post_init__(self) -> None:
        for name in ("max_count", "concurrency", "waiting"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)!r} is not a number of at least 1")

        if not self.window >= 0:
            raise ValueError(f"window: {self.window!r} is not a number of seconds")


class Batch(Generic[K, R]):
    """Items that are fetched together, and who waits for them."""

    __slots__ = ("callers", "group", "items", "more", "timer")

    def __init__(self, group: Hashable) -> None:
        self.group = group
        self.callers: dict[Any, asyncio.Future[R]] = {}
        """The first caller of each item, by its key, in their order."""
        self.items: dict[Any, K] = {}
        """The items by their keys, where those are not the items themselves."""
        self.more: dict[Any, list[asyncio.Future[R]]] = {}
        """Those that came later and asked for the same."""
        self.timer: asyncio.Handle | None = None

    def count(self) -> int:
        """Return how many callers there are."""
        return len(self.callers) + sum(map(len, self.more.values()))

    def all_callers(self) -> "list[asyncio.Future[R]]":
        return [*self.callers.values(), *(future for others in self.more.values() for future in others)]

    def drop_abandoned(self) -> None:
        """Forget the items that nobody waits for any more."""
        if not any(map(is_done, self.callers.values())):
            return

        self.callers = {
            key: future
            for key, future in self.callers.items()
            if not (future.done() and all(map(is_done, self.more.get(key, ()))))
        }

    def wanted(self) -> list[K]:
        """Return the items, in their order."""
        return [self.items[key] for key in self.callers] if self.items else list(self.callers)

    def answer(self, answers: Collection[R | BaseException]) -> None:
        """Give each caller the answer to its item."""
        for future, answer in zip(self.callers.values(), answers, strict=True):
            if isinstance(answer, BaseException) or future.done():
                settle(future, answer)
            else:
                future.set_result(answer)

        if self.more:
            found = dict(zip(self.callers, answers, strict=True))

            for key in self.more.keys() & found.keys():
                answer = found[key]

                for other in self.more[key]:
                    settle(other, twin(answer) if isinstance(answer, BaseException) else answer)

    def fail(self, error: Exception) -> None:
        """Give each caller the error, each an object of its own."""
        for number, future in enumerate(self.all_callers()):
            settle(future, twin(error) if number else error)


class Desk(Generic[K, R]):
    """Where the calls of one loop are gathered and answered."""

    def __init__(self, fetch: Fetch[K, R], terms: Terms[K], context: Context, loop: asyncio.AbstractEventLoop) -> None:
        self.fetch = fetch
        self.terms = terms
        self.context = context
        self.loop = loop
        self.create_future: Callable[[], asyncio.Future[R]] = loop.create_future
        self.open: dict[Hashable, Batch[K, R]] = {}
        self.ready: deque[Batch[K, R]] = deque()
        self.tasks: set[asyncio.Task[None]] = set()
        self.closed = False
        self.unanswered = self.taken = self.merged = self.batches = self.failed = 0

    def refusal(self) -> Exception:
        name = name_of(self.fetch)
        return JobRefused(f"{name} is closed") if self.closed else Overloaded(f"{name}: {self.unanswered} unanswered")

    def begin(self, group: Hashable) -> Batch[K, R]:
        batch: Batch[K, R] = Batch(group)
        self.open[group] = batch
        context = self.context.copy()

        if self.terms.window:
            batch.timer = self.loop.call_later(self.terms.window, self.seal, batch, context=context)
        else:
            batch.timer = self.loop.call_soon(self.seal, batch, context=context)

        return batch

    def seal(self, batch: Batch[K, R]) -> None:
        """Take no more items for a batch, and fetch it, now or when its turn comes."""
        if self.open.get(batch.group) is batch:
            del self.open[batch.group]

        if batch.timer is not None:
            batch.timer.cancel()
            batch.timer = None

        self.ready.append(batch)
        self.start()

    def start(self) -> None:
        while self.ready and len(self.tasks) < self.terms.concurrency:
            batch = self.ready.popleft()
            task = self.loop.create_task(
                self.run(batch), name=f"batch of {name_of(self.fetch)}", context=self.context.copy()
            )
            self.tasks.add(task)
            task.add_done_callback(self.ended, context=self.context.copy())

    def ended(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        self.start()

    async def run(self, batch: Batch[K, R]) -> None:
        callers = batch.count()
        batch.drop_abandoned()

        try:
            if items := batch.wanted():
                self.batches += 1
                self.taken += len(items)
                answers = await self.fetch(items)
                batch.answer(in_order(answers, batch.callers if self.terms.distinct else items))
        except Exception as error:
            self.failed += 1
            batch.fail(error)
        except BaseException:
            # The loop is going down, or `fetch` was cancelled by what it called: no caller asked for that.
            self.failed += 1
            batch.fail(BatchFailed(f"{name_of(self.fetch)} was cancelled"))
            raise
        finally:
            self.unanswered -= callers

    async def aclose(self) -> None:
        self.closed = True

        for batch in list(self.open.values()):
            self.seal(batch)

        while self.tasks:
            await asyncio.wait(self.tasks)


def in_order(answers: Any, keys: Collection[Any]) -> Collection[Any]:
    """Return the answers in the order of the items. Raises `BatchFailed` where their number is wrong."""
    if isinstance(answers, Mapping):
        return [answers[key] if key in answers else BatchFailed(f"no answer for {key!r}") for key in keys]

    if len(answers) != len(keys):
        raise BatchFailed(f"{len(answers)} answers for {len(keys)} items")

    found: Collection[Any] = answers
    return found


def settle(future: "asyncio.Future[R]", answer: R | BaseException) -> None:
    if future.done():
        return

    if not isinstance(answer, BaseException):
        future.set_result(answer)
    elif isinstance(answer, Exception) and not isinstance(answer, StopIteration):
        future.set_exception(answer)
    else:
        # A cancellation would be taken for the caller's own, and no future takes the other.
        future.set_exception(batch_failed(answer))


def twin(error: BaseException) -> BaseException:
    """Return an exception like `error`, with the same traceback, that is not the same object."""
    try:
        other = copy(error)
    except Exception:
        other = None

    if type(other) is not type(error) or other is error:
        other = batch_failed(error)

    return other.with_traceback(error.__traceback__)


def batch_failed(cause: BaseException) -> BatchFailed:
    error = BatchFailed(f"{type(cause).__name__}: {cause}")
    error.__cause__ = cause
    return error
