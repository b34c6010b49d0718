"""Many read or one writes; one holds a key; whoever waits gets its turn, and what nobody uses is not kept."""

import asyncio
import random
from typing import Any, Literal

import pytest

from hagworm.extend.asyncio.base.lock import KeyedLock, RWLock
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.extend.error import Overloaded
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual

Side = Literal["reader", "writer"]


class Play:
    """Tasks that ask for a lock one after another, and hold it until they are told to end."""

    def __init__(self, lock: RWLock) -> None:
        self.lock = lock
        self.inside: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def enter(self, *names: str) -> None:
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self.hold(name))
            await yield_now(2)

    async def hold(self, name: str) -> None:
        async with self.lock.reader if name.startswith("r") else self.lock.writer:
            self.inside.append(name)

            try:
                await self.ends[name].wait()
            finally:
                self.inside.remove(name)

    async def leave(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()

        await yield_now(4)

    async def end(self) -> None:
        while left := [name for name, task in self.tasks.items() if not task.done()]:
            await self.leave(*left)


async def test_readers_read_together_and_a_writer_writes_alone() -> None:
    play = Play(RWLock())
    await play.enter("r1", "r2", "w1", "w2")
    assert play.inside == ["r1", "r2"]
    await play.leave("r1", "r2")
    assert play.inside == ["w1"]
    await play.leave("w1")
    assert play.inside == ["w2"]
    await play.end()
    assert repr(play.lock) == "<RWLock held by nobody, 0 readers and 0 writers waiting>"


async def test_fair_lets_nobody_pass_who_waits_and_neighbours_read_together() -> None:
    play = Play(RWLock())
    await play.enter("r1", "w1", "r2", "r3", "w2", "r4")
    assert play.inside == ["r1"]
    await play.leave("r1")
    assert play.inside == ["w1"]
    await play.leave("w1")
    assert play.inside == ["r2", "r3"]
    await play.leave("r2", "r3")
    assert play.inside == ["w2"]
    await play.leave("w2")
    assert play.inside == ["r4"]
    await play.end()


async def test_where_readers_are_preferred_they_pass_writers() -> None:
    play = Play(RWLock(prefer="readers"))
    await play.enter("r1", "w1", "r2")
    assert play.inside == ["r1", "r2"]
    await play.leave("r1", "r2")
    assert play.inside == ["w1"]
    await play.enter("w2", "r3")
    await play.leave("w1")
    assert play.inside == ["r3"]
    await play.end()


async def test_where_writers_are_preferred_they_pass_readers() -> None:
    play = Play(RWLock(prefer="writers"))
    await play.enter("w1", "r1", "w2")
    assert play.inside == ["w1"]
    await play.leave("w1")
    assert play.inside == ["w2"]
    await play.leave("w2")
    assert play.inside == ["r1"]
    await play.end()


async def test_when_a_writer_gives_up_the_readers_behind_it_get_in() -> None:
    play = Play(RWLock())
    await play.enter("r1", "w1", "r2", "r3")
    play.tasks["w1"].cancel()
    await yield_now(4)
    assert play.inside == ["r1", "r2", "r3"]
    await play.end()


async def test_a_writer_that_is_woken_and_cancelled_in_one_turn_lets_the_next_in() -> None:
    play = Play(RWLock())
    await play.enter("w1", "w2", "r1", "r2")
    play.lock.writer.release()
    play.tasks["w2"].cancel()
    await yield_now(4)
    assert play.inside == ["w1", "r1", "r2"]
    play.lock.reader.release()  # w1 goes on to release what was released above
    play.lock.reader.release()
    play.lock.writer.acquire_nowait()
    await play.leave("w1")

    for name in ("r1", "r2"):
        play.lock.reader.acquire_nowait()
        await play.leave(name)

    assert play.lock.statistics().readers == 0


async def test_a_reader_may_read_again_even_while_a_writer_waits() -> None:
    lock = RWLock()

    async with lock.reader:
        writer = asyncio.create_task(lock.writer.acquire())
        await yield_now()

        async with lock.reader:
            assert lock.statistics().readers == 2

        assert not writer.done()

    await writer
    lock.writer.release()


async def test_a_task_that_would_wait_for_itself_is_told() -> None:
    lock = RWLock()

    async with lock.reader:
        with pytest.raises(RuntimeError, match="reads"):
            await lock.writer.acquire()

    async with lock.writer:
        with pytest.raises(RuntimeError, match="downgrade"):
            await lock.reader.acquire()

        with pytest.raises(RuntimeError, match="already"):
            await lock.writer.acquire()

    assert lock.statistics().writers == 0


async def test_a_lock_that_one_task_took_may_be_released_by_another() -> None:
    lock = RWLock()
    await lock.reader.acquire()
    await asyncio.create_task(release(lock))
    await lock.reader.acquire()
    await asyncio.create_task(hold(lock))

    # Who reads is not known any more: a writer waits, and is let in when all have left.
    writer = asyncio.create_task(lock.writer.acquire())
    await yield_now()
    lock.reader.release()
    await asyncio.create_task(release(lock))
    await writer
    lock.writer.release()


async def release(lock: RWLock) -> None:
    lock.reader.release()


async def hold(lock: RWLock) -> None:
    await lock.reader.acquire()


async def test_a_writer_becomes_a_reader_with_nobody_in_between() -> None:
    lock = RWLock()
    play = Play(lock)
    await lock.writer.acquire()
    await play.enter("r1", "w1")
    lock.downgrade()
    await yield_now(2)
    assert play.inside == ["r1"]
    assert lock.statistics().readers == 2

    with pytest.raises(RuntimeError, match="only the task that writes"):
        lock.downgrade()

    lock.reader.release()
    await play.end()


async def test_what_is_not_held_cannot_be_released() -> None:
    lock = RWLock()

    with pytest.raises(RuntimeError, match="nobody reads"):
        lock.reader.release()

    with pytest.raises(RuntimeError, match="nobody writes"):
        lock.writer.release()


async def test_without_waiting_it_is_held_at_once_or_not_at_all() -> None:
    lock = RWLock()
    lock.reader.acquire_nowait()

    with pytest.raises(Overloaded, match="1 readers"):
        lock.writer.acquire_nowait()

    lock.reader.release()
    lock.writer.acquire_nowait()

    with pytest.raises(Overloaded, match="a writer"):
        lock.reader.acquire_nowait()

    lock.writer.release()


def test_an_unknown_preference_is_refused() -> None:
    preference: Any = "nobody"

    with pytest.raises(ValueError, match="nobody"):
        RWLock(prefer=preference)


@pytest.mark.parametrize("side", ["reader", "writer"])
def test_waiting_for_a_side_ends_with_its_time(side: Side) -> None:
    async def main() -> None:
        lock = RWLock()
        await asyncio.create_task(write(lock))

        with pytest.raises(TimeoutError):
            await getattr(lock, side).acquire(timeout=5)

        lock.writer.release()
        await getattr(lock, side).acquire(timeout=5)

    async def write(lock: RWLock) -> None:
        await lock.writer.acquire()

    run_virtual(main())


@pytest.mark.parametrize("prefer", ["fair", "readers", "writers"])
@pytest.mark.parametrize("side", ["reader", "writer"])
@pytest.mark.parametrize("holder", ["reader", "writer"])
async def test_no_cancellation_leaves_a_lock_held(side: Side, holder: Side, prefer: Any) -> None:
    lock: RWLock
    others: list[asyncio.Task[None]]

    async def take(which: Side, turns: int) -> None:
        async with getattr(lock, which):
            await yield_now(turns)

    async def scene() -> None:
        nonlocal lock, others
        lock = RWLock(prefer=prefer)
        others = [asyncio.create_task(take(holder, 3))]
        await yield_now()
        others += [asyncio.create_task(take(which, 1)) for which in ("reader", "writer")]
        await take(side, 2)

    async def check() -> None:
        await asyncio.gather(*others)
        stats = lock.statistics()
        assert (stats.readers, stats.writers, stats.waiting_readers, stats.waiting_writers) == (0, 0, 0, 0)
        assert not lock.tasks

    await cancel_sweep(scene, check)


@pytest.mark.parametrize("prefer", ["fair", "readers", "writers"])
@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_nobody_writes_with_others_and_nobody_hangs(seed: int, prefer: Any) -> None:
    chance = random.Random(seed)
    lock = RWLock(prefer=prefer)
    reading, writing = 0, 0

    async def work() -> None:
        nonlocal reading, writing

        for _ in range(5):
            if chance.random() < 0.7:
                async with lock.reader:
                    reading += 1

                    try:
                        assert not writing
                        await yield_now(chance.randrange(3))
                    finally:
                        reading -= 1
            else:
                await lock.writer.acquire()
                held = lock.writer.release
                assert not reading and not writing
                writing += 1

                try:
                    await yield_now(chance.randrange(3))

                    if chance.random() < 0.3:
                        writing -= 1
                        lock.downgrade()
                        held = lock.reader.release
                        await yield_now()
                        assert not writing
                finally:
                    if held == lock.writer.release:
                        writing -= 1

                    held()

    tasks = [asyncio.create_task(work()) for _ in range(20)]

    for task in tasks:
        await yield_now(chance.randrange(3))

        if chance.random() < 0.4:
            task.cancel()

    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert result is None or isinstance(result, asyncio.CancelledError)

    assert lock.statistics().readers == lock.statistics().writers == 0


async def test_a_key_is_held_by_one_at_a_time_in_the_order_of_asking() -> None:
    locks = KeyedLock()
    order: list[tuple[str, int]] = []

    async def work(key: str, number: int) -> None:
        async with locks.hold(key):
            order.append((key, number))
            await asyncio.sleep(0)
            assert [entry for entry in order if entry[0] == key][-1] == (key, number)

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(work("ab"[number % 2], number))

    assert [number for key, number in order if key == "a"] == [0, 2, 4]
    assert [number for key, number in order if key == "b"] == [1, 3, 5]


async def test_nothing_is_kept_of_a_key_that_nobody_uses() -> None:
    locks = KeyedLock()

    for number in range(1000):
        async with locks.hold(number):
            assert len(locks.queues) == 1

    assert not locks.queues
    assert repr(locks) == "<KeyedLock 0 keys held, 0 waiting>"


async def test_keys_do_not_wait_for_each_other() -> None:
    locks = KeyedLock()
    await locks.acquire("a")
    await locks.acquire("b")
    assert locks.is_held("a") and locks.statistics().held == 2

    with pytest.raises(Overloaded, match="'a' is held"):
        locks.acquire_nowait("a")

    locks.release("a")
    locks.acquire_nowait("a")
    locks.release("a")
    locks.release("b")

    with pytest.raises(RuntimeError, match="nobody holds 'b'"):
        locks.release("b")


def test_waiting_for_a_key_ends_with_its_time_and_leaves_no_trace() -> None:
    async def main() -> None:
        locks = KeyedLock()
        await locks.acquire("a")

        with pytest.raises(TimeoutError):
            async with locks.hold("a", timeout=5):
                pass

        locks.release("a")
        assert not locks.queues

    run_virtual(main())


async def test_no_cancellation_leaves_a_key_held() -> None:
    locks = KeyedLock()
    others: list[asyncio.Task[None]]

    async def take(turns: int) -> None:
        async with locks.hold("a"):
            await yield_now(turns)

    async def scene() -> None:
        nonlocal others
        others = [asyncio.create_task(take(3))]
        await yield_now()
        others.append(asyncio.create_task(take(1)))
        await take(2)

    async def check() -> None:
        await asyncio.gather(*others)
        assert not locks.queues

    await cancel_sweep(scene, check)
