"""One run for all who ask at the same time; no waiter hangs, whatever becomes of the one that runs."""

import asyncio
import gc
import random
import threading
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from hagworm.extend.asyncio.base.flight import Flights, ThreadFlights, apart
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual

name: ContextVar[str] = ContextVar("name", default="")


class Work:
    """A function that counts its runs, and ends when it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.begun = 0
        self.running = 0
        self.cancelled = 0
        self.go = asyncio.Event()

    async def __call__(self) -> list[str]:
        self.begun += 1
        self.running += 1

        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1

        if self.error is not None:
            raise self.error

        return [name.get()]


async def callers(flights: Flights[Any], work: Work, count: int) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(flights.run("key", work)) for _ in range(count)]
    await yield_now(2)
    return tasks


@pytest.mark.parametrize("detached", [False, True])
async def test_all_who_call_at_the_same_time_get_the_result_of_one_run(detached: bool) -> None:
    flights, work = Flights[Any](detached=detached), Work()
    tasks = await callers(flights, work, 50)
    work.go.set()
    results = await asyncio.gather(*tasks)
    assert work.begun == 1
    assert all(result is results[0] for result in results)
    assert not flights.flights
    assert flights.statistics().shared == 49


async def test_keys_do_not_share() -> None:
    flights = Flights[str]()

    async def work(key: str) -> str:
        await asyncio.sleep(0)
        return key

    results = await asyncio.gather(*(flights.run(key, work, key) for key in "aabbc"))
    assert results == list("aabbc")
    assert flights.statistics().runs == 3


@pytest.mark.parametrize("detached", [False, True])
async def test_p3_an_error_reaches_every_caller_as_an_object_of_its_own(detached: bool) -> None:
    """P3, 3B.20: when the leader failed, all followers hung for ever."""
    flights, work = Flights[Any](detached=detached), Work(OSError(2, "broken"))
    tasks = await callers(flights, work, 5)
    work.go.set()
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [(type(error), str(error)) for error in errors] == [(FileNotFoundError, "[Errno 2] broken")] * 5
    assert len({id(error) for error in errors}) == 5
    # A traceback tells where it was raised, and has grown by its own caller only.
    depths = [len(traceback.extract_tb(error.__traceback__)) for error in errors if isinstance(error, OSError)]
    assert max(depths) <= min(depths) + 4
    assert not flights.flights


async def test_a_cancelled_follower_hurts_nobody() -> None:
    flights, work = Flights[Any](), Work()
    leader, *followers = await callers(flights, work, 5)
    followers[1].cancel()
    await yield_now(2)
    work.go.set()
    assert len(await asyncio.gather(leader, followers[0], *followers[2:])) == 4
    assert work.begun == 1 and followers[1].cancelled()


async def test_p3_when_the_leader_is_cancelled_the_next_one_begins_and_nobody_hangs() -> None:
    """P3: a cancelled leader left all followers hanging."""
    flights, work = Flights[Any](), Work()
    leader, second, third, fourth = await callers(flights, work, 4)
    leader.cancel()
    await yield_now(3)
    assert (work.begun, work.running, work.cancelled) == (2, 1, 1)
    late = asyncio.create_task(flights.run("key", work))
    second.cancel()
    await yield_now(3)
    assert work.running == 1
    work.go.set()
    assert await asyncio.gather(third, fourth, late) == [[""]] * 3
    assert work.begun == 3
    assert flights.statistics().handed_over == 2
    assert repr(flights) == "<Flights 0 running, 0 waiting>"


async def test_one_that_is_to_take_over_and_is_cancelled_passes_it_on() -> None:
    flights, work = Flights[Any](), Work()
    leader, second, third = await callers(flights, work, 3)
    leader.cancel()
    await asyncio.sleep(0)  # the leader has handed over; the second one does not know yet
    second.cancel()
    work.go.set()
    assert await third == [""]
    assert second.cancelled() and work.begun == 2


async def test_when_all_are_cancelled_nothing_is_left() -> None:
    flights, work = Flights[Any](), Work()
    tasks = await callers(flights, work, 5)

    for task in tasks:
        task.cancel()

    await asyncio.gather(*tasks, return_exceptions=True)
    assert (work.running, flights.flights) == (0, {})


async def test_detached_a_cancelled_caller_does_not_end_the_run() -> None:
    flights, work = Flights[Any](detached=True), Work()
    first, second = await callers(flights, work, 2)
    first.cancel()
    await yield_now(3)
    assert (work.begun, work.running) == (1, 1)
    work.go.set()
    assert await second == [""]


async def test_p4_detached_when_nobody_waits_any_more_the_run_is_cancelled() -> None:
    """P4: when all waiters had been cancelled the work went on, owned by nobody."""
    flights, work = Flights[Any](detached=True), Work()
    tasks = await callers(flights, work, 3)

    for task in tasks:
        task.cancel()

    # Who comes now does not get into a run that is about to die.
    await yield_now(1)
    late = asyncio.create_task(flights.run("key", work))
    await yield_now(5)
    assert (work.begun, work.cancelled, work.running) == (2, 1, 1)
    work.go.set()
    assert await late == [""]
    assert not flights.flights


async def test_detached_a_run_that_is_cancelled_from_outside_leaves_nobody_hanging() -> None:
    flights, work = Flights[Any](detached=True), Work()
    tasks = await callers(flights, work, 3)
    leader = flights.flights["key"].leader
    assert leader is not None
    leader.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 3


async def test_detached_an_error_that_nobody_waits_for_goes_to_the_loop() -> None:
    flights = Flights[None](detached=True)
    loop = asyncio.get_running_loop()
    told: list[str] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("while cleaning up")

    task = asyncio.create_task(flights.run("key", work))
    await yield_now(3)
    task.cancel()
    await yield_now(5)
    loop.set_exception_handler(before)
    assert told == ["while cleaning up"]


async def test_the_leader_runs_in_its_own_context_and_without_a_task() -> None:
    flights = Flights[Any]()
    name.set("leader")

    async def work() -> Any:
        return name.get(), asyncio.current_task()

    assert await flights.run("key", work) == ("leader", asyncio.current_task())


async def test_detached_runs_in_a_context_that_is_nobody_s() -> None:
    flights, work = Flights[Any](detached=True), Work()
    work.go.set()
    name.set("caller")
    assert await flights.run("key", work) == [""]


@pytest.mark.parametrize("detached", [False, True])
async def test_a_function_that_calls_itself_with_the_same_key_does_not_wait_for_itself(detached: bool) -> None:
    flights = Flights[int](detached=detached)

    async def countdown(number: int) -> int:
        return 0 if not number else 1 + await flights.run("key", countdown, number - 1)

    assert await flights.run("key", countdown, 3) == 3


@pytest.mark.parametrize("detached", [False, True])
def test_each_caller_waits_its_own_time(detached: bool) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        flights = Flights[str](timeout=10, detached=detached)
        ended: list[tuple[str, float]] = []

        async def work() -> str:
            await asyncio.sleep(12)
            return "done"

        async def call(who: str) -> None:
            try:
                ended.append((await flights.run("key", work), loop.time()))
            except TimeoutError:
                ended.append((who, loop.time()))

        async with asyncio.TaskGroup() as group:
            group.create_task(call("first"))
            await asyncio.sleep(5)
            group.create_task(call("second"))
            await asyncio.sleep(2)
            group.create_task(call("third"))

        if detached:
            assert ended == [("first", 10), ("done", 12), ("done", 12)]
        else:
            # The run of the first one ends with it; the second one begins anew and has not enough time, nor the third.
            assert ended == [("first", 10), ("second", 15), ("third", 17)]

        assert not flights.flights

    run_virtual(main())


async def test_a_time_out_of_the_function_is_an_error_like_others() -> None:
    flights, work = Flights[Any](timeout=60), Work(TimeoutError("inside"))
    tasks = await callers(flights, work, 3)
    work.go.set()
    assert [str(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == ["inside"] * 3
    assert work.begun == 1


async def test_after_forgetting_the_next_caller_runs_itself_and_who_waits_gets_the_old_result() -> None:
    flights, old, new = Flights[Any](), Work(), Work(OSError("new"))
    tasks = await callers(flights, old, 2)
    assert flights.forget("key")
    assert not flights.forget("key")
    late = asyncio.create_task(flights.run("key", new))
    await yield_now(2)
    old.go.set()
    assert await asyncio.gather(*tasks) == [[""]] * 2
    assert list(flights.flights) == ["key"]
    new.go.set()

    with pytest.raises(OSError, match="new"):
        await late


def test_a_run_of_another_loop_is_not_waited_for() -> None:
    flights = Flights[int]()

    async def leave() -> None:
        asyncio.get_running_loop().create_task(flights.run("key", forever))
        await yield_now(2)
        assert flights.flights

    async def forever() -> int:
        await asyncio.Event().wait()
        return 0

    async def work() -> int:
        await asyncio.sleep(0)
        return 1

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    assert asyncio.run(flights.run("key", work)) == 1
    left = asyncio.all_tasks(loop)

    for task in left:
        task.cancel()

    loop.run_until_complete(asyncio.wait(left))
    loop.close()
    assert not flights.flights


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("timeout", [None, 60.0])
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_no_cancellation_leaves_anybody_hanging(detached: bool, timeout: float | None, place: int) -> None:
    flights = Flights[Any](detached=detached, timeout=timeout)
    others: list[asyncio.Task[Any]] = []

    async def work() -> int:
        await yield_now(3)
        return 7

    async def scene() -> None:
        others[:] = [asyncio.create_task(flights.run("key", work)) for _ in range(place)]
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(
            lambda: others.extend(asyncio.create_task(flights.run("key", work)) for _ in range(2))
        )
        assert await flights.run("key", work) == 7

    async def check() -> None:
        await yield_now()
        assert await asyncio.gather(*others) == [7] * len(others)
        assert not flights.flights

    await cancel_sweep(scene, check)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("detached", [False, True])
async def test_a_storm_of_cancellations_leaves_nobody_hanging(seed: int, detached: bool) -> None:
    chance = random.Random(seed)
    flights = Flights[int](detached=detached)
    running = 0

    async def work(key: int) -> int:
        nonlocal running
        running += 1

        try:
            await yield_now(chance.randrange(4))

            if chance.random() < 0.1:
                raise OSError(key)

            return key
        finally:
            running -= 1

    tasks = []

    for _ in range(300):
        key = chance.randrange(3)
        tasks.append((key, asyncio.create_task(flights.run(key, work, key))))

        if chance.random() < 0.4:
            tasks[chance.randrange(len(tasks))][1].cancel()

        await yield_now(chance.randrange(2))

    async with asyncio.timeout(10):
        results = await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)

    for (key, _), result in zip(tasks, results, strict=True):
        assert result == key or isinstance(result, OSError | asyncio.CancelledError)

    await yield_now(5)
    assert (running, flights.flights) == (0, {})


class Picky(Exception):
    """One that cannot be made from its args."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")
        self.one = one


