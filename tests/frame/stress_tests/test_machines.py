"""Laws of a load over several machines: nothing is lost without being named, and strangers do no harm."""

import asyncio
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.error import HagwormError, PeerSilent, PortInUse, StressError, TargetRefused
from hagworm.frame.stress_tests import agent as agent_module
from hagworm.frame.stress_tests.agent import Agent, join
from hagworm.frame.stress_tests.coordinator import Coordinator
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.plan import Closed, Open, Stage
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.target import parse_target, reach
from hagworm.frame.stress_tests.wire import Key
from hagworm.testing.proxy import FaultProxy, Faults
from tests.frame.stress_tests.server import started

Counters = Callable[[], dict[str, Any]]
SCENARIOS = str(Path(__file__).with_name("scenarios.py"))
LONG = os.environ.get("HAGWORM_LONG") == "1"
WAIT = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Counters]]:
    with started() as found:
        yield found


def order_for(url: str, plan: Open | Closed, scenarios: tuple[str, ...] = ()) -> Order:
    target = parse_target(url)
    return Order(target, reach(target, mine=False), plan, scenarios, timeout=3.0)


def steady(rate: float, seconds: float) -> Open:
    return Open((Stage(seconds, rate, rate),))


class Machine:
    """An agent in a process of its own, started as users do."""

    def __init__(self, url: str, key: Key | str, *options: str) -> None:
        text = key if isinstance(key, str) else key.dump()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hagworm", "stress", "--join", url, *options],
            env={**os.environ, "HAGWORM_STRESS_KEY": text},
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    async def end(self) -> tuple[int, str]:
        _, text = await asyncio.to_thread(self.process.communicate)
        return self.process.returncode, text


@pytest.fixture
def machine() -> Iterator[Callable[..., Machine]]:
    machines: list[Machine] = []

    def start(*arguments: Any) -> Machine:
        machines.append(Machine(*arguments))
        return machines[-1]

    yield start

    for one in machines:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


async def lead_two(
    order: Order, machine: Callable[..., Machine], during: Callable[..., Awaitable[None]] | None = None
) -> tuple[Result, list[tuple[int, str]], Coordinator]:
    """Lead two agents in processes of their own; `during` is run from the start on."""
    coordinator = Coordinator(order, 2)
    stop = asyncio.Event()
    reported = asyncio.Event()
    coordinator.watch = lambda figures, seconds: reported.set()

    try:
        url, key = coordinator.listen("tcp://127.0.0.1:0")
        machines = [machine(url, key, "--processes", "1") for _ in range(2)]
        await coordinator.gather(WAIT)
        running = asyncio.create_task(coordinator.run(stop))

        if during is not None:
            await reported.wait()
            await during(machines, stop)

        result = await running
    finally:
        await coordinator.close()

    return result, list(await asyncio.gather(*(one.end() for one in machines))), coordinator


@pytest.mark.parametrize("scenarios", [(), (f"{SCENARIOS}:Mixed",)], ids=["fixed", "scenario"])
async def test_what_two_agents_count_is_what_the_server_counts(
    server: Any, machine: Any, scenarios: tuple[str, ...]
) -> None:
    url, counters = server
    before = counters().get("received", 0)
    result, ends, _ = await lead_two(order_for(f"{url}/mix", steady(200, 1.5), scenarios), machine)
    total = result.figures.total

    assert total.count == result.figures.iterations.finished == 300 == counters()["received"] - before
    assert (total.service.count, total.response.count) == (300, 300)
    assert sum(interval.successes for interval in result.figures.series.intervals) == total.successes
    assert (result.run.lost, result.run.ended, result.run.processes, len(result.run.hosts)) == ((), "complete", 2, 2)
    assert [code for code, _ in ends] == [0, 0], ends
    assert any(re.search(r"clocks agree within [0-9.]+ ms", note) for note in result.run.notes)


async def test_the_clock_of_an_agent_on_this_machine_is_ours(server: Any, machine: Any) -> None:
    """CLOCK_MONOTONIC is the same for both here: the offset that is measured is its own error."""
    url, _ = server
    _, _, coordinator = await lead_two(order_for(f"{url}/ok", steady(20, 0.2)), machine)

    for member in coordinator.members:
        offset, error = member.peer.clock(member.peer.heard)
        assert abs(offset) <= error


