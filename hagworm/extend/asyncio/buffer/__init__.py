"""Buffers: batches of items, queues of work, bytes that spill to disk, and a journal that survives the process."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.asyncio.buffer.batch import BufferStatistics as BufferStatistics
    from hagworm.extend.asyncio.buffer.batch import QueueBuffer as QueueBuffer
    from hagworm.extend.asyncio.buffer.journal import Journal as Journal
    from hagworm.extend.asyncio.buffer.journal import JournalStatistics as JournalStatistics
    from hagworm.extend.asyncio.buffer.lease import DataAsyncQueue as DataAsyncQueue
    from hagworm.extend.asyncio.buffer.lease import Delivery as Delivery
    from hagworm.extend.asyncio.buffer.lease import LeaseStatistics as LeaseStatistics
    from hagworm.extend.asyncio.buffer.spool import FileBuffer as FileBuffer
    from hagworm.extend.asyncio.buffer.spool import SpoolStatistics as SpoolStatistics
    from hagworm.extend.asyncio.buffer.work import DataQueue as DataQueue
    from hagworm.extend.asyncio.buffer.work import WorkStatistics as WorkStatistics

# Loaded on first use: who collects a batch needs neither disk nor journal.
HOMES = {
    "BufferStatistics": "batch",
    "DataAsyncQueue": "lease",
    "DataQueue": "work",
    "Delivery": "lease",
    "FileBuffer": "spool",
    "Journal": "journal",
    "JournalStatistics": "journal",
    "LeaseStatistics": "lease",
    "QueueBuffer": "batch",
    "SpoolStatistics": "spool",
    "WorkStatistics": "work",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
