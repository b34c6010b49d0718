"""Only so many jobs at once, by priority and by name, whoever is cancelled."""

import asyncio
import contextvars
import gc
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hagworm.extend.asyncio.task import LimiterStatistics, RateLimiter
from hagworm.extend.error import DuplicateJob, HagwormError, JobRefused, Overloaded, ScheduleError
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual
from tests.extend.asyncio.task.clockwork import settle


class Gate:
    """Jobs that go on until the gate is opened, and how many do at once."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.inside = 0
        self.most = 0
        self.begun: list[Any] = []
        self.ended: list[Any] = []

    async def __call__(self, name: Any = None) -> Any:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.begun.append(name)

        try:
            await self.event.wait()
        finally:
            self.inside -= 1

        self.ended.append(name)
        return name

    def open(self) -> None:
        self.event.set()


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return number * 2


async def fail() -> None:
    raise ValueError("no")


async def test_so_many_run_at_once_and_the_others_follow_in_order() -> None:
    gate = Gate()

    async with RateLimiter(3) as limiter:
        jobs = [limiter.submit_nowait(gate, number) for number in range(10)]
        await settle()
        assert repr(limiter) == "<RateLimiter 3 running, 7 waiting, limit 3>"
        assert gate.begun == [0, 1, 2]
        gate.open()
        assert [await job for job in jobs] == list(range(10))

    assert gate.begun == list(range(10))
    assert gate.most == 3
    assert repr(limiter) == "<RateLimiter 0 running, 0 waiting, limit 3>"


async def test_results_and_errors_are_those_of_the_function() -> None:
    async with RateLimiter(2) as limiter:
        assert await limiter.call(double, 4) == 8
        assert await limiter.submit_nowait(double, 5) == 10
        assert await (await limiter.submit(double, 6)) == 12
        assert await limiter.call(lambda: "plain") == "plain"
        assert await limiter.submit_nowait(len, "abc") == 3

        with pytest.raises(ValueError, match="no"):
            await limiter.call(fail)

        with pytest.raises(ValueError, match="no"):
            await limiter.submit_nowait(fail)

        assert limiter.statistics() == LimiterStatistics(
            started=7,
            succeeded=5,
            failed=2,
            cancelled=0,
            refused=0,
            dropped=0,
            expired=0,
            running=0,
            waiting=0,
            limit=2,
        )


async def test_the_most_urgent_go_first_whether_submitted_or_called() -> None:
    gate = Gate()
    limiter = RateLimiter(1)
    first = limiter.submit_nowait(gate, "first")
    calls = [
        asyncio.create_task(limiter.call(gate, name, priority=priority))
        for name, priority in [("b5", 5), ("c0", 0), ("d5", 5)]
    ]
    await settle()
    limiter.submit_nowait(gate, "e0")
    limiter.submit_nowait(gate, "f-1", priority=-1)
    gate.open()
    await asyncio.gather(first, *calls)
    await limiter.aclose()

    assert gate.begun == ["first", "f-1", "c0", "e0", "b5", "d5"]


async def test_a_call_does_not_overtake_who_waits() -> None:
    gate = Gate()
    limiter = RateLimiter(1)
    first = limiter.submit_nowait(gate, 1)
    second = limiter.submit_nowait(gate, 2)
    await settle()
    gate.open()
    await first
    assert await limiter.call(gate, 3) == 3
    await second

    assert gate.begun == [1, 2, 3]


async def test_q8_a_place_is_free_when_the_work_has_ended_not_when_it_is_cancelled() -> None:
    """Q8: cancelling handles freed their places at once, so that a limiter of one ran four."""
    going_on = most = 0
    let_go = asyncio.Event()

    async def stubborn() -> None:
        nonlocal going_on, most
        going_on += 1
        most = max(most, going_on)

        try:
            await asyncio.Event().wait()
        finally:
            await let_go.wait()
            going_on -= 1

    limiter = RateLimiter(1)
    jobs = [limiter.submit_nowait(stubborn) for _ in range(4)]
    await settle()

    for job in jobs:
        job.cancel()

    await settle()
    assert (most, going_on, limiter.running) == (1, 1, 1)
    another = limiter.submit_nowait(double, 1)
    await settle()
    assert not another.done()
    let_go.set()
    assert await another == 2
    assert all(job.cancelled() for job in jobs)
    assert most == 1


async def test_q11_nobody_looks_at_the_arguments_of_a_job(caplog: pytest.LogCaptureFixture) -> None:
    """Q11: each one was spelled out for the log, which took its time and told secrets."""

    class Card:
        def __repr__(self) -> str:
            raise AssertionError("spelled out")

    async def charge(card: Card, fail: bool) -> int:
        if fail:
            raise ValueError("declined")

        return 1

    with caplog.at_level("DEBUG"):
        async with RateLimiter(1, queue=1) as limiter:
            assert await limiter.call(charge, Card(), False) == 1
            job = limiter.submit_nowait(charge, Card(), True)
            other = limiter.submit_nowait(charge, Card(), False)

            with pytest.raises(Overloaded):
                limiter.submit_nowait(charge, Card(), False)

            assert "spelled out" not in f"{limiter} {job}"

            with pytest.raises(ValueError, match="declined"):
                await job

            assert await other == 1

    assert "Card" not in caplog.text


async def test_q9_a_job_that_is_cancelled_in_the_queue_does_not_run() -> None:
    """Q9: it ran nevertheless, and cancelled handles killed the consumer."""
    gate = Gate()

    async with RateLimiter(1) as limiter:
        limiter.submit_nowait(gate, 1)
        job = limiter.submit_nowait(gate, 2)
        call = asyncio.create_task(limiter.call(gate, 3))
        await settle()
        assert job.cancel()
        assert (limiter.waiting, job.cancelled(), job.cancel()) == (1, True, False)
        call.cancel()
        await settle()
        assert limiter.waiting == 0
        gate.open()
        assert await limiter.call(gate, 4) == 4

    assert gate.begun == [1, 4]


async def test_a_job_that_is_cancelled_before_its_first_step_leaves_its_place() -> None:
    gate = Gate()

    async with RateLimiter(1) as limiter:
        job = limiter.submit_nowait(gate, 1)
        assert (job.state, job.cancel(), job.done()) == ("running", True, False)

        with pytest.raises(asyncio.CancelledError):
            await job

        assert (gate.begun, limiter.running, job.state) == ([], 0, "cancelled")
        assert limiter.statistics().started == 0
        gate.open()
        assert await limiter.call(gate, 2) == 2


async def test_who_awaits_a_job_and_is_cancelled_cancels_it_and_waits_for_its_end() -> None:
    steps: list[str] = []

    async def body() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("clean")

    async with RateLimiter(1) as limiter:
        job = limiter.submit_nowait(body)

        async def wait() -> None:
            try:
                await job
            finally:
                steps.append("after")

        waiter = asyncio.create_task(wait())
        await settle()
        waiter.cancel()
        await settle()

    assert steps == ["clean", "after"]
    assert limiter.statistics().cancelled == 1


async def test_a_job_can_swallow_its_cancellation_and_return() -> None:
    async def body() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "nevertheless"

        return ""

    async with RateLimiter(1) as limiter:
        job = limiter.submit_nowait(body)
        await settle()
        job.cancel()

        assert await job == "nevertheless"


async def test_a_full_queue_refuses_at_once_what_does_not_wait() -> None:
    """Q7: the default was without bound, and a refusal was None."""
    gate = Gate()

    async with RateLimiter(1, queue=2) as limiter:
        for number in range(3):
            limiter.submit_nowait(gate, number)

        with pytest.raises(Overloaded, match="1 jobs run and 2 wait"):
            limiter.submit_nowait(gate, 3)

        assert limiter.statistics().refused == 1
        gate.open()

    assert gate.ended == [0, 1, 2]
    assert RateLimiter(1).queue == 1024


async def test_senders_wait_for_room_in_order() -> None:
    gate = Gate()

    async with RateLimiter(1, queue=1) as limiter:
        senders = [asyncio.create_task(limiter.submit(gate, number)) for number in range(5)]
        caller = asyncio.create_task(limiter.call(gate, 5))
        await settle()
        assert [sender.done() for sender in senders] == [True, True, False, False, False]
        assert (limiter.running, limiter.waiting) == (1, 1)
        gate.open()
        assert await caller == 5
        assert [await sender.result() for sender in senders] == list(range(5))

    assert gate.begun == list(range(6))


async def test_a_sender_that_waits_keeps_its_place_in_the_row_when_another_is_faster() -> None:
    gate = Gate()

    async with RateLimiter(1, queue=0) as limiter:
        limiter.submit_nowait(gate, 0)
        senders = [asyncio.create_task(limiter.submit(gate, number)) for number in (1, 2)]
        await settle()
        gate.open()

        while limiter.running:
            await asyncio.sleep(0)

        limiter.submit_nowait(gate, "fast")
        await asyncio.gather(*senders)
        await limiter.join()

    assert gate.begun == [0, "fast", 1, 2]


async def test_or_everybody_is_refused() -> None:
    gate = Gate()

    async with RateLimiter(1, queue=0, full="raise") as limiter:
        limiter.submit_nowait(gate)

        with pytest.raises(Overloaded):
            await limiter.submit(gate)

        with pytest.raises(Overloaded):
            await limiter.call(gate)

        assert limiter.statistics().refused == 2
        gate.open()


async def test_or_the_oldest_of_the_least_urgent_makes_room() -> None:
    gate = Gate()

    async with RateLimiter(1, queue=2, full="drop_oldest") as limiter:
        limiter.submit_nowait(gate, 0)
        old = limiter.submit_nowait(gate, "old", priority=1)
        call = asyncio.create_task(limiter.call(gate, "call", priority=1))
        await settle()
        limiter.submit_nowait(gate, "new", priority=1)

        with pytest.raises(Overloaded, match="dropped"):
            await old

        limiter.submit_nowait(gate, "urgent")

        with pytest.raises(Overloaded, match="dropped"):
            await call

        with pytest.raises(Overloaded, match="no room"):
            limiter.submit_nowait(gate, "idle", priority=2)

        assert (limiter.statistics().dropped, limiter.statistics().refused) == (2, 1)
        gate.open()

    assert gate.ended == [0, "urgent", "new"]


async def test_waiting_and_running_have_times_of_their_own() -> None:
    """Q7, Q9: one number stood for three, and was looked at when an item left the queue."""
    gate = Gate()

    async with RateLimiter(1, queue_timeout=0.01) as limiter:
        limiter.submit_nowait(gate, 1)
        job = limiter.submit_nowait(gate, 2)

        with pytest.raises(Overloaded, match="waited for 0.01 seconds"):
            await limiter.call(gate, 3)

        with pytest.raises(Overloaded, match="waited for 0.01 seconds"):
            await job

        assert (limiter.statistics().expired, limiter.waiting, limiter.running) == (2, 0, 1)
        gate.open()

    async with RateLimiter(1, timeout=0.01) as limiter:
        forever = Gate()

        for work in (limiter.call(forever), limiter.submit_nowait(forever)):
            with pytest.raises(TimeoutError):
                await work

        assert (limiter.statistics().failed, limiter.running) == (2, 0)


def test_what_got_its_turn_in_time_is_not_ended_by_the_time_to_wait() -> None:
    async def work(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    async def main() -> None:
        async with RateLimiter(1, queue_timeout=10.0) as limiter:
            first = limiter.submit_nowait(work, 9.0)
            second = asyncio.create_task(limiter.call(work, 60.0))
            await asyncio.sleep(1)
            third = limiter.submit_nowait(work, 1.0)
            assert (await first, await second) == (9.0, 60.0)

            with pytest.raises(Overloaded, match="waited for 10 seconds"):
                await third

    run_virtual(main())


async def test_the_limit_can_be_changed_while_jobs_wait() -> None:
    """Q6: setting it raised TypeError."""
    gate = Gate()
    limiter = RateLimiter(1)
    jobs = [limiter.submit_nowait(gate, number) for number in range(5)]
    await settle()
    limiter.limit = 3
    await settle()
    assert (gate.inside, limiter.limit) == (3, 3)
    limiter.limit = 1
    jobs[0].cancel()
    await settle()
    assert gate.inside == 2, "what runs goes on"
    gate.open()
    await limiter.aclose()

    assert gate.ended == [1, 2, 3, 4]


async def test_the_queue_can_be_changed_while_senders_wait() -> None:
    gate = Gate()

    async with RateLimiter(1, queue=0) as limiter:
        limiter.submit_nowait(gate, 0)
        senders = [asyncio.create_task(limiter.submit(gate, number)) for number in (1, 2, 3)]
        await settle()
        limiter.queue = 2
        await settle()
        assert [sender.done() for sender in senders] == [True, True, False]
        gate.open()
        await asyncio.gather(*senders)

    assert limiter.queue == 2
    assert gate.ended == [0, 1, 2, 3]


async def test_a_name_is_taken_once() -> None:
    gate = Gate()

    async with RateLimiter(1) as limiter:
        job = limiter.submit_nowait(gate, 1, name="sync")
        waiting = limiter.submit_nowait(gate, 2, name="mail")
        assert (repr(job), repr(waiting)) == ("<Job sync, running>", "<Job mail, waiting>")

        for name in ("sync", "mail"):
            with pytest.raises(DuplicateJob, match=name) as caught:
                limiter.submit_nowait(gate, 3, name=name)

            assert caught.value.name == name

        with pytest.raises(DuplicateJob):
            await limiter.call(gate, 3, name="mail")

        gate.open()
        await waiting
        assert await limiter.call(gate, 4, name="mail") == 4
        assert limiter.statistics().refused == 3


async def test_or_the_job_that_is_there_stands_for_it() -> None:
    gate = Gate()

    async with RateLimiter(1, duplicate="skip") as limiter:
        job = limiter.submit_nowait(gate, 1, name="sync")
        assert limiter.submit_nowait(gate, 2, name="sync") is job
        assert await limiter.submit(gate, 2, name="sync") is job
        call = asyncio.create_task(limiter.call(gate, 3, name="sync"))
        await settle()
        gate.open()
        assert await call == 1

    assert gate.begun == [1]


async def test_callers_of_a_name_share_one_run_until_the_last_of_them_leaves() -> None:
    gate = Gate()

    async with RateLimiter(1, duplicate="skip") as limiter:
        calls = [asyncio.create_task(limiter.call(gate, number, name="sync")) for number in range(3)]
        await settle()
        calls[0].cancel()
        await settle()
        assert (gate.inside, limiter.running) == (1, 1)
        calls[1].cancel()
        calls[2].cancel()
        await settle()
        assert (gate.inside, limiter.running) == (0, 0)
        assert all(call.cancelled() for call in calls)

    assert limiter.statistics().cancelled == 1


async def test_a_run_that_somebody_has_in_hand_goes_on_without_its_callers() -> None:
    gate = Gate()

    async with RateLimiter(1, duplicate="skip") as limiter:
        job = limiter.submit_nowait(gate, 1, name="sync")
        call = asyncio.create_task(limiter.call(gate, 2, name="sync"))
        await settle()
        call.cancel()
        await settle()
        gate.open()

        assert await job == 1


@pytest.mark.parametrize("limit", [1, 2])
async def test_or_it_takes_the_place_of_the_one_that_is_there(limit: int) -> None:
    going_on: list[int] = []
    steps: list[str] = []

    async def body(number: int) -> int:
        assert not going_on, "never two of a name"
        going_on.append(number)

        try:
            await asyncio.sleep(0 if number == 3 else 60)
        finally:
            await asyncio.sleep(0)
            going_on.remove(number)
            steps.append(f"end of {number}")

        return number

    async with RateLimiter(limit, duplicate="replace") as limiter:
        first = limiter.submit_nowait(body, 1, name="sync")
        await settle()
        second = limiter.submit_nowait(body, 2, name="sync")
        third = limiter.submit_nowait(body, 3, name="sync")

        assert await third == 3
        assert first.cancelled()
        assert second.cancelled()

    assert steps == ["end of 1", "end of 3"]


async def test_a_job_waits_for_all_its_namesakes_that_have_not_ended() -> None:
    """The second is cancelled while it waits for the first: the third must wait for the first as well."""
    let_go = asyncio.Event()
    steps: list[str] = []

    async def slow_to_leave() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await let_go.wait()
            steps.append("first has ended")

    async def body(name: str) -> None:
        steps.append(name)

    async with RateLimiter(3, duplicate="replace") as limiter:
        limiter.submit_nowait(slow_to_leave, name="sync")
        await settle()
        second = limiter.submit_nowait(body, "second", name="sync")
        await settle()
        third = limiter.submit_nowait(body, "third", name="sync")
        await settle()
        assert (second.cancelled(), third.done(), steps) == (True, False, [])
        let_go.set()
        await third

    assert steps == ["first has ended", "third"]


async def test_who_comes_while_a_shared_run_is_being_cancelled_gets_a_run_of_its_own() -> None:
    let_go = asyncio.Event()
    begun: list[int] = []

    async def body(number: int) -> int:
        begun.append(number)

        if number == 1:
            try:
                await asyncio.Event().wait()
            finally:
                await let_go.wait()

        return number

    async with RateLimiter(3, duplicate="skip") as limiter:
        first = asyncio.create_task(limiter.call(body, 1, name="sync"))
        await settle()
        first.cancel()
        await settle()
        second = asyncio.create_task(limiter.call(body, 2, name="sync"))
        third = asyncio.create_task(limiter.call(body, 3, name="sync"))
        await settle()
        assert begun == [1]
        let_go.set()
        assert (await second, await third) == (2, 2)

    assert first.cancelled()
    assert begun == [1, 2]


async def test_a_job_in_a_full_queue_gives_its_place_to_its_namesake() -> None:
    gate = Gate()

    async with RateLimiter(1, queue=1, duplicate="replace") as limiter:
        limiter.submit_nowait(gate, 0)
        old = limiter.submit_nowait(gate, 1, name="sync")
        new = limiter.submit_nowait(gate, 2, name="sync")
        assert (old.cancelled(), limiter.waiting) == (True, 1)

        with pytest.raises(Overloaded):
            limiter.submit_nowait(gate, 3)

        gate.open()
        assert await new == 2


async def test_where_there_is_no_room_for_a_namesake_the_running_job_goes_on() -> None:
    gate = Gate()

    async with RateLimiter(1, queue=0, duplicate="replace") as limiter:
        job = limiter.submit_nowait(gate, 1, name="sync")

        with pytest.raises(Overloaded):
            limiter.submit_nowait(gate, 2, name="sync")

        gate.open()
        assert await job == 1


async def test_a_caller_whose_run_is_replaced_is_told_and_not_cancelled() -> None:
    gate = Gate()

    async with RateLimiter(1, duplicate="replace") as limiter:
        call = asyncio.create_task(limiter.call(gate, 1, name="sync"))
        await settle()
        limiter.submit_nowait(gate, 2, name="sync")

        with pytest.raises(JobRefused, match="'sync' has been cancelled or replaced"):
            await call

        assert call.cancelling() == 0
        gate.open()


async def test_closing_waits_for_all_that_was_taken() -> None:
    gate = Gate()
    limiter = RateLimiter(1)
    jobs = [limiter.submit_nowait(gate, number) for number in range(3)]
    call = asyncio.create_task(limiter.call(gate, 3))
    await settle()
    closing = asyncio.create_task(limiter.aclose())
    await settle()

    with pytest.raises(JobRefused, match="closed"):
        limiter.submit_nowait(gate)

    with pytest.raises(JobRefused, match="closed"):
        await limiter.submit(gate)

    with pytest.raises(JobRefused, match="closed"):
        await limiter.call(gate)

    gate.open()
    await closing
    await limiter.aclose()

    assert [await job for job in jobs] == [0, 1, 2]
    assert await call == 3


async def test_closing_refuses_who_waits_for_room() -> None:
    gate = Gate()
    limiter = RateLimiter(1, queue=0)
    limiter.submit_nowait(gate, 0)
    waiting: list[Awaitable[Any]] = [
        asyncio.create_task(limiter.submit(gate, 1)),
        asyncio.create_task(limiter.call(gate, 2)),
    ]
    await settle()
    closing = asyncio.create_task(limiter.aclose())

    for sender in waiting:
        with pytest.raises(JobRefused, match="closed"):
            await sender

    gate.open()
    await closing

    assert gate.begun == [0]


async def test_closing_in_a_given_time_cancels_the_rest_and_leaves_callers_their_own() -> None:
    gate = Gate()
    limiter = RateLimiter(2)
    called = asyncio.create_task(limiter.call(gate, "called"))
    await settle()
    running = limiter.submit_nowait(gate, "running")
    waiting = limiter.submit_nowait(gate, "waiting", name="waiting")
    waiting_call = asyncio.create_task(limiter.call(gate, "waiting call"))
    await settle()
    await limiter.aclose(0.001)

    assert running.cancelled()
    assert waiting.cancelled()
    assert (limiter.running, limiter.waiting, gate.inside) == (1, 0, 1)

    with pytest.raises(JobRefused, match="closed"):
        await waiting_call

    gate.open()
    assert await called == "called"


async def test_an_error_in_the_block_ends_its_jobs() -> None:
    gate = Gate()

    with pytest.raises(ValueError, match="no"):
        async with RateLimiter(1) as limiter:
            limiter.submit_nowait(gate)
            await settle()
            raise ValueError("no")

    assert (gate.inside, limiter.running) == (0, 0)


async def test_a_close_that_is_cancelled_cancels_the_jobs() -> None:
    gate = Gate()
    limiter = RateLimiter(1)
    limiter.submit_nowait(gate)
    closing = asyncio.create_task(limiter.aclose())
    await settle()
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await limiter.join()

    assert gate.inside == 0


async def test_a_job_sees_the_variables_of_its_sender_and_keeps_its_own_to_itself() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    seen: list[str] = []

    async def body() -> None:
        seen.append(variable.get())
        variable.set("the job")

    async with RateLimiter(1) as limiter:
        for name in ("a", "b", "c"):
            variable.set(name)
            limiter.submit_nowait(body)

        variable.set("after")

    assert seen == ["a", "b", "c"]
    assert variable.get() == "after"


async def test_an_error_that_nobody_asks_for_reaches_the_loop(event_errors: list[dict[str, Any]]) -> None:
    async with RateLimiter(1) as limiter:
        limiter.submit_nowait(fail)

    gc.collect()

    assert [str(context["exception"]) for context in event_errors] == ["no"]


@pytest.fixture
async def event_errors(_loop_watch: None) -> Any:
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    yield errors
    loop.set_exception_handler(handler)


@pytest.mark.parametrize(
    "options", [{"limit": 0}, {"limit": 1, "queue": -1}, {"limit": 1, "full": "drop"}, {"limit": 1, "duplicate": "x"}]
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises((ValueError, ScheduleError)):
        RateLimiter(options.pop("limit"), **options)


def test_no_limit_below_one_can_be_set() -> None:
    limiter = RateLimiter(1)

    with pytest.raises(ValueError, match="from 1"):
        limiter.limit = 0

    with pytest.raises(ValueError, match="from 0"):
        limiter.queue = -1


def test_a_refusal_is_an_error_of_the_one_tree() -> None:
    assert issubclass(Overloaded, JobRefused)
    assert issubclass(DuplicateJob, JobRefused)
    assert issubclass(JobRefused, HagwormError)


Use = Callable[[RateLimiter], Awaitable[Any]]


async def use_call(limiter: RateLimiter) -> None:
    await limiter.call(double, 1)


async def use_named(limiter: RateLimiter) -> None:
    await limiter.call(double, 1, name="sync")


async def use_submit(limiter: RateLimiter) -> None:
    job = await limiter.submit(double, 1)

    try:
        await job
    finally:
        job.cancel()


async def use_join(limiter: RateLimiter) -> None:
    job = await limiter.submit(double, 1)

    try:
        await limiter.join()
    finally:
        job.cancel()


@pytest.mark.parametrize("use", [use_call, use_named, use_submit, use_join])
@pytest.mark.parametrize("others", [0, 1, 2])
@pytest.mark.parametrize("duplicate", ["raise", "skip", "replace"])
async def test_a_cancellation_anywhere_leaves_no_place_taken(use: Use, others: int, duplicate: Any) -> None:
    """Others run, wait in the queue, and wait for room in it."""
    limiter = RateLimiter(1, queue=1, duplicate=duplicate, queue_timeout=60.0)

    async def run() -> None:
        rest = [asyncio.create_task(limiter.call(double, number)) for number in range(others)]

        try:
            await asyncio.sleep(0)
            await use(limiter)
        finally:
            await asyncio.gather(*rest)

    async def check() -> None:
        async with asyncio.timeout(5):
            await limiter.join()

        assert (limiter.running, limiter.waiting, len(limiter.jobs)) == (0, 0, 0)
        assert (limiter.named, list(limiter.row.waiters), limiter.for_rest) == ({}, [], [])
        assert await limiter.call(double, 2) == 4

    sweep = await cancel_sweep(run, check, moments=("waiting", "woken"))

    assert sweep.suspensions > 1


@pytest.mark.parametrize("seed", range(8))
async def test_whoever_is_cancelled_nothing_is_lost_and_the_limit_holds(seed: int) -> None:
    chance = random.Random(seed)
    limiter = RateLimiter(3, queue=5, duplicate=chance.choice(["raise", "skip", "replace"]))
    inside = most = ran = 0

    async def body() -> None:
        nonlocal inside, most, ran
        inside += 1
        most = max(most, inside)

        try:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            inside -= 1

        ran += 1

    async def one() -> None:
        name = chance.choice([None, None, "a", "b"])
        priority = chance.randrange(3)

        try:
            match chance.randrange(3):
                case 0:
                    await limiter.call(body, priority=priority, name=name)
                case 1:
                    await (await limiter.submit(body, priority=priority, name=name))
                case _:
                    limiter.submit_nowait(body, priority=priority, name=name)
        except JobRefused:
            return

    tasks = [asyncio.create_task(one()) for _ in range(300)]

    for _ in range(400):
        await asyncio.sleep(0)

        if chance.random() < 0.5:
            chance.choice(tasks).cancel()

        if chance.random() < 0.02:
            limiter.limit = chance.randrange(1, 4)

    await asyncio.wait(tasks)
    await limiter.aclose()
    statistics = limiter.statistics()

    assert (limiter.running, limiter.waiting, inside, limiter.named) == (0, 0, 0, {})
    assert most <= 3
    assert statistics.succeeded == ran
    assert statistics.started == statistics.succeeded + statistics.failed + statistics.cancelled