class Named(Exception):
    """One with an attribute."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.name = text.upper()


def test_an_error_is_copied_with_all_it_has_or_not_at_all() -> None:
    try:
        try:
            raise ValueError("cause")
        except ValueError as cause:
            raise Named("text") from cause
    except Named as exc:
        error = exc

    error.add_note("a note")
    twin = apart(error)
    assert isinstance(twin, Named) and twin is not error
    assert (twin.name, twin.__cause__, twin.__notes__) == ("TEXT", error.__cause__, ["a note"])
    assert twin.__traceback__ is error.__traceback__
    picky = Picky(1, 2)
    assert apart(picky) is picky
    assert isinstance(apart(ExceptionGroup("group", [error])), ExceptionGroup)
    decoding = UnicodeDecodeError("utf-8", b"x", 0, 1, "bad")
    assert str(apart(decoding)) == str(decoding)


class ThreadWork:
    """A plain function that counts its runs, and ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = threading.Event()
        self.error: BaseException | None = None

    def __call__(self) -> int:
        self.begun += 1
        assert self.go.wait(10)

        if self.error is not None:
            error, self.error = self.error, None
            raise error

        return 7


def in_threads(
    function: Callable[[], Any], count: int, ready: Callable[[], bool]
) -> tuple[list[Any], Callable[[], None]]:
    results: list[Any] = []

    def work() -> None:
        try:
            results.append(function())
        except BaseException as exc:  # the thread's own end is what is looked at
            results.append(exc)

    threads = [threading.Thread(target=work) for _ in range(count)]

    for thread in threads:
        thread.start()

    end = time.monotonic() + 5

    while not ready() and time.monotonic() < end:
        time.sleep(0.001)

    def join() -> None:
        for thread in threads:
            thread.join(10)

    return results, join


