"""A transaction over plain calls: what has been done is undone unless all of it succeeds."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from hagworm.extend.error import CommitFailed, RollbackFailed
from hagworm.extend.transaction.bookkeeping import Bookkeeping
from hagworm.extend.transaction.ledger import Step
from hagworm.extend.transaction.verdict import Failure, attach, raise_failures

__all__ = ("Transaction",)


class Transaction(Bookkeeping):
    """Calls that follow a success, and calls that undo what was done before a failure.

        with Transaction() as trx:
            path.write_text(invoice)
            trx.on_rollback(path.unlink)
            trx.on_commit(notify, invoice)

    Leaving the block commits; leaving it by an exception, whichever it is, rolls back and raises that exception. What
    was to follow a commit is called in the order in which it was added, what undoes from the last to the first; one
    that fails keeps no other from being called. One that is forgotten warns, and does nothing: it is never the garbage
    collector that rolls back.
    """

    __slots__ = ()

    def __init__(self, *, around: "Transaction | None" = None) -> None:
        super().__init__(around)

    def nested(self) -> "Transaction":
        """Return a transaction inside this one: rolled back, it undoes only its own; committed, it ends with this one.

        Raises `TransactionOver`.
        """
        return Transaction(around=self)

    def commit(self) -> None:
        """Commit. Raises `TransactionOver`, and `CommitFailed` when all that follows has been called and some failed.

        A nested one only hands over what it has to the one around it.
        """
        raise_failures(CommitFailed, run(self.ledger.commit()))

    def rollback(self) -> None:
        """Roll back. Raises `TransactionOver`, and `RollbackFailed` when all that undoes has been called and some
        failed."""
        raise_failures(RollbackFailed, run(self.ledger.rollback()))

    def __enter__(self) -> Self:
        self.ledger.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.ledger.state != "active":
            return

        if error is None:
            self.commit()
        else:
            attach(error, run(self.ledger.rollback()))


def run(steps: Sequence[Step]) -> list[Failure]:
    """Make all the calls, whatever becomes of them, and return what failed."""
    failures: list[Failure] = []

    for step in steps:
        try:
            step()
        except BaseException as exc:  # told by whoever asked for this, when all have been called
            failures.append((str(step), exc))

    return failures
