"""One rate holds for all processes, decided by a real Redis; without Redis it is as was said."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.resilience.registry import Registry
from hagworm.extend.asyncio.resilience.shared import SharedRateLimiter
from hagworm.extend.error import DeadlineExceeded, MissingExtra, Overloaded, RateLimited
from hagworm.testing.sweep import cancel_sweep
from tests.tree import ROOT

NUMBERS = count(1)

Make = Callable[..., SharedRateLimiter]


@pytest.fixture
async def make(redis_port: int) -> AsyncIterator[Make]:
    """Makes limiters, each with a name of its own unless told otherwise, and closes them."""
    made: list[SharedRateLimiter] = []

    def limiter(*args: Any, **options: Any) -> SharedRateLimiter:
        options = {"name": f"test {next(NUMBERS)}", "timeout": 10.0, "on_failure": "deny", **options}
        made.append(SharedRateLimiter(f"redis://127.0.0.1:{redis_port}", *args, **options))
        return made[-1]

    yield limiter

    for one in made:
        await one.aclose()


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """The port of a server that takes connections and says nothing."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()

    for writer in writers:
        writer.transport.abort()

    await server.wait_closed()


@pytest.mark.parametrize("burst", [None, 4], ids=["sliding window", "evenly spaced"])
async def test_so_many_may_happen_and_then_one_is_told_when(make: Make, burst: int | None) -> None:
    limiter = make(4, per=30.0, burst=burst)
    assert [await limiter.take() for _ in range(4)] == [0, 0, 0, 0]
    wait = await limiter.take()
    interval = 30.0 if burst is None else 7.5

    assert interval - 5 < wait <= interval

    said = await limiter.peek()
    assert (said.allowed, said.limit, said.remaining) == (False, 4, 0)
    assert 25 < said.reset_after <= 30
    assert said.retry_after <= wait


@pytest.mark.parametrize("burst", [None, 5])
async def test_a_cost_is_taken_whole_or_not_at_all(make: Make, burst: int | None) -> None:
    limiter = make(5, per=60.0, burst=burst)

    assert await limiter.take(3) == 0
    assert await limiter.take(3) > 0
    assert await limiter.take(2) == 0
    assert (await limiter.peek()).remaining == 0

    for cost in (0, 6):
        with pytest.raises(ValueError, match="cost"):
            await limiter.take(cost)


@pytest.mark.parametrize("burst", [None, 3])
async def test_looking_takes_nothing(make: Make, burst: int | None) -> None:
    limiter = make(3, per=60.0, burst=burst)

    assert [(await limiter.peek()).remaining for _ in range(5)] == [3] * 5
    assert (await limiter.peek()).reset_after == 0


@pytest.mark.parametrize("burst", [None, 5])
async def test_those_that_wait_come_in_order_and_at_the_rate(make: Make, burst: int | None) -> None:
    limiter = make(5, per=0.1, burst=burst)
    order: list[int] = []

    async def come(number: int) -> None:
        async with limiter:
            order.append(number)

    began = time.monotonic()
    await asyncio.gather(*(come(number) for number in range(20)))

    assert order == list(range(20))
    assert time.monotonic() - began >= 0.28
    assert limiter.is_idle


