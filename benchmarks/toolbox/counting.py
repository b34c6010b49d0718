"""What counting costs beside prometheus_client: an increment, a labelled one, an observation, a scrape.

    python benchmarks/toolbox/counting.py [--rounds 15] [--threads 4]

Candidates take turns inside every round; medians in nanoseconds per call and their ratio are printed. The peer is
`pip install prometheus-client`; where it is missing that is said, and only our own times are printed. (The file is not
called statistics, as beside it that would hide the module of the standard library.)
"""

import argparse
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

from hagworm.extend.statistics import Registry

Case = tuple[Callable[[], object], int]


def ours() -> dict[str, Case]:
    registry = Registry()
    counter = registry.counter("a_total", "A.")
    family = registry.counter("b_total", "B.", labels=("route", "method"))
    kept = family.at("/orders", "GET")
    histogram = registry.histogram("c_seconds", "C.")

    for number in range(500):
        family.at(f"/{number}", "GET").inc()

    return {
        "counter": (counter.inc, 50_000),
        "counter, labels kept": (kept.inc, 50_000),
        "counter, labels looked up": (lambda: family.at("/orders", "GET").inc(), 30_000),
        "gauge": (registry.gauge("g", "G.").inc, 50_000),
        "histogram": (lambda: histogram.observe(0.02), 30_000),
        "scrape of 500 series": (registry.render, 10),
    }


def theirs() -> dict[str, Case]:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

    registry = CollectorRegistry()
    counter = Counter("a", "A.", registry=registry)
    family = Counter("b", "B.", ["route", "method"], registry=registry)
    kept = family.labels("/orders", "GET")
    histogram = Histogram("c_seconds", "C.", registry=registry)
    gauge = Gauge("g", "G.", registry=registry)

    for number in range(500):
        family.labels(f"/{number}", "GET").inc()

    return {
        "counter": (counter.inc, 50_000),
        "counter, labels kept": (kept.inc, 50_000),
        "counter, labels looked up": (lambda: family.labels("/orders", "GET").inc(), 30_000),
        "gauge": (gauge.inc, 50_000),
        "histogram": (lambda: histogram.observe(0.02), 30_000),
        "scrape of 500 series": (lambda: generate_latest(registry), 10),
    }


def measure(call: Callable[[], object], times: int) -> float:
    """Return nanoseconds per call."""
    start = time.perf_counter_ns()

    for _ in range(times):
        call()

    return (time.perf_counter_ns() - start) / times


def measure_threads(call: Callable[[], object], times: int, threads: int) -> float:
    """Return nanoseconds per call where so many threads call at the same time."""
    workers = [threading.Thread(target=measure, args=(call, times // threads)) for _ in range(threads)]
    start = time.perf_counter_ns()

    for worker in workers:
        worker.start()

    for worker in workers:
        worker.join()

    return (time.perf_counter_ns() - start) / times


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    rivals = {"hagworm": ours()}

    if find_spec("prometheus_client") is None:
        print("prometheus_client is not installed: pip install prometheus-client")
    else:
        rivals["prometheus"] = theirs()

    names = list(rivals["hagworm"])
    shared = f"counter, {options.threads} threads"
    times: dict[str, dict[str, list[float]]] = {name: {rival: [] for rival in rivals} for name in (*names, shared)}

    for _ in range(options.rounds):
        for name in names:
            for rival, cases in rivals.items():
                times[name][rival].append(measure(*cases[name]))

        for rival, cases in rivals.items():
            times[shared][rival].append(measure_threads(*cases["counter"], options.threads))

    print(f"{'nanoseconds per call':32}" + "".join(f"{rival:>14}" for rival in rivals) + f"{'ratio':>8}")

    for name, columns in times.items():
        medians = [median(column) for column in columns.values()]
        ratio = f"{medians[1] / medians[0]:8.1f}" if len(medians) > 1 else ""
        print(f"{name:32}" + "".join(f"{value:14,.0f}" for value in medians) + ratio)


if __name__ == "__main__":
    main()
