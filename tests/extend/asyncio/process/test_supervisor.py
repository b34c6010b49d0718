"""Processes are kept running as their policy says, stopped in order, and never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.process import ProcessSupervisor
from hagworm.extend.error import Closed, DefinitionError, ProcessError, SupervisionFailed
from hagworm.extend.process.restart import ABANDONED, Restart, RestartPolicy
from hagworm.extend.resilience.backoff import Backoff
from hagworm.testing import cancel_sweep
from tests.extend.process.watching import eventually, eventually_sync, is_alive
from tests.tree import ROOT

AT_ONCE = Backoff(0, 1, 0)
READY = "import time; from hagworm.extend.process.member import current_member as m; m().ready()\n"
PROMPT = 20.0

# What is asked here depends on the processes, not on the loop of this one.
once = pytest.mark.asyncio(loop_factories=["asyncio"])


def policy(restart: Restart = Restart.PERMANENT, most: int = 3, period: float = 600) -> RestartPolicy:
    return RestartPolicy(restart, most=most, period=period, backoff=AT_ONCE)


def shell(script: str, **options: Any) -> ProcessSupervisor:
    options.setdefault("policy", policy())
    return ProcessSupervisor("sh", "-c", script, **options)


def python(script: str, **options: Any) -> ProcessSupervisor:
    options.setdefault("policy", policy())
    return ProcessSupervisor(sys.executable, "-W", "error", "-c", script, **options)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def test_all_run_until_they_are_stopped() -> None:
    async with shell("exec sleep 600", workers=3) as supervisor:
        pids = supervisor.pids
        assert sorted(pids) == [0, 1, 2]
        assert all(is_alive(pid) for pid in pids.values())
        assert repr(supervisor) == "<ProcessSupervisor running: 3 of 3 up, 0 restarts>"

    assert not any(is_alive(pid) for pid in pids.values())
    assert supervisor.pids == {}
    await supervisor.aclose()

    with pytest.raises(Closed):
        await supervisor.start()


async def test_x10_who_dies_is_started_again_in_its_slot() -> None:
    async with shell("exec sleep 600", workers=2) as supervisor:
        before = supervisor.pids
        os.kill(before[1], signal.SIGKILL)
        await eventually(lambda: supervisor.pids.get(1, before[1]) != before[1])
        assert supervisor.pids[0] == before[0]
        assert supervisor.statistics().restarts == 1


@once
async def test_x11_a_crash_loop_ends_with_the_exit_code_75(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    supervisor = shell(f"echo run >> {runs}; exit 3", policy=policy(most=3))
    assert await supervisor.run(signals=False) == 75
    assert len(lines(runs)) == 4
    assert isinstance(supervisor.failure, SupervisionFailed)


@once
async def test_the_failure_of_one_too_often_stops_all() -> None:
    script = "import os; from hagworm.extend.process.member import current_member as m; m().slot and os._exit(3)"
    supervisor = python(f"{script}\n{READY}\ntime.sleep(600)", ready_timeout=60, policy=policy(most=0), workers=2)

    with pytest.raises(SupervisionFailed, match="more than 0 restarts"):
        await supervisor.start()

    assert supervisor.pids == {}


@once
async def test_x10_the_exit_code_of_children_is_not_lost() -> None:
    for script, restart, code in (
        ("exit 0", Restart.TRANSIENT, 0),
        ("exit 5", Restart.TEMPORARY, 5),
        ("kill -9 $$", Restart.TEMPORARY, 137),
    ):
        assert await shell(script, policy=policy(restart), workers=2).run(signals=False) == code

    nowhere = ProcessSupervisor("/no/such/program", policy=policy(Restart.TEMPORARY))
    assert await nowhere.run(signals=False) == 127


async def test_ready_is_who_says_so() -> None:
    async with python(f"{READY}\ntime.sleep(600)", ready_timeout=60, workers=2) as supervisor:
        assert supervisor.statistics().ready == 2


@once
async def test_who_does_not_become_ready_in_time_is_killed() -> None:
    supervisor = shell("exec sleep 600", ready_timeout=0.05, policy=policy(most=1))

    with pytest.raises(SupervisionFailed, match="killed by SIGKILL"):
        await supervisor.start()

    assert supervisor.statistics().hung == 2
    assert supervisor.pids == {}


HANG = """
import asyncio, os, sys, time
from hagworm.extend.asyncio.process import attend

