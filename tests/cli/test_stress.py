"""`hagworm stress` says what is wrong before it starts, and what came of it afterwards, also after Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from hagworm.frame.stress_tests import Result
from tests.frame.stress_tests.server import started
from tests.tree import ROOT

SCENARIOS = str(ROOT / "tests" / "frame" / "stress_tests" / "scenarios.py")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with started() as (found, _):
        yield found


def stress(*arguments: str, module: str = "hagworm stress", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *module.split(), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=50,
    )


@pytest.mark.parametrize("module", ["hagworm stress", "hagworm.frame.stress_tests"])
def test_it_loads_a_url_and_says_what_came_of_it(url: str, tmp_path: Path, module: str) -> None:
    path = tmp_path / "result.json"
    done = stress(f"{url}/ok", "--rate", "100", "--duration", "0.5", "--json", str(path), module=module)

    assert done.returncode == 0, done.stderr
    assert re.search(r"GET /ok +50 +0 ", done.stdout)
    assert Result.load(path.read_text()).figures.line("GET /ok").successes == 50


def test_it_runs_a_scenario_with_users(url: str) -> None:
    done = stress(f"{SCENARIOS}:Raising", "--target", url, "--users", "2", "--duration", "0.3", "--think", "0.1")

    assert done.returncode == 0, done.stderr
    assert "ValueError: not today" in done.stdout


def test_it_follows_a_recorded_profile_with_a_request_of_its_own(url: str, tmp_path: Path) -> None:
    (tmp_path / "profile.csv").write_text("seconds,rate\n0,20\n0.5,60\n")
    (tmp_path / "body.json").write_text("{}")
    done = stress(
        *(f"{url}/ok", "--profile", "profile.csv", "--method", "POST", "--body", "@body.json"),
        *("--header", "Content-Type: application/json", "--expect", "201", "--poisson", "--seed", "1"),
        folder=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert "POST /ok: status 200" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("http://127.0.0.1:1/ --rate 5", "nothing answers at http://127.0.0.1:1/: Connection refused"),
        ("http://192.0.2.1/ --rate 5", "--target-is-mine"),
        ("nowhere.py:X --rate 5", "no such file: nowhere.py"),
        (f"{SCENARIOS}:Slwo --rate 5", "did you mean 'Slow'"),
        ("URL --rate fast", "not a rate: 'fast'; expected"),
        ("URL --users 0", "at least one user"),
        ("URL --rate 5 --users 5", "not --rate and --users"),
        ("URL", "none of them"),
        ("URL --rate 5 --duration soon", "not a duration: 'soon'"),
        ("URL --users 5 --think long", "not a think time: 'long'"),
        ("URL --profile missing.csv", "cannot read the profile"),
        ("URL --rate 5 --header nothing", "not a header: 'nothing'"),
        ("URL --rate 5 --body @missing", "cannot read the body"),
        ("URL --rate 5 --processes 0", "at least one process"),
        ("ws://127.0.0.1:1/ --rate 5", "is spoken by scenarios"),
    ],
)
def test_what_is_wrong_is_said_before_any_load(url: str, arguments: str, message: str) -> None:
    done = stress(*arguments.replace("URL", f"{url}/ok").split())

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_reports_what_there_is_at_once(url: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "hagworm",
            "stress",
            f"{url}/ok",
            "--rate",
            "200",
            "--duration",
            "1h",
            "--processes",
            "2",
        ],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        # It says what it will do when everything has been checked; load runs a moment later.
        assert "open model" in process.stderr.readline()
        wait_for_load(url)
        process.send_signal(number)
        said = process.stdout.read()

    assert process.returncode == 130
    assert re.search(r"GET /ok +\d+ +0 ", said)


def wait_for_load(url: str) -> None:
    """Return when the server has got some more requests."""

    def received() -> int:
        with urllib.request.urlopen(f"{url}/counters", timeout=10) as answer:
            return int(json.load(answer).get("received", 0))

    before = received()

    while received() < before + 20:
        pass
