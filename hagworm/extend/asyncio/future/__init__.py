"""Work that is done elsewhere than on the event loop: in threads, in other processes, by other programs."""

from typing import TYPE_CHECKING

from hagworm.extend.asyncio.future.bridge import check_cancelled, sync_await, sync_wait_coroutine, wait_coroutine
from hagworm.extend.asyncio.future.iterate import ThreadedIterator, iterate, threaded_iterable
from hagworm.extend.asyncio.future.pool import ThreadPool, shared_pool
from hagworm.extend.asyncio.future.pull import SyncIterator, sync_iterate
from hagworm.extend.asyncio.future.threads import Thread, ThreadWorker, threaded, threaded_separate
from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.asyncio.future.pipe import Lines as Lines
    from hagworm.extend.asyncio.future.pipe import PipeReader as PipeReader
    from hagworm.extend.asyncio.future.pipe import PipeWriter as PipeWriter
    from hagworm.extend.asyncio.future.subprocess import DEVNULL as DEVNULL
    from hagworm.extend.asyncio.future.subprocess import INHERIT as INHERIT
    from hagworm.extend.asyncio.future.subprocess import PIPE as PIPE
    from hagworm.extend.asyncio.future.subprocess import STDOUT as STDOUT
    from hagworm.extend.asyncio.future.subprocess import Completed as Completed
    from hagworm.extend.asyncio.future.subprocess import SubProcess as SubProcess
    from hagworm.extend.asyncio.future.worker_pool import Calls as Calls
    from hagworm.extend.asyncio.future.worker_pool import WorkerPool as WorkerPool
    from hagworm.extend.asyncio.future.worker_pool import WorkerPoolStatistics as WorkerPoolStatistics

# Loaded on first use: who only wants threads does not pay for processes.
HOMES = {
    "Calls": "hagworm.extend.asyncio.future.worker_pool",
    "Completed": "hagworm.extend.asyncio.future.subprocess",
    "DEVNULL": "hagworm.extend.asyncio.future.subprocess",
    "INHERIT": "hagworm.extend.asyncio.future.subprocess",
    "Lines": "hagworm.extend.asyncio.future.pipe",
    "PIPE": "hagworm.extend.asyncio.future.subprocess",
    "PipeReader": "hagworm.extend.asyncio.future.pipe",
    "PipeWriter": "hagworm.extend.asyncio.future.pipe",
    "STDOUT": "hagworm.extend.asyncio.future.subprocess",
    "SubProcess": "hagworm.extend.asyncio.future.subprocess",
    "WorkerPool": "hagworm.extend.asyncio.future.worker_pool",
    "WorkerPoolStatistics": "hagworm.extend.asyncio.future.worker_pool",
}

__all__ = (
    "DEVNULL",
    "INHERIT",
    "PIPE",
    "STDOUT",
    "Calls",
    "Completed",
    "Lines",
    "PipeReader",
    "PipeWriter",
    "SubProcess",
    "SyncIterator",
    "Thread",
    "ThreadPool",
    "ThreadWorker",
    "ThreadedIterator",
    "WorkerPool",
    "WorkerPoolStatistics",
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


__getattr__, __dir__ = lazy_names(__name__, HOMES)
