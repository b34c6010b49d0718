"""Work that comes again, and work that must not come all at once."""

from hagworm.extend.asyncio.task.claim import RunLock
from hagworm.extend.asyncio.task.cron import CronTask
from hagworm.extend.asyncio.task.interval import IntervalTask
from hagworm.extend.asyncio.task.limiter import LimiterStatistics, RateLimiter
from hagworm.extend.asyncio.task.loop import LoopTask
from hagworm.extend.asyncio.task.recurring import ErrorPolicy, RecurringTask
from hagworm.extend.asyncio.task.run import Run, TaskStatistics, current_run
from hagworm.extend.asyncio.task.timed import TimedTask

__all__ = (
    "CronTask",
    "ErrorPolicy",
    "IntervalTask",
    "LimiterStatistics",
    "LoopTask",
    "RateLimiter",
    "RecurringTask",
    "Run",
    "RunLock",
    "TaskStatistics",
    "TimedTask",
    "current_run",
)
