"""Laws of `hagworm stress` over several machines: what it prints, and the codes with which it ends."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.frame.stress_tests.server import started

Counters = Callable[[], dict[str, Any]]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Counters]]:
    with started() as found:
        yield found


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> "subprocess.Popen[str]":
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "hagworm", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                text=True,
            )
        )
        return running[-1]

    yield begin

    for one in running:
        if one.poll() is None:
            one.kill()
            one.wait()

        for stream in (one.stdout, one.stderr):
            assert stream is not None
            stream.close()


def until(process: "subprocess.Popen[str]", wanted: str) -> str:
    """Return the line of its standard error in which something stands."""
    assert process.stderr is not None

    for line in process.stderr:
        if re.search(wanted, line):
            return line

    raise AssertionError(f"{wanted!r} has never come")


def led(
    start: Start, server: tuple[str, Counters], *options: str
) -> "tuple[subprocess.Popen[str], list[subprocess.Popen[str]]]":
    """Start a coordinator, and two agents by the command that it prints; the load has begun when this returns."""
    url, counters = server
    before = counters().get("received", 0)
    coordinator = start("stress", f"{url}/ok", *options, "--agents", "2", "--wait", "30s")
    command = shlex.split(until(coordinator, "--join").partition(": hagworm ")[2])
    agents = [start(*command, "--processes", "1") for _ in range(2)]
    until(coordinator, "clocks agree")

    while counters().get("received", 0) < before + 20:
        assert coordinator.poll() is None

    return coordinator, agents


def test_ctrl_c_where_it_is_led_reports_what_there_is_and_ends_all(start: Start, server: Any) -> None:
    coordinator, agents = led(start, server, "--rate", "50", "--duration", "1h")
    coordinator.send_signal(signal.SIGINT)
    out, err = coordinator.communicate()
    told = [one.communicate()[1] for one in agents]

    assert coordinator.returncode == 130, err
    assert "GET /ok" in out
    assert [one.returncode for one in agents] == [0, 0], told


def test_a_lost_agent_is_in_the_report_and_in_the_exit_code(start: Start, server: Any) -> None:
    coordinator, agents = led(start, server, "--rate", "50", "--duration", "3s")
    agents[0].kill()
    out, err = coordinator.communicate()
    told = [one.communicate()[1] for one in agents]

    assert coordinator.returncode == 3, err
    assert "lost agents: " in out
    assert [one.returncode for one in agents] == [-signal.SIGKILL, 0], told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["URL", "--rate", "1", "--agents", "0"], "at least one agent"),
        (["URL", "--rate", "1", "--agents", "1", "--listen", "here"], "cannot listen"),
        (["URL", "--rate", "1", "--agents", "1", "--wait", "0.1s"], "0 of 1 agents came within 0.1 s"),
        (["URL", "--rate", "1", "--agents", "1", "--processes", "2"], "say it there"),
        (["--join", "tcp://127.0.0.1:1"], "needs --key"),
        (["--join", "tcp://127.0.0.1:1", "--key", "x", "--processes", "-1"], "at least one process"),
        (["--join", "tcp://127.0.0.1:1", "--key", "x"], "not a key"),
        (["URL", "--join", "tcp://127.0.0.1:1", "--key", "x"], "leave out"),
    ],
    ids=["no agents", "no address", "nobody came", "processes here", "no key", "no processes", "wrong key", "a target"],
)
def test_what_keeps_it_from_starting_is_told_with_exit_code_2(
    start: Start, server: Any, arguments: list[str], said: str
) -> None:
    process = start("stress", *(server[0] if one == "URL" else one for one in arguments))
    _, err = process.communicate()

    assert (process.returncode, said in err) == (2, True), err