async def test_nobody_polls(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = make(1, per=0.1)
    asked = 0
    ask = limiter.ask

    async def counted(*args: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        return await ask(*args, **options)

    monkeypatch.setattr(limiter, "ask", counted)
    await asyncio.gather(*(limiter.acquire() for _ in range(5)))

    assert asked <= 5 + 5


async def test_keys_do_not_disturb_each_other(make: Make) -> None:
    day = next(NUMBERS)
    clients: Registry[SharedRateLimiter] = Registry(lambda client: make(1, per=60.0, name=f"client {client} {day}"))

    assert [await clients[client].take() for client in "abc"] == [0, 0, 0]
    assert await clients["a"].take() > 0


async def test_what_is_not_used_is_forgotten_by_redis(make: Make) -> None:
    for burst in (None, 2):
        limiter = make(2, per=3.0, burst=burst)
        await limiter.take()

        assert 0 < await limiter.redis.pttl(limiter.key) <= 3000


async def test_a_clock_that_was_set_back_holds_up_for_one_period_at_most(make: Make) -> None:
    for burst in (None, 3):
        limiter = make(3, per=10.0, burst=burst)
        later = int((time.time() + 3600) * 1e6)

        if burst is None:
            await limiter.redis.lpush(limiter.key, later, later, later)
        else:
            await limiter.redis.set(limiter.key, later)

        assert 0 < await limiter.take() <= 10.0


HAMMER = """
import asyncio, json, sys, time
from hagworm.extend.asyncio.resilience.shared import SharedRateLimiter

async def main():
    limiter = SharedRateLimiter(sys.argv[1], 20, per=0.25, burst=int(sys.argv[2]) or None, name=sys.argv[3],
                                timeout=10, on_failure="deny")
    seen, end = [], time.monotonic() + 1.0
    while time.monotonic() < end:
        before = time.monotonic()
        if not await limiter.take():
            seen.append((before, time.monotonic()))
    await limiter.aclose()
    print(json.dumps(seen))

asyncio.run(main())
"""


@pytest.mark.parametrize("burst", [0, 10], ids=["sliding window", "evenly spaced"])
def test_several_processes_together_keep_to_the_rate_in_every_stretch_of_time_r34(redis_port: int, burst: int) -> None:
    command = [sys.executable, "-c", HAMMER, f"redis://127.0.0.1:{redis_port}", str(burst), f"hammer {next(NUMBERS)}"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(3)]
    seen = sorted(
        tuple(grant) for process in processes for grant in json.loads(process.communicate(timeout=50)[0] or b"[]")
    )

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(seen) >= 40, "the rate is used"

    # Each was granted between its question and its answer: those that lie wholly inside a stretch were granted in it.
    for begin, _ in seen:
        inside = [answered for asked, answered in seen if asked >= begin and answered < begin + 0.25]
        assert len(inside) <= (20 if not burst else 10 + 20)


@pytest.mark.parametrize("on_failure", ["local", "allow", "deny"])
async def test_without_redis_it_goes_on_as_was_said(silent: int, on_failure: Any) -> None:
    limiter = SharedRateLimiter(
        f"redis://127.0.0.1:{silent}", 2, per=60.0, name="x", timeout=0.02, on_failure=on_failure
    )
    waits = []

    for _ in range(6):
        try:
            waits.append(await limiter.take() > 0)
        except RateLimited:
            waits.append(None)

    assert waits == {"local": [False] * 2 + [True] * 4, "allow": [False] * 6, "deny": [None] * 6}[on_failure]
    assert limiter.failures == 6
    assert limiter.breaker.statistics()["refused"] == 3, "after three failures Redis is left alone for a while"
    await limiter.aclose()


async def test_the_time_of_the_caller_is_the_callers(silent: int) -> None:
    limiter = SharedRateLimiter(f"redis://127.0.0.1:{silent}", 2, name="x", timeout=60)

    with pytest.raises(DeadlineExceeded):
        async with within(0.02):
            await limiter.take()

    await limiter.aclose()


async def test_nobody_waits_who_would_wait_in_vain(make: Make) -> None:
    limiter = make(1, per=60.0)
    await limiter.acquire()

    with pytest.raises(RateLimited, match="1 in 60 s"):
        async with within(30):
            await limiter.acquire()

    bounded = make(1, per=60.0, wait=1.0, waiting=0)
    await bounded.acquire()

    with pytest.raises(RateLimited):
        await bounded.acquire()

    await bounded.line.acquire()

    with pytest.raises(Overloaded):
        await bounded.acquire()

    bounded.line.release()
    assert bounded.statistics() == {"waiting": 0, "refused": 2, "failures": 0}


async def test_cancelling_at_any_point_keeps_nobody_waiting(make: Make) -> None:
    limiter = make(100_000, per=1.0)

    async def check() -> None:
        assert limiter.is_idle
        await limiter.acquire()

    await cancel_sweep(limiter.acquire, check)


async def test_a_client_of_the_caller_stays_open(make: Make) -> None:
    owner = make(5, per=60.0)
    guest = SharedRateLimiter(owner.redis, 5, per=60.0, name=owner.name)
    await guest.take()
    await guest.aclose()

    assert (await owner.peek()).remaining == 4


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)

    with pytest.raises(MissingExtra, match=r"hagworm\[redis\]"):
        SharedRateLimiter("redis://localhost", 1, name="x")
