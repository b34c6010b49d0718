"""Each key has its own strategy, and there are never more than allowed."""

import threading
from typing import Any

import pytest

from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker
from hagworm.extend.asyncio.resilience.limiter import RateLimiter
from hagworm.extend.asyncio.resilience.registry import Registry
from hagworm.extend.error import CircuitOpen
from hagworm.extend.resilience.breaker import State


def breakers(most: int = 10_000) -> Registry[CircuitBreaker]:
    return Registry(lambda key: CircuitBreaker(name=str(key), minimum_calls=1), most=most)


async def test_the_trouble_of_one_is_not_that_of_another() -> None:
    registry = breakers()

    @registry.by(lambda host: host)
    async def fetch(host: str) -> str:
        if host == "down":
            raise ConnectionError

        return host

    with pytest.raises(ConnectionError):
        await fetch("down")

    with pytest.raises(CircuitOpen):
        await fetch("down")

    assert await fetch("up") == "up"
    assert registry["down"].state is State.OPEN
    assert list(registry) == ["down", "up"] or list(registry) == ["up", "down"]
    assert {key: facts["state"] for key, facts in registry.statistics().items()} == {"down": "open", "up": "closed"}


def test_memory_is_bounded() -> None:
    registry = breakers(most=100)

    for number in range(10_000):
        registry[number].name  # noqa: B018 # asked for is enough

    assert len(registry) == 100
    assert 9999 in registry
    assert 0 not in registry
    assert repr(registry) == "<Registry of 100, at most 100, 0 forgotten>"


def test_who_is_idle_goes_first_and_who_is_used_stays() -> None:
    registry = breakers(most=3)
    registry["open"].open()
    registry["idle"].check()
    registry["used"].check()
    registry["idle"].check()
    registry["new"].check()

    assert list(registry) == ["open", "idle", "new"]
    assert registry.forgotten == 0

    registry["idle"].open()
    registry["new"].open()
    registry["newest"].check()

    assert list(registry) == ["idle", "new", "newest"]
    assert registry.forgotten == 1


def test_a_rate_per_client_forgets_idle_clients() -> None:
    now = 0.0
    clients: Registry[RateLimiter] = Registry(lambda _: RateLimiter(1, per=10, clock=lambda: now), most=2)
    assert clients["a"].take() == 0
    assert clients["a"].take() == 10
    now = 5.0
    assert clients["b"].take() == 0
    now = 11.0
    assert clients["c"].take() == 0

    assert list(clients) == ["b", "c"]
    assert clients.forgotten == 0


def test_threads_get_the_same_one() -> None:
    registry = breakers()
    seen: list[Any] = []

    def work() -> None:
        seen.extend(registry[number] for number in range(500))

    threads = [threading.Thread(target=work) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert len(set(map(id, seen))) == 500


def test_there_is_room_for_one_at_least() -> None:
    with pytest.raises(ValueError, match="most"):
        breakers(most=0)
