"""The sample of least delay is believed, until a newer one can be wrong by less, or contradicts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.ntp.filter import SampleFilter
from hagworm.extend.ntp.sample import Sample
from hagworm.extend.ntp.timestamp import NANO


def sample(offset: float, delay: float, second: float) -> Sample:
    return Sample(offset, delay, 1e-6, int(second * NANO))


def test_x17_a_sample_that_waited_is_worse_than_one_that_did_not() -> None:
    samples = SampleFilter()

    for second, (offset, delay) in enumerate([(0.1, 0.21), (0.0, 0.01), (0.2, 0.41), (-0.3, 0.61)]):
        samples.add(sample(offset, delay, second))

    best = samples.best(4 * NANO)
    assert best is not None
    assert best.delay == 0.01
    assert samples.jitter(4 * NANO) == pytest.approx(((0.01 + 0.04 + 0.09) / 3) ** 0.5)


@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), min_size=1, max_size=30))
def test_whatever_the_network_does_the_truth_is_within_the_distance(waits: list[tuple[float, float]]) -> None:
    """The true offset is 0; each packet waits so long on its way there and back."""
    samples = SampleFilter()

    for second, (there, back) in enumerate(waits):
        samples.add(sample((there - back) / 2, there + back, second))

    best = samples.best(len(waits) * NANO)
    assert best is not None
    assert abs(best.offset) <= best.distance(len(waits) * NANO)
    assert best.delay <= min(sum(wait) for wait in waits[-8:]) + 1e-9 + 2 * 8 * 15e-6
    assert samples.contradictions == 0


def test_an_old_sample_gives_way_to_a_new_one() -> None:
    samples = SampleFilter()
    samples.add(sample(0.0, 0.010, 0))
    samples.add(sample(0.001, 0.011, 1000))

    best = samples.best(1000 * NANO)
    assert best is not None
    assert best.offset == 0.001


def test_a_sample_that_contradicts_the_others_replaces_them() -> None:
    """A clock has been set, or our machine has slept."""
    samples = SampleFilter()

    for second in range(5):
        samples.add(sample(0.0, 0.01, second))

    samples.add(sample(5.0, 0.3, 5))
    best = samples.best(5 * NANO)

    assert (len(samples), samples.contradictions) == (1, 1)
    assert best is not None
    assert best.offset == 5.0


def test_no_more_samples_are_kept_than_it_has_stages() -> None:
    samples = SampleFilter(stages=2)

    for second in range(5):
        samples.add(sample(0.0, 0.01 * (second + 1), second))

    assert len(samples) == 2
    samples.clear()
    assert samples.best(0) is None
    assert samples.jitter(0) == 0.0

    with pytest.raises(ValueError, match="at least one sample"):
        SampleFilter(stages=0)
