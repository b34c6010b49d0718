"""Tasks that wait for something, in the order of their arrival."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ("Waiters",)

T = TypeVar("T")


class Waiters(Generic[T]):
    """One future per waiting task, with what it waits for; to come, to leave, to wake costs the same however many wait.

    Whoever wakes a waiter has given it something: a permit, an item, a lock. A waiter that leaves all the same, because
    it was cancelled or its time was over in that very turn of the loop, gives that back. Nothing is lost, nobody hangs.
    """

    __slots__ = ("futures", "loop")

    def __init__(self) -> None:
        self.futures: OrderedDict[asyncio.Future[None], T] = OrderedDict()
        self.loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self.futures)

    def __bool__(self) -> bool:
        return bool(self.futures)

    async def wait(self, wanted: T, give_back: Callable[[T], None], timeout: float | None = None) -> None:
        """Wait until woken, at most `timeout` seconds (None: without end).

        Raises TimeoutError, and what `fail` was called with. Whoever has been woken and does not get to see it calls
        `give_back(wanted)`; who leaves without having been woken is simply gone.
        """
        loop = asyncio.get_running_loop()

        if loop is not self.loop:
            if self.futures:
                raise RuntimeError(f"{len(self.futures)} tasks of another event loop wait here")

            self.loop = loop

        future = loop.create_future()
        self.futures[future] = wanted

        try:
            if timeout is None:
                await future
            else:
                async with asyncio.timeout(timeout):
                    await future
        except BaseException:
            self.futures.pop(future, None)

            if future.done() and not future.cancelled() and future.exception() is None:
                give_back(wanted)

            raise

    def first(self) -> T | None:
        """Return what the oldest waiter wants; None if nobody waits."""
        futures = self.futures

        while futures:
            future = next(iter(futures))

            if not future.done():
                return futures[future]

            # It has been cancelled and will notice when its task runs next.
            del futures[future]

        return None

    def wake(self) -> bool:
        """Wake the oldest waiter. Returns False if nobody waits."""
        futures = self.futures

        while futures:
            future, _ = futures.popitem(last=False)

            if not future.done():
                future.set_result(None)
                return True

        return False

    def wake_all(self) -> int:
        """Wake every waiter. Returns how many there were."""
        count = 0

        while self.wake():
            count += 1

        return count

    def fail(self, make_error: Callable[[], BaseException]) -> None:
        """Raise an error in every waiter, each its own."""
        futures, self.futures = self.futures, OrderedDict()

        for future in futures:
            if not future.done():
                future.set_exception(make_error())
