"""`hagworm stress` says what is wrong before it starts, and what came of it afterwards, also after Ctrl-C."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hagworm.frame.stress_tests import Result
from hagworm.frame.stress_tests.report import ENDINGS, read_result
from tests.frame.stress_tests.runs import drawn, steady
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
        ("URL --rate 5 --slo p99<fast", "not an objective: 'p99<fast': at place 5"),
        ("URL --rate 5 --slo p99<1.1x", "compare two (--compare)"),
        ("URL --rate 5 --report report.pdf", "a report is one of"),
        ("URL --rate 5 --report nowhere/report.html", "no such folder"),
        ("--rate 5", "expected a URL or a scenario"),
        ("URL --compare a.json b.json", "puts no load on anything"),
        ("--compare a.json b.json", "cannot read the result"),
        ("--compare a.json b.json --slo p99<1s", "a ratio of the two runs"),
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


@pytest.mark.parametrize(
    ("slo", "code", "said"),
    [
        ("error<1%,p50<9s,GET /ok:rate>10", 0, "kept: error<1%: it was 0 %"),
        ("error<1%,max<1us", 1, r"MISSED: max<0\.001ms: it was .* ms, .* above 0\.001ms"),
    ],
    ids=["kept", "missed"],
)
def test_objectives_decide_the_exit_code_and_are_in_every_report(
    url: str, tmp_path: Path, slo: str, code: int, said: str
) -> None:
    reports = [tmp_path / f"report{ending}" for ending in ENDINGS]
    done = stress(
        *(f"{url}/ok", "--rate", "100", "--duration", "0.5", "--slo", slo),
        *(argument for path in reports for argument in ("--report", str(path))),
    )

    assert done.returncode == code, done.stderr
    assert re.search(said, done.stdout)
    assert all(f"wrote {path}" in done.stderr and path.stat().st_size for path in reports)
    assert read_result(tmp_path / "report.json").figures.total.successes == 50
    assert ("objectives kept" in (tmp_path / "report.html").read_text()) == (code == 0)


def test_two_results_are_compared(tmp_path: Path) -> None:
    for name, median in (("a", 0.02), ("b", 0.03), ("c", 0.02)):
        (tmp_path / f"{name}.json").write_text(drawn(steady(median), ord(name)).dump())

    same = stress("--compare", "a.json", "c.json", "--slo", "p50<1.2x", folder=tmp_path)
    slower = stress("--compare", "a.json", "b.json", "--slo", "p50<1.2x", "--json", "d.json", folder=tmp_path)

    assert same.returncode == 0, same.stderr
    assert "No difference seen in 7 figures, with 95% confidence" in same.stdout
    assert slower.returncode == 1
    assert re.search(r"GET / +p50 .*1\.[45]\d?x .* slower\n", slower.stdout)
    assert "MISSED: p50<1.2x" in slower.stdout
    assert json.loads((tmp_path / "d.json").read_text())["limits"][0]["state"] == "missed"


def test_what_is_no_comparison_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(drawn(steady(), 1, seconds=5).dump())
    (tmp_path / "b.json").write_text(drawn(steady(), 2, seconds=5, rate=50).dump())
    done = stress("--compare", "a.json", "b.json", folder=tmp_path)

    assert done.returncode == 2
    assert "the load was not the same: open model, constant: 100/s; and open model, constant: 50/s" in done.stderr


def test_the_example_is_loaded_on_both_engines_and_compared(tmp_path: Path) -> None:
    for engine in ("fastapi", "tornado"):
        with example(engine, tmp_path) as target:
            done = stress(
                *(f"{target}/orders", "--rate", "30", "--duration", "5.2", "--slo", "error<1%"),
                *("--json", str(tmp_path / f"{engine}.json")),
            )

        assert done.returncode == 0, done.stderr
        assert re.search(r"^5 s: .* 0 failed$", done.stderr, re.MULTILINE)

    compared = stress("--compare", "fastapi.json", "tornado.json", "--slo", "p50<50x,error<+5%", folder=tmp_path)

    assert compared.returncode == 0, compared.stdout
    assert len(re.findall(r"^GET /orders ", compared.stdout, re.MULTILINE)) == 7


@contextmanager
def example(engine: str, folder: Path) -> Iterator[str]:
    """Serve the orders of a shop, and yield their URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]

    log = folder / f"{engine}.log"

    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hagworm", "run", "orders.app:app", "--engine", engine, "--port", str(port)],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "docs" / "examples"))),
                "HAGWORM_DATABASE__URL": f"sqlite+aiosqlite:///{folder / 'orders.db'}",
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    try:
        while not answers(f"http://127.0.0.1:{port}/orders"):
            assert process.poll() is None, log.read_text()

        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for_load(url: str) -> None:
    """Return when the server has got some more requests."""

    def received() -> int:
        with urllib.request.urlopen(f"{url}/counters", timeout=10) as answer:
            return int(json.load(answer).get("received", 0))

    before = received()

    while received() < before + 20:
        pass
