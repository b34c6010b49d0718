"""Signs of life: seen by all, harmed by nobody's death, and the oldest that is well leads."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hagworm.extend.error import SegmentError
from hagworm.extend.process import Heartbeat, SharedByteArray
from hagworm.extend.process.heartbeat import Sign, boot_time, leader_of

WORKER = """
import os, signal, sys
from hagworm.extend.process import Heartbeat
pulse = Heartbeat.attach(sys.argv[1]).enter(sys.argv[2])
print("in", flush=True)
sys.stdin.read()
"""


class Worker:
    """A process that has entered, and goes when it is told to."""

    def __init__(self, name: str, label: str) -> None:
        args = [sys.executable, "-W", "error", "-c", WORKER, name, label]
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"in\n"

    def end(self, number: int = 0) -> bytes:
        if number:
            self.process.send_signal(number)

        return self.process.communicate()[1]


@pytest.fixture
def board() -> Iterator[Heartbeat]:
    with Heartbeat.create(slots=4, timeout=600) as made:
        yield made


@pytest.fixture
def workers(board: Heartbeat) -> Iterator[list[Worker]]:
    started = [Worker(board.name, label) for label in ("first", "second")]
    yield started

    for worker in started:
        worker.end(signal.SIGKILL)


def late(board: Heartbeat, slot: int) -> None:
    """Let the last beat in a slot be longer ago than may be."""
    board.word(slot).set(boot_time() - round((board.timeout + 1) * 1e9))


def states(board: Heartbeat) -> list[tuple[str, bool, bool]]:
    return [(sign.label, sign.is_alive, sign.is_fresh) for sign in board.signs()]


@pytest.mark.parametrize("number", (0, signal.SIGTERM, signal.SIGKILL), ids=("exit", "SIGTERM", "SIGKILL"))
def test_x8_the_death_of_a_worker_hides_no_other(board: Heartbeat, workers: list[Worker], number: int) -> None:
    assert board.check()
    assert workers[0].end(number) == b""
    assert states(board) == [("first", False, False), ("second", True, True)]
    assert not board.check()

    with Heartbeat.attach(board.name) as other:
        assert states(other) == states(board)


def test_x8_the_end_of_all_is_without_complaint(board: Heartbeat, workers: list[Worker]) -> None:
    assert [worker.end() for worker in workers] == [b"", b""]
    board.close()

    with pytest.raises(SegmentError):
        Heartbeat.attach("nobody")

    assert repr(board) == "<Heartbeat closed>"


def test_the_slot_of_a_dead_one_is_given_to_the_next(board: Heartbeat, workers: list[Worker]) -> None:
    workers[0].end(signal.SIGKILL)
    pulses = [board.enter(f"own {number}") for number in range(3)]
    assert [sign.label for sign in board.signs()] == ["second", "own 0", "own 1", "own 2"]
    assert sorted(pulse.slot for pulse in pulses) == [0, 2, 3]

    with pytest.raises(SegmentError, match="has no slot left"):
        board.enter()

    pulses[1].leave()
    pulses[1].leave()
    assert board.enter().number == 6


def test_who_does_not_beat_is_stale(board: Heartbeat) -> None:
    pulse = board.enter("me")
    assert board.check()
    late(board, pulse.slot)
    assert states(board) == [("me", True, False)]
    assert not board.check()
    assert 601 <= board.signs()[0].age < 700
    pulse.beat()
    assert board.check()
    pulse.leave()
    assert board.signs() == ()


def test_a_beat_is_one_store(board: Heartbeat) -> None:
    pulse = board.enter()
    before = board.array.statistics().writes
    pulse.beat()
    assert board.array.statistics().writes == before


def test_a_forked_child_has_to_enter_for_itself(board: Heartbeat) -> None:
    pulse = board.enter("parent")
    pid = os.fork()

    if not pid:
        code = 1

        try:
            pulse.leave()

            try:
                pulse.beat()
            except SegmentError:
                board.enter("child")
                code = 0
        finally:
            os._exit(code)

    assert os.waitpid(pid, 0)[1] == 0
    assert states(board) == [("parent", True, True), ("child", False, False)]


def test_r44_the_oldest_that_is_well_leads(board: Heartbeat, workers: list[Worker]) -> None:
    with board.enter("third") as third:
        assert (found := board.leader()) is not None and found.label == "first"
        workers[0].process.send_signal(signal.SIGSTOP)
        late(board, 0)
        assert (found := board.leader()) is not None and found.label == "second"
        assert not third.is_leader
        workers[1].end(signal.SIGKILL)
        assert third.is_leader
        # Who is back leads again: it has come first. Its number is the lower one, so others can tell.
        board.word(0).set(boot_time())
        assert not third.is_leader

    workers[0].end(signal.SIGKILL)
    assert board.leader() is None


def test_the_leader_is_decided_without_a_board() -> None:
    def sign(number: int, *, fresh: bool) -> Sign:
        return Sign(number, 0, (1, 1), "", 0.0, True, fresh)

    assert leader_of(()) is None
    assert leader_of((sign(3, fresh=True), sign(1, fresh=False), sign(2, fresh=True))) == sign(2, fresh=True)


def test_it_travels_by_its_name(board: Heartbeat) -> None:
    with pickle.loads(pickle.dumps(board)) as other:
        assert (other.name, other.slots, other.timeout) == (board.name, 4, 600.0)


@pytest.mark.parametrize(("slots", "timeout"), ((0, 1.0), (1, 0.0), (1, float("nan"))))
def test_what_is_no_board_is_refused(slots: int, timeout: float) -> None:
    with pytest.raises(ValueError, match="number of slots and of seconds"):
        Heartbeat.create(slots=slots, timeout=timeout)


def test_other_memory_is_no_board() -> None:
    with SharedByteArray.create(size=256) as array, pytest.raises(SegmentError, match="is no heartbeat"):
        Heartbeat.attach(array.name)


def test_labels_are_short(board: Heartbeat) -> None:
    with pytest.raises(SegmentError, match="at most 40 bytes"):
        board.enter("é" * 21)

    with board.enter("é" * 20):
        assert board.signs()[0].label == "é" * 20

    assert repr(board) == f"<Heartbeat {board.name!r} 0 fresh, 0 stale, 0 dead, 4 slots, timeout 600 s>"
    assert board.statistics().entered == 1
