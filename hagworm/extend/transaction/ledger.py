"""What is to be done when a transaction ends, in which order, and in which state that leaves it."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from hagworm.extend.error import TransactionError, TransactionOver

__all__ = ("Ledger", "State", "Step")

State = Literal["active", "committed", "rolled back"]


class Step(NamedTuple):
    """A call that is made when the transaction ends."""

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}

    def __call__(self) -> Any:
        """Make the call."""
        return self.function(*self.args, **self.kwargs)

    def __str__(self) -> str:
        return f"{getattr(self.function, '__qualname__', repr(self.function))}"


class Ledger:
    """The steps of one transaction: those that follow a commit in order, those that undo it from the last to the first.

    A nested one hands its steps to the one around it when it is committed: they are done when that one ends.
    """

    __slots__ = ("around", "commits", "nested", "state", "undos")

    def __init__(self, around: "Ledger | None" = None) -> None:
        if around is not None:
            around.check()
            around.nested.append(self)

        self.around = around
        self.state: State = "active"
        self.commits: list[Step] = []
        self.undos: list[Step] = []
        self.nested: list[Ledger] = []

    def __repr__(self) -> str:
        return f"<Ledger {self.state}, {len(self.commits)} to follow, {len(self.undos)} to undo>"

    def check(self) -> None:
        """Raise `TransactionOver` unless it is active."""
        if self.state != "active":
            raise TransactionOver(f"the transaction is {self.state} already")

    def on_commit(self, step: Step) -> None:
        """Remember what follows a commit. Raises `TransactionOver`."""
        self.check()
        self.commits.append(step)

    def on_rollback(self, step: Step) -> None:
        """Remember what undoes something that has been done. Raises `TransactionOver`."""
        self.check()
        self.undos.append(step)

    def commit(self) -> tuple[Step, ...]:
        """Commit, and return what is to be done now: nothing for a nested one.

        Raises `TransactionOver`, and `TransactionError` while one inside it is active.
        """
        self.check()

        if any(one.state == "active" for one in self.nested):
            raise TransactionError("a transaction cannot be committed before those inside it have ended")

        self.state = "committed"

        if self.around is None:
            return tuple(self.commits)

        self.around.commits += self.commits
        self.around.undos += self.undos
        self.around.nested.remove(self)
        return ()

    def rollback(self) -> tuple[Step, ...]:
        """Roll back, with all that are active inside, and return what is to be done now. Raises `TransactionOver`."""
        self.check()
        steps: list[Step] = []

        for one in reversed(self.nested):
            if one.state == "active":
                steps += one.rollback()

        self.state = "rolled back"
        return (*steps, *reversed(self.undos))

    @property
    def is_forgotten(self) -> bool:
        """Whether nobody has said how it ends, though that would matter."""
        return self.state == "active" and bool(self.commits or self.undos)
