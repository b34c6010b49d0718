"""Whoever reads a file sees the old one or the new one, both whole."""

import os
import stat
from pathlib import Path

import pytest

from hagworm.extend.base.replacement import replacement


@pytest.mark.parametrize("sync", [True, False])
def test_the_new_file_takes_the_place_of_the_old_one(sync: bool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)

    with replacement(path, sync=sync) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["file"]


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with pytest.raises(RuntimeError), replacement(path) as file:
        file.write(b"new")
        raise RuntimeError

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_leads_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "file")

    with replacement(tmp_path / "link") as file:
        file.write(b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_new_file_can_be_read_by_all(tmp_path: Path) -> None:
    with replacement(tmp_path / "file") as file:
        file.write(b"new")

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_permissions_that_are_asked_for_are_those_of_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o644)

    with replacement(path, mode=0o600) as file:
        file.write(b"new")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"new"
