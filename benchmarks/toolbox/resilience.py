"""What strategies cost where nothing goes wrong, beside what people use for it today.

    pip install aiomisc tenacity stamina purgatory aiobreaker aiolimiter aiodataloader
    python benchmarks/toolbox/resilience.py [--rounds 9] [--count 20000] [--loop asyncio]

All candidates run in one process and take turns, in another order each round; a figure is the median of the rounds, in
microseconds of processor time per call, what the plain call costs included. A ratio below 1 means that the peer costs
less. A peer that is not installed is named and left out.
"""

import argparse
import asyncio
import gc
import importlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from hagworm.extend.asyncio.base.loop import LOOPS, loop_factory
from hagworm.extend.asyncio.resilience import (
    Aggregate,
    Bulkhead,
    CircuitBreaker,
    Policy,
    RateLimiter,
    Retry,
    Timeout,
)

Call = Callable[[int], Awaitable[Any]]
Runner = Callable[[int], Awaitable[None]]
"""Makes so many calls."""

AT_ONCE = 10_000


def peer(name: str) -> Any:
    """Return an installed module, or None, and say so."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"not installed, left out: {name} (pip install {name.partition('.')[0]})")
        return None


async def work(number: int) -> int:
    return number


async def waits(number: int) -> int:
    await asyncio.sleep(0)
    return number


def one_by_one(call: Call) -> Runner:
    async def run(count: int) -> None:
        for number in range(count):
            await call(number)

    return run


async def compare(title: str, goal: str, candidates: dict[str, Runner], rounds: int, count: int) -> None:
    """Print the median of each candidate, and its ratio to the first."""
    times: dict[str, list[float]] = {name: [] for name in candidates}

    for run in candidates.values():
        await run(count // 10)

    order = list(candidates.items())
    chance = random.Random(1)

    for _ in range(rounds):
        # Who comes after an expensive one finds cold caches: that is to be nobody's lot for ever.
        chance.shuffle(order)

        for name, run in order:
            gc.collect()
            begun = time.process_time()
            await run(count)
            times[name].append((time.process_time() - begun) / count * 1e6)

    print(f"\n{title}; goal: {goal}")
    ours = median(times[next(iter(times))])

    for name, values in times.items():
        print(f"  {name:<44} {median(values):9.3f} µs   x{median(values) / ours:.2f}")


async def retries(rounds: int, count: int) -> None:
    candidates = {"hagworm Retry": one_by_one(Retry(3, on=OSError)(work))}

    if aiomisc := peer("aiomisc"):
        candidates["aiomisc asyncretry"] = one_by_one(aiomisc.asyncretry(3, exceptions=(OSError,))(work))

    if stamina := peer("stamina"):
        candidates["stamina retry"] = one_by_one(stamina.retry(on=OSError, attempts=3)(work))

    if tenacity := peer("tenacity"):
        retry = tenacity.retry(stop=tenacity.stop_after_attempt(3), retry=tenacity.retry_if_exception_type(OSError))
        candidates["tenacity retry"] = one_by_one(retry(work))

    candidates["the plain call"] = one_by_one(work)
    await compare("retry, success, no time-outs", "≤ 0.5 µs", candidates, rounds, count)

    for title, function, goal in (
        ("retry with attempt time-out and deadline", work, "≤ 3 µs"),
        ("the same around what suspends once", waits, "none"),
    ):
        timed = {"hagworm Retry": one_by_one(Retry(3, on=OSError, attempt_timeout=1, timeout=5)(function))}

        if aiomisc is not None:
            backoff = aiomisc.asyncbackoff(attempt_timeout=1, deadline=5, exceptions=(OSError,))
            timed["aiomisc asyncbackoff"] = one_by_one(backoff(function))

        timed["the plain call"] = one_by_one(function)
        await compare(title, goal, timed, rounds, count // 4)


async def timeouts(rounds: int, count: int) -> None:
    async def standard(number: int) -> int:
        async with asyncio.timeout(1):
            return await waits(number)

    async def standard_quick(number: int) -> int:
        async with asyncio.timeout(1):
            return await work(number)

    candidates = {
        "hagworm Timeout": one_by_one(Timeout(1)(work)),
        "asyncio.timeout": one_by_one(standard_quick),
        "hagworm Timeout, suspends once": one_by_one(Timeout(1)(waits)),
        "asyncio.timeout, suspends once": one_by_one(standard),
    }

    if aiomisc := peer("aiomisc"):
        candidates["aiomisc timeout, suspends once"] = one_by_one(aiomisc.timeout(1)(waits))

    await compare("time-out", "none", candidates, rounds, count // 4)


async def breakers(rounds: int, count: int) -> None:
    timed = CircuitBreaker(period=10.0)
    asked = CircuitBreaker()
    candidates = {
        "hagworm CircuitBreaker": one_by_one(CircuitBreaker()(work)),
        "hagworm CircuitBreaker.call": one_by_one(lambda number: asked.call(work, number)),
        "hagworm CircuitBreaker, by time": one_by_one(timed(work)),
    }

    if purgatory := peer("purgatory"):
        factory = purgatory.AsyncCircuitBreakerFactory()
        breaker = await factory.get_breaker("bench", threshold=5, ttl=30)

        async def through(number: int) -> int:
            async with breaker:
                return await work(number)

        candidates["purgatory"] = one_by_one(through)

    if aiobreaker := peer("aiobreaker"):
        other = aiobreaker.CircuitBreaker(fail_max=5)
        candidates["aiobreaker"] = one_by_one(lambda number: other.call_async(work, number))

    if aiomisc := peer("aiomisc"):
        third = aiomisc.CircuitBreaker(error_ratio=0.5, response_time=10)
        candidates["aiomisc CircuitBreaker"] = one_by_one(lambda number: third.call_async(work, number))

    candidates["the plain call"] = one_by_one(work)
    await compare("circuit breaker, closed", "≤ 0.4 µs, with a correct window", candidates, rounds, count)


async def aggregates(rounds: int) -> None:
    async def fetch(items: list[int]) -> list[int]:
        return items

    async def fetch_all(*items: int) -> list[int]:
        return list(items)

    for size in (100, 1000):
        aggregate: Aggregate[int, int] = Aggregate(fetch, max_count=size)

        def gathered(make: Callable[[], Call]) -> Runner:
            async def run(count: int) -> None:
                call = make()
                await asyncio.gather(*(call(number) for number in range(count)))

            return run

        candidates = {
            "hagworm Aggregate.submit": gathered(lambda aggregate=aggregate: aggregate.submit),
            "hagworm Aggregate, called": gathered(lambda aggregate=aggregate: aggregate),
        }

        if aiodataloader := peer("aiodataloader"):
            candidates["aiodataloader load"] = gathered(
                lambda size=size: aiodataloader.DataLoader(fetch, max_batch_size=size, cache=False).load
            )
            candidates["aiodataloader load, cached"] = gathered(
                lambda size=size: aiodataloader.DataLoader(fetch, max_batch_size=size).load
            )

        if aiomisc := peer("aiomisc"):
            candidates["aiomisc aggregate"] = gathered(
                lambda size=size: aiomisc.aggregate(leeway_ms=10, max_count=size)(fetch_all)
            )

        await compare(f"aggregate, batches of {size}, {AT_ONCE} at once", "≤ 3.9 µs", candidates, rounds, AT_ONCE)


async def limiters(rounds: int, count: int) -> None:
    def block(make: Callable[[], Any]) -> Runner:
        async def run(count: int) -> None:
            limiter = make()

            for _ in range(count):
                async with limiter:
                    pass

        return run

    candidates = {
        "hagworm RateLimiter, sliding window": block(lambda: RateLimiter(10**6)),
        "hagworm RateLimiter, evenly spaced": block(lambda: RateLimiter(10**9, burst=10**6)),
        "hagworm Bulkhead": block(lambda: Bulkhead(10)),
    }

    if aiolimiter := peer("aiolimiter"):
        candidates["aiolimiter AsyncLimiter"] = block(lambda: aiolimiter.AsyncLimiter(10**9, 1))

    candidates["asyncio.Semaphore"] = block(lambda: asyncio.Semaphore(10))
    await compare("limiter, `async with`, nobody waits", "≤ 1.0 µs", candidates, rounds, count)


async def policies(rounds: int, count: int) -> None:
    policy = Policy(retry=3, breaker=CircuitBreaker(), bulkhead=10, timeout=1)
    candidates = {
        "hagworm Policy of four": one_by_one(policy(work)),
        "hagworm Policy.call": one_by_one(lambda number: policy.call(work, number)),
        "the plain call": one_by_one(work),
    }
    await compare("retry, breaker, bulkhead and time-out together", "none", candidates, rounds, count // 4)


async def main(rounds: int, count: int) -> None:
    logging.disable(logging.CRITICAL)
    await retries(rounds, count)
    await timeouts(rounds, count)
    await breakers(rounds, count)
    await aggregates(rounds)
    await limiters(rounds, count)
    await policies(rounds, count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()

    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(main(options.rounds, options.count))
