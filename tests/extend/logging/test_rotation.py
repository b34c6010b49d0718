"""When a file is put aside follows from its size and its time, and from nothing that a process remembers."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.logging.rotation import Aside, Rotation

DAY = 86400.0


@pytest.fixture(autouse=True)
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def moment(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def test_l1_sizes_are_bytes_and_the_line_that_comes_counts() -> None:
    rotation = Rotation(max_bytes=100)

    assert not rotation.is_due(60, 0, 40, 0)
    assert rotation.is_due(60, 0, 41, 0)


def test_a_line_that_is_longer_than_a_file_may_be_is_written_alone() -> None:
    assert not Rotation(max_bytes=100).is_due(0, 0, 5000, 0)


@given(days=st.integers(1, 400))
def test_l1_idle_days_are_one_reason_not_many(days: int) -> None:
    """However long nothing was logged: the old file is put aside once, and the new one, written to now, is not."""
    rotation = Rotation(every=DAY)
    written = moment("2026-03-01 12:00:00")
    now = written + days * DAY

    assert rotation.is_due(10, written, 1, now)
    assert not rotation.is_due(10, now, 1, now + 1)
    assert not rotation.is_due(0, written, 1, now), "an empty file is never put aside"


def test_days_end_at_midnight_of_local_time() -> None:
    rotation = Rotation(every=DAY)

    assert rotation.is_due(1, moment("2026-03-01 23:59:59"), 1, moment("2026-03-02 00:00:00"))
    assert not rotation.is_due(1, moment("2026-03-01 00:00:00"), 1, moment("2026-03-01 23:59:59"))


def test_hours_end_when_they_are_full() -> None:
    rotation = Rotation(every=3600)

    assert rotation.is_due(1, moment("2026-03-01 10:59:59"), 1, moment("2026-03-01 11:00:00"))
    assert not rotation.is_due(1, moment("2026-03-01 11:00:00"), 1, moment("2026-03-01 11:59:59"))


@given(st.lists(st.integers(0, 10**9), max_size=30))
def test_names_are_new_and_known_again_and_sort_by_age(moments: list[int]) -> None:
    rotation = Rotation()
    names: list[str] = []

    for changed in sorted(moments):
        names.append(rotation.name_aside("orders.log", changed, names))

    assert len(set(names)) == len(names) and names == sorted(names)
    assert all(rotation.is_aside("orders.log", name) for name in names)
    assert all(rotation.is_aside("orders.log", f"{name}.gz") for name in names)


@pytest.mark.parametrize(
    "name", ["orders.log", "orders.log.1", "orders.log.gz", "orders.log.20260301", "orders.log.2026a301-101010", "x"]
)
def test_files_of_others_are_left_alone(name: str) -> None:
    assert not Rotation().is_aside("orders.log", name)


FILES = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=30).map(
    lambda pairs: [Aside(f"f{number:02}", size, changed) for number, (size, changed) in enumerate(pairs)]
)


@given(FILES, st.integers(0, 10), st.integers(0, 500), st.integers(0, 3000))
def test_what_is_kept_is_few_young_and_small_enough(
    files: list[Aside], keep_files: int, keep_for: int, keep_bytes: int
) -> None:
    rotation = Rotation(keep_files=keep_files, keep_for=keep_for, keep_bytes=keep_bytes)
    gone = set(rotation.expired(files, 1000))
    kept = [file for file in files if file.name not in gone]

    assert not keep_files or len(kept) <= keep_files
    assert not keep_for or all(1000 - file.changed <= keep_for for file in kept)
    assert not keep_bytes or sum(file.size for file in kept) <= keep_bytes
    assert keep_files or keep_for or keep_bytes or not gone, "without a rule nothing goes"
    assert all(
        (file.changed, file.name) <= (other.changed, other.name)
        for file in files
        if file.name in gone
        for other in kept
    ), "the oldest go"
