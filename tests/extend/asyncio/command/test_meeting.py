"""Sockets are in a folder that only their user can enter, and that goes with the run, or with the next one."""

import os
import stat
from pathlib import Path

import pytest

from hagworm.extend.asyncio.command.meeting import PREFIX, make_folder, remove_folder
from hagworm.extend.process.identity import current_identity, space


def test_x1_only_its_user_gets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder, other = make_folder(), make_folder()
    assert folder != other
    assert {folder.parent, other.parent} == {tmp_path}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    remove_folder(folder)
    assert not folder.exists()


def test_what_a_killed_run_has_left_behind_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    pid, started = current_identity()
    gone = tmp_path / f"{PREFIX}{pid}-{started - 1}-{space()}-abc"
    elsewhere = tmp_path / f"{PREFIX}{pid}-{started - 1}-{space() + 1}-abc"
    foreign = tmp_path / f"{PREFIX}nobody-knows"

    for path in (gone, elsewhere, foreign):
        path.mkdir()
        (path / "socket").touch()

    kept = make_folder()
    again = make_folder()
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (kept, again, elsewhere, foreign)}
    assert os.listdir(elsewhere) == ["socket"]
