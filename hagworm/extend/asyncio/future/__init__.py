"""Work that is done elsewhere than on the event loop: in threads."""

from hagworm.extend.asyncio.future.bridge import check_cancelled, sync_await, sync_wait_coroutine, wait_coroutine
from hagworm.extend.asyncio.future.iterate import ThreadedIterator, iterate, threaded_iterable
from hagworm.extend.asyncio.future.pool import ThreadPool, shared_pool
from hagworm.extend.asyncio.future.pull import SyncIterator, sync_iterate
from hagworm.extend.asyncio.future.threads import Thread, ThreadWorker, threaded, threaded_separate

__all__ = (
    "SyncIterator",
    "Thread",
    "ThreadPool",
    "ThreadWorker",
    "ThreadedIterator",
    "check_cancelled",
    "iterate",
    "shared_pool",
    "sync_await",
    "sync_iterate",
    "sync_wait_coroutine",
    "threaded",
    "threaded_iterable",
    "threaded_separate",
    "wait_coroutine",
)
