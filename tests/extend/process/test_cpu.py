"""Processors are dealt out as far as this process may use them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.process.cpu import allowed_cpus, cpu_count, deal_cpus, pin, quota


@given(st.integers(1, 40), st.sets(st.integers(0, 200), min_size=1, max_size=40))
def test_x11_each_slot_gets_processors_that_are_allowed(slots: int, cpus: set[int]) -> None:
    dealt = deal_cpus(slots, cpus)
    uses = [cpu for share in dealt for cpu in share]
    assert len(dealt) == slots
    assert all(dealt)
    assert set(uses) <= cpus
    counts = [uses.count(cpu) for cpu in cpus]
    assert max(counts) - min(counts) <= 1
    assert slots > len(cpus) or set(counts) == {1}


@pytest.mark.parametrize(("slots", "cpus"), ((0, {1}), (1, set())))
def test_nothing_is_not_dealt(slots: int, cpus: set[int]) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        deal_cpus(slots, cpus)


def test_x11_a_process_that_was_pinned_sees_only_that(tmp_path: Path) -> None:
    before = allowed_cpus()
    one = before[-1:]

    try:
        pin(one)
        assert allowed_cpus() == one
        assert cpu_count() == 1
        assert deal_cpus(2, allowed_cpus()) == [one, one]
    finally:
        pin(before)

    assert allowed_cpus() == before == tuple(sorted(os.sched_getaffinity(0)))


def groups(tmp_path: Path, line: str, **files: str) -> float | None:
    own = tmp_path / "own"
    own.write_text(line)
    root = tmp_path / "groups"

    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_in_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return quota(own, root)


def test_the_lowest_quota_of_all_groups_above_counts(tmp_path: Path) -> None:
    found = groups(
        tmp_path,
        "0::/a/b\n",
        cpu_in_max="max 100000\n",
        a__cpu_in_max="150000 100000\n",
        a__b__cpu_in_max="250000 100000\n",
    )
    assert found == 1.5


def test_the_quota_of_the_first_version_counts(tmp_path: Path) -> None:
    root = tmp_path / "groups" / "cpu" / "a"
    root.mkdir(parents=True)
    (root / "cpu.cfs_quota_us").write_text("50000\n")
    (root / "cpu.cfs_period_us").write_text("100000\n")
    assert groups(tmp_path, "4:cpu,cpuacct:/a\n3:memory:/a\n") == 0.5


def test_no_quota_is_none(tmp_path: Path) -> None:
    assert groups(tmp_path, "0::/\n", cpu_in_max="max 100000\n") is None
    assert quota(tmp_path / "nowhere", tmp_path) is None
    assert 1 <= cpu_count() <= len(allowed_cpus())
