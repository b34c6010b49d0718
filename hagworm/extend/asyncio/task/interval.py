"""Tasks that run every so many seconds."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Self, Unpack

from hagworm.extend.asyncio.task.timed import TimedOptions, TimedTask
from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule.grid import Grid

__all__ = ("IntervalTask",)


class IntervalTask(TimedTask):
    """A function that is called every `seconds` on a grid of absolute times: how long a run takes shifts nothing.

    The grid begins `delay` seconds after the start, one interval unless given. An `aligned` task runs at the multiples
    of its interval in Unix time (every minute on the minute), alike in all processes; one with a `lock` is aligned
    unless told otherwise. After `count` moments the task has no more to do. See `TimedTask` for the other options.

        async with IntervalTask(5.0, refresh, jitter=0.5, timeout=3.0):
            ...
    """

    def __init__(
        self,
        seconds: float,
        function: Callable[[], Any],
        *,
        delay: float | None = None,
        aligned: bool | None = None,
        count: int | None = None,
        **options: Unpack[TimedOptions],
    ) -> None:
        has_lock = options.get("lock") is not None
        self.aligned = has_lock if aligned is None else aligned
        self.seconds = seconds
        self.delay = seconds if delay is None else delay
        self.count = count

        if has_lock and not self.aligned:
            raise ScheduleError("processes can share a lock only for moments that they have in common: aligned=True")

        if self.aligned and (delay is not None or count is not None):
            raise ScheduleError("an aligned task has no delay and no count: its moments do not depend on its start")

        super().__init__(Grid(seconds, count=count), function, **options)

        if self.delay < 0:
            raise ScheduleError(f"a delay is a number of seconds, not {delay!r}")

    @classmethod
    def create(cls, seconds: float, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Return a task that calls `function(*args, **kwargs)`."""
        return cls(seconds, partial(function, *args, **kwargs))

    @property
    def on_wall_clock(self) -> bool:
        return self.aligned

    def begin(self) -> None:
        if not self.aligned:
            now = self.clock()
            self.schedule = Grid(self.seconds, now + self.delay, self.count)
            self.agenda = self.plan(self.schedule)
            self.agenda.begin(math.nextafter(now, -math.inf), self.share())
        else:
            super().begin()

    def every(self, seconds: float) -> None:
        """Run every so many seconds from now on; the first time after one interval."""
        grid = Grid(seconds, count=self.count)
        self.seconds = self.delay = seconds
        self.reschedule(grid)
