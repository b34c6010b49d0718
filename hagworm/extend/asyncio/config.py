"""Settings that are read again while the service runs."""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from hagworm.extend.asyncio.task.interval import IntervalTask
from hagworm.extend.config import Renewal, Settings
from hagworm.extend.error import ConfigError

__all__ = ("SettingsWatcher",)

logger = logging.getLogger("hagworm")


class SettingsWatcher:
    """Reads `keys` of some settings, and what lies below them, anew every `interval` seconds.

    Places are read in a thread; what has changed is put in place, and told to those who listen, in the loop. Places
    that cannot be read, or hold what does not fit, change nothing: that is logged, once for each reason, and they are
    read again the next time. What differs in other keys is logged once, as waiting for a restart.

        async with SettingsWatcher(app.settings, "log.level", "shop"):
            ...
    """

    def __init__(
        self,
        settings: Settings,
        *keys: str,
        interval: float = 5.0,
        on_error: Callable[[ConfigError], object] | None = None,
    ) -> None:
        if not keys:
            raise ValueError("name the settings, or sections, that may change while the service runs")

        self.settings = settings
        self.keys = keys
        self.on_error = on_error
        self.task = IntervalTask(interval, self.look, overlap="skip")
        self.renewals = 0
        self.failures = 0
        self.told = ""
        self.waiting: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<SettingsWatcher of {', '.join(self.keys)}: {self.renewals} renewals, {self.failures} failures>"

    async def __aenter__(self) -> Self:
        await self.task.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.task.__aexit__(kind, error, traceback)

    async def look(self) -> Renewal | None:
        """Read the places now; returns what that has changed, None where they cannot be read. Cancelled, it changes
        nothing."""
        try:
            fresh = await asyncio.to_thread(self.settings.read_again)
            renewal = self.settings.apply(fresh, *self.keys)
        except ConfigError as exc:
            self.fail(exc)
            return None

        self.told = ""
        self.renewals += bool(renewal.changed)
        pending = frozenset(change.key for change in renewal.pending)

        for change in renewal.changed:
            logger.info("reloaded: %r", change)

        if new := pending - self.waiting:
            logger.warning("set otherwise by now, and waiting for a restart: %s", ", ".join(sorted(new)))

        self.waiting = pending
        return renewal

    def fail(self, error: ConfigError) -> None:
        self.failures += 1

        if str(error) != self.told:
            self.told = str(error)
            logger.error("the settings were not reloaded: %s", error)

        if self.on_error is not None:
            self.on_error(error)
