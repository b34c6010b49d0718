"""What a request costs the load generator, beside wrk, autocannon, locust and aiohttp.

    python benchmarks/stress.py [--rounds 5] [--seconds 3] [--locust /path/to/python] [--autocannon /path/to/it]

Each generator runs closed loops over 32 connections against the same small server, one after the other, in turns (A B C
A B C …). A figure is the median of the rounds: processor time of the generator for each request, without its start
where that can be told apart. Locust belongs into an environment of its own (`pip install locust`); what is not
installed is named and left out. `--memory 600` instead runs for so many seconds and shows what a process grows by.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from hagworm.extend.asyncio.base.loop import run
from hagworm.frame.stress_tests import Closed, Open, Order, Scenario, Stage, lead
from hagworm.frame.stress_tests.coordinator import Coordinator
from hagworm.frame.stress_tests.figures import Figures
from hagworm.frame.stress_tests.target import parse_target, reach

HERE = str(Path(__file__).resolve())
CONNECTIONS = 32

ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sun, 22 Nov 2026 07:02:36 GMT\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, world!"
)

LOCUST = """
import gevent, json, logging, sys, time
from locust import FastHttpUser, constant, task
from locust.env import Environment

logging.disable(logging.CRITICAL)


class User(FastHttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/")


environment = Environment(user_classes=[User], host=sys.argv[1].rstrip("/"))
runner = environment.create_local_runner()
runner.start(int(sys.argv[3]), spawn_rate=1000)
gevent.sleep(1)
count, used = environment.stats.total.num_requests, time.process_time()
gevent.sleep(float(sys.argv[2]))
count, used = environment.stats.total.num_requests - count, time.process_time() - used
runner.quit()
print(json.dumps({"count": count, "processor": used}))
"""


class Get(Scenario):
    """One request through a coroutine."""

    async def run(self) -> None:
        await self.http.get("/")


class Server(asyncio.Protocol):
    """Answers every request with the same bytes."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of a generator came to."""

    count: int
    processor: float
    seconds: float

    @property
    def cost(self) -> float:
        """Microseconds of processor time for a request."""
        return self.processor / self.count * 1e6


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    done = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), done.set)
    await done.wait()


@contextmanager
def served() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, HERE, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.stdin.close()


def order(url: str, seconds: float, *, scenario: bool, model: str = "closed", users: int = CONNECTIONS) -> Order:
    target = parse_target(url)
    plan = Closed(users, seconds) if model == "closed" else Open((Stage(seconds, float(model), float(model)),))
    return Order(target, reach(target, mine=False), plan, (f"{HERE}:Get",) if scenario else (), timeout=2.0)


async def ours(url: str, seconds: float, *, scenario: bool, processes: int = 1) -> Sample:
    result = await lead(order(url, seconds, scenario=scenario, users=CONNECTIONS * processes), processes=processes)
    return Sample(result.figures.total.count, result.run.processor, result.run.seconds)


async def aiohttp_client(url: str, seconds: float) -> None:
    import aiohttp

    count = 0
    end = time.monotonic() + seconds
    used = time.process_time()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:

        async def user() -> None:
            nonlocal count

            while time.monotonic() < end:
                async with session.get(url) as answer:
                    await answer.read()
                    count += 1

        await asyncio.gather(*(user() for _ in range(CONNECTIONS)))

    sys.stdout.write(json.dumps({"count": count, "processor": time.process_time() - used}) + "\n")


