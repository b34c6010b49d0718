"""The pool lends each object to one task at a time, and knows where each of them is."""

import asyncio
import gc
import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.pool import Lease, ObjectPool
from hagworm.extend.error import DeadlineExceeded, Overloaded, PoolClosed


class Wire:
    """A connection that notices what is done to it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.user: object = None
        self.is_open = True
        self.is_well = True

    async def talk(self) -> None:
        assert self.is_open
        assert self.user is None, "two tasks use the same object"
        self.user = asyncio.current_task()
        await asyncio.sleep(0)
        self.user = None


class Server:
    """Where connections lead to."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.most = 0
        self.is_down = False

    @property
    def open_wires(self) -> list[Wire]:
        return [wire for wire in self.wires if wire.is_open]

    async def open(self) -> Wire:
        await asyncio.sleep(0)

        if self.is_down:
            raise ConnectionError("down")

        wire = Wire(len(self.wires))
        self.wires.append(wire)
        self.most = max(self.most, len(self.open_wires))
        return wire

    async def close(self, wire: Wire) -> None:
        await asyncio.sleep(0)
        assert wire.is_open, "closed twice"
        wire.is_open = False

    async def check(self, wire: Wire) -> bool:
        await asyncio.sleep(0)
        return wire.is_well

    def pool(self, **options: Any) -> ObjectPool[Wire]:
        return ObjectPool(self.open, close=self.close, **options)


@pytest.fixture
def server() -> Server:
    return Server()


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_t14_one_object_serves_one_task_after_the_other(server: Server) -> None:
    """3A.34: 50 acquires in a row open one object, not as many as there may be."""
    async with server.pool() as pool:
        for _ in range(50):
            async with pool.acquire() as wire:
                await wire.talk()

        assert len(server.wires) == 1
        assert pool.statistics().acquired == 50

    assert server.open_wires == []


async def test_no_more_objects_than_may_be_and_none_is_shared(server: Server) -> None:
    async def use(pool: ObjectPool[Wire]) -> None:
        for _ in range(5):
            async with pool.acquire() as wire:
                await wire.talk()

    async with server.pool(maxsize=3, check=server.check) as pool:
        await asyncio.gather(*(use(pool) for _ in range(20)))
        assert server.most == 3

    assert server.open_wires == []


async def test_who_waits_is_served_in_order_of_arrival(server: Server) -> None:
    order: list[int] = []

    async def use(pool: ObjectPool[Wire], number: int) -> None:
        async with pool.acquire() as wire:
            order.append(number)
            await wire.talk()

    async with server.pool(maxsize=1) as pool:
        await asyncio.gather(*(use(pool, number) for number in range(10)))

    assert order == list(range(10))


async def test_a_newcomer_does_not_overtake_who_has_been_woken(server: Server) -> None:
    order: list[str] = []

    async def wait(pool: ObjectPool[Wire]) -> None:
        async with pool.acquire():
            order.append("waited")

    async with server.pool(maxsize=1) as pool:
        async with pool.acquire():
            waiting = asyncio.create_task(wait(pool))
            await turns()

        async with pool.acquire():
            order.append("new")

        await waiting

    assert order == ["waited", "new"]


async def test_waiters_are_bounded(server: Server) -> None:
    async with server.pool(maxsize=1, max_waiting=1) as pool, pool.acquire():
        waiting = asyncio.create_task(pool.acquire().__aenter__())
        await turns()

        with pytest.raises(Overloaded):
            await pool.acquire()

        waiting.cancel()
        assert pool.statistics().refused == 1


async def test_waiting_has_an_end(server: Server) -> None:
    async with server.pool(maxsize=1, timeout=0.01) as pool, pool.acquire():
        with pytest.raises(DeadlineExceeded):
            await pool.acquire()

        with pytest.raises(DeadlineExceeded):
            with within(0.01):
                await pool.acquire(timeout=10)

        assert pool.statistics().waiting == 0


async def test_t14_openings_that_fail_take_no_place(server: Server) -> None:
    """T14: after as many failures as there are places, the pool works again when the server does."""
    server.is_down = True

    async with server.pool(maxsize=2) as pool:
        for _ in range(5):
            with pytest.raises(ConnectionError):
                await pool.acquire()

        server.is_down = False

        async with pool.acquire(), pool.acquire():
            assert pool.statistics().used == 2

        assert pool.statistics().failed_opens == 5