def test_p5_threads_share_the_run_of_a_plain_function() -> None:
    """P5: a plain function gave None for a future."""
    flights, work = ThreadFlights[int](), ThreadWork()
    results, join = in_threads(lambda: flights.run("key", work), 5, lambda: flights.waiting == 4)
    assert repr(flights) == "<ThreadFlights 1 running, 4 waiting>"
    work.go.set()
    join()
    assert (results, work.begun, flights.flights) == ([7] * 5, 1, {})
    assert flights.statistics().shared == 4


@pytest.mark.parametrize(("error", "failures", "begun"), [(OSError("no"), 5, 1), (SystemExit(1), 1, 2)])
def test_threads_share_an_error_and_take_over_from_one_that_is_interrupted(
    error: BaseException, failures: int, begun: int
) -> None:
    flights, work = ThreadFlights[int](), ThreadWork()
    work.error = error
    results, join = in_threads(lambda: flights.run("key", work), 5, lambda: flights.waiting == 4)
    work.go.set()
    join()
    failed = [result for result in results if result != 7]
    assert (len(failed), work.begun) == (failures, begun)
    assert {type(result) for result in failed} == {type(error)}
    assert not flights.flights and not flights.waiting


def test_a_thread_waits_its_own_time() -> None:
    flights, work = ThreadFlights[int](timeout=0.01), ThreadWork()
    results, join = in_threads(lambda: flights.run("key", work), 1, lambda: bool(work.begun))

    with pytest.raises(TimeoutError):
        flights.run("key", work)

    work.go.set()
    join()
    assert results == [7]


def test_a_plain_function_that_calls_itself_does_not_wait_for_itself() -> None:
    flights = ThreadFlights[int]()

    def countdown(number: int) -> int:
        return 0 if not number else 1 + flights.run("key", countdown, number - 1)

    assert flights.run("key", countdown, 3) == 3
    assert not flights.forget("key")


async def test_nothing_is_kept_of_a_run() -> None:
    flights = Flights[Any]()

    class Result:
        pass

    async def work() -> Result:
        return Result()

    await flights.run("key", work)
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Result)]
