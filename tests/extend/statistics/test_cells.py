"""No addition is lost, whichever thread makes it."""

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from hagworm.extend.statistics import Counter, Gauge, Histogram

THREADS = 8
TIMES = 5000


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads change as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[], None]) -> None:
    start = threading.Barrier(THREADS)

    def run() -> None:
        start.wait()

        for _ in range(TIMES):
            work()

    threads = [threading.Thread(target=run) for _ in range(THREADS)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()


def test_a_counter_is_exact_under_threads(hurried: None) -> None:
    counter = Counter()
    at_once(counter.inc)

    assert counter.value == THREADS * TIMES


def test_a_gauge_is_exact_under_threads(hurried: None) -> None:
    gauge = Gauge()
    gauge.set(7)

    def up_and_down() -> None:
        gauge.inc(3)
        gauge.dec(2)

    at_once(up_and_down)

    assert gauge.value == 7 + THREADS * TIMES


def test_a_histogram_is_exact_under_threads(hurried: None) -> None:
    histogram = Histogram((1, 2))
    at_once(lambda: histogram.observe(2))

    assert histogram.read() == [2 * THREADS * TIMES, 0, THREADS * TIMES, 0]


def test_threads_that_have_ended_leave_their_sum_and_no_pile_of_cells() -> None:
    counter = Counter()

    for _ in range(50):
        thread = threading.Thread(target=counter.inc)
        thread.start()
        thread.join()

    assert counter.value == 50
    assert len(counter.cells) < 50


def test_a_counter_does_not_shrink() -> None:
    counter = Counter()

    with pytest.raises(ValueError, match="only grows"):
        counter.inc(-1)

    counter.inc(0.5)
    assert repr(counter) == "<Counter 0.5>"


def test_a_gauge_shows_what_it_was_set_to_and_what_came_after() -> None:
    gauge = Gauge()
    gauge.inc(5)
    gauge.set(100)
    gauge.dec()

    assert gauge.value == 99
    assert repr(gauge) == "<Gauge 99>"


def test_a_gauge_that_is_read_cannot_be_set() -> None:
    gauge = Gauge(lambda: 4)

    assert gauge.value == 4

    with pytest.raises(TypeError, match="function"):
        gauge.set(1)
