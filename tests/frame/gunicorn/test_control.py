"""The control socket lies where only its user can reach it, or nowhere."""

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config

from hagworm.frame.gunicorn.control import choose_control_socket

logger = logging.getLogger("hagworm")


@pytest.fixture(autouse=True)
def runtime_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose path is short, as the address of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="hw") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def configured(**settings: Any) -> Config:
    cfg = Config()

    for name, value in settings.items():
        cfg.set(name, value)

    choose_control_socket(cfg, logger)
    return cfg


def test_the_same_service_has_the_same_path_and_another_has_not(runtime_folder: Path) -> None:
    one, same, other, elsewhere = (
        configured(default_proc_name=name, bind=[address]).control_socket
        for name, address in (("a:app", ":1"), ("a:app", ":1"), ("b:app", ":1"), ("a:app", ":2"))
    )

    assert one == same
    assert len({one, other, elsewhere}) == 3
    assert Path(one).parent == runtime_folder / "hagworm"
    assert Path(one).name.startswith("a-app-")


def test_nobody_else_can_enter_the_folder(runtime_folder: Path) -> None:
    configured()

    assert (runtime_folder / "hagworm").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["open to all", "a link", "a file"])
def test_a_folder_that_is_not_ours_alone_is_not_used(
    runtime_folder: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = runtime_folder / "hagworm"

    if kind == "open to all":
        folder.mkdir()
        folder.chmod(0o777)
    elif kind == "a link":
        (runtime_folder / "real").mkdir(mode=0o700)
        folder.symlink_to(runtime_folder / "real")
    else:
        folder.write_text("")

    assert configured().control_socket_disable is True
    assert "is not a folder that only this user can enter" in caplog.text


def test_without_a_runtime_folder_the_temporary_one_serves(
    runtime_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(runtime_folder))

    assert Path(configured().control_socket).parent == runtime_folder / f"hagworm-{os.geteuid()}"


def test_a_path_that_is_too_long_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))

    assert configured().control_socket_disable is True
    assert "too long" in caplog.text


@pytest.mark.parametrize("settings", [{"control_socket": "/run/mine.ctl"}, {"control_socket_disable": True}])
def test_what_the_user_chose_stands(settings: dict[str, Any], runtime_folder: Path) -> None:
    cfg = configured(**settings)

    assert all(getattr(cfg, name) == value for name, value in settings.items())
    assert not (runtime_folder / "hagworm").exists()


def test_what_is_configured_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAGWORM_SERVER__CONTROL_SOCKET", "/run/orders.ctl")

    assert configured().control_socket == "/run/orders.ctl"
