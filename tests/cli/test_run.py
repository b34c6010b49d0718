"""`hagworm run` serves until it is told to stop; its exit code says how it went."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hagworm.facade import serving
from tests.cli.conftest import Project


@contextmanager
def running(project: Project, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command in a process of its own until it says where it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hagworm", "run", *arguments],
        cwd=project.folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    try:
        assert process.stdout is not None
        said = ""

        while not (match := re.search(r"http://[\d.]+:\d+", said)):
            line = process.stdout.readline()
            assert line, f"ended before it served:\n{said}"
            said += line

        yield process, match[0]
    finally:
        if process.poll() is None:
            process.kill()

        process.communicate()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Applications are not served but collected."""
    apps: list[Any] = []

    def serve(app: Any) -> int:
        apps.append(app)
        return 0

    monkeypatch.setattr(serving, "serve", serve)
    return apps


@pytest.mark.parametrize("engine", ["fastapi", "tornado"])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_c3_a_service_answers_and_stops_when_told_to(shop: Project, engine: str, stop: signal.Signals) -> None:
    with running(shop, "shop:app", "--engine", engine, "--port", "0") as (process, url):
        with urllib.request.urlopen(f"{url}/orders/7", timeout=10) as response:
            assert response.read() == b'{"id":7}'

        process.send_signal(stop)
        assert process.wait(timeout=20) == 0


def test_options_are_settings_of_the_command_line(shop: Project, served: list[Any]) -> None:
    shop.write("hagworm.toml", "[server]\nport = 1\nhost = 'h'\nreload = true\n")
    done = shop.run(
        "run", "shop:app", "--engine", "memory", "--port", "2", "--workers", "3", "--no-reload", "--uds", "x.sock",
        "--set", "orders.page=4",
    )  # fmt: skip
    settings = served[0].settings

    assert done.exit_code == 0
    assert (settings.server.engine, settings.server.host, settings.server.port) == ("memory", "h", 2)
    assert (settings.server.workers, settings.server.reload, settings.orders.page) == (3, False, 4)
    assert settings.sources["server.port"] == "--port"
    assert settings.sources["server.reload"] == "--no-reload"
    assert settings.sources["server.host"] == "hagworm.toml:3"


def test_the_exit_code_is_that_of_the_server(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "serve", lambda app: 3)

    assert shop.run("run", "shop:app").exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shop:ap",), "error: 'shop' has no attribute 'ap' (did you mean 'app'?) (shop.py)"),
        (("shop:app", "--port", "eight"), "error: server.port: expected an integer, got 'eight' (--port)"),
        (("shop:app", "--workers", "0"), "error: server.workers: expected a number of at least 1, got 0 (--workers)"),
        (("shop:app", "--engine", "tornadoo"), "error: unknown engine 'tornadoo' (did you mean 'tornado'?)"),
        (("shop:app", "--config", "no.toml"), "error: no.toml: no such file (--config)"),
        (("shop:app", "--set", "environment=production"), "error: orders.token: is known to everybody (default)"),
    ],
)
def test_what_is_wrong_before_the_start_exits_with_2(
    shop: Project, served: list[Any], arguments: tuple[str, ...], message: str
) -> None:
    done = shop.run("run", *arguments)

    assert (done.exit_code, served) == (2, [])
    assert done.stderr.startswith(message)


def test_a_mistake_in_a_declaration_exits_with_2(shop: Project, served: list[Any]) -> None:
    shop.write("wrong.py", "from shop import app\n\n@app.get('/x')\nasync def x(y: 'Nowhere'): ...\n")
    done = shop.run("run", "wrong:app")

    assert (done.exit_code, served) == (2, [])
    assert re.match(r"error: .*wrong\.py:3", done.stderr)


def test_a_port_in_use_exits_with_2_and_a_failed_start_with_3(shop: Project) -> None:
    shop.write(
        "late.py", "from shop import app\n@app.lifespan\nasync def broken(app):\n    raise OSError('no')\n    yield\n"
    )

    def run(target: str, port: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hagworm", "run", target, "--port", str(port)]
        return subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, timeout=50)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("shop:app", port)

    assert (done.returncode, f":{port}" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert run("late:app", 0).returncode == 3


def test_an_application_that_is_frozen_already_cannot_be_configured(shop: Project) -> None:
    shop.write("early.py", "from shop import app\npath = app.url('order', order_id=1)\n")
    done = shop.run("run", "early:app")

    assert done.exit_code == 2
    assert done.stderr.startswith("error: early:app: <App 'Shop'> is frozen")
