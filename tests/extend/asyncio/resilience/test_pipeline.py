"""Strategies stand in the order that makes sense, and each does what it does alone."""

import asyncio
import inspect
from typing import Any

import pytest

from hagworm.extend.asyncio.base.deadline import remaining
from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker
from hagworm.extend.asyncio.resilience.bulkhead import Bulkhead
from hagworm.extend.asyncio.resilience.fallback import Fallback
from hagworm.extend.asyncio.resilience.limiter import RateLimiter
from hagworm.extend.asyncio.resilience.pipeline import Policy
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.error import CircuitOpen, DeadlineExceeded, DefinitionError, RateLimited
from hagworm.extend.resilience.breaker import State
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


class Service:
    """Fails so many times, or hangs; it remembers when it was called and what it was given."""

    def __init__(self, failures: int = 0, *, seconds: float = 0.0) -> None:
        self.failures = failures
        self.seconds = seconds
        self.calls = 0

    async def __call__(self, *args: Any) -> Any:
        self.calls += 1
        await asyncio.sleep(self.seconds)

        if self.calls <= self.failures:
            raise ConnectionError("down")

        return args

    def plain(self, *args: Any) -> Any:
        self.calls += 1

        if self.calls <= self.failures:
            raise ConnectionError("down")

        return args


async def test_a_policy_without_parts_changes_nothing() -> None:
    assert await Policy().call(Service(), 1, 2) == (1, 2)
    assert Policy().call_sync(Service().plain, 3) == (3,)


def test_each_attempt_has_its_time_and_all_have_theirs() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        service = Service(seconds=100)
        policy = Policy(retry=Retry(10, backoff=1), timeout=2, deadline=10, fallback=Fallback(value="none"))

        assert await policy.call(service) == "none"
        # Attempts at 0, 3, 6 and 9; the last one has one second.
        assert service.calls == 4
        assert loop.time() == 10

    run_virtual(main())


def test_a_retry_waits_for_its_rate_and_its_place_again() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        service = Service(2)
        limiter = RateLimiter(1, per=10.0, clock=loop.time)
        bulkhead = Bulkhead(1)
        policy = Policy(retry=Retry(3, backoff=1), limiter=limiter, bulkhead=bulkhead)

        assert await policy.call(service, "x") == ("x",)
        assert loop.time() == pytest.approx(20, abs=0.01)
        assert bulkhead.is_idle

    run_virtual(main())


async def test_refusals_of_our_own_do_not_open_the_circuit() -> None:
    breaker = CircuitBreaker(minimum_calls=1)
    policy = Policy(limiter=RateLimiter(1, per=3600, waiting=0), breaker=breaker)
    await policy.call(Service())

    for _ in range(5):
        with pytest.raises(RateLimited):
            await policy.call(Service())

    assert breaker.state is State.CLOSED
    assert breaker.statistics()["calls"] == 1


async def test_an_open_circuit_refuses_before_anything_is_used_up() -> None:
    breaker = CircuitBreaker()
    limiter = RateLimiter(5, per=3600)
    policy = Policy(limiter=limiter, bulkhead=5, breaker=breaker)
    breaker.open()

    with pytest.raises(CircuitOpen):
        await policy.call(Service())

    assert limiter.peek().remaining == 5
    assert breaker.statistics()["calls"] == 0


def test_waiting_for_a_place_is_not_slowness_of_the_other_side() -> None:
    async def main() -> None:
        clock = asyncio.get_running_loop().time
        breaker = CircuitBreaker(slow_after=2.0, minimum_calls=1, clock=clock)
        policy = Policy(bulkhead=Bulkhead(1, waiting=10), breaker=breaker)
        await asyncio.gather(*(policy.call(Service(seconds=1)) for _ in range(10)))

        assert breaker.statistics()["slow"] == 0
        assert breaker.state is State.CLOSED

    run_virtual(main())


