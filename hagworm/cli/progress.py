"""How a load is going, while it is: a live view on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from hagworm.frame.stress_tests.figures import Figures
    from hagworm.frame.stress_tests.plan import Plan

__all__ = ("Progress", "spark")

EVERY = 5.0
"""Seconds between two lines, where nobody looks at a terminal."""
BARS = " ▁▂▃▄▅▆▇█"
SPARKS = 48
FRAMES = 4
"""How often a second the live view is drawn."""

clock = time.monotonic


class Progress:
    """The view of one load, on stderr. Give `watch` to the one that leads it, and enter this around that.

    A terminal shows it in place and is left as it was; what is drawn four times a second is what was reported last.
    """

    def __init__(self, plan: "Plan", now: Callable[[], float] = clock) -> None:
        self.plan = plan
        self.now = now
        self.figures: Figures | None = None
        self.zero: float | None = None
        """When measuring began, by `now`; known with the first report."""
        self.next_line = EVERY
        self.live: Any = None

    def __repr__(self) -> str:
        return f"<Progress {self.line()}>"

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self.live = Live(
                get_renderable=self.draw,
                console=Console(stderr=True),
                refresh_per_second=FRAMES,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self.live.start()

        return self

    def __exit__(self, *exc: object) -> None:
        if self.live is not None:
            self.live.stop()

    def watch(self, figures: "Figures", seconds: float) -> None:
        """Take what has been counted so far, `seconds` after measuring began."""
        self.figures = figures
        self.zero = self.now() - seconds

        if self.live is None and seconds >= self.next_line:
            self.next_line = seconds - seconds % EVERY + EVERY
            click.echo(self.line(), err=True)

    @property
    def seconds(self) -> float:
        """Seconds since measuring began; negative in the warm-up, which begins when this is first looked at."""
        return -self.plan.warm_up if self.zero is None else self.now() - self.zero

    def line(self) -> str:
        """Return how it is going, on one line."""
        from hagworm.frame.stress_tests.quantity import show_count, show_rate, show_seconds

        if self.figures is None or self.seconds < 0:
            return "warming up" if self.plan.warm_up else "starting"

        total, runs = self.figures.total, self.figures.iterations
        p50, p99 = times_of(total, 50, 99)
        return (
            f"{self.seconds:.0f} s: {show_rate(self.rate())}, {under_way(runs)} under way, p50 {show_seconds(p50)},"
            f" p99 {show_seconds(p99)}, {show_count(total.count)} done, {show_count(total.failed_count)} failed"
        )

    def rate(self) -> float:
        """Return how much ended in a second, in the last interval that is over."""
        counts = self.counts()
        return counts[-1] if counts else 0.0

    def counts(self) -> list[float]:
        """Return the rates of all intervals; the one that is not over yet is left out, where there are others."""
        if self.figures is None:
            return []

        series = self.figures.series
        rates = [(interval.successes + interval.failures) / series.every for interval in series.intervals]
        over = series.first * series.every + len(rates) * series.every <= self.seconds + 0.1
        return rates if over or len(rates) < 2 else rates[:-1]

    def recent(self) -> tuple[float, ...]:
        """Return p50, p90, p99, p99.9 and the longest of the last interval that is over."""
        if self.figures is None or not (count := len(self.counts())):
            return (0.0,) * 5

        latency = self.figures.series.intervals[count - 1].latency
        return (*latency.percentiles(50, 90, 99, 99.9), latency.highest)

    def draw(self) -> Any:
        """Return what rich draws now."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        from hagworm.frame.stress_tests.figures import Figures
        from hagworm.frame.stress_tests.quantity import show_count, show_rate, show_seconds, show_share

        figures = self.figures or Figures()
        total, runs = figures.total, figures.iterations
        seconds, whole = self.seconds, self.plan.seconds
        head = Table.grid(padding=(0, 2), expand=True)
        head.add_column(ratio=1)
        head.add_column(justify="right")
        done = max(0.0, min(seconds, whole))

        if self.zero is None or seconds < 0:
            said = "warming up" if self.plan.warm_up else "starting"
        else:
            said = f"{done:.0f} of {whole:g} s" if seconds <= whole else "waiting for the rest"

        head.add_row(ProgressBar(total=whole, completed=done), said)

        rates = self.counts()
        flow = Table.grid(padding=(0, 3))
        flow.add_row("rate", Text(show_rate(self.rate()), "bold"), Text(spark(rates[-SPARKS:]), "cyan"))
        flow.add_row("under way", Text(under_way(runs), "bold"), Text(delays(runs), "yellow"))
        flow.add_row("done", Text(show_count(total.count), "bold"))
        bad = total.failed_count
        share = f"{show_count(bad)} ({show_share(total.error_rate)})" if bad else "0"
        most = max(((count, reason) for line in figures.lines for reason, count in line.failures), default=(0, ""))
        flow.add_row("failed", Text(share, "bold red" if bad else "bold green"), Text(most[1][:60], "red"))

        times = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        times.add_column("")

        for name in ("p50", "p90", "p99", "p99.9", "longest"):
            times.add_column(name, justify="right", min_width=8)

        overall = times_of(total, 50, 90, 99, 99.9, 100)
        for name, found, style in (("now", self.recent(), ""), ("so far", overall, "bold")):
            times.add_row(name, *(show_seconds(time) if time else "–" for time in found), style=style)

        return Padding(Group(head, Text(), flow, Text(), times), (1, 2, 0, 2))


def times_of(line: Any, *percents: float) -> tuple[float, ...]:
    """Return percentiles of a line: response times in the open model, service times in the closed one."""
    found: tuple[float, ...] = (line.response or line.service).percentiles(*percents)
    return found


def under_way(runs: Any) -> str:
    return f"{max(0, runs.started - runs.finished - runs.unfinished):,}"


def delays(runs: Any) -> str:
    """Return what kept runs from starting in time, empty where nothing did."""
    found = [(runs.held, "started late, all places were taken"), (runs.missed, "missed")]
    return ", ".join(f"{count:,} {text}" for count, text in found if count)


def spark(values: list[float]) -> str:
    """Return values as a row of little bars, the highest a full one."""
    most = reduce(max, values, 0.0)
    return "".join(BARS[min(8, -int(-8 * value // most))] if most else BARS[0] for value in values)
