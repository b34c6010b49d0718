"""What the cache in memory and the plain bus cost beside cachetools, blinker and pyee.

    python benchmarks/toolbox/local.py [--rounds 15]

Candidates take turns inside every round; medians in nanoseconds per call are printed, and how many times as long a peer
takes. The peers are `pip install cachetools blinker pyee`; one that is missing is named and left out.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

from hagworm.extend.cache import PeriodCounter, TTLCache
from hagworm.extend.event import EventDispatcher

Case = tuple[Callable[[], object], int]
LISTENERS = 10


def listen(value: int) -> None:
    """Do nothing with it."""


def ours() -> dict[str, Case]:
    cache: TTLCache[str, int] = TTLCache(1000, 60)
    cache.set("key", 1)
    counter = PeriodCounter(3600)
    bus, lonely, patterns = EventDispatcher(), EventDispatcher(), EventDispatcher()
    patterns.add_listener("a.*", lambda value: None)

    for number in range(LISTENERS):
        bus.add_listener("a", lambda value, number=number: None)

    lonely.add_listener("a", listen)
    return {
        "cache, get": (lambda: cache.get("key"), 50_000),
        "cache, set": (lambda: cache.set("key", 1), 30_000),
        "cache, miss": (lambda: cache.get("none"), 50_000),
        "counter, incr": (lambda: counter.incr("key"), 20_000),
        "event, 1 listener": (lambda: lonely.dispatch("a", 1), 50_000),
        f"event, {LISTENERS} listeners": (lambda: bus.dispatch("a", 1), 30_000),
        "event, by a pattern": (lambda: patterns.dispatch("a.b", 1), 50_000),
    }


def cachetools() -> dict[str, Case]:
    from cachetools import TTLCache as Theirs

    plain, lock = Theirs[str, int](1000, 60), threading.Lock()
    plain["key"] = 1

    # Theirs is not safe under threads by itself; ours is.
    def get(key: str) -> object:
        with lock:
            return plain.get(key)

    def put() -> None:
        with lock:
            plain["key"] = 1

    return {
        "cache, get": (lambda: get("key"), 50_000),
        "cache, set": (put, 30_000),
        "cache, miss": (lambda: get("none"), 50_000),
    }


def blinker() -> dict[str, Case]:
    from blinker import Signal

    one, ten = Signal(), Signal()
    kept = [lambda sender, number=number: None for number in range(LISTENERS)]
    one.connect(listen)

    for function in kept:
        ten.connect(function, weak=False)

    return {
        "event, 1 listener": (lambda: one.send(1), 20_000),
        f"event, {LISTENERS} listeners": (lambda: ten.send(1), 10_000),
    }


def pyee() -> dict[str, Case]:
    from pyee.base import EventEmitter

    one, ten = EventEmitter(), EventEmitter()
    one.on("a", listen)

    for number in range(LISTENERS):
        ten.on("a", lambda value, number=number: None)

    return {
        "event, 1 listener": (lambda: one.emit("a", 1), 20_000),
        f"event, {LISTENERS} listeners": (lambda: ten.emit("a", 1), 20_000),
    }


def loop() -> dict[str, Case]:
    functions = tuple(lambda value, number=number: None for number in range(LISTENERS))

    def call() -> None:
        for function in functions:
            function(1)

    return {f"event, {LISTENERS} listeners": (call, 30_000)}


RIVALS: dict[str, Callable[[], dict[str, Case]]] = {"cachetools": cachetools, "blinker": blinker, "pyee": pyee}


def measure(call: Callable[[], object], times: int) -> float:
    """Return nanoseconds per call."""
    start = time.perf_counter_ns()

    for _ in range(times):
        call()

    return (time.perf_counter_ns() - start) / times


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    candidates = {"hagworm": ours(), "plain loop": loop()}

    for name, make in RIVALS.items():
        if find_spec(name) is None:
            print(f"{name} is not installed: pip install {name}", file=sys.stderr)
        else:
            candidates[name] = make()

    times: dict[tuple[str, str], list[float]] = {}

    for _ in range(options.rounds):
        for rival, cases in candidates.items():
            for case, work in cases.items():
                times.setdefault((case, rival), []).append(measure(*work))

    print(f"{'nanoseconds per call':24}{'hagworm':>10}  peers, as many times as long")

    for case in candidates["hagworm"]:
        own = median(times[case, "hagworm"])
        peers = [f"{rival} {median(times[case, rival]) / own:.2f}" for rival in candidates if (case, rival) in times]
        print(f"{case:24}{own:10,.0f}  {', '.join(peers[1:])}")


if __name__ == "__main__":
    main()