async def main():
    async with attend():
        if not os.path.exists(sys.argv[1]):
            open(sys.argv[1], "x").close()
            time.sleep(600)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@once
async def test_whose_loop_is_blocked_is_killed_and_replaced(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    supervisor = ProcessSupervisor(
        sys.executable, "-c", HANG, str(mark), policy=policy(), ready_timeout=60, beat_timeout=1.0
    )

    async with supervisor:
        await eventually(lambda: supervisor.statistics().hung == 1 and supervisor.statistics().ready == 1)
        assert supervisor.restarts.total == 1
        # The second one does beat: longer than the timeout, and nobody is killed.
        assert supervisor.board is not None
        board = supervisor.board
        first = board.signs()[-1]
        await eventually(lambda: board.signs()[-1].age < 0.2)
        assert board.signs()[-1].number == first.number


async def test_a_rolling_restart_replaces_each_when_the_new_one_is_ready() -> None:
    async with python(f"{READY}\ntime.sleep(600)", ready_timeout=60, workers=2) as supervisor:
        before = supervisor.pids
        rolling = asyncio.create_task(supervisor.roll())

        while not rolling.done():
            assert sum(slot.is_up for slot in supervisor.slots) == 2
            await asyncio.sleep(0.002)

        after = supervisor.pids
        assert not set(after.values()) & set(before.values())
        assert not any(is_alive(pid) for pid in before.values())
        assert (supervisor.statistics().replaced, supervisor.restarts.total) == (2, 0)


@once
async def test_a_replacement_that_does_not_come_up_leaves_the_old_one(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f"import os; os.path.exists({str(mark)!r}) and os._exit(3)\n{READY}\ntime.sleep(600)"

    async with python(script, ready_timeout=60) as supervisor:
        before = supervisor.pids
        mark.touch()

        with pytest.raises(ProcessError, match="has not come up: exit code 3; the old one stays"):
            await supervisor.roll()

        assert supervisor.pids == before
        assert supervisor.restarts.total == 0


@once
async def test_who_does_not_stop_is_killed_and_that_is_told() -> None:
    supervisor = shell("trap '' TERM; echo; while :; do sleep 0.05; done", stop_timeout=0.2)
    run = asyncio.create_task(supervisor.run(signals=False))
    await eventually(lambda: supervisor.state == "running")
    # The trap is set by a program that has been started a moment ago.
    await eventually(lambda: ignores(supervisor.pids[0], signal.SIGTERM))
    supervisor.request_stop()
    assert await run == ABANDONED


def ignores(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1], 16)
    return bool(mask >> (number - 1) & 1)


async def test_who_stops_when_asked_is_no_failure() -> None:
    supervisor = shell("exec sleep 600", workers=2)
    run = asyncio.create_task(supervisor.run(signals=False))
    await eventually(lambda: supervisor.state == "running")
    supervisor.request_stop()
    assert await run == 0


@once
async def test_processors_are_dealt_out() -> None:
    allowed = os.sched_getaffinity(0)

    async with shell("exec sleep 600", workers=2, affinity=True) as supervisor:
        used = [os.sched_getaffinity(pid) for pid in supervisor.pids.values()]
        assert set().union(*used) <= allowed
        assert len(allowed) < 2 or not used[0] & used[1]


def test_what_cannot_be_supervised_is_refused() -> None:
    with pytest.raises(ValueError, match="number of processes"):
        ProcessSupervisor("true", workers=0)

    with pytest.raises(DefinitionError):
        ProcessSupervisor.calling(lambda: None)


@once
async def test_functions_are_called_by_name() -> None:
    supervisor = ProcessSupervisor.calling(os._exit, 7, policy=policy(Restart.TEMPORARY))
    assert await supervisor.run(signals=False) == 7


async def test_a_cancellation_anywhere_leaves_no_process() -> None:
    kept: list[ProcessSupervisor] = []

    async def use() -> None:
        supervisor = shell("exec sleep 600", workers=2, stop_timeout=5)
        kept.append(supervisor)

        async with supervisor:
            await supervisor.roll()

    async def check() -> None:
        supervisor = kept.pop()
        assert supervisor.pids == {}
        assert not supervisor.charges
        assert supervisor.state == "stopped"

    await cancel_sweep(use, check, timeout=PROMPT)


# From outside ---------------------------------------------------------------------------------------------------------

SUPERVISING = """
import asyncio, sys
from hagworm.extend.asyncio.process import ProcessSupervisor
from hagworm.extend.process.restart import RestartPolicy

supervisor = ProcessSupervisor("sh", "-c", sys.argv[1], workers=2, stop_timeout=float(sys.argv[2]))
sys.exit(asyncio.run(supervisor.run()))
"""
TELLING = """
echo $$ >> {0}
trap 'echo term >> {0}; kill $!; exit 0' TERM
trap 'echo usr1 >> {0}' USR1
while :; do sleep 600 & wait $!; done
"""


def started(path: Path, script: str, grace: float = 10) -> "tuple[subprocess.Popen[bytes], list[int]]":
    process = subprocess.Popen([sys.executable, "-c", SUPERVISING, script.format(path), str(grace)], cwd=ROOT)
    eventually_sync(lambda: len(lines(path)) >= 2)
    return process, [int(line) for line in lines(path)]


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT))
def test_x10_a_signal_stops_all_and_the_exit_code_is_0(tmp_path: Path, number: int) -> None:
    process, pids = started(tmp_path / "log", TELLING)
    process.send_signal(number)
    assert process.wait(PROMPT) == 0
    assert lines(tmp_path / "log").count("term") == 2
    assert not any(is_alive(pid) for pid in pids)


