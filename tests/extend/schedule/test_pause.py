"""How long a loop rests."""

import pytest

from hagworm.extend.schedule.pause import pause_after


@pytest.mark.parametrize(
    ("failures", "expected"), [(0, 3.0), (1, 3.0), (2, 3.0), (3, 4.0), (4, 8.0), (5, 16.0), (6, 20.0), (10**9, 20.0)]
)
def test_the_rest_doubles_with_every_failure_in_a_row_between_its_bounds(failures: int, expected: float) -> None:
    assert pause_after(failures, delay=3.0, backoff=1.0, limit=20.0) == expected
