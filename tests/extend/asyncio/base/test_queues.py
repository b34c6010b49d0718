"""What is put into a queue comes out once, in order, whoever is cancelled; and a queue says when it is over."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.asyncio.base.queues import ClosableQueue, FlowControl, FlowControlQueue, PriorityQueue
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.extend.error import QueueClosed
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual

KINDS: list[Callable[[int], ClosableQueue[Any]]] = [ClosableQueue, PriorityQueue, FlowControlQueue]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Callable[[int], ClosableQueue[Any]]:
    made: Callable[[int], ClosableQueue[Any]] = request.param
    return made


async def test_items_come_out_in_the_order_in_which_they_were_put(kind: Callable[[int], ClosableQueue[int]]) -> None:
    queue = kind(3)

    async def fill() -> None:
        for number in range(20):
            await queue.put(number)

        queue.close()

    filling = asyncio.create_task(fill())
    assert [item async for item in queue] == list(range(20))
    await filling
    assert queue.statistics().put == queue.statistics().taken == 20


async def test_readers_are_served_in_the_order_in_which_they_came(kind: Callable[[int], ClosableQueue[int]]) -> None:
    queue = kind(3)
    readers = [asyncio.create_task(queue.get()) for _ in range(5)]
    await yield_now()
    await queue.put_many(range(5))
    assert [await reader for reader in readers] == list(range(5))


async def test_a_newcomer_overtakes_neither_readers_nor_writers(kind: Callable[[int], ClosableQueue[int]]) -> None:
    queue = kind(1)
    reader = asyncio.create_task(queue.get())
    await yield_now()
    queue.put_nowait(1)

    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()

    assert queue.empty() and len(queue) == 1
    assert await reader == 1

    queue.put_nowait(1)
    writer = asyncio.create_task(queue.put(2))
    await yield_now()
    assert queue.get_nowait() == 1

    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(3)

    assert queue.full()
    await writer
    assert queue.get_nowait() == 2


async def test_a_queue_never_holds_more_than_it_may(kind: Callable[[int], ClosableQueue[int]]) -> None:
    queue = kind(2)
    writers = [asyncio.create_task(queue.put(number)) for number in range(8)]
    seen: list[int] = []

    while len(seen) < 8:
        await yield_now()
        assert len(queue) <= 2
        seen += queue.get_many_nowait(2)

    assert seen == list(range(8))
    await asyncio.gather(*writers)


async def test_many_are_put_and_taken_in_one_go() -> None:
    queue: ClosableQueue[int] = ClosableQueue(None)
    await queue.put_many(range(1000))
    assert await queue.get_many(10) == list(range(10))
    assert len(await queue.get_many(5000)) == 990
    assert queue.get_many_nowait(1) == []

    with pytest.raises(ValueError, match="at least one"):
        await queue.get_many(0)


async def test_what_has_not_been_put_stays_with_whom_it_belongs_to(kind: Callable[[int], ClosableQueue[int]]) -> None:
    queue = kind(3)
    source = deque(range(10))
    putting = asyncio.create_task(queue.put_many(source))
    await yield_now()
    assert queue.get_many_nowait(2) == [0, 1]
    await yield_now(2)
    putting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await putting

    taken = queue.get_many_nowait(100)
    assert [0, 1, *taken, *source] == list(range(10))
    assert len(source) == 5


async def test_a_closed_queue_takes_nothing_and_gives_what_is_left() -> None:
    queue: ClosableQueue[int] = ClosableQueue(2)
    await queue.put_many([1, 2])
    writer = asyncio.create_task(queue.put(3))
    await yield_now()
    assert queue.close() == []

    with pytest.raises(QueueClosed):
        await writer

    for refused in (queue.put(4), put_later(queue, 4), queue.put_many([4])):
        with pytest.raises(QueueClosed, match="2 of 2 items"):
            await refused

    assert await queue.get() == 1
    assert queue.get_nowait() == 2

    for refused in (queue.get(), get_later(queue), queue.get_many(3)):
        with pytest.raises(QueueClosed):
            await refused

    assert queue.close() == []
    assert repr(queue) == "<ClosableQueue 0 of 2 items, 0 getting, 0 putting, closed>"


async def put_later(queue: ClosableQueue[int], item: int) -> None:
    queue.put_nowait(item)


async def get_later(queue: ClosableQueue[int]) -> int:
    return queue.get_nowait()


async def test_closing_tells_all_who_wait_at_once() -> None:
    queue: ClosableQueue[int] = ClosableQueue(2)
    readers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await yield_now()
    queue.put_nowait(1)
    queue.close()
    results = await asyncio.gather(*readers, return_exceptions=True)
    assert results[0] == 1
    assert [type(result) for result in results[1:]] == [QueueClosed, QueueClosed]
    assert results[1] is not results[2]


async def test_the_last_item_of_a_closed_queue_is_not_lost_with_the_reader_it_was_promised_to() -> None:
    queue: ClosableQueue[int] = ClosableQueue(2)
    first, second = (asyncio.create_task(queue.get()) for _ in range(2))
    await yield_now()
    queue.put_nowait(1)
    queue.close()
    third = asyncio.create_task(queue.get())
    first.cancel()
    assert await second == 1

    with pytest.raises(QueueClosed):
        await third


async def test_an_error_reaches_the_readers_as_the_cause() -> None:
    queue: ClosableQueue[int] = ClosableQueue(2)
    queue.put_nowait(1)
    broken = OSError("broken")
    queue.close(broken)
    assert await anext(queue) == 1

    with pytest.raises(QueueClosed) as caught:
        await anext(queue)

    assert caught.value.__cause__ is broken


async def test_closing_may_discard() -> None:
    queue: ClosableQueue[int] = ClosableQueue(5)
    await queue.put_many([1, 2, 3])
    assert queue.close(discard=True) == [1, 2, 3]
    assert queue.statistics().dropped == 3
    await queue.join()

    with pytest.raises(QueueClosed):
        await queue.get()


async def test_readers_that_were_promised_what_is_cleared_go_on_waiting() -> None:
    queue: ClosableQueue[int] = ClosableQueue(5)
    readers = [asyncio.create_task(queue.get()) for _ in range(2)]
    await yield_now()
    await queue.put_many([1, 2])
    assert queue.clear() == [1, 2]
    await yield_now(3)
    assert not any(reader.done() for reader in readers)
    await queue.put_many([3, 4])
    assert [await reader for reader in readers] == [3, 4]


async def test_readers_that_were_promised_what_is_discarded_are_told() -> None:
    queue: ClosableQueue[int] = ClosableQueue(5)
    readers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await yield_now()
    await queue.put_many([1, 2])
    queue.close(discard=True)
    results = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(result) for result in results] == [QueueClosed] * 3


async def test_join_waits_until_everything_is_dealt_with() -> None:
    queue: ClosableQueue[int] = ClosableQueue(5)
    await queue.put_many([1, 2, 3])
    joining = asyncio.create_task(queue.join())
    await queue.get_many(3)
    queue.task_done(2)
    await yield_now()
    assert not joining.done()
    queue.task_done()
    await joining
    await queue.join()

    with pytest.raises(ValueError, match="0 unfinished"):
        queue.task_done()


@pytest.mark.parametrize(
    ("when_full", "left", "thrown"),
    [("drop_oldest", [2, 3], [0, 1]), ("drop_newest", [0, 1], [2, 3])],
)
async def test_a_full_queue_drops_what_has_been_decided_and_counts_it(
    when_full: Any, left: list[int], thrown: list[int]
) -> None:
    dropped: list[int] = []
    queue: ClosableQueue[int] = ClosableQueue(2, when_full=when_full, on_drop=dropped.append)

    for number in range(4):
        await queue.put(number)

    assert dropped == thrown
    assert queue.statistics().dropped == 2
    assert queue.get_many_nowait(10) == left
    queue.task_done(2)
    await queue.join()


async def test_a_full_queue_may_raise_instead_of_letting_wait() -> None:
    queue: ClosableQueue[int] = ClosableQueue(1, when_full="raise")
    await queue.put(1)

    with pytest.raises(asyncio.QueueFull):
        await queue.put(2)

    with pytest.raises(asyncio.QueueFull):
        await queue.put_many([2])


def test_what_cannot_be_is_refused() -> None:
    unknown: Any = "explode"

    with pytest.raises(ValueError, match="at least one item"):
        ClosableQueue(0)

    with pytest.raises(ValueError, match="explode"):
        ClosableQueue(when_full=unknown)

    with pytest.raises(ValueError, match="most urgent"):
        PriorityQueue(when_full="drop_oldest")

    with pytest.raises(ValueError, match="low < high"):
        FlowControlQueue(10, high=5, low=5)


async def test_a_callback_that_fails_is_logged_and_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def fail(item: int) -> None:
        raise RuntimeError(f"no place for {item}")

    queue: ClosableQueue[int] = ClosableQueue(1, when_full="drop_newest", on_drop=fail)

    with caplog.at_level(logging.ERROR, logger="hagworm"):
        await queue.put(1)
        await queue.put(2)

    assert "no place for 2" in caplog.text
    assert await queue.get() == 1


def test_waiting_ends_with_its_time() -> None:
    async def main() -> None:
        queue: ClosableQueue[int] = ClosableQueue(1)
        loop = asyncio.get_running_loop()

        for waiting in (queue.get(timeout=5), queue.get_many(2, timeout=5)):
            with pytest.raises(TimeoutError):
                await waiting

        queue.put_nowait(1)

        for putting in (queue.put(2, timeout=5), queue.put_many([2], timeout=5), queue.join(timeout=5)):
            with pytest.raises(TimeoutError):
                await putting

        assert loop.time() == 25
        assert queue.get_nowait() == 1
        assert queue.statistics().getting == queue.statistics().putting == 0

    run_virtual(main())


async def test_what_is_urgent_comes_first_and_equals_in_the_order_they_came() -> None:
    queue: PriorityQueue[tuple[int, str]] = PriorityQueue(key=itemgetter(0))

    for item in [(2, "b"), (1, "a"), (2, "a"), (1, "b"), (0, "z")]:
        await queue.put(item)

    assert await queue.get_many(10) == [(0, "z"), (1, "a"), (1, "b"), (2, "b"), (2, "a")]
    assert (await put_and_clear(queue)) == [(1, "x"), (3, "x")]


async def put_and_clear(queue: PriorityQueue[tuple[int, str]]) -> list[tuple[int, str]]:
    await queue.put_many([(3, "x"), (1, "x")])
    return queue.clear()


async def test_an_item_that_cannot_be_ordered_is_refused_and_leaves_its_room_to_others() -> None:
    queue: PriorityQueue[Any] = PriorityQueue(1, key=lambda item: item["rank"])
    queue.put_nowait({"rank": 1})
    bad, good = asyncio.create_task(queue.put("no rank")), asyncio.create_task(queue.put({"rank": 2}))
    await yield_now()
    assert await queue.get() == {"rank": 1}

    with pytest.raises(TypeError):
        await bad

    await good
    assert await queue.get() == {"rank": 2}


async def test_pressure_is_told_once_each_way() -> None:
    told: list[bool] = []
    queue: FlowControlQueue[int] = FlowControlQueue(10, high=8, low=2, on_pressure=told.append)
    await queue.put_many(range(10))
    assert (told, queue.under_pressure) == ([True], True)
    await queue.get_many(7)
    assert told == [True]
    await queue.get_many(1)
    assert told == [True, False]
    await queue.put_many(range(7))
    queue.clear()
    assert told == [True, False, True, False]


async def test_a_suspended_queue_takes_nothing_until_it_is_resumed() -> None:
    flow = FlowControl(suspended=True)
    first: FlowControlQueue[int] = FlowControlQueue(2, flow=flow)
    second: FlowControlQueue[int] = FlowControlQueue(2, flow=flow, high=2)
    writers = [asyncio.create_task(queue.put(1)) for queue in (first, second, second, second)]
    await yield_now()
    assert "suspended" in repr(first)
    assert repr(flow) == "<FlowControl suspended, 2 queues>"
    flow.resume()
    await yield_now()
    assert [writer.done() for writer in writers] == [True, True, True, False]

    # What is in a queue can be taken while it is suspended.
    flow.suspend()
    assert await first.get() == 1
    assert second.get_many_nowait(2) == [1, 1]
    await yield_now()
    assert not writers[3].done()
    flow.resume()
    await writers[3]
    assert repr(second) == "<FlowControlQueue 1 of 2 items, 0 getting, 0 putting>"


async def test_3b20_clearing_lets_in_who_waits_for_room_and_ends_join() -> None:
    """3B.20: mode's `clear` woke no blocked putter and left unfinished tasks behind."""
    flow = FlowControl()
    queue: FlowControlQueue[int] = FlowControlQueue(1, flow=flow)
    await queue.put(1)
    writer = asyncio.create_task(queue.put(2))
    joining = asyncio.create_task(queue.join())
    await yield_now()
    flow.clear()
    await writer
    assert await queue.get() == 2
    queue.task_done()
    await joining


