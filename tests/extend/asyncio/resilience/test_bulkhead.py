"""Never more run than may, those that wait come in order, and no place is ever lost."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.asyncio.resilience.bulkhead import Bulkhead, ConcurrencyLimiter
from hagworm.extend.error import Overloaded
from hagworm.extend.resilience.adaptive import AdaptiveLimit
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Counter:
    """Work that knows how much of it runs."""

    def __init__(self) -> None:
        self.running = self.most = self.done = 0

    async def work(self, turns: int = 2) -> None:
        self.running += 1
        self.most = max(self.most, self.running)

        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        finally:
            self.running -= 1
            self.done += 1


async def test_never_more_run_than_may() -> None:
    bulkhead = Bulkhead(3, waiting=100)
    counter = Counter()
    await asyncio.gather(*(bulkhead.call(counter.work) for _ in range(50)))

    assert (counter.most, counter.done) == (3, 50)
    assert bulkhead.is_idle


async def test_one_too_many_is_refused_at_once_q7() -> None:
    bulkhead = Bulkhead(1, waiting=2, name="mail")
    tasks = [asyncio.create_task(bulkhead.call(forever)) for _ in range(3)]
    await turn()

    with pytest.raises(Overloaded, match="mail: 1 running and 2 waiting are as many as may"):
        await bulkhead.call(forever)

    with pytest.raises(Overloaded):
        bulkhead.acquire_nowait()

    assert bulkhead.statistics() == {"running": 1, "waiting": 2, "limit": 1, "refused": 2, "expired": 0}
    assert repr(bulkhead) == "<Bulkhead mail 1 running, 2 waiting, limit 1>"

    for task in tasks:
        task.cancel()

    await asyncio.wait(tasks)
    assert bulkhead.is_idle


def test_a_bulkhead_lets_nobody_wait_unless_told_to_and_a_limiter_a_bounded_number_q7() -> None:
    assert Bulkhead(1).waiting == 0
    assert ConcurrencyLimiter(1).waiting == 256


def test_a_wait_that_is_too_long_ends_when_it_is_and_not_when_it_is_noticed_q7() -> None:
    async def main() -> None:
        bulkhead = Bulkhead(1, waiting=10, wait=0.1)
        holder = asyncio.create_task(bulkhead.call(forever))
        await asyncio.sleep(1)

        with pytest.raises(Overloaded, match="waited 0.1 s"):
            await bulkhead.acquire()

        assert asyncio.get_running_loop().time() == pytest.approx(1.1)
        assert bulkhead.statistics()["expired"] == 1
        holder.cancel()
        await asyncio.wait({holder})
        assert bulkhead.is_idle

    run_virtual(main())


async def test_those_that_wait_come_by_priority_and_then_in_order() -> None:
    bulkhead = Bulkhead(1, waiting=10)
    order: list[str] = []
    await bulkhead.acquire()

    async def come(name: str, priority: int) -> None:
        async with bulkhead.slot(priority=priority):
            order.append(name)

    names = [("a", 0), ("b", 0), ("low", -1), ("high", 5), ("c", 0), ("higher", 6)]
    tasks = [asyncio.create_task(come(*name)) for name in names]
    await turn()
    bulkhead.release()
    await asyncio.gather(*tasks)

    assert order == ["higher", "high", "a", "b", "c", "low"]


async def test_a_place_is_free_when_the_work_has_really_ended_q8() -> None:
    bulkhead = Bulkhead(1, waiting=10)
    running = most = 0

    async def stubborn() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)

        try:
            await forever()
        finally:
            await turn()
            running -= 1

    tasks = [asyncio.create_task(bulkhead.call(stubborn)) for _ in range(4)]
    await turn()

    for task in tasks:
        task.cancel()
        await asyncio.sleep(0)

    await asyncio.wait(tasks)
    assert most == 1
    assert bulkhead.is_idle


async def test_the_limit_can_be_set_while_it_is_used_q6() -> None:
    bulkhead = Bulkhead(1, waiting=10)
    gates = [asyncio.get_running_loop().create_future() for _ in range(6)]
    tasks = [asyncio.create_task(bulkhead.call(asyncio.shield, gate)) for gate in gates]
    await turn()
    assert bulkhead.running == 1

    bulkhead.limit = 4
    await turn()
    assert bulkhead.running == 4

    bulkhead.limit = 2
    gates[0].set_result(None)
    gates[1].set_result(None)
    await turn()
    assert (bulkhead.running, len(bulkhead.line)) == (2, 2)

    for gate in gates[2:]:
        gate.set_result(None)

    await asyncio.gather(*tasks)
    assert bulkhead.is_idle

    with pytest.raises(ValueError, match="limit"):
        bulkhead.limit = 0


async def test_cancelling_at_any_point_leaks_no_place_and_harms_no_other() -> None:
    bulkhead = Bulkhead(1, waiting=10)

    async def holder() -> None:
        async with bulkhead:
            await turn()

    async def work() -> None:
        held = asyncio.create_task(holder())

        try:
            await asyncio.sleep(0)
            await bulkhead.call(turn)
        finally:
            held.cancel()
            await asyncio.wait({held})

    def check() -> None:
        assert bulkhead.is_idle

    sweep = await cancel_sweep(work, check)
    assert sweep.suspensions >= 6


async def test_who_is_given_a_place_and_cancelled_in_one_turn_passes_it_on() -> None:
    bulkhead = Bulkhead(1, waiting=10)
    await bulkhead.acquire()
    first = asyncio.create_task(bulkhead.acquire())
    second = asyncio.create_task(bulkhead.acquire())
    await turn()
    bulkhead.release()
    first.cancel()
    await asyncio.wait({first, second})

    assert first.cancelled()
    assert second.exception() is None
    bulkhead.release()
    assert bulkhead.is_idle


async def test_more_releases_than_places_are_a_mistake() -> None:
    with pytest.raises(RuntimeError, match="released"):
        Bulkhead(1).release()


def test_a_bulkhead_moves_to_another_loop_when_it_is_idle() -> None:
    bulkhead = Bulkhead(1, waiting=10)

    async def main() -> int:
        counter = Counter()
        await asyncio.gather(*(bulkhead.call(counter.work) for _ in range(5)))
        return counter.done

    assert [asyncio.run(main()) for _ in range(2)] == [5, 5]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("start"), st.integers(0, 2)),
            st.tuples(st.just("finish"), st.integers(0, 30)),
            st.tuples(st.just("cancel"), st.integers(0, 30)),
            st.tuples(st.just("limit"), st.integers(1, 4)),
            st.tuples(st.just("turn"), st.just(0)),
        ),
        max_size=60,
    )
)
def test_no_sequence_of_events_loses_a_place(steps: list[tuple[str, int]]) -> None:
    async def main() -> None:
        bulkhead = Bulkhead(2, waiting=8)
        gates: list[asyncio.Future[None]] = []
        tasks: list[asyncio.Task[None]] = []
        running = 0

        async def work(gate: "asyncio.Future[None]", priority: int) -> None:
            nonlocal running

            async with bulkhead.slot(priority=priority):
                running += 1

                try:
                    await gate
                finally:
                    running -= 1

        for step, number in steps:
            if step == "start":
                gates.append(asyncio.get_running_loop().create_future())
                tasks.append(asyncio.create_task(work(gates[-1], number)))
            elif step == "finish" and gates and not (gate := gates[number % len(gates)]).done():
                gate.set_result(None)
            elif step == "cancel" and tasks:
                tasks[number % len(tasks)].cancel()
            elif step == "limit":
                bulkhead.limit = number
            elif step == "turn":
                await turn()
                assert running == bulkhead.running
                assert not len(bulkhead.line) or running >= bulkhead.limit, "nobody waits beside a free place"

        for gate in gates:
            if not gate.done():
                gate.set_result(None)

        if tasks:
            await asyncio.wait(tasks)

        assert bulkhead.is_idle
        assert [
            task for task in tasks if not task.cancelled() and not isinstance(task.exception(), Overloaded | None)
        ] == []

    asyncio.run(main())


def test_a_learned_limit_follows_the_dependency() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = ConcurrencyLimiter(AdaptiveLimit(20, most=100), waiting=1000, clock=loop.time)
        healthy = True

        async def work() -> None:
            # Beyond ten at once, the dependency slows down.
            await asyncio.sleep(0.1 if healthy else 0.1 * max(1, limiter.running / 5))

        async def hammer(calls: int) -> None:
            await asyncio.gather(*(limiter.call(work) for _ in range(calls)))

        await hammer(800)
        grown = limiter.limit
        assert grown > 20

        healthy = False

        for _ in range(5):
            await hammer(400)

        assert limiter.limit < grown / 2
        assert limiter.is_idle

    run_virtual(main())


async def test_a_block_teaches_a_learned_limit_too() -> None:
    limiter = ConcurrencyLimiter(AdaptiveLimit(10))

    for _ in range(9):
        with pytest.raises(ConnectionError):
            async with limiter.slot():
                raise ConnectionError

    assert limiter.limit == 9


@pytest.mark.parametrize("make", [lambda: Bulkhead(0), lambda: Bulkhead(1, waiting=-1), lambda: Bulkhead(1, wait=0)])
def test_numbers_that_mean_nothing_are_refused(make: Callable[[], Bulkhead]) -> None:
    with pytest.raises(ValueError, match="limit|wait"):
        make()
