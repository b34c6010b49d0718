"""Figures as people read them keep three digits, and never say another number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.frame.stress_tests.quantity import (
    show_bytes,
    show_count,
    show_factor,
    show_rate,
    show_seconds,
    show_share,
)

UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}


@given(st.floats(1e-6, 1e6))
def test_a_time_is_shown_within_half_a_percent(seconds: float) -> None:
    number, unit = show_seconds(seconds).split()

    assert float(number) * UNITS[unit] == pytest.approx(seconds, rel=0.00501)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (show_seconds(0), "0 µs"),
        (show_seconds(0.00085), "850 µs"),
        (show_seconds(0.0009999), "1 ms"),
        (show_seconds(0.01234), "12.3 ms"),
        (show_seconds(0.9999), "1 s"),
        (show_seconds(75), "75 s"),
        (show_share(0.00123), "0.123 %"),
        (show_share(0.0000001), "1e-05 %"),
        (show_share(1), "100 %"),
        (show_rate(12.345), "12.3/s"),
        (show_rate(12345.6), "12,346/s"),
        (show_count(1234567), "1,234,567"),
        (show_factor(1.234), "1.23x"),
        (show_bytes(640), "640 B"),
        (show_bytes(1536), "1.5 KiB"),
        (show_bytes(5 * 2**40), "5 TiB"),
    ],
)
def test_the_forms(shown: str, text: str) -> None:
    assert shown == text