async def test_no_cancellation_of_a_reader_loses_an_item(kind: Callable[[int], ClosableQueue[int]]) -> None:
    queue: ClosableQueue[int]
    seen: list[int]
    feeding: asyncio.Task[None]

    async def feed() -> None:
        for number in range(4):
            await queue.put(number)
            await yield_now()

        queue.close()

    async def scene() -> None:
        nonlocal queue, seen, feeding
        queue, seen = kind(1), []
        feeding = asyncio.create_task(feed())
        seen.append(await queue.get())
        seen.extend(await queue.get_many(2))
        seen.append(await queue.get(timeout=60))
        await yield_now()

    async def check() -> None:
        seen.extend([item async for item in queue])
        await feeding
        assert seen == list(range(4))
        assert (queue.promised_items, queue.promised_slots) == (0, 0)
        assert not queue.getters and not queue.putters

    await cancel_sweep(scene, check)


async def test_no_cancellation_of_a_writer_loses_or_doubles_an_item(kind: Callable[[int], ClosableQueue[int]]) -> None:
    queue: ClosableQueue[int]
    seen: list[int]
    put: list[int]
    source: deque[int]
    reading: asyncio.Task[None]

    async def read() -> None:
        async for item in queue:
            seen.append(item)
            await yield_now()

    async def scene() -> None:
        nonlocal queue, seen, put, source, reading
        queue, seen, put, source = kind(1), [], [], deque([10, 11, 12])
        reading = asyncio.create_task(read())

        for number in range(3):
            await queue.put(number)
            put.append(number)

        await queue.put_many(source)
        await queue.put(20, timeout=60)
        put.append(20)

    async def check() -> None:
        await yield_now(20)
        assert (queue.promised_items, queue.promised_slots) == (0, 0)
        queue.close()
        await reading
        assert seen == sorted([*put, *range(10, 13 - len(source))])

    await cancel_sweep(scene, check)


