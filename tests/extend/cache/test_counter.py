"""What happened in a period is counted, neither more nor less, and no count is lost for want of room."""

import gc
import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.cache import PeriodCounter
from hagworm.extend.error import Overloaded


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_period_begins_with_nothing(clock: Clock) -> None:
    counter = PeriodCounter(10, clock=clock)
    assert counter.incr("a") == 1
    assert counter.incr("a", 5) == 6
    assert counter.decr("a") == 5
    assert (counter.get("a"), counter.get("b")) == (5, 0)
    assert counter.left() == 10
    clock.now += 9.5
    assert counter.get("a") == 5
    assert counter.left() == pytest.approx(0.5)
    clock.now += 0.5
    assert counter.get("a") == 0
    assert len(counter) == 0


def test_r12_a_sliding_period_does_not_double_at_its_edge(clock: Clock) -> None:
    counter = PeriodCounter(10, slices=10, clock=clock)
    clock.now = 1009.9
    counter.incr("a", 100)
    clock.now = 1010.1
    assert counter.incr("a") == 101
    clock.now = 1018.9
    assert counter.get("a") == 101
    clock.now = 1019.0
    assert counter.get("a") == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 7), st.sampled_from("ab"), st.integers(-3, 9)), max_size=40))
def test_it_is_what_a_list_of_all_that_happened_says(events: list[tuple[float, str, int]]) -> None:
    clock = Clock()
    counter = PeriodCounter(10, slices=5, clock=clock)
    happened: list[tuple[int, str, int]] = []

    for pause, key, value in events:
        clock.now += pause
        place = math.floor(clock.now / 2)
        happened.append((place, key, value))
        expected = sum(value for at, one, value in happened if one == key and at > place - 5)
        assert counter.incr(key, value) == expected
        assert set(counter.totals) == {one for at, one, _ in happened if at > place - 5}


def test_r13_a_count_is_taken_back_when_that_is_said_and_not_by_the_garbage_collector(clock: Clock) -> None:
    counter = PeriodCounter(10, clock=clock)
    total, trx = counter.incr_with_trx("a", 5)
    assert total == 5
    trx.rollback()
    assert counter.get("a") == 0

    with counter.incr_with_trx("a", 3)[1]:
        pass

    assert counter.get("a") == 3

    with pytest.warns(ResourceWarning, match="nothing is undone"):
        total, _ = counter.incr_with_trx("a")
        del _, trx
        gc.collect()

    assert counter.get("a") == total == 4


def test_what_is_over_is_not_taken_back_from_what_follows(clock: Clock) -> None:
    counter = PeriodCounter(10, clock=clock)
    _, trx = counter.incr_with_trx("a", 5)
    clock.now += 10
    counter.incr("a", 7)
    trx.rollback()
    assert counter.get("a") == 7


def test_r14_no_count_is_lost_for_want_of_room(clock: Clock) -> None:
    counter = PeriodCounter(10, maxsize=2, clock=clock)
    counter.incr("a")
    counter.incr("b")

    with pytest.raises(Overloaded, match="counts no more keys") as caught:
        counter.incr("c")

    assert caught.value.retry_after == 10
    assert (counter.incr("a"), counter.get("b")) == (2, 1)
    seen = counter.statistics()
    assert (seen.keys, seen.refused) == (2, 1)
    clock.now += 10
    assert counter.incr("c") == 1


def test_a_clock_that_is_set_back_brings_no_count_back_and_loses_none(clock: Clock) -> None:
    counter = PeriodCounter(10, clock=clock)
    clock.now += 10
    counter.incr("a")
    clock.now -= 10
    assert counter.incr("a") == 2


def test_threads_lose_no_count() -> None:
    counter = PeriodCounter(3600, clock=lambda: 5.0)
    threads = [threading.Thread(target=lambda: [counter.incr("a") for _ in range(5000)]) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert counter.get("a") == 20_000
    counter.clear()
    assert counter.get("a") == 0
    assert repr(counter) == "<PeriodCounter of 3600 s, 0 keys>"


@pytest.mark.parametrize("wrong", [{"period": 0}, {"period": math.inf}, {"period": 1, "slices": 0}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not"):
        PeriodCounter(**wrong)  # type: ignore[arg-type]  # that is what is wrong
