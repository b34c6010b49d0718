"""R47: stalls are seen, a constant answer is measured as it is, and our counts are the server's own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import Any

from hagworm.frame.stress_tests.crew import Crew, lead
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.plan import Closed, Open, Plan, Stage
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.target import parse_target, reach
from tests.chaos.bar import Bar, main
from tests.frame.stress_tests.server import started

PROMISE = (
    "a stall of 1 s each 10 s shows as p99 >= 900 ms, 200 ms as 200 ms within 2 %, and every count equals the server's"
)


def order(url: str, plan: Plan, seed: int) -> Order:
    target = parse_target(url)
    return Order(target, reach(target, mine=False), plan, seed=seed)


def load(url: str, plan: Plan, *, seed: int, processes: int = 2) -> Result:
    return asyncio.run(lead(order(url, plan, seed), processes=processes))


def steady(rate: float, seconds: float, **others: Any) -> Open:
    return Open((Stage(seconds, rate, rate),), **others)


async def killed(told: Order) -> Result:
    """Kill one of two processes after its first report."""
    reported = asyncio.Event()

    async with Crew(told, 2, watch=lambda figures, seconds: reported.set()) as crew:
        running = asyncio.create_task(crew.run())
        await reported.wait()
        crew.hands[0].process.kill()
        return await running


def interrupted(url: str) -> tuple[float, str, int]:
    """Return how long the report takes after SIGINT, its line, and the exit code."""
    with subprocess.Popen(
        [sys.executable, "-m", "hagworm", "stress", url, "--rate", "50", "--duration", "1h", "--processes", "2"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stderr.readline()
        time.sleep(3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stdout.readline() + process.stdout.readline()
        seconds = time.monotonic() - began
        process.stdout.read()

    return seconds, said, process.returncode


def run(bar: Bar) -> None:
    """Stall, answer slowly, abort, kill and interrupt."""
    # Whole stalls in a little less than their period: then what waits for 0.9 s is above the 99th percentile.
    seconds = 29.8 if bar.is_long else 9.8

    with bar.trial("a server that stalls for 1 s each 10 s") as trial, started("--stall", "1") as (url, counters):
        (line,) = load(f"{url}/ok", steady(200, seconds), seed=bar.seed).figures.lines
        trial.note(p50=line.response.percentile(50), p99=line.response.percentile(99), count=line.count)
        trial.expect(line.response.percentile(99) >= 0.9, f"p99 is {line.response.percentile(99):.3f} s")
        counted = line.count

        if bar.is_long:
            # How many arrivals a stall meets is drawn, or is an average: both come out near to what it is exactly.
            for name, plan in {
                "poisson": steady(200, seconds, spacing="poisson"),
                "closed": Closed(4, seconds),
            }.items():
                result = load(f"{url}/ok", plan, seed=bar.seed)
                (line,) = result.figures.lines
                p99 = result.response(line).percentile(99)
                trial.note(**{name: {"p99": p99, "service p99": line.service.percentile(99), "count": line.count}})
                trial.expect(p99 >= 0.8, f"p99 of the {name} model is {p99:.3f} s")
                counted += line.count

        trial.expect(counted == counters()["received"], "every request was counted")

    with bar.trial("a server that takes 200 ms") as trial, started() as (url, counters):
        result = load(f"{url}/slow", steady(100, seconds / 5), seed=bar.seed)
        (line,) = result.figures.lines
        measured, truth = result.response(line).percentile(50), counters()["slow p50"]
        trial.note(measured=measured, truth=truth, count=line.count)
        trial.expect(abs(measured / truth - 1) <= 0.02, f"{measured:.4f} s was {truth:.4f} s")
        trial.expect(line.count == counters()["received"], "every request was counted")

    with bar.trial("connections that are aborted") as trial, started() as (url, counters):
        counted = 0

        for plan in (steady(500, seconds / 10), Closed(8, seconds / 10)):
            (line,) = load(f"{url}/mix", plan, seed=bar.seed).figures.lines
            counted += line.count

        found = counters()
        trial.note(counted=counted, server=found)
        trial.expect(counted == found["received"], f"{counted} were counted, {found['received']} received")

    with bar.trial("a process that is killed") as trial, started() as (url, counters):
        result = asyncio.run(killed(order(f"{url}/ok", steady(500, 3), bar.seed)))
        total = result.figures.total.count + result.figures.iterations.unfinished
        received = counters()["received"]
        trial.note(counted=total, received=received, lost=result.run.lost)
        trial.expect(len(result.run.lost) == 1, "the one that was lost is named")
        trial.expect(total == received, f"{total} were counted, {received} received")

    with bar.trial("Ctrl-C") as trial, started() as (url, counters):
        seconds, said, code = interrupted(f"{url}/slow")
        trial.note(seconds=seconds, said=said)
        trial.expect(seconds <= 1.0, f"the report came after {seconds:.2f} s")
        trial.expect(code == 130 and "GET /slow" in said, "it is a report of what there was")


if __name__ == "__main__":
    main(__file__, PROMISE, run)
