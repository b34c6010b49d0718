"""What a process counts while it serves, and the Prometheus text that tells it (exposition format 0.0.4)."""

import os
from bisect import bisect_left
from collections.abc import Iterator
from time import time

from hagworm.extend.statistics.exposition import CONTENT_TYPE, expose, histogram
from hagworm.extend.statistics.histogram import BUCKETS
from hagworm.facade.handler import METHODS
from hagworm.facade.plan import RoutePlan

__all__ = ("BUCKETS", "CONTENT_TYPE", "Metrics", "expose")

KNOWN_METHODS = frozenset(METHODS)


class Metrics:
    """The counters of one process. `observe` is on the hot path: one look-up and two additions."""

    __slots__ = ("cells", "errors", "plans", "started")

    def __init__(self) -> None:
        self.started = time()
        self.errors = 0
        """Requests that ended in an exception nobody had an answer for, or in an aborted response."""
        # The seconds in all, then the number of observations in each bucket. A plan is told by its address, as its
        # hash would cost more than everything else here; `plans` keeps it alive, so that the address stays its own.
        self.cells: dict[tuple[int, str, int], list[float]] = {}
        self.plans: dict[int, RoutePlan] = {}

    def __repr__(self) -> str:
        return f"<Metrics {len(self.cells)} series, {self.errors} errors>"

    def observe(self, plan: RoutePlan | None, method: str, status: int, seconds: float) -> None:
        """Count one request that has been answered; `plan` is None where no route matched."""
        try:
            cell = self.cells[id(plan), method, status]
        except KeyError:
            cell = self.open(plan, method, status)

        cell[0] += seconds
        cell[bisect_left(BUCKETS, seconds) + 1] += 1

    def open(self, plan: RoutePlan | None, method: str, status: int) -> list[float]:
        # Anybody can invent a method; only those of a route are worth a series of their own.
        if plan is not None:
            self.plans[id(plan)] = plan
        elif method not in KNOWN_METHODS:
            method = "OTHER"

        return self.cells.setdefault((id(plan), method, status), [0.0] * (len(BUCKETS) + 2))

    def route_of(self, place: int) -> str:
        return plan.template if (plan := self.plans.get(place)) is not None else ""

    def render(self, *, in_flight: int = 0, websockets: int = 0) -> bytes:
        """Return the text for a scraper, with how many requests and WebSockets are open at this moment."""
        return "".join(self.lines(in_flight, websockets)).encode()

    def lines(self, in_flight: int, websockets: int) -> Iterator[str]:
        totals: dict[tuple[str, str, int], float] = {}
        spread: dict[tuple[str, str], list[float]] = {}

        for (place, method, status), cell in self.cells.items():
            route = self.route_of(place)
            totals[route, method, status] = totals.get((route, method, status), 0) + sum(cell[1:])
            row = spread.setdefault((route, method), [0.0] * len(cell))
            spread[route, method] = [have + more for have, more in zip(row, cell, strict=True)]

        yield from expose(
            "http_requests_total",
            "counter",
            "Requests answered; the route is empty where none matched.",
            (
                ("", {"route": route, "method": method, "status": str(status), "class": f"{status // 100}xx"}, count)
                for (route, method, status), count in sorted(totals.items())
            ),
        )
        yield from expose(
            "http_request_duration_seconds",
            "histogram",
            "Time from the head of a request to the last byte of its response.",
            (
                sample
                for (route, method), row in sorted(spread.items())
                for sample in histogram({"route": route, "method": method}, BUCKETS, row)
            ),
        )

        for name, kind, text, value in (
            ("http_requests_in_flight", "gauge", "Requests that are being answered, this one included.", in_flight),
            ("http_request_errors_total", "counter", "Requests that ended in an unexpected exception.", self.errors),
            ("websockets_open", "gauge", "WebSockets that are open.", websockets),
            *process_figures(self.started),
        ):
            yield from expose(name, kind, text, [("", {}, value)])


def process_figures(started: float) -> Iterator[tuple[str, str, str, float]]:
    """Yield what the machine knows of this process, by the names that Prometheus' own clients use."""
    times = os.times()
    yield "process_start_time_seconds", "gauge", "When the process began to serve, Unix time.", started
    yield "process_cpu_seconds_total", "counter", "Processor time, user and system.", times.user + times.system

    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        files = len(os.listdir("/proc/self/fd"))
    except OSError:
        # Only Linux keeps these; elsewhere the lines are missing.
        return

    yield "process_resident_memory_bytes", "gauge", "Memory in use.", resident
    yield "process_open_fds", "gauge", "Open file descriptors.", files
