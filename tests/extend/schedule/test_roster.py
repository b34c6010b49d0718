"""Who runs, who waits, who is turned away."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hagworm.extend.schedule.roster import Roster


def names(roster: Roster[str]) -> list[str]:
    """Let everybody run, one after another."""
    found = []

    while not roster.is_idle:
        if roster.running:
            roster.finish()

        if (job := roster.promote()) is not None:
            found.append(job)

    return found


def test_so_many_run_so_many_wait_and_others_find_it_full() -> None:
    roster: Roster[str] = Roster(2, 1)

    assert [roster.place(job) for job in "abcd"] == ["run", "run", "wait", "full"]
    assert repr(roster) == "<Roster 2 running, 1 waiting, limit 2>"


def test_without_a_queue_nobody_waits() -> None:
    roster: Roster[str] = Roster(1, 0)

    assert [roster.place(job) for job in "ab"] == ["run", "full"]


def test_the_most_urgent_go_first_in_order_of_arrival() -> None:
    roster: Roster[str] = Roster(1, 9)

    for job, priority in [("a", 0), ("b", 5), ("c", 0), ("d", -1), ("e", 5), ("f", 0)]:
        roster.place(job, priority)

    assert names(roster) == ["d", "c", "f", "b", "e"]


def test_nobody_overtakes_who_waits() -> None:
    roster: Roster[str] = Roster(1, 9)
    roster.enter()
    roster.place("a")
    roster.finish()

    assert not roster.enter()
    assert roster.place("b", -5) == "wait"
    assert roster.promote() == "b"


def test_who_is_withdrawn_is_not_promoted() -> None:
    roster: Roster[str] = Roster(1, 9)

    for job in "abc":
        roster.place(job)

    assert roster.withdraw("b")
    assert not roster.withdraw("b")
    assert not roster.withdraw("c", 7)
    assert roster.waiting == 1
    assert names(roster) == ["c"]


def test_room_is_made_by_the_oldest_of_the_least_urgent_for_nobody_less_urgent() -> None:
    roster: Roster[str] = Roster(1, 9)

    for job, priority in [("a", 0), ("b", 1), ("c", 2), ("d", 2)]:
        roster.place(job, priority)

    assert roster.evict(3) is None
    assert roster.evict(2) == "c"
    assert roster.evict(0) == "d"
    assert roster.evict(0) == "b"
    assert roster.evict(0) is None
    assert roster.waiting == 0


def test_a_limit_can_be_raised_and_lowered_at_any_time() -> None:
    roster: Roster[str] = Roster(1, 9)

    for job in "abcd":
        roster.place(job)

    roster.limit = 3
    assert (roster.promote(), roster.promote(), roster.promote()) == ("b", "c", None)
    roster.limit = 1
    roster.finish()
    assert roster.promote() is None
    roster.finish()
    roster.finish()
    assert roster.promote() == "d"


def test_everybody_can_be_sent_away() -> None:
    roster: Roster[str] = Roster(1, 9)

    for job, priority in [("a", 0), ("b", 0), ("c", 4)]:
        roster.place(job, priority)

    assert sorted(roster.clear()) == ["b", "c"]
    assert roster.clear() == []
    assert (roster.waiting, roster.promote()) == (0, None)


class Model(RuleBasedStateMachine):
    """A roster beside a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.roster: Roster[int] = Roster(2, 4)
        self.waiting: dict[int, deque[int]] = {}
        self.running = 0
        self.number = 0

    def row(self) -> list[tuple[int, int]]:
        return [(priority, job) for priority in sorted(self.waiting) for job in self.waiting[priority]]

    @rule(priority=st.integers(-1, 1))
    def arrive(self, priority: int) -> None:
        self.number += 1
        expected = "run" if not self.row() and self.running < self.roster.limit else "wait"
        expected = "full" if expected == "wait" and len(self.row()) >= 4 else expected

        assert self.roster.place(self.number, priority) == expected

        if expected == "run":
            self.running += 1
        elif expected == "wait":
            self.waiting.setdefault(priority, deque()).append(self.number)

    @precondition(lambda self: self.running)
    @rule()
    def finish(self) -> None:
        self.roster.finish()
        self.running -= 1

    @rule()
    def promote(self) -> None:
        row = self.row()
        expected = row[0][1] if row and self.running < self.roster.limit else None

        assert self.roster.promote() == expected

        if expected is not None:
            self.waiting[row[0][0]].popleft()
            self.running += 1

    @precondition(lambda self: self.row())
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        priority, job = data.draw(st.sampled_from(self.row()))
        self.waiting[priority].remove(job)

        assert self.roster.withdraw(job, priority)

    @rule(priority=st.integers(-1, 1))
    def evict(self, priority: int) -> None:
        row = self.row()
        last = row[-1][0] if row else None
        expected = self.waiting[last][0] if last is not None and last >= priority else None

        assert self.roster.evict(priority) == expected

        if expected is not None and last is not None:
            self.waiting[last].popleft()

    @rule(limit=st.integers(1, 4))
    def set_limit(self, limit: int) -> None:
        self.roster.limit = limit

    @invariant()
    def counts_agree(self) -> None:
        assert (self.roster.running, self.roster.waiting) == (self.running, len(self.row()))
        assert self.roster.is_idle == (not self.running and not self.row())
        occupied = sorted(priority for priority, jobs in self.waiting.items() if jobs)
        assert sorted(self.roster.lanes) == sorted(self.roster.order) == occupied, "no empty lane is kept"


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
