"""Buffers: batches of items, queues of work, bytes that spill to disk, and a journal that survives the process."""

from hagworm.extend.asyncio.buffer.batch import BufferStatistics, QueueBuffer
from hagworm.extend.asyncio.buffer.journal import Journal, JournalStatistics
from hagworm.extend.asyncio.buffer.lease import DataAsyncQueue, Delivery, LeaseStatistics
from hagworm.extend.asyncio.buffer.spool import FileBuffer, SpoolStatistics
from hagworm.extend.asyncio.buffer.work import DataQueue, WorkStatistics

__all__ = (
    "BufferStatistics",
    "DataAsyncQueue",
    "DataQueue",
    "Delivery",
    "FileBuffer",
    "Journal",
    "JournalStatistics",
    "LeaseStatistics",
    "QueueBuffer",
    "SpoolStatistics",
    "WorkStatistics",
)