async def test_an_agent_that_is_killed_is_named_and_what_it_had_reported_counts(server: Any, machine: Any) -> None:
    """Counted is at most what the server saw, the other agent's share wholly, and of the lost one all it reported."""
    url, counters = server
    before = counters().get("received", 0)

    async def kill(machines: list[Machine], stop: asyncio.Event) -> None:
        machines[0].process.kill()

    result, ends, coordinator = await lead_two(order_for(f"{url}/ok", steady(100, 3)), machine, kill)
    lost = [member for member in coordinator.members if member.lost]
    (left,) = (member for member in coordinator.members if not member.lost)
    iterations = result.figures.iterations
    seen = counters()["received"] - before

    assert sorted(code for code, _ in ends) == [-signal.SIGKILL, 0], ends
    assert result.run.lost == tuple(member.name for member in lost) and len(lost) == 1
    assert any(f"lost agents: {lost[0].name}" in note for note in result.run.notes)
    assert left.figures.iterations.finished == 150
    assert iterations.finished == 150 + lost[0].figures.iterations.finished == result.figures.total.count
    assert iterations.started == iterations.finished + iterations.unfinished
    assert 150 <= iterations.started <= seen <= 300


async def test_stopped_it_says_what_it_has_and_the_agents_end(server: Any, machine: Any) -> None:
    url, counters = server
    before = counters().get("received", 0)

    async def end(machines: list[Machine], stop: asyncio.Event) -> None:
        stop.set()

    result, ends, _ = await lead_two(order_for(f"{url}/slow", Closed(4, 60)), machine, end)
    iterations = result.figures.iterations

    assert result.run.ended == "interrupted"
    assert result.run.lost == ()
    assert iterations.started == iterations.finished + iterations.unfinished == counters()["received"] - before
    assert [code for code, _ in ends] == [0, 0], ends


