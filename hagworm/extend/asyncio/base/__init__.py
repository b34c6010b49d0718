"""Waiting: the verbs every coroutine here is built from, each loaded on first use."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.asyncio.base.background import Background as Background
    from hagworm.extend.asyncio.base.background import BackgroundStatistics as BackgroundStatistics
    from hagworm.extend.asyncio.base.background import add_done_callback as add_done_callback
    from hagworm.extend.asyncio.base.background import call_at as call_at
    from hagworm.extend.asyncio.base.background import call_later as call_later
    from hagworm.extend.asyncio.base.background import call_soon as call_soon
    from hagworm.extend.asyncio.base.background import default_background as default_background
    from hagworm.extend.asyncio.base.background import spawn as spawn
    from hagworm.extend.asyncio.base.cancel import cancel_tasks as cancel_tasks
    from hagworm.extend.asyncio.base.context import Scope as Scope
    from hagworm.extend.asyncio.base.context import Scoped as Scoped
    from hagworm.extend.asyncio.base.context import WeakContextVar as WeakContextVar
    from hagworm.extend.asyncio.base.context import WeakScoped as WeakScoped
    from hagworm.extend.asyncio.base.context import carry as carry
    from hagworm.extend.asyncio.base.context import context_for as context_for
    from hagworm.extend.asyncio.base.context import current_scope as current_scope
    from hagworm.extend.asyncio.base.deadline import DEADLINE as DEADLINE
    from hagworm.extend.asyncio.base.deadline import Within as Within
    from hagworm.extend.asyncio.base.deadline import remaining as remaining
    from hagworm.extend.asyncio.base.deadline import within as within
    from hagworm.extend.asyncio.base.delay import DelayQueue as DelayQueue
    from hagworm.extend.asyncio.base.delay import DelayStatistics as DelayStatistics
    from hagworm.extend.asyncio.base.flight import Flights as Flights
    from hagworm.extend.asyncio.base.flight import FlightStatistics as FlightStatistics
    from hagworm.extend.asyncio.base.flight import ThreadFlights as ThreadFlights
    from hagworm.extend.asyncio.base.group import Completed as Completed
    from hagworm.extend.asyncio.base.group import MultiTasks as MultiTasks
    from hagworm.extend.asyncio.base.group import QueueTasks as QueueTasks
    from hagworm.extend.asyncio.base.group import SliceTasks as SliceTasks
    from hagworm.extend.asyncio.base.group import TaskGroup as TaskGroup
    from hagworm.extend.asyncio.base.group import TaskStatus as TaskStatus
    from hagworm.extend.asyncio.base.group import amap as amap
    from hagworm.extend.asyncio.base.group import as_completed as as_completed
    from hagworm.extend.asyncio.base.group import chunks as chunks
    from hagworm.extend.asyncio.base.group import gather_limited as gather_limited
    from hagworm.extend.asyncio.base.job import FutureWithTask as FutureWithTask
    from hagworm.extend.asyncio.base.job import FutureWithTimeout as FutureWithTimeout
    from hagworm.extend.asyncio.base.latch import Latch as Latch
    from hagworm.extend.asyncio.base.latch import ValueEvent as ValueEvent
    from hagworm.extend.asyncio.base.limiter import CapacityLimiter as CapacityLimiter
    from hagworm.extend.asyncio.base.limiter import LimiterStatistics as LimiterStatistics
    from hagworm.extend.asyncio.base.lock import KeyedLock as KeyedLock
    from hagworm.extend.asyncio.base.lock import KeyedLockStatistics as KeyedLockStatistics
    from hagworm.extend.asyncio.base.lock import RWLock as RWLock
    from hagworm.extend.asyncio.base.lock import RWLockStatistics as RWLockStatistics
    from hagworm.extend.asyncio.base.loop import LOOPS as LOOPS
    from hagworm.extend.asyncio.base.loop import loop_factory as loop_factory
    from hagworm.extend.asyncio.base.loop import run as run
    from hagworm.extend.asyncio.base.portal import Portal as Portal
    from hagworm.extend.asyncio.base.portal import PortalStatistics as PortalStatistics
    from hagworm.extend.asyncio.base.portal import open_portal as open_portal
    from hagworm.extend.asyncio.base.queues import ClosableQueue as ClosableQueue
    from hagworm.extend.asyncio.base.queues import FlowControl as FlowControl
    from hagworm.extend.asyncio.base.queues import FlowControlQueue as FlowControlQueue
    from hagworm.extend.asyncio.base.queues import PriorityQueue as PriorityQueue
    from hagworm.extend.asyncio.base.queues import QueueStatistics as QueueStatistics
    from hagworm.extend.asyncio.base.selection import Selected as Selected
    from hagworm.extend.asyncio.base.selection import Winner as Winner
    from hagworm.extend.asyncio.base.selection import race as race
    from hagworm.extend.asyncio.base.selection import select as select
    from hagworm.extend.asyncio.base.share import CacheStatistics as CacheStatistics
    from hagworm.extend.asyncio.base.share import FuncCache as FuncCache
    from hagworm.extend.asyncio.base.share import Memo as Memo
    from hagworm.extend.asyncio.base.share import ShareFuture as ShareFuture
    from hagworm.extend.asyncio.base.share import cache_of as cache_of
    from hagworm.extend.asyncio.base.share import flights_of as flights_of
    from hagworm.extend.asyncio.base.stopwatch import TimeDiff as TimeDiff
    from hagworm.extend.asyncio.base.ticker import AsyncCirculator as AsyncCirculator
    from hagworm.extend.asyncio.base.ticker import AsyncCirculatorForSecond as AsyncCirculatorForSecond
    from hagworm.extend.asyncio.base.ticker import Ticker as Ticker
    from hagworm.extend.asyncio.base.ticker import TickerStatistics as TickerStatistics
    from hagworm.extend.asyncio.base.wrapper import AsyncConstructor as AsyncConstructor
    from hagworm.extend.asyncio.base.wrapper import AsyncContextManager as AsyncContextManager
    from hagworm.extend.asyncio.base.wrapper import AsyncFuncWrapper as AsyncFuncWrapper
    from hagworm.extend.asyncio.base.wrapper import FuncWrapper as FuncWrapper
    from hagworm.extend.asyncio.base.wrapper import async_adapter as async_adapter
    from hagworm.extend.asyncio.base.wrapper import awaitable as awaitable
    from hagworm.extend.asyncio.base.wrapper import is_async as is_async
    from hagworm.extend.asyncio.base.wrapper import maybe_await as maybe_await
    from hagworm.extend.asyncio.base.wrapper import yield_now as yield_now

HOMES = {
    "DEADLINE": "deadline",
    "LOOPS": "loop",
    "AsyncCirculator": "ticker",
    "AsyncCirculatorForSecond": "ticker",
    "AsyncConstructor": "wrapper",
    "AsyncContextManager": "wrapper",
    "AsyncFuncWrapper": "wrapper",
    "Background": "background",
    "BackgroundStatistics": "background",
    "CacheStatistics": "share",
    "CapacityLimiter": "limiter",
    "ClosableQueue": "queues",
    "Completed": "group",
    "DelayQueue": "delay",
    "DelayStatistics": "delay",
    "FlightStatistics": "flight",
    "Flights": "flight",
    "FlowControl": "queues",
    "FlowControlQueue": "queues",
    "FuncCache": "share",
    "FuncWrapper": "wrapper",
    "FutureWithTask": "job",
    "FutureWithTimeout": "job",
    "KeyedLock": "lock",
    "KeyedLockStatistics": "lock",
    "Latch": "latch",
    "LimiterStatistics": "limiter",
    "Memo": "share",
    "MultiTasks": "group",
    "Portal": "portal",
    "PortalStatistics": "portal",
    "PriorityQueue": "queues",
    "QueueStatistics": "queues",
    "QueueTasks": "group",
    "RWLock": "lock",
    "RWLockStatistics": "lock",
    "Scope": "context",
    "Scoped": "context",
    "Selected": "selection",
    "ShareFuture": "share",
    "SliceTasks": "group",
    "TaskGroup": "group",
    "TaskStatus": "group",
    "ThreadFlights": "flight",
    "Ticker": "ticker",
    "TickerStatistics": "ticker",
    "TimeDiff": "stopwatch",
    "ValueEvent": "latch",
    "WeakContextVar": "context",
    "WeakScoped": "context",
    "Winner": "selection",
    "Within": "deadline",
    "add_done_callback": "background",
    "amap": "group",
    "as_completed": "group",
    "async_adapter": "wrapper",
    "awaitable": "wrapper",
    "cache_of": "share",
    "call_at": "background",
    "call_later": "background",
    "call_soon": "background",
    "cancel_tasks": "cancel",
    "carry": "context",
    "chunks": "group",
    "context_for": "context",
    "current_scope": "context",
    "default_background": "background",
    "flights_of": "share",
    "gather_limited": "group",
    "is_async": "wrapper",
    "loop_factory": "loop",
    "maybe_await": "wrapper",
    "open_portal": "portal",
    "race": "selection",
    "remaining": "deadline",
    "run": "loop",
    "select": "selection",
    "spawn": "background",
    "within": "deadline",
    "yield_now": "wrapper",
}
"""Where each name lives; names of values and types that few need are taken from there."""

__all__ = (*HOMES,)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
