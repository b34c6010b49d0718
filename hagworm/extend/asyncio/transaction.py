"""A transaction whose steps may be coroutine functions, and that no cancellation leaves half undone."""

import asyncio
import inspect
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from hagworm.extend.error import CommitFailed, RollbackFailed
from hagworm.extend.transaction import Bookkeeping, Failure, Step, attach, raise_failures

__all__ = ("Transaction",)


class Transaction(Bookkeeping):
    """The twin of `hagworm.extend.transaction.Transaction` for coroutines; steps may be plain functions too.

        async with Transaction() as trx:
            await store.reserve(item)
            trx.on_rollback(store.release, item)
            trx.on_commit(bus.publish, "order.created", order)

    Steps are awaited one after the other, in a task of their own: a cancellation that comes while the transaction ends
    is raised when all of them have been called. `timeout` bounds each of them, in seconds (None: not at all); one that
    takes longer is cancelled, and has failed.
    """

    __slots__ = ("timeout",)

    def __init__(self, *, around: "Transaction | None" = None, timeout: float | None = None) -> None:
        super().__init__(around)
        self.timeout: float | None = timeout if around is None or timeout is not None else around.timeout

    def nested(self) -> "Transaction":
        """Return a transaction inside this one: rolled back, it undoes only its own; committed, it ends with this one.

        Raises `TransactionOver`.
        """
        return Transaction(around=self)

    async def commit(self) -> None:
        """Commit. Raises `TransactionOver`, and `CommitFailed` when all that follows has been called and some failed.

        Cancelled, it is committed all the same, and all that follows is called.
        """
        raise_failures(CommitFailed, await self.end(self.ledger.commit()))

    async def rollback(self) -> None:
        """Roll back. Raises `TransactionOver`, and `RollbackFailed` when all has been called and some failed.

        Cancelled, it is rolled back all the same, to the end.
        """
        raise_failures(RollbackFailed, await self.end(self.ledger.rollback()))

    async def __aenter__(self) -> Self:
        self.ledger.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.ledger.state != "active":
            return

        if error is None:
            await self.commit()
        else:
            attach(error, await self.end(self.ledger.rollback()))

    async def end(self, steps: Sequence[Step]) -> list[Failure]:
        """Make all the calls, whatever becomes of them, and return what failed; then raise a cancellation, if any."""
        if not steps:
            return []

        task = asyncio.create_task(run(steps, self.timeout), name="end of a transaction")
        interrupted: asyncio.CancelledError | None = None

        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError as exc:
                interrupted = exc

        if interrupted is not None:
            attach(interrupted, task.result())
            raise interrupted

        return task.result()


async def run(steps: Sequence[Step], timeout: float | None) -> list[Failure]:
    failures: list[Failure] = []

    for step in steps:
        try:
            async with asyncio.timeout(timeout):
                if inspect.isawaitable(result := step()):
                    await result
        except BaseException as exc:  # told by whoever asked for this, when all have been called
            failures.append((str(step), exc))

    return failures