async def test_an_agent_ends_by_itself_when_its_coordinator_is_gone(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hagworm.frame.stress_tests import peer

    url, _ = server
    monkeypatch.setattr(peer, "SILENCE", 0.8)
    coordinator = Coordinator(order_for(f"{url}/ok", steady(50, 60)), 1)
    address, key = coordinator.listen("tcp://127.0.0.1:0")
    joining = asyncio.create_task(join(address, key.dump(), processes=1, wait=WAIT))
    await coordinator.gather(WAIT)
    coordinator.start()
    await coordinator.until(lambda: coordinator.figures.total.count > 0, WAIT)
    coordinator.wire.close()

    with pytest.raises(PeerSilent, match="coordinator"):
        await joining


async def gather_one(order: Order, wait: float = WAIT, **options: Any) -> tuple[BaseException, BaseException | None]:
    """Return what the coordinator and the agent raise where the agent cannot do what it is asked for."""
    coordinator = Coordinator(order, 1)

    try:
        url, key = coordinator.listen("tcp://127.0.0.1:0")
        joining = asyncio.create_task(join(url, key.dump(), processes=1, wait=WAIT, **options))

        with pytest.raises(HagwormError) as caught:
            await coordinator.gather(wait)
    finally:
        await coordinator.close()

    (said,) = await asyncio.gather(joining, return_exceptions=True)
    return caught.value, said if isinstance(said, BaseException) else None


async def test_a_link_that_breaks_loses_and_doubles_nothing(server: Any) -> None:
    """Each time figures have come the connection is reset, with what is on its way; and the clocks stay in bounds."""
    url, counters = server
    before = counters().get("received", 0)
    coordinator = Coordinator(order_for(f"{url}/ok", steady(100, 2.5)), 1)
    cuts = 0

    try:
        address, key = coordinator.listen("tcp://127.0.0.1:0")
        delayed = Faults(delay=0.02)

        async with FaultProxy("127.0.0.1", int(address.rpartition(":")[2]), to_server=delayed) as proxy:

            def cut(figures: Any, seconds: float) -> None:
                nonlocal cuts
                cuts += proxy.cut()

            coordinator.watch = cut
            joining = asyncio.create_task(join(f"tcp://127.0.0.1:{proxy.port}", key.dump(), processes=1, wait=WAIT))
            await coordinator.gather(WAIT)
            (member,) = coordinator.members
            offset, error = member.peer.clock(member.peer.heard)
            result = await coordinator.run()
            await coordinator.until(joining.done, WAIT)
    finally:
        await coordinator.close()

    assert (await joining) is not None
    assert cuts >= 2
    assert result.figures.total.count == 250 == counters()["received"] - before
    assert result.run.lost == ()
    assert abs(offset) <= error < 1.0
    assert error > 0.01


async def test_an_agent_refuses_targets_that_are_not_said_to_be_its_own(server: Any) -> None:
    url, _ = server
    order = order_for(f"{url}/ok", steady(10, 1))
    foreign = replace(order, target=parse_target("http://192.0.2.1/"), mine=True)
    ours, theirs = await gather_one(foreign)

    assert isinstance(theirs, TargetRefused)
    assert "--target-is-mine" in str(ours) and "agent " in str(ours)


async def test_an_agent_runs_no_scenario_but_its_own_file(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = server
    path = tmp_path / "scenario.py"
    path.write_text("raise SystemExit('this must never run')\n")
    monkeypatch.setattr(agent_module, "digest_scenario", lambda path: "another")
    ours, theirs = await gather_one(order_for(f"{url}/ok", steady(10, 1), (f"{path}:Checkout",)))

    assert "not the same file" in str(ours)
    assert isinstance(theirs, StressError)


async def test_versions_must_be_the_same(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url, _ = server
    monkeypatch.setattr(agent_module, "__version__", "0.0.1")
    ours, theirs = await gather_one(order_for(f"{url}/ok", steady(10, 1)), wait=1.0)

    assert "0 of 1 agents came within 1 s" in str(ours) and "has hagworm 0.0.1" in str(ours)
    assert "has hagworm 0.0.1" in str(theirs)


async def test_one_agent_too_many_is_turned_away(server: Any) -> None:
    url, _ = server
    coordinator = Coordinator(order_for(f"{url}/ok", steady(20, 0.2)), 1)

    try:
        address, key = coordinator.listen("tcp://127.0.0.1:0")
        first = asyncio.create_task(join(address, key.dump(), processes=1, wait=WAIT))
        await coordinator.gather(WAIT)
        second = asyncio.create_task(join(address, key.dump(), processes=1, wait=WAIT))
        await coordinator.until(second.done, WAIT)
        result = await coordinator.run()
    finally:
        await coordinator.close()

    with pytest.raises(StressError, match="1 agents already"):
        await second

    assert (await first) is not None
    assert result.figures.total.count == 4


async def test_a_wrong_key_is_told_and_counted(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import zmq

    monkeypatch.setattr(agent_module, "ADMISSION", 1.0)
    url, _ = server
    coordinator = Coordinator(order_for(f"{url}/ok", steady(10, 1)), 1)

    try:
        address, key = coordinator.listen("tcp://127.0.0.1:0")
        secret = Key(key.coordinator, zmq.curve_keypair()[1])
        server_key = Key(zmq.curve_keypair()[0], key.agent)
        joining = [asyncio.create_task(join(address, wrong.dump(), wait=WAIT)) for wrong in (secret, server_key)]
        await coordinator.until(lambda: all(one.done() for one in joining), WAIT)

        assert (coordinator.links, coordinator.members) == ({}, [])
        assert coordinator.wire.refused > 0

        with pytest.raises(StressError, match=r"0 of 1 agents came within 0 s; \d+ times somebody came with another"):
            await coordinator.gather(0.0)
    finally:
        await coordinator.close()

    for one in joining:
        with pytest.raises(StressError, match="does not let us in"):
            await one


@pytest.mark.parametrize("text", ["", "stress-", "stress-abc", "no key at all", "stress-" + "A" * 91])
async def test_what_is_no_key_is_told_without_telling_it(text: str) -> None:
    with pytest.raises(StressError, match="not a key") as caught:
        Key.load(text)

    assert not text or text not in str(caught.value)


def test_a_key_is_read_as_it_was_written_and_never_shown() -> None:
    import zmq

    public, secret = zmq.curve_keypair()
    key = Key(public, secret)

    assert Key.load(key.dump()) == key
    assert repr(key) == "<Key>"


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\0" + bytes(31)
GARBAGE = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "zeros": bytes(100_000),
    "ones": b"\xff" * 100_000,
    "greeting alone": GREETING,
    "null mechanism": GREETING.replace(b"CURVE", b"NULL\0"),
    "huge frame": GREETING + b"\x06" + (1 << 40).to_bytes(8, "big") + bytes(100_000),
    "huge message": GREETING + b"\x02" + (200 << 20).to_bytes(8, "big") + bytes(100_000),
    "hello of nobody": GREETING + b"\x04\xc8\x05HELLO\x01\x00" + bytes(192),
}


async def test_r42_x1_garbage_harms_nobody(server: Any) -> None:
    """Strangers' bytes in many ways, while an agent works; nothing of theirs is read, and memory stays what it was."""
    url, counters = server
    before = counters().get("received", 0)
    coordinator = Coordinator(order_for(f"{url}/ok", steady(100, 1)), 1)
    sockets: list[socket.socket] = []

    def pester(address: str) -> None:
        host, port = address.removeprefix("tcp://").split(":")

        for content in [*GARBAGE.values()] * (50 if LONG else 10):
            one = socket.create_connection((host, int(port)))
            sockets.append(one)
            one.setblocking(False)

            try:
                one.send(content)
            except (BlockingIOError, ConnectionError):
                continue

    try:
        address, key = coordinator.listen("tcp://127.0.0.1:0")
        joining = asyncio.create_task(join(address, key.dump(), processes=1, wait=WAIT))
        await asyncio.to_thread(pester, address)
        await coordinator.gather(WAIT)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        running = asyncio.create_task(coordinator.run())
        await asyncio.to_thread(pester, address)
        result = await running
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) / 1024
    finally:
        await coordinator.close()

        for one in sockets:
            one.close()

    assert (await joining) is not None
    assert result.figures.total.count == counters()["received"] - before == 100
    assert (len(coordinator.links), result.run.lost) == (1, ())
    assert grown < 10


async def test_an_agent_that_talks_nonsense_is_lost_and_not_believed(server: Any) -> None:
    """It has the key, and sends what no agent of ours sends."""
    url, _ = server
    coordinator = Coordinator(order_for(f"{url}/ok", steady(10, 1)), 1)

    try:
        address, key = coordinator.listen("tcp://127.0.0.1:0")
        liar = Agent()
        liar.wire.connect(address, key, b"liar")
        liar.wire.send(b"nonsense")
        await coordinator.until(lambda: any(one.lost for one in coordinator.links.values()), WAIT)
        liar.close()

        assert [one.lost for one in coordinator.links.values()] == [True]
        assert coordinator.members == []
    finally:
        await coordinator.close()


async def test_a_port_in_use_is_told_before_anybody_is_waited_for(server: Any) -> None:
    url, _ = server

    with socket.create_server(("127.0.0.1", 0)) as taken:
        coordinator = Coordinator(order_for(f"{url}/ok", steady(10, 1)), 1)

        try:
            with pytest.raises(PortInUse, match="in use"):
                coordinator.listen(f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        finally:
            await coordinator.close()


@pytest.mark.parametrize("url", ["5555", "tcp://", "udp://127.0.0.1:1", "tcp://nobody.invalid:x", "tcp://192.0.2.1:1"])
async def test_what_cannot_be_listened_at_is_told(server: Any, url: str) -> None:
    coordinator = Coordinator(order_for(f"{server[0]}/ok", steady(10, 1)), 1)

    try:
        with pytest.raises(StressError, match="cannot listen"):
            coordinator.listen(url)
    finally:
        await coordinator.close()


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "127.0.0.1:5555", "http://127.0.0.1:1", "tcp://127.0.0.1:x"])
async def test_nobody_there_is_told(url: str) -> None:
    import zmq

    with pytest.raises(StressError, match="nobody listens|not the address"):
        await join(url, Key(*zmq.curve_keypair()).dump(), wait=0.0)


def test_the_parts_of_agents_and_processes_make_up_exactly_the_whole() -> None:
    plan = Open((Stage(1.0, 0, 97), Stage(0.7, 97, 97)), warm_up=0.3)
    target = parse_target("http://127.0.0.1:1/")
    order = Order(target, ("127.0.0.1", 1), plan)
    parts = [two for one in order.split(3) for two in one.split(2)]

    assert sorted(moment for part in parts for moment in plan.arrivals(part.share)) == list(plan.arrivals())
    assert sum(part.places for part in parts) == order.places
