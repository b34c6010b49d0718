"""A clock is corrected, never goes back, and is never wrong by more than it says."""

import math
from datetime import UTC, datetime
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.ntp.clock import DisciplinedClock
from hagworm.extend.ntp.timestamp import NANO

START = 1_800_000_000


class Quartz:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.ns = 123 * NANO

    def __call__(self) -> int:
        return self.ns

    def advance(self, seconds: float) -> None:
        self.ns += round(seconds * NANO)


def new(**options: float) -> tuple[Quartz, DisciplinedClock]:
    quartz = Quartz()
    return quartz, DisciplinedClock(monotonic=quartz, start_ns=START * NANO, **options)


def test_x17_before_anybody_has_corrected_it_it_says_that_it_does_not_know() -> None:
    _, clock = new()
    reading = clock.now()

    assert (reading.time, reading.error, reading.synchronised) == (START, math.inf, False)


@pytest.mark.parametrize("offset", [3600.0, -3600.0, 0.01, -0.01])
def test_a_clock_that_nobody_has_read_is_just_set(offset: float) -> None:
    _, clock = new()

    assert clock.correct(offset, 0.001)
    assert clock.time() == START + offset
    assert clock.error_bound == 0.001
    assert clock.synchronised


def test_x17_a_small_correction_is_made_up_bit_by_bit() -> None:
    quartz, clock = new()
    clock.time()
    clock.correct(0.1, 0.001)

    assert clock.now().error == pytest.approx(0.101)
    quartz.advance(100)
    assert clock.time() == pytest.approx(START + 100.05)
    quartz.advance(100)
    assert clock.time() == pytest.approx(START + 200.1)
    quartz.advance(100)
    assert clock.time() == pytest.approx(START + 300.1)
    assert clock.now().error == pytest.approx(0.001 + 300 * 15e-6)


def test_x17_a_large_correction_backwards_slows_the_clock_down() -> None:
    quartz, clock = new()
    clock.time()
    clock.correct(-10.0, 0.001)
    quartz.advance(10)
    assert clock.time() == pytest.approx(START + 5)
    quartz.advance(10)
    assert clock.time() == pytest.approx(START + 10)
    quartz.advance(10)
    assert clock.time() == pytest.approx(START + 20)
    assert clock.statistics().steps == 0


def test_a_large_correction_forwards_is_a_jump() -> None:
    _, clock = new()
    clock.time()
    clock.correct(10.0, 0.001)

    assert clock.time() == START + 10
    assert clock.statistics().steps == 1


def test_a_correction_that_is_too_large_to_be_true_is_refused() -> None:
    _, clock = new()
    assert clock.correct(7200.0, 0.1), "the first one may be as large as it likes"
    assert not clock.correct(9000.0, 0.1)
    assert not clock.synchronised
    assert clock.statistics().panics == 1
    assert clock.time() == START + 7200

    assert clock.correct(7200.5, 0.1)
    assert clock.synchronised


STEPS = st.lists(
    st.tuples(
        st.floats(0, 400),
        st.floats(-900, 900) | st.floats(-0.2, 0.2),
        st.floats(0, 1),
        st.booleans(),
    ),
    max_size=20,
)


@given(STEPS)
def test_it_never_goes_back_and_moves_at_most_as_fast_as_it_says(steps: list[tuple[float, float, float, bool]]) -> None:
    quartz, clock = new(panic=10_000.0)
    last = clock.time_ns()

    for wait, offset, error, read in steps:
        clock.correct(offset, error)
        before = clock.time_ns()
        quartz.advance(wait)

        if read:
            now = clock.time_ns()
            assert now >= before >= last
            assert now - before <= wait * NANO * 1.5 + 2
            last = now


@given(STEPS, st.floats(-15e-6, 15e-6))
@settings(max_examples=200)
def test_it_is_never_wrong_by_more_than_it_says(steps: list[tuple[float, float, float, bool]], drift: float) -> None:
    """The quartz gains `drift`; each correction is wrong by no more than its error; true time is reckoned beside it."""
    quartz, clock = new(panic=10_000.0)
    true_ns = START * NANO

    for wait, wrong, error, read in steps:
        quartz.advance(wait)
        true_ns += round(wait * NANO / (1 + drift))
        fault = max(-error, min(error, wrong / 900 * error))
        clock.correct((true_ns - clock.local_ns()) / NANO + fault, error)

        if read:
            reading = clock.now()
            assert abs(reading.time - true_ns / NANO) <= reading.error + 1e-6

        quartz.advance(wait)
        true_ns += round(wait * NANO / (1 + drift))
        reading = clock.now()
        assert reading.earliest - 1e-6 <= true_ns / NANO <= reading.latest + 1e-6

    assert clock.synchronised is bool(steps)


def test_what_was_lost_is_not_synchronised_until_it_is_corrected_again() -> None:
    quartz, clock = new(holdover=100.0)
    clock.correct(0.0, 0.1)
    quartz.advance(100)
    assert clock.synchronised

    quartz.advance(1)
    assert not clock.synchronised
    assert clock.now().error == pytest.approx(0.1 + 101 * 15e-6)

    clock.correct(0.0, 0.1)
    clock.lose()
    assert not clock.now().synchronised
    assert clock.time() == START + 101


def test_a_reading_knows_its_bounds_and_its_date() -> None:
    _, clock = new()
    clock.correct(0.0, 0.25)
    reading = clock.now()

    assert (reading.earliest, reading.latest) == (START - 0.25, START + 0.25)
    assert reading.datetime == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert repr(clock) == "<DisciplinedClock synchronised, offset +0.000000 s, error 0.250000 s>"


def test_x17_nobody_who_sets_the_clock_of_the_system_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = DisciplinedClock()
    before = clock.time()
    monkeypatch.setattr("time.time", lambda: 0.0)
    monkeypatch.setattr("time.time_ns", lambda: 0)

    assert before <= clock.time() < before + 60


def test_threads_see_it_never_go_back() -> None:
    clock = DisciplinedClock()
    faults = []

    def read() -> None:
        last = 0

        for _ in range(5000):
            if (now := clock.time_ns()) < last:
                faults.append((last, now))

            last = now

    threads = [Thread(target=read) for _ in range(3)]

    for thread in threads:
        thread.start()

    for number in range(2000):
        clock.correct((-1) ** number * 0.2, 0.01)

    for thread in threads:
        thread.join()

    assert faults == []


@pytest.mark.parametrize(
    "wrong", [{"drift": 0.0}, {"slew": 1.0}, {"brake": 1.0}, {"step": 0.0}, {"panic": -1.0}, {"holdover": 0.0}], ids=str
)
def test_options_make_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        new(**wrong)


@pytest.mark.parametrize(("offset", "error"), [(math.nan, 0.1), (math.inf, 0.1), (0.0, -1.0), (0.0, math.inf)])
def test_a_correction_is_a_number(offset: float, error: float) -> None:
    with pytest.raises(ValueError, match="correction"):
        new()[1].correct(offset, error)
