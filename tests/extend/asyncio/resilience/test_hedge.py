"""The first answer wins, the losers are gone before it is given, and no more copies are sent than may be."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hagworm.extend.asyncio.resilience.hedge import Hedge
from hagworm.extend.error import DefinitionError
from hagworm.extend.resilience.budget import RetryBudget
from hagworm.testing.sweep import cancel_sweep
from hagworm.testing.virtual_time import run_virtual


class Server:
    """Answers after so many seconds, one number per call; a string is the error that it raises then."""

    def __init__(self, *script: tuple[float, str]) -> None:
        self.script = list(script)
        self.calls = 0
        self.running = 0
        self.cancelled: list[int] = []

    async def __call__(self) -> str:
        number = self.calls
        self.calls += 1
        self.running += 1
        seconds, answer = self.script[number]

        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            self.running -= 1

        if answer.startswith("!"):
            raise (ValueError if "value" in answer else ConnectionError)(answer)

        return answer


def race(server: Server, *, lasts: float, **options: Any) -> tuple[Hedge, Any]:
    """Call through a hedge on virtual time; check how long it took and that nothing was left."""

    async def main() -> tuple[Hedge, Any]:
        loop = asyncio.get_running_loop()
        hedge = Hedge(**{"delay": 1.0, **options})
        answer: Any

        try:
            answer = await hedge.call(server)
        except Exception as error:
            answer = str(error)

        assert loop.time() == pytest.approx(lasts)
        assert server.running == 0
        return hedge, answer

    return run_virtual(main())


def test_a_quick_answer_needs_no_copy() -> None:
    server = Server((0.5, "a"))
    hedge, answer = race(server, lasts=0.5)

    assert (answer, server.calls, hedge.hedged) == ("a", 1, 0)


def test_a_slow_one_is_sent_again_and_the_first_answer_wins() -> None:
    server = Server((10, "slow"), (0.2, "quick"))
    hedge, answer = race(server, lasts=1.2)

    assert (answer, server.cancelled) == ("quick", [0])
    assert hedge.statistics() == {"delay": 1.0, "hedged": 1, "won": 1}
    assert repr(hedge) == "<Hedge after 1 s, 1 copies sent, 1 won>"


def test_the_first_may_still_win() -> None:
    server = Server((1.5, "first"), (10, "copy"))
    hedge, answer = race(server, lasts=1.5)

    assert (answer, server.cancelled, hedge.won) == ("first", [1], 0)


def test_copies_are_one_delay_apart_and_no_more_than_allowed() -> None:
    server = Server((10, "a"), (10, "b"), (10, "c"), (0, "d"))
    _, answer = race(server, lasts=10, copies=2)

    assert (answer, server.calls, sorted(server.cancelled)) == ("a", 3, [1, 2])


def test_what_failed_is_replaced_at_once() -> None:
    server = Server((0.1, "!refused"), (0.1, "b"))
    _, answer = race(server, lasts=0.2)

    assert (answer, server.calls) == ("b", 2)


def test_when_all_failed_the_first_error_is_raised() -> None:
    server = Server((0.1, "!first"), (0.1, "!second"), (0.1, "!third"))

    assert race(server, lasts=0.3, copies=2)[1] == "!first"


def test_an_error_that_no_copy_can_mend_ends_it() -> None:
    server = Server((1.5, "!value"), (10, "b"))
    _, answer = race(server, lasts=1.5, on=ConnectionError)

    assert (answer, server.cancelled) == ("!value", [1])


def test_a_failure_beside_one_that_runs_waits_for_it() -> None:
    server = Server((1.5, "!first"), (1.0, "copy"))

    assert race(server, lasts=2.0)[1] == "copy"


def test_the_budget_bounds_the_copies() -> None:
    async def main() -> None:
        hedge = Hedge(1.0, budget=RetryBudget(0.1, minimum=0, period=10_000))

        async def slow() -> None:
            await asyncio.sleep(2)

        for _ in range(100):
            await hedge.call(slow)

        assert hedge.hedged == 10

    run_virtual(main())


def test_the_delay_can_be_learned() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        hedge = Hedge(5.0, quantile=0.9)

        for number in range(20):
            await hedge.call(asyncio.sleep, (number + 1) / 1000)

        assert hedge.delay == pytest.approx(0.019)
        server = Server((9.0, "slow"), (0.1, "quick"))
        before = loop.time()
        assert await hedge.call(server) == "quick"
        assert loop.time() - before == pytest.approx(0.119)

    run_virtual(main())


def test_losers_are_awaited_even_when_the_caller_is_cancelled_twice() -> None:
    async def main() -> None:
        running = interrupted = 0

        async def careful() -> None:
            nonlocal running, interrupted
            running += 1

            try:
                await asyncio.get_running_loop().create_future()
            finally:
                try:
                    await asyncio.sleep(1)
                except asyncio.CancelledError:
                    interrupted += 1
                    await asyncio.sleep(1)

                running -= 1

        task = asyncio.create_task(Hedge(0.1, copies=2).call(careful))
        await asyncio.sleep(5)
        task.cancel()
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait({task})

        assert task.cancelled()
        assert (running, interrupted) == (0, 3)

    run_virtual(main())


async def test_cancelling_at_any_point_leaves_no_copy_behind() -> None:
    server = Server(*[(0.001, "a")] * 1000)
    await cancel_sweep(lambda: Hedge(0, copies=2).call(server), lambda: None)

    assert server.running == 0


def test_what_cannot_run_twice_cannot_be_hedged() -> None:
    with pytest.raises(DefinitionError):
        Hedge(1)(print)


@pytest.mark.parametrize("make", [lambda: Hedge(-1), lambda: Hedge(1, copies=0), lambda: Hedge(1, quantile=2)])
def test_numbers_that_mean_nothing_are_refused(make: Callable[[], Hedge]) -> None:
    with pytest.raises(ValueError, match="delay|copies|quantile"):
        make()
