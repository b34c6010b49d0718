"""What is kept in the memory of this process for a while."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.cache.counter import CounterStatistics as CounterStatistics
    from hagworm.extend.cache.counter import PeriodCounter as PeriodCounter
    from hagworm.extend.cache.entry import NEVER as NEVER
    from hagworm.extend.cache.entry import Lifetime as Lifetime
    from hagworm.extend.cache.stack import StackCache as StackCache
    from hagworm.extend.cache.store import CacheStatistics as CacheStatistics
    from hagworm.extend.cache.store import Evicted as Evicted
    from hagworm.extend.cache.store import LRUCache as LRUCache
    from hagworm.extend.cache.store import TTLCache as TTLCache

# Loaded on first use: who counts needs no store.
HOMES = {
    "NEVER": "entry",
    "CacheStatistics": "store",
    "CounterStatistics": "counter",
    "Evicted": "store",
    "LRUCache": "store",
    "Lifetime": "entry",
    "PeriodCounter": "counter",
    "StackCache": "stack",
    "TTLCache": "store",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
