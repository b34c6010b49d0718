"""Whoever asks gets their own answer, whatever becomes of the others, and nothing is fetched twice."""

import asyncio
import contextvars
import gc
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.asyncio.base.deadline import remaining, within
from hagworm.extend.asyncio.resilience.aggregate import Aggregate, batched
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.error import BatchFailed, JobRefused, Overloaded
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


class Source:
    """Doubles numbers, and remembers what it was asked for."""

    def __init__(self, turns: int = 1, fails: Callable[[list[int]], None] = lambda items: None) -> None:
        self.batches: list[list[int]] = []
        self.turns = turns
        self.fails = fails
        self.running = self.most = self.cancelled = 0

    async def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        self.running += 1
        self.most = max(self.most, self.running)

        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

        self.fails(items)
        return [item * 2 for item in items]


async def test_what_is_asked_at_about_the_same_time_is_fetched_together() -> None:
    source = Source()
    double = Aggregate(source)

    assert await asyncio.gather(*(double(number) for number in range(250))) == [2 * number for number in range(250)]
    assert [len(batch) for batch in source.batches] == [100, 100, 50]
    assert await double.many([1, 2, 3]) == [2, 4, 6]
    assert await double(7) == 14


def test_a_window_gathers_what_comes_later() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        source = Source()
        double = Aggregate(source, window=0.5, max_count=3)
        first = asyncio.ensure_future(double(1))
        await asyncio.sleep(0.4)
        second = asyncio.ensure_future(double(2))
        assert await asyncio.gather(first, second) == [2, 4]
        assert loop.time() == pytest.approx(0.5)

        began = loop.time()
        assert await double.many([1, 2, 3]) == [2, 4, 6]
        assert loop.time() == began, "a full batch does not wait"
        assert source.batches == [[1, 2], [1, 2, 3]]

    run_virtual(main())


async def test_equal_items_are_fetched_once_t19() -> None:
    source = Source()
    double = Aggregate(source)

    assert await double.many([1, 2, 1, 1, 2]) == [2, 4, 2, 2, 4]
    assert source.batches == [[1, 2]]
    assert double.statistics()["merged"] == 3

    every = Aggregate(source, distinct=False)
    assert await every.many([1, 1]) == [2, 2]
    assert source.batches[-1] == [1, 1]


async def test_items_that_cannot_be_hashed_have_a_key() -> None:
    seen: list[Any] = []

    @batched(key=lambda item: item["id"])
    async def load(items: list[dict[str, int]]) -> list[int]:
        seen.append(items)
        return [item["id"] for item in items]

    assert await load.many([{"id": 1}, {"id": 2}, {"id": 1}]) == [1, 2, 1]
    assert seen == [[{"id": 1}, {"id": 2}]]

    with pytest.raises(TypeError, match="unhashable"):
        await Aggregate(Source())({})  # type: ignore[arg-type]  # what is tested


async def test_answers_may_be_a_mapping() -> None:
    @batched()
    async def load(items: list[int]) -> dict[int, str]:
        return {item: str(item) for item in reversed(items) if item != 3}

    answers = await asyncio.gather(*(load(number) for number in range(5)), return_exceptions=True)

    assert answers[:3] == ["0", "1", "2"]
    assert str(answers[3]) == "no answer for 3"
    assert isinstance(answers[3], BatchFailed)


async def test_groups_are_kept_apart() -> None:
    source = Source()
    double = Aggregate(source, group=lambda number: number % 2)
    await double.many(range(6))

    assert sorted(source.batches) == [[0, 2, 4], [1, 3, 5]]


async def test_an_error_of_one_item_is_that_of_its_callers_only_t19() -> None:
    async def load(items: list[int]) -> Sequence[int | Exception]:
        return [KeyError(item) if item % 2 else item for item in items]

    aggregate: Aggregate[int, int] = Aggregate(load)
    answers = await asyncio.gather(*map(aggregate, [0, 1, 2, 1]), return_exceptions=True)

    assert answers[0] == 0
    assert answers[2] == 2
    assert isinstance(answers[1], KeyError)
    assert isinstance(answers[3], KeyError)
    assert answers[1] is not answers[3]


