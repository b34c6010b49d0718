"""A circuit breaker opens on every kind of failure, refuses at once, and lets exactly so many probes through."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker
from hagworm.extend.error import CircuitOpen, DefinitionError, RateLimited
from hagworm.extend.resilience.breaker import Change, State
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import VirtualClock, run_virtual


async def works() -> str:
    return "done"


async def fails() -> None:
    raise ConnectionError("down")


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def attempt(breaker: CircuitBreaker, function: Callable[[], Awaitable[Any]]) -> str:
    """Call through the breaker; return how that ended."""
    try:
        return str(await breaker.call(function))
    except CircuitOpen:
        return "refused"
    except Exception as error:
        return type(error).__name__


def half_open(clock: Callable[[], float], advance: Callable[[float], None], probes: int) -> CircuitBreaker:
    breaker = CircuitBreaker(minimum_calls=1, open_for=10, probes=probes, clock=clock)
    breaker.open()
    advance(10)
    return breaker


async def test_it_opens_when_too_many_failed_and_refuses_at_once() -> None:
    clock = VirtualClock()
    breaker = CircuitBreaker(minimum_calls=4, open_for=10, name="payments", clock=clock)

    assert [await attempt(breaker, fails) for _ in range(6)] == ["ConnectionError"] * 4 + ["refused"] * 2
    assert breaker.state is State.OPEN

    clock.advance(4)

    with pytest.raises(CircuitOpen) as caught:
        await breaker.call(works)

    assert caught.value.retry_after == 6
    assert str(caught.value) == "payments: the circuit is open (4 of 4 calls failed); try again in 6 s"


async def test_it_closes_again_when_the_probes_succeed() -> None:
    clock = VirtualClock()
    breaker = CircuitBreaker(minimum_calls=2, open_for=10, probes=3, clock=clock)
    await attempt(breaker, fails)
    await attempt(breaker, fails)
    clock.advance(10)

    # With two of three the verdict is certain.
    assert [await attempt(breaker, works) for _ in range(2)] == ["done", "done"]
    assert breaker.state is State.CLOSED
    assert breaker.statistics() == {"state": "closed", "calls": 0, "failed": 0, "slow": 0, "opened": 1, "refused": 0}


async def test_it_opens_again_when_the_probes_fail() -> None:
    clock = VirtualClock()
    breaker = half_open(clock, clock.advance, probes=2)

    assert await attempt(breaker, fails) == "ConnectionError"
    assert breaker.state is State.OPEN
    assert await attempt(breaker, works) == "refused"


def test_failures_that_take_longer_than_the_window_open_it_t13_3a28() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        breaker = CircuitBreaker(period=1.0, minimum_calls=5, open_for=100, clock=loop.time)

        async def slow_failure() -> None:
            await asyncio.sleep(1.5)
            raise ConnectionError

        async with asyncio.TaskGroup() as group:
            tasks = []

            for _ in range(40):
                tasks.append(group.create_task(attempt(breaker, slow_failure)))
                await asyncio.sleep(0.1)

        assert [task.result() for task in tasks].count("refused") >= 20

    run_virtual(main())


def test_callers_that_wait_in_vain_and_leave_open_it_t13_3a29() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        for leave in (asyncio.timeout, within):
            breaker = CircuitBreaker(minimum_calls=5, open_for=100, clock=loop.time)
            outcomes = []

            for _ in range(20):
                try:
                    async with leave(0.05):
                        outcomes.append(await attempt(breaker, forever))
                except TimeoutError:
                    outcomes.append("left")

            assert outcomes == ["left"] * 5 + ["refused"] * 15

    run_virtual(main())


def test_cancelled_callers_open_it_too_unless_they_leave_at_once_or_do_not_count_t13() -> None:
    async def leave_after(breaker: CircuitBreaker, seconds: float) -> None:
        for _ in range(20):
            task = asyncio.create_task(attempt(breaker, forever))
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.wait({task})

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        breaker = CircuitBreaker(clock=clock)
        await leave_after(breaker, 1.0)
        assert breaker.state is State.OPEN

        for options, seconds in (({}, 0.001), ({"patience": None}, 1.0), ({"patience": 2.0}, 1.0)):
            breaker = CircuitBreaker(clock=clock, **options)  # type: ignore[arg-type]  # numbers
            await leave_after(breaker, seconds)
            assert breaker.state is State.CLOSED
            assert breaker.statistics()["calls"] == 0

    run_virtual(main())


def test_one_failing_call_in_five_seconds_opens_it_t13_3a30() -> None:
    async def main() -> None:
        breaker = CircuitBreaker(minimum_calls=10, clock=asyncio.get_running_loop().time)
        outcomes = []

        for _ in range(12):
            outcomes.append(await attempt(breaker, fails))
            await asyncio.sleep(5)

        assert outcomes.index("refused") == 10

    run_virtual(main())


async def test_exactly_so_many_probes_are_let_through_t13_3a31() -> None:
    clock = VirtualClock()
    breaker = half_open(clock, clock.advance, probes=7)
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    running = 0

    async def probe() -> None:
        nonlocal running
        running += 1
        await asyncio.shield(gate)

    tasks = [asyncio.create_task(attempt(breaker, probe)) for _ in range(1000)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert running == 7
    gate.set_result(None)
    outcomes = await asyncio.gather(*tasks)

    assert outcomes.count("None") == 7
    assert outcomes.count("refused") == 993


async def test_a_probe_that_is_cancelled_gives_its_permit_to_another() -> None:
    clock = VirtualClock()
    breaker = half_open(clock, clock.advance, probes=1)

    for _ in range(5):
        task = asyncio.create_task(breaker.call(forever))
        await asyncio.sleep(0)
        assert await attempt(breaker, works) == "refused"
        task.cancel()
        await asyncio.wait({task})

    assert await attempt(breaker, works) == "done"
    assert breaker.state is State.CLOSED


async def test_what_says_nothing_about_the_other_side_is_not_counted_3a29() -> None:
    breaker = CircuitBreaker(minimum_calls=2, on=OSError, ignore=FileNotFoundError)

    async def raises(error: Exception) -> None:
        raise error

    for error in (ValueError("ours"), FileNotFoundError("fine"), RateLimited("not even asked")):
        for _ in range(5):
            with pytest.raises(type(error)):
                await breaker.call(raises, error)

    assert breaker.statistics()["calls"] == 0
    await breaker.call(works)
    await attempt(breaker, fails)
    assert breaker.state is State.OPEN, "nothing has diluted one failure of two"


async def test_slow_calls_and_rejected_results_count() -> None:
    clock = VirtualClock()
    breaker = CircuitBreaker(minimum_calls=3, slow_after=1.0, reject=lambda status: status >= 500, clock=clock)

    async def fetch(status: int, seconds: float) -> int:
        clock.advance(seconds)
        return status

    await breaker.call(fetch, 200, 1.0)
    await breaker.call(fetch, 200, 0.9)
    assert breaker.statistics()["slow"] == 1
    await breaker.call(fetch, 503, 2.0)
    facts = breaker.statistics()
    assert (facts["failed"], facts["slow"], breaker.state) == (1, 2, State.CLOSED)
    await breaker.call(fetch, 503, 0.0)
    assert breaker.state is State.OPEN

    slow = CircuitBreaker(minimum_calls=2, slow_after=1.0, clock=clock)
    await slow.call(fetch, 200, 1.0)
    await slow.call(fetch, 200, 1.0)
    assert slow.state is State.OPEN


async def test_a_call_that_began_before_a_change_does_not_count_after_it() -> None:
    breaker = CircuitBreaker(minimum_calls=1)
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def late() -> None:
        await gate
        raise ConnectionError

    task = asyncio.create_task(attempt(breaker, late))
    await asyncio.sleep(0)
    breaker.reset()
    gate.set_result(None)

    assert await task == "ConnectionError"
    assert breaker.state is State.CLOSED
    assert breaker.statistics()["calls"] == 0


async def test_it_can_be_set_by_hand() -> None:
    breaker = CircuitBreaker(minimum_calls=1, name="payments")
    breaker.isolate("maintenance")

    with pytest.raises(CircuitOpen, match=r"payments: the circuit is isolated \(maintenance\)$") as caught:
        await breaker.call(works)

    assert caught.value.retry_after is None

    breaker.disable()
    assert [await attempt(breaker, fails) for _ in range(20)] == ["ConnectionError"] * 20
    assert breaker.statistics()["calls"] == 0

    breaker.observe()
    assert [await attempt(breaker, fails) for _ in range(20)] == ["ConnectionError"] * 20
    assert (breaker.state, breaker.statistics()["failed"]) == (State.OBSERVING, 20)

    breaker.reset()
    assert await attempt(breaker, works) == "done"
    breaker.open()
    assert await attempt(breaker, works) == "refused"


async def test_it_can_be_asked_without_using_a_permit() -> None:
    clock = VirtualClock()
    breaker = CircuitBreaker(minimum_calls=1, probes=1, open_for=10, clock=clock)
    breaker.check()
    breaker.open()

    with pytest.raises(CircuitOpen):
        breaker.check()

    clock.advance(10)
    breaker.check()
    breaker.check()
    assert await attempt(breaker, works) == "done"
    breaker.isolate()

    with pytest.raises(CircuitOpen):
        breaker.check()


async def test_listeners_hear_of_every_change() -> None:
    clock = VirtualClock()
    heard: list[Change] = []
    breaker = CircuitBreaker(minimum_calls=1, probes=1, open_for=5, name="p", clock=clock, on_change=heard.append)
    await attempt(breaker, fails)
    clock.advance(5)
    await attempt(breaker, works)
    breaker.isolate()

    assert [(change.before.value, change.after.value, change.reason, change.at) for change in heard] == [
        ("closed", "open", "1 of 1 calls failed", 0.0),
        ("open", "half open", "it was open long enough", 5.0),
        ("half open", "closed", "1 of 1 probes succeeded", 5.0),
        ("closed", "isolated", "isolated by hand", 5.0),
    ]
    assert {change.name for change in heard} == {"p"}


async def test_a_block_is_a_call() -> None:
    breaker = CircuitBreaker(minimum_calls=2)

    with breaker.guard():
        await works()

    with pytest.raises(ConnectionError):
        async with breaker.guard():
            await fails()

    with pytest.raises(CircuitOpen), breaker.guard():
        raise AssertionError("entered")

    assert breaker.statistics()["refused"] == 1


def test_plain_functions_need_no_loop_3a32() -> None:
    breaker = CircuitBreaker(minimum_calls=2)

    @breaker
    def divide(by: float) -> float:
        return 1 / by

    assert divide(2) == 0.5

    with pytest.raises(ZeroDivisionError):
        divide(0)

    with pytest.raises(CircuitOpen):
        divide(2)

    with pytest.raises(CircuitOpen):
        breaker.call_sync(lambda: 1)


def test_generators_cannot_be_wrapped() -> None:
    with pytest.raises(DefinitionError, match="generator"):

        @CircuitBreaker()
        def numbers():  # type: ignore[no-untyped-def]  # never called
            yield 1


def test_threads_share_a_breaker_without_losing_count() -> None:
    breaker = CircuitBreaker(window=100_000, minimum_calls=50_000, failure_rate=1.0)

    def work() -> None:
        for number in range(2000):
            try:
                breaker.call_sync(int, "x" if number % 2 else "1")
            except ValueError:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    facts = breaker.statistics()
    assert (facts["calls"], facts["failed"]) == (8000, 4000)


@pytest.mark.parametrize("state", list(State), ids=str)
async def test_cancelling_at_any_point_leaks_no_permit(state: State) -> None:
    clock = VirtualClock()
    breaker = CircuitBreaker(minimum_calls=1000, window=1000, probes=2, open_for=10, clock=clock)

    def make() -> Awaitable[str]:
        if state in {State.OPEN, State.HALF_OPEN}:
            breaker.open()
            clock.advance(10 if state is State.HALF_OPEN else 0)
        else:
            breaker.turn(state, "test")

        return attempt(breaker, twice)

    async def twice() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def check() -> None:
        probes = breaker.circuit.probes
        assert probes is None or probes.running == 0

    await cancel_sweep(make, check)


async def test_it_shows_what_it_does() -> None:
    breaker = CircuitBreaker(minimum_calls=2, name="payments")
    await attempt(breaker, works)
    await attempt(breaker, fails)
    await attempt(breaker, works)

    assert repr(breaker) == "<CircuitBreaker payments open: 0 of 0 failed, 0 slow; opened 1 times, 1 refused>"