async def test_no_cancellation_leaves_a_join_behind() -> None:
    queue: ClosableQueue[int] = ClosableQueue(1)
    queue.put_nowait(1)

    async def check() -> None:
        assert not queue.joiners

    await cancel_sweep(lambda: joined(queue), check)


async def joined(queue: ClosableQueue[int]) -> None:
    loop = asyncio.get_running_loop()

    if not queue.done < queue.put_count:
        queue.put_nowait(1)

    loop.call_soon(loop.call_soon, done_with, queue)
    await queue.join()


def done_with(queue: ClosableQueue[int]) -> None:
    queue.clear()

    if queue.done < queue.put_count:
        queue.task_done()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(
        st.tuples(st.sampled_from(["get", "put", "get_nowait", "put_nowait", "cancel", "turn"]), st.integers(0, 9))
    ),
    st.sampled_from(KINDS),
)
def test_whatever_is_done_to_a_queue_each_item_comes_out_once_and_in_order(
    size: int, script: list[tuple[str, int]], kind: Callable[[int], ClosableQueue[int]]
) -> None:
    async def main() -> None:
        queue = kind(size)
        tasks: list[asyncio.Task[Any]] = []
        put: list[int] = []
        seen: list[int] = []
        numbers = iter(range(10**6))

        async def write(number: int) -> None:
            await queue.put(number)
            put.append(number)

        async def read() -> None:
            seen.append(await queue.get())

        for verb, choice in script:
            assert len(queue) <= size

            if verb == "get":
                tasks.append(asyncio.create_task(read()))
            elif verb == "put":
                tasks.append(asyncio.create_task(write(next(numbers))))
            elif verb == "put_nowait" and not queue.full():
                queue.put_nowait(number := next(numbers))
                put.append(number)
            elif verb == "get_nowait" and not queue.empty():
                seen.append(queue.get_nowait())
            elif verb == "cancel" and tasks:
                tasks[choice % len(tasks)].cancel()
            elif verb == "turn":
                await yield_now(choice % 3)

        await yield_now(10)
        queue.close()
        seen += [item async for item in queue]
        await asyncio.gather(*tasks, return_exceptions=True)
        assert sorted(seen) == sorted(put)
        assert len(set(seen)) == len(seen)
        assert (queue.promised_items, queue.promised_slots) == (0, 0)

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_of_cancellations_loses_nothing(seed: int) -> None:
    chance = random.Random(seed)
    queue: ClosableQueue[int] = ClosableQueue(5)
    put: list[int] = []
    seen: list[int] = []

    async def write(number: int) -> None:
        await queue.put(number)
        put.append(number)

    async def read() -> None:
        seen.append(await queue.get())

    tasks: list[asyncio.Task[None]] = []

    for number in range(500):
        tasks += [asyncio.create_task(write(number)), asyncio.create_task(read())]

        if chance.random() < 0.5:
            tasks[chance.randrange(len(tasks))].cancel()

        if chance.random() < 0.2:
            await asyncio.sleep(0)

    await yield_now(5)
    queue.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    seen += [item async for item in queue]
    assert sorted(seen) == sorted(put)


async def test_room_that_comes_with_a_cancellation_goes_to_the_next_writer() -> None:
    queue: ClosableQueue[int] = ClosableQueue(1)
    queue.put_nowait(0)
    first, second = (asyncio.create_task(queue.put(number)) for number in (1, 2))
    await yield_now()
    assert queue.get_nowait() == 0
    first.cancel()
    await yield_now(3)
    assert first.cancelled() and second.done()
    assert queue.get_nowait() == 2