def test_attempts_that_take_too_long_open_the_circuit() -> None:
    async def main() -> None:
        breaker = CircuitBreaker(minimum_calls=3, clock=asyncio.get_running_loop().time)
        policy = Policy(retry=Retry(10, backoff=0.1), breaker=breaker, timeout=1)
        service = Service(seconds=100)

        with pytest.raises(CircuitOpen):
            await policy.call(service)

        assert service.calls == 3

    run_virtual(main())


def test_a_hedge_is_within_the_time_of_an_attempt() -> None:
    async def main() -> None:
        service = Service(seconds=100)

        with pytest.raises(DeadlineExceeded):
            await Policy(timeout=5, hedge=1).call(service)

        assert service.calls == 2
        assert asyncio.get_running_loop().time() == 5

    run_virtual(main())


async def test_a_policy_is_put_around_functions_once() -> None:
    policy = Policy(retry=Retry(3, backoff=0, name=""), breaker=CircuitBreaker(), timeout=60, bulkhead=10)
    service = Service(99)

    @policy
    async def fetch(url: str) -> str:
        """Fetch."""
        await service()
        return url

    assert (fetch.__name__, fetch.__doc__) == ("fetch", "Fetch.")
    assert inspect.iscoroutinefunction(fetch)

    with pytest.raises(ConnectionError) as caught:
        await fetch("x")

    assert "3 times by test_a_policy_is_put_around_functions_once.<locals>.fetch" in caught.value.__notes__[0]

    with pytest.raises(ConnectionError) as caught:
        await policy.call(service)

    assert "3 times by <test" in caught.value.__notes__[0] or "Service" in caught.value.__notes__[0]


async def test_arguments_reach_those_that_ask_for_them() -> None:
    seen: list[Any] = []
    policy = Policy(
        fallback=Fallback(lambda error, *args: ("fallback", *args)), timeout=lambda_timeout(seen), retry=Retry(1)
    )

    async def fails(*args: int) -> Any:
        raise ConnectionError

    assert await policy.call(fails, 1, 2) == ("fallback", 1, 2)
    assert await policy(fails)(3) == ("fallback", 3)
    assert seen == [(1, 2), (3,)]


def lambda_timeout(seen: list[Any]) -> Any:
    from hagworm.extend.asyncio.resilience.timeout import Timeout

    def seconds(*args: Any) -> float:
        seen.append(args)
        return 60.0

    return Timeout(seconds)


def test_plain_functions_where_all_parts_can() -> None:
    pauses: list[float] = []
    policy = Policy(
        fallback=Fallback(value="none"),
        retry=Retry(3, backoff=1, block=pauses.append),
        limiter=RateLimiter(100),
        breaker=CircuitBreaker(),
    )
    service = Service(2)

    assert policy(service.plain)("x") == ("x",)
    assert (service.calls, pauses) == (3, [1, 1])
    assert policy.call_sync(Service(3).plain) == "none"

    with pytest.raises(DefinitionError, match="Timeout"):
        Policy(timeout=1)(service.plain)


async def test_cancelling_at_any_point_leaves_nothing_behind() -> None:
    bulkhead = Bulkhead(1, waiting=5)
    policy = Policy(
        retry=Retry(2, backoff=0, timeout=60),
        limiter=RateLimiter(10**6),
        bulkhead=bulkhead,
        breaker=CircuitBreaker(minimum_calls=100),
        timeout=30,
        hedge=60,
        deadline=90,
    )

    async def work() -> None:
        await policy.call(Service(1))

    def check() -> None:
        assert bulkhead.is_idle
        assert remaining() is None

    assert (await cancel_sweep(work, check)).suspensions == 2


async def test_it_shows_its_parts_from_the_outside_in() -> None:
    policy = Policy(hedge=0.1, timeout=2, bulkhead=3, retry=4, fallback=Fallback(value=0), breaker=CircuitBreaker())

    assert list(policy.parts()) == ["fallback", "retry", "bulkhead", "breaker", "timeout", "hedge"]
    assert list(policy.statistics()) == list(policy.parts())
    assert policy.is_idle
    assert repr(policy).startswith("<Policy <Fallback 0, used 0 times> > <Retry 4 attempts")
