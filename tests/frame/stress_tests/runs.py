"""Runs that were never made, whose truth is known: what they count is drawn."""

from collections.abc import Callable
from functools import reduce
from random import Random

from hagworm.frame.stress_tests.figures import Figures
from hagworm.frame.stress_tests.plan import Closed, Open, Plan, Stage
from hagworm.frame.stress_tests.result import Result, Run
from hagworm.frame.stress_tests.tally import Tally

__all__ = ("Service", "drawn", "steady", "weather")

Service = Callable[[Random], Callable[[Random], tuple[float, str | None]]]
"""Called once a second; what it returns is called for each answer: how long it took, and why it failed."""


def drawn(
    service: Service,
    seed: int,
    *,
    seconds: int = 30,
    rate: int = 100,
    names: tuple[str, ...] = ("GET /",),
    plan: Plan | None = None,
    target: str = "http://127.0.0.1/",
) -> Result:
    """Return a run of so many seconds, each with `rate` answers of each name."""
    random = Random(seed)
    plan = plan or Open((Stage(seconds, max(rate, 1), max(rate, 1)),))
    tally = Tally()
    parts = []

    for second in range(seconds):
        for name in names:
            row = tally.row(name)
            answer = service(random)

            for number in range(rate):
                time, reason = answer(random)
                moment = second + number / rate
                response = None if isinstance(plan, Closed) else time
                tally.start()
                tally.finished += 1

                if reason is None:
                    row.success(time, response, moment)
                else:
                    row.failure(time, response, moment, reason)

        parts.append(tally.drain(second + 1))

    figures = reduce(Figures.merge, parts, Figures())
    return Result(Run(target, plan, "2026-01-01T00:00:00.000Z", float(seconds)), figures)


def steady(median: float = 0.02, *, errors: float = 0.0) -> Service:
    """Answers that know nothing of each other."""

    def service(random: Random) -> Callable[[Random], tuple[float, str | None]]:
        return lambda random: (
            random.lognormvariate(0.0, 0.5) * median,
            "status 500" if random.random() < errors else None,
        )

    return service


def weather(median: float = 0.02, *, errors: float = 0.0) -> Service:
    """Answers of one second are slow together, or fail together; one second of fifteen stalls."""

    def service(random: Random) -> Callable[[Random], tuple[float, str | None]]:
        slow = random.lognormvariate(0.0, 0.3) * (1 if random.random() > 1 / 15 else 10)
        failing = errors * random.expovariate(1.0)

        return lambda random: (
            random.lognormvariate(0.0, 0.5) * median * slow,
            "status 500" if random.random() < failing else None,
        )

    return service
