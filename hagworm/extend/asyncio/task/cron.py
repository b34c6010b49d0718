"""Tasks that run by the calendar."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import partial
from typing import Any, Self, Unpack

from hagworm.extend.asyncio.task.timed import TimedOptions, TimedTask
from hagworm.extend.schedule.cron import Cron

__all__ = ("CronTask",)


class CronTask(TimedTask):
    """A function that is called at the moments of a cron expression, in the time zone `tz`.

    `expression` is text or a `Cron`, which also knows what to do when clocks are changed. Moments are Unix time and
    compared with the wall clock: after every sleep, of 60 seconds at most (`recheck`). A moment that could not be kept
    is made up for within `lateness` seconds, an hour unless given or `missed="catch_up"`. See `TimedTask` for the other
    options.

        async with CronTask("0 3 * * MON-FRI", report, tz="Europe/Berlin", lock=lock):
            ...
    """

    def __init__(
        self,
        expression: str | Cron,
        function: Callable[[], Any],
        *,
        tz: str | tzinfo = "UTC",
        **options: Unpack[TimedOptions],
    ) -> None:
        options.setdefault("lateness", None if options.get("missed") == "catch_up" else 3600.0)
        super().__init__(read(expression, tz), function, **options)

    @classmethod
    def create(cls, expression: str | Cron, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Return a task that calls `function(*args, **kwargs)`, by UTC."""
        return cls(expression, partial(function, *args, **kwargs))

    @property
    def next_run(self) -> datetime | None:
        """When the next run is due, in the zone of the expression; None if the task does not run or is paused."""
        found = super().next_run
        return found.astimezone(self.schedule.zone) if found is not None and isinstance(self.schedule, Cron) else found

    @property
    def on_wall_clock(self) -> bool:
        return True


def read(expression: str | Cron, tz: str | tzinfo) -> Cron:
    return expression if isinstance(expression, Cron) else Cron(expression, tz=tz)
