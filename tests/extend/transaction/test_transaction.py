"""All of it or none: steps are called once, in their order, whatever else fails; plain and awaited alike."""

import asyncio
import gc
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.asyncio.transaction import Transaction as AsyncTransaction
from hagworm.extend.error import CommitFailed, RollbackFailed, TransactionError, TransactionOver
from hagworm.extend.transaction import Ledger, Step, Transaction
from hagworm.testing.sweep import cancel_sweep

Any_ = Transaction | AsyncTransaction


class Both:
    """A transaction of either kind, used as if it were the awaited one."""

    def __init__(self, kind: type[Any_], inner: Any = None) -> None:
        self.inner: Any = inner or kind()
        self.kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def nested(self) -> "Both":
        return Both(self.kind, self.inner.nested())

    async def commit(self) -> None:
        await settle(self.inner.commit())

    async def rollback(self) -> None:
        await settle(self.inner.rollback())

    async def __aenter__(self) -> "Both":
        await settle(self.inner.__enter__() if self.kind is Transaction else self.inner.__aenter__())
        return self

    async def __aexit__(self, *error: Any) -> None:
        await settle(self.inner.__exit__(*error) if self.kind is Transaction else self.inner.__aexit__(*error))


async def settle(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


@pytest.fixture(params=[Transaction, AsyncTransaction], ids=["plain", "awaited"])
def make(request: pytest.FixtureRequest) -> Callable[[], Both]:
    return lambda: Both(request.param)


Make = Callable[[], Both]


def fail(error: BaseException) -> None:
    raise error


async def test_a_success_is_followed_in_order_and_undoes_nothing(make: Make) -> None:
    seen: list[str] = []

    async with make() as trx:
        assert trx.on_commit(seen.append, "first") == seen.append
        trx.on_rollback(seen.append, "undo")
        trx.on_commit(seen.append, "second")
        assert seen == []

    assert (seen, trx.state) == (["first", "second"], "committed")


async def test_s7_a_failure_is_undone_from_the_last_to_the_first_and_raised(make: Make) -> None:
    seen: list[str] = []

    with pytest.raises(LookupError, match="original"):
        async with make() as trx:
            trx.on_rollback(seen.append, "undo 1")
            trx.on_rollback(seen.append, "undo 2")
            trx.on_commit(seen.append, "published")
            raise LookupError("original")

    assert (seen, trx.state) == (["undo 2", "undo 1"], "rolled back")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
async def test_p1_nothing_is_swallowed_that_leaves_the_block(make: Make, error: type[BaseException]) -> None:
    seen: list[str] = []

    with pytest.raises(error):
        async with make() as trx:
            trx.on_rollback(seen.append, "undo")
            raise error

    assert seen == ["undo"]


async def test_s7_what_fails_after_a_commit_is_raised_and_keeps_nothing_from_being_called(make: Make) -> None:
    seen: list[str] = []
    trx = make()
    trx.on_commit(fail, OSError("one"))
    trx.on_commit(seen.append, "two")
    trx.on_commit(fail, OSError("three"))

    with pytest.raises(CommitFailed, match="2 steps failed: fail, fail") as caught:
        await trx.commit()

    assert [str(error) for error in caught.value.exceptions] == ["one", "three"]
    assert caught.value.split(OSError)[0] is not None
    assert isinstance(caught.value.split(lambda error: str(error) == "one")[0], CommitFailed)
    assert (seen, trx.state) == (["two"], "committed")


async def test_s7_what_cannot_be_undone_is_told_with_the_error_that_began_it(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    with pytest.raises(LookupError) as caught:
        async with make() as trx:
            trx.on_rollback(seen.append, "undone")
            trx.on_rollback(fail, OSError("disk"))
            raise LookupError("original")

    assert seen == ["undone"]
    assert caught.value.__notes__ == ["at the end of the transaction fail failed: OSError('disk')"]
    assert "at the end of a transaction fail failed" in caplog.text

    trx = make()
    trx.on_rollback(fail, OSError("disk"))

    with pytest.raises(RollbackFailed) as failed:
        await trx.rollback()

    assert [str(error) for error in failed.value.exceptions] == ["disk"]
    assert isinstance(failed.value.split(OSError)[0], RollbackFailed)


async def test_an_interrupt_among_the_steps_is_raised_when_all_have_been_called(make: Make) -> None:
    seen: list[str] = []
    trx = make()
    trx.on_commit(fail, OSError("one"))
    trx.on_commit(fail, SystemExit(3))
    trx.on_commit(seen.append, "all")

    with pytest.raises(SystemExit) as caught:
        await trx.commit()

    assert isinstance(caught.value.__cause__, CommitFailed)
    assert seen == ["all"]

    with pytest.raises(SystemExit):
        async with make() as other:
            other.on_rollback(fail, SystemExit(3))
            raise LookupError


async def test_s7_nothing_is_added_to_what_is_over_and_it_ends_once(make: Make) -> None:
    trx = make()
    await trx.commit()

    for use in (
        lambda: trx.on_commit(print),
        lambda: trx.on_rollback(print),
        lambda: trx.inner.ledger.commit(),
        lambda: trx.inner.ledger.rollback(),
        trx.nested,
    ):
        with pytest.raises(TransactionOver, match="the transaction is committed already"):
            use()

    with pytest.raises(TransactionOver):
        async with trx:
            pass


async def test_a_block_may_be_ended_before_its_end(make: Make) -> None:
    seen: list[str] = []

    async with make() as trx:
        trx.on_rollback(seen.append, "undo")
        await trx.rollback()

    async with make() as trx:
        trx.on_commit(seen.append, "follow")
        await trx.commit()

    with pytest.raises(LookupError):
        async with make() as trx:
            trx.on_rollback(seen.append, "never")
            await trx.commit()
            raise LookupError

    assert seen == ["undo", "follow"]


async def test_a_nested_one_undoes_its_own_and_follows_with_the_one_around_it(make: Make) -> None:
    seen: list[str] = []

    async with make() as outer:
        outer.on_rollback(seen.append, "undo outer")

        with pytest.raises(LookupError):
            async with outer.nested() as inner:
                inner.on_rollback(seen.append, "undo inner")
                inner.on_commit(seen.append, "never")
                raise LookupError

        assert seen == ["undo inner"]

        async with outer.nested() as inner:
            inner.on_commit(seen.append, "follow inner")

        assert seen == ["undo inner"]
        outer.on_commit(seen.append, "follow outer")

    assert seen == ["undo inner", "follow inner", "follow outer"]


async def test_what_is_around_rolls_back_what_is_inside_and_cannot_leave_it_open(make: Make) -> None:
    seen: list[str] = []
    outer = make()
    outer.on_rollback(seen.append, "outer")
    committed = outer.nested()
    committed.on_rollback(seen.append, "committed")
    await committed.commit()
    inner = outer.nested()
    inner.on_rollback(seen.append, "inner")

    with pytest.raises(TransactionError, match="before those inside it have ended"):
        await outer.commit()

    await outer.rollback()
    assert (seen, inner.state) == (["inner", "committed", "outer"], "rolled back")


@pytest.mark.parametrize("kind", [Transaction, AsyncTransaction], ids=["plain", "awaited"])
def test_s7_the_garbage_collector_rolls_nothing_back(kind: type[Any_]) -> None:
    seen: list[str] = []
    trx = kind()
    trx.on_rollback(seen.append, "undo")

    with pytest.warns(ResourceWarning, match="was never ended: nothing is undone"):
        del trx
        gc.collect()

    assert seen == []
    kind()  # nothing to do, nothing to tell


async def test_p1_a_cancellation_comes_through_when_all_is_undone() -> None:
    undone: list[int] = []

    async def undo(number: int) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        undone.append(number)

    async def use() -> None:
        undone.clear()

        async with AsyncTransaction() as trx:
            trx.on_rollback(undo, 1)
            await asyncio.sleep(0)
            trx.on_rollback(undo, 2)
            await asyncio.sleep(0)
            raise LookupError

    def check() -> None:
        assert undone in ([1], [2, 1])

    async def all_the_same() -> None:
        with pytest.raises(LookupError):
            await use()

    sweep = await cancel_sweep(all_the_same, check)
    assert sweep.suspensions >= 3


async def test_a_cancellation_in_the_middle_of_what_follows_loses_none_of_it() -> None:
    published: list[int] = []

    async def publish(number: int) -> None:
        await asyncio.sleep(0)
        published.append(number)

    async def use() -> None:
        published.clear()

        async with AsyncTransaction() as trx:
            trx.on_commit(publish, 1)
            trx.on_commit(publish, 2)

    sweep = await cancel_sweep(use, lambda: published == [1, 2] or pytest.fail(f"published: {published}"))
    assert sweep.suspensions >= 1


async def test_a_step_that_hangs_has_failed_when_its_time_is_over() -> None:
    seen: list[str] = []
    trx = AsyncTransaction(timeout=0.01)
    assert trx.nested().timeout == 0.01
    trx.ledger.nested.clear()
    trx.on_rollback(seen.append, "undone")
    trx.on_rollback(asyncio.Event().wait)

    with pytest.raises(RollbackFailed) as caught:
        await trx.rollback()

    assert [type(error) for error in caught.value.exceptions] == [TimeoutError]
    assert seen == ["undone"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["do", "begin", "commit", "rollback"]), max_size=40), st.booleans())
