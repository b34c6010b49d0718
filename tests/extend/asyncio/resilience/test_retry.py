"""Retrying changes how often something is tried, and nothing else."""

import asyncio
import functools
import gc
import inspect
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.asyncio.base.deadline import remaining, within
from hagworm.extend.asyncio.resilience.course import Retried
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.error import CircuitOpen, DeadlineExceeded, DefinitionError, Refused
from hagworm.extend.resilience.backoff import Backoff
from hagworm.extend.resilience.budget import RetryBudget
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


class Flaky:
    """Fails so many times, then answers; it remembers when it was called."""

    def __init__(self, failures: int, error: Callable[[], Exception] = lambda: ConnectionError("refused")) -> None:
        self.failures = failures
        self.error = error
        self.calls = 0

    async def __call__(self, answer: str = "done") -> str:
        self.calls += 1

        if self.calls <= self.failures:
            raise self.error()

        return answer

    def plain(self, answer: str = "done") -> str:
        self.calls += 1

        if self.calls <= self.failures:
            raise self.error()

        return answer


class Pauses:
    """Sleeps that are written down in place of being slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def block(self, seconds: float) -> None:
        self.seconds.append(seconds)


def quick(**options: Any) -> Retry:
    """A retry that does not wait."""
    pauses = Pauses()
    return Retry(**{"backoff": 0.5, "sleep": pauses.sleep, "block": pauses.block, **options})


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(("failures", "calls"), [(0, 1), (1, 2), (2, 3)])
async def test_it_tries_until_it_succeeds(failures: int, calls: int) -> None:
    flaky = Flaky(failures)

    assert await quick(attempts=3).call(flaky, "yes") == "yes"
    assert flaky.calls == calls


async def test_the_last_error_is_the_callers_with_a_note_of_how_often() -> None:
    flaky = Flaky(99)

    with pytest.raises(ConnectionError, match="refused") as caught:
        await quick(attempts=3)(flaky)()

    assert flaky.calls == 3
    assert "3 times" in caught.value.__notes__[0]


async def test_only_the_errors_that_are_meant_are_tried_again() -> None:
    for on in (OSError, (OSError, KeyError), lambda error: isinstance(error, OSError)):
        meant, other = Flaky(1), Flaky(1, lambda: ValueError("no"))
        assert await quick(on=on).call(meant) == "done"

        with pytest.raises(ValueError, match="no"):
            await quick(on=on).call(other)

        assert (meant.calls, other.calls) == (2, 1)


async def test_an_error_that_says_so_is_never_tried_again() -> None:
    class Unknown(Exception):
        retryable = False

    flaky = Flaky(1, Unknown)

    with pytest.raises(Unknown):
        await quick().call(flaky)

    assert flaky.calls == 1


async def test_what_was_refused_is_tried_again_only_where_that_is_asked_for() -> None:
    for on, calls in ((Exception, 1), (lambda error: True, 2), (CircuitOpen, 2), ((OSError, Refused), 2)):
        flaky = Flaky(1, lambda: CircuitOpen("open", retry_after=1))
        outcomes = await asyncio.gather(quick(on=on).call(flaky), return_exceptions=True)
        assert flaky.calls == calls
        assert isinstance(outcomes[0], CircuitOpen) == (calls == 1)


async def test_a_cancellation_is_never_tried_again() -> None:
    calls = 0

    async def cancelled() -> None:
        nonlocal calls
        calls += 1
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await quick().call(cancelled)

    assert calls == 1

    for wrong in (BaseException, asyncio.CancelledError, KeyboardInterrupt):
        with pytest.raises(TypeError, match="ordinary"):
            Retry(on=wrong)  # type: ignore[arg-type]  # what is tested


async def test_a_rejected_result_is_tried_again_and_the_last_one_is_the_callers() -> None:
    answers = iter([503, 502, 200])

    async def fetch() -> int:
        return next(answers)

    assert await quick(reject=lambda status: status >= 500).call(fetch) == 200

    answers = iter([503, 502, 501, 500])
    assert await quick(attempts=3, reject=lambda status: status >= 500).call(fetch) == 501


async def test_pauses_are_those_of_the_schedule() -> None:
    pauses = Pauses()
    retry = Retry(5, backoff=Backoff(1, 2, 5, jitter=0.5), random=lambda: 0.5, sleep=pauses.sleep)

    with pytest.raises(ConnectionError):
        await retry.call(Flaky(99))

    assert pauses.seconds == [0.75, 1.5, 3.0, 3.75]


@pytest.mark.parametrize("asked", [7, 7.0, timedelta(seconds=7)])
async def test_who_is_told_when_to_come_back_waits_so_long(asked: Any) -> None:
    def busy() -> Exception:
        error = ConnectionError("busy")
        error.retry_after = asked  # type: ignore[attr-defined]  # as clients put it there
        return error

    pauses = Pauses()
    assert await Retry(backoff=0.1, sleep=pauses.sleep).call(Flaky(2, busy)) == "done"
    assert pauses.seconds == [7, 7]


async def test_what_asks_to_wait_too_long_is_given_up_at_once() -> None:
    pauses = Pauses()
    flaky = Flaky(2)

    with pytest.raises(ConnectionError):
        await Retry(retry_after=lambda error: 3600, sleep=pauses.sleep).call(flaky)

    assert (flaky.calls, pauses.seconds) == (1, [])


@pytest.mark.parametrize("nonsense", ["soon", float("nan"), float("inf"), True, None, object()])
async def test_a_retry_after_that_means_nothing_is_overlooked(nonsense: Any) -> None:
    def busy() -> Exception:
        error = ConnectionError("busy")
        error.retry_after = nonsense  # type: ignore[attr-defined]  # as clients put it there
        return error

    pauses = Pauses()
    assert await Retry(backoff=0.1, sleep=pauses.sleep).call(Flaky(1, busy)) == "done"
    assert pauses.seconds == [0.1]


def test_an_attempt_that_takes_too_long_is_tried_again() -> None:
    async def main() -> None:
        calls = 0

        async def slow() -> float | None:
            nonlocal calls
            calls += 1

            if calls < 3:
                await forever()

            return remaining()

        assert await Retry(attempt_timeout=2, backoff=1, on=ValueError).call(slow) == 2
        assert asyncio.get_running_loop().time() == 2 + 1 + 2 + 1

    run_virtual(main())


def test_the_total_time_bounds_attempts_and_pauses_3a33() -> None:
    async def main() -> None:
        began = asyncio.get_running_loop().time()
        seen: list[float | None] = []

        async def slow() -> None:
            seen.append(remaining())
            await forever()

        with pytest.raises(DeadlineExceeded) as caught:
            await Retry(None, timeout=10, attempt_timeout=3, backoff=1).call(slow)

        assert asyncio.get_running_loop().time() - began == 10
        assert seen == [3, 3, 2]
        assert caught.value.seconds == 10, "the error of the last attempt, not an older one"

    run_virtual(main())


def test_a_pause_that_would_use_up_the_time_is_not_begun() -> None:
    async def main() -> None:
        flaky = Flaky(99)

        with pytest.raises(ConnectionError):
            await Retry(None, timeout=10, backoff=4).call(flaky)

        assert flaky.calls == 3
        assert asyncio.get_running_loop().time() == 8

    run_virtual(main())


def test_the_deadline_of_the_caller_bounds_everything() -> None:
    async def main() -> None:
        flaky = Flaky(99)

        with pytest.raises(ConnectionError):
            async with within(5):
                await Retry(10, backoff=2).call(flaky)

        assert flaky.calls == 3
        assert asyncio.get_running_loop().time() == 4

        with pytest.raises(DeadlineExceeded):
            async with within(3):
                await Retry(10, attempt_timeout=60).call(forever)

        assert asyncio.get_running_loop().time() == 7

    run_virtual(main())


def test_somebody_elses_timeout_is_an_error_like_any_other() -> None:
    async def main() -> None:
        calls = 0

        async def own_timeout() -> None:
            nonlocal calls
            calls += 1

            async with asyncio.timeout(1):
                await forever()

        with pytest.raises(TimeoutError):
            await Retry(on=ConnectionError, attempt_timeout=60).call(own_timeout)

        assert calls == 1

        with pytest.raises(TimeoutError):
            await Retry(on=TimeoutError, attempt_timeout=60).call(own_timeout)

        assert calls == 4

    run_virtual(main())


def test_attempts_without_limit_never_spin_3a33() -> None:
    for options in ({}, {"timeout": 5, "backoff": 0}):
        with pytest.raises(ValueError, match="attempts"):
            Retry(None, **options)  # type: ignore[arg-type]  # numbers

    for options in ({"timeout": 0}, {"attempt_timeout": -1}, {"attempts": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Retry(**options)  # type: ignore[arg-type]  # numbers


async def test_the_budget_bounds_what_a_total_outage_adds_t18() -> None:
    budget = RetryBudget(0.2, minimum=0, period=3600)
    retry = quick(attempts=3, budget=budget)
    flaky = Flaky(10**9)
    notes: set[str] = set()

    for _ in range(1000):
        with pytest.raises(ConnectionError) as caught:
            await retry.call(flaky)

        notes.update(getattr(caught.value, "__notes__", ()))

    assert 1180 <= flaky.calls <= 1200
    assert any("budget" in note for note in notes)
    assert retry.statistics()["over_budget"] >= 800


async def test_an_inner_retry_is_not_multiplied_by_an_outer_one() -> None:
    flaky = Flaky(99)
    inner = quick(attempts=3)(flaky)

    with pytest.raises(ConnectionError):
        await quick(attempts=5).call(inner)

    assert flaky.calls == 3

    flaky.calls = 0

    with pytest.raises(ConnectionError):
        await quick(attempts=5, nested=True).call(inner)

    assert flaky.calls == 15


async def test_an_error_object_that_comes_back_another_day_is_tried_again() -> None:
    error = ConnectionError("one object for ever")
    flaky = Flaky(99, lambda: error)

    for _ in range(2):
        flaky.calls = 0

        with pytest.raises(ConnectionError):
            await quick(attempts=3).call(flaky)

        assert flaky.calls == 3


async def test_an_error_that_an_inner_retry_does_not_mean_is_the_outer_ones() -> None:
    flaky = Flaky(1)
    inner = quick(attempts=3, on=KeyError)(flaky)

    assert await quick(attempts=2).call(inner) == "done"


async def test_listeners_hear_of_every_pause_and_harm_nobody(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Retried] = []

    def listen(event: Retried) -> None:
        heard.append(event)
        raise RuntimeError("deaf")

    assert await quick(on_retry=listen, name="orders").call(Flaky(2)) == "done"
    assert [(event.name, event.attempt, event.pause, str(event.error)) for event in heard] == [
        ("orders", 1, 0.5, "refused"),
        ("orders", 2, 0.5, "refused"),
    ]
    assert "deaf" in caplog.text


async def test_what_happened_is_counted() -> None:
    retry = quick(attempts=2, name="orders")
    await retry.call(Flaky(0))
    await retry.call(Flaky(1))

    with pytest.raises(ConnectionError):
        await retry.call(Flaky(2))

    assert retry.statistics() == {"retried": 2, "recovered": 1, "gave_up": 1, "over_budget": 0}
    assert repr(retry) == "<Retry orders, 2 attempts, 2 retried, 1 given up>"


def test_a_plain_function_is_tried_in_its_thread() -> None:
    pauses = Pauses()
    flaky = Flaky(2)
    retry = Retry(3, backoff=1, block=pauses.block)

    assert retry(flaky.plain)("yes") == "yes"
    assert (flaky.calls, pauses.seconds) == (3, [1, 1])
    assert retry.call_sync(Flaky(2).plain) == "done"

    with pytest.raises(ConnectionError):
        retry.call_sync(Flaky(3).plain)

    answers = iter([1, 2, 3])
    assert quick(reject=lambda number: number < 3).call_sync(lambda: next(answers)) == 3


def test_a_plain_function_stops_when_the_total_time_is_over() -> None:
    flaky = Flaky(99)

    with pytest.raises(ConnectionError):
        Retry(None, timeout=0.05, backoff=0.04).call_sync(flaky.plain)

    assert flaky.calls <= 2


def test_a_plain_function_cannot_be_interrupted() -> None:
    with pytest.raises(DefinitionError, match="plain function"):
        Retry(attempt_timeout=1)(Flaky(0).plain)

    with pytest.raises(DefinitionError, match="generator function"):

        @Retry(attempt_timeout=1)
        def numbers() -> Iterator[int]:
            yield 1


def test_a_wrapped_function_keeps_its_name_and_kind() -> None:
    @Retry()
    async def fetch() -> None:
        """Fetch."""

    @Retry()
    async def stream() -> AsyncIterator[int]:
        yield 1

    @Retry()
    def numbers() -> Iterator[int]:
        yield 1

    assert (fetch.__name__, fetch.__doc__) == ("fetch", "Fetch.")
    assert inspect.iscoroutinefunction(fetch)
    assert inspect.isasyncgenfunction(stream)
    assert inspect.isgeneratorfunction(numbers)


async def test_methods_partials_and_callable_objects_are_functions_too() -> None:
    class Client:
        calls = 0

        @quick()
        async def fetch(self, answer: str) -> str:
            self.calls += 1

            if self.calls < 3:
                raise ConnectionError

            return answer

    assert await Client().fetch("yes") == "yes"
    assert await quick()(functools.partial(Flaky(1).__call__, "yes"))() == "yes"
    assert await quick()(Flaky(1))("yes") == "yes"


def test_a_generator_is_begun_again_until_its_first_item() -> None:
    begun = 0
    sent: list[Any] = []

    @quick()
    def numbers() -> Iterator[int]:
        nonlocal begun
        begun += 1

        if begun < 3:
            raise ConnectionError("before the first")

        sent.append((yield 1))

        try:
            yield 2
        except KeyError:
            yield 3

        raise ConnectionError("after the first")

    generator: Any = numbers()
    assert next(generator) == 1
    assert generator.send("hello") == 2
    assert generator.throw(KeyError()) == 3

    with pytest.raises(ConnectionError, match="after"):
        next(generator)

    assert (begun, sent) == (3, ["hello"])


def test_a_generator_returns_its_value_and_is_closed() -> None:
    closed: list[str] = []

    @quick()
    def numbers(count: int) -> Any:
        try:
            yield from range(count)
        finally:
            closed.append("closed")

        return "sum"

    def outer(count: int) -> Any:
        return (yield from numbers(count))

    generator = outer(0)

    with pytest.raises(StopIteration) as done:
        next(generator)

    assert done.value.value == "sum"

    generator = outer(5)
    next(generator)
    generator.close()
    assert closed == ["closed", "closed"]


async def test_an_asynchronous_generator_is_begun_again_until_its_first_item() -> None:
    begun = 0
    log: list[Any] = []

    @quick()
    async def numbers() -> AsyncIterator[int]:
        nonlocal begun
        begun += 1

        if begun < 3:
            raise ConnectionError("before the first")

        try:
            log.append((yield 1))

            try:
                yield 2
            except KeyError:
                yield 3

            raise ConnectionError("after the first")
        finally:
            log.append("closed")

    generator: Any = numbers()
    assert await anext(generator) == 1
    assert await generator.asend("hello") == 2
    assert await generator.athrow(KeyError()) == 3

    with pytest.raises(ConnectionError, match="after"):
        await anext(generator)

    assert (begun, log) == (3, ["hello", "closed"])


async def test_an_asynchronous_generator_that_is_left_is_closed() -> None:
    log: list[str] = []

    @quick()
    async def numbers(count: int) -> AsyncIterator[int]:
        try:
            for number in range(count):
                yield number
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    generator: Any = numbers(5)
    assert await anext(generator) == 0
    await generator.aclose()
    assert [number async for number in numbers(3)] == [0, 1, 2]
    assert [number async for number in numbers(0)] == []
    assert log == ["closed"] * 3


def test_the_time_of_a_generator_is_that_to_its_first_item() -> None:
    async def main() -> None:
        begun = 0

        @Retry(attempt_timeout=1, backoff=1)
        async def numbers() -> AsyncIterator[int]:
            nonlocal begun
            begun += 1

            if begun == 1:
                await forever()

            yield 1
            await asyncio.sleep(100)
            yield 2

        assert [number async for number in numbers()] == [1, 2]
        assert begun == 2

    run_virtual(main())


async def test_cancelling_leaves_nothing_behind() -> None:
    running = 0

    async def fails() -> None:
        nonlocal running
        running += 1

        try:
            await asyncio.sleep(0)
            raise ConnectionError
        finally:
            running -= 1

    async def call(retry: Retry) -> None:
        try:
            await retry.call(fails)
        except ConnectionError:
            return

    def check() -> None:
        assert running == 0

    plain = await cancel_sweep(lambda: call(Retry(3, backoff=0)), check)
    timed = await cancel_sweep(lambda: call(Retry(3, backoff=0, timeout=60, attempt_timeout=60)), check)
    assert plain.suspensions == timed.suspensions == 5


async def test_no_error_is_kept_alive_by_a_cycle() -> None:
    class Marker(ConnectionError):
        pass

    seen: list[weakref.ref[Marker]] = []

    def make() -> Marker:
        error = Marker()
        seen.append(weakref.ref(error))
        return error

    gc.disable()

    try:
        for options in ({}, {"timeout": 60.0}):
            with suppress(Marker):
                await quick(attempts=3, **options).call(Flaky(99, make))

        assert [error() for error in seen] == [None] * 6
    finally:
        gc.enable()


@given(st.integers(1, 6), st.integers(0, 8), st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8))
def test_attempts_and_pauses_stay_in_their_bounds(attempts: int, failures: int, chances: list[float]) -> None:
    pauses = Pauses()
    backoff = Backoff(0.1, 2, 1.0)
    chance = iter(chances)
    retry = Retry(attempts, backoff=backoff, block=pauses.block, random=lambda: next(chance))
    flaky = Flaky(failures)

    try:
        retry.call_sync(flaky.plain)
    except ConnectionError:
        assert failures >= attempts

    assert flaky.calls == min(attempts, failures + 1)
    assert len(pauses.seconds) == flaky.calls - 1
    assert all(0 <= pause <= backoff.ceiling(number) for number, pause in enumerate(pauses.seconds, start=1))
