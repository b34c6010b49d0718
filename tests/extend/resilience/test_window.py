"""Windows equal a look at all outcomes there have been."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.resilience.window import FAILED, OK, SLOW, CountWindow, Tally, TimeWindow

OUTCOMES = st.sampled_from([OK, FAILED, SLOW, FAILED | SLOW])


def tally(outcomes: list[int]) -> Tally:
    return Tally(len(outcomes), sum(bool(one & FAILED) for one in outcomes), sum(bool(one & SLOW) for one in outcomes))


@given(st.lists(OUTCOMES, max_size=80), st.integers(1, 30))
def test_a_count_window_is_the_last_so_many(outcomes: list[int], size: int) -> None:
    window = CountWindow(size)

    for number, outcome in enumerate(outcomes, start=1):
        window.record(outcome)
        assert window.tally(0.0) == tally(outcomes[max(0, number - size) : number])


@given(st.lists(st.tuples(st.integers(0, 40), OUTCOMES), max_size=60), st.integers(1, 12))
def test_a_time_window_is_the_last_so_many_slices(steps: list[tuple[int, int]], slices: int) -> None:
    window = TimeWindow(slices * 0.5, slices=slices)
    seen: list[tuple[float, int]] = []
    now = 1000.0

    for pause, outcome in steps:
        now += pause / 16
        window.record(outcome, now)
        seen.append((now, outcome))
        assert window.tally(now) == tally([one for moment, one in seen if now // 0.5 - moment // 0.5 < slices])


@pytest.mark.parametrize("window", [CountWindow(100_000), TimeWindow(1000.0)], ids=repr)
def test_threads_lose_no_outcome(window: CountWindow | TimeWindow) -> None:
    def work() -> None:
        for number in range(3000):
            if isinstance(window, CountWindow):
                window.record(number % 4)
            else:
                window.record(number % 4, 1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert window.tally(1.0) == Tally(12_000, 6000, 6000)


@pytest.mark.parametrize("size", [0, -1, 100_001])
def test_a_window_has_room_for_one_and_is_bounded(size: int) -> None:
    with pytest.raises(ValueError, match="window"):
        CountWindow(size)