def child(*command: str) -> tuple[str, float]:
    """Return what a program prints and the processor time it used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def reporting(*command: str) -> Callable[[str, float], Sample]:
    def measure(url: str, seconds: float) -> Sample:
        text, _ = child(*command, url, str(seconds), str(CONNECTIONS))
        found = json.loads(text.splitlines()[-1])
        return Sample(found["count"], found["processor"], seconds)

    return measure


def wrk(program: str) -> Callable[[str, float], Sample]:
    def measure(url: str, seconds: float) -> Sample:
        text, used = child(program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", url)
        found = re.search(r"(\d+) requests in", text)
        assert found is not None, text
        return Sample(int(found[1]), used, seconds)

    return measure


def autocannon(program: str) -> Callable[[str, float], Sample]:
    def measure(url: str, seconds: float) -> Sample:
        text, used = child(program, "-c", str(CONNECTIONS), "-d", f"{seconds:.0f}", "--json", "-n", url)
        return Sample(json.loads(text)["requests"]["total"], used, seconds)

    return measure


def generators(options: argparse.Namespace) -> dict[str, Callable[[str, float], Sample]]:
    """Return what there is to be measured, and name what there is not."""
    found: dict[str, Callable[[str, float], Sample]] = {
        "hagworm, one request": lambda url, seconds: asyncio.run(ours(url, seconds, scenario=False)),
        "hagworm, coroutine scenario": lambda url, seconds: asyncio.run(ours(url, seconds, scenario=True)),
    }
    peers: dict[str, tuple[Any, Callable[[], Callable[[str, float], Sample]]]] = {
        "wrk": (shutil.which("wrk"), lambda: wrk("wrk")),
        "autocannon": (shutil.which(options.autocannon), lambda: autocannon(options.autocannon)),
        "locust FastHttpUser": (options.locust, lambda: reporting(options.locust, "-c", LOCUST)),
        "aiohttp on uvloop": (
            importlib.util.find_spec("aiohttp"),
            lambda: reporting(sys.executable, HERE, "--aiohttp"),
        ),
    }

    for name, (present, make) in peers.items():
        if present:
            found[name] = make()
        else:
            say(f"not installed, left out: {name}")

    return found


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def compare(options: argparse.Namespace) -> None:
    samples: dict[str, list[Sample]] = {}

    with served() as url:
        candidates = generators(options)

        for _ in range(options.rounds):
            for name, measure in candidates.items():
                samples.setdefault(name, []).append(measure(url, options.seconds))

    base = next((name for name in samples if "locust" in name), "aiohttp on uvloop")
    costs = {name: median(sample.cost for sample in found) for name, found in samples.items()}
    say(f"\n{CONNECTIONS} connections, {options.rounds} rounds of {options.seconds:g} s, medians")
    say(f"{'':<30}{'µs/request':>12}{'requests/s':>12}   x cheaper than {base}")

    for name, found in samples.items():
        rate = median(sample.count / sample.seconds for sample in found)
        say(f"{name:<30}{costs[name]:>12.2f}{rate:>12.0f}   {costs.get(base, costs[name]) / costs[name]:.2f}")


async def agents(url: str, seconds: float) -> Sample:
    """Do the same by two agents with a process each, over the loopback of this machine."""
    coordinator = Coordinator(order(url, seconds, scenario=True, users=CONNECTIONS * 2), 2)

    try:
        address, key = coordinator.listen("tcp://127.0.0.1:0")
        command = [
            sys.executable,
            "-m",
            "hagworm",
            "stress",
            "--join",
            address,
            "--key",
            key.dump(),
            "--processes",
            "1",
        ]
        children = [await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL) for _ in range(2)]
        await coordinator.gather(60)
        result = await coordinator.run()
    finally:
        await coordinator.close()

    for child in children:
        await child.wait()

    return Sample(result.figures.total.count, result.run.processor, result.run.seconds)


def scale(options: argparse.Namespace) -> None:
    """Show what two do beside one, by what their processors are worth: requests for each second of one."""
    candidates: dict[str, tuple[int, Callable[[str], Any]]] = {
        "one process": (1, lambda url: ours(url, options.seconds, scenario=True)),
        "two processes": (2, lambda url: ours(url, options.seconds, scenario=True, processes=2)),
        "two agents": (2, lambda url: agents(url, options.seconds)),
    }
    rates: dict[str, list[float]] = {name: [] for name in candidates}

    with served() as url:
        for _ in range(options.rounds):
            for name, (processes, measure) in candidates.items():
                sample = asyncio.run(measure(url))
                rates[name].append(processes * sample.count / sample.processor)

    one, *others = (median(found) for found in rates.values())
    say("")

    for name, two in zip([*rates][1:], others, strict=True):
        say(f"{name}, each on a processor of its own: {two / one:.2f} x the requests of one (goal: 1.8)")


def watch_memory(options: argparse.Namespace) -> None:
    """Run for a long time in this process and show how its resident memory grows."""

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2

    seen: list[float] = []

    def note(figures: Figures, seconds: float) -> None:
        seen.append(resident())

    with served() as url:
        told = order(url, options.memory, scenario=False, model=options.rate)
        result = run(lead(told, processes=0, watch=note))

    settled = seen[min(10, len(seen) - 1)]
    say(f"{result.figures.total.count} requests in {result.run.seconds:.0f} s")
    say(f"resident: {settled:.1f} MiB after 10 s, {seen[-1]:.1f} at the end, {max(seen):.1f} at most; goal: + 5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--locust", metavar="PYTHON", help="an interpreter that has locust")
    parser.add_argument("--autocannon", metavar="PROGRAM", default="autocannon")
    parser.add_argument("--scale", action="store_true", help="only show what two processes, and agents, do beside one")
    parser.add_argument("--memory", type=float, metavar="SECONDS")
    parser.add_argument("--rate", default="2000", help="for --memory: requests a second, or 'closed'")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--aiohttp", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.serve:
        run(serve())
    elif options.aiohttp:
        run(aiohttp_client(options.aiohttp[0], float(options.aiohttp[1])))
    elif options.memory:
        watch_memory(options)
    else:
        if not options.scale:
            compare(options)

        scale(options)


if __name__ == "__main__":
    main()
