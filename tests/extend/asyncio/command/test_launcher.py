"""Main process and children are one program: work is done once a child is left to do it, and all end together."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zmq
from msgspec import msgpack
from zmq.utils.monitor import recv_monitor_message

from hagworm.extend.asyncio.command import ChildProcess, Launcher
from hagworm.extend.asyncio.command.launcher import Session
from hagworm.extend.asyncio.command.zeromq import connect_zmq
from hagworm.extend.error import ConfigError, DefinitionError
from hagworm.extend.process.restart import Restart, RestartPolicy
from hagworm.extend.resilience.backoff import Backoff
from hagworm.testing import cancel_sweep
from tests.extend.asyncio.command.roles import Desk, Order, Worker, note, note_later
from tests.extend.process.watching import eventually, eventually_sync, is_alive
from tests.tree import ROOT

URLS = ("unix:", "zmq+ipc:", "zmq+tcp://127.0.0.1")
PROMPT = 30.0

# What is asked here depends on the processes, not on the loop of this one.
once = pytest.mark.asyncio(loop_factories=["asyncio"])
FAILURES = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH,
)
TRANSIENT = RestartPolicy(Restart.TRANSIENT, most=10, backoff=Backoff(0, 1, 0))


async def serve(desk: Desk, child: Any = None, *args: Any, **options: Any) -> int:
    options.setdefault("policy", TRANSIENT)
    launcher = Launcher(2, daemon=desk, **options)
    return await launcher.serve(Worker() if child is None else child, *args, signals=False)


@pytest.mark.parametrize("url", URLS)
async def test_work_is_shared_and_answered(url: str) -> None:
    desk = Desk("many")
    assert await serve(desk, url=url, per_child=4) == 0
    assert desk.result == [number * 2 for number in range(200)]
    assert {slot for slot, _ in desk.greeted} == {0, 1}
    assert desk.trace == ["start", "run", "stop"]
    assert not any(is_alive(pid) for _, pid in desk.greeted)


@once
@pytest.mark.parametrize("url", URLS)
async def test_the_work_of_a_child_that_dies_goes_to_another_one(url: str, tmp_path: Path) -> None:
    desk = Desk("die_once", mark=str(tmp_path / "mark"))
    assert await serve(desk, url=url) == 0
    assert desk.result == ["survived", *[number * 2 for number in range(20)]]
    assert desk.work.statistics().redelivered == 1


@once
async def test_what_children_die_of_is_given_up() -> None:
    desk = Desk("die")
    assert await serve(desk, deliveries=2) == 0
    assert desk.result.startswith("handle: the worker died in the middle of it (process ")
    assert desk.result.endswith("exit code 9)")


@once
async def test_what_a_child_raises_is_raised_with_its_traceback() -> None:
    desk = Desk("fail")
    assert await serve(desk) == 0
    assert desk.result == ("LookupError", "no such thing", True)


@once
@pytest.mark.parametrize("url", URLS)
async def test_calls_are_typed_in_both_directions(url: str) -> None:
    desk = Desk("calls")
    assert await serve(desk, url=url) == 0
    assert desk.result == (
        Order(12, "slot 1"),
        True,
        ["DefinitionError", "ValidationError", "TypeError", "DefinitionError"],
    )


@once
async def test_work_need_not_be_waited_for() -> None:
    desk = Desk("put_some")
    # It is a number, so it is the exit code.
    assert await serve(desk, maxsize=4) == 50


@once
async def test_x10_the_exit_code_is_that_of_the_main_process_and_the_children(tmp_path: Path) -> None:
    assert await serve(Desk("five")) == 5
    assert await serve(Desk("boom")) == 1
    assert await serve(Desk(), note, str(tmp_path)) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"0", "1"}
    once = RestartPolicy(Restart.TEMPORARY)
    assert await serve(Desk(), note_later, str(tmp_path), policy=once) == 3
    never = RestartPolicy(Restart.TRANSIENT, most=0)
    assert await serve(Desk(), note_later, str(tmp_path), policy=never) == 75


@once
async def test_children_are_made_again_with_their_arguments() -> None:
    desk = Desk("many")
    assert await serve(desk, Worker(3)) == 0
    assert desk.result[:3] == [0, 3, 6]


class Local(ChildProcess):
    """A child that cannot travel, with a socket in its arguments."""

    def __init__(self, thing: object) -> None:
        self.thing = thing


async def test_x1_nothing_is_pickled() -> None:
    with pytest.raises(DefinitionError, match="Local cannot be made in a child"):
        await serve(Desk(), Local(object()))

    class Hidden(ChildProcess):
        pass

    with pytest.raises(DefinitionError, match="does not lead to"):
        await serve(Desk(), Hidden())

    room = Path(sys.modules[Launcher.__module__].__file__ or "").parent
    assert not [path for path in room.glob("*.py") if "import pickle" in path.read_text()]


@pytest.mark.parametrize("url", ("tcp://*:784", "zmq+udp:", "unix:/tmp/x", "", "zmq+tcp:*"))
async def test_x1_no_other_address_is_listened_at(url: str) -> None:
    with pytest.raises(ConfigError, match="no children are met at"):
        await serve(Desk(), url=url)


async def test_x1_an_address_that_cannot_be_bound_is_an_error() -> None:
    with pytest.raises(ConfigError, match="cannot be bound"):
        await serve(Desk(), url="zmq+tcp://203.0.113.1")


async def test_x1_names_are_random_and_only_this_user_gets_there() -> None:
    sessions = [Session(Launcher(1), Worker()) for _ in range(2)]
    hosts: list[Any] = [session.host for session in sessions]

    try:
        assert hosts[0].path != hosts[1].path

        for host in hosts:
            await host.open()
            assert host.folder.stat().st_mode & 0o777 == 0o700
    finally:
        for host in hosts:
            await host.aclose()

    assert not hosts[0].folder.exists()


@pytest.mark.parametrize("hello", (b"", b"\x80\x04K\x01.", b"\0\0\0\x02\x90\x90", b"\xff\xff\xff\xff"))
async def test_x1_a_stranger_is_not_let_in(hello: bytes) -> None:
    session = Session(Launcher(1), Worker())
    host: Any = session.host
    await host.open()

    try:
        # This process is of the same user, and none of the children.
        reader, writer = await asyncio.open_unix_connection(str(host.path))

        try:
            writer.write(hello)
            assert await reader.read() == b""
        except ConnectionError:
            pass
        finally:
            writer.close()

        assert host.refused == 1
        assert not session.peers
    finally:
        await host.aclose()


@pytest.mark.parametrize("url", ("zmq+ipc:", "zmq+tcp://127.0.0.1"))
async def test_x1_whoever_lacks_the_secret_is_not_let_in(url: str) -> None:
    session = Session(Launcher(1, url=url), Worker())
    await session.host.open()
    messages = (b"\x80\x04K\x01.", b"", b"\x90", b"\x93\x00\x00\x00", msgpack.encode((0, 0, os.getpid(), "guessed")))

    try:
        # With the keys of the run, and without its secret.
        link = connect_zmq(session.host.given, lambda link, message: None)

        for message in messages:
            link.write(message)

        await eventually(lambda: session.refused == len(messages))
        assert not session.peers
        link.close()
    finally:
        await session.host.aclose()


async def test_x1_whoever_lacks_the_key_is_not_heard_over_tcp() -> None:
    session = Session(Launcher(1, url="zmq+tcp://127.0.0.1"), Worker())
    host: Any = session.host
    await host.open()
    monitor = host.wire.socket.get_monitor_socket()
    server, _ = zmq.curve_keypair()
    links = []

    try:
        for given in ({"url": host.given["url"]}, {**host.given, "server": server.decode()}):
            link = connect_zmq(given, lambda link, message: None)
            link.wire.socket.set(zmq.LINGER, 0)
            links.append(link)
            link.write(b"\x90")

            while recv_monitor_message(monitor)["event"] not in FAILURES:
                pass

        assert session.refused == 0
    finally:
        for link in links:
            link.close()

        host.wire.socket.disable_monitor()
        monitor.close()
        await host.aclose()


@once
async def test_a_cancellation_anywhere_leaves_no_process(tmp_path: Path) -> None:
    desks: list[Desk] = []

    async def use() -> None:
        desks.append(Desk("many"))
        await Launcher(1, daemon=desks[-1], policy=TRANSIENT, per_child=100).serve(Worker(), signals=False)

    async def check() -> None:
        desk = desks.pop()
        assert desk.supervisor.pids == {}
        assert desk.work.is_closed
        assert not desk.work.hands
        assert desk.trace[-1:] in ([], ["stop"])

    await cancel_sweep(use, check, moments=("waiting", "woken"), timeout=PROMPT)


def run(tmp_path: Path, scenario: str) -> "subprocess.Popen[bytes]":
    mark = str(tmp_path / "mark")
    args = [sys.executable, "-m", "tests.extend.asyncio.command.roles", scenario, str(tmp_path), mark]
    return subprocess.Popen(args, cwd=ROOT)


def test_x10_a_signal_lets_all_finish_what_they_do(tmp_path: Path) -> None:
    process = run(tmp_path, "wait_for_slow")
    eventually_sync((tmp_path / "mark").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PROMPT) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"mark", "stopped-0", "stopped-1"}


def test_nobody_survives_a_main_process_that_is_killed(tmp_path: Path) -> None:
    process = run(tmp_path, "")
    folder = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def children() -> list[int]:
        return [int(pid) for pid in folder.read_text().split()]

    eventually_sync(lambda: len(children()) == 4)
    found = children()
    process.kill()
    process.wait(PROMPT)
    eventually_sync(lambda: not any(is_alive(pid) for pid in found))


def test_a_script_works_as_its_own_module(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("roles.py")), "five", str(tmp_path), ""],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    assert process.wait(PROMPT) == 5
