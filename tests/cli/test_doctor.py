"""`hagworm doctor` finds what a machine lacks; every fault has a remedy."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from hagworm.cli import diagnosis
from tests.cli.conftest import Project


@pytest.fixture(autouse=True)
def quiet_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAGWORM_SERVER__PORT", "0")


def examine(project: Project, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = project.run("doctor", "--json", *arguments)
    return done.exit_code, {item["what"]: item for item in json.loads(done.stdout)}


def test_a_machine_in_order_is_called_so(shop: Project) -> None:
    code, found = examine(shop, "shop:app")
    faults = [item for item in found.values() if item["level"] == "fail"]

    assert faults == []
    assert code == 0
    assert {"python", "hagworm", "tornado", "fastapi", "click", "event loop", "open files", "engine", "address"} <= {
        *found
    }
    assert found["application"]["found"] == "shop:app: Shop 1.2"


def test_every_fault_names_a_remedy(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setenv("HAGWORM_SERVER__PORT", port)
        code, found = examine(shop, "shop:app", "--set", "server.engine=tornadoo", "--set", "server.workers=1000")

    assert code == 1
    assert found["engine"]["level"] == "fail"
    assert found["address"]["level"] == "fail"
    assert found["workers"]["level"] == "warn"
    assert all(item["remedy"] for item in found.values() if item["level"] != "ok")


def test_an_application_that_cannot_be_had_is_a_fault(project: Project) -> None:
    code, found = examine(project, "nowhere:app")

    assert code == 1
    assert found["application"]["level"] == "fail"
    assert "no module named 'nowhere'" in found["application"]["found"]


def test_no_application_is_needed(project: Project) -> None:
    code, found = examine(project)

    assert code == 0
    assert "application" not in found
    assert found["engine"]["found"] == "fastapi"


def test_text_has_a_line_for_each(project: Project) -> None:
    done = project.run("doctor")

    assert any(line.startswith("ok") and " python " in line for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("demand", "level", "found", "remedy"),
    [
        ("click>=999", "fail", ", needed >=999", 'pip install "click>=999"'),
        ("no-such-package-at-all>=1", "fail", "missing, needed >=1", 'pip install "no-such-package-at-all>=1"'),
        ("click>=1", "ok", "", ""),
    ],
)
def test_a_package_is_held_against_its_lowest_version(demand: str, level: str, found: str, remedy: str) -> None:
    symptom = diagnosis.examine_package(Requirement(demand))

    assert (symptom.level, symptom.remedy) == (level, remedy)
    assert symptom.found.endswith(found)


@pytest.mark.parametrize(
    ("demands", "level"),
    [
        (["click>=1"], "ok"),
        (["no-such-package-at-all>=1"], "note"),
        (["click>=1", "no-such-package-at-all>=1"], "note"),
        (["click>=999"], "fail"),
    ],
)
def test_an_extra_is_whole_absent_or_too_old(demands: list[str], level: str) -> None:
    assert diagnosis.examine_extra("thing", [Requirement(demand) for demand in demands]).level == level


@pytest.mark.parametrize(
    ("soft", "hard", "level", "remedy"),
    [
        (256, 1024, "fail", "ulimit -n 1024, or LimitNOFILE= in the systemd unit"),
        (1024, 1 << 20, "warn", "ulimit -n 8192, or LimitNOFILE= in the systemd unit"),
        (1 << 20, 1 << 20, "ok", ""),
        (-1, -1, "ok", ""),
    ],
)
def test_few_open_files_are_few_connections(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, level: str, remedy: str
) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, hard))
    symptom = diagnosis.examine_files()

    assert (symptom.level, symptom.remedy) == (level, remedy)


def test_a_folder_nobody_can_write_to_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    symptom = diagnosis.examine_folder("folder", tmp_path / "nowhere", "warn")

    assert symptom.level == "warn"
    assert "cannot be written: No such file or directory" in symptom.found

    def full(folder: Any) -> Any:
        return type("Usage", (), {"free": 1})

    monkeypatch.setattr("shutil.disk_usage", full)
    assert diagnosis.examine_folder("folder", tmp_path, "fail").level == "warn"


def test_a_missing_server_is_found(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "find_spec", lambda name: None if name in ("granian", "uvloop") else object())
    code, found = examine(project, "--set", "server.asgi_server=granian")

    assert code == 1
    assert found["ASGI server"]["remedy"] == 'pip install "hagworm[granian]"'
    assert found["event loop"]["level"] == "warn"


def test_the_place_of_a_unix_socket_must_be_writable(project: Project) -> None:
    code, found = examine(project, "--set", f"server.uds={project.folder / 'nowhere' / 'x.sock'}")
    assert (code, found["socket"]["level"]) == (1, "fail")

    code, found = examine(project, "--set", f"server.uds={project.folder / 'x.sock'}")
    assert (code, found["socket"]["level"]) == (0, "ok")