async def test_a_failed_batch_gives_each_caller_an_error_of_its_own_t19_3a35() -> None:
    class Curious(ConnectionError):
        def __init__(self, host: str, port: int) -> None:
            super().__init__(f"{host}:{port}")

    for make in (lambda: ConnectionError("down"), lambda: Curious("db", 1)):

        def fails(items: list[int], make: Callable[[], Exception] = make) -> None:
            raise make()

        answers = await asyncio.gather(*map(Aggregate(Source(fails=fails)), [1, 2, 2]), return_exceptions=True)

        assert len(set(map(id, answers))) == 3
        assert all("down" in str(answer) or "db:1" in str(answer) for answer in answers)
        assert all(answer.__traceback__ is not None for answer in answers)  # type: ignore[union-attr]  # errors


@pytest.mark.parametrize("answers", [[], [1, 2, 3], None, 5], ids=repr)
async def test_a_wrong_number_of_answers_is_an_error_for_all(answers: Any) -> None:
    async def load(items: list[int]) -> Any:
        return answers

    for error in await asyncio.gather(*map(Aggregate(load), [1, 2]), return_exceptions=True):
        assert isinstance(error, BatchFailed | TypeError)


async def test_an_answer_that_no_future_takes_is_an_error() -> None:
    async def load(items: list[int]) -> Any:
        return [StopIteration(), asyncio.CancelledError(), 3]

    answers = await asyncio.gather(*map(Aggregate(load), [1, 2, 3]), return_exceptions=True)

    assert [type(answer) for answer in answers] == [BatchFailed, BatchFailed, int]


async def test_a_cancelled_caller_harms_nobody_and_nothing_is_fetched_twice_t19_3a35() -> None:
    for leave_after in range(4):
        source = Source(turns=3)
        double = Aggregate(source)
        tasks = [asyncio.ensure_future(double(number)) for number in (1, 2, 1)]

        for _ in range(leave_after):
            await asyncio.sleep(0)

        tasks[0].cancel()
        await asyncio.wait(tasks)

        assert tasks[0].cancelled()
        assert [task.result() for task in tasks[1:]] == [4, 2]
        assert len(source.batches) == 1
        assert source.cancelled == 0