async def test_an_object_that_is_not_well_is_replaced_and_never_lent(server: Server) -> None:
    """Q12: the original lends what is broken. 3A.34: it lends what has been destroyed when the check raises."""
    async with server.pool(maxsize=1, check=server.check) as pool:
        async with pool.acquire() as first:
            first.is_well = False

        async with pool.acquire() as second:
            assert second is not first
            assert not first.is_open

        async def fail(_: Wire) -> bool:
            raise OSError("gone")

        pool.check_object = fail

        async with pool.acquire() as third:
            assert third.is_open
            assert third is not second

        assert server.most == 1
        assert pool.statistics().failed_checks == 2


async def test_b4_what_was_interrupted_is_closed_and_never_lent_again(server: Server) -> None:
    """B4: after a cancellation the next callers got the answers to other callers' questions."""
    async with server.pool(maxsize=1, check=server.check) as pool:
        entered = asyncio.Event()

        async def use() -> None:
            async with pool.acquire():
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(use())
        await entered.wait()
        task.cancel()
        await asyncio.wait([task])

        async with pool.acquire() as wire:
            assert wire.number == 1

    assert server.open_wires == []


@pytest.mark.parametrize(
    ("has_check", "keep", "number"), [(False, None, 1), (True, None, 0), (False, True, 0), (True, False, 1)]
)
async def test_what_becomes_of_an_object_whose_use_has_failed(
    server: Server, has_check: bool, keep: bool | None, number: int
) -> None:
    options: dict[str, Any] = {"check": server.check, "check_after": 1000.0} if has_check else {}

    if keep is not None:
        options["keep_after"] = lambda error: keep

    async with server.pool(maxsize=1, **options) as pool:
        with pytest.raises(ValueError, match="mine"):
            async with pool.acquire():
                raise ValueError("mine")

        async with pool.acquire() as wire:
            assert wire.number == number


async def test_objects_grow_old(server: Server) -> None:
    async with server.pool(maxsize=1, max_lifetime=0.02, random=lambda: 0.0) as pool:
        async with pool.acquire() as first:
            pass

        first_closed = asyncio.Event()
        close = pool.close_object
        assert close is not None

        async def closing(wire: Wire) -> None:
            await server.close(wire)
            first_closed.set()

        pool.close_object = closing
        await first_closed.wait()

        async with pool.acquire() as second:
            assert second is not first

        assert pool.statistics().expired >= 1


async def test_idle_objects_are_closed_down_to_the_smallest_number(server: Server) -> None:
    closed = asyncio.Event()

    async def close(wire: Wire) -> None:
        await server.close(wire)

        if len(server.open_wires) == 1:
            closed.set()

    pool = ObjectPool(server.open, close=close, minsize=1, maxsize=3, max_idle=0.02)

    async with pool:
        assert len(server.wires) == 1

        async with pool.acquire(), pool.acquire(), pool.acquire():
            assert len(server.open_wires) == 3

        await closed.wait()
        await turns()
        assert pool.size == 1


async def test_expire_replaces_everything(server: Server) -> None:
    async with server.pool(maxsize=2) as pool:
        async with pool.acquire():
            async with pool.acquire():
                pass

            pool.expire()

        async with pool.acquire() as wire:
            assert wire.number == 2

        assert len(server.open_wires) == 1


async def test_q12_closing_waits_for_what_is_lent_and_closes_it(server: Server) -> None:
    pool = server.pool()
    lease = await pool.acquire()
    closing = asyncio.create_task(pool.aclose())
    await turns()
    assert not closing.done()
    lease.release()
    await closing
    assert server.open_wires == []

    with pytest.raises(PoolClosed):
        await pool.acquire()


async def test_closing_does_not_wait_for_ever(server: Server) -> None:
    pool = server.pool()
    lease = await pool.acquire()
    await pool.aclose(timeout=0.01)
    assert server.open_wires == []
    lease.release()
    assert server.open_wires == []


async def test_closing_tells_who_waits_and_who_opens(server: Server) -> None:
    never = asyncio.Event()

    async def open_slowly() -> Wire:
        await never.wait()
        raise AssertionError

    pool: ObjectPool[Wire] = ObjectPool(open_slowly, maxsize=1)
    tasks = [asyncio.create_task(pool.acquire().__aenter__()) for _ in range(3)]
    await turns()
    await pool.aclose()

    for task in tasks:
        with pytest.raises(PoolClosed):
            await task


async def test_a_forgotten_lease_is_reported_with_its_place_and_its_object_closed(server: Server) -> None:
    async with server.pool(maxsize=1) as pool:
        lease: Lease[Wire] | None = await pool.acquire()
        assert lease is not None

        with pytest.warns(ResourceWarning, match=r"test_pool\.py:\d+ in test_a_forgotten"):
            lease = None
            gc.collect()

        async with pool.acquire() as wire:
            assert wire.number == 1

        assert pool.statistics().leaked == 1
        assert len(server.open_wires) == 1


