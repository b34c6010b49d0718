"""What a transaction does before its end, whether that is awaited or not."""

import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hagworm.extend.transaction.ledger import Ledger, State, Step

__all__ = ("Bookkeeping",)

P = ParamSpec("P")
T = TypeVar("T")


class Bookkeeping:
    """Takes down what is to be done at the end; what is forgotten warns, and is not rolled back."""

    __slots__ = ("ledger",)

    def __init__(self, around: "Bookkeeping | None" = None) -> None:
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

    def __del__(self) -> None:
        ledger: Ledger | None = getattr(self, "ledger", None)

        if ledger is not None and ledger.is_forgotten:
            warnings.warn(f"{self!r} was never ended: nothing is undone", ResourceWarning, stacklevel=2, source=self)
