"""What is seen of a load while it runs: figures of the last whole second and of all, in place on a terminal."""

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from hagworm.cli.progress import Progress, spark
from hagworm.frame.stress_tests.figures import Figures, Iterations
from hagworm.frame.stress_tests.plan import Open, Stage
from tests.frame.stress_tests.runs import drawn, steady
from tests.frame.stress_tests.server import started
from tests.tree import ROOT

PLAN = Open((Stage(20, 50, 50),), warm_up=2)
RUN = drawn(steady(0.02, errors=0.1), 1, seconds=8, rate=50)


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def text_of(progress: Progress, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(progress.draw())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_in_a_pipe_there_is_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(PLAN, Clock()) as progress:
        for quarter in range(-8, 70):
            progress.watch(RUN.figures, quarter / 4)

    lines = capsys.readouterr().err.splitlines()

    assert [line.partition(":")[0] for line in lines] == ["5 s", "10 s", "15 s"]
    assert re.fullmatch(r"5 s: 50/s, \d+ under way, p50 [\d.]+ ms, p99 [\d.]+ ms, 400 done, \d+ failed", lines[0])


def test_before_the_first_report_it_says_what_is_awaited() -> None:
    assert Progress(PLAN, Clock()).line() == "warming up"
    assert Progress(replace(PLAN, warm_up=0), Clock()).line() == "starting"
    assert "warming up" in text_of(Progress(PLAN, Clock()))


def test_the_view_has_the_rate_what_is_under_way_times_and_failures() -> None:
    clock = Clock()
    progress = Progress(PLAN, clock)
    runs = Iterations(started=1407, finished=1400, held=3, missed=2)
    progress.watch(replace(RUN.figures, iterations=runs), 8.0)
    text = text_of(progress)

    for said in ("8 of 20 s", "50/s", "7", "3 started late", "2 missed", "400", "status 500", "p99.9", "so far"):
        assert said in text

    clock.seconds += 12.5
    assert "waiting for the rest" in text_of(progress)


def test_a_second_that_is_not_over_is_no_rate() -> None:
    clock = Clock()
    progress = Progress(PLAN, clock)
    progress.watch(RUN.figures.merge(later(8)), 8.2)

    assert progress.counts() == [50.0] * 8
    assert progress.rate() == 50
    clock.seconds += 1
    assert len(progress.counts()) == 9


def later(second: int) -> Figures:
    """Return a few answers of that second."""
    figures = drawn(steady(), 2, seconds=1, rate=5).figures
    return replace(figures, series=replace(figures.series, first=second))


def test_it_fits_a_narrow_terminal() -> None:
    progress = Progress(PLAN, Clock())
    progress.watch(RUN.figures, 8.0)

    assert max(map(len, text_of(progress, 60).splitlines())) <= 60


@pytest.mark.parametrize(
    ("values", "bars"), [([], ""), ([0.0, 0.0], "  "), ([0.0, 1.0, 4.0, 8.0], " ▁▄█"), ([0.01, 8.0], "▁█")]
)
def test_little_bars(values: list[float], bars: str) -> None:
    assert spark(values) == bars


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with started() as (found, _):
        yield found


def test_a_terminal_shows_it_in_place_and_is_left_as_it_was(url: str) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hagworm", "stress", f"{url}/ok", "--rate", "100", "--duration", "2"],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    seen = b""

    with process:
        # The end of a terminal is an error on Linux.
        while data := read_some(ours):
            seen += data

        assert process.stdout is not None
        report = process.stdout.read()

    os.close(ours)
    text = seen.decode()

    assert process.returncode == 0
    assert "GET /ok" in report and "\x1b" not in report
    assert "of 2 s" in text and "100/s" in text
    # No flicker: never the whole screen, always the lines that are ours.
    assert "\x1b[2J" not in text and "\x1b[?1049h" not in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is there again"


def read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
