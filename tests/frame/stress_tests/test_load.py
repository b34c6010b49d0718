"""Laws of the load: what a plan says is sent, what the server counts is what we count, and nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hagworm.frame.stress_tests.crew import lead
from hagworm.frame.stress_tests.figures import Line
from hagworm.frame.stress_tests.order import Order, Request
from hagworm.frame.stress_tests.plan import Closed, Open, Plan, Stage, Think
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.target import parse_target, reach
from tests.frame.stress_tests.server import MIX, started

Counters = Callable[[], dict[str, Any]]
SCENARIOS = str(Path(__file__).with_name("scenarios.py"))


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Counters]]:
    with started() as found:
        yield found


@pytest.fixture
def count(server: tuple[str, Counters]) -> Callable[[str], int]:
    """Return how much a counter has grown since the test began."""
    _, counters = server
    before = counters()
    return lambda name: counters().get(name, 0) - before.get(name, 0)


@pytest.fixture
async def send(server: tuple[str, Counters]) -> AsyncIterator[Callable[..., Any]]:
    """Return what carries out an order, in this process unless told otherwise."""
    url, _ = server

    async def run(
        path: str, plan: Plan, *, processes: int = 0, stop: Any = None, watch: Any = None, **fields: Any
    ) -> Result:
        target = parse_target(url + path)
        order = Order(target, reach(target, mine=False), plan, **{"timeout": 5.0, **fields})
        return await lead(order, processes=processes, stop=stop, watch=watch)

    yield run


def steady(rate: float, seconds: float = 0.5, **others: Any) -> Open:
    return Open((Stage(seconds, rate, rate),), **others)


def only(result: Result) -> Line:
    (line,) = result.figures.lines
    return line


MODELS = pytest.mark.parametrize("plan", [steady(200), Closed(4, 0.3)], ids=["open", "closed"])


@MODELS
@pytest.mark.parametrize("processes", [0, 1, 2])
async def test_what_the_server_counts_is_what_we_count(send: Any, count: Any, plan: Plan, processes: int) -> None:
    result = await send("/ok", plan, processes=processes)
    line = only(result)

    assert line.name == "GET /ok"
    assert (line.successes, line.failures) == (count("received"), ())
    assert result.figures.iterations.started == result.figures.iterations.finished == line.count
    assert sum(interval.successes for interval in result.figures.series.intervals) == line.count
    assert line.service.count == line.count
    assert (result.run.processes, result.run.lost, result.run.ended) == (max(1, processes), (), "complete")

    if isinstance(plan, Open):
        assert line.count == plan.arrivals_planned == line.response.count


@MODELS
@pytest.mark.parametrize("scenarios", [(), (f"{SCENARIOS}:Mixed",)], ids=["fixed", "scenario"])
async def test_aborted_connections_are_counted_with_their_reason(
    send: Any, count: Any, plan: Plan, scenarios: tuple[str, ...]
) -> None:
    result = await send("/mix", plan, scenarios=scenarios)
    line = only(result)
    failures = dict(line.failures)
    resets = {reason: number for reason, number in failures.items() if "before the answer" in reason}

    assert line.count == count("received")
    assert line.successes == count("ok") + count("chunked") + count("close")
    assert failures["status 503"] == count("error")
    assert failures["connection closed in the middle of the answer"] == count("half")
    assert sum(resets.values()) == count("abort") + count("reset")
    assert sum(number for reason, number in resets.items() if "reset" in reason) == count("reset")
    assert line.failed.count == line.failed_count > 0
    assert count("received") >= len(MIX)


async def test_every_byte_on_the_wire_is_counted(send: Any, count: Any) -> None:
    line = only(await send("/ok", steady(100)))

    assert line.sent == 50 * len(Request().to_bytes(parse_target("http://127.0.0.1:12345/ok")))
    assert line.received == 50 * len(
        "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, world!"
    )


async def test_a_warm_up_is_sent_and_not_counted(send: Any, count: Any) -> None:
    result = await send("/ok", steady(100, warm_up=0.5))

    assert (result.figures.warm_up, only(result).count, count("received")) == (50, 50, 100)


async def test_an_answer_that_never_comes_is_a_timeout_and_not_a_wait(send: Any, count: Any) -> None:
    result = await send("/never", steady(40), timeout=0.3)
    line = only(result)

    assert line.failures == (("no answer within 0.3 s", 20),)
    assert count("received") == 20
    assert line.service.lowest >= 0.3


async def test_what_waits_for_a_place_is_late_and_says_so(send: Any, count: Any) -> None:
    """Two places, answers in 200 ms: ten a second are possible; the fifteen of the first tenth wait for up to 1.4 s."""
    result = await send("/slow", steady(150, 0.1), places=2)
    line = only(result)

    assert line.count == count("received") == 15
    assert result.figures.iterations.held >= 12
    assert line.service.percentile(50) == pytest.approx(0.2, abs=0.15)
    assert line.response.highest > 1.2
    assert any("all 2 places were taken" in note for note in result.run.notes)


async def test_what_never_got_a_place_was_missed(send: Any, count: Any) -> None:
    result = await send("/never", steady(100, 0.2), places=1, timeout=0.5)
    iterations = result.figures.iterations

    assert iterations.missed + iterations.finished == 20
    assert iterations.started == count("received") < 20
    assert any("never happened" in note for note in result.run.notes)


async def test_what_is_no_http_is_counted_as_that(send: Any) -> None:
    line = only(await send("/garbage", steady(20)))

    assert line.failures == (("not HTTP/1.1", 10),)


async def test_a_refused_connection_is_counted_and_tried_again_later(send: Any, server: Any) -> None:
    """The port of a server that is gone: reached once, then nobody listens."""
    url, _ = server
    target = parse_target(url + "/ok")
    plan = Closed(2, 0.5)
    line = only(await lead(Order(target, ("127.0.0.1", 1), plan), processes=0))

    assert line.failures == (("no connection: Connection refused", line.count),)
    assert 2 <= line.count <= 2 * 6


@pytest.mark.parametrize(("expect", "failed"), [((), True), ((503,), False), ((200,), True)])
async def test_a_status_is_a_failure_unless_it_is_expected(send: Any, expect: tuple[int, ...], failed: bool) -> None:
    line = only(await send("/error", steady(20), request=Request(expect=expect)))

    assert dict(line.failures) == ({"status 503": 10} if failed else {})


async def test_a_request_with_a_body_is_sent_whole(send: Any, count: Any) -> None:
    request = Request("POST", (("X-Test", "1"),), b"x" * 1000)

    assert only(await send("/ok", steady(20), request=request)).successes == count("received") == 10


async def test_users_think(send: Any, count: Any) -> None:
    result = await send("/ok", Closed(2, 0.5, think=Think(10, 10)))

    assert only(result).count == count("received") == 2


@pytest.mark.parametrize("processes", [0, 2])
@pytest.mark.parametrize("scenarios", [(), (f"{SCENARIOS}:Slow",)], ids=["fixed", "scenario"])
async def test_stopped_it_says_what_it_has(send: Any, count: Any, processes: int, scenarios: tuple[str, ...]) -> None:
    stop = asyncio.Event()
    result = await send(
        "/slow",
        Closed(4, 60),
        processes=processes,
        stop=stop,
        scenarios=scenarios,
        watch=lambda figures, seconds: stop.set(),
    )
    iterations = result.figures.iterations

    assert result.run.ended == "interrupted"
    assert result.run.seconds < 30
    assert iterations.started == iterations.finished + iterations.unfinished == count("received"), result.run
    assert only(result).count == iterations.finished


async def test_a_process_that_is_killed_is_named_and_what_it_had_started_is_known(server: Any, count: Any) -> None:
    from hagworm.frame.stress_tests.crew import Crew

    url, _ = server
    target = parse_target(url + "/ok")
    order = Order(target, reach(target, mine=False), steady(100, 3))
    reported = asyncio.Event()

    async with Crew(order, 2, watch=lambda figures, seconds: reported.set()) as crew:
        running = asyncio.create_task(crew.run())
        await reported.wait()
        crew.hands[0].process.kill()
        result = await running

    assert len(result.run.lost) == 1
    assert "lost" in result.run.notes[0]
    assert 150 <= only(result).count < 300
    assert only(result).count + result.figures.iterations.unfinished == count("received")


async def test_x6_one_process_reports_what_it_did(send: Any) -> None:
    """4.1 printed an empty table, and with one process started no reporter at all."""
    assert only(await send("/ok", steady(50), processes=1)).count == 25


async def test_x7_one_run_leaves_another_alone(send: Any, count: Any) -> None:
    """X7: in 5.11 two runs on one machine shared a socket with a known name."""
    left, right = await asyncio.gather(send("/ok", steady(50), processes=1), send("/ok", steady(70), processes=1))

    assert (only(left).count, only(right).count, count("received")) == (25, 35, 60)


async def test_memory_stays_where_it_is_while_a_schedule_is_behind(send: Any) -> None:
    """A hundred thousand starts are due within a tenth of a second; none of them is kept anywhere."""
    import tracemalloc

    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, stop.set)
    tracemalloc.start()

    try:
        result = await send("/never", steady(1_000_000, 0.1), places=4, stop=stop)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert result.figures.iterations.missed == 100_000 - 4
    assert peak < 2 * 1024 * 1024
