"""What is kept in the memory of this process for a while."""

from hagworm.extend.cache.counter import CounterStatistics, PeriodCounter
from hagworm.extend.cache.entry import NEVER, Lifetime
from hagworm.extend.cache.stack import StackCache
from hagworm.extend.cache.store import CacheStatistics, Evicted, LRUCache, TTLCache

__all__ = (
    "NEVER",
    "CacheStatistics",
    "CounterStatistics",
    "Evicted",
    "LRUCache",
    "Lifetime",
    "PeriodCounter",
    "StackCache",
    "TTLCache",
)
