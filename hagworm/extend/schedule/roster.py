"""Which jobs run, which wait and which are turned away: a bounded number at once, by priority, by name."""

import heapq
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Literal, TypeVar

__all__ = ("Placement", "Roster")

J = TypeVar("J", bound=Hashable)

Placement = Literal["run", "wait", "full"]


class Roster(Generic[J]):
    """Who may go on. Jobs are any hashable objects; what happens to them is up to the caller.

    `limit` jobs run at once, `bound` more may wait. Those of the smallest priority go first, in order of arrival among
    equals, and nobody overtakes those who wait. The limit can be changed at any time; what runs is not touched by that.
    """

    __slots__ = ("bound", "lanes", "limit", "order", "running", "waiting")

    def __init__(self, limit: int, bound: int) -> None:
        self.limit = limit
        self.bound = bound
        self.running = 0
        self.waiting = 0
        self.lanes: dict[int, OrderedDict[J, None]] = {}
        self.order: list[int] = []
        """The priorities that have a lane, as a heap."""

    def __repr__(self) -> str:
        return f"<Roster {self.running} running, {self.waiting} waiting, limit {self.limit}>"

    @property
    def is_idle(self) -> bool:
        """Whether nobody runs and nobody waits."""
        return not self.running and not self.waiting

    def enter(self) -> bool:
        """Let a job run that need not wait, and return whether it may: there is a place, and nobody waits for it."""
        if self.waiting or self.running >= self.limit:
            return False

        self.running += 1
        return True

    def place(self, job: J, priority: int = 0) -> Placement:
        """Let `job` run or wait, and say which; a job that finds the roster `full` is not taken."""
        if not self.waiting and self.running < self.limit:
            self.running += 1
            return "run"

        if self.waiting >= self.bound:
            return "full"

        if (lane := self.lanes.get(priority)) is None:
            lane = self.lanes[priority] = OrderedDict()
            heapq.heappush(self.order, priority)

        lane[job] = None
        self.waiting += 1
        return "wait"

    def finish(self) -> None:
        """Take note that a job that ran has ended; `promote` says who follows."""
        self.running -= 1

    def promote(self) -> J | None:
        """Return the job that waits no longer but runs from now on; None where nobody may."""
        if not self.waiting or self.running >= self.limit:
            return None

        self.running += 1
        return self.pop(self.order[0])

    def withdraw(self, job: J, priority: int = 0) -> bool:
        """Take a job that waits off the roster, and return whether it was there."""
        lane = self.lanes.get(priority)

        if lane is None or job not in lane:
            return False

        del lane[job]
        self.waiting -= 1

        if not lane:
            self.tidy(priority)

        return True

    def evict(self, priority: int = 0) -> J | None:
        """Take the job off that has waited longest among the least urgent, to make room for one of `priority`.

        None where all who wait are more urgent than that.
        """
        return self.pop(last) if self.lanes and (last := max(self.lanes)) >= priority else None

    def clear(self) -> list[J]:
        """Take all who wait off, and return them."""
        jobs = [job for lane in self.lanes.values() for job in lane]
        self.lanes.clear()
        self.order.clear()
        self.waiting = 0
        return jobs

    def pop(self, priority: int) -> J:
        lane = self.lanes[priority]
        job, _ = lane.popitem(last=False)
        self.waiting -= 1

        if not lane:
            self.tidy(priority)

        return job

    def tidy(self, priority: int) -> None:
        """Take a lane away that nobody is in any more: there may be as many priorities as jobs."""
        del self.lanes[priority]

        if self.order[0] == priority:
            heapq.heappop(self.order)
        else:
            self.order.remove(priority)
            heapq.heapify(self.order)
