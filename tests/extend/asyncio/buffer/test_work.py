"""Work is done by as many as may, in order, and every item ends once."""

import asyncio

import pytest

from hagworm.extend.asyncio.buffer import DataQueue
from hagworm.extend.error import BufferClosed
from hagworm.testing.sweep import cancel_sweep


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_q3_what_is_put_in_is_worked_on_in_order() -> None:
    """Q3: append alone did nothing; it was quadratic and without a bound; errors vanished."""
    done: list[int] = []

    async with DataQueue[int](done.append, maxsize=100) as queue:
        for number in range(20_000):
            await queue.put(number)

        await queue.join()
        assert done == list(range(20_000))
        assert queue.statistics().done == 20_000


async def test_q3_errors_are_reported_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    errors: list[tuple[int, str]] = []

    async def handle(number: int) -> None:
        if number % 2:
            raise ValueError(number)

    async with DataQueue[int](handle, on_error=lambda item, error: errors.append((item, repr(error)))) as queue:
        await queue.extend(range(4))

    assert errors == [(1, "ValueError(1)"), (3, "ValueError(3)")]

    async with DataQueue[int](handle) as queue:
        await queue.put(1)

    assert "a handler has failed" in caplog.text


async def test_workers_and_room_are_bounded_and_may_be_changed() -> None:
    running = most = 0
    gate = asyncio.Event()

    async def handle(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    async with DataQueue[int](handle, workers=2, maxsize=3) as queue:
        tasks = [asyncio.create_task(queue.put(number)) for number in range(10)]
        await turns()
        assert running == 2
        assert queue.statistics().waiting == 5

        with pytest.raises(asyncio.QueueFull):
            queue.put_nowait(11)

        queue.workers = 4
        await turns()
        assert running == 4
        gate.set()
        await asyncio.gather(*tasks)

    assert most == 4


async def test_closing_returns_what_was_not_finished() -> None:
    async def handle(_: int) -> None:
        await asyncio.Event().wait()

    queue = DataQueue[int](handle)
    await queue.extend(range(3))
    await turns()
    assert await queue.aclose(timeout=0.01) == [0, 1, 2]

    with pytest.raises(BufferClosed):
        await queue.put(1)


@pytest.mark.parametrize("method", ["put", "join", "aclose"])
async def test_cancelled_anywhere_every_item_is_worked_on_once(method: str) -> None:
    done: list[int] = []
    queues: list[DataQueue[int]] = []

    async def handle(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    def call() -> object:
        done.clear()
        queue = DataQueue[int](handle, maxsize=2)
        queues.append(queue)
        queue.put_nowait(0)
        queue.put_nowait(1)
        return queue.put(2) if method == "put" else getattr(queue, method)()

    async def check() -> None:
        queue = queues.pop()
        await queue.join()
        assert done in ([0, 1], [0, 1, 2])
        assert queue.promised == 0
        assert not queue.putters
        await queue.put(9)
        await queue.join()

    async def check_closed() -> None:
        assert await queues.pop().aclose() == []
        assert done == [0, 1]

    await cancel_sweep(call, check if method != "aclose" else check_closed)  # type: ignore[arg-type]
