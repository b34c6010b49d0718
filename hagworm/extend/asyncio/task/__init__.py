"""Work that comes again, and work that must not come all at once."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.asyncio.task.claim import RunLock as RunLock
    from hagworm.extend.asyncio.task.cron import CronTask as CronTask
    from hagworm.extend.asyncio.task.interval import IntervalTask as IntervalTask
    from hagworm.extend.asyncio.task.limiter import LimiterStatistics as LimiterStatistics
    from hagworm.extend.asyncio.task.limiter import RateLimiter as RateLimiter
    from hagworm.extend.asyncio.task.loop import LoopTask as LoopTask
    from hagworm.extend.asyncio.task.recurring import ErrorPolicy as ErrorPolicy
    from hagworm.extend.asyncio.task.recurring import RecurringTask as RecurringTask
    from hagworm.extend.asyncio.task.run import Run as Run
    from hagworm.extend.asyncio.task.run import TaskStatistics as TaskStatistics
    from hagworm.extend.asyncio.task.run import current_run as current_run
    from hagworm.extend.asyncio.task.timed import TimedTask as TimedTask

# Loaded on first use: who limits how often something runs needs no cron.
HOMES = {
    "CronTask": "cron",
    "ErrorPolicy": "recurring",
    "IntervalTask": "interval",
    "LimiterStatistics": "limiter",
    "LoopTask": "loop",
    "RateLimiter": "limiter",
    "RecurringTask": "recurring",
    "Run": "run",
    "RunLock": "claim",
    "TaskStatistics": "run",
    "TimedTask": "timed",
    "current_run": "run",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