def test_x10_other_signals_are_passed_on(tmp_path: Path) -> None:
    process, _ = started(tmp_path / "log", TELLING)
    process.send_signal(signal.SIGUSR1)
    eventually_sync(lambda: lines(tmp_path / "log").count("usr1") == 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PROMPT) == 0


def test_the_second_signal_does_not_wait(tmp_path: Path) -> None:
    process, pids = started(tmp_path / "log", "trap '' TERM; echo $$ >> {0}; while :; do sleep 0.05; done", 600)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(PROMPT) == ABANDONED
    assert not any(is_alive(pid) for pid in pids)


def test_nobody_survives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    process, pids = started(tmp_path / "log", TELLING)
    process.kill()
    process.wait(PROMPT)
    eventually_sync(lambda: not any(is_alive(pid) for pid in pids))


def test_a_signal_replaces_all(tmp_path: Path) -> None:
    process, pids = started(tmp_path / "log", TELLING)
    process.send_signal(signal.SIGHUP)
    eventually_sync(lambda: len([line for line in lines(tmp_path / "log") if line.isdigit()]) == 4)
    eventually_sync(lambda: not any(is_alive(pid) for pid in pids))
    process.send_signal(signal.SIGTERM)
    assert process.wait(PROMPT) == 0


def test_x10_waiting_costs_nothing(tmp_path: Path) -> None:
    process, _ = started(tmp_path / "log", TELLING)

    def used() -> int:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def switches() -> int:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("voluntary")).split()[1])

    # Where it sleeps, nothing wakes it: what polls switches many times.
    eventually_sync(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S")
    before, end = switches(), time.monotonic() + 0.6
    eventually_sync(lambda: time.monotonic() > end)
    assert switches() - before <= 3
    process.terminate()
    assert process.wait(PROMPT) == 0
