"""Tasks that run again as soon as they have ended."""

import asyncio
from collections.abc import Callable
from typing import Any, Unpack

from hagworm.extend.asyncio.task.recurring import RecurringOptions, RecurringTask
from hagworm.extend.error import ScheduleError
from hagworm.extend.schedule.pause import pause_after

__all__ = ("LoopTask",)


class LoopTask(RecurringTask):
    """A function that is called again `delay` seconds after it has ended, never beside itself.

    After an error it rests for `backoff` seconds, doubled with each further one in a row up to `longest`. See
    `RecurringTask` for the other options.

        async with LoopTask(consume_next, backoff=0.5):
            ...
    """

    def __init__(
        self,
        function: Callable[[], Any],
        *,
        delay: float = 0.0,
        backoff: float = 1.0,
        longest: float = 60.0,
        **options: Unpack[RecurringOptions],
    ) -> None:
        super().__init__(function, **options)

        if delay < 0 or backoff < 0 or longest < 0:
            raise ScheduleError(f"delay, backoff and longest are seconds, not {delay!r}, {backoff!r}, {longest!r}")

        self.delay = delay
        self.backoff = backoff
        self.longest = longest
        self.failures = 0
        """How many runs in a row have failed."""

    def trigger(self) -> bool:
        """End the rest and run now, paused or not; return whether that was needed: a run may be going on.

        Raises RuntimeError if the task does not run.
        """
        if not self.is_running:
            raise RuntimeError(f"{self.name} has not been started")

        if self.runs:
            return False

        self.set_off()
        return True

    def begin(self) -> None:
        self.failures = 0

    async def drive(self) -> None:
        while True:
            failed = self.counts.failed
            await asyncio.wait((self.launch(),))
            self.failures = self.failures + 1 if self.counts.failed > failed else 0

            if rest := pause_after(self.failures, delay=self.delay, backoff=self.backoff, limit=self.longest):
                await self.sleep(rest)

            if self.resumption is not None:
                await asyncio.shield(self.resumption)