async def test_what_nobody_waits_for_is_not_fetched() -> None:
    source = Source()
    double = Aggregate(source, window=0.001)
    tasks = [asyncio.ensure_future(double(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    assert await tasks[1] == 4
    assert source.batches == [[2]]

    task = asyncio.ensure_future(double(3))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    await double.aclose()
    assert source.batches == [[2]]


async def test_what_has_begun_is_finished_though_nobody_waits() -> None:
    source = Source(turns=3)
    double = Aggregate(source)
    task = asyncio.ensure_future(double(1))

    while not source.running:
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait({task})
    await double.aclose()

    assert (source.cancelled, double.statistics()["batches"], double.statistics()["unanswered"]) == (0, 1, 0)


async def test_so_many_batches_are_fetched_at_a_time() -> None:
    source = Source(turns=5)
    double = Aggregate(source, max_count=10, concurrency=3)
    await double.many(range(200))

    assert (source.most, len(source.batches)) == (3, 20)


async def test_too_many_unanswered_are_refused() -> None:
    double = Aggregate(Source(), waiting=3)
    futures = [double.submit(number) for number in range(3)]

    with pytest.raises(Overloaded, match="3 unanswered"):
        double.submit(4)

    assert await asyncio.gather(*futures) == [0, 2, 4]
    assert await double(4) == 8


async def test_a_batch_that_is_cancelled_from_inside_cancels_no_caller() -> None:
    async def load(items: list[int]) -> list[int]:
        raise asyncio.CancelledError

    aggregate = Aggregate(load)

    with pytest.raises(BatchFailed, match="cancelled"):
        await aggregate(1)

    assert aggregate.statistics()["failed"] == 1


async def test_a_batch_sees_the_context_of_its_making_and_of_no_caller() -> None:
    who = contextvars.ContextVar("who", default="nobody")
    seen: list[tuple[str, float | None]] = []

    async def load(items: list[int]) -> list[int]:
        seen.append((who.get(), remaining()))
        return items

    who.set("maker")
    aggregate = Aggregate(load)
    who.set("caller")

    async with within(60):
        await aggregate(1)

    assert seen == [("maker", None)]


async def test_a_method_has_an_aggregate_per_instance() -> None:
    class Table:
        def __init__(self, factor: int) -> None:
            self.factor = factor
            self.batches = 0

        @batched(max_count=2)
        async def load(self, items: list[int]) -> list[int]:
            """Load rows."""
            self.batches += 1
            return [item * self.factor for item in items]

    one, ten = Table(1), Table(10)
    answers = await asyncio.gather(one.load(1), ten.load(1), one.load(2), ten.load(2))

    assert answers == [1, 10, 2, 20]
    assert (one.batches, ten.batches) == (1, 1)
    assert one.load is one.load
    assert Table.load.__doc__ == "Load rows."
    assert Table.load.__name__ == "load"


def test_several_loops_may_ask() -> None:
    source = Source()
    double = Aggregate(source)

    async def main() -> list[int]:
        return await double.many([1, 2])

    for _ in range(3):
        assert asyncio.run(main()) == [2, 4]

    gc.collect()
    asyncio.run(main())
    assert len(double.desks) == 1, "closed loops are forgotten"


async def test_a_strategy_takes_it_for_a_coroutine_function() -> None:
    calls = 0

    async def load(items: list[int]) -> list[int]:
        nonlocal calls
        calls += 1

        if calls == 1:
            raise ConnectionError

        return items

    assert await Retry(backoff=0)(Aggregate(load))(5) == 5
    assert await Retry().call(Aggregate(load), 6) == 6


async def test_closing_answers_everybody_and_takes_no_more() -> None:
    double = Aggregate(Source(turns=5), window=60, max_count=2, concurrency=1)
    futures = [double.submit(number) for number in range(5)]
    await double.aclose()

    assert [future.result() for future in futures] == [0, 2, 4, 6, 8]

    with pytest.raises(JobRefused, match="closed"):
        await double(1)

    assert repr(double).endswith("0 unanswered, 0 batches running>")


async def test_cancelling_at_any_point_leaves_nobody_without_an_answer() -> None:
    source = Source(turns=2)
    double = Aggregate(source)
    others: list[asyncio.Future[int]] = []

    async def work() -> None:
        others.append(double.submit(5))
        assert await double(5) == 10
        await double.many([6, 7])

    async def check() -> None:
        assert await asyncio.gather(*others) == [10] * len(others)

    await cancel_sweep(work, check)
    await double.aclose()
    assert double.statistics()["unanswered"] == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.integers(0, 2)), max_size=40),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_everybody_who_stays_gets_their_answer(
    steps: list[tuple[int, bool, int]], max_count: int, concurrency: int
) -> None:
    async def main() -> None:
        source = Source()
        double = Aggregate(source, max_count=max_count, concurrency=concurrency)
        tasks = []

        for number, leaves, turns in steps:
            task = asyncio.ensure_future(double(number))
            tasks.append((number, task))

            for _ in range(turns):
                await asyncio.sleep(0)

            if leaves:
                task.cancel()

        for number, task in tasks:
            await asyncio.wait({task})
            assert task.cancelled() or task.result() == 2 * number

        await double.aclose()
        assert double.statistics()["unanswered"] == 0
        assert all(len(set(batch)) == len(batch) <= max_count for batch in source.batches)

    asyncio.run(main())


@pytest.mark.parametrize(
    "options",
    [{"max_count": 0}, {"concurrency": 0}, {"waiting": 0}, {"window": -1}],
    ids=lambda options: next(iter(options)),
)
def test_numbers_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Aggregate(Source(), **options)
