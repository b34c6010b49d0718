"""A timestamp of NTP and a moment in Unix time are the same, across the end of an era."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.ntp.timestamp import NANO, from_unix_ns, to_unix_ns

ROLLOVER = int(datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC).timestamp()) * NANO
YEAR = 31_556_952 * NANO


def test_era_1_begins_where_the_rfc_says() -> None:
    assert from_unix_ns(ROLLOVER) == 0
    assert from_unix_ns(ROLLOVER - NANO) == 0xFFFF_FFFF << 32
    assert to_unix_ns(0, ROLLOVER - 1) == ROLLOVER
    assert to_unix_ns(0xFFFF_FFFF << 32, ROLLOVER + 1) == ROLLOVER - NANO


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (datetime(1900, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, tzinfo=UTC), 2_208_988_800),
        (datetime(1999, 12, 31, tzinfo=UTC), 3_155_587_200),
        (datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC), 0),
        (datetime(2036, 2, 8, tzinfo=UTC), 63_104),
    ],
    ids=lambda value: str(value),
)
def test_the_dates_of_the_rfc(moment: datetime, seconds: int) -> None:
    """RFC 5905, figure 4."""
    unix_ns = int(moment.timestamp()) * NANO

    assert from_unix_ns(unix_ns) == seconds << 32
    assert to_unix_ns(seconds << 32, unix_ns) == unix_ns


@given(st.integers(min_value=-60 * YEAR, max_value=300 * YEAR), st.integers(min_value=-67 * YEAR, max_value=67 * YEAR))
def test_there_and_back_is_the_same_nanosecond_for_whoever_is_right_to_67_years(moment: int, wrong: int) -> None:
    assert to_unix_ns(from_unix_ns(moment), moment + wrong) == moment


@given(st.integers(min_value=0, max_value=(1 << 64) - 1), st.integers(min_value=0, max_value=300 * YEAR))
def test_the_era_is_the_nearest_one(stamp: int, near: int) -> None:
    assert abs(to_unix_ns(stamp, near) - near) <= (1 << 31) * NANO + NANO
