"""A transaction over plain calls: what has been done is undone unless all of it succeeds."""

import warnings
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from hagworm.extend.error import CommitFailed, RollbackFailed
from hagworm.extend.transaction.ledger import Ledger, State, Step
from hagworm.extend.transaction.verdict import Failure, attach, raise_failures

__all__ = ("Transaction",)

P = ParamSpec("P")
T = TypeVar("T")


class Transaction:
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

    __slots__ = ("ledger",)

    def __init__(self, *, around: "Transaction | None" = None) -> None:
        self.ledger: Ledger = Ledger(None if around is None else around.ledger)

    def __repr__(self) -> str:
        ledger = self.ledger
        return f"<Transaction {ledger.state}, {len(ledger.commits)} to follow, {len(ledger.undos)} to undo>"

    @property
    def state(self) -> State:
        """`active`, `committed` or `rolled back`."""
        return self.ledger.state

    def on_commit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Callable[P, T]:
        """Call `function` when the transaction has been committed; returns it. Raises `TransactionOver`."""
        self.ledger.on_commit(Step(function, args, kwargs))
        return function

    def on_rollback(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Callable[P, T]:
        """Call `function` to undo what has just been done; returns it. Raises `TransactionOver`."""
        self.ledger.on_rollback(Step(function, args, kwargs))
        return function

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

    def __del__(self) -> None:
        ledger: Ledger | None = getattr(self, "ledger", None)

        if ledger is not None and ledger.is_forgotten:
            warnings.warn(f"{self!r} was never ended: nothing is undone", ResourceWarning, stacklevel=2, source=self)


def run(steps: Sequence[Step]) -> list[Failure]:
    """Make all the calls, whatever becomes of them, and return what failed."""
    failures: list[Failure] = []

    for step in steps:
        try:
            step()
        except BaseException as exc:  # told by whoever asked for this, when all have been called
            failures.append((str(step), exc))

    return failures
