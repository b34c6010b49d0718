"""What becomes of a run that is due while another one goes on."""

import pytest

from hagworm.extend.schedule.overlap import Admission, Overlap, admit


@pytest.mark.parametrize("overlap", ["skip", "queue", "concurrent", "cancel"])
def test_a_run_that_meets_no_other_starts(overlap: Overlap) -> None:
    assert admit(overlap, running=0, waiting=0) == "start"


@pytest.mark.parametrize(
    ("overlap", "running", "waiting", "expected"),
    [
        ("skip", 1, 0, "skip"),
        ("queue", 1, 0, "wait"),
        ("queue", 1, 2, "wait"),
        ("queue", 1, 3, "skip"),
        ("queue", 0, 1, "wait"),
        ("concurrent", 1, 0, "start"),
        ("concurrent", 3, 0, "start"),
        ("concurrent", 4, 0, "skip"),
        ("cancel", 1, 0, "replace"),
        ("cancel", 1, 1, "replace"),
    ],
)
def test_the_policy_decides_where_there_is_one(
    overlap: Overlap, running: int, waiting: int, expected: Admission
) -> None:
    assert admit(overlap, running=running, waiting=waiting, limit=4, backlog=3) == expected