async def test_a_forgotten_pool_is_reported(server: Server) -> None:
    pool: ObjectPool[Wire] | None = server.pool()
    assert pool is not None

    async with pool.acquire():
        pass

    await turns()

    with pytest.warns(ResourceWarning, match=r"test_pool\.py:\d+ in .*1 objects"):
        pool = None
        gc.collect()


async def test_a_cancelled_opener_leaves_its_object_to_the_next(server: Server) -> None:
    async with server.pool(maxsize=1) as pool:
        task = asyncio.create_task(pool.acquire().__aenter__())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        async with pool.acquire() as wire:
            assert wire.number == 0

        assert len(server.wires) == 1


async def cancel_everywhere(make: Callable[[int], Any]) -> int:
    """Cancel a task after 0, 1, 2 … turns of the loop, until it ends by itself. Returns how many turns that takes."""
    for count in range(1000):
        check = make(count)
        task, verify = await check
        await turns(count)
        ended = task.done()
        task.cancel()
        await asyncio.wait([task])

        if not task.cancelled():
            task.result()

        await verify()

        if ended:
            return count

    raise AssertionError("it does not end")


@pytest.mark.parametrize("others", [0, 1, 3])
@pytest.mark.parametrize("is_well", [True, False])
async def test_t14_cancelled_anywhere_a_task_leaves_the_pool_whole(others: int, is_well: bool) -> None:
    async def scenario(_: int) -> Any:
        server = Server()
        pool = server.pool(maxsize=2, check=server.check)

        async with pool.acquire() as wire:
            wire.is_well = is_well

        async def use() -> None:
            async with pool.acquire() as wire:
                await wire.talk()

            async with pool.acquire() as first, pool.acquire() as second:
                await first.talk()
                await second.talk()

        async def use_one() -> None:
            for _ in range(2):
                async with pool.acquire() as wire:
                    await wire.talk()

        rest = [asyncio.create_task(use_one()) for _ in range(others)]
        task = asyncio.create_task(use())

        async def verify() -> None:
            async with asyncio.timeout(5):
                await asyncio.gather(*rest)

                while pool.tasks:
                    await asyncio.wait(pool.tasks)

            assert pool.free == 2
            assert not pool.busy
            assert not pool.waiters
            assert server.most <= 2
            await pool.aclose()
            assert server.open_wires == []

        return task, verify

    assert await cancel_everywhere(scenario) > 5


async def test_a_cancelled_aclose_may_be_called_again() -> None:
    async def scenario(_: int) -> Any:
        server = Server()
        pool = server.pool(maxsize=2)

        async with pool.acquire(), pool.acquire():
            pass

        async def verify() -> None:
            await pool.aclose()
            assert server.open_wires == []

        return asyncio.create_task(pool.aclose()), verify

    assert await cancel_everywhere(scenario) >= 1


@pytest.mark.parametrize("seed", range(10))
async def test_under_random_cancellations_nothing_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    server = Server()
    pool = server.pool(maxsize=3, check=server.check, random=chance.random)

    async def use() -> None:
        async with pool.acquire(timeout=chance.choice([None, 5.0])) as wire:
            await wire.talk()
            wire.is_well = chance.random() > 0.2

    running: set[asyncio.Task[None]] = set()

    for _ in range(300):
        running.add(asyncio.create_task(use()))

        if chance.random() < 0.5:
            chance.choice(sorted(running, key=id)).cancel()

        await turns(chance.randrange(3))
        running = {task for task in running if not task.done()}

    async with asyncio.timeout(10):
        await asyncio.gather(*running, return_exceptions=True)

    await pool.aclose()
    assert pool.free == 3
    assert server.open_wires == []
    assert server.most <= 3


async def test_what_a_caller_has_in_its_context_does_not_live_on_in_the_pool(server: Server) -> None:
    from contextvars import ContextVar, copy_context

    request: ContextVar[str] = ContextVar("request")
    seen: list[str | None] = []

    def open_now() -> object:
        seen.append(request.get(None))
        return object()

    pool: ObjectPool[object] = ObjectPool(open_now)
    context = copy_context()
    context.run(request.set, "mine")

    async def use() -> None:
        async with pool.acquire():
            pass

    await asyncio.get_running_loop().create_task(use(), context=context)
    await pool.aclose()
    assert seen == [None]


async def test_the_numbers_of_a_pool_must_make_sense() -> None:
    with pytest.raises(ValueError, match="minsize"):
        ObjectPool(object, minsize=3, maxsize=2)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert repr(ObjectPool(object, name="db")) == "<ObjectPool 'db' 0 lent, 0 idle, limit 10, 0 waiting>"