def test_what_is_left_is_what_was_committed(actions: list[str], succeed: bool) -> None:
    """Against a model: a stack of what has been done, cut back by each rollback."""
    done: list[int] = []
    model: list[list[int]] = [[]]
    open_: list[Ledger] = [Ledger()]

    def call(steps: tuple[Step, ...]) -> None:
        for step in steps:
            step()

    for number, action in enumerate(actions):
        if action == "do":
            done.append(number)
            open_[-1].on_rollback(Step(done.remove, (number,)))
            model[-1].append(number)
        elif action == "begin":
            open_.append(Ledger(open_[-1]))
            model.append([])
        elif len(open_) > 1:
            ledger, mine = open_.pop(), model.pop()
            call(ledger.commit() if action == "commit" else ledger.rollback())
            model[-1] += mine if action == "commit" else []

    if succeed:
        while open_:
            call(open_.pop().commit())
    else:
        call(open_[0].rollback())

    assert done == ([number for one in model for number in one] if succeed else [])


def test_their_reprs_are_for_people() -> None:
    trx = Transaction()
    trx.on_rollback(print)
    assert repr(trx) == "<Transaction active, 0 to follow, 1 to undo>"
    assert repr(trx.ledger) == "<Ledger active, 0 to follow, 1 to undo>"
    trx.commit()
    other = AsyncTransaction()
    assert repr(other) == "<Transaction active, 0 to follow, 0 to undo>"
    assert other.state == "active"
